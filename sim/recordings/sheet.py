"""What every reader hands over: channels of raw numbers at one rate, before any is chosen."""

__all__ = ["Channel", "Sheet", "checked_rate", "first_not_finite"]

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.resample import FloatArray
from soc.errors import InputError

_LEAST_RATE_HZ = 1000.0


@dataclass(frozen=True, eq=False)
class Channel:
    """One column of a recording.

    ``number`` counts from 1 as the file does; ``kind`` is ``"V"``, ``"A"``, the unit of any other quantity,
    or None where the file does not tell; ``scale`` turns a number of the file into volts or amperes and
    ``offset`` is added afterwards. ``fault`` is the sentence that refuses the channel if it is chosen, for
    what is no number at all.
    """

    number: int
    name: str
    bare_name: str
    unit: str
    kind: str | None
    scale: float
    values: npt.NDArray[Any]
    offset: float = 0.0
    phase: str = ""
    note: str = ""
    fault: str = ""

    def __str__(self) -> str:
        unit = f" [{self.unit}]" if self.unit else ""
        return f"{self.number} '{self.name}'{unit}" if self.name != str(self.number) else self.name


@dataclass(frozen=True, eq=False)
class Sheet:
    """The channels of one file and their common sampling rate.

    ``place`` names a row in the file's own terms, such as ``line 12``. ``relative`` says that the numbers
    are fractions of a full scale that the file does not know. ``defaults`` are the numbers of the voltage
    and current channel that the format itself prescribes.
    """

    path: Path
    channels: tuple[Channel, ...]
    rate_hz: float
    place: Callable[[int], str]
    relative: bool = False
    defaults: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


def checked_rate(path: Path, rate_hz: float, source: str) -> float:
    """Return the rate if mains can be measured at it.

    Raises
    ------
    InputError
        If the rate is no finite positive number, or below 1 000 S/s.
    """
    if not math.isfinite(rate_hz) or rate_hz <= 0:
        raise InputError(
            f"{path}: {source} is {rate_hz:g}; it must be a positive number of samples per second"
        )
    if rate_hz < _LEAST_RATE_HZ:
        raise InputError(
            f"{path}: {source} is {rate_hz:g} samples per second, too slow for mains; "
            f"at least {_LEAST_RATE_HZ:g} are needed"
        )
    return rate_hz


def first_not_finite(values: FloatArray) -> int | None:
    """Return the index of the first NaN or infinity."""
    bad = ~np.isfinite(values)
    return int(np.argmax(bad)) if bad.any() else None
