"""The decimation filter against sums in Python, over random and full-scale sets with back-pressure."""

import random

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator

from rtl.metering.cic import CicDecimator, value_bits
from rtl.metering.decimation_filter import DecimationFilter
from rtl.metering.filters import decimation_taps
from rtl.metering.parameters import LANE_BITS
from sim.block import Block
from sim.decimation import Decimation
from sim.delta_sigma import DeltaSigma

HIGHEST = (1 << LANE_BITS - 1) - 1
LOWEST = -HIGHEST - 1


def decimate(sets, taps, shift):
    """Sample sets, and the flags of the lanes that did not fit, in integers without a bound."""
    values = [[0] * len(sets[0])] * (len(taps) - 1) + sets
    samples, saturated = [], []
    for newest in range(len(taps), len(values), 2):
        sums = [
            sum(tap * values[newest - k][lane] for k, tap in enumerate(taps)) for lane in range(len(sets[0]))
        ]
        rounded = [(total + (1 << shift - 1)) >> shift for total in sums]
        samples.append([min(max(value, LOWEST), HIGHEST) for value in rounded])
        saturated.append(sum((not LOWEST <= value <= HIGHEST) << lane for lane, value in enumerate(rounded)))
    return samples, saturated


def random_sets(count, lanes, bits, seed):
    rng = random.Random(seed)
    half = 1 << bits - 1
    kinds = (
        lambda: rng.choice([0, 1, -1, half - 1, -half]),
        lambda: rng.randrange(-half, half),
        lambda: rng.randrange(-half, half) >> bits // 2,
    )
    return [[rng.choice(kinds)() for _ in range(lanes)] for _ in range(count)]


def run(dut, sets, *, gap=lambda: 0, ready=lambda: True):
    """Sample sets and flags as they are taken, and for each the clocks since its last set was taken."""
    samples, flags, latency, taken = [], [], [], []
    clock = 0

    async def source(ctx):
        for values in sets:
            await ctx.tick().repeat(gap() + 1)
            ctx.set(dut.sets.payload, values)
            ctx.set(dut.sets.valid, 1)
            await ctx.tick().until(dut.sets.ready)
            ctx.set(dut.sets.valid, 0)
            taken.append(clock)

    async def sink(ctx):
        nonlocal clock
        was_valid = False
        while len(samples) < len(sets) // 2:
            accept = bool(ready())
            ctx.set(dut.samples.ready, accept)
            _, _, valid, payload, saturated = await ctx.tick().sample(
                dut.samples.valid, dut.samples.payload, dut.saturated
            )
            if valid and not was_valid:
                latency.append(clock - taken[2 * len(samples) + 1])
            if valid and accept:
                samples.append(list(payload))
                flags.append(saturated)
            was_valid = valid and not accept
            clock += 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source, background=True)
    simulator.add_testbench(sink)
    simulator.run()
    return samples, flags, latency


REAL = decimation_taps(256)
CASES = {
    "behind a decimation by 256": {"lanes": 1, "input_bits": 34, "taps": REAL.taps, "shift": REAL.shift},
    "one lane, two taps": {"lanes": 1, "input_bits": 35, "taps": (3, -1), "shift": 8},
    "widest taps": {
        "lanes": 3,
        "input_bits": 35,
        "taps": (-(1 << 34), (1 << 34) - 1, 1 << 17, -1),
        "shift": 40,
    },
    "no symmetry, odd": {"lanes": 7, "input_bits": 30, "taps": (1, 1 << 10, -(1 << 20), 7, -99), "shift": 20},
    "sums smaller than a lane": {"lanes": 2, "input_bits": 4, "taps": (1, 2, 3), "shift": 1},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("pressure", ["none", "source", "sink", "both"])
def test_samples_are_exact(case, pressure):
    made_for = CASES[case]
    lanes, taps = made_for["lanes"], made_for["taps"]
    count = 80
    rng = random.Random(pressure)
    sets = random_sets(count, lanes, made_for["input_bits"], seed=case)
    samples, flags, latency = run(
        DecimationFilter(**made_for),
        sets,
        gap=(lambda: rng.randrange(3 * lanes * len(taps))) if pressure in ("source", "both") else lambda: 0,
        ready=(lambda: rng.random() < 0.01) if pressure in ("sink", "both") else lambda: True,
    )
    place = f"repeat with case {case!r}, pressure {pressure!r}"
    assert (samples, flags) == decimate(sets, taps, made_for["shift"]), place
    if pressure in ("none", "source"):
        assert set(latency) == {2 * len(taps) * lanes + 6}, place
    if case != "sums smaller than a lane":
        assert any(flags), place
    assert not all(flags), place


@pytest.mark.parametrize("sign", [-1, 1])
def test_full_scale(sign):
    """A modulator that gives one bit for ever: plus full scale does not fit in a lane, minus does."""
    dut = DecimationFilter(**{**CASES["behind a decimation by 256"], "lanes": 1})
    samples, flags, _ = run(dut, [[sign << 32]] * 90)
    assert (samples, flags) == decimate([[sign << 32]] * 90, REAL.taps, REAL.shift)
    assert samples[-1] == [HIGHEST if sign > 0 else LOWEST]
    assert flags[-1] == (sign > 0)


def test_the_answer_to_one_set_is_the_taps():
    """From the first set on, even taps or odd ones by the place of the set."""
    taps = tuple(range(1, 11))
    for place in (0, 1):
        sets = [[0]] * place + [[1 << 8]] + [[0]] * (11 - place)
        samples, flags, _ = run(DecimationFilter(lanes=1, input_bits=16, taps=taps, shift=8), sets)
        assert [sample for (sample,) in samples] == [*taps[1 - place :: 2], 0]
        assert not any(flags)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"lanes": 0}, TypeError, "Number of lanes must be a positive integer, not 0"),
        ({"input_bits": "34"}, TypeError, "Input width must be a positive integer, not '34'"),
        ({"shift": 0}, TypeError, "Shift must be a positive integer, not 0"),
        ({"taps": (1,)}, ValueError, "A decimation filter must have at least two taps, not 1"),
        ({"taps": (1, 1 << 34)}, ValueError, "A tap must fit in 35 bits, which 17179869184 does not"),
    ],
)
def test_impossible_parameters(changes, error, sentence):
    with pytest.raises(error, match=sentence):
        DecimationFilter(**{**CASES["behind a decimation by 256"], **changes})


class Chain(wiring.Component):
    """From bits to samples."""

    def __init__(self, *, lanes, divider, decimation):
        made_for = decimation_taps(decimation)
        self.cic = CicDecimator(lanes=lanes, divider=divider, decimation=decimation)
        self.fir = DecimationFilter(
            lanes=lanes, input_bits=value_bits(decimation), taps=made_for.taps, shift=made_for.shift
        )
        super().__init__(
            {
                "bits": In(lanes),
                "samples": Out(self.fir.samples.signature),
                "saturated": Out(lanes),
                "lost": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.cic, m.submodules.fir = self.cic, self.fir
        connect(m, self.cic.sets, self.fir.sets)
        connect(m, self.fir.samples, flipped(self.samples))
        m.d.comb += [
            self.cic.bits.eq(self.bits),
            self.saturated.eq(self.fir.saturated),
            self.lost.eq(self.cic.lost),
        ]
        return m


def modulated(lanes, count, seed):
    """Bits of sines up to 0.9 of full scale, with stretches of overload: all ones, all zeros, or noise."""
    rng = np.random.default_rng(seed)
    turns = np.arange(count // 64)[:, None] * rng.uniform(0.001, 0.02, lanes)
    bits = DeltaSigma(lanes=lanes, ratio=64).bits(rng.uniform(0, 0.9, lanes) * np.sin(2 * np.pi * turns))
    for _ in range(4 * lanes):
        first, length, lane = rng.integers(len(bits)), rng.integers(20_000), rng.integers(lanes)
        stretch = bits[first : first + length]
        fill = rng.choice(
            [np.zeros_like(stretch), np.ones_like(stretch), rng.integers(0, 2, len(stretch), np.uint8)]
        )
        stretch[:] = stretch & ~(1 << lane) | fill << lane
    return bits


@pytest.mark.parametrize(("lanes", "divider", "decimation"), [(7, 6, 256), (3, 8, 200)])
def test_from_bits_to_samples(lanes, divider, decimation):
    """CIC decimator and filter in step with the model in numpy, at the pace of the chip."""
    block = Block(Chain(lanes=lanes, divider=divider, decimation=decimation))
    bits = modulated(lanes, 2 * decimation * 120, seed=decimation)
    shape = data.ArrayLayout(LANE_BITS, lanes)
    samples, clipped = [], 0
    for word in bits.tolist():
        block.set("bits", word)
        taken = block.get("samples__valid")
        if taken:
            payload = shape.from_bits(block.get("samples__payload"))
            samples.append([(value ^ HIGHEST + 1) - HIGHEST - 1 for value in payload])
            clipped += block.get("saturated").bit_count()
        block.set("samples__ready", taken)
        block.tick()
        block.set("samples__ready", 0)
        block.tick(divider - 1)
    codes = Decimation(lanes=lanes, cic_decimation=decimation).samples(bits)
    assert block.get("lost") == 0
    assert len(codes.values) - len(samples) in (0, 1)
    assert samples == codes.values[: len(samples)].tolist(), f"repeat with modulated(seed={decimation})"
    assert clipped > 0
    assert codes.clipped >= clipped
