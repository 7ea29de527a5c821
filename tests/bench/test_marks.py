"""The marks: each measurement keeps its own, on the model and for a short time."""

import pytest

from bench import marks
from bench.accuracy import Outcome, grid
from bench.mark import Bench, Row
from sim.backends import backend
from sim.meter import ModelEngine
from soc.config import preset

BENCH = Bench(
    engine=ModelEngine(backend("pysim")),
    config=preset("single"),
    seconds=0.25,
    steady_hz=(50.0,),
    no_load_seconds=5.0,
)


@pytest.mark.parametrize("measurement", marks.MEASUREMENTS, ids=lambda each: each.__name__.strip("_"))
def test_every_mark_is_kept(measurement):
    rows = list(measurement(BENCH))
    assert rows
    for row in rows:
        assert row.kept, row


def test_marks_of_the_grid_are_the_largest_of_its_outcomes():
    points = grid(current_ratios=(1.0, 0.0005), lags_deg=(0.0, 60.0), frequencies_hz=(45.0, 50.0))
    outcomes = [
        Outcome(point=point, error_percent=error)
        for point, error in zip(points, (0.001, 0.03, -0.002, 0.01, 0.0, 0.0, 0.004, -0.005), strict=True)
    ]
    rows = [(row.name, row.figure, row.mark, row.kept) for row in marks._of_grid(outcomes)]
    assert rows == [
        ("Energy, PF 1, 1000:1 to Imax", 0.002, 0.01, True),
        ("Energy, PF 0.5 ind, 1000:1 to Imax", 0.004, 0.01, True),
        ("Energy, PF 1, 10000:1 to 1000:1", 0.03, 0.02, False),
        ("Energy, PF 0.5 ind, 10000:1 to 1000:1", 0.005, 0.02, True),
    ]


def test_all_of_them_in_order(monkeypatch):
    def first(bench):
        yield Row(name=bench.config.name, figure=1.0, mark=2.0)

    monkeypatch.setattr(marks, "MEASUREMENTS", (first, first))
    told = []
    rows = marks.marks(BENCH, progress=lambda step, fraction: told.append(step))
    assert [row.name for row in rows] == ["single", "single"]
    assert told == ["Measuring marks"] * 2
