import math

import numpy as np
import pytest

from sim.loads import (
    LOADS,
    Burst,
    Combined,
    Dimmer,
    HalfWave,
    Linear,
    Load,
    MotorStart,
    Rectifier,
    lanes,
    limited,
    sampled,
    true_power,
)
from sim.mains import Harmonic, Mains, Noise
from sim.reference import reference

CHIP = 8000.0
TIMES = np.arange(40_000) / 400_000


def _rms(values: np.ndarray) -> float:
    return math.sqrt(float(np.mean(values**2)))


def _spectrum(load: Load, orders: int = 2000) -> np.ndarray:
    """Amplitudes by order of a load's current at 50 Hz."""
    times = np.arange(1 << 14) / (1 << 14) / 50
    return np.abs(np.fft.rfft(load.current(Mains())(times)))[:orders] / (1 << 13)


@pytest.mark.parametrize("name", LOADS)
def test_every_named_load_can_be_measured(name):
    mains = Mains(phases=3, frequency_hz=50.07)
    readings = [
        reference(voltage, current, (0.2 + np.arange(6) + phase / 3) / 50.07)
        for phase, (voltage, current) in enumerate(lanes(LOADS[name].load, mains, CHIP, 0.4))
    ]
    assert LOADS[name].description
    for reading in readings:
        assert reading.vrms_v == pytest.approx(230, rel=1e-7)
        expected = 0 if name == "none" else -1 if name == "solar" else 1
        assert np.sign(reading.active_w) == expected


@pytest.mark.parametrize("lag", [0.0, 60.0, -36.87, 180.0])
def test_power_of_linear_loads(lag):
    ((voltage, current),) = lanes(Linear(irms_a=5.0, lag_deg=lag), Mains(), CHIP, 1.0)
    readings = reference(voltage, current, np.arange(11) / 50)
    assert readings.active_w == pytest.approx(1150 * math.cos(math.radians(lag)), abs=1e-8)
    assert readings.reactive_var == pytest.approx(1150 * math.sin(math.radians(lag)), abs=1e-8)


def test_harmonics_dc_and_noise_of_linear_loads():
    load = Linear(irms_a=1.0, harmonics=(Harmonic(3, 0.5),), dc_a=0.25)
    spectrum = _spectrum(load)
    assert spectrum[[0, 1, 3]] / [2, math.sqrt(2), math.sqrt(2)] == pytest.approx([0.25, 1.0, 0.5])
    assert load.highest_hz(Mains()) == 150
    noisy = Linear(irms_a=0.0, noise=Noise(rms=0.1))
    assert noisy.highest_hz(Mains()) == 2500
    mains_noise = Mains(vrms_v=0, noise=Noise(rms=0.1)).voltage()(TIMES)
    assert abs(np.corrcoef(noisy.current(Mains())(TIMES), mains_noise)[0, 1]) < 0.2


@pytest.mark.parametrize("firing", [45.0, 90.0, 135.0])
def test_a_dimmer_conducts_after_its_firing_angle(firing):
    current = Dimmer(irms_a=1.0, firing_deg=firing).current(Mains())
    before, after = np.radians(firing - 1) / (100 * np.pi), np.radians(firing + 2) / (100 * np.pi)
    for half in range(4):
        sign = 1 if half % 2 == 0 else -1
        assert current(np.array([before + half / 100]))[0] == 0
        expected = sign * math.sqrt(2) * math.sin(math.radians(firing + 2))
        assert current(np.array([after + half / 100]))[0] == pytest.approx(expected)
    alpha = math.radians(firing)
    analytic = math.sqrt(1 - alpha / math.pi + math.sin(2 * alpha) / (2 * math.pi))
    assert _rms(Dimmer(irms_a=1.0, firing_deg=firing, rise_s=1e-6).current(Mains())(TIMES)) == pytest.approx(
        analytic, rel=1e-3
    )


def test_a_dimmer_rings():
    plain, ringing = (Dimmer(ring_ratio=ratio).current(Mains()) for ratio in (0.0, 0.5))
    difference = ringing(TIMES) - plain(TIMES)
    assert 0.3 < np.abs(difference).max() / (4 * math.sqrt(2)) < 0.5
    rising = np.flatnonzero((difference[2000:2400] <= 0) & (difference[2001:2401] > 0))
    assert np.diff(rising[1:]).mean() / 400_000 == pytest.approx(1e-4, rel=0.02)


def test_a_rectifier_is_smooth_and_has_its_rms():
    load = Rectifier(irms_a=2.0)
    assert _rms(load.current(Mains())(TIMES)) == pytest.approx(2.0, rel=1e-12)
    highest = load.highest_hz(Mains())
    assert highest < 0.431 * CHIP
    spectrum = _spectrum(load)
    assert spectrum[int(highest / 50) + 2 :].max() < 1e-8 * spectrum.max()
    assert spectrum[3] > 0.6 * spectrum[1]
    assert spectrum[0::2].max() < 1e-12


def test_a_half_wave_has_dc():
    load = HalfWave(irms_a=5.0)
    samples = load.current(Mains())(TIMES)
    assert _rms(samples) == pytest.approx(5.0, rel=1e-6)
    assert samples.mean() == pytest.approx(10 / math.pi, rel=1e-6)


def test_bursts_are_switched_at_the_zero_crossings():
    load, mains = Burst(load=Linear(irms_a=1.0)), Mains(frequency_hz=60.0, start_deg=-20.0, phases=3)
    for phase in (0, 1):
        current, whole = load.current(mains, phase), Linear(irms_a=1.0).current(mains, phase)
        crossing = (20 + 120 * phase) / 360
        for cycle in range(8):
            times = (crossing + cycle + np.linspace(0.01, 0.99, 50)) / 60
            expected = whole(times) if cycle % 4 < 2 else np.zeros(50)
            np.testing.assert_array_equal(current(times), expected)
    assert (load.cycles, load.highest_hz(mains)) == (4, math.inf)


def _fired(firing: float) -> float:
    alpha = math.radians(firing)
    return 1 - alpha / math.pi + math.sin(2 * alpha) / (2 * math.pi)


@pytest.mark.parametrize(
    ("load", "mains", "cycles", "expected"),
    [
        (Linear(irms_a=5.0, lag_deg=60.0), Mains(), 1, 575.0),
        (Linear(irms_a=5.0, dc_a=3.0), Mains(dc_v=7.0), 1, 1150.0),
        (Linear(irms_a=5.0, harmonics=(Harmonic(5, 0.4),)), Mains(harmonics=(Harmonic(5, 0.1),)), 1, 1196.0),
        (HalfWave(irms_a=5.0), Mains(), 1, 1150 / math.sqrt(2)),
        (Burst(load=Linear(irms_a=5.0)), Mains(frequency_hz=47.3, start_deg=33.0), 4, 575.0),
        (Dimmer(irms_a=5.0, firing_deg=45.0, rise_s=1e-9), Mains(frequency_hz=60.0), 1, 1150 * _fired(45)),
        (Dimmer(irms_a=5.0, firing_deg=135.0, rise_s=1e-9), Mains(), 1, 1150 * _fired(135)),
    ],
)
def test_true_power(load, mains, cycles, expected):
    assert true_power(load, mains, cycles=cycles) == pytest.approx(expected, rel=1e-4)
    if not isinstance(load, Dimmer):
        assert true_power(load, mains, cycles=cycles) == pytest.approx(expected, rel=1e-9)


def test_true_power_of_a_ringing_dimmer():
    """The rise, sine and ring integrated by parts of their own."""
    load, mains = Dimmer(irms_a=5.0, firing_deg=90.0, ring_ratio=0.5), Mains()
    nodes, weights = np.polynomial.legendre.leggauss(20)
    edges = np.concatenate([np.linspace(0.005, 0.00505, 20), np.linspace(0.00505, 0.01, 400)[1:]])
    times = edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2
    product = mains.voltage()(times) * load.current(mains)(times)
    energy = float(np.sum(product * weights / 2 * np.diff(edges)[:, None]))
    assert true_power(load, mains) == pytest.approx(energy / 0.01, rel=1e-7)


def test_a_motor_starts_from_zero_and_settles():
    load = MotorStart(start_s=0.1034)
    current = load.current(Mains())
    assert not current(np.linspace(0, 0.1034, 1000)).any()
    assert current(np.array([0.1034 + 1e-7]))[0] == pytest.approx(0, abs=1e-2)
    inrush, running = (np.abs(current(np.linspace(*span, 4000))).max() for span in ((0.11, 0.13), (3.0, 3.1)))
    assert running == pytest.approx(3 * math.sqrt(2), rel=1e-3)
    assert 5 * running < inrush < 12 * running


def test_combined_loads_add_up():
    parts = (Linear(irms_a=1.0), HalfWave(irms_a=2.0))
    both = Combined(parts)
    expected = sum(part.current(Mains())(TIMES) for part in parts)
    np.testing.assert_allclose(both.current(Mains())(TIMES), expected)
    assert both.highest_hz(Mains()) == math.inf
    assert not Combined(()).current(Mains())(TIMES).any()


def test_sampled():
    np.testing.assert_allclose(sampled(lambda t: t, 10.0, 0.45, -0.1), [-0.1, 0.0, 0.1, 0.2, 0.3, 0.4])


def test_limited_leaves_what_is_in_the_band():
    tone = limited(lambda t: np.sin(2 * np.pi * 2500 * t), CHIP, 0.2)
    times = np.linspace(0, 0.2, 1777)
    np.testing.assert_allclose(tone(times), np.sin(2 * np.pi * 2500 * times), atol=5e-6)


def test_an_edge_is_limited_and_its_power_is_that_of_its_harmonics_in_the_band():
    """The sine voltage meets only the current's fundamental, which the limiter must not change."""
    load = Dimmer(firing_deg=135.0, ring_ratio=0.5)
    ((voltage, current),) = lanes(load, Mains(), CHIP, 0.3)
    readings = reference(voltage, current, 0.05 + np.arange(11) / 50)
    times = np.arange(1 << 18) / (1 << 18) / 50
    exact = float(np.mean(Mains().voltage()(times) * load.current(Mains())(times)))
    assert readings.active_w == pytest.approx(exact, rel=1e-5)
    assert np.abs(np.fft.rfft(current(np.arange(800, 1600) / CHIP)))[-5:].max() < 1e-4


def test_voltage_beyond_the_band_is_limited_too():
    mains = Mains(harmonics=(Harmonic(99, 0.1),))
    ((voltage, _),) = lanes(Linear(), mains, CHIP, 0.2)
    readings = reference(voltage, voltage, np.arange(1, 6) / 50)
    assert readings.vrms_v == pytest.approx(230, rel=1e-5)
