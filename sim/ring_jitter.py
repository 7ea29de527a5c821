"""Ring oscillators as a stochastic process: phases that walk at random, and what can befall them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from rtl.entropy.jitter import JitterModel

__all__ = ["DELAY_PER_KELVIN", "REFERENCE_CELSIUS", "Conditions", "RingJitter", "raw_bits"]

Bits = npt.NDArray[np.uint8]
Phases = npt.NDArray[np.float64]

REFERENCE_CELSIUS = 25.0
"""Temperature at which the jitter model's figures hold."""

DELAY_PER_KELVIN = 7e-4
"""By what fraction a stage is slower at one kelvin more."""

_ZERO_CELSIUS = 273.15
_FLICKER_OCTAVES = 16
_PIECE = 1 << 12


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What the rings meet with.

    Parameters
    ----------
    celsius : float
        Temperature. Stages are slower when it is warm (`DELAY_PER_KELVIN`), and the power of thermal noise is
        proportional to the absolute temperature.
    drift_ppm : float
        How much faster all rings become in a thousand samples, in millionths.
    flicker_ppm : float
        Standard deviation of a slow wander of each ring's frequency, in millionths: the same power in each
        octave down to 65 536 samples, as flicker noise has.
    lock_hz : float
        Frequency of a signal that is injected, by the supply for instance.
    lock_strength : float
        How far from a harmonic of that signal a ring may run and yet lock to it, as a fraction of its own
        frequency. Beyond, it is pulled towards the harmonic but slips.
    stuck : tuple of int
        Rings that stand still, at the level that they have.

    Raises
    ------
    ValueError
        If one of them is out of its range.
    """

    celsius: float = REFERENCE_CELSIUS
    drift_ppm: float = 0.0
    flicker_ppm: float = 0.0
    lock_hz: float = 0.0
    lock_strength: float = 0.0
    stuck: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not -_ZERO_CELSIUS < self.celsius < 1000:
            raise ValueError(
                f"Temperature must be above {-_ZERO_CELSIUS} and below 1000 °C, not {self.celsius}"
            )
        if not 0 <= self.flicker_ppm <= 1e5:
            raise ValueError(f"Flicker must be 0 to 100000 ppm, not {self.flicker_ppm}")
        if not abs(self.drift_ppm) <= 1e5:
            raise ValueError(f"Drift must be -100000 to 100000 ppm in 1000 samples, not {self.drift_ppm}")
        if not 0 <= self.lock_strength < 1:
            raise ValueError(
                f"Strength of locking must be 0 or more and less than 1, not {self.lock_strength}"
            )
        if any(ring < 0 for ring in self.stuck):
            raise ValueError(f"Rings that are stuck must be numbers from 0, not {self.stuck!r}")
        if not (self.lock_hz > 0 if self.lock_strength else self.lock_hz >= 0):
            raise ValueError(f"Frequency to lock to must be above zero, not {self.lock_hz}")


class RingJitter:
    """The rings of a `JitterModel` under changing conditions, sample by sample, from a seed.

    The phase of each ring goes on by its frequency and a Gaussian step whose deviation is the model's
    diffusion. An injected signal acts after Adler's equation (A study of locking phenomena in oscillators,
    1946), solved exactly from sample to sample; thermal noise then comes in as far as the locking lets it
    build up.

    Parameters
    ----------
    model : JitterModel
        The rings.
    seed : int
        Of the random numbers: the same seed, the same samples, however they are divided over calls.
    spread : float
        Standard deviation of the stage delay from ring to ring, as a fraction.
    duty : float
        Part of its period in which a ring's output is high.
    conditions : Conditions
        What they meet with; may be changed between two calls.

    Raises
    ------
    ValueError
        If the spread or the duty are out of their range.
    """

    def __init__(
        self,
        model: JitterModel,
        *,
        seed: int,
        spread: float = 0.03,
        duty: float = 0.5,
        conditions: Conditions = Conditions(),
    ):
        if not 0 <= spread <= 0.2:
            raise ValueError(f"Spread of the stage delay must be 0 to 0.2, not {spread}")
        if not 0 < duty < 1:
            raise ValueError(f"Duty cycle must be above 0 and below 1, not {duty}")
        self.model = model
        self.conditions = conditions
        self._duty = duty
        self._random, self._wandering = np.random.default_rng(seed).spawn(2)
        rings = model.rings
        delay = np.maximum(1 + spread * self._random.standard_normal(rings), 0.1)
        self._stage_ps = model.stage_ps * delay
        self._phase = self._random.random(rings)
        self._lock_phase = np.zeros(rings)
        self._drift = 0.0
        self._flicker = self._wandering.standard_normal((_FLICKER_OCTAVES, rings))

    @property
    def ring_hz(self) -> Phases:
        """Frequency of each ring as it is now, without flicker and locking."""
        warmer = self.conditions.celsius - REFERENCE_CELSIUS
        stage_ps = self._stage_ps * (1 + DELAY_PER_KELVIN * warmer)
        return (1 + self._drift) * 1e12 / (2 * np.array(self.model.ring_lengths) * stage_ps)

    def diffusion(self) -> Phases:
        """Deviation of each ring's phase that thermal noise brings in between two samples, in periods."""
        noise = (self.conditions.celsius + _ZERO_CELSIUS) / (REFERENCE_CELSIUS + _ZERO_CELSIUS)
        rings = zip(self._stage_ps, self.model.ring_lengths, strict=True)
        values = [replace(self.model, stage_ps=float(stage)).diffusion(length) for stage, length in rings]
        return np.array(values) * np.sqrt(noise)

    def phases(self, count: int) -> Phases:
        """The next ``count`` phases of each ring (samples by rings), 0 to 1."""
        pieces = [self._piece(min(_PIECE, count - start)) for start in range(0, count, _PIECE)]
        return np.concatenate(pieces) if pieces else np.empty((0, self.model.rings))

    def samples(self, count: int, changes: Mapping[int, Conditions] | None = None) -> Bits:
        """The next ``count`` levels of each ring (samples by rings), 0 or 1.

        Parameters
        ----------
        count : int
            How many.
        changes : mapping of int to Conditions
            The conditions from a sample on, counted from the first one of this call; the last ones stay.
        """
        changes = {start: each for start, each in sorted((changes or {}).items()) if 0 <= start < count}
        borders = [0, *changes, count]
        levels = [np.empty((0, self.model.rings), np.uint8)]
        for start, end in pairwise(borders):
            self.conditions = changes.get(start, self.conditions)
            levels.append((self.phases(end - start) < self._duty).astype(np.uint8))
        return np.concatenate(levels)

    def _piece(self, count: int) -> Phases:
        """The same for a number of samples that the memory holds."""
        conditions, rings = self.conditions, self.model.rings
        noise = self._random.standard_normal((count, rings)) * self.diffusion()
        drift = self._drift + conditions.drift_ppm * 1e-9 * np.arange(1, count + 1)
        periods = self.ring_hz / (1 + self._drift) * self.model.sample_ps * 1e-12
        relative = drift[:, None] + self._wander(count)
        self._drift = float(drift[-1])
        moving = np.ones(rings)
        moving[list(conditions.stuck)] = 0  # raises IndexError for a ring that there is not
        if conditions.lock_strength:
            phases = self._locked(periods, relative, noise, moving)
        else:
            steps = (periods % 1 + periods * relative + noise) * moving
            phases = self._phase + np.cumsum(steps, axis=0)
        phases %= 1
        self._phase = phases[-1].copy()
        return phases

    def _wander(self, count: int) -> Phases:
        """Relative deviation of the frequencies by flicker: first-order processes, an octave apart."""
        wander = np.zeros((count, self.model.rings))
        scale = self.conditions.flicker_ppm * 1e-6 / np.sqrt(_FLICKER_OCTAVES)
        if not scale:
            return wander
        steps = self._wandering.standard_normal((count, *self._flicker.shape))
        for octave in range(_FLICKER_OCTAVES):
            keep = np.exp(-(2.0**-octave))
            step = steps[:, octave] * np.sqrt(1 - keep**2)
            values, _ = lfilter(
                [1.0], [1.0, -keep], step, axis=0, zi=keep * self._flicker[octave : octave + 1]
            )
            self._flicker[octave] = values[-1]
            wander += scale * values
        return wander

    def _locked(self, periods: Phases, relative: Phases, noise: Phases, moving: Phases) -> Phases:
        """Phases under an injected signal.

        With ψ the angle from the harmonic, ψ' = a − b · sin ψ; for z = e^(iψ) that is a Riccati equation,
        whose solution is a fraction of linear functions of z. Its derivative says how much of a step of noise
        is left after the interval, and hence how much of the noise of the interval is.
        """
        injected = self.conditions.lock_hz * self.model.sample_ps * 1e-12
        harmonic = np.maximum(np.round(periods / injected), 1)
        turn = (harmonic * injected) % 1
        pull = 2 * np.pi * self.conditions.lock_strength * periods
        phases = np.empty_like(noise)
        for index in range(len(noise)):
            away = 2 * np.pi * (periods * (1 + relative[index]) - harmonic * injected)
            angle, shrinks = _adler(2 * np.pi * (self._phase - self._lock_phase), away, pull)
            left = np.where(
                np.abs(shrinks) < 1e-9, 1, np.expm1(2 * shrinks) / np.where(shrinks, 2 * shrinks, 1)
            )
            locked = (self._lock_phase + turn) % 1
            step = angle / (2 * np.pi) + noise[index] * np.sqrt(left)
            self._phase = np.where(moving, (locked + step) % 1, self._phase)
            self._lock_phase = locked
            phases[index] = self._phase
        return phases


def _adler(angle: Phases, away: Phases, pull: Phases) -> tuple[Phases, Phases]:
    """Where ψ' = away − pull · sin ψ leads in one unit of time, and ln of the derivative of that by ψ."""
    z = np.exp(1j * angle)
    square = (pull**2 - away**2) / 4
    rate = np.sqrt(np.abs(square))
    locks = square > 0
    # cosh and sinh / rate, divided by cosh where the ring locks: they would overflow.
    cosine = np.where(locks, 1, np.cos(rate))
    sine = np.where(locks, np.tanh(rate), np.sin(rate)) / np.maximum(rate, 1e-12)
    ln_determinant = np.where(locks, -2 * (rate + np.log1p(np.exp(-2 * rate)) - np.log(2)), 0)
    turned = cosine + 0.5j * away * sine
    coupled = 0.5 * pull * sine
    below = coupled * z + np.conj(turned)
    return np.angle((turned * z + coupled) / below), ln_determinant - 2 * np.log(np.abs(below))


def raw_bits(samples: Bits) -> Bits:
    """The raw bit of each sample: the exclusive or of all rings."""
    return np.bitwise_xor.reduce(samples, axis=1)
