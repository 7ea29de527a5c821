"""From the chip's fixed-point quantities to readings in SI units over an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from rtl.metering.constants import Constants
from rtl.metering.status import MOST_PHASES
from sim.readings import Readings
from sim.resample import FloatArray
from sim.status import CALIBRATION_STATES, events, flags
from soc.formats.registers import Register
from soc.generated.registers import harmonics, quantities

__all__ = ["HarmonicWindows", "Scale", "Windows", "register_of"]

Record = Mapping[str, Any]

_SECONDS_PER_HOUR = 3600
_LAST = ("", "windows", "turn")
_ELSEWHERE = ("status", "calibration_state", "calibration_crc", "calibration_changes")
_WINDOWS_WITHOUT_HALVES = 2 * Constants.windows_to_prove

# What only a mains cycle has, and what only a phase with voltage has of it.
_OF_FUNDAMENTAL = (
    *("reactive", "reactive_budeanu", "apparent_vector", "power_factor", "angle", "v_angle"),
    *("active_fundamental", "active_harmonic", "apparent_fundamental", "power_factor_fundamental"),
)
_OF_CYCLES = ("frequency", "rocof", *_OF_FUNDAMENTAL)


def register_of(path: str, memory: type = quantities) -> Register:
    """The register of quantity ``path``, such as ``phase0.vrms``.

    Raises `AttributeError` if there is no such quantity.
    """
    found: object = memory
    for name in path.split("."):
        found = getattr(found, name)
    assert isinstance(found, Register)
    return found


@dataclass(frozen=True)
class Scale:
    """What the chip's full scales and sample period are: peak volts, peak amperes, sample sets a second."""

    v_max: float
    i_max: float
    rate_hz: Fraction

    def factor(self, path: str, memory: type = quantities) -> float:
        """What one step of quantity ``path`` is in volts, amperes, seconds and their products."""
        register = register_of(path, memory)
        factors = {
            "V": self.v_max,
            "A": self.i_max,
            "V²": self.v_max**2,
            "A²": self.i_max**2,
            "sample": 1 / float(self.rate_hz),
            "samples": 1 / float(self.rate_hz),
        }
        factor = 2.0**-register.fraction_bits
        for symbol in register.unit.split():
            factor *= float(symbol) if symbol.isdigit() else factors.get(symbol, 1.0)
        return factor

    def si(self, path: str, raw: int, memory: type = quantities) -> float:
        """The value of quantity ``path`` in volts, amperes, seconds and their products."""
        return raw * self.factor(path, memory)


class Windows:
    """The quantities of consecutive windows, as the chip showed them.

    The readings are over the windows from the first zero crossing to the last; without two crossings, from
    the end of the first window to the end of the last. Reactive power and frequency are means over the
    windows between two crossings. Energy and the other integrals are differences of
    the chip's registers between the ends of that interval.

    Parameters
    ----------
    records : sequence of mappings
        Quantities by path, one record a window, none left out.
    scale : Scale
        Full scales and sample rate.
    phases : int
        Phases to read.
    threshold_v : float
        Peak voltage up to which a phase is dead: it then has no frequency, reactive power or power factor.

    Raises
    ------
    ValueError
        If there are fewer than two windows, or one is missing between others.
    """

    def __init__(
        self, records: Sequence[Record], scale: Scale, phases: int = 1, threshold_v: float = 0.0
    ) -> None:
        if len(records) < 2:
            raise ValueError(f"Two windows or more are needed, not {len(records)}")
        sequence = [record["sequence"] for record in records]
        if sequence != list(range(sequence[0], sequence[0] + len(sequence))):
            raise ValueError(f"Windows are missing between {sequence[0]} and {sequence[-1]}")
        self._scale = scale
        self._phases = phases
        self._threshold_v = threshold_v
        whole = [index for index, record in enumerate(records) if index and record["synchronised"]]
        self.crossings = bool(whole)
        self.records = list(records[whole[0] - 1 : whole[-1] + 1]) if whole else list(records)

    def limited(self, count: int) -> Windows:
        """The same without the windows after the first ``count`` of the interval."""
        return Windows(self.records[: count + 1], self._scale, self._phases, self._threshold_v)

    @property
    def boundaries_s(self) -> FloatArray:
        """Ends of the windows in seconds from the first sample set; the first is the interval's start."""
        return np.array([self._scale.si("time", record["time"]) for record in self.records])

    @property
    def timed(self) -> int:
        """Windows of the interval that do not run from one crossing to the next."""
        return sum(not record["synchronised"] for record in self.records[1:])

    def course(self, path: str) -> FloatArray:
        """Quantity ``path`` of each window of the interval, in SI units."""
        return self._values(path, self.records[1:])

    def _values(self, path: str, records: Sequence[Record]) -> FloatArray:
        return np.array([record[path] for record in records], float) * self._scale.factor(path)

    def readings(self) -> list[Readings]:
        """What the chip measured over the interval, one entry a phase."""
        return [self._phase(phase) for phase in range(self._phases)]

    def quantities(self) -> dict[str, Any]:
        """Every quantity over the interval, in SI units and watt-hours, as a tree of its path's parts.

        Energies and other integrals are what the interval added, counts and states those at its end, peaks
        the largest, RMS values the root of the mean square, and everything else the mean over its windows;
        power factors and angles are those of the mean powers. What is of the fundamental is over mains
        cycles only. None is what has no value.
        """
        tree: dict[str, Any] = {}
        for path in self.records[0]:
            if path not in _ELSEWHERE and not path.startswith("events.") and _is_read(path, self._phases):
                _put(tree, path, self._over_interval(path))
        for number in range(self._phases):
            _of_means(tree[f"phase{number}"])
        if "neutral" in tree:
            # Nothing is at the neutral's lane.
            tree["neutral"] |= dict.fromkeys(("irms", "irms_difference"))
        return tree

    def _over_interval(self, path: str) -> float | int | None:
        register = register_of(path)
        name = path.rpartition(".")[2]
        if register.unit.endswith("sample") and name not in ("time", "length"):
            return self._gained(path) / (_SECONDS_PER_HOUR if "V A" in register.unit else 1)
        phase = path.rpartition(".")[0]
        if name in _OF_FUNDAMENTAL and not self.live(int(phase.removeprefix("phase"))):
            return None
        if name == "v_angle" and not self.live(0):
            return None
        records = [record for record in self.records[1:] if _has_value(name, record)]
        if not records:
            return None
        values = self._values(path, records)
        lengths = np.array([record["length"] for record in records], float)
        if name == "time" or (register.unit in _LAST and not _is_ratio(register)):
            last = float(values[-1])
            return int(last) if register.fraction_bits == 0 else last
        if name == "v_angle":
            turned = np.average(np.exp(2j * np.pi * values), weights=lengths)
            return float(np.angle(turned) / (2 * np.pi))
        if name.endswith("_peak"):
            return float(values.max())
        if "rms" in name:
            return float(np.average(values**2, weights=lengths) ** 0.5)
        return float(np.average(values, weights=lengths))

    def status(self) -> dict[str, list[str]]:
        """Names of the flags of the last window, and of all that any window of the interval has."""
        seen = 0
        for record in self.records[1:]:
            seen |= record["status"]
        return {"flags": flags(self.records[-1]["status"]), "seen": flags(seen)}

    def calibration(self) -> dict[str, Any]:
        """State of the calibration at the end, CRC of the settings, and how often they have changed."""
        record = self.records[-1]
        return {
            "state": CALIBRATION_STATES[record["calibration_state"]],
            "crc": f"{record['calibration_crc']:#010x}",
            "changes": record["calibration_changes"],
        }

    def events(self, start_s: float) -> list[dict[str, Any]]:
        """Events since power-on, if the first sample set was at ``start_s``."""
        scale = self._scale
        return events(self.records[-1], start_s, float(scale.rate_hz), scale.v_max, scale.i_max)

    def _gained(self, path: str) -> float:
        return self._scale.si(path, self.records[-1][path] - self.records[0][path])

    @property
    def synchronised(self) -> npt.NDArray[np.bool_]:
        """For each window, whether it is a mains cycle."""
        return np.array([bool(record["synchronised"]) for record in self.records[1:]])

    def live(self, phase: int) -> bool:
        """Whether there are mains cycles, and the phase's own voltage is more than the crossing threshold."""
        return self.crossings and self._rms(f"phase{phase}.v_squared_time") * 2**0.5 > self._threshold_v

    def _rms(self, path: str) -> float:
        return (max(0.0, self._gained(path)) / self._gained("time")) ** 0.5

    def _phase(self, number: int) -> Readings:
        phase, live = f"phase{number}", self.live(number)
        seconds = self._gained("time")
        cycles = [record["length"] for record in self.records[1:] if record["synchronised"]]
        in_cycles = self._scale.si("length", sum(cycles))
        vrms, irms = self._rms(f"{phase}.v_squared_time"), self._rms(f"{phase}.i_squared_time")
        gained, given = (self._gained(f"{phase}.energy_{way}") for way in ("import", "export"))
        active, apparent = (gained - given) / seconds, vrms * irms
        return Readings(
            vrms_v=vrms,
            irms_a=irms,
            active_w=active,
            reactive_var=self._gained(f"{phase}.reactive_time") / in_cycles if live else None,
            apparent_va=apparent,
            power_factor=active / apparent if live and apparent > 0 else None,
            frequency_hz=len(cycles) / in_cycles if live else None,
            energy_import_wh=gained / 3600,
            energy_export_wh=given / 3600,
            v_dc=self._gained(f"{phase}.v_dc_time") / seconds,
            i_dc=self._gained(f"{phase}.i_dc_time") / seconds,
        )


class HarmonicWindows:
    """The harmonics of consecutive windows of 10 or 12 cycles.

    Parameters
    ----------
    records : sequence of mappings
        Quantities by path, arrays as lists.
    scale : Scale
        Full scales and sample rate.
    interval_s : array
        Times from the first sample set; windows that end after the first and up to the last of them count.
    phases : int
        Phases to read.
    """

    def __init__(
        self, records: Sequence[Record], scale: Scale, interval_s: FloatArray, phases: int = 1
    ) -> None:
        self._scale = scale
        self._phases = phases
        self.records = [
            record for record in records if interval_s[0] < self._ended_s(record) <= interval_s[-1]
        ]

    def _ended_s(self, record: Record) -> float:
        parts = ("time", "time_high")
        return sum(_si(self._scale, path, record[path], harmonics) for path in parts)

    def quantities(self) -> dict[str, Any] | None:
        """Every quantity, a tree of its path's parts, arrays by order from 1; None without a whole window.

        Amplitudes and powers are means over the windows, of amplitudes those of their squares; THD is that of
        the mean amplitudes; angles, and everything else, are the last window's. None is what has no value.
        """
        if not self.records:
            return None
        tree: dict[str, Any] = {"windows": len(self.records)}
        for path in self.records[0]:
            if _is_read(path, self._phases):
                _put(tree, path, self._over_interval(path))
        for number in range(self._phases):
            _of_amplitudes(tree[f"phase{number}"])
        if self._phases < MOST_PHASES or not tree["phase0"]["v_amplitude"][0]:
            tree |= {name: None for name in tree if name.startswith("unbalance")}
        return tree

    def _over_interval(self, path: str) -> Any:
        given = np.array([_si(self._scale, path, record[path], harmonics) for record in self.records])
        name = path.rpartition(".")[2]
        if name.endswith("amplitude") or name.startswith("unbalance"):
            return np.sqrt((given**2).mean(axis=0)).tolist()
        return (given.mean(axis=0) if name == "active" else given[-1]).tolist()


def _of_amplitudes(phase: dict[str, Any]) -> None:
    """Make a phase's THD from its amplitudes, and take out angles of what is not there."""
    for lane in ("v", "i"):
        amplitudes, angles = phase[f"{lane}_amplitude"], phase[f"{lane}_angle"]
        phase[f"{lane}_angle"] = [
            angle if amplitude else None for amplitude, angle in zip(amplitudes, angles, strict=True)
        ]
        first, *others = amplitudes
        phase[f"thd_{lane}"] = float(np.linalg.norm(others)) / first if first else None
        if not first:
            phase["angle"] = None


def _is_read(path: str, phases: int) -> bool:
    """Whether a quantity is of the chip, or of one of its first ``phases`` phases."""
    holder = path.partition(".")[0]
    number = holder.removeprefix("phase")
    return not (holder.startswith("phase") and number.isdigit() and int(number) >= phases)


def _of_means(phase: dict[str, Any]) -> None:
    """Make power factors and angle of a phase from its mean powers."""
    active, apparent = phase["active"], phase["apparent"]
    fundamental, reactive = phase["active_fundamental"], phase["reactive"]
    alone = phase["apparent_fundamental"]
    phase["power_factor"] = active / apparent if phase["power_factor"] is not None and apparent else None
    phase["power_factor_fundamental"] = fundamental / alone if alone else None
    phase["angle"] = float(np.arctan2(reactive, fundamental) / (2 * np.pi)) if alone else None


def _has_value(name: str, record: Record) -> bool:
    """Whether a window's quantity is a value, and no 0 for want of one."""
    if name in _OF_CYCLES and not record["synchronised"]:
        return False
    return not name.endswith("_half") or record["sequence"] > _WINDOWS_WITHOUT_HALVES


def _is_ratio(register: Register) -> bool:
    return register.unit == "" and register.fraction_bits > 0


def _si(scale: Scale, path: str, raw: Any, memory: type = quantities) -> Any:
    return (
        [scale.si(path, each, memory) for each in raw]
        if isinstance(raw, list)
        else scale.si(path, raw, memory)
    )


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    *holders, name = path.split(".")
    for holder in holders:
        tree = tree.setdefault(holder, {})
    tree[name] = value
