"""The plot: one line a power factor, limits and marks, the same bytes from the same figures."""

import re

import pytest

from bench.accuracy import Outcome, grid
from bench.curves import error_curves

OUTCOMES = [
    Outcome(point=point, error_percent=1e-6 / point.current_ratio * (-1) ** number)
    for number, point in enumerate(grid())
]


@pytest.mark.parametrize("accuracy_class", ["0.1S", "0.5S"])
def test_svg_tells_what_it_shows(accuracy_class):
    picture = error_curves(OUTCOMES, accuracy_class, "svg")
    text = picture.decode()
    assert text.startswith("<?xml")
    for label in ("PF 1", "PF 0.5 ind", "PF 0.8 cap", "PF 0.25 ind", "PF 0.5 cap", f"class {accuracy_class}"):
        assert label in text
    assert not re.search(r"<dc:date>", text)
    assert picture == error_curves(OUTCOMES, accuracy_class, "svg")


def test_png_and_few_points():
    assert error_curves(OUTCOMES[:1], "0.2S", "png").startswith(b"\x89PNG")


def test_a_point_of_another_power_factor_is_drawn_too():
    points = grid(lags_deg=(25.0,), frequencies_hz=(50.0,))
    outcomes = [Outcome(point=point, error_percent=0.001) for point in points]
    assert "PF 0.906308 ind" in error_curves(outcomes, "0.1S", "svg").decode()
