"""Calibration: what corrects a meter's channels, found by least squares from runs against a reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import least_squares

from rtl.metering.program.settings import ChannelSettings, Settings
from sim.adc import Adc
from sim.recordings.fundamental import fit_fundamental
from sim.resample import FloatArray
from soc.config import SocConfig
from soc.errors import InputError
from soc.formats.calibration import CHANNEL, COMMON, REGION, Calibration, Key

__all__ = ["REFERENCE_C", "Derived", "Pair", "Reference", "Run", "Sensor", "derive", "simulated"]

REFERENCE_C = 23.0
"""Temperature that coefficients refer to."""

_HIGHEST_ORDER = 40
_BAND = 0.43
_SAME_LEVEL = 1.3
_HUNDRED_DEGREES = 100.0
_MARGIN = 1e-6
_REFERENCE = next(key for key in COMMON if key.field == "reference_temperature")
_KEYS = {key.field: key for key in CHANNEL}
_REGION_KEYS = {key.field: key for key in REGION}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the reference meter shows of a voltage and a current.

    ``lag_deg`` is the angle by which the current is behind the voltage, ``lead_deg`` that by which the
    voltage is ahead of the first one, or None if that was not measured; both are of the fundamental.
    """

    volts: float
    amperes: float
    lag_deg: float
    lead_deg: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """A voltage and a current as the meter's sensors show them, in volts and amperes, and their reference.

    ``voltage`` and ``current`` are names of channels.
    """

    voltage: str
    current: str
    voltage_v: FloatArray
    current_a: FloatArray
    reference: Reference


@dataclass(frozen=True, eq=False, kw_only=True)
class Run:
    """A steady state, held for some time at one temperature; ``source`` names it in messages."""

    source: str
    rate_hz: float
    pairs: Sequence[Pair]
    temperature_c: float = REFERENCE_C


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """Errors of a lane's sensor and converter.

    ``offset`` is in volts or amperes, ``phase_deg`` is by how much the lane is late at the nominal frequency.
    ``linear`` and ``square`` change the gain, a degree and a square degree from 23 °C.
    """

    gain: float = 1.0
    offset: float = 0.0
    phase_deg: float = 0.0
    linear: float = 0.0
    square: float = 0.0
    noise_lsb: float = 0.0

    def adc(self, config: SocConfig, full_scale: float, temperature_c: float, seed: int) -> Adc:
        """The lane's converter at a temperature."""
        warmer = temperature_c - REFERENCE_C
        return Adc(
            full_scale=full_scale,
            width=config.word_bits,
            gain=self.gain * (1 + self.linear * warmer + self.square * warmer**2),
            offset=self.offset,
            delay_s=self.phase_deg / 360 / config.nominal_hz,
            noise_lsb=self.noise_lsb,
            seed=seed,
        )


@dataclass(frozen=True, kw_only=True)
class Derived:
    """A calibration, and for each channel what it leaves: the largest error of a run.

    ``gain_percent`` is of the RMS value; ``phase_deg`` of the angle between voltage and current, and 0 for
    channels that only others are compared with.
    """

    calibration: Calibration
    gain_percent: Mapping[str, float]
    phase_deg: Mapping[str, float]


def simulated(
    config: SocConfig,
    sensors: Mapping[str, Sensor],
    references: Mapping[tuple[str, str], Reference],
    *,
    v_max: float,
    i_max: float,
    frequency_hz: float,
    seconds: float,
    temperature_c: float,
    source: str,
) -> Run:
    """A run of sines on sensors with errors; channels that ``sensors`` leaves out are ideal."""
    rate = float(config.sample_rate_hz)
    times = np.arange(round(seconds * rate)) / rate
    pairs = []
    for number, ((voltage, current), reference) in enumerate(references.items()):
        lead = math.radians(reference.lead_deg or 0.0)
        lanes: list[FloatArray] = []
        for name, rms, full_scale, angle in (
            (voltage, reference.volts, v_max, lead),
            (current, reference.amperes, i_max, lead - math.radians(reference.lag_deg)),
        ):
            adc = sensors.get(name, Sensor()).adc(config, full_scale, temperature_c, 2 * number + len(lanes))
            codes = adc.convert(_Sine(rms, frequency_hz, angle), times)
            if codes.clipped:
                raise InputError(f"{source}: {name} is clipped at full scale; give a larger full scale.")
            lanes.append(codes.values * adc.lsb)
        pairs.append(
            Pair(
                voltage=voltage, current=current, voltage_v=lanes[0], current_a=lanes[1], reference=reference
            )
        )
    return Run(source=source, rate_hz=rate, pairs=pairs, temperature_c=temperature_c)


@dataclass(frozen=True)
class _Sine:
    rms: float
    frequency_hz: float
    angle_rad: float

    def __call__(self, times_s: FloatArray) -> FloatArray:
        turn = 2 * np.pi * self.frequency_hz * times_s + self.angle_rad
        values: FloatArray = math.sqrt(2) * self.rms * np.sin(turn)
        return values


# --- What a run shows of a channel


@dataclass(frozen=True)
class _Seen:
    """One run's view of a channel.

    ``ratio`` is true over shown RMS value, ``late`` by how many of the chip's sample periods the channel must
    be made later than the one that it is compared with, None if it is not compared.
    """

    source: str
    rms: float
    ratio: float
    offset: float
    warmer: float
    late: float | None
    degrees_a_sample: float


def _lane(samples: FloatArray, rate_hz: float, frequency_hz: float) -> tuple[float, float, float]:
    """Mean, RMS value without it, and angle in degrees of a lane's fundamental: a sine's at its start."""
    orders = np.arange(1, 1 + max(1, min(_HIGHEST_ORDER, int(_BAND * rate_hz / frequency_hz))))
    turns = 2 * np.pi * frequency_hz / rate_hz * np.arange(samples.size) * orders[:, None]
    rows = np.vstack([np.ones(samples.size), np.sin(turns), np.cos(turns)])
    factors = np.linalg.solve(rows @ rows.T, rows @ samples)
    in_phase, quadrature = factors[1 : 1 + orders.size], factors[1 + orders.size :]
    rms = math.sqrt(float(in_phase @ in_phase + quadrature @ quadrature) / 2)
    return float(factors[0]), rms, math.degrees(math.atan2(quadrature[0], in_phase[0]))


def _wrapped(degrees: float) -> float:
    return (degrees + 180) % 360 - 180


def _look(runs: Sequence[Run], chip_rate_hz: float) -> dict[str, list[_Seen]]:
    seen: dict[str, list[_Seen]] = {}
    for run in runs:
        first_angle = None
        for pair in run.pairs:
            found = fit_fundamental(pair.voltage_v, run.rate_hz)
            if found is None:
                raise InputError(f"{run.source}: {pair.voltage} has no mains frequency; check its channel.")
            reference, frequency = pair.reference, found.frequency_hz
            v_offset, vrms, v_angle = _lane(pair.voltage_v, run.rate_hz, frequency)
            i_offset, irms, i_angle = _lane(pair.current_a, run.rate_hz, frequency)
            first_angle = v_angle if first_angle is None else first_angle
            degrees = 360 * frequency / chip_rate_hz
            ahead = None
            if reference.lead_deg is not None:
                ahead = _wrapped(v_angle - first_angle - reference.lead_deg) / degrees
            behind = _wrapped(reference.lag_deg - (v_angle - i_angle)) / degrees
            for name, shown, true, offset, late in (
                (pair.voltage, vrms, reference.volts, v_offset, ahead),
                (pair.current, irms, reference.amperes, i_offset, behind),
            ):
                if shown <= 0:
                    raise InputError(f"{run.source}: {name} is zero; check its channel.")
                warmer = run.temperature_c - REFERENCE_C
                seen.setdefault(name, []).append(
                    _Seen(run.source, true, true / shown, offset, warmer, late, degrees)
                )
    return seen


# --- What corrects a channel


@dataclass
class _Fit:
    """Correction of a channel, with a gain and a delay for each of its levels."""

    offset: float
    gains: list[float]
    delays: list[float]
    starts: list[float]
    linear: float
    square: float
    gain_percent: float
    phase_deg: float


def _levels(seen: Sequence[_Seen], most: int) -> list[list[_Seen]]:
    """Runs by current, rising: those within 30 % are one level, and there are at most ``most``."""
    levels: list[list[_Seen]] = []
    for each in sorted(seen, key=lambda each: each.rms):
        if levels and each.rms < _SAME_LEVEL * levels[-1][0].rms:
            levels[-1].append(each)
        else:
            levels.append([each])
    while len(levels) > most:
        gaps = [right[0].rms / left[-1].rms for left, right in pairwise(levels)]
        nearest = int(np.argmin(gaps))
        levels[nearest : nearest + 2] = [levels[nearest] + levels[nearest + 1]]
    return levels


def _fit(seen: Sequence[_Seen], regions: int) -> _Fit:
    """Gain of each level and the two temperature coefficients, so that relative errors are least squares."""
    levels = _levels(seen, max(1, regions)) if regions else [list(seen)]
    level = np.repeat(np.arange(len(levels)), [len(each) for each in levels])
    runs = [each for group in levels for each in group]
    ratio = np.array([each.ratio for each in runs])
    warmer = np.array([each.warmer for each in runs]) / _HUNDRED_DEGREES
    terms = min(2, len(set(warmer.tolist())) - 1)
    powers = warmer[:, None] ** np.arange(1, 1 + terms)

    def errors(factors: FloatArray) -> FloatArray:
        gains, coefficients = factors[: len(levels)], factors[len(levels) :]
        found: FloatArray = gains[level] * (1 + powers @ coefficients) / ratio - 1
        return found

    start = [float(np.mean(ratio[level == number])) for number in range(len(levels))]
    solution = least_squares(errors, [*start, *[0.0] * terms], xtol=1e-15, ftol=1e-15, gtol=1e-15)
    coefficients = [*solution.x[len(levels) :].tolist(), 0.0, 0.0]
    late = np.array([0.0 if each.late is None else each.late for each in runs])
    delays = [float(np.mean(late[level == number])) for number in range(len(levels))]
    left = (late - np.array(delays)[level]) * np.array([each.degrees_a_sample for each in runs])
    return _Fit(
        offset=float(np.mean([each.offset for each in runs])),
        gains=solution.x[: len(levels)].tolist(),
        delays=delays,
        starts=[
            0.0,
            *(math.sqrt(below[-1].rms * above[0].rms) for below, above in pairwise(levels)),
        ],
        linear=coefficients[0] / _HUNDRED_DEGREES,
        square=coefficients[1] / _HUNDRED_DEGREES**2,
        gain_percent=100 * float(np.abs(errors(solution.x)).max()),
        phase_deg=float(np.abs(left).max()),
    )


def derive(runs: Sequence[Run], config: SocConfig, *, v_max: float, i_max: float) -> Derived:
    """Find gain, offset and delay of every channel; regions and temperature coefficients if runs differ.

    Currents of more than 1.3 times another are a region of their own, up to five. Two temperatures give the
    linear coefficient, three the square one as well. A channel that no run shows stays uncorrected.

    Raises
    ------
    InputError
        If there is no run, a channel has no signal, or a correction is out of range.
    """
    if not runs:
        raise InputError("Calibration needs at least one run; give a recording, or a reference to simulate.")
    settings = Settings(config.metering)
    setattr(settings, _REFERENCE.field, _REFERENCE.word(REFERENCE_C))
    seen = _look(runs, float(config.sample_rate_hz))
    channels = {channel.name: channel for channel in settings.channels}
    for name, views in seen.items():
        if name not in channels:
            raise InputError(
                f"{views[0].source}: the preset {config.name!r} has no channel {name!r}; "
                f"it has {', '.join(channels)}."
            )
    fits = {name: _fit(views, len(channels[name].regions)) for name, views in seen.items()}
    followed = {pair.current: pair.voltage for run in runs for pair in run.pairs}
    earliest = 0.0
    for name, fit in fits.items():
        if name in followed:
            base = fits[followed[name]].delays[0]
            fit.delays = [base + delay for delay in fit.delays]
        earliest = min([earliest, *fit.delays])
    # All channels later by the same time change nothing between them.
    common = max(0.0, _KEYS["delay"].least + _MARGIN - earliest) if earliest < 0 else 0.0
    for name, channel in channels.items():
        place = f"{runs[0].source}: {name}"
        _set(channel, fits.get(name), common, v_max if name.startswith("voltage") else i_max, place)
    settings.crc = settings.computed_crc
    return Derived(
        calibration=Calibration(
            preset=config.name, v_max=v_max, i_max=i_max, settings=settings, source=runs[0].source
        ),
        gain_percent={name: fit.gain_percent for name, fit in fits.items()},
        phase_deg={name: fit.phase_deg for name, fit in fits.items()},
    )


def _set(channel: ChannelSettings, fit: _Fit | None, common: float, full_scale: float, place: str) -> None:
    """Give a channel its words."""
    if fit is None:
        setattr(channel, _KEYS["delay"].field, _word(_KEYS["delay"], common, place))
        return
    gain, delay = float(np.mean(fit.gains)), float(np.mean(fit.delays))
    for name, value in (
        ("offset", fit.offset / full_scale),
        ("gain", gain),
        ("delay", delay + common),
        ("linear", fit.linear),
        ("square", fit.square),
    ):
        setattr(channel, name, _word(_KEYS[name], value, place))
    for region, start, level_gain, level_delay in zip(
        channel.regions, fit.starts, fit.gains, fit.delays, strict=False
    ):
        here = f"{place}.regions.{region.number}"
        region.start = _word(_REGION_KEYS["start"], start / full_scale, here)
        region.gain = _word(_REGION_KEYS["gain"], level_gain / gain, here)
        region.delay = _word(_REGION_KEYS["delay"], level_delay - delay, here)


def _word(key: Key, value: float, place: str) -> int:
    key.check(value, place)
    return key.word(value)
