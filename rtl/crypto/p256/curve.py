"""A prime curve by its parameters, and every constant and table that follows from them."""

from dataclasses import dataclass
from functools import cached_property

from .moduli import BITS, N, P

__all__ = ["COLUMNS", "P256", "TABLES", "TEETH", "WINDOW", "Comb", "Curve"]

TEETH = 5
"""Bits of the scalar that a column of the comb takes, `COLUMNS` bits apart."""

TABLES = 4
"""Tables of the comb; each stands for the columns of one part of the rows."""

WINDOW = 5
"""Bits of a digit of a scalar where the point is not known before."""

_BLINDING = 84


@dataclass(frozen=True)
class Curve:
    """Short Weierstrass curve y² = x³ − 3x + b over a prime field, of prime order.

    Parameters
    ----------
    bits : int
        Width of a number, a multiple of 32 no less than that of the modulus.
    p, n, b, gx, gy : int
        Modulus, order, coefficient and the base point, as SEC 2 and FIPS 186-5 name them.
    """

    bits: int
    p: int
    n: int
    b: int
    gx: int
    gy: int

    @cached_property
    def words(self):
        """Words of 32 bits in a number."""
        return self.bits // 32

    @cached_property
    def blinding_bits(self):
        """Width of the random factor of the order that is added to a scalar, so many times."""
        return _BLINDING

    @cached_property
    def factor_words(self):
        """Words of 32 bits in that factor, of the top one of which only upper bits count."""
        return -(-_BLINDING // 32)

    @cached_property
    def scalar_bits(self):
        """Signs of a blinded scalar, which is below 2 to the same power."""
        return self.bits + _BLINDING

    @cached_property
    def scalar_words(self):
        """Words of a blinded scalar, with a bit above it."""
        return self.scalar_bits // 32 + 1

    def montgomery(self, value, modulus):
        """``value`` as it stands in registers: times 2^bits."""
        return value * (1 << self.bits) % modulus

    def add(self, left, right):
        """Sum of two points; a point is (x, y), or None for infinity."""
        if left is None or right is None:
            return right if left is None else left
        (x1, y1), (x2, y2) = left, right
        if x1 == x2:
            if (y1 + y2) % self.p == 0:
                return None
            slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, self.p)
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, self.p)
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p

    def negate(self, point):
        """The point's inverse."""
        return point and (point[0], -point[1] % self.p)

    def multiply(self, scalar, point):
        """``scalar`` times a point, by doubling and adding."""
        total = None
        for bit in bin(scalar % self.n)[2:]:
            total = self.add(total, total)
            if bit == "1":
                total = self.add(total, point)
        return total

    @property
    def base(self):
        """The base point."""
        return self.gx, self.gy


P256 = Curve(
    bits=BITS,
    p=P.value,
    n=N.value,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    gx=0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    gy=0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
"""P-256 of FIPS 186-5 and SP 800-186, secp256r1 of SEC 2."""

COLUMNS = P256.scalar_bits // TEETH
"""Columns of the comb; the scalar's bits of a column are as many bits apart."""


class Comb:
    """Points that the base point's multiples are made of, in the order of the table memory.

    A digit d of five signs s₄…s₀, all 1 or −1, with s₄ = 1, is the number Σ s_j·2^(j·gap), and its place in a
    table is the number of its lower four signs, 1 for a bit that is set. Table t of the comb has the digits
    of gap `COLUMNS` times 2^(t·COLUMNS/TABLES); the last table has those of gap 1, which are the odd
    multiples 1 to 31 of the base point.

    Parameters
    ----------
    curve : Curve
        The curve.
    """

    entries = 1 << (TEETH - 1)

    def __init__(self, curve):
        self._curve = curve
        self.points = []
        for table in range(TABLES):
            self._append(first=curve.multiply(1 << table * COLUMNS // TABLES, curve.base), gap=COLUMNS)
        self._append(first=curve.base, gap=1)

    def _append(self, *, first, gap):
        curve, teeth = self._curve, [first]
        for _ in range(TEETH - 1):
            point = teeth[-1]
            for _ in range(gap):
                point = curve.add(point, point)
            teeth.append(point)
        for index in range(self.entries):
            total = teeth[-1]
            for position, tooth in enumerate(teeth[:-1]):
                total = curve.add(total, tooth if index >> position & 1 else curve.negate(tooth))
            self.points.append(total)
