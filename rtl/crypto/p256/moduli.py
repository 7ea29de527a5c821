"""The moduli of the curve, and the constants that Montgomery's multiplication needs of them."""

from dataclasses import dataclass
from functools import cached_property

from amaranth.lib import enum

__all__ = ["BITS", "DIGITS", "MODULI", "WORD_BITS", "Modulo", "Modulus", "N", "P"]

BITS = 256
WORD_BITS = 32
DIGITS = BITS // WORD_BITS
_BASE = 1 << WORD_BITS


class Modulo(enum.Enum, shape=1):
    """Which modulus an instruction goes by: of the field (``P``), or of the group's order (``N``)."""

    P = 0
    N = 1


@dataclass(frozen=True)
class Modulus:
    """An odd modulus just below 2^BITS.

    Parameters
    ----------
    name : str
        What it is called.
    value : int
        The modulus m.

    Raises
    ------
    ValueError
        If the modulus is even, or if what the multipliers rely on does not hold: a sum that exceeds m by less
        than a digit ends below 2·m after an exact step, and the multiple of m that ends in −1 leaves room
        for the carries of the others.
    """

    name: str
    value: int

    def __post_init__(self):
        if self.value % 2 == 0:
            raise ValueError(f"Modulus {self.name} must be odd, not {self.value:#x}")
        if not 0 < self.complement <= self.value >> WORD_BITS:
            raise ValueError(f"Modulus {self.name} must be just below 2^{BITS}, not {self.value:#x}")
        if self.sparse is None and self.cancelling >> (BITS + 2) == (1 << (WORD_BITS - 2)) - 1:
            raise ValueError(
                f"The multiple of modulus {self.name} that ends in -1 is too large: {self.cancelling:#x}"
            )

    @property
    def inverse(self) -> int:
        """Montgomery's constant: −1/m modulo a word."""
        return -pow(self.value, -1, _BASE) % _BASE

    @property
    def cancelling(self) -> int:
        """The multiple k·m that is −1 modulo a word: with it, a quotient's digit is the lowest word."""
        return self.value * self.inverse

    @property
    def carried(self) -> int:
        """What a quotient's digit adds one word higher: (k·m + 1) / 2^WORD_BITS."""
        return (self.cancelling + 1) >> WORD_BITS

    @property
    def sparse(self) -> tuple[tuple[int, int], ...] | None:
        """(m + 1) / 2^WORD_BITS as words of value 1 or −1, each as (word, sign), or None if it has others.

        A quotient's digit then needs no multiplication: it is the lowest word, added at some words and
        subtracted at others.
        """
        rest, words = (self.value + 1) >> WORD_BITS, []
        for word in range(DIGITS):
            digit = rest % _BASE
            digit -= _BASE if digit == _BASE - 1 else 0
            if digit not in (-1, 0, 1) or self.inverse != 1:
                return None
            if digit:
                words.append((word, digit))
            rest = (rest - digit) >> WORD_BITS
        return tuple(words) if rest == 0 else None

    @property
    def complement(self) -> int:
        """2^BITS − m."""
        return (1 << BITS) - self.value

    @property
    def radix(self) -> int:
        """Montgomery's R = 2^BITS, modulo m."""
        return (1 << BITS) % self.value

    @cached_property
    def radix_inverse(self) -> int:
        """1/R, modulo m: the factor that every Montgomery product has."""
        return pow(self.radix, -1, self.value)

    @property
    def radix_squared(self) -> int:
        """R², modulo m: the factor that takes a number into Montgomery's form."""
        return self.radix**2 % self.value


P = Modulus("p", 2**256 - 2**224 + 2**192 + 2**96 - 1)
"""The field of P-256 (SP 800-186, 3.2.1.3)."""

N = Modulus("n", 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551)
"""The order of its base point."""

MODULI = {Modulo.P: P, Modulo.N: N}
