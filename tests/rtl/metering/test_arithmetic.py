"""Exact operations of the engine, against their definitions."""

from fractions import Fraction
from math import trunc

import pytest

from rtl.metering.arithmetic import divide, square_root

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
