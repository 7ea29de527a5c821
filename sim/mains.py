"""Generated mains: voltages as analogue signals that have an exact value at any time."""

__all__ = ["Harmonic", "Mains", "Noise", "distorted"]

import math
from dataclasses import dataclass, replace

import numpy as np

from sim.resample import FloatArray, Signal

_TONES = 64


@dataclass(frozen=True)
class Harmonic:
    """A multiple of the fundamental: its order, its amplitude relative to the fundamental's, its angle.

    The angle is that of a sine at the fundamental's rising zero crossing.
    """

    order: int
    ratio: float
    angle_deg: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Band-limited noise that has a value at any time: 64 tones of random frequency and phase.

    Parameters
    ----------
    rms:
        Root mean square in volts or amperes.
    seed:
        The same seed gives the same noise.
    low_hz, high_hz:
        The band.

    Raises
    ------
    ValueError
        If the rms is negative or the band empty.
    """

    rms: float
    seed: int = 0
    low_hz: float = 5.0
    high_hz: float = 2500.0

    def __post_init__(self) -> None:
        if self.rms < 0 or not 0 <= self.low_hz < self.high_hz:
            raise ValueError(
                f"Noise needs an rms of zero or more and a rising band, not {self.rms!r} "
                f"from {self.low_hz!r} to {self.high_hz!r} Hz"
            )

    def of_lane(self, lane: int) -> "Noise":
        """Return the noise of another lane: of the same kind, and independent of the others."""
        return replace(self, seed=self.seed + 7919 * lane)

    def signal(self) -> Signal:
        """Return the noise as a signal."""
        random = np.random.default_rng(self.seed)
        pulsations = 2 * np.pi * random.uniform(self.low_hz, self.high_hz, _TONES)
        phases = random.uniform(0, 2 * np.pi, _TONES)
        amplitude = self.rms * math.sqrt(2 / _TONES)

        def noise(times_s: FloatArray) -> FloatArray:
            total = np.zeros_like(times_s)
            for pulsation, phase in zip(pulsations, phases, strict=True):
                total += np.sin(pulsation * times_s + phase)
            return amplitude * total

        return noise


@dataclass(frozen=True, kw_only=True)
class Mains:
    """A grid of one or three phases.

    Parameters
    ----------
    vrms_v, frequency_hz:
        Of the fundamental, at time 0.
    phases:
        1, or 3 that follow each other by 120°.
    reversed_order:
        Whether the third phase comes before the second.
    missing:
        Phases, counted from 0, whose voltage is zero; their angles go on.
    start_deg:
        The first phase's angle at time 0; 0° is its rising zero crossing.
    frequency_drift_hz_per_s, voltage_drift_per_s:
        Change of the frequency in a second, and of the voltage as a fraction of it.
    harmonics, dc_v, noise:
        What is added to the fundamental; each phase has noise of its own.

    Raises
    ------
    ValueError
        If the frequency is not positive, the voltage negative, the phases are neither 1 nor 3, or one is
        missing that there is not.
    """

    vrms_v: float = 230.0
    frequency_hz: float = 50.0
    phases: int = 1
    reversed_order: bool = False
    missing: tuple[int, ...] = ()
    start_deg: float = 0.0
    frequency_drift_hz_per_s: float = 0.0
    voltage_drift_per_s: float = 0.0
    harmonics: tuple[Harmonic, ...] = ()
    dc_v: float = 0.0
    noise: Noise | None = None

    def __post_init__(self) -> None:
        if not self.frequency_hz > 0:
            raise ValueError(f"Frequency must be a positive number of hertz, not {self.frequency_hz!r}")
        if not self.vrms_v >= 0:
            raise ValueError(f"Voltage must be zero or more volts, not {self.vrms_v!r}")
        if self.phases not in (1, 3):
            raise ValueError(f"Mains have 1 or 3 phases, not {self.phases!r}")
        if not set(self.missing) <= set(range(self.phases)):
            raise ValueError(f"Missing phases must be from 0 to {self.phases - 1}, not {self.missing!r}")

    def angle(self, times_s: FloatArray, phase: int = 0) -> FloatArray:
        """Return the angle of a phase's fundamental in radians; its voltage rises through zero at 0."""
        cycles = (self.frequency_hz + self.frequency_drift_hz_per_s / 2 * times_s) * times_s
        lag = -phase if self.reversed_order else phase
        return 2 * np.pi * cycles + math.radians(self.start_deg) - 2 * np.pi / 3 * lag

    def envelope(self, times_s: FloatArray) -> FloatArray:
        """Return the voltage as a fraction of that at time 0."""
        return 1.0 + self.voltage_drift_per_s * times_s

    def highest_hz(self) -> float:
        """Return the highest frequency in the voltages."""
        order = max((harmonic.order for harmonic in self.harmonics), default=1)
        return max(order * self.frequency_hz, 0.0 if self.noise is None else self.noise.high_hz)

    def voltage(self, phase: int = 0) -> Signal:
        """Return a phase's voltage."""
        if phase in self.missing:
            return np.zeros_like
        noise = None if self.noise is None else self.noise.of_lane(2 * phase).signal()

        def volts(times_s: FloatArray) -> FloatArray:
            angle = self.angle(times_s, phase)
            total = (
                math.sqrt(2) * self.vrms_v * self.envelope(times_s) * distorted(angle, self.harmonics)
                + self.dc_v
            )
            return total if noise is None else total + noise(times_s)

        return volts


def distorted(angle: FloatArray, harmonics: tuple[Harmonic, ...]) -> FloatArray:
    """Return a sine of amplitude 1 with its harmonics."""
    total = np.sin(angle)
    for harmonic in harmonics:
        total += harmonic.ratio * np.sin(harmonic.order * angle + math.radians(harmonic.angle_deg))
    return total
