"""Constants of the program follow from the parameters, and are within their rounding."""

from fractions import Fraction
from math import cos, pi, sin

import pytest

from rtl.metering.constants import Constants
from rtl.metering.parameters import INPUTS, LANE_BITS, POINTS, RING
from soc.config import PRESETS, preset

RATES = {
    "3072 clocks": preset("single").metering,
    "3200 clocks of 25 MHz": preset("single")
    .with_changes(metrology_hz=25_000_000, cic_decimation=200, modulator_divider=8)
    .metering,
}


@pytest.mark.parametrize("rate", RATES)
def test_times_are_in_samples(rate):
    made_for = RATES[rate]
    k = Constants(made_for)
    samples = made_for.sample_rate_hz
    assert k.sample == 1 << k.time_bits
    assert Fraction(k.sample_rate, k.sample) == pytest.approx(samples, rel=1e-9)
    assert Fraction(k.nominal_window, k.sample) == pytest.approx(samples / made_for.nominal_hz, rel=1e-8)
    # A crossing may come a little early.
    assert k.shortest_window <= samples / made_for.highest_hz * k.sample < k.shortest_window + 3 * k.sample
    assert k.longest_window - k.sample <= samples / made_for.lowest_hz * k.sample < k.longest_window


@pytest.mark.parametrize("rate", RATES)
def test_a_ring_holds_two_of_the_longest_windows_and_the_filters_reach(rate):
    k = Constants(RATES[rate])
    assert 2 * k.longest_window + 2 * k.taps * k.sample <= RING * k.sample
    assert k.latency >= k.taps // 2


def test_levels_are_parts_of_full_scale():
    for config in PRESETS.values():
        k = Constants(config.metering)
        assert k.threshold << config.metering.crossing_threshold_log2 == 1 << LANE_BITS - 1 + k.low_pass_bits
        assert k.large_dc << k.large_dc_log2 == 1 << LANE_BITS - 1


def test_inputs_follow_the_lanes():
    for config in PRESETS.values():
        k = Constants(config.metering)
        places = [getattr(k, name) for name in INPUTS]
        assert places == list(range(config.metering.lanes, config.metering.lanes + len(INPUTS)))


def test_a_product_with_a_stride_is_with_the_cosine_and_sine_of_that_order():
    k = Constants(preset("single").metering)
    one = 1 << k.factor_bits
    for order in (1, 2, 7, 50):
        for point, (c, s) in enumerate(zip(k.cosine.entries(order), k.sine.entries(order), strict=True)):
            angle = 2 * pi * order * point / POINTS
            assert k.cosine.table[c] == pytest.approx(one * cos(angle), abs=1), (order, point)
            assert k.sine.table[s] == pytest.approx(one * sin(angle), abs=1), (order, point)


def test_rows_of_the_interpolation_follow_one_another():
    """A row past the last is the first, one sample later; a row's coefficients sum to one."""
    k = Constants(preset("single").metering)
    table, taps = k.interpolate.table, k.taps
    assert len(table) == (k.rows + 1) * taps
    assert k.rows == 1 << k.row_bits
    first, last = table[:taps], table[-taps:]
    assert last[1:] == first[:-1] or last[:-1] == first[1:]
    one = 1 << k.partial_bits + 6
    for row in range(k.rows + 1):
        assert sum(table[row * taps : (row + 1) * taps]) == pytest.approx(one, rel=1e-5), row
