"""The marks of the metering's digital part beyond the grid of sines: each a small measurement of its own."""

from __future__ import annotations

from collections.abc import Sequence

from bench import marks_chain, marks_energy, marks_readings
from bench.accuracy import MARKS, Outcome, mark_of, power_factor_name
from bench.mark import Bench, Measurement, Row
from bench.parallel import each
from sim.backends.base import Progress

__all__ = ["MEASUREMENTS", "marks"]

MEASUREMENTS: tuple[Measurement, ...] = (
    *marks_readings.MEASUREMENTS,
    *marks_energy.MEASUREMENTS,
    *marks_chain.MEASUREMENTS,
)


def marks(
    bench: Bench,
    *,
    outcomes: Sequence[Outcome] = (),
    jobs: int = 1,
    progress: Progress = lambda step, fraction: None,
) -> list[Row]:
    """Measure every mark; those of the grid are taken from its ``outcomes``."""
    tasks = [(measurement, bench) for measurement in MEASUREMENTS]
    rows = _of_grid(outcomes)
    for measured in each(_measured, tasks, jobs=jobs, progress=progress, step="Measuring marks"):
        rows += measured
    return rows


def _measured(task: tuple[Measurement, Bench]) -> list[Row]:
    measurement, bench = task
    return list(measurement(bench))


def _of_grid(outcomes: Sequence[Outcome]) -> list[Row]:
    """For each mark of the grid and each power factor, the largest error."""
    rows = []
    for mark in MARKS:
        largest: dict[str, float] = {}
        for outcome in outcomes:
            if mark_of(outcome.point) == mark:
                factor = power_factor_name(outcome.point)
                largest[factor] = max(largest.get(factor, 0.0), abs(outcome.error_percent))
        rows += [
            Row(name=f"Energy, PF {factor}, {mark.currents}", figure=figure, mark=mark.percent)
            for factor, figure in largest.items()
        ]
    return rows
