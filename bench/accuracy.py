"""Accuracy of the metering over a grid of currents, power factors and frequencies, against float64."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from sim.backends.base import Progress
from sim.loads import Linear, lanes
from sim.mains import Mains
from sim.meter import Analogue, Engine, measure
from sim.readings import Readings, difference_percent
from soc.config import SocConfig

__all__ = [
    "CURRENT_RATIOS",
    "FREQUENCIES_HZ",
    "LAGS_DEG",
    "MARKS",
    "Outcome",
    "Point",
    "accuracy",
    "grid",
    "worst",
]

CURRENT_RATIOS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
LAGS_DEG = (0.0, 60.0)
FREQUENCIES_HZ = (45.0, 47.3, 50.0, 52.7, 60.0, 65.0)
MARKS = {"active_w": 0.02}
"""Largest error in percent."""

_I_MAX_A = 100.0
_PEAK_RATIO = 1.25 * math.sqrt(2)
_VOLTAGE_V = 230.0
_MEANINGFUL = 0.2


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of the grid: sines of voltage and current.

    Parameters
    ----------
    current_ratio : float
        RMS current relative to Imax. The converter's full scale is 1.25 · √2 · Imax.
    lag_deg : float
        Angle by which the current lags: positive inductive, negative capacitive.
    frequency_hz : float
        Of the mains.
    start_deg : float
        Angle of the voltage at the first sample set. Where a cycle is a whole number of sample periods,
        every cycle is rounded alike, and the error depends on it.
    """

    current_ratio: float
    lag_deg: float
    frequency_hz: float
    start_deg: float = -20.0

    @property
    def power_factor(self) -> float:
        """Active over apparent power."""
        return math.cos(math.radians(self.lag_deg))

    @property
    def reactive_factor(self) -> float:
        """Reactive over apparent power."""
        return math.sin(math.radians(self.lag_deg))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was measured at a point: the errors in percent by the reading's name, and that of the frequency.

    Active and reactive power have an error where they are a fifth of the apparent power or more.
    """

    point: Point
    errors_percent: dict[str, float]
    frequency_error_hz: float


def grid(
    current_ratios: Sequence[float] = CURRENT_RATIOS,
    lags_deg: Sequence[float] = LAGS_DEG,
    frequencies_hz: Sequence[float] = FREQUENCIES_HZ,
) -> list[Point]:
    """Every combination of the three."""
    return [
        Point(current_ratio=ratio, lag_deg=lag, frequency_hz=frequency)
        for lag, frequency, ratio in product(lags_deg, frequencies_hz, current_ratios)
    ]


def accuracy(
    points: Iterable[Point],
    *,
    engine: Engine,
    config: SocConfig,
    seconds: float,
    progress: Progress = lambda step, fraction: None,
) -> Iterator[Outcome]:
    """Measure each point for ``seconds``; chip and reference are compared over the same mains cycles."""
    points = list(points)
    for done, point in enumerate(points):
        progress("Measuring", done / len(points))
        yield _outcome(point, engine, config, seconds)


def worst(outcomes: Iterable[Outcome], name: str) -> tuple[float, Point]:
    """The error of largest magnitude that reading ``name`` has, in percent, and where."""
    return max(
        ((each.errors_percent[name], each.point) for each in outcomes if name in each.errors_percent),
        key=lambda found: abs(found[0]),
    )


def _outcome(point: Point, engine: Engine, config: SocConfig, seconds: float) -> Outcome:
    mains = Mains(vrms_v=_VOLTAGE_V, frequency_hz=point.frequency_hz, start_deg=point.start_deg)
    load = Linear(irms_a=point.current_ratio * _I_MAX_A, lag_deg=point.lag_deg)
    analogue = Analogue(
        source=f"{point.current_ratio:g} Imax at {point.lag_deg:g}° and {point.frequency_hz:g} Hz",
        lanes=lanes(load, mains, float(config.sample_rate_hz), seconds),
        start_s=0.0,
        seconds=seconds,
    )
    measured = measure(analogue, engine=engine, config=config, i_max=_PEAK_RATIO * _I_MAX_A)
    reading, truth = measured.readings[0], measured.references[0]
    assert reading.frequency_hz is not None
    return Outcome(
        point=point,
        errors_percent=_errors(point, reading, truth),
        frequency_error_hz=reading.frequency_hz - point.frequency_hz,
    )


def _errors(point: Point, reading: Readings, truth: Readings) -> dict[str, float]:
    names = ["vrms_v", "irms_a"]
    names += ["active_w"] if abs(point.power_factor) >= _MEANINGFUL else []
    names += ["reactive_var"] if abs(point.reactive_factor) >= _MEANINGFUL else []
    errors = {name: difference_percent(name, reading, truth) for name in names}
    return {name: error for name, error in errors.items() if error is not None}
