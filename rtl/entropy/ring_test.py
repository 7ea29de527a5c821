"""Health tests of the rings: do they run, and each for itself?"""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .cutoffs import NEAR, RING_WINDOW

__all__ = ["RingTest"]


class RingTest(wiring.Component):
    """Counts rings that add nothing, which is what the stochastic model of the source cannot do without.

    The model's rings are independent. How often the level of a ring changes from sample to sample, in a
    window, tells its frequency, folded into half the sampling rate. A ring is *lost* if that is

    - none or half of the sampling rate, exactly: the ring stands still, or is locked to the clock; or
    - that of the ring of the same length in the bank before, within `NEAR` changes a window: they are locked
      to each other, or to the same disturbance.

    One ring is looked at in a clock; the counts are in a memory.

    Parameters
    ----------
    banks, lengths : int
        As of the source; its ring ``bank * lengths + n`` has the n-th length.

    Members
    -------
    look : In(1)
        ``step`` is to be looked at.
    step : In(range(banks * lengths))
        All steps from 0 on, one after the other, before each ``stb``.
    stb : In(1)
        A sample is judged.
    rings : In(banks * lengths)
        The sample: the levels of the rings, from the first step to ``stb``.
    begin : In(1)
        The sample is the first of a window of `RING_WINDOW`, from the first step to ``stb``.
    end : In(1)
        The sample is the last of the window, from the first step to ``stb``.
    cutoff : In(range(banks * lengths + 1))
        Lost rings that are a failure.
    failed : Out(1)
        With ``stb`` and ``end``: so many rings were lost in the window, or more.
    changed : Out(1)
        With ``stb``: a ring has another level than at the sample before.

    Latency
    -------
    ``stb`` is two clocks after the last step at the earliest.
    """

    def __init__(self, *, banks, lengths):
        self._banks, self._lengths = banks, lengths
        rings = banks * lengths
        super().__init__(
            {
                "look": In(1),
                "step": In(range(rings)),
                "stb": In(1),
                "rings": In(rings),
                "begin": In(1),
                "end": In(1),
                "cutoff": In(range(rings + 1)),
                "failed": Out(1),
                "changed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rings = self._banks * self._lengths
        # A window's changes are counted modulo its length: all of them are as good as none.
        m.submodules.counts = memory = Memory(shape=range(RING_WINDOW), depth=rings, init=[])
        read, write = memory.read_port(), memory.write_port()
        # Rings of one length are looked at one after the other.
        ordered = Cat(
            self.rings[bank * self._lengths + n] for n in range(self._lengths) for bank in range(self._banks)
        )
        level, changes = Signal(), Signal()
        before = Signal(rings)  # levels of the sample before; turned round once while the steps go by
        count, count_before = Signal(range(RING_WINDOW)), Signal(range(RING_WINDOW))
        m.d.comb += [
            level.eq(ordered.bit_select(self.step, 1)),
            read.addr.eq(self.step),
            read.en.eq(self.look),
            count.eq(Mux(self.begin, 0, read.data) + changes),
            write.data.eq(count),
        ]
        m.d.sync += [changes.eq(level ^ before[0]), write.addr.eq(self.step), write.en.eq(self.look)]
        with m.If(self.look):
            m.d.sync += before.eq(Cat(before[1:], level))
        with m.If(write.en):
            m.d.sync += count_before.eq(count)

        first, lost = Signal(), Signal()
        losses = Signal(range(rings + 1))
        m.d.comb += [
            first.eq(Cat(write.addr == n * self._banks for n in range(self._lengths)).any()),
            lost.eq((count == 0) | (~first & _near_zero(count - count_before))),
            self.failed.eq(self.stb & self.end & (losses >= self.cutoff)),
        ]
        with m.If(self.stb):
            m.d.sync += [losses.eq(0), self.changed.eq(0)]
        with m.Elif(write.en):
            m.d.sync += [losses.eq(losses + lost), self.changed.eq(self.changed | changes)]
        return m


def _near_zero(difference):
    """Whether a difference of counts is within `NEAR` of zero, modulo the window."""
    difference = difference[: (RING_WINDOW - 1).bit_length()]
    return Cat(difference == distance % RING_WINDOW for distance in range(-NEAR, NEAR + 1)).any()
