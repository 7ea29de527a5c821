"""Constants of the program follow from the parameters, and are within their rounding."""

from dataclasses import replace
from fractions import Fraction
from math import factorial, pi

import pytest

from rtl.metering.parameters import LANE_BITS, Constants
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
    assert k.shortest_window <= samples / made_for.highest_hz * k.sample < k.shortest_window + k.sample
    assert k.longest_window - k.sample <= samples / made_for.lowest_hz * k.sample < k.longest_window
    # The longest window's samples, one before them and one after.
    assert made_for.history >= k.longest_window // k.sample + 3


def test_series_coefficients_are_those_of_sine_and_cosine():
    k = Constants(preset("single").metering)
    assert k.two_pi == pytest.approx(2 * pi * 2**32, abs=0.5)
    for order, coefficient in ((4, k.cosine_4), (6, k.cosine_6), (3, k.sine_3), (5, k.sine_5), (7, k.sine_7)):
        sign = -1 if order % 4 in (2, 3) else 1
        assert coefficient == pytest.approx(sign * Fraction(k.one, factorial(order)), abs=0.5)
    assert (k.minus_half, k.unity) == (-k.one // 2, 1 << 30)


def test_levels_are_parts_of_full_scale():
    for config in PRESETS.values():
        made_for = config.metering
        k = Constants(made_for)
        assert k.threshold << made_for.crossing_threshold_log2 == 1 << LANE_BITS - 1
        assert made_for.alignment == LANE_BITS - made_for.word_bits


def test_a_cycle_of_too_many_samples():
    made_for = preset("single").metering
    assert replace(made_for, sample_rate_hz=Fraction(253 * 40)).history == 257
    with pytest.raises(ValueError) as caught:
        replace(made_for, sample_rate_hz=Fraction(254 * 40))
    assert str(caught.value) == (
        "A cycle of the lowest frequency must last at most 253 samples "
        "(= 36 - 28 bits, and two at the ends), not 254"
    )
