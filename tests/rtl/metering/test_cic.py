"""The CIC decimator against moving sums, over random and extreme bit-streams."""

import random
import re

import numpy as np
import pytest
from amaranth import ResetInserter, Signal

from rtl.metering.cic import CicDecimator, value_bits
from rtl.metering.filters import CIC_ORDER

SKIPPED = CIC_ORDER
"""Sets that do not come out after reset."""


def moving_sums(bits, decimation):
    """The values of one lane by definition: four moving sums of ±1, looked at every ``decimation`` bits."""
    response = np.ones(1, np.int64)
    for _ in range(CIC_ORDER):
        response = np.convolve(response, np.ones(decimation, np.int64))
    values = np.convolve(2 * np.array(bits, np.int64) - 1, response)
    return values[decimation - 1 : len(bits) : decimation].tolist()


def streams(rng, lanes, count, decimation):
    """Bit-streams of all kinds, one a lane."""
    kinds = [
        lambda: [1] * count,
        lambda: [0] * count,
        lambda: [index & 1 for index in range(count)],
        lambda: [index // (2 * decimation) & 1 for index in range(count)],
        lambda: [rng.getrandbits(1) for _ in range(count)],
        lambda: [int(rng.random() < 0.97) for _ in range(count)],
    ]
    return [rng.choice(kinds)() for _ in range(lanes)]


def modulators(dut, bits, rest):
    """Modulators that change their bits when the clock rises; ``rest`` clocks follow the last one."""

    async def bench(ctx):
        for packed in zip(*bits, strict=True):
            await ctx.posedge(dut.modulator_clock)
            ctx.set(dut.bits, sum(bit << lane for lane, bit in enumerate(packed)))
        await ctx.posedge(dut.modulator_clock)
        await ctx.tick().repeat(rest)

    return bench


def taker(dut, sets, patience=lambda: 0):
    async def bench(ctx):
        while True:
            *_, valid, payload = await ctx.tick().sample(dut.sets.valid, dut.sets.payload)
            if not valid:
                continue
            for _ in range(patience()):
                *_, valid, still = await ctx.tick().sample(dut.sets.valid, dut.sets.payload)
                assert valid
                assert list(still) == list(payload), "a set changed while it was valid"
            ctx.set(dut.sets.ready, 1)
            await ctx.tick()
            ctx.set(dut.sets.ready, 0)
            sets.append(list(payload))

    return bench


CASES = [
    # lanes, divider, decimation
    (1, 5, 2),
    (2, 5, 16),
    (3, 6, 10),
    (9, 5, 12),
    (7, 6, 16),
    (7, 8, 20),
]


def check(simulate, lanes, divider, decimation, seed, count):
    rng = random.Random(seed)
    bits = streams(rng, lanes, count * decimation, decimation)
    dut = CicDecimator(lanes=lanes, divider=divider, decimation=decimation)
    sets: list[list[int]] = []
    longest = divider * decimation - 5 * lanes - 5
    simulate(
        dut,
        modulators(dut, bits, 2 * divider * decimation),
        background=[taker(dut, sets, lambda: rng.choice((0, 1, max(0, longest))))],
    )
    expected = [moving_sums(lane, decimation) for lane in bits]
    wanted = [list(one) for one in zip(*expected, strict=True)][SKIPPED:]
    assert sets[: len(wanted)] == wanted, f"repeat with seed {seed}"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("lanes", "divider", "decimation"), CASES)
def test_values_are_moving_sums(lanes, divider, decimation, seed, simulate):
    check(simulate, lanes, divider, decimation, seed, 14)


@pytest.mark.parametrize(("divider", "decimation"), [(6, 256), (8, 200)])
def test_values_at_the_rates_of_the_chip(divider, decimation, simulate):
    check(simulate, 7, divider, decimation, 1, 7)


@pytest.mark.parametrize(("decimation", "bits"), [(200, 32), (256, 34)])
def test_the_largest_values_fit(decimation, bits):
    assert value_bits(decimation) == bits
    assert decimation**CIC_ORDER < 1 << bits - 1


@pytest.mark.parametrize(("lanes", "divider", "decimation"), CASES)
def test_latency(lanes, divider, decimation, simulate):
    """From the clock's fall, at which the last bits of a set count, to the set."""
    dut = CicDecimator(lanes=lanes, divider=divider, decimation=decimation)

    async def bench(ctx):
        ctx.set(dut.sets.ready, 1)
        clocks, periods, high = 0, 0, False
        while not ctx.get(dut.sets.valid):
            await ctx.tick()
            now = bool(ctx.get(dut.modulator_clock))
            clocks += 1
            if high and not now:
                periods += 1
                if periods == decimation * (SKIPPED + 1):
                    clocks = 0
            high = now
        assert clocks == 5 * lanes + 4

    simulate(dut, bench)


def test_bits_count_when_the_clock_falls(simulate):
    """A line that is high around the fall only is a stream of ones."""
    dut = CicDecimator(lanes=1, divider=8, decimation=4)

    async def bench(ctx):
        for _ in range(4 * 10):
            await ctx.negedge(dut.modulator_clock)  # the edge itself
            ctx.set(dut.bits, 0)
            await ctx.tick().repeat(7)
            ctx.set(dut.bits, 1)

    sets: list[list[int]] = []
    simulate(dut, bench, background=[taker(dut, sets)])
    assert sets[-1] == [4**CIC_ORDER]


def test_a_set_that_finds_the_one_before_waiting_is_counted_and_the_next_is_right(simulate):
    rng, decimation = random.Random(5), 12
    bits = streams(rng, 3, 12 * decimation, decimation)
    dut = CicDecimator(lanes=3, divider=5, decimation=decimation)
    sets: list[list[int]] = []
    waits = iter([2 * 5 * decimation])
    simulate(dut, modulators(dut, bits, 40), background=[taker(dut, sets, lambda: next(waits, 0))])
    expected = [list(one) for one in zip(*(moving_sums(lane, decimation) for lane in bits), strict=True)]
    lost = len(expected) - SKIPPED - len(sets)
    assert lost in (1, 2)
    assert sets == [expected[SKIPPED], *expected[SKIPPED + 1 + lost :]]


def test_lost_sets_are_counted_up_to_a_limit(simulate):
    dut = CicDecimator(lanes=1, divider=5, decimation=8)

    async def bench(ctx):
        await ctx.tick().until(dut.sets.valid)
        await ctx.tick().repeat(3 * 5 * 8)
        assert ctx.get(dut.lost) == 3
        ctx.set(dut.lost, 0xFFFF)
        await ctx.tick().repeat(3 * 5 * 8)
        assert ctx.get(dut.lost) == 0xFFFF

    simulate(dut, bench)


def test_a_reset_needs_no_cleared_memory(simulate):
    """Sums of before the reset are in the memories, and in no set."""
    decimation = 8
    before = [[1] * (7 * decimation)] * 2
    bits = streams(random.Random(3), 2, 9 * decimation, decimation)
    dut = CicDecimator(lanes=2, divider=5, decimation=decimation)
    reset = Signal()
    resettable = ResetInserter(reset)(dut)
    sets: list[list[int]] = []

    async def bench(ctx):
        await modulators(dut, before, 1)(ctx)
        ctx.set(reset, 1)
        await ctx.tick()
        sets.clear()
        ctx.set(reset, 0)
        await modulators(dut, bits, 40)(ctx)

    simulate(resettable, bench, background=[taker(dut, sets)])
    expected = [list(one) for one in zip(*(moving_sums(lane, decimation) for lane in bits), strict=True)]
    assert sets[: len(expected) - SKIPPED] == expected[SKIPPED:]


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"lanes": 0}, TypeError, "Number of lanes must be a positive integer, not 0"),
        ({"divider": 4}, ValueError, "Modulator divider must be at least 5, not 4"),
        ({"decimation": 25}, ValueError, "CIC decimation must be even, not 25"),
        (
            {"lanes": 12},
            ValueError,
            "Two modulator periods (= 12 clocks) must last longer than one clock a lane, which 12 lanes do "
            "not leave",
        ),
        (
            {"decimation": 6},
            ValueError,
            "A set (= 36 clocks) must last at least five clocks a lane and five (= 40 clocks)",
        ),
    ],
)
def test_what_cannot_be(changes, error, sentence):
    with pytest.raises(error, match=f"^{re.escape(sentence)}$"):
        CicDecimator(**{"lanes": 7, "divider": 6, "decimation": 256, **changes})
