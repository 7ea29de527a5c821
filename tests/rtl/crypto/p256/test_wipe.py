"""After a wipe in the middle of a signature, nothing that is kept anywhere depends on its secrets."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.crypto.p256.curve import P256
from rtl.crypto.p256.declarations import Operate
from rtl.crypto.p256.unit import Unit

SLOTS = 2


async def _transfer(ctx, happens):
    """Let the cycle pass in which a transfer happens."""
    while not ctx.get(happens):
        await ctx.tick()
    await ctx.tick()


def _after(path, kept, variant, seed, *, cycles):
    """What is kept after a signature that was wiped ``cycles`` after its beginning."""
    unit, rng = Unit(variant=variant, slots=SLOTS), random.Random(seed)
    key = rng.randrange(1, P256.n)

    async def keep_keys(ctx):
        while True:
            ctx.set(unit.key.request.ready, 1)
            await _transfer(ctx, unit.key.request.valid)
            for place in reversed(range(8)):
                ctx.set(unit.key.key.payload, key >> 32 * place & 0xFFFF_FFFF)
                ctx.set(unit.key.key.valid, 1)
                await _transfer(ctx, unit.key.key.ready)
            ctx.set(unit.key.key.valid, 0)
            ctx.set(unit.key.key.payload, 0)

    async def draw(ctx):
        ctx.set(unit.random.words.valid, 1)
        while True:
            ctx.set(unit.random.words.payload, rng.getrandbits(32))
            await _transfer(ctx, unit.random.words.ready)
            ctx.set(unit.random.words.payload, 0)

    async def hash_words(ctx):
        """Digests that are random: what they are made of does not matter here."""
        ctx.set(unit.hash.message.ready, 1)
        while True:
            await _transfer(ctx, unit.hash.message.valid & unit.hash.message.payload.word.last)
            keys = ctx.get(unit.hash.message.payload.command.as_value()) in (2, 6)
            ctx.set(unit.hash.keyed, 1)
            await ctx.tick().repeat(3)
            ctx.set(unit.hash.done, 1)
            await ctx.tick()
            ctx.set(unit.hash.done, 0)
            for index in () if keys else reversed(range(8)):
                ctx.set(unit.hash.result.index, index)
                ctx.set(unit.hash.result.data, rng.getrandbits(32))
                ctx.set(unit.hash.result.stb, 1)
                await ctx.tick()
            for value in (unit.hash.result.stb, unit.hash.result.data, unit.hash.result.index):
                ctx.set(value, 0)

    async def run(ctx):
        ctx.set(unit.random.healthy, 1)
        ctx.set(unit.operation, Operate.SIGN)
        ctx.set(unit.start, 1)
        await ctx.tick()
        ctx.set(unit.start, 0)
        await ctx.tick().repeat(cycles)
        assert ctx.get(unit.running)
        ctx.set(unit.wipe, 1)
        await ctx.tick()
        ctx.set(unit.wipe, 0)
        waited = 0
        while ctx.get(unit.wiping):
            await ctx.tick()
            waited += 1
            assert waited < 2500
        ctx.set(unit.random.words.payload, 0)
        await ctx.tick().repeat(3)

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    for peer in (keep_keys, draw, hash_words):
        simulator.add_testbench(peer, background=True)
    simulator.add_testbench(run)
    with simulator.write_vcd(str(path)):
        simulator.run()
    return kept(path)


@pytest.mark.parametrize(("variant", "cycles"), [("row", 900), ("compact", 600)])
def test_a_wipe_leaves_nothing(tmp_path, kept, variant, cycles):
    """Registers, memories and pipelines are the same after two keys, nonces and blindings."""
    first, second = (_after(tmp_path / f"{seed}.vcd", kept, variant, seed, cycles=cycles) for seed in (1, 2))
    assert first.keys() == second.keys()
    words = sum(".store." in name and "memory[" in name for name in first)
    assert words == 128, "The store's words are to be compared"
    different = {name for name in first if first[name] != second[name]}
    assert not different, sorted(different)[:20]
