"""Exact operations of the engine, against their definitions."""

from fractions import Fraction
from math import trunc

import pytest

from rtl.metering.arithmetic import divide, dot, square_root
from rtl.metering.state import Array, Dot

VALUES = [0, 1, 2, 3, 7, 10, 255, 2**35 - 1, 2**53 + 1, 2**107 - 1]


@pytest.mark.parametrize("fraction_bits", [0, 1, 20, 34])
def test_quotients_round_towards_zero(fraction_bits):
    for magnitude in VALUES:
        for numerator in (magnitude, -magnitude):
            for denominator in (1, 2, 3, 1000, 2**35 - 1):
                exact = Fraction(numerator) * 2**fraction_bits / denominator
                assert divide(numerator, denominator, fraction_bits) == trunc(exact)


def test_a_denominator_of_zero_gives_zero():
    assert [divide(numerator, 0, 5) for numerator in (-7, 0, 7)] == [0, 0, 0]


def test_roots_are_the_largest_that_fit():
    for radicand in [*range(200), *VALUES]:
        root = square_root(radicand)
        assert root**2 <= radicand < (root + 1) ** 2


def test_a_negative_radicand_gives_zero():
    assert [square_root(radicand) for radicand in (-1, -(2**100))] == [0, 0]


def test_a_dot_product_goes_round_the_array_and_along_the_table():
    array = Array(4)
    for index, value in enumerate((2, 3, 5, 7)):
        array[index] = value
    shape = Dot((1, 10, 100, 1000, 10000), 3)
    assert dot(shape, array, 0, 0) == 2 * 1 + 3 * 10 + 5 * 100
    assert dot(shape, array, 3, 2) == 7 * 100 + 2 * 1000 + 3 * 10000
    assert dot(shape, array, -1, 0) == dot(shape, array, 7, 0) == 7 + 2 * 10 + 3 * 100


def test_a_dot_product_with_a_stride_goes_round_the_table():
    array = Array(4)
    for index in range(4):
        array[index] = 1
    shape = Dot((1, 10, 100, 1000), 4, start=3)
    assert dot(shape, array, 0, 0) == 4 * 1000
    assert dot(shape, array, 0, 1) == 1111
    assert dot(shape, array, 0, 2) == 1000 + 10 + 1000 + 10
    assert dot(shape, array, 0, 3) == 1111
