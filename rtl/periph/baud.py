"""Ticks at an eighth of a bit, from a divisor with a fraction."""

from fractions import Fraction

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["DIVISOR_BITS", "FRACTION_BITS", "BaudTick", "divisor_for"]

FRACTION_BITS = 8
DIVISOR_BITS = 16 + FRACTION_BITS


def divisor_for(clock_hz, baud):
    """The divisor for ``baud`` bits a second at a clock of ``clock_hz``: clocks in an eighth of a bit,
    with `FRACTION_BITS` bits behind the binary point, rounded to the nearest.

    Raises
    ------
    ValueError
        If a bit would last less than 8 clocks, or more than the divisor can hold.
    """
    for name, value in (("Clock", clock_hz), ("Baud rate", baud)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a positive integer, not {value!r}")
    divisor = round(Fraction(clock_hz << FRACTION_BITS, 8 * baud))
    if clock_hz < 8 * baud:
        raise ValueError(f"Clock must be at least 8 times the baud rate (= {8 * baud} Hz), not {clock_hz} Hz")
    if divisor >> DIVISOR_BITS:
        raise ValueError(
            f"Divisor must fit in {DIVISOR_BITS} bits, not be {divisor} "
            f"(= 256 * {clock_hz} Hz / (8 * {baud} baud))"
        )
    return divisor


class BaudTick(wiring.Component):
    """Source of ticks, eight to a bit.

    On the long run the ticks are exactly as far apart as ``divisor`` says; one tick is off by less than a
    clock.

    Members
    -------
    divisor : In(DIVISOR_BITS)
        Clocks from tick to tick, with `FRACTION_BITS` bits behind the binary point; at least one clock.
    restart : In(1)
        Sets the phase: the next tick comes after that many clocks, rounded down.
    tick : Out(1)
        High for one cycle an eighth of a bit.
    """

    divisor: In(DIVISOR_BITS)
    restart: In(1)
    tick: Out(1)

    def elaborate(self, platform):
        m = Module()
        whole, fraction = self.divisor[FRACTION_BITS:], self.divisor[:FRACTION_BITS]
        count = Signal(len(whole))
        phase = Signal(FRACTION_BITS)
        late = Signal()
        m.d.comb += self.tick.eq((count == 1) & ~late)
        with m.If(self.restart):
            m.d.sync += [count.eq(whole), phase.eq(fraction), late.eq(0)]
        with m.Elif(self.tick):
            m.d.sync += [count.eq(whole), Cat(phase, late).eq(phase + fraction)]
        with m.Elif(late):
            m.d.sync += late.eq(0)
        with m.Else():
            m.d.sync += count.eq(count - 1)
        return m
