"""Health test of the rings: does any of them change?"""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SilenceTest"]


class SilenceTest(wiring.Component):
    """Total failure test (AIS 20/31): no ring at all changes any more.

    Parameters
    ----------
    width : int
        Bits of the cut-off.

    Members
    -------
    stb : In(1)
        A sample is judged.
    changed : In(1)
        A ring has another level than at the sample before.
    begin : In(1)
        The sample is the first of a start-up.
    cutoff : In(width)
        Samples in a row without a change that are a failure.
    failed : Out(1)
        With ``stb``: the sample is the last of so many, or more.

    Latency
    -------
    None.
    """

    def __init__(self, *, width):
        super().__init__(
            {"stb": In(1), "changed": In(1), "begin": In(1), "cutoff": In(width), "failed": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        silent, longer = Signal(self.cutoff.shape()), Signal(self.cutoff.shape())
        m.d.comb += [
            # A silence that is too long to count stays so.
            longer.eq(Mux(self.begin, 0, silent + ~silent.all())),
            self.failed.eq(self.stb & ~self.changed & (longer >= self.cutoff)),
        ]
        with m.If(self.stb):
            m.d.sync += silent.eq(Mux(self.changed, 0, longer))
        return m
