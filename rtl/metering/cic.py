"""CIC decimator: from the bits of ΔΣ modulators to sets of values at twice the sample rate."""

from math import comb

from amaranth import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .filters import CIC_ORDER

__all__ = ["CicDecimator", "value_bits"]

_SYNCHRONISER_STAGES = 2
_SHORTEST_PERIOD = 2 * _SYNCHRONISER_STAGES + 1
"""In it, a bit comes out of the synchroniser before the clock rises again."""
_LOST_BITS = 16
_WINDOW = CIC_ORDER + 1


def value_bits(decimation):
    """Bits of a value, signed: from minus to plus ``decimation ** CIC_ORDER``."""
    return (decimation**CIC_ORDER).bit_length() + 1


def _weighted(window):
    """Half of the sum of a window's bits, each ±1, with the weights of four moving sums of two bits."""
    return sum(comb(CIC_ORDER, bit) * (window >> bit & 1) for bit in range(_WINDOW)) - (1 << CIC_ORDER - 1)


class CicDecimator(wiring.Component):
    """Sinc⁴ decimator for the bit-streams of modulators that all run on one clock, which it makes.

    A 1 counts +1 and a 0 counts −1. A value is their sum over four moving sums of ``decimation`` bits each,
    exact: nothing is rounded.

    Parameters
    ----------
    lanes : int
        Modulators.
    divider : int
        Clocks of a modulator period.
    decimation : int
        Modulator periods of a set, even.

    Members
    -------
    modulator_clock : Out(1)
        Clock of the modulators, which change their bits when it rises.
    bits : In(lanes)
        From the pins, looked at when ``modulator_clock`` falls.
    sets : Out(stream of arrays of values)
        A set stays until it is taken.
    lost : Out(16)
        Sets dropped because the one before was still waiting; stays at its largest value.

    Latency
    -------
    A set is valid ``5 * lanes + 4`` clocks after its last bits were looked at; its centre lies
    ``2 * decimation - 2`` modulator periods before these. The first four sets after reset do not come
    out, for they are not all of bits.

    Raises
    ------
    TypeError
        If a number is not a positive integer.
    ValueError
        If the decimation is odd, the divider less than 5, or the time too short for the lanes.
    """

    def __init__(self, *, lanes, divider, decimation):
        numbers = {"Number of lanes": lanes, "Modulator divider": divider, "CIC decimation": decimation}
        for name, value in numbers.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise TypeError(f"{name} must be a positive integer, not {value!r}")
        if divider < _SHORTEST_PERIOD:
            raise ValueError(f"Modulator divider must be at least {_SHORTEST_PERIOD}, not {divider}")
        if decimation % 2:
            raise ValueError(f"CIC decimation must be even, not {decimation}")
        if 2 * divider <= lanes:
            raise ValueError(
                f"Two modulator periods (= {2 * divider} clocks) must last longer than one clock a lane, "
                f"which {lanes} lanes do not leave"
            )
        if divider * decimation < 5 * lanes + 5:
            raise ValueError(
                f"A set (= {divider * decimation} clocks) must last at least five clocks a lane and five "
                f"(= {5 * lanes + 5} clocks)"
            )
        self._divider = divider
        self._decimation = decimation
        self._bits = value_bits(decimation)
        super().__init__(
            {
                "modulator_clock": Out(1),
                "bits": In(lanes),
                "sets": Out(stream.Signature(data.ArrayLayout(signed(self._bits), lanes))),
                "lost": Out(_LOST_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        windows, begin, last_pair = self._windows(m)
        lane, summed, total = self._integrate(m, windows, begin)
        self._comb(m, summed & last_pair, lane, total)
        return m

    def _windows(self, m):
        """The five newest bits of each lane, renewed after two periods; returns when, and when a set ends."""
        phase = Signal(range(self._divider))
        fall = self._divider // 2
        m.d.sync += [
            phase.eq(Mux(phase == self._divider - 1, 0, phase + 1)),
            self.modulator_clock.eq(phase < fall),
        ]
        lines, earlier, second = Signal.like(self.bits), Signal.like(self.bits), Signal()
        m.submodules.lines = FFSynchronizer(self.bits, lines, stages=_SYNCHRONISER_STAGES)
        windows = [Signal(_WINDOW, name=f"window_{lane}") for lane in range(len(lines))]
        begin, last_pair = Signal(), Signal()
        pair = Signal(range(max(2, self._decimation // 2)))
        ends = pair == self._decimation // 2 - 1
        m.d.sync += begin.eq(0)
        with m.If(phase == fall + _SYNCHRONISER_STAGES):
            m.d.sync += [earlier.eq(lines), second.eq(~second)]
            with m.If(second):
                m.d.sync += [begin.eq(1), last_pair.eq(ends), pair.eq(Mux(ends, 0, pair + 1))]
                for window, line, before in zip(windows, lines, earlier, strict=True):
                    m.d.sync += window.eq(Cat(line, before, window))
        return windows, begin, last_pair

    def _integrate(self, m, windows, begin):
        """The integrators, a lane a clock; returns the lane, whether it is done, and its last sum.

        A moving sum of R bits, taken every second bit, is one of R / 2 pairs: so the integrators run at half
        the modulators' rate, on five bits weighted 1 4 6 4 1. With bits of ±1 that is an even number, as all
        values are; its half is integrated.
        """
        lanes, width = len(windows), self._bits - 1
        layout = data.ArrayLayout(signed(width), CIC_ORDER)
        m.submodules.sums = memory = Memory(shape=layout.size, depth=max(2, lanes), init=[])
        before, after = memory.read_port(), memory.write_port()
        reads, lane_read = Signal(), Signal(range(lanes))
        summed, lane = Signal(), Signal(range(lanes))
        m.d.comb += [
            reads.eq(begin | (lane_read != 0)),
            before.addr.eq(lane_read),
            after.addr.eq(lane),
            after.en.eq(summed),
        ]
        m.d.sync += [summed.eq(reads), lane.eq(lane_read)]
        with m.If(reads):
            m.d.sync += lane_read.eq(Mux(lane_read == lanes - 1, 0, lane_read + 1))

        bits = Signal(_WINDOW)
        total = Signal(signed(width), name="weighted")
        m.d.comb += [
            bits.eq(Array(windows)[lane]),
            total.eq(Array(_weighted(number) for number in range(1 << _WINDOW))[bits]),
        ]
        sums = []
        for state in data.View(layout, before.data):
            sums.append(Signal(signed(width), name=f"sum_{len(sums)}"))
            m.d.comb += sums[-1].eq(state + total)
            total = sums[-1]
        m.d.comb += after.data.eq(Cat(sums))
        return lane, summed, total

    def _comb(self, m, collects, lane, total):
        """The combs, on one subtractor: the lanes go round it once for each."""
        lanes, width = len(self.bits), self._bits - 1
        depth = 1 << ceil_log2(max(2, lanes))
        m.submodules.last = memory = Memory(shape=width, depth=CIC_ORDER * depth, init=[])
        last, now = memory.read_port(), memory.write_port()
        order, place = Signal(range(CIC_ORDER)), Signal(range(depth))
        order_ahead, place_ahead = Signal.like(order), Signal.like(place)
        work = Signal(lanes * width)
        front = work[:width]
        differences, hand_on = Signal(), Signal()
        m.d.comb += [
            last.addr.eq(Cat(place_ahead, order_ahead)),
            now.addr.eq(Cat(place, order)),
            now.data.eq(front),
            now.en.eq(differences),
        ]
        with m.If(differences):
            turns = place == lanes - 1
            m.d.comb += [place_ahead.eq(Mux(turns, 0, place + 1)), order_ahead.eq(order + turns)]
        m.d.sync += [place.eq(place_ahead), order.eq(order_ahead), hand_on.eq(0)]
        with m.If(differences):
            m.d.sync += work.eq(Cat(work[width:], (front - last.data)[:width]))
            with m.If((place == lanes - 1) & (order == CIC_ORDER - 1)):
                m.d.sync += [differences.eq(0), hand_on.eq(1)]
        with m.If(collects):
            m.d.sync += work.eq(Cat(work[width:], total))
            with m.If(lane == lanes - 1):
                m.d.sync += differences.eq(1)
        self._hand_on(m, hand_on, [work.word_select(each, width) for each in range(lanes)])

    def _hand_on(self, m, hand_on, values):
        unsettled = Signal(range(CIC_ORDER + 1), init=CIC_ORDER)
        with m.If(self.sets.ready):
            m.d.sync += self.sets.valid.eq(0)
        with m.If(hand_on):
            with m.If(unsettled != 0):
                m.d.sync += unsettled.eq(unsettled - 1)
            with m.Elif(self.sets.valid & ~self.sets.ready):
                m.d.sync += self.lost.eq(self.lost + ~self.lost.all())
            with m.Else():
                m.d.sync += self.sets.valid.eq(1)
                for lane, value in zip(self.sets.payload, values, strict=True):
                    m.d.sync += lane.eq(Cat(0, value).as_signed())
