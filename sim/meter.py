"""Measuring: an analogue signal through converter and chip, beside the float64 reference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import numpy as np

from rtl.metering.compiler import compile_program
from rtl.metering.constants import Constants
from rtl.metering.parameters import INPUTS
from rtl.metering.program.settings import TEMPERATURE_FRACTION
from rtl.metering.quantities import TIME_FRACTION
from sim.adc import CURRENT_RANGES_A, VOLTAGE_RANGES_V, Adc, standard_range
from sim.backends import Backend, PowerOff, Result, needs
from sim.backends.base import Progress
from sim.calibration import REFERENCE_C
from sim.compiled_model import CompiledModel
from sim.core_alone import CoreAlone
from sim.declared import declared, declared_share
from sim.measured import HarmonicWindows, Scale, Windows
from sim.readings import Readings
from sim.records import Records, shown
from sim.reference import mains_frequency, reference
from sim.resample import FloatArray, Signal
from sim.status import VOLTAGE_KINDS, sentences
from soc.config import SocConfig
from soc.errors import InputError
from sw.app.main import main as firmware

__all__ = [
    "ENGINES",
    "TEMPERATURES_C",
    "Analogue",
    "Engine",
    "Measurement",
    "ModelEngine",
    "Observation",
    "RtlEngine",
    "compiled",
    "digitise",
    "measure",
    "observe",
]

TEMPERATURES_C = (-128, 127)
"""Lowest and highest temperature that the sensor's word can hold."""

Outcome = tuple[Records, Result | None]


@dataclass(frozen=True, kw_only=True)
class Analogue:
    """Signals at the chip's inputs.

    Parameters
    ----------
    source : str
        Where they come from, for messages.
    lanes : sequence of (voltage, current)
        One pair of band-limited signals a phase, in volts and amperes, as functions of seconds.
    start_s, seconds : float
        Time of the first sample set, and length.
    whole : function
        Keeps those of the window boundaries that the readings are to be over; all of them by default.
    flaws : tuple of str
        Sentences on what is wrong with the signal itself.
    """

    source: str
    lanes: Sequence[tuple[Signal, Signal]]
    start_s: float
    seconds: float
    whole: Callable[[FloatArray], FloatArray] = field(default=lambda boundaries: boundaries)
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True)
class Samples:
    """Codes of every lane of the chip, the times at which they were taken, and the full scales."""

    codes: np.ndarray
    times_s: FloatArray
    volts: FloatArray
    amperes: FloatArray
    v_max: float
    i_max: float
    clipped: int


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What the chip saw and measured: the windows that are kept, and their ends in the source's time.

    ``settings`` are those that it was given.
    """

    samples: Samples
    windows: Windows
    harmonics: HarmonicWindows
    boundaries_s: FloatArray
    settings: Sequence[int]
    run: Result | None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Readings of an interval beside their reference.

    ``interval_s`` is the interval from the first zero crossing to the last, in seconds of the source's time,
    ``start_s`` the time of the first sample set; ``run`` tells of the simulation, None for the model.
    """

    source: str
    engine: str
    config: SocConfig
    start_s: float
    interval_s: tuple[float, float]
    readings: list[Readings]
    references: list[Readings]
    windows: Windows
    harmonics: HarmonicWindows
    samples: Samples
    notes: tuple[str, ...]
    run: Result | None

    def as_dict(self) -> dict[str, Any]:
        """The form of ``readings.json``."""
        return {
            "engine": self.engine,
            "interval_s": list(self.interval_s),
            "phases": [
                {**asdict(measured), "reference": asdict(truth)}
                for measured, truth in zip(self.readings, self.references, strict=True)
            ],
            "status": self.windows.status(),
            "events": self.windows.events(self.start_s),
            "calibration": self.windows.calibration(),
            "notes": list(self.notes),
            "quantities": self.windows.quantities(),
            "harmonics": self.harmonics.quantities(),
        }


class Engine(ABC):
    """What turns sample sets into the quantities of windows, on a back-end if it needs one.

    ``settings`` are the words of the chip's settings in the order of their addresses, its own if empty; they
    hold from the first sample set on. ``temperature_c`` is what the chip's temperature sensor shows.
    """

    name: str
    takes_settings = True
    settings: Sequence[int] = ()
    temperature_c: float = REFERENCE_C

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def temperature(self) -> int:
        """The word of the temperature sensor."""
        return round(self.temperature_c * (1 << TEMPERATURE_FRACTION))

    @abstractmethod
    def run(self, config: SocConfig, codes: np.ndarray, progress: Progress) -> Outcome:
        """Quantities of every window in ``codes``, and how the run went."""


class ModelEngine(Engine):
    """The integer model, bit-exact to the RTL; it needs no back-end."""

    name = "model"
    _PART = 8000

    def run(self, config: SocConfig, codes: np.ndarray, progress: Progress) -> Outcome:
        """Run the metrology program as compiled code."""
        progress("Compiling the model, once for these sources", None)
        model, parameters = compiled(config).fresh(), config.metering
        if self.settings:
            model.give_settings(self.settings)
        beside = np.zeros((self._PART, len(INPUTS)), np.int64)
        beside[:, INPUTS.index("temperature")] = self.temperature
        parts: list[np.ndarray] = []
        for first in range(0, len(codes), self._PART):
            progress("Computing", first / len(codes))
            part = codes[first : first + self._PART] << parameters.alignment
            parts.append(model.run(np.hstack([part, beside[: len(part)]])).copy())
        return shown(np.concatenate(parts), parameters), None


class CoreEngine(Engine):
    """The RTL of the metrology domain alone; it needs no back-end, and no firmware."""

    name = "core"
    _PART = 1000

    def run(self, config: SocConfig, codes: np.ndarray, progress: Progress) -> Outcome:
        """Simulate the domain."""
        progress("Compiling the domain, once for these sources", None)
        core = CoreAlone(config, temperature=self.temperature)
        if self.settings:
            core.give_settings(self.settings)
        parts: list[np.ndarray] = []
        for first in range(0, len(codes), self._PART):
            progress("Simulating", first / len(codes))
            parts.append(core.run(codes[first : first + self._PART]))
        return shown(np.concatenate(parts), config.metering), None


class RtlEngine(Engine):
    """The chip's RTL with the application's firmware, which reads every window."""

    name = "rtl"

    def run(self, config: SocConfig, codes: np.ndarray, progress: Progress) -> Outcome:
        """Simulate the chip."""
        result = self._backend.run(
            config,
            metering,
            tuple(self.settings),
            samples=codes,
            samples_wait=True,
            temperature=self.temperature,
            progress=progress,
        )
        return result.value, result


@cache
def compiled(config: SocConfig) -> CompiledModel:
    """The model of a chip, once a process; `CompiledModel.fresh` gives one that is just powered on."""
    return CompiledModel(compile_program(config.metering), config.lanes)


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (RtlEngine, CoreEngine, ModelEngine)}


@needs("samples")
def metering(settings: Sequence[int] = ()) -> Generator[Any, Any, Records]:
    """The application's firmware until the power fails; returns the windows that it has read."""
    records = Records()
    with suppress(PowerOff):
        yield from firmware(records.windows, records.harmonics, settings)
    return records


def digitise(
    analogue: Analogue,
    config: SocConfig,
    v_max: float | None,
    i_max: float | None,
    *,
    noise_lsb: float = 0.0,
    seed: int = 0,
) -> Samples:
    """Sample the signals at the chip's rate, with the smallest standard ranges that hold them unless given.

    Every lane has noise of its own, ``noise_lsb`` codes rms. Lanes without a signal have nothing else.
    """
    count = int(analogue.seconds * float(config.sample_rate_hz)) + 1
    # The chip's filters need some more sets to show the last window: the signal's last value again.
    index = np.minimum(np.arange(count + Constants.tail_sets), count - 1)
    times = analogue.start_s + index / float(config.sample_rate_hz)
    volts = np.stack([voltage(times) for voltage, _ in analogue.lanes])
    amperes = np.stack([current(times) for _, current in analogue.lanes])
    v_max = v_max or standard_range(float(np.abs(volts).max()), VOLTAGE_RANGES_V, "V")
    i_max = i_max or standard_range(float(np.abs(amperes).max()), CURRENT_RANGES_A, "A")
    signals: list[tuple[Signal, float]] = [(np.zeros_like, 1.0)] * config.lanes
    for phase, (voltage, current) in enumerate(analogue.lanes):
        signals[phase] = voltage, v_max
        signals[config.voltage_lanes + phase] = current, i_max
    converted = [
        Adc(
            full_scale=full_scale,
            width=config.word_bits,
            noise_lsb=noise_lsb,
            seed=seed * config.lanes + lane,
        ).convert(signal, times)
        for lane, (signal, full_scale) in enumerate(signals)
    ]
    codes = np.stack([lane.values for lane in converted], axis=1)
    return Samples(codes, times, volts, amperes, v_max, i_max, sum(lane.clipped for lane in converted))


def observe(
    analogue: Analogue,
    *,
    engine: Engine,
    config: SocConfig,
    v_max: float | None = None,
    i_max: float | None = None,
    noise_lsb: float = 0.0,
    seed: int = 0,
    progress: Progress = lambda step, fraction: None,
    settings: Callable[[Samples], Sequence[int]] = lambda samples: (),
) -> Observation:
    """Measure ``analogue`` with the chip alone.

    An engine without settings of its own gets what ``settings`` makes of the samples.

    Raises
    ------
    InputError
        If the chip has fewer phases than the signal, or the signal is too short for two windows.
    """
    if len(analogue.lanes) > config.phases:
        raise InputError(
            f"{analogue.source}: has {len(analogue.lanes)} phases, the preset {config.name!r} measures "
            f"{config.phases}; choose fewer channels or a preset with more phases."
        )
    progress("Converting the signal", None)
    samples = digitise(analogue, config, v_max, i_max, noise_lsb=noise_lsb, seed=seed)
    if not engine.settings:
        engine = copy(engine)
        engine.settings = settings(samples)
    records, run = engine.run(config, samples.codes, progress)
    last = len(samples.codes) - 1 - Constants.tail_sets - Constants.taps // 2 << TIME_FRACTION
    ended = [record for record in records.windows if record["time"] <= last]
    if len(ended) < 2:
        raise InputError(
            f"{analogue.source}: {analogue.seconds:.3g} s hold {len(ended)} windows, but two are needed; "
            f"give at least {3 / config.lowest_hz:.3g} s."
        )
    scale = Scale(samples.v_max, samples.i_max, config.sample_rate_hz)
    threshold_v = samples.v_max / (1 << config.crossing_threshold_log2)
    windows = Windows(ended, scale, len(analogue.lanes), threshold_v)
    kept = analogue.whole(windows.boundaries_s)
    windows = windows.limited(len(kept) - 1)
    return Observation(
        samples=samples,
        windows=windows,
        harmonics=HarmonicWindows(records.harmonics, scale, windows.boundaries_s, len(analogue.lanes)),
        boundaries_s=analogue.start_s + windows.boundaries_s,
        settings=engine.settings,
        run=run,
    )


def measure(
    analogue: Analogue,
    *,
    engine: Engine,
    config: SocConfig,
    v_max: float | None = None,
    i_max: float | None = None,
    declared_v: float | None = None,
    progress: Progress = lambda step, fraction: None,
) -> Measurement:
    """Measure ``analogue`` with the chip and in float64, over the same windows.

    A chip without settings from a calibration has those that are `declared`: ``declared_v`` is the supply
    voltage, the chip's own share of full scale if None.

    Raises
    ------
    InputError
        If the chip has fewer phases than the signal, or the signal is too short for two windows.
    """

    def settings(samples: Samples) -> Sequence[int]:
        voltage, _ = analogue.lanes[0]
        hz = mains_frequency(voltage, analogue.start_s, analogue.start_s + analogue.seconds)
        return declared(config, hz, declared_v / samples.v_max if declared_v else None)

    seen = observe(
        analogue,
        engine=engine,
        config=config,
        v_max=v_max,
        i_max=i_max,
        progress=progress,
        settings=settings,
    )
    samples, windows, boundaries = seen.samples, seen.windows, seen.boundaries_s
    progress("Computing the reference", None)
    references = [_reference(analogue, boundaries, windows, phase) for phase in range(len(analogue.lanes))]
    return Measurement(
        source=analogue.source,
        engine=engine.name,
        config=config,
        start_s=analogue.start_s,
        interval_s=(float(boundaries[0]), float(boundaries[-1])),
        readings=windows.readings(),
        references=references,
        windows=windows,
        harmonics=seen.harmonics,
        samples=samples,
        notes=tuple(_notes(config, analogue, seen)),
        run=seen.run,
    )


def _reference(analogue: Analogue, boundaries: FloatArray, windows: Windows, phase: int) -> Readings:
    """Readings in float64 over the chip's windows, with a frequency that is not the chip's."""
    voltage, current = analogue.lanes[phase]
    live = windows.live(phase)
    return reference(
        voltage,
        current,
        boundaries,
        synchronised=windows.synchronised & live,
        frequency_hz=mains_frequency(voltage, boundaries[0], boundaries[-1]) if live else None,
    )


def _notes(config: SocConfig, analogue: Analogue, seen: Observation) -> Generator[str, None, None]:
    samples, windows = seen.samples, seen.windows
    yield f"Full scale: {samples.v_max:g} V and {samples.i_max:g} A peak."
    yield from analogue.flaws
    if samples.clipped:
        yield f"{samples.clipped} samples were clipped at full scale; give larger --v-max or --i-max."
    if not windows.crossings:
        yield (
            f"The first voltage has no zero crossings between {config.lowest_hz} and {config.highest_hz} Hz "
            f"with a peak over {samples.v_max / (1 << config.crossing_threshold_log2):.3g} V: windows are "
            "timed, and frequency, reactive power and power factor have no value."
        )
    elif windows.timed:
        yield f"{windows.timed} of {len(windows.records) - 1} windows were timed, without a zero crossing."
    yield from sentences(windows.records[1:])
    if any(event["kind"] in VOLTAGE_KINDS for event in windows.events(0.0)):
        declared_v = declared_share(config, seen.settings) * samples.v_max
        yield f"Voltages were judged by a declared one of {declared_v:.4g} V; --declared gives another."
    if not config.metering.harmonics:
        yield f"The preset {config.name!r} measures no harmonics; --preset polyphase does."
    boundaries = windows.boundaries_s
    for left_out, where in ((boundaries[0], "before"), (analogue.seconds - boundaries[-1], "after")):
        if left_out > 3 / config.lowest_hz:
            yield f"{left_out:.3f} s {where} the interval have no mains cycles and are left out."
