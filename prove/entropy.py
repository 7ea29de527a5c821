"""What is proved of the entropy source: its part of `RNG.FAILCLOSED`."""

from amaranth import Module, Signal
from amaranth.hdl import Assert
from amaranth.lib.wiring import In

from rtl.entropy.cutoffs import START_UP_SAMPLES
from rtl.entropy.source import EntropySource

from .runner import Harness, Proof

__all__ = ["PROOFS", "HealthyAfterStartUp"]


def _source():
    return EntropySource(lengths=(3, 4, 5, 7), banks=2, divider=20)


class HealthyAfterStartUp(Harness):
    """A source with any rings, any cut-offs at any time, and any requests.

    What makes bits bad is a test that fails, ``restart`` or a low ``enable``. While they are healthy, a whole
    start-up of samples has been taken and judged since the last bad clock, and this clock is none.

    Parameters
    ----------
    make : callable
        Makes the source.
    """

    def __init__(self, make=_source):
        self.source = make()
        self.ports = [
            getattr(value, "as_value", lambda v=value: v)()
            for _, member, value in self.source.signature.flatten(self.source)
            if member.flow == In
        ]

    def elaborate(self, platform):
        m = Module()
        m.submodules.source = source = self.source
        bad = Signal()
        whole = Signal()  # the sample under way was taken after the last bad clock
        good = Signal(range(START_UP_SAMPLES + 1))
        m.d.comb += bad.eq(
            source.restart | ~source.enable | (source.bits.stb & source.failed.as_value().any())
        )
        with m.If(source.bits.stb & whole & (good != START_UP_SAMPLES)):
            m.d.sync += good.eq(good + 1)
        with m.If(source.noise.take):
            m.d.sync += whole.eq(1)
        with m.If(bad):
            m.d.sync += [whole.eq(0), good.eq(0)]
        with m.If(source.bits.healthy):
            m.d.comb += Assert(~bad & (good == START_UP_SAMPLES))
        self._strengthen(m, whole, good)
        return m

    def _strengthen(self, m, whole, good):
        """What the induction needs: the source counts what the harness counts."""
        start_up = self.source.start_up
        with m.If(~start_up.starting):
            m.d.comb += Assert((good == START_UP_SAMPLES) & ~start_up.again)
        with m.Elif(start_up.again):
            m.d.comb += Assert((good == 0) & ~whole)
        with m.Else():
            m.d.comb += Assert(good == start_up.position)
        with m.If(start_up.again):
            m.d.comb += Assert(start_up.starting)
        with m.Elif(self.source.present):
            m.d.comb += Assert(whole)


PROOFS = [
    Proof(
        "RNG.FAILCLOSED/source",
        "no raw bit is healthy before a whole start-up has passed since the last failure, restart or pause",
        HealthyAfterStartUp,
    ),
]
