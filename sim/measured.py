"""From the chip's fixed-point quantities to readings in SI units over an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.readings import Readings
from sim.resample import FloatArray
from soc.formats.registers import Register
from soc.generated.registers import harmonics, quantities

__all__ = ["HarmonicWindows", "Scale", "Windows", "register_of"]

Record = Mapping[str, Any]

_SECONDS_PER_HOUR = 3600
_LAST = ("", "windows", "turn", "sample", "cycles")


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

    def si(self, path: str, raw: int, memory: type = quantities) -> float:
        """The value of quantity ``path`` in volts, amperes, seconds and their products."""
        register = register_of(path, memory)
        factors = {
            "V": self.v_max,
            "A": self.i_max,
            "V²": self.v_max**2,
            "A²": self.i_max**2,
            "sample": 1 / float(self.rate_hz),
            "samples": 1 / float(self.rate_hz),
        }
        scale = 1.0
        for symbol in register.unit.split():
            scale *= float(symbol) if symbol.isdigit() else factors.get(symbol, 1.0)
        return float(Fraction(raw, 1 << register.fraction_bits)) * scale


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
        return np.array([self._scale.si(path, record[path]) for record in self.records[1:]])

    def readings(self) -> list[Readings]:
        """What the chip measured over the interval, one entry a phase."""
        return [self._phase(phase) for phase in range(self._phases)]

    def quantities(self) -> dict[str, Any]:
        """Every quantity over the interval, in SI units and watt-hours, as a tree of its path's parts.

        Energies and other integrals are what the interval added, counts and states those at its end, and
        everything else the mean over its windows.
        """
        seconds = self._gained("time")
        lengths = np.array([record["length"] for record in self.records[1:]], float)
        tree: dict[str, Any] = {}
        for path in self.records[0]:
            register = register_of(path)
            if path.startswith("phase") and int(path[len("phase") : path.index(".")]) >= self._phases:
                continue
            if isinstance(self.records[0][path], list) or (
                register.unit in _LAST and not _is_ratio(register)
            ):
                value = _si(self._scale, path, self.records[-1][path])
            elif register.unit.endswith("sample"):
                value = self._gained(path) / (_SECONDS_PER_HOUR if "V A" in register.unit else 1)
            else:
                value = float(np.average(self.course(path), weights=lengths)) if seconds else None
            _put(tree, path, value)
        return tree

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
    """

    def __init__(self, records: Sequence[Record], scale: Scale, interval_s: FloatArray) -> None:
        self._scale = scale
        self.records = [
            record for record in records if interval_s[0] < self._ended_s(record) <= interval_s[-1]
        ]

    def _ended_s(self, record: Record) -> float:
        parts = ("time", "time_high")
        return sum(_si(self._scale, path, record[path], harmonics) for path in parts)

    def quantities(self) -> dict[str, Any] | None:
        """Every quantity, a tree of its path's parts, arrays by order from 1; None without a whole window.

        Amplitudes and powers are means over the windows, amplitudes of their squares; angles, and everything
        else, are the last window's.
        """
        if not self.records:
            return None
        tree: dict[str, Any] = {"windows": len(self.records)}
        for path in self.records[0]:
            given = np.array([_si(self._scale, path, record[path], harmonics) for record in self.records])
            if path.endswith("amplitude"):
                value = np.sqrt((given**2).mean(axis=0))
            elif path.endswith("active"):
                value = given.mean(axis=0)
            else:
                value = given[-1]
            _put(tree, path, value.tolist())
        return tree


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
