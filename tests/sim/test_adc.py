import math

import numpy as np
import pytest

from sim.adc import CURRENT_RANGES_A, VOLTAGE_RANGES_V, Adc, standard_range
from soc.errors import InputError

TIMES = np.arange(8000) / 8000


def _sine(times):
    return 325 * np.sin(100 * np.pi * times)


def test_an_ideal_converter_rounds_to_nearest():
    adc = Adc(full_scale=500.0)
    codes = adc.convert(_sine, TIMES)
    assert adc.lsb == 500 / 2**23
    np.testing.assert_array_equal(codes.values, np.rint(_sine(TIMES) / 500 * 2**23))
    assert codes.values.dtype == np.int64
    assert codes.clipped == 0


@pytest.mark.parametrize("width", [2, 12, 16, 24, 32])
def test_saturation_is_counted(width):
    codes = Adc(full_scale=1.0, width=width).convert(
        lambda t: t, np.array([-2.0, -1.0, 0.0, 0.9999999999, 1.0, 2.0])
    )
    top = 2 ** (width - 1)
    assert codes.values[[0, 1, 2, 4, 5]].tolist() == [-top, -top, 0, top - 1, top - 1]
    assert codes.clipped == (4 if width < 33 and round(0.9999999999 * top) == top else 3)


def test_gain_offset_and_delay():
    adc = Adc(full_scale=500.0, gain=1.01, offset=-2.0, delay_s=20e-6)
    expected = np.rint((1.01 * _sine(TIMES - 20e-6) - 2.0) / adc.lsb)
    np.testing.assert_array_equal(adc.convert(_sine, TIMES).values, expected)


def test_noise_is_seeded_and_of_the_asked_size():
    ideal = Adc(full_scale=500.0).convert(_sine, TIMES).values
    noisy = Adc(full_scale=500.0, noise_lsb=4.0, seed=5).convert(_sine, TIMES).values
    again = Adc(full_scale=500.0, noise_lsb=4.0, seed=5).convert(_sine, TIMES).values
    other = Adc(full_scale=500.0, noise_lsb=4.0, seed=6).convert(_sine, TIMES).values
    np.testing.assert_array_equal(noisy, again)
    assert np.std(noisy - ideal) == pytest.approx(4.0, rel=0.05)
    assert abs(np.corrcoef(noisy - ideal, other - ideal)[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"full_scale": 0.0}, ValueError, "Full scale must be a positive number, not 0.0"),
        ({"full_scale": math.nan}, ValueError, "Full scale must be a positive number, not nan"),
        ({"full_scale": 1.0, "width": 1}, ValueError, "Width must be from 2 to 53 bits, not 1"),
        ({"full_scale": 1.0, "width": "24"}, TypeError, "Width must be an integer, not '24'"),
        (
            {"full_scale": 1.0, "noise_lsb": -1.0},
            ValueError,
            "Noise must be a number of codes, zero or positive",
        ),
    ],
)
def test_what_is_refused(options, error, sentence):
    with pytest.raises(error, match=sentence):
        Adc(**options)


@pytest.mark.parametrize(
    ("peak", "full_scale"),
    [(0.0, 100), (99.9, 100), (100.0, 250), (325.0, 500), (500.1, 1000), (180e3, 250e3)],
)
def test_the_smallest_range_that_holds_a_peak(peak, full_scale):
    chosen = standard_range(peak, VOLTAGE_RANGES_V, "V")
    assert chosen == full_scale
    codes = Adc(full_scale=chosen).convert(lambda t: np.array([-peak, peak]), TIMES)
    assert codes.clipped == 0


def test_ranges():
    assert VOLTAGE_RANGES_V[:4] == (100, 250, 500, 1000)
    assert CURRENT_RANGES_A[:4] == (1, 2.5, 5, 10)
    with pytest.raises(InputError) as caught:
        standard_range(1e6, CURRENT_RANGES_A, "A")
    assert str(caught.value) == (
        "a peak of 1e+06 A is beyond the largest range, 50000 A; give a full scale with --i-max"
    )
