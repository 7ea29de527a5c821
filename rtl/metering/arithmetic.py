"""Exact integer operations of the compute engine that Python has no operator for."""

from math import isqrt

from .parameters import WORD_BITS

__all__ = ["CRC_BITS", "CRC_START", "crc32", "divide", "dot", "square_root"]

CRC_BITS = 32
"""Bits of a CRC."""

CRC_START = 0xFFFFFFFF
"""What a CRC starts from."""

_CRC_POLYNOMIAL = 0xEDB88320


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


def dot(shape, array, first, argument):
    """Sum of the products of ``array`` from index ``first`` on with the entries of the `Dot` ``shape``."""
    return sum(array[first + step] * shape.table[entry] for step, entry in enumerate(shape.entries(argument)))


def crc32(before, word):
    """The CRC-32 (IEEE 802.3, reflected) after the bits of the word ``word``, least significant first."""
    for bit in range(WORD_BITS):
        feedback = (before ^ (word >> bit)) & 1
        before = (before >> 1) ^ (_CRC_POLYNOMIAL if feedback else 0)
    return before
