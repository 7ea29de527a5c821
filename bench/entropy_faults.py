"""Faults of a noise source, as samples of its rings from a healthy beginning on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from rtl.entropy.cutoffs import PROPORTION_WINDOW
from rtl.entropy.jitter import REFERENCE, expected_bias, guessing_entropy
from sim.health_tests import Samples
from sim.ring_jitter import Conditions, RingJitter

__all__ = [
    "ALIGNMENTS",
    "Samples",
    "Trial",
    "biased",
    "free_lock",
    "harmonic_lock",
    "periodic",
    "rings_stop",
    "some_rings_stop",
    "stuck_bit",
]

ALIGNMENTS = 1024
"""Places of an onset: every window of every test has ended once after so many samples."""

_BEHIND = 1024 + 64  # samples from an onset on, unless more are needed
_STRENGTHS = (0.01, 0.5)


@dataclass(frozen=True)
class Trial:
    """Samples of rings from power-on, with a fault from sample ``onset`` on, to be found in ``limit``."""

    name: str
    samples: Samples
    onset: int
    limit: int


@cache
def _healthy() -> Samples:
    """Enough for any trial in which what the rings do does not matter."""
    return RingJitter(REFERENCE, seed=1).samples(4 * ALIGNMENTS)


def _with_bits(name: str, onset: int, bits: npt.NDArray[np.uint8], limit: int) -> Trial:
    """From the onset on, one ring gives way so that the raw bits are these."""
    samples = _healthy()[: onset + len(bits)].copy()
    behind = samples[onset:]
    behind[:, 0] ^= np.bitwise_xor.reduce(behind, axis=1) ^ bits
    return Trial(name, samples, onset, limit)


def stuck_bit(onset: int, value: int, *, limit: int) -> Trial:
    """The raw bit is always the same, however the rings run."""
    return _with_bits(f"stuck at {value} from {onset}", onset, np.full(_BEHIND, value, np.uint8), limit)


def rings_stop(onset: int, *, limit: int) -> Trial:
    """All rings stand still."""
    samples = _healthy()[: onset + _BEHIND].copy()
    samples[onset:] = samples[onset - 1]
    return Trial(f"all rings stop at {onset}", samples, onset, limit)


def biased(seed: int, *, h: float) -> Trial:
    """Independent bits of min-entropy ``h``, to be found by the end of the second whole window."""
    draws = np.random.default_rng(seed)
    onset, value = int(draws.integers(ALIGNMENTS)), int(draws.integers(2))
    end = -(-onset // PROPORTION_WINDOW) * PROPORTION_WINDOW + 2 * PROPORTION_WINDOW
    likely = draws.random(end - onset) < 2.0**-h
    bits = np.where(likely, value, 1 - value).astype(np.uint8)
    return _with_bits(f"biased, seed {seed}", onset, bits, end - onset)


def periodic(onset: int, period: int, *, seed: int, errors: float, limit: int) -> Trial:
    """A pattern that repeats, any but all bits alike, each bit wrong with a small probability."""
    draws = np.random.default_rng((seed, period))
    pattern = np.zeros(period, np.uint8)
    while pattern.min() == pattern.max():
        pattern = draws.integers(0, 2, period, np.uint8)
    wrong = (draws.random(_BEHIND) < errors).astype(np.uint8)
    return _with_bits(
        f"pattern {pattern.tolist()} from {onset}", onset, np.resize(pattern, _BEHIND) ^ wrong, limit
    )


def harmonic_lock(seed: int, onset: int, *, limit: int) -> Trial:
    """A signal to which all rings lock, those of one length to the same harmonic of it.

    Every other one is a harmonic of the chip's own clock.
    """
    draws = np.random.default_rng(seed)
    while True:
        chip = int(draws.integers(1 << 32))
        ring_hz = RingJitter(REFERENCE, seed=chip).ring_hz
        lock_hz = REFERENCE.clock_hz * int(draws.integers(1, 6)) if seed % 2 else draws.uniform(10e6, 300e6)
        harmonics = np.maximum(np.round(ring_hz / lock_hz), 1)
        strength = draws.uniform(1.01, 1.5) * np.max(np.abs(1 - harmonics * lock_hz / ring_hz))
        by_length = harmonics.reshape(REFERENCE.banks, -1)
        if strength < _STRENGTHS[1] and (by_length == by_length[0]).all():
            conditions = Conditions(lock_hz=lock_hz, lock_strength=strength)
            return _lock(chip, onset, conditions, limit)


def free_lock(seed: int, *, near: bool, limit: int) -> tuple[Trial, float]:
    """A signal of any strength, and the min-entropy that the rings give which do not lock to it.

    ``near``: of 10 MHz to 300 MHz, whose harmonics are mostly further apart than rings of one length are;
    otherwise of 1 MHz to 10 MHz.
    """
    draws = np.random.default_rng(seed)
    low, high = (10e6, 300e6) if near else (1e6, 10e6)
    lock_hz = math.exp(draws.uniform(math.log(low), math.log(high)))
    conditions = Conditions(lock_hz=lock_hz, lock_strength=_strength(draws))
    ring_hz = RingJitter(REFERENCE, seed=seed).ring_hz
    harmonics = np.maximum(np.round(ring_hz / lock_hz), 1)
    locked = np.abs(ring_hz - harmonics * lock_hz) < conditions.lock_strength * ring_hz
    free = [length for length, held in zip(REFERENCE.ring_lengths, locked, strict=True) if not held]
    bias = math.prod(expected_bias(REFERENCE.diffusion(length)) for length in free)
    return _lock(seed, int(draws.integers(ALIGNMENTS)), conditions, limit), guessing_entropy(bias)


def _strength(draws: np.random.Generator) -> float:
    return math.exp(draws.uniform(math.log(_STRENGTHS[0]), math.log(_STRENGTHS[1])))


def _lock(seed: int, onset: int, conditions: Conditions, limit: int) -> Trial:
    rings = RingJitter(REFERENCE, seed=seed)
    before = rings.samples(onset)
    samples = np.concatenate([before, rings.samples(_BEHIND, {0: conditions})])
    name = f"lock to {conditions.lock_hz / 1e6:.3f} MHz, strength {conditions.lock_strength:.3f}, seed {seed}"
    return Trial(name, samples, onset, limit)


def some_rings_stop(seed: int, count: int, *, limit: int) -> Trial:
    """Some rings stand still, any of them."""
    draws = np.random.default_rng(seed)
    onset = int(draws.integers(ALIGNMENTS))
    stuck = tuple(int(ring) for ring in draws.permutation(REFERENCE.rings)[:count])
    rings = RingJitter(REFERENCE, seed=seed)
    before = rings.samples(onset)
    samples = np.concatenate([before, rings.samples(_BEHIND, {0: Conditions(stuck=stuck)})])
    return Trial(f"rings {stuck} stop at {onset}", samples, onset, limit)
