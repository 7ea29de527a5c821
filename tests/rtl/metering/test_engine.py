"""The compute engine against the integer model: the same quantities, bit for bit."""

from fractions import Fraction

import numpy as np
import pytest

from rtl.metering.arithmetic import divide, square_root
from rtl.metering.compiler import compile_program
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import MeteringParameters


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
def test_bit_exact(case, run_engine):
    made_for, make = CASES[case]
    samples = make(made_for)
    expected = MeteringModel(made_for).run(samples)
    windows, _ = run_engine(made_for, samples)
    assert len(expected) >= 2
    assert windows == expected, f"repeat with case {case!r}"


@pytest.mark.parametrize(("phases", "lanes", "usual", "window_end"), [(1, 2, 45, 5617), (3, 7, 63, 10065)])
def test_clocks_of_a_sample_set(phases, lanes, usual, window_end, run_engine):
    made_for = parameters(phases=phases, lanes=lanes)
    _, clocks = run_engine(made_for, sines(made_for, 500, 6, frequency=45))
    assert sorted(clocks)[len(clocks) // 2] <= usual
    assert max(clocks) <= window_end


def straight(m, k, history, out):
    m.age = m.rest * m.sets
    m.now = m.now + m.rest
    m.sum_c = m.sum_c - m.length


def passing(m, k, history, out):
    m.now = m.now + m.rest
    if m.rest >= 0:
        m.sum_c = m.sum_c - m.length
    m.sum_s = m.sum_s - m.length


def jumping(m, k, history, out):
    m.now = m.now + m.rest
    if m.rest < 0:
        m.sum_c = m.sum_c - m.length
    m.sum_s = m.sum_s - m.length


def dividing(m, k, history, out):
    m.sets = divide(m.level_before, k.sample, 7)
    m.rest = square_root(m.level)


CLOCKS = {
    # Three sums and END.
    "straight": (straight, 4 + 3),
    # Three sums, the comparison, the jump, END.
    "jump not taken": (passing, 6 + 3),
    # The same without the sum that is jumped over.
    "jump taken": (jumping, 5 + 2 + 3),
    # The operand, the division of 0, its store; the operand, the root of 0, its store; END.
    "divisions": (dividing, 7 + (108 // 3 + 7 + 1) + (108 // 6 + 1) + 3),
}


@pytest.mark.parametrize("case", CLOCKS)
def test_clocks_of_instructions(case, run_engine):
    entry, expected = CLOCKS[case]
    made_for = parameters()
    _, clocks = run_engine(made_for, np.zeros((1, 2), np.int64), compile_program(made_for, entry))
    assert clocks == [expected]
