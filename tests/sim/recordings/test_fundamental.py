import numpy as np
import pytest

from sim.recordings.fundamental import count_cycles, fit_fundamental

RATE = 20_000.0


def _wave(frequency: float, seconds: float, phase: float = 0.7, rate: float = RATE) -> np.ndarray:
    angle = 2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate + phase
    return (
        2.0 + 325 * np.cos(angle) + 20 * np.cos(3 * angle + 1) + 9 * np.cos(5 * angle) + 4 * np.cos(7 * angle)
    )


@pytest.mark.parametrize("frequency", [42.6, 49.9713, 50.0, 60.03, 68.9])
@pytest.mark.parametrize("cycles", [2.3, 7.99, 30])
def test_fit_of_a_distorted_wave(frequency, cycles):
    fit = fit_fundamental(_wave(frequency, cycles / frequency), RATE)
    assert fit is not None
    assert fit.frequency_hz == pytest.approx(frequency, rel=1e-9)
    assert fit.amplitude == pytest.approx(325, rel=1e-8)
    assert np.angle(np.exp(1j * (fit.angle(0.0) - 0.7))) == pytest.approx(0, abs=1e-8)


def test_fit_in_noise_and_with_higher_harmonics():
    random = np.random.default_rng(11)
    samples = _wave(50.02, 0.16)
    samples += random.normal(0, 0.3, samples.size) + 5 * np.cos(
        2 * np.pi * 50.02 * 21 * np.arange(samples.size) / RATE
    )
    fit = fit_fundamental(samples, RATE)
    assert fit is not None
    assert fit.frequency_hz == pytest.approx(50.02, abs=2e-4)


@pytest.mark.parametrize("rate", [1000.0, 4000.0, 44_100.0])
def test_other_rates(rate):
    fit = fit_fundamental(325 * np.cos(100 * np.pi * np.arange(int(rate / 5)) / rate), rate)
    assert fit is not None
    assert fit.frequency_hz == pytest.approx(50, rel=1e-9)


def test_a_dead_line_has_no_fundamental():
    random = np.random.default_rng(5)
    assert fit_fundamental(np.zeros(4000), RATE) is None
    assert fit_fundamental(np.full(4000, 0.07), RATE) is None
    assert fit_fundamental(0.07 * random.integers(0, 3, 4000), RATE) is None


@pytest.mark.parametrize("drift", [-0.2, 0.0, 0.2])
def test_cycles_are_counted_through_a_drift(drift):
    times = np.arange(int(10 * RATE)) / RATE
    samples = np.sin(2 * np.pi * (50 + drift / 2 * times) * times)
    assert count_cycles(samples, RATE, 50.0) == pytest.approx((50 + drift / 2 * 10) * 10, abs=0.25)
