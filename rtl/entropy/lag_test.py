"""Health test of raw bits: how often a bit equals the one some samples before."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .cutoffs import LAG_WINDOW, LAGS

__all__ = ["LagTest"]


class LagTest(wiring.Component):
    """Finds patterns of a period of 1 to `LAGS` samples, also if some of their bits are wrong.

    For each lag, the bits of a window that equal the one so long before are counted. One lag is looked at in
    a clock; the counts are in a memory.

    Members
    -------
    look : In(1)
        ``step`` is to be looked at.
    step : In(range(LAGS))
        All lags, less one, from 0 on, one after the other, before each ``stb``.
    stb : In(1)
        A bit is judged, and becomes the last one.
    value : In(1)
        The bit, from the first step to ``stb``.
    begin : In(1)
        The bit is the first of a window of `LAG_WINDOW`, from the first step on.
    cutoff : In(range(LAG_WINDOW + 1))
        Bits equal at one lag in a window that are a failure.
    failed : Out(1)
        With ``stb``: so many were, or more, at any lag.

    Latency
    -------
    ``stb`` is two clocks after the last step at the earliest.
    """

    look: In(1)
    step: In(range(LAGS))
    stb: In(1)
    value: In(1)
    begin: In(1)
    cutoff: In(range(LAG_WINDOW + 1))
    failed: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.counts = memory = Memory(shape=range(LAG_WINDOW + 1), depth=LAGS, init=[])
        read, write = memory.read_port(), memory.write_port()
        history = Signal(LAGS)  # the last bits, the very last in front
        equal, reached = Signal(), Signal()
        m.d.comb += [
            read.addr.eq(self.step),
            read.en.eq(self.look),
            write.data.eq(Mux(self.begin, 0, read.data) + equal),
            self.failed.eq(self.stb & reached),
        ]
        m.d.sync += [
            equal.eq(history.bit_select(self.step, 1) == self.value),
            write.addr.eq(self.step),
            write.en.eq(self.look),
        ]
        with m.If(write.en & (write.data >= self.cutoff)):
            m.d.sync += reached.eq(1)
        with m.If(self.stb):
            m.d.sync += [history.eq(history << 1 | self.value), reached.eq(0)]
        return m
