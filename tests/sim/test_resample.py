import numpy as np
import pytest

from sim.resample import FLAT_TO, BandLimited

CHIP = 8000.0
RATES = [4000.0, 6400.0, 7812.5, 8000.0, 10_000.0, 20_000.0, 30_734.6, 44_100.0, 256_000.0]


def _tone(frequency: float, times: np.ndarray) -> np.ndarray:
    return np.cos(2 * np.pi * frequency * times + 0.3)


def _error(rate: float, frequency: float, seconds: float = 0.4) -> float:
    """Largest difference between a resampled tone and the tone, away from the ends."""
    signal = BandLimited(_tone(frequency, np.arange(int(seconds * rate)) / rate), rate, CHIP)
    times = np.random.default_rng(1).uniform(0.05, seconds - 0.05, 4000)
    return float(np.abs(signal(times) - _tone(frequency, times)).max())


@pytest.mark.parametrize("rate", RATES)
def test_flat_within_5_ppm(rate):
    """To 2.5 kHz at 8 kS/s, or the same fraction of a slower recording's rate."""
    slower = min(rate, CHIP)
    for fraction in (50 / 8000, 0.05, 0.1, 0.2, 0.28, 0.3125):
        assert _error(rate, fraction * slower) < 5e-6, f"{rate} S/s, {fraction * slower} Hz"


@pytest.mark.parametrize("rate", RATES)
def test_flat_to_the_edge_of_the_band(rate):
    assert _error(rate, FLAT_TO * min(rate, CHIP)) < 1e-5


@pytest.mark.parametrize("rate", [20_000.0, 30_734.6, 44_100.0, 256_000.0])
def test_nothing_folds_back(rate):
    for frequency in (4000.0, 4100.0, 4550.0, 5000.0, 7950.0, 8000.0, 9999.0):
        samples = _tone(frequency, np.arange(int(0.2 * rate)) / rate)
        left = BandLimited(samples, rate, CHIP)(np.arange(400, 1200) / CHIP)
        assert np.abs(left).max() < 5e-6, f"{rate} S/s, {frequency} Hz"


@pytest.mark.parametrize("rate", RATES)
def test_a_constant_stays_what_it_is(rate):
    signal = BandLimited(np.full(int(0.05 * rate), 0.07), rate, CHIP)
    times = np.linspace(-0.007, 0.056, 1000)
    np.testing.assert_allclose(signal(times), 0.07, rtol=1e-14)


@pytest.mark.parametrize("rate", [4000.0, 20_000.0, 30_720.0])
def test_a_periodic_recording_has_no_seam(rate):
    count = int(rate * 0.1)
    samples = _tone(50.0, np.arange(count) / rate) + 0.2 * _tone(650.0, np.arange(count) / rate)
    signal = BandLimited(samples, rate, CHIP, periodic=True)
    times = np.random.default_rng(2).uniform(-1.0, 5.0, 5000)
    np.testing.assert_allclose(signal(times), _tone(50.0, times) + 0.2 * _tone(650.0, times), atol=5e-6)
    np.testing.assert_allclose(signal(np.array([0.1 - 1e-12])), signal(np.array([0.1 + 1e-12])), atol=1e-9)


def test_a_periodic_recording_shorter_than_the_kernel():
    samples = _tone(2000.0, np.arange(10) / 20_000)
    times = np.linspace(0, 0.01, 333)
    np.testing.assert_allclose(
        BandLimited(samples, 20_000, CHIP, periodic=True)(times), _tone(2000.0, times), atol=5e-6
    )


def test_ends_continue_value_and_slope():
    """A crossing at either end is continued exactly, a crest to better than a thousandth."""
    times = np.arange(2001) / 20_000
    signal = BandLimited(np.sin(100 * np.pi * times), 20_000, CHIP)
    probe = np.linspace(-0.005, 0.105, 700)
    np.testing.assert_allclose(signal(probe), np.sin(100 * np.pi * probe), atol=5e-6)
    crest = BandLimited(np.cos(100 * np.pi * times), 20_000, CHIP)
    inside = np.linspace(0, 0.1, 700)
    np.testing.assert_allclose(crest(inside), np.cos(100 * np.pi * inside), atol=1e-3)


def test_the_grid_is_no_part_of_the_result():
    """Between the points of the inner grid the signal is as exact as on them."""
    rate = 20_000.0
    samples = np.random.default_rng(3).normal(size=4000)
    signal = BandLimited(samples, rate, CHIP)
    taps = np.arange(-160, 161)
    for time in 0.1 + np.array([0.0, 0.1, 0.37, 0.5]) / (4 * rate):
        nearest = int(time * rate)
        offset = (time * rate - nearest - taps) * CHIP / rate
        kernel = np.sinc(0.94 * offset) * np.i0(11 * np.sqrt(np.maximum(0, 1 - (offset / 64) ** 2)))
        kernel[np.abs(offset) > 64] = 0
        direct = kernel @ samples[nearest + taps] / kernel.sum()
        assert signal(np.array([time]))[0] == pytest.approx(direct, abs=1e-6)


def test_shapes_are_kept():
    signal = BandLimited(np.ones(400), 8000, CHIP)
    assert signal(np.zeros((2, 3))).shape == (2, 3)
    assert signal(np.zeros(0)).shape == (0,)


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"array of two values or more, not of shape \(1,\)"):
        BandLimited(np.ones(1), 8000, CHIP)
    with pytest.raises(ValueError, match="Samples must be finite numbers"):
        BandLimited(np.array([1.0, np.nan]), 8000, CHIP)
    with pytest.raises(ValueError, match="Rates must be positive numbers of hertz, not 0"):
        BandLimited(np.ones(100), 0, CHIP)
    with pytest.raises(ValueError, match=r"Times must be from -0.008 to 0.107875 s, not from 0 to 0.2 s"):
        BandLimited(np.ones(800), 8000, CHIP)(np.array([0, 0.2]))
