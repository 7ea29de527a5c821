"""The core's place in simulation: performs one operation of the firmware at a time on the bus."""

from amaranth import Module, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from rtl.bus import wishbone

__all__ = ["BUFFER_WORDS", "Kind", "Sequencer"]

BUFFER_WORDS = 16


class Kind(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What the sequencer is asked for."""

    READ = 0
    WRITE = 1
    WAIT = 2


class Sequencer(wiring.Component):
    """Performs reads, writes and waits, one handshake each.

    A request is made by inverting ``request``, with ``command``, ``address`` and ``words_w`` already
    right and stable until ``status.done`` is equal to ``request`` again. Whoever asks sleeps in between.

    Parameters
    ----------
    core_cycles : int
        Clocks that pass before each operation, for what a core computes between them. 0 or more.

    Members
    -------
    request : In(1)
        Inverted to ask for the next operation.
    command : In(`COMMAND`)
        ``kind``; ``last``, the index of the last word; ``forever``, wait without a limit of time;
        ``continued``, this is a further part of an operation longer than the buffer, so that no core
        cycles pass before it.
    address : In(32)
        Byte address of the first word; of a wait, the mask of interrupt lines.
    words_w : In(16 words)
        Words to write; of a wait, the limit in clocks is the first.
    status : Out(`STATUS`)
        ``done``: equal to ``request`` when no operation is in progress; the rest, and ``words_r``, are valid
        then. ``error``: the access ended with a bus error, at the word of index ``position``.
        ``powered_off``: the wait ended because of ``power_off``, with no line of the mask high.
    words_r : Out(16 words)
        Words read; of a wait, the first is the interrupt lines that are high and in the mask.
    irq : In(32)
        Interrupt lines.
    power_off : In(1)
        Ends waits of one clock or more: nothing will happen any more.
    bus : Out(wishbone.Signature)
        The core's port.

    Latency
    -------
    An access of *n* words on a bus that answers in the cycle *k* after the one of the request:
    ``status`` changes *n* * (*k* + 1) + 1 cycles after ``request``, plus ``core_cycles``. A wait of *c*
    clocks: *c* + 2 cycles.

    Raises
    ------
    ValueError
        If ``core_cycles`` is negative.
    """

    COMMAND = data.StructLayout({"kind": Kind, "last": range(BUFFER_WORDS), "forever": 1, "continued": 1})
    STATUS = data.StructLayout({"done": 1, "error": 1, "powered_off": 1, "position": range(BUFFER_WORDS)})

    def __init__(self, *, core_cycles=0):
        if not isinstance(core_cycles, int):
            raise TypeError(f"Core cycles must be an integer, not {core_cycles!r}")
        if core_cycles < 0:
            raise ValueError(f"Core cycles must be 0 or more, not {core_cycles}")
        self._core_cycles = core_cycles
        words = data.ArrayLayout(32, BUFFER_WORDS)
        super().__init__(
            {
                "request": In(1),
                "command": In(self.COMMAND),
                "address": In(32),
                "words_w": In(words),
                "status": Out(self.STATUS),
                "words_r": Out(words),
                "irq": In(32),
                "power_off": In(1),
                "bus": Out(
                    wishbone.Signature(addr_width=30, data_width=32, granularity=32, features={"err"})
                ),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = Signal(range(max(2, self._core_cycles)))
        index = Signal(range(BUFFER_WORDS))
        asked = Signal()
        m.d.comb += asked.eq(self.request != self.status.done)
        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [core.eq(max(0, self._core_cycles - 1)), index.eq(0)]
                with m.If(asked & bool(self._core_cycles) & ~self.command.continued):
                    m.next = "Core Computes"
                with m.Elif(asked):
                    self._start(m)
            with m.State("Core Computes"):
                m.d.sync += core.eq(core - 1)
                with m.If(core == 0):
                    self._start(m)
            self._access(m, index)
            self._wait(m)
        return m

    def _start(self, m):
        with m.If(self.command.kind == Kind.WAIT):
            m.next = "Wait"
        with m.Else():
            m.next = "Access"

    def _finish(self, m, error=0, powered_off=0, position=0):
        m.d.sync += [
            self.status.done.eq(self.request),
            self.status.error.eq(error),
            self.status.powered_off.eq(powered_off),
            self.status.position.eq(position),
        ]
        m.next = "Idle"

    def _access(self, m, index):
        bus = self.bus
        m.d.comb += [
            bus.adr.eq(self.address[2:] + index),
            bus.dat_w.eq(self.words_w[index]),
            bus.sel.eq(1),
            bus.we.eq(self.command.kind == Kind.WRITE),
        ]
        with m.State("Access"):
            m.d.comb += [bus.cyc.eq(1), bus.stb.eq(1)]
            with m.If(bus.ack):
                m.d.sync += [self.words_r[index].eq(bus.dat_r), index.eq(index + 1)]
            with m.If(bus.err | (bus.ack & (index == self.command.last))):
                self._finish(m, error=bus.err, position=index)

    def _wait(self, m):
        elapsed = Signal(32)
        lines = Signal(32)
        over = Signal()
        unplugged = Signal()
        m.d.comb += [
            lines.eq(self.irq & self.address),
            over.eq(~self.command.forever & (elapsed == self.words_w[0])),
            unplugged.eq(self.power_off & (self.command.forever | self.words_w[0].any())),
        ]
        with m.State("Wait"):
            m.d.sync += elapsed.eq(elapsed + 1)
            with m.If(lines.any() | over | unplugged):
                m.d.sync += [self.words_r[0].eq(lines), elapsed.eq(0)]
                self._finish(m, powered_off=unplugged & ~lines.any())
