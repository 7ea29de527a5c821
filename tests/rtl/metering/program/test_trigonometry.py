"""Amplitude and angle of phasors, against floating point."""

import math
import random

import pytest

from rtl.metering.program.trigonometry import angle, magnitude, wrapped

TURN = 1 << 30
LARGEST = (1 << 35) - 1


def error_of_angle(x, y):
    """Distance round the circle between the angle of a phasor and the true one, in turns."""
    difference = angle(x, y) / TURN - math.atan2(y, x) / (2 * math.pi)
    return abs(difference - round(difference))


@pytest.mark.parametrize("radius", [40, 1000, 1 << 17, 1 << 28, LARGEST])
def test_angle_all_round_the_circle(radius):
    for step in range(2000):
        x, y = (round(radius * part(2 * math.pi * step / 2000)) for part in (math.cos, math.sin))
        assert error_of_angle(x, y) < 1e-8, f"{x}, {y}"


@pytest.mark.parametrize("seed", range(4))
def test_angle_of_random_phasors(seed):
    rng = random.Random(seed)
    for _ in range(2000):
        x, y = (rng.randint(-LARGEST, LARGEST) >> rng.randrange(36) for _ in range(2))
        assert x == y == 0 or error_of_angle(x, y) < 1e-8, f"seed {seed}: {x}, {y}"


@pytest.mark.parametrize(
    ("x", "y", "turns"),
    [(0, 0, 0), (1, 0, 0), (0, 1, 1 / 4), (-1, 0, 1 / 2), (0, -1, -1 / 4), (5, -5, -1 / 8), (-7, -7, -3 / 8)],
)
def test_angle_where_the_parts_change_over(x, y, turns):
    assert abs(angle(x, y) - turns * TURN) <= 2


@pytest.mark.parametrize("seed", range(2))
def test_magnitude_is_rounded_down(seed):
    rng = random.Random(seed)
    for _ in range(1000):
        x, y = (rng.randint(-LARGEST, LARGEST) >> rng.randrange(36) for _ in range(2))
        assert magnitude(x, y) == math.isqrt(x * x + y * y), f"seed {seed}: {x}, {y}"


@pytest.mark.parametrize(
    ("turns", "left"), [(0, 0), (0.25, 0.25), (0.5, -0.5), (-0.5, -0.5), (1.75, -0.25), (-30.125, -0.125)]
)
def test_whole_turns_are_taken_off(turns, left):
    assert wrapped(round(turns * TURN)) == left * TURN
