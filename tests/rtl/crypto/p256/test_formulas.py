"""Formulas of points against the group law, for every kind of pair, infinity included."""

import itertools
import random

import pytest

from rtl.crypto.p256 import formulas
from rtl.crypto.p256.curve import P256


class Element:
    """An element of the field; ``products`` counts multiplications."""

    products = 0

    def __init__(self, value):
        self.value = value % P256.p

    def __add__(self, other):
        return Element(self.value + other.value)

    def __sub__(self, other):
        return Element(self.value - other.value)

    def __mul__(self, other):
        Element.products += 1
        return Element(self.value * other.value)


B = Element(P256.b)
RNG = random.Random(1)
_SOME = [P256.multiply(RNG.randrange(P256.n), P256.base) for _ in range(2)]
POINTS = [None, P256.base, P256.negate(P256.base), P256.multiply(2, P256.base), *_SOME]


def _projective(point, factor):
    if point is None:
        return Element(0), Element(factor), Element(0)
    return Element(point[0] * factor), Element(point[1] * factor), Element(factor)


def _affine(point):
    x, y, z = (element.value for element in point)
    if z == 0:
        assert x == 0
        assert y != 0, "(0 : 0 : 0) is no point"
        return None
    return x * pow(z, -1, P256.p) % P256.p, y * pow(z, -1, P256.p) % P256.p


def _count(function):
    Element.products = 0
    result = function()
    return result, Element.products


@pytest.mark.parametrize(("left", "right"), [*itertools.product(range(len(POINTS)), repeat=2)])
def test_additions_are_complete(left, right):
    expected = P256.add(POINTS[left], POINTS[right])
    first, second = (_projective(POINTS[place], RNG.randrange(1, P256.p)) for place in (left, right))
    total, products = _count(lambda: formulas.add(first, second, B))
    assert (_affine(total), products) == (expected, 14)
    if POINTS[right] is not None:
        affine = tuple(Element(value) for value in POINTS[right])
        total, products = _count(lambda: formulas.add_affine(first, affine, B))
        assert (_affine(total), products) == (expected, 13)


@pytest.mark.parametrize("place", range(len(POINTS)))
def test_doublings(place):
    point = POINTS[place]
    first = _projective(point, RNG.randrange(1, P256.p))
    twice = P256.add(point, point)
    result, products = _count(lambda: formulas.double(first, B))
    assert (_affine(result), products) == (twice, 13)
    jacobian, products = _count(lambda: formulas.double_to_jacobian(first))
    assert products == 7
    jacobian, products = _count(lambda: formulas.double_jacobian(jacobian))
    assert products == 8
    back, products = _count(lambda: formulas.from_jacobian(jacobian))
    assert products == 3
    if point is None:
        assert [element.value for element in back] == [0, 0, 0]
    else:
        assert _affine(back) == P256.add(twice, twice)


def test_points_and_others_are_told_apart():
    for x, y in POINTS[1:]:
        assert formulas.curve_difference(Element(x), Element(y), B).value == 0
        assert formulas.curve_difference(Element(x + 1), Element(y), B).value != 0
