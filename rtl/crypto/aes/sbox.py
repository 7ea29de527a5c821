"""The S-box of AES, and its affine map alone, in a memory."""

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["LINEAR_ORDER", "SBoxes", "affine", "multiply", "sbox"]

LINEAR_ORDER = 4
"""How often the affine map alone must be applied to give back the byte."""

_AES_POLYNOMIAL = 0x11B
_CONSTANT = 0x63


def multiply(a, b):
    """Product in the field of AES (FIPS 197, section 4.2)."""
    product = 0
    while b:
        product ^= a * (b & 1)
        a, b = a << 1, b >> 1
        a ^= _AES_POLYNOMIAL * (a >> 8)
    return product


def affine(byte):
    """What SubBytes does after the inversion (FIPS 197, section 5.1.1)."""
    total = _CONSTANT
    for place in (0, 4, 5, 6, 7):
        total ^= byte >> place | byte << 8 - place & 0xFF
    return total


def sbox(byte):
    """SubBytes of one byte."""
    inverse = byte
    for _ in range(6):  # the 254th power, by squaring and multiplying
        inverse = multiply(multiply(inverse, inverse), byte)
    return affine(multiply(inverse, inverse))


_TABLE = [sbox(byte) for byte in range(256)] + [affine(byte) for byte in range(256)]


class SBoxes(wiring.Component):
    """Two S-boxes in one block RAM with two ports.

    The affine map alone has the order `LINEAR_ORDER`: the inverse of the S-box is three times that map, the
    S-box, and three times that map again.

    Members
    -------
    bytes : In(16)
        Two bytes.
    linear : In(1)
        Takes the affine map alone.
    en : In(1)
        Takes the bytes.
    results : Out(16)
        The results, until others are taken.

    Latency
    -------
    One clock.
    """

    bytes: In(16)
    linear: In(1)
    en: In(1)
    results: Out(16)

    def elaborate(self, platform):
        m = Module()
        m.submodules.table = table = Memory(shape=8, depth=len(_TABLE), init=_TABLE)
        ports = [table.read_port() for _ in range(2)]
        for at, port in enumerate(ports):
            m.d.comb += [
                port.addr.eq(Cat(self.bytes[8 * at : 8 * at + 8], self.linear)),
                port.en.eq(self.en),
                self.results[8 * at : 8 * at + 8].eq(port.data),
            ]
        return m
