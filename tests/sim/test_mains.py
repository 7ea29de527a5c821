import math

import numpy as np
import pytest

from sim.mains import Harmonic, Mains, Noise, distorted

TIMES = np.arange(20_000) / 20_000


def test_a_plain_sine():
    np.testing.assert_allclose(
        Mains().voltage()(TIMES), 230 * math.sqrt(2) * np.sin(100 * np.pi * TIMES), atol=1e-9
    )


def test_three_phases_follow_each_other():
    mains = Mains(phases=3, start_deg=20.0)
    volts = [mains.voltage(phase)(TIMES) for phase in range(3)]
    np.testing.assert_allclose(sum(volts), 0, atol=1e-9)
    later = mains.voltage(0)(TIMES - 1 / 150)
    np.testing.assert_allclose(volts[1], later, atol=1e-9)


def test_harmonics_and_dc():
    mains = Mains(vrms_v=100, harmonics=(Harmonic(3, 0.1, 30.0), Harmonic(40, 0.01)), dc_v=5.0)
    spectrum = np.fft.rfft(mains.voltage()(TIMES)) / TIMES.size * math.sqrt(2)
    assert abs(spectrum[50]) == pytest.approx(100)
    assert abs(spectrum[150]) == pytest.approx(10)
    assert np.angle(spectrum[150] * 1j) == pytest.approx(math.radians(30))
    assert abs(spectrum[2000]) == pytest.approx(1)
    assert spectrum[0].real / math.sqrt(2) == pytest.approx(5)
    assert mains.highest_hz() == 2000


def test_drift():
    mains = Mains(frequency_drift_hz_per_s=0.5, voltage_drift_per_s=-0.1)
    step = 1e-6
    for time in (0.0, 2.0, 7.0):
        angles = mains.angle(np.array([time - step, time + step]))
        assert np.diff(angles)[0] / (4 * np.pi * step) == pytest.approx(50 + 0.5 * time, rel=1e-6)
    crest = np.abs(mains.voltage()(np.linspace(5, 5.02, 2001))).max()
    assert crest == pytest.approx(0.5 * 230 * math.sqrt(2), rel=0.003)


def test_noise_is_seeded_continuous_and_in_its_band():
    noise = Noise(rms=2.0, seed=3, low_hz=100.0, high_hz=1000.0)
    samples = noise.signal()(TIMES)
    np.testing.assert_array_equal(samples, noise.signal()(TIMES))
    assert np.std(samples) == pytest.approx(2.0, rel=0.1)
    power = np.abs(np.fft.rfft(samples * np.hanning(TIMES.size))) ** 2
    assert power[90:1010].sum() > 0.999 * power.sum()
    apart = noise.of_lane(1).signal()(TIMES)
    assert abs(np.corrcoef(samples, apart)[0, 1]) < 0.1


def test_each_phase_has_noise_of_its_own():
    quiet, noisy = Mains(phases=3), Mains(phases=3, noise=Noise(rms=1.0))
    first, second = (noisy.voltage(k)(TIMES) - quiet.voltage(k)(TIMES) for k in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    assert noisy.highest_hz() == 2500


def test_distorted_keeps_its_argument():
    angle = np.zeros(3)
    distorted(angle, (Harmonic(3, 1.0, 90.0),))
    np.testing.assert_array_equal(angle, 0)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Mains(frequency_hz=0), "Frequency must be a positive number of hertz, not 0"),
        (lambda: Mains(vrms_v=-1), "Voltage must be zero or more volts, not -1"),
        (lambda: Mains(phases=2), "Mains have 1 or 3 phases, not 2"),
        (
            lambda: Noise(rms=-1),
            "Noise needs an rms of zero or more and a rising band, not -1 from 5.0 to 2500.0 Hz",
        ),
        (lambda: Noise(rms=1, low_hz=9, high_hz=9), "Noise needs an rms of zero or more and a rising band"),
    ],
)
def test_what_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_reversed_order_and_missing_phases():
    forward, back = (Mains(phases=3, start_deg=20.0, reversed_order=order) for order in (False, True))
    for phase, other in ((0, 0), (1, 2), (2, 1)):
        np.testing.assert_allclose(back.voltage(phase)(TIMES), forward.voltage(other)(TIMES), atol=1e-9)
    missing = Mains(phases=3, missing=(1,), dc_v=3.0, noise=Noise(rms=1.0))
    assert not missing.voltage(1)(TIMES).any()
    assert missing.voltage(2)(TIMES).any()
    np.testing.assert_array_equal(missing.angle(TIMES, 1), Mains(phases=3).angle(TIMES, 1))
    with pytest.raises(ValueError, match=r"Missing phases must be from 0 to 0, not \(1,\)"):
        Mains(missing=(1,))
