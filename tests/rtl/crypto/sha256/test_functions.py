"""The functions on words, against integers."""

import random
from collections.abc import Callable

from amaranth import Const, Module, Signal

from rtl.crypto.sha256 import functions


def _rotate(word, bits):
    return (word >> bits | word << 32 - bits) & 0xFFFF_FFFF


EXPECTED: dict[str, tuple[int, Callable[..., int]]] = {
    "choose": (3, lambda x, y, z: sum((y if x >> bit & 1 else z) & 1 << bit for bit in range(32))),
    "majority": (
        3,
        lambda x, y, z: sum(
            1 << bit for bit in range(32) if (x >> bit & 1) + (y >> bit & 1) + (z >> bit & 1) > 1
        ),
    ),
    "big_sigma0": (1, lambda x: _rotate(x, 2) ^ _rotate(x, 13) ^ _rotate(x, 22)),
    "big_sigma1": (1, lambda x: _rotate(x, 6) ^ _rotate(x, 11) ^ _rotate(x, 25)),
    "small_sigma0": (1, lambda x: _rotate(x, 7) ^ _rotate(x, 18) ^ x >> 3),
    "small_sigma1": (1, lambda x: _rotate(x, 17) ^ _rotate(x, 19) ^ x >> 10),
}


def test_functions(simulate):
    words = [Signal(32) for _ in range(3)]
    results = {}
    m = Module()
    for name, (count, _) in EXPECTED.items():
        results[name] = Signal(32)
        m.d.comb += results[name].eq(getattr(functions, name)(*words[:count]))
    saved = Signal(32)
    m.d.comb += saved.eq(sum(functions.carry_save(*words)))

    async def check(ctx):
        rng = random.Random(11)
        for _ in range(50):
            values = [rng.getrandbits(32) for _ in words]
            for word, value in zip(words, values, strict=True):
                ctx.set(word, value)
            for name, (count, expected) in EXPECTED.items():
                assert ctx.get(results[name]) == expected(*values[:count]), f"{name} of {values[:count]}"
            assert ctx.get(saved) == sum(values) & 0xFFFF_FFFF, f"carry_save of {values}"
            await ctx.delay(1e-9)

    simulate(m, check, domains=())


def test_pick(simulate):
    bits = Signal(3)
    words = [0x0F, 0x33, 0x55]
    picked = Signal(8)
    m = Module()
    m.d.comb += picked.eq(
        functions.pick(*((bits[index], Const(word, 8)) for index, word in enumerate(words)))
    )

    async def check(ctx):
        assert ctx.get(picked) == 0
        for index, word in enumerate(words):
            ctx.set(bits, 1 << index)
            assert ctx.get(picked) == word
        await ctx.delay(1e-9)

    simulate(m, check, domains=())
