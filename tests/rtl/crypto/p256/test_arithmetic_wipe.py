"""After a wipe nothing that is kept anywhere in the arithmetic unit depends on what was there before.

WATTSEAL_P256=all takes more moments of the wipe.
"""

import os
import random

import pytest
from amaranth.sim import Simulator

from rtl.crypto.p256.arithmetic import BITS, VARIANTS, WORD_BITS, Modulo, N, Operation, P, arithmetic_unit

ALL = os.environ.get("WATTSEAL_P256") == "all"
# Cycles from the last instruction to the wipe: all at work, the sum there, products there, nothing at work.
RESTS = [*range(1, 30), 60, 90, 140, 200] if ALL else [1, 9, 13, 200]
REGISTERS = 7
WORDS = BITS // WORD_BITS
# In registers: 0 to 2 are below p, 3 to 5 below n, 6 takes all results.
PROGRAM = [
    (Operation.SELECT, Modulo.P, 2, 0, 1),
    (Operation.MULTIPLY, Modulo.N, 5, 3, 4),
    (Operation.SUBTRACT, Modulo.P, 6, 0, 1),
    (Operation.MULTIPLY, Modulo.P, 1, 0, 2),
    (Operation.ADD, Modulo.P, 6, 0, 0),
]
CYCLES = {"row": REGISTERS + 4, "compact": WORDS * REGISTERS + 4}


def _after_wipe(path, variant, kept, rest, seed, *, wipes):
    """Everything kept after secrets of ``seed`` were worked on, ``rest`` cycles longer, and wiped."""
    unit, rng = arithmetic_unit(variant=variant, registers=REGISTERS), random.Random(seed)
    fields = ("operation", "modulus", "target", "left", "right")

    async def check(ctx):
        for number in range(REGISTERS):
            value = rng.randrange(P.value if number < REGISTERS // 2 else N.value)
            for word in range(WORDS):
                data = value >> word * WORD_BITS & (1 << WORD_BITS) - 1
                ctx.set(unit.write.payload, {"address": {"register": number, "word": word}, "data": data})
                ctx.set(unit.write.valid, 1)
                await ctx.tick().until(unit.write.ready)
        ctx.set(unit.write.payload, {"address": {"register": 0, "word": 0}, "data": 0})
        ctx.set(unit.write.valid, 0)
        await ctx.tick().repeat(3)
        ctx.set(unit.condition, seed & 1)
        for step in PROGRAM:
            ctx.set(unit.issue.payload, dict(zip(fields, step, strict=True)))
            ctx.set(unit.issue.valid, 1)
            await ctx.tick().until(unit.issue.ready)
        ctx.set(unit.issue.valid, 0)
        ctx.set(unit.condition, 0)
        await ctx.tick().repeat(rest)
        if wipes:
            await wipe(ctx)

    async def wipe(ctx):
        ctx.set(unit.wipe, 1)
        await ctx.tick()
        ctx.set(unit.wipe, 0)
        cycles = 0
        while ctx.get(unit.wiping):
            assert not ctx.get(unit.idle)
            assert not ctx.get(unit.issue.ready)
            assert not ctx.get(unit.write.ready)
            await ctx.tick()
            cycles += 1
        assert cycles == CYCLES[variant]
        assert ctx.get(unit.idle)
        assert not ctx.get(unit.read_data)

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    with simulator.write_vcd(str(path)):
        simulator.run()
    return kept(path)


def _different(tmp_path, variant, kept, rest, *, wipes=True):
    first, second = (
        _after_wipe(tmp_path / f"{seed}.vcd", variant, kept, rest, seed, wipes=wipes)
        for seed in (11 + 2 * rest, 12 + 2 * rest)
    )
    assert len(first) > 100
    return [name for name, value in first.items() if second[name] != value]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("rest", RESTS)
def test_no_secret_remains(tmp_path, kept, variant, rest):
    assert not _different(tmp_path, variant, kept, rest)


@pytest.mark.parametrize("variant", VARIANTS)
def test_secrets_are_there_before(tmp_path, kept, variant):
    """The check above would find what remains."""
    assert len(_different(tmp_path, variant, kept, 1, wipes=False)) > REGISTERS
