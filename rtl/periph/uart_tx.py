"""A stream of bytes into a UART line."""

from amaranth import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .baud import DIVISOR_BITS, BaudTick

__all__ = ["Serialiser"]


class Serialiser(wiring.Component):
    """Transmitter of frames of a start bit, eight data bits (least significant first) and a stop bit.

    Members
    -------
    bytes : In(stream of 8 bits)
        Bytes to send. Ready between frames.
    divisor : In(DIVISOR_BITS)
        See `BaudTick`. It may change between frames.
    tx : Out(1)
        The line, idle high, from a flip-flop.

    Latency
    -------
    A byte taken to the edge of its start bit: one cycle. Frames that follow each other are 10 bit times and
    one cycle apart.
    """

    bytes: In(stream.Signature(8))
    divisor: In(DIVISOR_BITS)
    tx: Out(1, init=1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.baud = baud = BaudTick()
        frame_bits = 10
        shift = Signal(frame_bits - 1)
        ticks = Signal(range(8 * frame_bits))
        m.d.comb += baud.divisor.eq(self.divisor)

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += [self.bytes.ready.eq(1), baud.restart.eq(1)]
                with m.If(self.bytes.valid):
                    m.d.sync += [
                        self.tx.eq(0),
                        shift.eq(Cat(self.bytes.payload, Const(1, 1))),
                        ticks.eq(8 * frame_bits - 1),
                    ]
                    m.next = "Send"
            with m.State("Send"):
                with m.If(baud.tick):
                    m.d.sync += ticks.eq(ticks - 1)
                    with m.If(ticks == 0):
                        m.next = "Idle"
                    with m.Elif(ticks[:3] == 0):
                        m.d.sync += [self.tx.eq(shift[0]), shift.eq(Cat(shift[1:], Const(1, 1)))]
        return m
