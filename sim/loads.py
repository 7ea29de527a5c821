"""Loads on generated mains: their currents as analogue signals, band-limited where they are not by nature."""

__all__ = [
    "LOADS",
    "Burst",
    "Combined",
    "Dimmer",
    "HalfWave",
    "Linear",
    "Load",
    "MotorStart",
    "NamedLoad",
    "Rectifier",
    "lanes",
    "limited",
    "sampled",
    "true_power",
]

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from sim.mains import Harmonic, Mains, Noise, distorted
from sim.resample import FLAT_TO, BandLimited, FloatArray, Signal

_OVERSAMPLING = 32
_ORDERS = 2048
_NEGLIGIBLE = 1e-8
_FINE_LOG2 = 18


class Load(Protocol):
    """Something that draws current from each phase of the mains."""

    def current(self, mains: Mains, phase: int = 0) -> Signal:
        """Return a phase's current in amperes; positive power is taken from the mains."""
        ...

    def highest_hz(self, mains: Mains) -> float:
        """Return the highest frequency in the current, infinite for one with edges or kinks."""
        ...


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A sine of current with harmonics, lagging the voltage.

    Parameters
    ----------
    irms_a:
        Of the fundamental.
    lag_deg:
        Angle by which the current lags: positive inductive, negative capacitive, 180° feeds in.
    harmonics:
        Their angles are counted from the current's own rising zero crossing.
    dc_a, noise:
        What is added.
    """

    irms_a: float = 5.0
    lag_deg: float = 0.0
    harmonics: tuple[Harmonic, ...] = ()
    dc_a: float = 0.0
    noise: Noise | None = None

    def current(self, mains: Mains, phase: int = 0) -> Signal:
        """Return a phase's current."""
        noise = None if self.noise is None else self.noise.of_lane(2 * phase + 1).signal()

        def amperes(times_s: FloatArray) -> FloatArray:
            angle = mains.angle(times_s, phase) - math.radians(self.lag_deg)
            peak = math.sqrt(2) * self.irms_a * mains.envelope(times_s)
            total = peak * distorted(angle, self.harmonics) + self.dc_a
            return total if noise is None else total + noise(times_s)

        return amperes

    def highest_hz(self, mains: Mains) -> float:
        """Return the frequency of the highest harmonic, or of the noise."""
        order = max((harmonic.order for harmonic in self.harmonics), default=1)
        return max(order * mains.frequency_hz, 0.0 if self.noise is None else self.noise.high_hz)


@dataclass(frozen=True, kw_only=True)
class Dimmer:
    """A phase-fired resistor: in each half-cycle the current starts at the firing angle.

    Parameters
    ----------
    irms_a:
        Current that would flow without the dimmer.
    firing_deg:
        Angle of the edge, from 0° to 180°.
    rise_s:
        Time in which the edge rises, as a half-wave of a cosine.
    ring_ratio, ring_hz, ring_decay_s:
        Ringing that the edge excites in an interference filter: its amplitude relative to the edge, its
        frequency, and the time in which it falls to 1/e.
    """

    irms_a: float = 4.0
    firing_deg: float = 90.0
    rise_s: float = 50e-6
    ring_ratio: float = 0.0
    ring_hz: float = 10e3
    ring_decay_s: float = 200e-6

    def current(self, mains: Mains, phase: int = 0) -> Signal:
        """Return a phase's current."""
        firing = math.radians(self.firing_deg)

        def amperes(times_s: FloatArray) -> FloatArray:
            angle = mains.angle(times_s, phase)
            peak = math.sqrt(2) * self.irms_a * mains.envelope(times_s)
            half = np.mod(angle, np.pi)
            since = (half - firing) / (2 * np.pi * mains.frequency_hz)
            edge = 0.5 - 0.5 * np.cos(np.pi * np.clip(since / self.rise_s, 0.0, 1.0))
            after = np.maximum(since, 0.0)
            ring = np.exp(-after / self.ring_decay_s) * np.sin(2 * np.pi * self.ring_hz * after)
            side = np.where(np.mod(angle, 2 * np.pi) < np.pi, 1.0, -1.0)
            return side * peak * edge * (np.sin(half) + self.ring_ratio * math.sin(firing) * ring)

        return amperes

    def highest_hz(self, mains: Mains) -> float:
        """An edge has no highest frequency."""
        return math.inf


@dataclass(frozen=True, kw_only=True)
class Rectifier:
    """A supply that charges a capacitor: a smooth pulse of current shortly before each crest.

    The pulse is cos x · exp(k · (cos 2x − 1)), x the angle from its middle.

    Parameters
    ----------
    irms_a:
        Of the whole current.
    sharpness:
        k: 12 gives pulses of about 2 ms at 50 Hz.
    lead_deg:
        Angle by which the pulse's middle comes before the crest.
    """

    irms_a: float = 2.0
    sharpness: float = 12.0
    lead_deg: float = 12.0

    def _pulse(self, angle: FloatArray) -> FloatArray:
        return np.cos(angle) * np.exp(self.sharpness * (np.cos(2 * angle) - 1))

    @cached_property
    def _cycle(self) -> FloatArray:
        return self._pulse(2 * np.pi * np.arange(2 * _ORDERS) / (2 * _ORDERS))

    def current(self, mains: Mains, phase: int = 0) -> Signal:
        """Return a phase's current."""
        middle = math.radians(90.0 - self.lead_deg)
        peak = self.irms_a / math.sqrt(float(np.mean(self._cycle**2)))

        def amperes(times_s: FloatArray) -> FloatArray:
            return peak * mains.envelope(times_s) * self._pulse(mains.angle(times_s, phase) - middle)

        return amperes

    def highest_hz(self, mains: Mains) -> float:
        """Return the frequency of the last harmonic above 10⁻⁸ of the largest."""
        spectrum = np.abs(np.fft.rfft(self._cycle))
        return float(np.flatnonzero(spectrum > _NEGLIGIBLE * spectrum.max())[-1] * mains.frequency_hz)


@dataclass(frozen=True, kw_only=True)
class HalfWave:
    """A resistor behind a diode: the positive half-cycles of a sine, with their DC and even harmonics."""

    irms_a: float = 5.0

    def current(self, mains: Mains, phase: int = 0) -> Signal:
        """Return a phase's current."""

        def amperes(times_s: FloatArray) -> FloatArray:
            return (
                2
                * self.irms_a
                * mains.envelope(times_s)
                * np.maximum(np.sin(mains.angle(times_s, phase)), 0.0)
            )

        return amperes

    def highest_hz(self, mains: Mains) -> float:
        """A kink has no highest frequency."""
        return math.inf


@dataclass(frozen=True, kw_only=True)
class Burst:
    """A load that is switched at the voltage's rising zero crossings: some cycles on, some off.

    Parameters
    ----------
    load:
        What is switched.
    on_cycles, off_cycles:
        How long. 2 on and 2 off draw sub-harmonics of a quarter of the mains frequency.
    """

    load: Load
    on_cycles: int = 2
    off_cycles: int = 2

    @property
    def cycles(self) -> int:
        """Cycles after which the current repeats."""
        return self.on_cycles + self.off_cycles

    def current(self, mains: Mains, phase: int = 0) -> Signal:
        """Return a phase's current."""
        switched = self.load.current(mains, phase)

        def amperes(times_s: FloatArray) -> FloatArray:
            cycle = np.mod(mains.angle(times_s, phase) / (2 * np.pi), self.cycles)
            return np.where(cycle < self.on_cycles, switched(times_s), 0.0)

        return amperes

    def highest_hz(self, mains: Mains) -> float:
        """The switch makes a kink, which has no highest frequency."""
        return math.inf


@dataclass(frozen=True, kw_only=True)
class MotorStart:
    """A motor that is switched on: an inrush that decays to the running current, and its decaying DC.

    Parameters
    ----------
    irms_a, lag_deg:
        Of the running motor.
    start_ratio, start_lag_deg:
        Inrush relative to the running current, and its lag.
    start_s:
        Time at which it is switched on.
    decay_s, dc_decay_s:
        Times in which the inrush and its DC fall to 1/e.
    """

    irms_a: float = 3.0
    lag_deg: float = 35.0
    start_ratio: float = 6.0
    start_lag_deg: float = 70.0
    start_s: float = 0.1
    decay_s: float = 0.2
    dc_decay_s: float = 0.03

    def current(self, mains: Mains, phase: int = 0) -> Signal:
        """Return a phase's current."""

        def amperes(times_s: FloatArray) -> FloatArray:
            since = np.maximum(times_s - self.start_s, 0.0)
            inrush = np.exp(-since / self.decay_s)
            lag = np.radians(self.lag_deg + (self.start_lag_deg - self.lag_deg) * inrush)
            ratio = 1.0 + (self.start_ratio - 1.0) * inrush
            first = mains.angle(np.asarray(self.start_s), phase) - math.radians(self.start_lag_deg)
            dc = self.start_ratio * np.sin(first) * np.exp(-since / self.dc_decay_s)
            running = ratio * np.sin(mains.angle(times_s, phase) - lag) - dc
            peak = math.sqrt(2) * self.irms_a * mains.envelope(times_s)
            return np.where(times_s < self.start_s, 0.0, peak * running)

        return amperes

    def highest_hz(self, mains: Mains) -> float:
        """The switch makes a kink, which has no highest frequency."""
        return math.inf


@dataclass(frozen=True)
class Combined:
    """Several loads on the same mains."""

    loads: tuple[Load, ...]

    def current(self, mains: Mains, phase: int = 0) -> Signal:
        """Return the sum of a phase's currents."""
        parts = [load.current(mains, phase) for load in self.loads]

        def amperes(times_s: FloatArray) -> FloatArray:
            total = np.zeros_like(times_s)
            for signal in parts:
                total += signal(times_s)
            return total

        return amperes

    def highest_hz(self, mains: Mains) -> float:
        """Return the highest frequency of all parts."""
        return max((load.highest_hz(mains) for load in self.loads), default=0.0)


@dataclass(frozen=True)
class NamedLoad:
    """A load that the command line knows by name."""

    description: str
    load: Load


_DISTORTED = (Harmonic(3, 0.3, 180.0), Harmonic(5, 0.15, 20.0), Harmonic(7, 0.08, 200.0))

LOADS: dict[str, NamedLoad] = {
    "heater": NamedLoad("resistor, 10 A in phase", Linear(irms_a=10.0)),
    "inductive": NamedLoad("coil and resistor, 5 A at power factor 0.5 lagging", Linear(lag_deg=60.0)),
    "capacitive": NamedLoad("5 A at power factor 0.8 leading", Linear(lag_deg=-math.degrees(math.acos(0.8)))),
    "distorted": NamedLoad("5 A with 3rd, 5th and 7th harmonic", Linear(lag_deg=15.0, harmonics=_DISTORTED)),
    "dimmer": NamedLoad("phase-fired lamp, 4 A lamp fired at 90°", Dimmer()),
    "ringing-dimmer": NamedLoad("the same with 10 kHz ringing of its filter", Dimmer(ring_ratio=0.5)),
    "rectifier": NamedLoad("supply with a capacitor, 2 A in short pulses", Rectifier()),
    "half-wave": NamedLoad("resistor behind a diode: DC and even harmonics, 5 A", HalfWave()),
    "motor": NamedLoad("motor switched on at 0.1 s, inrush of 6 times 3 A", MotorStart()),
    "household": NamedLoad(
        "heater, supply, dimmer and noise; a compressor starts at 0.7 s",
        Combined(
            (
                Linear(irms_a=3.0),
                Rectifier(),
                Dimmer(irms_a=1.0),
                MotorStart(irms_a=1.2, start_s=0.7),
                Linear(irms_a=0.0, noise=Noise(rms=0.01)),
            )
        ),
    ),
    "solar": NamedLoad("feeds 8 A into the mains", Linear(irms_a=8.0, lag_deg=180.0)),
    "none": NamedLoad("nothing connected: no current", Combined(())),
}


def true_power(load: Load, mains: Mains, phase: int = 0, cycles: int = 1) -> float:
    """Return the mean active power, without that of the DC, of the load's whole current.

    That is the current with all of its frequencies, also those that the band limiter of `lanes` takes off: a
    voltage without them makes no power of them. It is sampled at 2¹⁸ points a cycle over ``cycles`` cycles,
    after which it must repeat.
    """
    times = np.arange(cycles << _FINE_LOG2) / (1 << _FINE_LOG2) / mains.frequency_hz
    volts, amperes = mains.voltage(phase)(times), load.current(mains, phase)(times)
    return float(np.mean(volts * amperes) - np.mean(volts) * np.mean(amperes))


def sampled(signal: Signal, rate_hz: float, seconds: float, start_s: float = 0.0) -> FloatArray:
    """Sample a signal evenly from ``start_s`` on, for at least ``seconds``."""
    return signal(start_s + np.arange(math.ceil(seconds * rate_hz) + 1) / rate_hz)


def limited(signal: Signal, chip_rate_hz: float, seconds: float) -> Signal:
    """Band-limit a signal with edges or kinks, for times from 0 to ``seconds``.

    It is sampled at 32 times the chip's rate, also 64 chip samples before and after, and evaluated as a
    recording of that rate is.
    """
    margin_s = 64 / chip_rate_hz
    rate = _OVERSAMPLING * chip_rate_hz
    band_limited = BandLimited(sampled(signal, rate, seconds + 2 * margin_s, -margin_s), rate, chip_rate_hz)
    return lambda times_s: band_limited(times_s + margin_s)


def lanes(load: Load, mains: Mains, chip_rate_hz: float, seconds: float) -> tuple[tuple[Signal, Signal], ...]:
    """Return voltage and current of each phase, fit to be sampled at the chip's rate up to ``seconds``.

    What has frequencies above those that the band limiter passes unchanged goes through it.
    """
    highest = FLAT_TO * chip_rate_hz
    pairs = []
    for phase in range(mains.phases):
        voltage, current = mains.voltage(phase), load.current(mains, phase)
        if mains.highest_hz() > highest:
            voltage = limited(voltage, chip_rate_hz, seconds)
        if load.highest_hz(mains) > highest:
            current = limited(current, chip_rate_hz, seconds)
        pairs.append((voltage, current))
    return tuple(pairs)
