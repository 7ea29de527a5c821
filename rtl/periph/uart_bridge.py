"""A host on a serial line takes the place of the core: reads and writes on the bus, in checked frames."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.crc import Algorithm
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl.bus import wishbone

from .baud import divisor_for
from .uart import UartLineSignature
from .uart_rx import Deserialiser
from .uart_tx import Serialiser

__all__ = ["UartBridge"]


class UartBridge(wiring.Component):
    """Wishbone initiator driven by frames on a UART line.

    A frame is collected whole and checked before anything is done on the bus. A write or a read of several
    words stops at the first bus error, and the response says how many words were done.

    A frame that breaks off, or has a byte with a wrong stop bit, is forgotten without a response; one whose
    CRC is wrong or whose operation is unknown is answered with ``BAD_FRAME``. After any of them the bridge
    looks for the next synchronisation byte. Bytes that arrive between a request and the end of its response
    are ignored. Every wait for the line has an end; waits for the bus end as the bus does.

    Parameters
    ----------
    clock_hz, baud : int
        Clock of the domain, and bits a second on the line.
    protocol
        The constants of the protocol: attributes ``request_sync``, ``response_sync``, ``max_words``,
        ``crc_polynomial``, ``crc_initial``, ``operation`` (``READ``, ``WRITE``, ``INTERRUPTS``) and
        ``status`` (``OK``, ``BUS_ERROR``, ``BAD_FRAME``).
    idle_clocks : int
        Clocks without a byte after which an unfinished frame is forgotten. Longer than a byte on the line.
    interrupts : int
        Number of interrupt lines, 1 to 32.

    Members
    -------
    line : Out(UartLineSignature)
        To the host.
    bus : Out(wishbone.Signature)
        To the core port of the chip.
    irq : In(interrupts)
        Interrupt lines of the chip, read by ``INTERRUPTS``.

    Latency
    -------
    Last byte of a request received to the start bit of its response: two cycles, and for each word one
    more than the cycles of its access.

    Raises
    ------
    ValueError
        If a number is out of its range, or the idle time is shorter than a byte.
    """

    def __init__(self, *, clock_hz, baud, protocol, idle_clocks, interrupts):
        self._divisor = divisor_for(clock_hz, baud)
        if not isinstance(interrupts, int) or not 1 <= interrupts <= 32:
            raise ValueError(f"Number of interrupts must be 1 to 32, not {interrupts!r}")
        byte_clocks = 10 * clock_hz // baud
        if not isinstance(idle_clocks, int) or idle_clocks <= byte_clocks:
            raise ValueError(
                f"Idle time must be longer than a byte on the line (= {byte_clocks} clocks), "
                f"not {idle_clocks!r}"
            )
        if protocol.max_words != 16:
            raise ValueError(f"The header counts up to 16 words, not {protocol.max_words}")
        self._protocol = protocol
        self._idle_clocks = idle_clocks
        super().__init__(
            {
                "line": Out(UartLineSignature()),
                "bus": Out(
                    wishbone.Signature(addr_width=30, data_width=32, granularity=32, features={"err"})
                ),
                "irq": In(interrupts),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.deserialiser = self._rx = Deserialiser()
        m.submodules.serialiser = self._tx = Serialiser()
        algorithm = Algorithm(
            crc_width=16,
            polynomial=self._protocol.crc_polynomial,
            initial_crc=self._protocol.crc_initial,
            reflect_input=False,
            reflect_output=False,
            xor_output=0,
        )
        m.submodules.crc = self._crc = algorithm(data_width=8).create()
        m.submodules.buffer = buffer = Memory(shape=32, depth=self._protocol.max_words, init=[])
        self._store, self._fetch = buffer.write_port(), buffer.read_port()

        self._operation = Signal(4)
        self._status = Signal(4)
        self._last = Signal(4)
        self._count = Signal(5)
        self._position = Signal(2)
        self._word = Signal(32)
        m.d.comb += [
            self._rx.rx.eq(self.line.rx),
            self._rx.divisor.eq(self._divisor),
            self._rx.bytes.ready.eq(1),
            self._tx.divisor.eq(self._divisor),
            self.line.tx.eq(self._tx.tx),
            self._store.addr.eq(self._count),
            self._fetch.addr.eq(self._count),
            self._fetch.en.eq(1),
            self.bus.dat_w.eq(self._fetch.data),
            self.bus.sel.eq(1),
            self.bus.we.eq(self._operation == self._protocol.operation.WRITE),
        ]
        with m.FSM():
            self._receive_states(m)
            self._execute_states(m)
            self._respond_states(m)
        return m

    def _receive_states(self, m):
        """States from the synchronisation byte to the verdict on the frame."""
        byte, arrived = self._rx.bytes.payload, self._rx.bytes.valid
        is_write = self._operation == self._protocol.operation.WRITE
        idle = Signal(range(self._idle_clocks))
        address = self.bus.adr

        def forget_if_broken():
            m.d.sync += idle.eq(idle + 1)
            broken = self._rx.frame_error | self._rx.line_break | (idle == self._idle_clocks - 1)
            with m.If(broken & ~arrived):
                m.next = "Hunt"
            with m.If(arrived):
                m.d.sync += idle.eq(0)
                m.d.comb += [self._crc.valid.eq(1), self._crc.data.eq(byte)]

        with m.State("Hunt"):
            m.d.comb += self._crc.start.eq(1)
            m.d.sync += [idle.eq(0), self._position.eq(0), self._count.eq(0)]
            with m.If(arrived & (byte == self._protocol.request_sync)):
                m.next = "Header"
        with m.State("Header"):
            forget_if_broken()
            with m.If(arrived):
                m.d.sync += Cat(self._last, self._operation).eq(byte)
                m.next = "Address"
        with m.State("Address"):
            forget_if_broken()
            with m.If(arrived):
                m.d.sync += [
                    self._word.eq(Cat(self._word[8:], byte)),
                    self._position.eq(self._position + 1),
                ]
                with m.If(self._position == 3):
                    m.d.sync += address.eq(Cat(self._word[8:], byte))
                    with m.If(is_write):
                        m.next = "Words"
                    with m.Else():
                        m.next = "Check"
        with m.State("Words"):
            forget_if_broken()
            m.d.comb += self._store.data.eq(Cat(self._word[8:], byte))
            with m.If(arrived):
                m.d.sync += [self._word.eq(self._store.data), self._position.eq(self._position + 1)]
                with m.If(self._position == 3):
                    m.d.comb += self._store.en.eq(1)
                    m.d.sync += self._count.eq(self._count + 1)
                    with m.If(self._count == self._last):
                        m.d.sync += self._count.eq(0)
                        m.next = "Check"
        with m.State("Check"):
            forget_if_broken()
            with m.If(arrived):
                m.d.sync += self._position.eq(self._position + 1)
                with m.If(self._position == 1):
                    m.next = "Verdict"

    def _execute_states(self, m):
        """States that perform the request."""
        operation, status = self._protocol.operation, self._protocol.status

        def refuse():
            m.d.sync += [self._status.eq(status.BAD_FRAME), self._operation.eq(operation.READ)]
            m.next = "Respond Sync"

        with m.State("Verdict"):
            m.d.sync += [self._status.eq(status.OK), self._position.eq(0)]
            with m.If(~self._crc.match_detected):
                refuse()
            with m.Else():
                with m.Switch(self._operation):
                    with m.Case(operation.READ, operation.WRITE):
                        m.next = "Access"
                    with m.Case(operation.INTERRUPTS):
                        m.d.comb += [self._store.data.eq(self.irq), self._store.en.eq(1)]
                        m.d.sync += self._count.eq(1)
                        m.next = "Respond Sync"
                    with m.Default():
                        refuse()
        with m.State("Access"):
            m.d.comb += [self.bus.cyc.eq(1), self.bus.stb.eq(1)]
            with m.If(self.bus.err):
                m.d.sync += self._status.eq(status.BUS_ERROR)
                m.next = "Respond Sync"
            with m.Elif(self.bus.ack):
                m.d.comb += [
                    self._store.data.eq(self.bus.dat_r),
                    self._store.en.eq(self._operation == operation.READ),
                ]
                m.d.sync += [self._count.eq(self._count + 1), self.bus.adr.eq(self.bus.adr + 1)]
                m.next = "Fetch Word"
                with m.If(self._count == self._last):
                    m.next = "Respond Sync"
        with m.State("Fetch Word"):
            m.next = "Access"

    def _respond_states(self, m):
        """States that send the response."""
        index = Signal(5)
        done = self._count

        def send(byte, following, *, checked=True):
            m.d.comb += [self._tx.bytes.valid.eq(1), self._tx.bytes.payload.eq(byte)]
            with m.If(self._tx.bytes.ready):
                m.d.comb += [self._crc.valid.eq(checked), self._crc.data.eq(byte)]
                m.next = following

        with m.State("Respond Sync"):
            m.d.comb += self._crc.start.eq(1)
            m.d.sync += index.eq(0)
            send(self._protocol.response_sync, "Respond Header", checked=False)
        with m.State("Respond Header"):
            send(Cat(self._operation, self._status), "Respond Count")
        with m.State("Respond Count"):
            m.d.comb += self._fetch.addr.eq(0)
            send(done, "Respond Words")
        with m.State("Respond Words"):
            m.d.comb += self._fetch.addr.eq(index)
            with m.If((index == done) | (self._operation == self._protocol.operation.WRITE)):
                m.next = "Respond CRC High"
            with m.Else():
                send(self._fetch.data.word_select(self._position, 8), "Respond Words")
                with m.If(self._tx.bytes.ready):
                    m.d.sync += self._position.eq(self._position + 1)
                    with m.If(self._position == 3):
                        m.d.comb += self._fetch.addr.eq(index + 1)
                        m.d.sync += index.eq(index + 1)
        with m.State("Respond CRC High"):
            m.d.comb += [self._tx.bytes.valid.eq(1), self._tx.bytes.payload.eq(self._crc.crc[8:])]
            with m.If(self._tx.bytes.ready):
                m.next = "Respond CRC Low"
        with m.State("Respond CRC Low"):
            m.d.comb += [self._tx.bytes.valid.eq(1), self._tx.bytes.payload.eq(self._crc.crc[:8])]
            with m.If(self._tx.bytes.ready):
                m.next = "Hunt"
