"""Health test of raw bits: how often each value comes in a window."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .cutoffs import PROPORTION_WINDOW

__all__ = ["AdaptiveProportion"]


class AdaptiveProportion(wiring.Component):
    """Adaptive proportion test (SP 800-90B, 4.4.2) of both values of a bit.

    The standard counts the value of the window's first bit alone; this counts both, so that no window
    passes in which either is too frequent.

    Members
    -------
    stb : In(1)
        A bit is there.
    value : In(1)
        The bit.
    begin : In(1)
        The bit is the first of a window of `PROPORTION_WINDOW`.
    cutoff : In(range(PROPORTION_WINDOW + 1))
        Bits of one value in a window that are a failure.
    failed : Out(1)
        With ``stb``: the bit is the last of so many, or more.

    Latency
    -------
    None.
    """

    stb: In(1)
    value: In(1)
    begin: In(1)
    cutoff: In(range(PROPORTION_WINDOW + 1))
    failed: Out(1)

    def elaborate(self, platform):
        m = Module()
        zeros, ones, more = (Signal(range(PROPORTION_WINDOW + 1)) for _ in range(3))
        m.d.comb += [
            more.eq(Mux(self.begin, 0, Mux(self.value, ones, zeros)) + 1),
            self.failed.eq(self.stb & (more >= self.cutoff)),
        ]
        with m.If(self.stb):
            with m.If(self.begin):
                m.d.sync += [zeros.eq(0), ones.eq(0)]
            with m.If(self.value):
                m.d.sync += ones.eq(more)
            with m.Else():
                m.d.sync += zeros.eq(more)
        return m
