"""The decimators in numpy: against the filter's definition, and call by call against all at once."""

import random

import numpy as np
import pytest

from rtl.metering.filters import CIC_ORDER, decimation_taps
from rtl.metering.parameters import LANE_BITS
from sim.decimation import Decimation, decimate

FULL_SCALE = 1 << LANE_BITS - 1


def test_decimate_is_the_rounded_and_saturated_sum():
    rng = random.Random(1)
    taps, shift = [rng.randrange(-(1 << 20), 1 << 20) for _ in range(9)], 22
    values = [[rng.randrange(-(1 << 29), 1 << 29) for _ in range(2)] for _ in range(40)]
    codes = decimate(np.array(values), taps, shift)
    expected: list[list[int]] = []
    clipped = 0
    for newest in range(9, 40, 2):
        expected.append([])
        for lane in range(2):
            total = sum(tap * values[newest - k][lane] for k, tap in enumerate(taps))
            exact = (2 * total + (1 << shift)) >> shift + 1
            expected[-1].append(min(max(exact, -FULL_SCALE), FULL_SCALE - 1))
            clipped += expected[-1][-1] != exact
    assert codes.values.tolist() == expected
    assert codes.clipped == clipped > 0


@pytest.mark.parametrize("decimation", [8, 200, 256])
def test_a_bit_is_answered_by_the_whole_chain(decimation):
    """Two streams that differ in one bit differ by the answer to it: a CIC written out, then the taps."""
    count = 100 * decimation
    place = 7 * decimation - 3
    zeros = np.zeros(count, np.uint8)
    zeros[1::2] = 1  # nothing but the modulator's own frequency
    one = zeros.copy()
    one[place] ^= 1
    cic = np.array([1], np.int64)
    for _ in range(CIC_ORDER):
        cic = np.convolve(cic, np.ones(decimation, np.int64))
    made_for = decimation_taps(decimation)
    step = 2 if one[place] else -2
    answer = np.zeros(count, np.int64)
    answer[place : place + len(cic)] = step * cic
    sets = answer[decimation - 1 :: decimation][CIC_ORDER:]
    sums = np.convolve(sets, made_for.taps)[: len(sets)][1::2] / 2.0**made_for.shift
    runs = [
        Decimation(lanes=1, cic_decimation=decimation).samples(bits).values[:, 0] for bits in (zeros, one)
    ]
    assert np.abs(runs[1] - runs[0] - sums).max() <= 1
    assert np.abs(sums).max() > 10


@pytest.mark.parametrize("seed", range(4))
def test_calls_go_on_from_one_another(seed):
    rng = np.random.default_rng(seed)
    decimation, lanes = 8, 3
    bits = rng.integers(0, 1 << lanes, 9000, np.uint8)
    whole = Decimation(lanes=lanes, cic_decimation=decimation).samples(bits)
    parts, clipped, chain = [], 0, Decimation(lanes=lanes, cic_decimation=decimation)
    for part in np.split(bits, np.sort(rng.integers(0, len(bits), 200))):
        codes = chain.samples(part)
        parts.append(codes.values)
        clipped += codes.clipped
    assert np.array_equal(np.concatenate(parts), whole.values), f"repeat with seed {seed}"
    assert clipped == whole.clipped
    assert len(whole.values) == (len(bits) // decimation - CIC_ORDER) // 2


def test_full_scale_is_a_lane_that_is_full():
    for bits, expected in ((0, -FULL_SCALE), (1, FULL_SCALE - 1)):
        codes = Decimation(lanes=1, cic_decimation=256).samples(np.full(256 * 200, bits, np.uint8))
        assert codes.values[-1] == expected
