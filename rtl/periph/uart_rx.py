"""A UART line into a stream of bytes."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from .baud import DIVISOR_BITS, BaudTick

__all__ = ["Deserialiser"]


class Deserialiser(wiring.Component):
    """Receiver of frames of a start bit, eight data bits (least significant first) and a stop bit.

    The edge of the start bit sets the phase. Each bit is the majority of three samples, at 3/8, 4/8 and
    5/8 of its time; a start bit whose majority is high was a disturbance, and is ignored.

    A frame whose stop bit is low is not passed on. If its data bits are all zero as well it is a break,
    else a frame error; after either, the receiver waits for the line to be high before it looks for the
    next start bit, so that a break of any length is one event.

    Members
    -------
    rx : In(1)
        The line, idle high. Asynchronous.
    divisor : In(DIVISOR_BITS)
        See `BaudTick`.
    bytes : Out(stream of 8 bits)
        Received bytes. One is held until it is taken.
    frame_error : Out(1)
        High for one cycle: a frame ended with a low stop bit.
    line_break : Out(1)
        High for one cycle: a frame was low from start bit to stop bit.
    overrun : Out(1)
        High for one cycle: a byte was lost, because the one before it had not been taken.

    Latency
    -------
    A byte is valid 9 5/8 bit times, rounded down, and two cycles after the first clock that found the
    line low.
    """

    rx: In(1, init=1)
    divisor: In(DIVISOR_BITS)
    bytes: Out(stream.Signature(8))
    frame_error: Out(1)
    line_break: Out(1)
    overrun: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.baud = baud = BaudTick()
        line = Signal(init=1)
        m.submodules.line = FFSynchronizer(self.rx, line, init=1)

        eighth = Signal(3)
        earlier = Signal(2)
        vote = Signal()
        voted = Signal()
        count = Signal(range(8))
        shift = Signal(8)
        m.d.comb += [
            baud.divisor.eq(self.divisor),
            vote.eq((line & earlier.any()) | earlier.all()),
            voted.eq(baud.tick & (eighth == 4)),
        ]
        with m.If(baud.tick):
            m.d.sync += [eighth.eq(eighth + 1), earlier.eq((earlier << 1) | line)]
        with m.If(self.bytes.ready):
            m.d.sync += self.bytes.valid.eq(0)

        with m.FSM():
            with m.State("Wait For Idle"):
                with m.If(line):
                    m.next = "Idle"
            with m.State("Idle"):
                m.d.comb += baud.restart.eq(1)
                m.d.sync += [eighth.eq(0), count.eq(0)]
                with m.If(~line):
                    m.next = "Start Bit"
            with m.State("Start Bit"):
                with m.If(voted & vote):
                    m.next = "Wait For Idle"
                with m.Elif(voted):
                    m.next = "Data Bits"
            with m.State("Data Bits"):
                with m.If(voted):
                    m.d.sync += [shift.eq((shift >> 1) | (vote << 7)), count.eq(count + 1)]
                    with m.If(count == 7):
                        m.next = "Stop Bit"
            with m.State("Stop Bit"):
                with m.If(voted):
                    self._end_frame(m, vote, shift)
                    m.next = "Wait For Idle"
        return m

    def _end_frame(self, m, stop, shift):
        with m.If(~stop):
            m.d.comb += [self.line_break.eq(shift == 0), self.frame_error.eq(shift != 0)]
        with m.Elif(self.bytes.valid & ~self.bytes.ready):
            m.d.comb += self.overrun.eq(1)
        with m.Else():
            m.d.sync += [self.bytes.payload.eq(shift), self.bytes.valid.eq(1)]
