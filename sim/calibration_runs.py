"""What ``wattseal calibrate`` is given: runs against a reference, as a TOML file or as options say them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from rtl.metering.program.settings import channel_names
from sim.adc import CURRENT_RANGES_A, VOLTAGE_RANGES_V, standard_range
from sim.calibration import REFERENCE_C, Pair, Reference, Run, Sensor, simulated
from sim.recordings import part, read_recording
from soc.config import SocConfig, preset
from soc.errors import InputError

__all__ = ["Plan", "plan", "read_runs"]

_KEYS = ("preset", "v_max", "i_max", "run", "simulate")
_RUN_KEYS = (
    *("recording", "voltage", "current", "start", "seconds", "frequency_hz", "currents"),
    *("volts", "amperes", "lag_deg", "watts", "lead_deg", "temperature_c"),
)
_RECORDED_ONLY = ("voltage", "current", "start")
_SIMULATED_ONLY = ("frequency_hz",)
_SENSOR_KEYS = tuple(field.name for field in fields(Sensor))
_SECONDS = 1.0
_HEADROOM = 1.2
_LARGEST_FACTOR = 0.95


@dataclass(frozen=True)
class Plan:
    """Runs, and the chip and the full scales that they are to calibrate."""

    runs: list[Run]
    config: SocConfig
    v_max: float
    i_max: float


def read_runs(path: Path) -> dict[str, Any]:
    """Read a run file; recordings are beside it. Raises `InputError` if it cannot be read."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a run file.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no TOML ({error}); correct it.") from None
    for run in given.get("run", []) if isinstance(given.get("run"), list) else []:
        if isinstance(run, dict) and isinstance(run.get("recording"), str):
            run["recording"] = str(path.parent / run["recording"])
    return given


def plan(given: Mapping[str, Any], source: str) -> Plan:
    """Make runs of what was given; ``source`` names it.

    Raises
    ------
    InputError
        If a key is unknown or missing, a value cannot be, or a recording cannot be read.
    """
    _refuse_unknown(given, _KEYS, source)
    listed, sensors = given.get("run", []), given.get("simulate", {})
    if not isinstance(listed, list) or not listed or not all(isinstance(run, dict) for run in listed):
        raise InputError(f"{source}: there is no run; give [[run]], or --reference for each recording.")
    if not isinstance(sensors, dict) or not all(isinstance(each, dict) for each in sensors.values()):
        raise InputError(f"{source}: simulate must hold tables such as [simulate.current1].")
    for number, run in enumerate(listed, 1):
        if not isinstance(run.get("recording", ""), str):
            raise InputError(
                f"{source}: run {number}: recording must be a file name, not {run['recording']!r}; quote it."
            )
    places = [run.get("recording") or f"{source}: run {number}" for number, run in enumerate(listed, 1)]
    for run, place in zip(listed, places, strict=True):
        _refuse_unknown(run, _RUN_KEYS, place)
        if ("recording" in run) == bool(sensors):
            raise InputError(f"{place}: needs either a recording or a simulated sensor; give one of them.")
        for key in _SIMULATED_ONLY if "recording" in run else _RECORDED_ONLY:
            if key in run:
                other = "simulated sensors" if "recording" in run else "recordings"
                raise InputError(f"{place}: {key} goes with {other} only; leave it out.")
    most = max(len(_listed(run, "volts", place)) for run, place in zip(listed, places, strict=True))
    name = given.get("preset", "single" if most == 1 else "polyphase")
    if not isinstance(name, str):
        raise InputError(f"{source}: preset must be a name, not {name!r}.")
    config = preset(name)
    maker = _Maker(config, dict(given), source)
    return maker.simulate(listed, places, sensors) if sensors else maker.record(listed, places)


class _Maker:
    """Makes runs for one chip."""

    def __init__(self, config: SocConfig, given: dict[str, Any], source: str) -> None:
        self._config = config
        self._source = source
        self._given = given
        self._names = channel_names(config.metering)

    def _scale(self, key: str, peaks: Iterable[float]) -> float:
        if key in self._given:
            return _number(self._given, key, self._source, 1e-3, 1e7)
        ranges, unit = (VOLTAGE_RANGES_V, "V") if key == "v_max" else (CURRENT_RANGES_A, "A")
        return standard_range(max(peaks), ranges, unit)

    def record(self, listed: list[dict[str, Any]], places: list[str]) -> Plan:
        """Runs of recordings."""
        runs = []
        for run, place in zip(listed, places, strict=True):
            recording = read_recording(
                run["recording"],
                voltage=_names(run.get("voltage")),
                current=_names(run.get("current")),
                v_max=self._given.get("v_max"),
                i_max=self._given.get("i_max"),
            )
            seconds = _number(run, "seconds", place, 0.05, 3600) if "seconds" in run else None
            chosen = part(recording, _number(run, "start", place, 0, 1e6, 0.0), seconds)
            if chosen.repeated:
                raise InputError(f"{place}: is shorter than its start and seconds; give less.")
            first = round(chosen.start_s * recording.rate_hz)
            count = int(chosen.seconds * recording.rate_hz) + 1
            references = self._references(run, place, recording.phases)
            pairs = [
                Pair(
                    voltage=voltage,
                    current=current,
                    voltage_v=recording.voltage_v[phase, first : first + count],
                    current_a=recording.current_a[phase, first : first + count],
                    reference=reference,
                )
                for phase, ((voltage, current), reference) in enumerate(references.items())
            ]
            runs.append(
                Run(
                    source=place,
                    rate_hz=recording.rate_hz,
                    pairs=pairs,
                    temperature_c=_number(run, "temperature_c", place, -100, 127, REFERENCE_C),
                )
            )
        every = [pair for run in runs for pair in run.pairs]
        return Plan(
            runs,
            self._config,
            self._scale("v_max", (float(np.abs(pair.voltage_v).max()) for pair in every)),
            self._scale("i_max", (float(np.abs(pair.current_a).max()) for pair in every)),
        )

    def simulate(self, listed: list[dict[str, Any]], places: list[str], sensors: dict[str, Any]) -> Plan:
        """Runs of sines on sensors with errors."""
        made: dict[str, Sensor] = {}
        for name, values in sensors.items():
            here = f"{self._source}: simulate.{name}"
            if name not in self._names:
                raise InputError(f"{here}: there is no such channel; there are {', '.join(self._names)}.")
            _refuse_unknown(values, _SENSOR_KEYS, here)
            made[name] = Sensor(**{key: _number(values, key, here, -1e6, 1e6) for key in values})
        references = [
            self._references(run, place, len(_listed(run, "volts", place)))
            for run, place in zip(listed, places, strict=True)
        ]
        every = [reference for each in references for reference in each.values()]
        peak = _HEADROOM * math.sqrt(2)
        v_max = self._scale("v_max", (peak * each.volts for each in every))
        i_max = self._scale("i_max", (peak * each.amperes for each in every))
        nominal = float(self._config.nominal_hz)
        runs = [
            simulated(
                self._config,
                made,
                wanted,
                v_max=v_max,
                i_max=i_max,
                frequency_hz=_number(run, "frequency_hz", place, 40, 70, nominal),
                seconds=_number(run, "seconds", place, 0.05, 60, _SECONDS),
                temperature_c=_number(run, "temperature_c", place, -100, 127, REFERENCE_C),
                source=place,
            )
            for run, place, wanted in zip(listed, places, references, strict=True)
        ]
        return Plan(runs, self._config, v_max, i_max)

    def _references(self, run: dict[str, Any], place: str, phases: int) -> dict[tuple[str, str], Reference]:
        """The references of a run's pairs, by the names of their channels."""
        currents = run.get("currents", [f"current{phase}" for phase in range(1, 1 + phases)])
        if not isinstance(currents, list) or len(currents) != phases:
            raise InputError(f"{place}: currents must name {phases} channels, not {currents!r}.")
        columns = {
            key: _listed(run, key, place, phases)
            for key in ("volts", "amperes", "lag_deg", "watts", "lead_deg")
            if key in run
        }
        missing = [key for key in ("volts", "amperes") if key not in columns]
        if missing:
            raise InputError(f"{place}: {missing[0]} is missing; give what the reference shows.")
        if ("lag_deg" in columns) == ("watts" in columns):
            raise InputError(f"{place}: needs either lag_deg or watts; give one of them.")
        found = {}
        for phase, current in enumerate(currents):
            given: dict[str, float] = {key: column[phase] for key, column in columns.items()}
            if "watts" in given:
                given["lag_deg"] = _lag_deg(given, place)
                del given["watts"]
            if not given["volts"] > 0 or not given["amperes"] > 0:
                raise InputError(f"{place}: volts and amperes must be more than 0; correct them.")
            voltage = "voltage1" if current == "neutral" else str(current).replace("current", "voltage")
            if current not in self._names or voltage not in self._names:
                raise InputError(
                    f"{place}: the preset {self._config.name!r} has no current {current!r}; "
                    f"it has {', '.join(self._names[self._config.phases :])}."
                )
            found[voltage, current] = Reference(**given)
        return found


def _lag_deg(given: dict[str, float], place: str) -> float:
    """The angle of a lagging current from its power: near a power factor of 1 it would be guessed."""
    factor = given["watts"] / (given["volts"] * given["amperes"])
    if not 0 <= factor <= _LARGEST_FACTOR:
        raise InputError(
            f"{place}: watts tell the angle of a lagging current from 0 to {_LARGEST_FACTOR} of volts times "
            f"amperes, not at {factor:.4g}; give lag_deg."
        )
    return math.degrees(math.acos(factor))


def _refuse_unknown(given: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    for key in given:
        if key not in known:
            raise InputError(f"{place}: there is no key {key!r}; known are {', '.join(known)}.")


def _number(
    given: Mapping[str, Any], key: str, place: str, least: float, most: float, default: float | None = None
) -> float:
    value = given.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"{place}: {key} must be a number from {least:g} to {most:g}, not {value!r}.")
    return float(value)


def _listed(run: Mapping[str, Any], key: str, place: str, count: int | None = None) -> list[float]:
    """A number for each phase: one number stands for all."""
    value = run.get(key, [0.0])
    values = value if isinstance(value, list) else [value] * (count or 1)
    numbers = [_number({key: each}, key, place, -1e7, 1e7) for each in values]
    if not numbers or (count is not None and len(numbers) != count):
        raise InputError(f"{place}: {key} must be {count or 'one or more'} numbers, not {value!r}.")
    return numbers


def _names(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    return tuple(str(each) for each in (value if isinstance(value, list) else str(value).split(",")))
