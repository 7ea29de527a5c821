"""Exact integer operations of the compute engine that Python has no operator for."""

from math import isqrt

__all__ = ["divide", "square_root"]


def divide(numerator, denominator, fraction_bits):
    """``numerator * 2 ** fraction_bits / denominator``, rounded towards zero; 0 for a denominator of 0.

    The denominator is not negative.
    """
    if denominator == 0:
        return 0
    quotient = (abs(numerator) << fraction_bits) // denominator
    return quotient if numerator >= 0 else -quotient


def square_root(radicand):
    """The whole part of the square root; 0 for a negative radicand."""
    return isqrt(radicand) if radicand > 0 else 0
