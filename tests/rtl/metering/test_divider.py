"""The serial divider against exact integer arithmetic: every bit, and every clock."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.metering.arithmetic import divide, square_root
from rtl.metering.divider import SerialDivider

SMALL = {"width": 12, "denominator_width": 7, "max_fraction_bits": 12}
ENGINE = {"width": 108, "denominator_width": 36, "max_fraction_bits": 108}


def run(dut, operations):
    """Result and clocks of each operation ``(operand, denominator or None for a root, fraction bits)``."""
    done = []

    async def bench(ctx):
        for operand, denominator, fraction in operations:
            ctx.set(dut.operand, operand)
            ctx.set(dut.root, denominator is None)
            ctx.set(dut.denominator, denominator or 0)
            ctx.set(dut.fraction_bits, fraction)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            clocks = 1
            while ctx.get(dut.busy):
                await ctx.tick()
                clocks += 1
            done.append((ctx.get(dut.result), clocks))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return done


def expected(operation, width):
    """What the arithmetic gives, and the clocks that the documentation promises."""
    operand, denominator, fraction = operation
    magnitude = (max(operand, 0) if denominator is None else abs(operand)).bit_length()
    bits = next(part for part in (width // 3, 2 * width // 3, width) if magnitude <= part)
    if denominator is None:
        return square_root(operand), bits // 2 + 1
    if denominator == 0:
        return 0, 1
    return divide(operand, denominator, fraction), bits + fraction + 1


def fits(operation, width):
    return -(1 << width - 1) <= expected(operation, width)[0] < 1 << width - 1


def corners(width, denominator_width, max_fraction_bits):
    third = width // 3
    powers = [0, third - 1, third, 2 * third - 1, 2 * third, width - 2]
    operands = {sign * ((1 << power) + step) for power in powers for step in (-1, 0, 1) for sign in (-1, 1)}
    operands |= {(1 << width - 1) - 1, -(1 << width - 1)}
    top = (1 << denominator_width - 1) - 1
    operations = [(operand, None, 0) for operand in sorted(operands)]
    for operand in sorted(operands):
        for denominator in (0, 1, 2, 3, top - 1, top):
            operations += [(operand, denominator, fraction) for fraction in (0, 1, max_fraction_bits)]
    return [operation for operation in operations if fits(operation, width)]


def random_operations(seed, count, width, denominator_width, max_fraction_bits):
    rng = random.Random(seed)
    operations = []
    while len(operations) < count:
        operand = rng.getrandbits(rng.randrange(width)) * rng.choice((-1, 1))
        denominator = rng.getrandbits(rng.randrange(denominator_width))
        fraction = rng.choice((0, rng.randrange(max_fraction_bits + 1)))
        operation = (operand, None, 0) if rng.random() < 0.3 else (operand, denominator, fraction)
        if fits(operation, width):
            operations.append(operation)
    return operations


CASES = {
    "small, corners": (SMALL, corners(**SMALL)),
    "small, random": (SMALL, random_operations(1, 1000, **SMALL)),
    "small, every root": (SMALL, [(radicand, None, 0) for radicand in range(-3, 2048)]),
    "engine, corners": (ENGINE, corners(**ENGINE)[::7]),
    "engine, random": (ENGINE, random_operations(2, 100, **ENGINE)),
}


@pytest.mark.parametrize("case", CASES)
def test_results_and_latency(case):
    shape, operations = CASES[case]
    done = run(SerialDivider(**shape), operations)
    for operation, outcome in zip(operations, done, strict=True):
        assert outcome == expected(operation, shape["width"]), f"repeat with case {case!r}: {operation}"


def test_a_start_while_busy_is_ignored_and_the_result_stays(simulate):
    dut = SerialDivider(**SMALL)

    async def bench(ctx):
        ctx.set(dut.operand, 1000)
        ctx.set(dut.denominator, 7)
        ctx.set(dut.start, 1)
        await ctx.tick()
        assert ctx.get(dut.busy) == 1
        ctx.set(dut.operand, 5)
        ctx.set(dut.root, 1)
        ctx.set(dut.fraction_bits, 3)
        for _ in range(11):
            await ctx.tick()
            assert ctx.get(dut.busy) == 1
        await ctx.tick()
        ctx.set(dut.start, 0)
        assert ctx.get(dut.busy) == 0
        for _ in range(5):
            assert ctx.get(dut.result) == 1000 // 7
            await ctx.tick()

    simulate(dut, bench)


def test_a_width_that_cannot_be_split():
    with pytest.raises(ValueError, match=r"^Width must be a multiple of 6, not 20$"):
        SerialDivider(width=20, denominator_width=8, max_fraction_bits=4)
