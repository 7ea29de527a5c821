"""When raw bits may be used: only after a whole start-up, and until a test fails."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .cutoffs import START_UP_SAMPLES

__all__ = ["StartUp"]


class StartUp(wiring.Component):
    """Counts samples, and tells from when on and how long the bits made of them are good.

    A start-up takes `START_UP_SAMPLES` samples. The first at which a test fails, at any time, ends it, and
    the next sample is the first of a new one. Afterwards the count goes on, round and round, and tells where
    windows begin and end.

    Attributes
    ----------
    again : Signal
        The next sample begins a start-up, whatever comes of the one under way.

    Members
    -------
    enable : In(1)
        Low: samples are not to be used, and the next that is begins a start-up.
    restart : In(1)
        Strobe: the next sample begins a start-up. One that is under way does not count.
    take : In(1)
        The next sample is taken.
    stb : In(1)
        A sample is judged; between two ``take``.
    failed : In(1)
        With ``stb``: a test fails on it.
    position : Out(range(START_UP_SAMPLES))
        Number of the sample, from the clock after ``take`` to ``stb``.
    starting : Out(1)
        The sample belongs to a start-up, or there is none.
    healthy : Out(1)
        The start-up is passed, and no test has failed since, this clock included; neither ``restart`` nor a
        low ``enable`` has come since.

    Latency
    -------
    ``healthy`` falls in the clock of what makes it, and rises in the clock after the last ``stb`` of a
    start-up.
    """

    enable: In(1)
    restart: In(1)
    take: In(1)
    stb: In(1)
    failed: In(1)
    position: Out(range(START_UP_SAMPLES))
    starting: Out(1, init=1)
    healthy: Out(1)

    def __init__(self):
        super().__init__()
        self.again = Signal()

    def elaborate(self, platform):
        m = Module()
        asked, fails, again = Signal(), Signal(), self.again
        m.d.comb += [
            asked.eq(self.restart | ~self.enable),
            fails.eq(self.stb & self.failed),
            self.healthy.eq(~self.starting & ~fails & ~asked),  # SEC_CM: RNG.FAILCLOSED
        ]
        with m.If(self.stb):
            m.d.sync += self.position.eq(self.position + 1)
            with m.If((self.position == START_UP_SAMPLES - 1) & ~again):
                m.d.sync += self.starting.eq(0)
        with m.If(self.take):
            m.d.sync += again.eq(0)
            with m.If(again):
                m.d.sync += self.position.eq(0)
        with m.If(asked | fails):
            m.d.sync += [self.starting.eq(1), again.eq(1)]
        return m
