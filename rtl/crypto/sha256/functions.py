"""The functions of SHA-256 on 32-bit words, as expressions (FIPS 180-4, 4.1.2)."""

from functools import reduce
from operator import or_

__all__ = [
    "big_sigma0",
    "big_sigma1",
    "carry_save",
    "choose",
    "majority",
    "pick",
    "small_sigma0",
    "small_sigma1",
]


def choose(x, y, z):
    """Bits of ``y`` where ``x`` is one, of ``z`` elsewhere."""
    return (x & y) | (~x & z)


def majority(x, y, z):
    """What two or more of the three words say."""
    return (x & y) | (x & z) | (y & z)


def big_sigma0(x):
    """Mixes the working word ``a``."""
    return x.rotate_right(2) ^ x.rotate_right(13) ^ x.rotate_right(22)


def big_sigma1(x):
    """Mixes the working word ``e``."""
    return x.rotate_right(6) ^ x.rotate_right(11) ^ x.rotate_right(25)


def small_sigma0(x):
    """Mixes the schedule's word of 15 rounds ago."""
    return x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3)


def small_sigma1(x):
    """Mixes the schedule's word of 2 rounds ago."""
    return x.rotate_right(17) ^ x.rotate_right(19) ^ (x >> 10)


def carry_save(x, y, z):
    """Two words whose sum is the sum of three, modulo 2 ** 32, without a carry chain."""
    return x ^ y ^ z, (majority(x, y, z) << 1)[:32]


def pick(*choices):
    """Of ``(bit, word)`` pairs the word whose bit is high, and zero if none is; never are two high.

    In LUTs of four inputs this is smaller than a chain of multiplexers.
    """
    return reduce(or_, (word & bit.replicate(len(word)) for bit, word in choices))
