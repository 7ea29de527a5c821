"""Accuracy of the active energy over a grid of currents, power factors and frequencies, against float64."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from bench.parallel import each
from sim.backends.base import Progress
from sim.loads import Linear, Load, lanes
from sim.mains import Mains
from sim.meter import Analogue, Engine, Observation, observe
from sim.reference import sine_power
from soc.config import SocConfig

__all__ = [
    "CLASSES",
    "CURRENT_RATIOS",
    "FORMATS",
    "FREQUENCIES_HZ",
    "IMAX_OVER_IN",
    "I_MAX_A",
    "I_PEAK",
    "LAGS_DEG",
    "LIMITS",
    "MARKS",
    "NOISE_LSB",
    "VOLTAGE_V",
    "V_PEAK",
    "Limit",
    "Mark",
    "Outcome",
    "Point",
    "accuracy",
    "grid",
    "limit_percent",
    "mark_of",
    "observed",
    "power_factor_name",
    "sample",
    "seconds_at",
    "worst",
]

IMAX_OVER_IN = 1.2
NOISE_LSB = 0.5
I_MAX_A = 100.0
VOLTAGE_V = 230.0
V_PEAK = 500.0
I_PEAK = 1.25 * math.sqrt(2) * I_MAX_A
_SMALL = 0.001
_LONGER = 10
_SAME = 1e-9


def _lag_deg(power_factor: float, side: int) -> float:
    return round(side * math.degrees(math.acos(power_factor)), 9)


CURRENT_RATIOS = (
    1.0,
    *(ratio / IMAX_OVER_IN for ratio in (1.0, 0.3, 0.1, 0.05, 0.02, 0.01)),
    0.001,
    0.001 / IMAX_OVER_IN,
    0.0002,
    0.0001,
)
"""RMS currents relative to Imax: the steps of the standard's limits, its starting current, and 10 000:1."""

LAGS_DEG = (0.0, _lag_deg(0.5, 1), _lag_deg(0.8, -1), _lag_deg(0.25, 1), _lag_deg(0.5, -1))
FREQUENCIES_HZ = (45.0, 50.0, 60.0, 65.0)

FORMATS = ("svg", "png")
"""Of the plot."""


@dataclass(frozen=True)
class Mark:
    """Our own bound of the digital part's error: its range of currents, from which relative to Imax on."""

    currents: str
    from_imax: float
    percent: float


MARKS = (Mark("1000:1 to Imax", _SMALL, 0.01), Mark("10000:1 to 1000:1", 0.0001, 0.02))


@dataclass(frozen=True)
class Limit:
    """A row of the limits of IEC 62053-22: currents relative to In, power factors, and percent by class."""

    from_in: float
    below_in: float
    power_factors: tuple[str, ...]
    percent: dict[str, float]


CLASSES = ("0.1S", "0.2S", "0.5S")
LIMITS = tuple(
    Limit(start, end, factors, dict(zip(CLASSES, percent, strict=True)))
    for start, end, factors, percent in (
        (0.01, 0.05, ("1",), (0.2, 0.4, 1.0)),
        (0.05, math.inf, ("1",), (0.1, 0.2, 0.5)),
        (0.02, 0.1, ("0.5 ind", "0.8 cap"), (0.25, 0.5, 1.0)),
        (0.1, math.inf, ("0.5 ind", "0.8 cap"), (0.15, 0.3, 0.6)),
        (0.1, math.inf, ("0.25 ind", "0.5 cap"), (0.25, 0.5, 1.0)),
    )
)


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
        return round(math.cos(math.radians(self.lag_deg)), 9)

    @property
    def seed(self) -> int:
        """Seed of the noise: each point has noise of its own, the same in every run."""
        return zlib.crc32(repr(self).encode())


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was measured at a point: the error of the active energy; in three phases, of the worst."""

    point: Point
    error_percent: float


def power_factor_name(point: Point) -> str:
    """The point's power factor as the standards write it, such as ``0.5 ind``."""
    side = " ind" if point.lag_deg > _SAME else " cap" if point.lag_deg < -_SAME else ""
    return f"{point.power_factor:g}{side}"


def limit_percent(point: Point, accuracy_class: str) -> float | None:
    """The class's limit at the point; None where the standard has none."""
    ratio = point.current_ratio * IMAX_OVER_IN + _SAME
    name = power_factor_name(point)
    for limit in LIMITS:
        if name in limit.power_factors and limit.from_in <= ratio < limit.below_in:
            return limit.percent[accuracy_class]
    return None


def mark_of(point: Point) -> Mark | None:
    """Our own mark at the point; None below the smallest current that has one."""
    return next((mark for mark in MARKS if point.current_ratio >= mark.from_imax - _SAME), None)


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


def sample(points: Sequence[Point], count: int) -> list[Point]:
    """Return ``count`` of the points in their order, the same in every run."""
    return [points[index] for index in sorted(Random(0).sample(range(len(points)), count))]


def seconds_at(point: Point, seconds: float) -> float:
    """How long a point is measured: ``seconds`` down to 1000:1, ten times as long below.

    The noise of a lane, its rounding included, is 0.58 codes rms. Over t seconds at 8 kS/s it moves the
    energy by 0.00014 % / (PF · √t) at 1000:1 (one standard deviation), and by ten times that at 10 000:1.
    With one and with ten seconds that is at most 0.0006 % and 0.0018 % (PF 0.25): a tenth of the marks.
    """
    return seconds * (1 if point.current_ratio >= _SMALL - _SAME else _LONGER)


def accuracy(
    points: Iterable[Point],
    *,
    engine: Engine,
    config: SocConfig,
    seconds: float,
    jobs: int = 1,
    progress: Progress = lambda step, fraction: None,
) -> Iterator[Outcome]:
    """Measure each point for `seconds_at`; chip and reference are compared over the same mains cycles."""
    tasks = [(point, engine, config, seconds) for point in points]
    return each(_outcome, tasks, jobs=jobs, progress=progress)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome with the largest error."""
    return max(outcomes, key=lambda outcome: abs(outcome.error_percent))


def observed(
    load: Load,
    mains: Mains,
    *,
    engine: Engine,
    config: SocConfig,
    seconds: float,
    seed: int,
    cycles: int = 1,
) -> Observation:
    """What the chip measures of a load, with full scales and noise as at every point.

    The interval is a multiple of ``cycles`` mains cycles.
    """
    analogue = Analogue(
        source=f"{type(load).__name__} at {mains.frequency_hz:g} Hz",
        lanes=lanes(load, mains, float(config.sample_rate_hz), seconds),
        start_s=0.0,
        seconds=seconds,
        whole=lambda boundaries: boundaries[: (len(boundaries) - 1) // cycles * cycles + 1],
    )
    return observe(
        analogue, engine=engine, config=config, v_max=V_PEAK, i_max=I_PEAK, noise_lsb=NOISE_LSB, seed=seed
    )


def _outcome(task: tuple[Point, Engine, SocConfig, float]) -> Outcome:
    point, engine, config, seconds = task
    mains = Mains(
        vrms_v=VOLTAGE_V,
        frequency_hz=point.frequency_hz,
        start_deg=point.start_deg,
        phases=3 if config.phases == 3 else 1,
    )
    amperes = point.current_ratio * I_MAX_A
    seen = observed(
        Linear(irms_a=amperes, lag_deg=point.lag_deg),
        mains,
        engine=engine,
        config=config,
        seconds=seconds_at(point, seconds),
        seed=point.seed,
    )
    errors = []
    for phase, readings in enumerate(seen.windows.readings()):
        truth = sine_power(
            VOLTAGE_V,
            amperes,
            point.lag_deg,
            frequency_hz=point.frequency_hz,
            start_deg=point.start_deg - 120.0 * phase,
            interval_s=(float(seen.boundaries_s[0]), float(seen.boundaries_s[-1])),
        )
        errors.append((readings.active_w - truth) / abs(truth) * 100)
    return Outcome(point=point, error_percent=max(errors, key=abs))
