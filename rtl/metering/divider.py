"""Serial divider and square root: one bit of the result a clock."""

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

__all__ = ["SerialDivider"]


class SerialDivider(wiring.Component):
    """Restoring division and square root on one subtractor.

    The results are those of `rtl.metering.arithmetic`: the quotient is rounded towards zero, a denominator of
    0 gives 0, the root of a negative number is 0. Zeros at the top of the first operand are skipped in
    steps of a third of its width.

    Parameters
    ----------
    width : int
        Bits of the first operand and of the result, signed; a multiple of 6.
    denominator_width : int
        Bits of the denominator, signed, not negative.
    max_fraction_bits : int
        Largest number of fraction bits of a quotient.

    Members
    -------
    start : In(1)
        Takes the operands; ignored while ``busy``.
    root : In(1)
        Square root, not division.
    operand : In(signed(width))
        Numerator or radicand. A radicand is below 2 ** (width - 1).
    denominator : In(signed(denominator_width))
        Divisor.
    fraction_bits : In(unsigned)
        Fraction bits of the quotient.
    busy : Out(1)
        High from the clock after ``start`` until ``result`` is valid.
    result : Out(signed(width))
        Quotient or root, valid from when ``busy`` falls until the next start.

    Latency
    -------
    A quotient takes n + ``fraction_bits`` + 1 clocks and a root n / 2 + 1, where n is the number of bits of
    the operand's magnitude, rounded up to a third, two thirds or the whole of ``width``; a negative radicand
    counts as 0. A division by 0 takes one clock.

    Raises
    ------
    ValueError
        If ``width`` is no multiple of 6.
    """

    def __init__(self, *, width, denominator_width, max_fraction_bits):
        if width % 6:
            raise ValueError(f"Width must be a multiple of 6, not {width}")
        self._width = width
        self._max_fraction_bits = max_fraction_bits
        super().__init__(
            {
                "start": In(1),
                "root": In(1),
                "operand": In(signed(width)),
                "denominator": In(signed(denominator_width)),
                "fraction_bits": In(range(max_fraction_bits + 1)),
                "busy": Out(1),
                "result": Out(signed(width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        width, third = self._width, self._width // 3
        negative = Signal()
        rooting = Signal()
        divisor = Signal(len(self.denominator) - 1)
        digits = Signal(width)
        result = Signal(width)
        remainder = Signal(width // 2 + 2)
        steps = Signal(bits_for(width + self._max_fraction_bits))

        magnitude = Signal(width)
        m.d.comb += magnitude.eq(Mux(self.operand < 0, Mux(self.root, 0, -self.operand), self.operand))
        empty = Signal(2)
        with m.If(~magnitude[third:].any()):
            m.d.comb += empty.eq(2)
        with m.Elif(~magnitude[2 * third :].any()):
            m.d.comb += empty.eq(1)

        minuend = Signal(len(remainder))
        subtrahend = Signal(len(remainder))
        difference = Signal(len(remainder) + 1)
        m.d.comb += [
            minuend.eq(Mux(rooting, Cat(digits[-2:], remainder), Cat(digits[-1], remainder))),
            subtrahend.eq(Mux(rooting, Cat(Const(1, 2), result), divisor)),
            difference.eq(minuend - subtrahend),
            self.busy.eq(steps != 0),
            self.result.eq(Mux(negative, -result, result)),
        ]
        fits = ~difference[-1]

        with m.If(self.busy):
            m.d.sync += [
                steps.eq(steps - 1),
                remainder.eq(Mux(fits, difference, minuend)),
                result.eq(Cat(fits, result)),
                digits.eq(Mux(rooting, digits << 2, digits << 1)),
            ]
        with m.Elif(self.start):
            m.d.sync += [
                rooting.eq(self.root),
                negative.eq((self.operand < 0) & ~self.root),
                divisor.eq(self.denominator),
                remainder.eq(0),
                result.eq(0),
            ]
            with m.Switch(empty):
                for skip in range(3):
                    rest = width - skip * third
                    with m.Case(skip):
                        m.d.sync += digits.eq(magnitude << skip * third)
                        m.d.sync += steps.eq(Mux(self.root, rest // 2, self.fraction_bits + rest))
            with m.If(~self.root & (self.denominator == 0)):
                m.d.sync += steps.eq(0)
        return m
