"""The grid, its limits and marks, and the figures of the model and of the chip's RTL."""

import json
import math
import random

import pytest

from bench.accuracy import (
    CLASSES,
    CURRENT_RATIOS,
    IMAX_OVER_IN,
    LIMITS,
    MARKS,
    Outcome,
    Point,
    accuracy,
    grid,
    limit_percent,
    mark_of,
    power_factor_name,
    sample,
    seconds_at,
    worst,
)
from sim.backends import backend
from sim.meter import ModelEngine, RtlEngine
from soc.config import preset

CONFIG = preset("single")
MODEL = ModelEngine(backend("pysim"))


def check(outcomes):
    for outcome in outcomes:
        mark = mark_of(outcome.point)
        assert mark is not None
        assert abs(outcome.error_percent) <= mark.percent, outcome


def point(ratio, lag=0.0, frequency=50.0):
    return Point(current_ratio=ratio, lag_deg=lag, frequency_hz=frequency)


def test_the_grid_covers_the_marks_and_the_limits():
    points = grid()
    assert len(points) >= 60
    assert (min(CURRENT_RATIOS), max(CURRENT_RATIOS)) == (0.0001, 1.0)
    assert {power_factor_name(each) for each in points} == {"1", "0.5 ind", "0.8 cap", "0.25 ind", "0.5 cap"}
    assert {power_factor_name(each) for each in points} == {
        name for row in LIMITS for name in row.power_factors
    }
    frequencies = [each.frequency_hz for each in points]
    assert (min(frequencies), max(frequencies)) == (45.0, 65.0)
    assert all(mark_of(each) for each in points)
    for limit in LIMITS:
        edge = limit.from_in / IMAX_OVER_IN
        assert any(math.isclose(edge, ratio) for ratio in CURRENT_RATIOS), "the standard's own test points"
    assert len({each.seed for each in points}) == len(points)


@pytest.mark.parametrize(
    ("ratio_to_in", "lag", "expected"),
    [
        (0.00999, 0.0, (None, None, None)),
        (0.01, 0.0, (0.2, 0.4, 1.0)),
        (0.0499, 0.0, (0.2, 0.4, 1.0)),
        (0.05, 0.0, (0.1, 0.2, 0.5)),
        (1.2, 0.0, (0.1, 0.2, 0.5)),
        (0.0199, 60.0, (None, None, None)),
        (0.02, 60.0, (0.25, 0.5, 1.0)),
        (0.1, 60.0, (0.15, 0.3, 0.6)),
        (0.05, -36.869897646, (0.25, 0.5, 1.0)),
        (1.0, -36.869897646, (0.15, 0.3, 0.6)),
        (0.0999, 75.522487814, (None, None, None)),
        (0.1, 75.522487814, (0.25, 0.5, 1.0)),
        (1.2, -60.0, (0.25, 0.5, 1.0)),
        (1.0, 36.869897646, (None, None, None)),
    ],
)
def test_limits_of_the_classes(ratio_to_in, lag, expected):
    at = point(ratio_to_in / IMAX_OVER_IN, lag)
    assert tuple(limit_percent(at, name) for name in CLASSES) == expected


def test_marks_and_lengths_of_points():
    assert [mark_of(point(ratio)) for ratio in (1.0, 0.001, 0.00099, 0.0001, 0.00009)] == [
        MARKS[0],
        MARKS[0],
        MARKS[1],
        MARKS[1],
        None,
    ]
    assert [seconds_at(point(ratio), 1.0) for ratio in (1.0, 0.001, 0.0002)] == [1.0, 1.0, 10.0]


def test_a_sample_is_spread_and_the_same_every_time():
    points = grid()
    some = sample(points, 40)
    assert some == sample(points, 40)
    assert some == sorted(some, key=points.index)
    assert len(set(some)) == 40
    assert {power_factor_name(each) for each in some} == {power_factor_name(each) for each in points}
    assert sample(points, len(points)) == points


def test_worst_is_the_largest_either_way():
    outcomes = [Outcome(point=point(1.0), error_percent=error) for error in (0.1, -0.3, 0.2)]
    assert worst(outcomes).error_percent == -0.3


def test_active_energy_keeps_its_marks_over_the_grid():
    """In a quarter of a second noise is half of the mark at most; the figures are measured longer."""
    points = grid(current_ratios=(1.0, 0.05, 0.001), frequencies_hz=(45.0, 50.0, 65.0))
    check(accuracy(points, engine=MODEL, config=CONFIG, seconds=0.25))


def test_smallest_currents_keep_it_from_any_start_at_any_frequency():
    """Also where a cycle is a whole number of sample periods, so that rounding does not average out."""
    rng = random.Random(6)
    coherent = [8000 / samples for samples in (124, 125, 128, 160, 170, 172)]
    points = [
        Point(
            current_ratio=0.001,
            lag_deg=rng.choice((0.0, 60.0, -60.0)),
            frequency_hz=rng.choice((*coherent, rng.uniform(45, 65))),
            start_deg=rng.uniform(-180, 180),
        )
        for _ in range(40)
    ]
    check(accuracy(points, engine=MODEL, config=CONFIG, seconds=0.25))


def test_ten_thousand_to_one():
    check(accuracy([point(0.0001)], engine=MODEL, config=CONFIG, seconds=0.2))


def test_other_sample_rate_three_phases_and_sixteen_bits():
    changed = preset("polyphase").with_changes(
        metrology_hz=25_000_000, modulator_divider=8, cic_decimation=200, word_bits=28
    )
    points = grid(current_ratios=(1.0, 0.001), lags_deg=(60.0,), frequencies_hz=(45.0, 50.0))
    check(accuracy(points, engine=MODEL, config=changed, seconds=0.25))
    (coarse,) = accuracy([point(0.001)], engine=MODEL, config=CONFIG.with_changes(word_bits=16), seconds=0.25)
    assert 1e-3 < abs(coarse.error_percent) < 1.0


def test_processes_give_the_same_figures_in_the_same_order():
    points = grid(current_ratios=(1.0, 0.01), lags_deg=(0.0,), frequencies_hz=(50.0,))
    alone = list(accuracy(points, engine=MODEL, config=CONFIG, seconds=0.1))
    told = []
    both = list(
        accuracy(
            points,
            engine=MODEL,
            config=CONFIG,
            seconds=0.1,
            jobs=2,
            progress=lambda step, fraction: told.append((step, fraction)),
        )
    )
    assert both == alone
    assert told == [("Measuring", 0.0), ("Measuring", 0.5), ("Measuring", 1.0)]


def test_rtl_gives_the_figures_of_the_model():
    points = grid(current_ratios=(1.0, 0.001), lags_deg=(60.0,), frequencies_hz=(50.0, 65.0))
    outcomes = [
        list(accuracy(points, engine=engine, config=CONFIG, seconds=0.25))
        for engine in (RtlEngine(backend("verilator")), MODEL)
    ]
    assert outcomes[0] == outcomes[1]
    check(outcomes[0])


def test_power_factors_are_round_numbers():
    assert json.dumps([each.power_factor for each in grid((1.0,), frequencies_hz=(50.0,))]) == (
        "[1.0, 0.5, 0.8, 0.25, 0.5]"
    )
