"""Decimation filter: from the sets of a CIC decimator to sample sets at half their rate."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .parameters import LANE_BITS

__all__ = ["DecimationFilter"]

_LOW_BITS = 17
"""Bits of the lower part of a tap: with a sign, as wide as a multiplier."""
_TAP_BITS = 2 * _LOW_BITS + 1


class DecimationFilter(wiring.Component):
    """FIR filter that decimates by two, one multiplier for all lanes.

    A sample of a lane is ``(sum(tap * value) + 2 ** (shift - 1)) >> shift`` over the values of as many sets
    as there are taps, the newest set with the first tap, saturated to 28 bits. Before the first set all
    values are 0. Every second set makes a sample set.

    A tap is multiplied in two clocks, its upper part first, so that a value of up to 35 bits takes two
    multipliers of 18 bits.

    Parameters
    ----------
    lanes : int
        Lanes of a set.
    input_bits : int
        Bits of a value, signed.
    taps : sequence of int
        Coefficients, for the newest set first, of at most 35 bits.
    shift : int
        Bits dropped from the sum of products, 1 or more.

    Members
    -------
    sets : In(stream of arrays of values)
        Sets at twice the sample rate. One is taken in as many clocks as it has lanes; every second one is
        followed by the computation of a sample set, in which none is taken.
    samples : Out(stream of arrays of signed 28-bit samples)
        Sample sets. The next one is computed when this one has been taken.
    saturated : Out(lanes)
        Lanes of ``samples`` that did not fit; stays as long as they do.

    Latency
    -------
    ``samples`` is valid ``2 * taps * lanes + 6`` clocks after the clock in which every second set is taken,
    if the sample set before is out by then.

    Raises
    ------
    TypeError
        If a number is not an integer, or not positive.
    ValueError
        If a tap does not fit, or there are less than two.
    """

    def __init__(self, *, lanes, input_bits, taps, shift):
        for name, value in (("Number of lanes", lanes), ("Input width", input_bits), ("Shift", shift)):
            if not isinstance(value, int) or value <= 0:
                raise TypeError(f"{name} must be a positive integer, not {value!r}")
        if len(taps) < 2:
            raise ValueError(f"A decimation filter must have at least two taps, not {len(taps)}")
        for tap in taps:
            if not -(1 << _TAP_BITS - 1) <= tap < 1 << _TAP_BITS - 1:
                raise ValueError(f"A tap must fit in {_TAP_BITS} bits, which {tap} does not")
        self._lanes = lanes
        self._input_bits = input_bits
        self._taps = tuple(taps)
        self._shift = shift
        super().__init__(
            {
                "sets": In(stream.Signature(data.ArrayLayout(signed(input_bits), lanes))),
                "samples": Out(stream.Signature(data.ArrayLayout(signed(LANE_BITS), lanes))),
                "saturated": Out(lanes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        taps = len(self._taps)
        lane, tap, low = Signal(range(self._lanes)), Signal(range(taps)), Signal()
        last_lane, last_tap = lane == self._lanes - 1, tap == taps - 1
        value, coefficient = self._factors(m, lane, tap, low)

        # One bit a pipeline stage: read, product, product of the whole tap, sum.
        tap_in, last_in = Signal(), Signal()
        tap_at, last_at = Signal(3), Signal(4)
        m.d.sync += [tap_at.eq(Cat(tap_in, tap_at)), last_at.eq(Cat(last_in, last_at))]
        self._accumulate(m, value * coefficient, tap_at[-1], last_at[-1])

        second = Signal()
        with m.If(self.samples.ready):
            m.d.sync += self.samples.valid.eq(0)
        with m.FSM():
            with m.State("Take Set"):
                with m.If(self.sets.valid):
                    m.d.comb += self._write.en.eq(1)
                    m.d.sync += lane.eq(lane + 1)
                    with m.If(last_lane):
                        m.d.comb += self.sets.ready.eq(1)
                        m.d.sync += [lane.eq(0), second.eq(~second)]
                        with m.If(second):
                            m.next = "Wait For Room"
                        with m.Else():
                            m.d.sync += self._newest.eq(self._newest + 1)
            with m.State("Wait For Room"):
                with m.If(~self.samples.valid):
                    m.next = "Multiply"
            with m.State("Multiply"):
                m.d.comb += [tap_in.eq(low), last_in.eq(low & last_tap)]
                m.d.sync += low.eq(~low)
                with m.If(low):
                    m.d.sync += tap.eq(tap + 1)
                    with m.If(last_tap):
                        m.d.sync += [tap.eq(0), lane.eq(lane + 1)]
                        with m.If(last_lane):
                            m.d.sync += lane.eq(0)
                            m.next = "Finish"
            with m.State("Finish"):
                with m.If(last_at[-1]):
                    m.d.sync += [self.samples.valid.eq(1), self._newest.eq(self._newest + 1)]
                    m.next = "Take Set"
        return m

    def _factors(self, m, lane, tap, low):
        """The memories: values of the newest sets, a ring a lane, and the parts of the taps."""
        depth = 1 << ceil_log2(len(self._taps))
        m.submodules.values = values = Memory(
            shape=signed(self._input_bits), depth=depth * self._lanes, init=[]
        )
        self._write, value = values.write_port(), values.read_port()
        self._newest = Signal(range(depth))
        # One address, never for both at once: or logic is added for reading what is being written.
        address = Cat((self._newest - tap)[: len(self._newest)], lane)
        m.d.comb += [
            self._write.addr.eq(address),
            self._write.data.eq(self.sets.payload[lane]),
            value.addr.eq(address),
            value.en.eq(~self._write.en),
        ]
        parts = []
        for number in self._taps:
            parts += [number >> _LOW_BITS, number & (1 << _LOW_BITS) - 1]
        m.submodules.taps = rom = Memory(shape=signed(_LOW_BITS + 1), depth=len(parts), init=parts)
        part = rom.read_port()
        m.d.comb += part.addr.eq(Cat(low, tap))
        return value.data, part.data

    def _accumulate(self, m, product, tap_done, sum_done):
        """Add up products of parts of taps; at the end of a sum, put it behind the lanes before."""
        largest = (sum(map(abs, self._taps)) << self._input_bits - 1) + (1 << self._shift - 1)
        bits = max(largest.bit_length() + 1, LANE_BITS + self._shift)
        total = Signal(signed(bits), init=1 << self._shift - 1)
        part, upper = Signal(product.shape()), Signal(product.shape())
        whole = Signal(total.shape())
        m.d.sync += [part.eq(product), upper.eq(part), whole.eq((upper << _LOW_BITS) + part)]
        with m.If(tap_done):
            m.d.sync += total.eq(total + whole)
        with m.If(sum_done):
            rounded = total >> self._shift
            negative = total[-1]
            over = rounded[LANE_BITS - 1 :] != negative.replicate(len(rounded) - LANE_BITS + 1)
            limit = Cat((~negative).replicate(LANE_BITS - 1), negative)
            sample = Mux(over, limit, rounded[:LANE_BITS])
            m.d.sync += [
                total.eq(total.init),
                self.samples.payload.as_value().eq(Cat(self.samples.payload.as_value()[LANE_BITS:], sample)),
                self.saturated.eq(Cat(self.saturated[1:], over)),
            ]
