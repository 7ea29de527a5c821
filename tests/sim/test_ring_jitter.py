"""The stochastic model of the rings against the jitter model's formulas, and what befalls the rings."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import erf

from rtl.entropy.jitter import REFERENCE, expected_bias
from sim.ring_jitter import DELAY_PER_KELVIN, Conditions, RingJitter, raw_bits

SEED = 20
COUNT = 100_000


def known_bias(last, rings):
    """Bias of each ring's next level, if its phase at the last sample and its frequency are known."""
    expected = last + rings.ring_hz * rings.model.sample_ps * 1e-12
    distance = (expected + 0.25) % 0.5 - 0.25  # from the nearest edge
    upward = np.where((expected + 0.25) % 1 < 0.5, 1, -1)
    return upward * erf(distance / (rings.diffusion() * math.sqrt(2)))


@pytest.mark.parametrize("jitter_ps", [1.0, 1.5, 3.0])
def test_bias_with_known_phases_is_that_of_the_formula(jitter_ps):
    rings = RingJitter(replace(REFERENCE, jitter_ps=jitter_ps), seed=SEED)
    phases = rings.phases(COUNT)
    bias = known_bias(phases[:-1], rings)
    expected = [expected_bias(value) for value in rings.diffusion()]
    assert np.abs(bias).mean(axis=0) == pytest.approx(expected, abs=0.01)

    product = bias.prod(axis=1)
    assert np.abs(product).mean() == pytest.approx(math.prod(expected), abs=0.01)
    # Who knows all phases, guesses the exclusive or as often as the formula says.
    levels = phases[1:] < 0.5
    odd = np.bitwise_xor.reduce(levels, axis=1)
    right = np.where(odd, 1, -1) == np.sign(product) * (-1) ** (rings.model.rings + 1)
    deviation = 0.5 / math.sqrt(COUNT)
    assert right.mean() == pytest.approx((1 + math.prod(expected)) / 2, abs=5 * deviation + 0.005)


def test_phase_diffuses_by_the_square_root_of_time():
    rings = RingJitter(REFERENCE, seed=SEED)
    steps = rings.ring_hz * REFERENCE.sample_ps * 1e-12
    phases = rings.phases(COUNT)
    for lag in (1, 4, 16):
        moved = phases[lag:] - phases[:-lag] - lag * steps
        away = (moved + 0.5) % 1 - 0.5
        assert away.std(axis=0) == pytest.approx(rings.diffusion() * math.sqrt(lag), rel=0.05)


def test_raw_bits_are_even_and_uncorrelated():
    bits = raw_bits(RingJitter(REFERENCE, seed=SEED).samples(COUNT)).astype(int) * 2 - 1
    bound = 5 / math.sqrt(COUNT)
    assert abs(bits.mean()) < bound
    for lag in range(1, 20):
        assert abs((bits[lag:] * bits[:-lag]).mean()) < bound, f"lag {lag}"


def test_samples_come_from_the_seed_alone():
    busy = Conditions(flicker_ppm=50.0, drift_ppm=1.0, celsius=60.0)
    whole = RingJitter(REFERENCE, seed=3, conditions=busy).samples(10_000)
    pieces = RingJitter(REFERENCE, seed=3, conditions=busy)
    parts = np.concatenate([pieces.samples(count) for count in (1, 99, 5000, 4900)])
    assert np.array_equal(whole, parts)
    assert not np.array_equal(whole, RingJitter(REFERENCE, seed=4, conditions=busy).samples(10_000))


def test_heat_slows_the_rings_and_adds_noise():
    cold, warm = (
        RingJitter(REFERENCE, seed=SEED, conditions=Conditions(celsius=value)) for value in (25.0, 85.0)
    )
    assert warm.ring_hz * (1 + 60 * DELAY_PER_KELVIN) == pytest.approx(cold.ring_hz)
    assert warm.diffusion() == pytest.approx(cold.diffusion() * math.sqrt(358.15 / 298.15))


def test_drift_and_flicker_move_the_frequencies():
    quiet = replace(REFERENCE, jitter_ps=1e-9)
    rings = RingJitter(quiet, seed=SEED, conditions=Conditions(drift_ppm=100.0))
    before = rings.ring_hz
    rings.samples(20_000)
    assert rings.ring_hz == pytest.approx(before * (1 + 20 * 100e-6), rel=1e-9)

    rings = RingJitter(quiet, seed=SEED, conditions=Conditions(flicker_ppm=200.0))
    periods = rings.ring_hz * quiet.sample_ps * 1e-12
    moved = np.diff(rings.phases(50_001), axis=0) - periods
    relative = ((moved + 0.5) % 1 - 0.5) / periods
    assert np.sqrt((relative**2).mean()) == pytest.approx(200e-6, rel=0.2)
    # Slow: of neighbours, little differs; over long times, much still does.
    assert np.sqrt((np.diff(relative, axis=0) ** 2).mean()) < 0.7 * 200e-6
    assert relative.reshape(10, 5000, -1).mean(axis=1).std() > 0.2 * 200e-6


def test_locking_pulls_what_it_reaches_and_holds_it():
    injected = 50e6
    for strength in (0.001, 0.3):
        rings = RingJitter(
            REFERENCE, seed=SEED, conditions=Conditions(lock_hz=injected, lock_strength=strength)
        )
        away = np.abs(rings.ring_hz - injected * np.maximum(np.round(rings.ring_hz / injected), 1))
        holds = strength * rings.ring_hz > 1.1 * away
        phases = rings.phases(4000)[1000:]
        moved = np.ptp((phases - phases[0] + 0.5) % 1, axis=0)
        assert np.array_equal(moved < 0.5, holds), f"strength {strength}"
        assert holds.all() == (strength == 0.3)


def test_weak_locking_slips_at_the_rate_of_adler():
    quiet = replace(REFERENCE, jitter_ps=1e-9)
    free = RingJitter(quiet, seed=SEED).ring_hz
    away = 1e5
    rings = RingJitter(
        quiet,
        seed=SEED,
        conditions=Conditions(lock_hz=float(free[0]) - away, lock_strength=0.6 * away / free[0]),
    )
    harmonic = (float(free[0]) - away) * quiet.sample_ps * 1e-12
    moved = (np.diff(rings.phases(4000)[:, 0]) - harmonic + 0.5) % 1 - 0.5
    slips = moved.mean() / (quiet.sample_ps * 1e-12)
    assert slips == pytest.approx(math.sqrt(away**2 - (0.6 * away) ** 2), rel=0.01)


def test_locked_ring_has_the_noise_that_the_locking_leaves():
    rings = RingJitter(REFERENCE, seed=SEED, spread=0.0)
    hz = float(rings.ring_hz[0])
    pull = 2e-4
    rings.conditions = Conditions(lock_hz=hz, lock_strength=pull)
    phases = rings.phases(40_000)[1000:, 0] - np.arange(1000, 40_000) * (hz * REFERENCE.sample_ps * 1e-12 % 1)
    away = (phases - phases[0] + 0.5) % 1
    # An Ornstein-Uhlenbeck process: the variance of a sample over twice the rate at which it is pulled back.
    rate = 2 * math.pi * pull * hz * REFERENCE.sample_ps * 1e-12
    assert away.std() == pytest.approx(rings.diffusion()[0] / math.sqrt(2 * rate), rel=0.1)


def test_conditions_change_at_their_sample():
    rings = RingJitter(REFERENCE, seed=SEED)
    everything = tuple(range(REFERENCE.rings))
    levels = rings.samples(
        300, {100: Conditions(stuck=everything), 200: Conditions(stuck=(5,)), 900: Conditions()}
    )
    assert (levels[100:200] == levels[99]).all()
    assert (levels[:, 5] == levels[99, 5])[100:].all()
    for part in (levels[:100], np.delete(levels, 5, axis=1)[200:]):
        assert (np.ptp(part, axis=0) == 1).all()
    assert rings.conditions == Conditions(stuck=(5,))


def test_duty_is_the_part_of_ones():
    levels = RingJitter(REFERENCE, seed=SEED, duty=0.4).samples(50_000)
    assert levels.mean() == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"celsius": -300.0}, "Temperature must be above -273.15 and below 1000 °C, not -300"),
        ({"flicker_ppm": -1.0}, "Flicker must be 0 to 100000 ppm, not -1"),
        ({"drift_ppm": math.nan}, "Drift must be -100000 to 100000 ppm in 1000 samples, not nan"),
        ({"stuck": (3, -1)}, r"Rings that are stuck must be numbers from 0, not \(3, -1\)"),
        ({"lock_strength": 1.0}, "Strength of locking must be 0 or more and less than 1, not 1"),
        ({"lock_strength": 0.1}, "Frequency to lock to must be above zero, not 0"),
    ],
)
def test_impossible_conditions_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Conditions(**changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"spread": 0.5}, "Spread of the stage delay must be 0 to 0.2"),
        ({"duty": 0.0}, "Duty cycle must be above 0"),
    ],
)
def test_impossible_rings_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        RingJitter(REFERENCE, seed=1, **changes)
