"""The constants of SHA-256, computed from their definition."""

from math import isqrt

__all__ = ["INITIAL_STATE", "ROUND_CONSTANTS"]

_ROUNDS = 64
_WORD = 0xFFFF_FFFF


def _primes(count):
    primes = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    return primes


def _integer_cube_root(number):
    low, high = 0, 1 << (number.bit_length() // 3 + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if middle**3 <= number:
            low = middle
        else:
            high = middle
    return low


ROUND_CONSTANTS = tuple(_integer_cube_root(prime << 96) & _WORD for prime in _primes(_ROUNDS))
"""First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2)."""

INITIAL_STATE = tuple(isqrt(prime << 64) & _WORD for prime in _primes(8))
"""First 32 bits of the fractional parts of the square roots of the first 8 primes (FIPS 180-4, 5.3.3)."""
