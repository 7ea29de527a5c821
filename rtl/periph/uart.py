"""UART with FIFOs and error status."""

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus import RegisterBank, csr

from .baud import DIVISOR_BITS, divisor_for
from .uart_rx import Deserialiser
from .uart_tx import Serialiser

__all__ = ["Uart", "UartLineSignature"]


class UartLineSignature(wiring.Signature):
    """The two wires of a UART, from the side of the UART.

    Members
    -------
    rx : In(1)
        Received line, idle high. Asynchronous.
    tx : Out(1)
        Sent line, idle high.
    """

    def __init__(self):
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1)})


class Uart(wiring.Component):
    """UART, 8 data bits, no parity, 1 stop bit, with a FIFO each way.

    Received bytes go into the receive FIFO; one that finds it full is lost, and sets the cause ``overrun``.
    A frame with a low stop bit never reaches the FIFO; it sets ``frame_error``, or ``line_break`` if the
    line was low from the start bit on. A byte written while the transmit FIFO is full is lost, and sets
    ``dropped``.

    Parameters
    ----------
    clock_hz, baud : int
        Clock of the domain, and bits a second after reset.
    fifo_depth : int
        Bytes in each FIFO, 2 to 255.

    Members
    -------
    bus : In(csr.Signature)
        Registers.
    irq : Out(1)
        Level interrupt.
    line : Out(UartLineSignature)
        The two wires.

    Latency
    -------
    A byte written to the edge of its start bit: four cycles if the transmitter is idle. The vote on a stop
    bit to ``irq``: four cycles.

    Raises
    ------
    ValueError
        If the depth is out of its range, or no divisor makes the baud rate of the clock.
    """

    class Status(csr.Register, access="r"):
        """Fill of the FIFOs.

        Fields
        ------
        rx_level: Bytes that wait in the receive FIFO.
        tx_level: Bytes that wait in the transmit FIFO; the one being sent is no longer among them.
        tx_busy: A byte is being sent.
        """

        rx_level: csr.Field(csr.action.R, 8)
        tx_level: csr.Field(csr.action.R, 8)
        tx_busy: csr.Field(csr.action.R, 1)

    class Receive(csr.Register, access="r"):
        """Takes a byte out of the receive FIFO.

        Fields
        ------
        byte: The byte, zero if there was none.
        valid: There was a byte.
        """

        byte: csr.Field(csr.action.R, 8)
        valid: csr.Field(csr.action.R, 1)

    class Transmit(csr.Register, access="w"):
        """Puts a byte into the transmit FIFO; a byte that finds it full is lost.

        Fields
        ------
        byte: The byte.
        """

        byte: csr.Field(csr.action.W, 8)

    class Divisor(csr.Register, access="rw"):
        """Clocks in an eighth of a bit, in 1/256 of a clock; 256 or more.

        After reset it makes the baud rate of the configuration. To be changed while both directions are idle.

        Fields
        ------
        value: The divisor.
        """

        def __init__(self, init):
            super().__init__({"value": csr.Field(csr.action.RW, DIVISOR_BITS, init=init)})

    class Capacity(csr.Register, access="r"):
        """Depth of the FIFOs.

        Fields
        ------
        depth: Bytes that each FIFO holds.
        """

        depth: csr.Field(csr.action.R, 8)

    def __init__(self, *, clock_hz, baud, fifo_depth):
        if not isinstance(fifo_depth, int) or not 2 <= fifo_depth <= 255:
            raise ValueError(f"FIFO depth must be an integer from 2 to 255, not {fifo_depth!r}")
        self._fifo_depth = fifo_depth
        self._bank = RegisterBank(
            identification="UART",
            version=1,
            addr_width=4,
            causes={
                "rx_data": "The receive FIFO holds a byte.",
                "tx_space": "The transmit FIFO is at most half full.",
                "frame_error": "A frame ended with a low stop bit and was not received.",
                "overrun": "A received byte was lost because the receive FIFO was full.",
                "line_break": "The line was low for a whole frame.",
                "dropped": "A byte written was lost because the transmit FIFO was full.",
            },
        )
        self._status = self._bank.add("status", self.Status())
        self._receive = self._bank.add("receive", self.Receive())
        self._transmit = self._bank.add("transmit", self.Transmit())
        self._divisor = self._bank.add("divisor", self.Divisor(divisor_for(clock_hz, baud)))
        self._capacity = self._bank.add("capacity", self.Capacity())
        memory_map = self._bank.freeze()
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=4, data_width=32)),
                "irq": Out(1),
                "line": Out(UartLineSignature()),
            }
        )
        self.bus.memory_map = memory_map

    @property
    def fifo_depth(self):
        """Bytes in each FIFO."""
        return self._fifo_depth

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = self._bank
        connect(m, flipped(self.bus), self._bank.bus)
        m.d.comb += [self.irq.eq(self._bank.irq), self._capacity.f.depth.r_data.eq(self._fifo_depth)]
        self._elaborate_receiver(m)
        self._elaborate_transmitter(m)
        return m

    def _elaborate_receiver(self, m):
        m.submodules.deserialiser = deserialiser = Deserialiser()
        m.submodules.rx_fifo = fifo = SyncFIFOBuffered(width=8, depth=self._fifo_depth)
        connect(m, deserialiser.bytes, fifo.w_stream)
        m.d.comb += [
            deserialiser.rx.eq(self.line.rx),
            deserialiser.divisor.eq(self._divisor.f.value.data),
            self._receive.f.byte.r_data.eq(fifo.r_data & fifo.r_rdy.replicate(8)),
            self._receive.f.valid.r_data.eq(fifo.r_rdy),
            fifo.r_en.eq(self._receive.f.valid.r_stb),
            self._status.f.rx_level.r_data.eq(fifo.level),
            self._bank.event("rx_data").eq(fifo.r_rdy),
            self._bank.event("frame_error").eq(deserialiser.frame_error),
            self._bank.event("overrun").eq(deserialiser.overrun),
            self._bank.event("line_break").eq(deserialiser.line_break),
        ]

    def _elaborate_transmitter(self, m):
        m.submodules.serialiser = serialiser = Serialiser()
        m.submodules.tx_fifo = fifo = SyncFIFOBuffered(width=8, depth=self._fifo_depth)
        connect(m, fifo.r_stream, serialiser.bytes)
        write = self._transmit.f.byte
        m.d.comb += [
            self.line.tx.eq(serialiser.tx),
            serialiser.divisor.eq(self._divisor.f.value.data),
            Cat(fifo.w_data, fifo.w_en).eq(Cat(write.w_data, write.w_stb)),
            self._status.f.tx_level.r_data.eq(fifo.level),
            self._status.f.tx_busy.r_data.eq(~serialiser.bytes.ready),
            self._bank.event("tx_space").eq(fifo.level <= self._fifo_depth // 2),
            self._bank.event("dropped").eq(fifo.w_en & ~fifo.w_rdy),
        ]
