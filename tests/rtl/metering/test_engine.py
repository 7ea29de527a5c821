"""The compute engine against the integer model: the same quantities, bit for bit."""

from fractions import Fraction

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl.metering.compiler import compile_program
from rtl.metering.engine import ComputeEngine
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import MeteringParameters
from rtl.metering.quantities import quantities


def parameters(phases=1, lanes=2, rate=Fraction(8000), word_bits=24):
    return MeteringParameters(
        phases=phases,
        lanes=lanes,
        word_bits=word_bits,
        sample_rate_hz=rate,
        nominal_hz=50,
        lowest_hz=40,
        highest_hz=70,
        crossing_threshold_log2=10,
    )


def run_engine(made_for, samples):
    """Windows that the engine gives for ``samples``, and the clocks that each sample set took."""
    dut = ComputeEngine(program=compile_program(made_for), lanes=made_for.lanes, history=made_for.history)
    paths = [".".join(quantity.path) for quantity in quantities(made_for.phases)]
    windows, clocks = [], []

    async def bench(ctx):
        record = {}
        for lanes in (samples.astype("int64") << made_for.alignment).tolist():
            ctx.set(dut.lanes, lanes)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            clocks.append(1)
            while not ctx.get(dut.idle):
                if ctx.get(dut.quantity_stb):
                    record[paths[ctx.get(dut.quantity_adr)]] = ctx.get(dut.quantity)
                if ctx.get(dut.commit_stb):
                    windows.append(dict(record))
                clocks[-1] += 1
                await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return windows, clocks


def sines(made_for, count, seed, *, frequency=50.3, dc=0.0):
    """Sine waves of random amplitude and angle in every lane, with noise."""
    rng = np.random.default_rng(seed)
    full = 2 ** (made_for.word_bits - 1) - 1
    angle = 2 * np.pi * frequency * np.arange(count) / float(made_for.sample_rate_hz)
    amplitude = rng.uniform(0.1, 0.9, made_for.lanes)
    waves = amplitude * np.sin(angle[:, None] + rng.uniform(0, 6, made_for.lanes)) + dc
    noisy = waves + rng.normal(0, 1e-4, waves.shape)
    return np.clip(np.round(noisy * full), -full - 1, full).astype(np.int64)


def extremes(made_for, count, seed):
    """Full-scale squares, zeros and noise in turn: the corners of every word."""
    rng = np.random.default_rng(seed)
    low, high = -(2 ** (made_for.word_bits - 1)), 2 ** (made_for.word_bits - 1) - 1
    square = np.where(np.arange(count) // 83 % 2, low, high)[:, None].repeat(made_for.lanes, 1)
    noise = rng.integers(low, high + 1, (count, made_for.lanes))
    return np.where((np.arange(count) // 500 % 3)[:, None] == 0, square, noise)


CASES = {
    "sine": (parameters(), lambda p: sines(p, 700, 1)),
    "DC on both lanes": (parameters(), lambda p: sines(p, 900, 2, dc=0.2)),
    "extremes": (parameters(), lambda p: extremes(p, 1600, 3)),
    "silence": (parameters(), lambda p: np.zeros((500, p.lanes), np.int64)),
    "three phases": (parameters(phases=3, lanes=7), lambda p: sines(p, 500, 4)),
    "7812.5 sample sets a second, 16 bits": (
        parameters(rate=Fraction(15625, 2), word_bits=16),
        lambda p: sines(p, 500, 5),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bit_exact(case):
    made_for, make = CASES[case]
    samples = make(made_for)
    expected = MeteringModel(made_for).run(samples)
    windows, _ = run_engine(made_for, samples)
    assert len(expected) >= 2
    assert windows == expected, f"repeat with case {case!r}"


@pytest.mark.parametrize(("phases", "lanes", "usual", "window_end"), [(1, 2, 45, 5604), (3, 7, 63, 10016)])
def test_clocks_of_a_sample_set(phases, lanes, usual, window_end):
    made_for = parameters(phases=phases, lanes=lanes)
    _, clocks = run_engine(made_for, sines(made_for, 500, 6, frequency=45))
    assert sorted(clocks)[len(clocks) // 2] <= usual
    assert max(clocks) <= window_end
