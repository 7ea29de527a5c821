"""What every mark is measured with: the row, the bench, and the usual mains."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bench.accuracy import VOLTAGE_V
from sim.mains import Mains
from sim.meter import Engine
from soc.config import SocConfig

__all__ = ["LOAD_A", "Bench", "Measurement", "Row", "mains_of", "seed_of"]

LOAD_A = 50.0
_START_DEG = -20.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured: the largest error, and what it may be."""

    name: str
    figure: float
    mark: float
    unit: str = "%"

    @property
    def kept(self) -> bool:
        """Whether the mark is kept."""
        return self.figure <= self.mark


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What measures, what the chip is, and how long and at which steady frequencies it is measured.

    ``no_load_seconds`` is how long there must be no pulse.
    """

    engine: Engine
    config: SocConfig
    seconds: float = 1.0
    steady_hz: tuple[float, ...] = (47.3, 50.0, 60.0)
    no_load_seconds: float = 600.0


Measurement = Callable[[Bench], Iterable[Row]]


def seed_of(*parts: object) -> int:
    """Seed of the noise: another one for each measurement, the same in every run."""
    return zlib.crc32(repr(parts).encode())


def mains_of(frequency_hz: float = 50.0, **changed: object) -> Mains:
    """Mains of the usual voltage."""
    mains = Mains(vrms_v=VOLTAGE_V, frequency_hz=frequency_hz, start_deg=_START_DEG)
    return replace(mains, **changed)  # type: ignore[arg-type]
