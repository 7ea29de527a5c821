"""Health test of raw bits: how often one value comes in a row."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RepetitionCount"]


class RepetitionCount(wiring.Component):
    """Repetition count test (SP 800-90B, 4.4.1).

    Parameters
    ----------
    width : int
        Bits of the cut-off.

    Members
    -------
    stb : In(1)
        A bit is there.
    value : In(1)
        The bit.
    begin : In(1)
        The bit is the first of a start-up: nothing counts that came before.
    cutoff : In(width)
        Equal bits in a row that are a failure.
    failed : Out(1)
        With ``stb``: the bit is the last of so many, or more.

    Latency
    -------
    None.
    """

    def __init__(self, *, width):
        super().__init__(
            {
                "stb": In(1),
                "value": In(1),
                "begin": In(1),
                "cutoff": In(width),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        last = Signal()
        run = Signal(self.cutoff.shape())  # equal bits before this one
        longer = Signal(self.cutoff.shape())
        m.d.comb += [
            # A run that is too long to count stays so.
            longer.eq(Mux((last == self.value) & ~self.begin, run + ~run.all(), 1)),
            self.failed.eq(self.stb & (longer >= self.cutoff)),
        ]
        with m.If(self.stb):
            m.d.sync += [last.eq(self.value), run.eq(longer)]
        return m
