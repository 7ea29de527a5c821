"""The accuracy marks over the grid, on the model; and the same figures from the chip's RTL."""

import random

import pytest

from bench.accuracy import CURRENT_RATIOS, MARKS, Point, accuracy, grid, worst
from sim.backends import backend
from sim.meter import ModelEngine, RtlEngine
from soc.config import preset

CONFIG = preset("single").with_changes(uart_baud=5_000_000)
MODEL = ModelEngine(backend("pysim"))
LIMITS = {"active_w": MARKS["active_w"], "vrms_v": 0.0001, "irms_a": 0.005, "reactive_var": 0.01}


def check(outcomes):
    for name, limit in LIMITS.items():
        error, point = worst(outcomes, name)
        assert abs(error) <= limit, f"{name}: {error} % at {point}"
    for each in outcomes:
        assert abs(each.frequency_error_hz) < 1e-5, each.point


def test_the_grid_covers_the_mark():
    points = grid()
    assert len(points) >= 60
    assert {min(CURRENT_RATIOS), max(CURRENT_RATIOS)} == {0.001, 1.0}
    assert {round(point.power_factor, 9) for point in points} == {1.0, 0.5}
    frequencies = [point.frequency_hz for point in points]
    assert (min(frequencies), max(frequencies)) == (45.0, 65.0)


def test_active_power_keeps_its_mark_over_the_grid():
    check(list(accuracy(grid(), engine=MODEL, config=CONFIG, seconds=0.25)))


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
        for _ in range(80)
    ]
    check(list(accuracy(points, engine=MODEL, config=CONFIG, seconds=0.15)))


def test_other_sample_rate_three_phases_and_sixteen_bits():
    changed = preset("polyphase").with_changes(
        metrology_hz=25_000_000, modulator_divider=8, cic_decimation=200, word_bits=28
    )
    points = grid(current_ratios=(1.0, 0.001), frequencies_hz=(45.0, 50.0, 65.0))
    check(list(accuracy(points, engine=MODEL, config=changed, seconds=0.25)))
    short = CONFIG.with_changes(word_bits=16)
    (coarse,) = accuracy([points[0]], engine=MODEL, config=short, seconds=0.25)
    assert 1e-4 < max(map(abs, coarse.errors_percent.values())) < 0.02


def test_rtl_gives_the_figures_of_the_model():
    points = grid(current_ratios=(1.0, 0.001), frequencies_hz=(50.0, 65.0))
    outcomes = [
        list(accuracy(points, engine=engine, config=CONFIG, seconds=0.25))
        for engine in (RtlEngine(backend("verilator")), MODEL)
    ]
    assert outcomes[0] == outcomes[1]
    check(outcomes[0])


@pytest.mark.parametrize(("lag", "names"), [(0.0, {"active_w"}), (90.0, {"reactive_var"})])
def test_a_power_that_is_nearly_zero_has_no_error_in_percent(lag, names):
    (outcome,) = accuracy(
        [Point(current_ratio=0.1, lag_deg=lag, frequency_hz=50.0)], engine=MODEL, config=CONFIG, seconds=0.1
    )
    assert set(outcome.errors_percent) == {"vrms_v", "irms_a"} | names
