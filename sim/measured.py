"""From the chip's fixed-point quantities to readings in SI units over an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from sim.readings import Readings
from sim.resample import FloatArray
from soc.formats.registers import Register
from soc.generated.registers import quantities

__all__ = ["Scale", "Windows", "register_of"]

Record = Mapping[str, int]


def register_of(path: str) -> Register:
    """The register of quantity ``path``, such as ``phase0.vrms``.

    Raises `AttributeError` if there is no such quantity.
    """
    found: object = quantities
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

    def si(self, path: str, raw: int) -> float:
        """The value of quantity ``path`` in volts, amperes, seconds and their products."""
        register = register_of(path)
        factors = {
            "V": self.v_max,
            "A": self.i_max,
            "V²": self.v_max**2,
            "A²": self.i_max**2,
            "sample": 1 / float(self.rate_hz),
        }
        scale = 1.0
        for symbol in register.unit.split():
            scale *= factors.get(symbol, 1.0)
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
