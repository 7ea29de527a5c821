"""Intervals of integers, for what follows the values of microcode without running it."""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple

__all__ = ["Interval"]


class Interval(NamedTuple):
    """The values that something can have, both ends included."""

    low: int
    high: int

    @classmethod
    def of(cls, bits: int) -> Interval:
        """What fits in signed ``bits``."""
        return cls(-(1 << bits - 1), (1 << bits - 1) - 1)

    @classmethod
    def up_to(cls, size: int) -> Interval:
        """Magnitudes up to ``size``."""
        return cls(-size, size)

    def fits(self, bits: int) -> bool:
        """Whether signed ``bits`` hold all values."""
        return self.within(Interval.of(bits))

    def within(self, other: Interval) -> bool:
        """Whether all values are in ``other``."""
        return other.low <= self.low and self.high <= other.high

    def meet(self, other: Interval) -> Interval | None:
        """The values in both; None if there are none."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(low, high) if low <= high else None

    def join(self, other: Interval) -> Interval:
        """The smallest interval with the values of both."""
        if other.within(self):
            return self
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def __add__(self, other):
        return Interval(self.low + other.low, self.high + other.high)

    def __neg__(self):
        return Interval(-self.high, -self.low)

    def __mul__(self, other):
        corners = [mine * its for mine in self for its in other]
        return Interval(min(corners), max(corners))

    def __rshift__(self, shift):
        return Interval(self.low >> shift, self.high >> shift)

    def scaled(self, factor: int) -> Interval:
        """All values times a number."""
        ends = self.low * factor, self.high * factor
        return Interval(*ends) if factor >= 0 else Interval(*ends[::-1])

    @property
    def square(self) -> Interval:
        """Squares of the values."""
        ends = self.low * self.low, self.high * self.high
        return Interval(0 if self.low <= 0 <= self.high else min(ends), max(ends))

    @property
    def root(self) -> Interval:
        """Whole parts of the square roots; 0 for negative values."""
        return Interval(isqrt(max(0, self.low)), isqrt(max(0, self.high)))

    def quotient(self, divisor: Interval, fraction_bits: int) -> Interval:
        """Quotients by ``divisor``, which is not negative, rounded towards zero; by 0 they are 0."""
        if divisor.high < 1:
            return Interval(0, 0)
        found = [
            (abs(end) << fraction_bits) // each * (1 if end >= 0 else -1)
            for end in self
            for each in (max(1, divisor.low), divisor.high)
        ]
        if divisor.low < 1:
            found.append(0)
        return Interval(min(found), max(found))
