"""The S-box of AES as logic, derived from its definition."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LINEAR_ORDER", "SBox", "affine", "multiply", "sbox"]

LINEAR_ORDER = 4
"""How often the S-box without its inversion must be applied to give back the byte."""

_AES_POLYNOMIAL = 0x11B
_CONSTANT = 0x63

# The tower: GF(16) is made of the powers of _BETA, an element of GF(256) that is a root of _POLYNOMIAL; a byte
# is h·_Y + l with h and l in GF(16), and _Y² = _Y + _LAMBDA. Of all such towers this one has the maps in and
# out of it that take the fewest look-up tables of four inputs.
_POLYNOMIAL = 0x19
_BETA = 81
_Y = 66


def multiply(a, b, *, polynomial=_AES_POLYNOMIAL):
    """Product of two elements of the field GF(2)[x] modulo ``polynomial``."""
    product, degree = 0, polynomial.bit_length() - 1
    while b:
        product ^= a * (b & 1)
        a, b = a << 1, b >> 1
        a ^= polynomial * (a >> degree)
    return product


def affine(byte):
    """What SubBytes does after the inversion (FIPS 197, section 5.1.1)."""
    turned = [byte >> place | byte << 8 - place for place in (0, 4, 5, 6, 7)]
    return _CONSTANT ^ _xor(turned) & 0xFF


def sbox(byte):
    """SubBytes of one byte, by its definition."""
    inverse = next((other for other in range(256) if multiply(byte, other) == 1), 0)
    return affine(inverse)


def _xor(values):
    total = 0
    for value in values:
        total ^= value
    return total


_BASIS = [1]
for _ in range(3):
    _BASIS.append(multiply(_BASIS[-1], _BETA))
_FROM_TOWER = [*_BASIS, *(multiply(_Y, element) for element in _BASIS)]
"""The byte that each bit of an element of the tower stands for: l first, then h."""


def _combine(columns, value):
    """The linear map with these columns, applied to a number."""
    return _xor(column for place, column in enumerate(columns) if value >> place & 1)


_TO_TOWER = [
    next(number for number in range(256) if _combine(_FROM_TOWER, number) == 1 << place) for place in range(8)
]
_LAMBDA = _combine(_TO_TOWER, multiply(_Y, _Y) ^ _Y)
_OUT = [affine(column) ^ _CONSTANT for column in _FROM_TOWER]


def _map(columns, bits):
    """The linear map with these columns as logic: the bits of its result."""
    size = max(columns).bit_length()
    rows = [
        [bit for column, bit in zip(columns, bits, strict=True) if column >> row & 1] for row in range(size)
    ]
    return Cat(_xor_bits(row) for row in rows)


def _xor_bits(bits):
    first, *others = bits
    for bit in others:
        first = first ^ bit
    return first


def _product(a, b):
    """Product of two elements of GF(16) as logic."""
    terms = [[] for _ in range(4)]
    for i in range(4):
        for j in range(4):
            power = multiply(1 << i, 1 << j, polynomial=_POLYNOMIAL)
            for place in range(4):
                if power >> place & 1:
                    terms[place].append((i, j))
    return Cat(_xor_bits([a[i] & b[j] for i, j in places]) for places in terms)


class SBox(wiring.Component):
    """SubBytes of one byte, or of its affine map alone.

    The inversion in GF(256) is done in GF(16), where it is a function of four bits. With ``linear`` it is
    left out: the affine map alone has the order `LINEAR_ORDER`, and the inverse of the S-box is three times
    that map, the S-box, and three times that map again.

    Members
    -------
    byte : In(8)
        Byte.
    linear : In(1)
        Leaves the inversion out.
    result : Out(8)
        The result, without a clock.
    """

    byte: In(8)
    linear: In(1)
    result: Out(8)

    def elaborate(self, platform):
        m = Module()
        tower, low, high = Signal(8), Signal(4), Signal(4)
        squares, norm, inverse = Signal(4), Signal(4), Signal(4)
        square = [multiply(1 << i, 1 << i, polynomial=_POLYNOMIAL) for i in range(4)]
        scaled = [multiply(_LAMBDA, element, polynomial=_POLYNOMIAL) for element in square]
        m.d.comb += [
            tower.eq(_map(_TO_TOWER, self.byte)),
            Cat(low, high).eq(tower),
            squares.eq(_map([*square, *scaled], tower)),
            norm.eq(squares ^ _product(low, high)),
        ]
        with m.Switch(norm):
            for value in range(16):
                with m.Case(value):
                    products = (multiply(value, other, polynomial=_POLYNOMIAL) for other in range(16))
                    m.d.comb += inverse.eq(next((n for n, product in enumerate(products) if product == 1), 0))
        with m.If(self.linear):
            m.d.comb += inverse.eq(1)
        # The inverse of h·y + l is (h·y + h + l) over its norm.
        other, out = Signal(4), Signal(8)
        m.d.comb += [
            other.eq(low ^ Mux(self.linear, 0, high)),
            out.eq(Cat(_product(other, inverse), _product(high, inverse))),
            self.result.eq(_map(_OUT, out) ^ _CONSTANT),
        ]
        return m
