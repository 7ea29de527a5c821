"""Moves numbers between the store, the arithmetic unit, the tables and the source of randomness."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...bus import RandomSignature
from .arithmetic import MAX_REGISTERS, READ_CYCLES, WordAddress, WordWrite
from .curve import TABLES, TEETH
from .declarations import point_rom
from .microcode import AREA_WORDS, Area, Request
from .store import StoreSignature, address

__all__ = ["MOVES", "MOVE_CYCLES", "Moves"]

_LAST = AREA_WORDS - 1
_CONSTANTS = 2 * (TABLES + 1) * (1 << (TEETH - 1))  # numbers of the tables, before the constants

MOVE_CYCLES = {
    Request.PUT: AREA_WORDS + 1,
    Request.CONSTANT: AREA_WORDS + 1,
    Request.POINT: 2 * AREA_WORDS + 1,
    Request.FETCH: AREA_WORDS + READ_CYCLES,
    Request.RANDOM: AREA_WORDS,
    Request.FILL: AREA_WORDS,
}
"""Cycles that `Moves` is busy with each if nothing makes it wait; ``FILL`` so many for each area."""

MOVES = tuple(MOVE_CYCLES)
"""The requests that are its."""


class Moves(wiring.Component):
    """Moves a number, word by word.

    Members
    -------
    start : In(1)
        Begins ``request``, one of `MOVES`, while not busy and the arithmetic unit is idle; the fields are
        those of `RequestWord`.
    request, area, register, argument : In
        The request.
    index, table : In
        The digit's place in the table memory.
    abort : In(1)
        Nothing waits for random words any more.
    busy : Out(1)
        From the cycle after the start until the end.
    refused : Out(1)
        For ``RANDOM``: there was no randomness; holds until the next start.
    write : Out(stream of WordWrite)
        To the arithmetic unit.
    read_adr : Out(WordAddress)
        Likewise.
    read_data : In(32)
        From it, `READ_CYCLES` later.
    random : In(RandomSignature)
        The source of randomness.
    store : Out(StoreSignature)
        To the store.

    Latency
    -------
    `MOVE_CYCLES`.
    """

    def __init__(self):
        super().__init__(
            {
                "start": In(1),
                "request": In(Request),
                "area": In(Area),
                "register": In(range(MAX_REGISTERS)),
                "argument": In(4),
                "index": In(TEETH - 1),
                "table": In(range(TABLES + 1)),
                "abort": In(1),
                "busy": Out(1),
                "refused": Out(1),
                "write": Out(stream.Signature(WordWrite)),
                "read_adr": Out(WordAddress),
                "read_data": In(32),
                "random": In(RandomSignature()),
                "store": Out(StoreSignature()),
            }
        )
        self._area = Signal(Area)
        self._register = Signal(range(MAX_REGISTERS))
        self._argument = Signal(4)
        self._count = Signal(4)
        self._put = Signal()  # from the store, and not from the tables
        self._last = Signal(range(2 * AREA_WORDS))  # of the words to write
        self._place = Signal(range(_CONSTANTS + 16))  # in the table memory, in numbers
        self._fresh = Signal()
        self._word = Signal(32)

    def elaborate(self, platform):
        m = Module()
        rom = point_rom()
        m.submodules.tables = tables = Memory(shape=32, depth=len(rom), init=rom)
        read = tables.read_port()
        taken, position = Signal(), Signal(4)
        m.d.comb += [
            taken.eq(self.write.valid & self.write.ready),
            position.eq(Mux(taken, self._count + 1, self._count)),
            # A point has 16 words, at an even place; a constant has 8.
            read.addr.eq(Cat(position[:3], self._place[0] | position[3], self._place[1:])),
            self._word.eq(Mux(self._put, self.store.read_data, read.data)),
        ]
        with m.FSM() as fsm:
            self._idle(m)
            self._put_words(m, taken, position)
            self._fetch(m)
            self._random(m)
            self._fill(m)
        m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
        return m

    def _idle(self, m):
        with m.State("Idle"):
            m.d.sync += [
                self._count.eq(0),
                self._fresh.eq(0),
                self._area.eq(self.area),
                self._register.eq(self.register),
                self._argument.eq(self.argument),
            ]
            with m.If(self.start):
                m.d.sync += [
                    self.refused.eq(0),
                    self._put.eq(self.request == Request.PUT),
                    self._last.eq(Mux(self.request == Request.POINT, 2 * AREA_WORDS - 1, _LAST)),
                    self._place.eq(
                        Mux(
                            self.request == Request.POINT,
                            Cat(Const(0, 1), self.index, self.table),
                            _CONSTANTS | self.argument,
                        )
                    ),
                ]
                with m.Switch(self.request):
                    with m.Case(Request.FETCH):
                        m.next = "Fetch"
                    with m.Case(Request.RANDOM):
                        m.next = "Random"
                    with m.Case(Request.FILL):
                        m.next = "Fill"
                    with m.Default():
                        m.next = "Put"

    def _put_words(self, m, taken, position):
        """Words, the lowest first, from the store or the tables into one register, or two."""
        with m.State("Put"):
            with m.If(self._put):
                m.d.comb += self.store.read_adr.eq(address(self._area, ~position[:3]))
            m.d.comb += [
                self.write.valid.eq(self._fresh),
                self.write.payload.data.eq(self._word),
                self.write.payload.address.word.eq(self._count),
                self.write.payload.address.register.eq(self._register + self._count[3]),
            ]
            m.d.sync += [self._fresh.eq(1), self._count.eq(position)]
            with m.If(taken & (self._count == self._last)):
                m.next = "Idle"

    def _fetch(self, m):
        """Words, the lowest first, from a register into the store."""
        with m.State("Fetch"):
            m.d.comb += [
                self.read_adr.register.eq(self._register),
                self.read_adr.word.eq(self._count),
            ]
            m.d.sync += self._count.eq(self._count + 1)
            arrived = (self._count - READ_CYCLES)[:3]
            with m.If(self._count >= READ_CYCLES):
                m.d.comb += [
                    self.store.write_en.eq(1),
                    self.store.write_adr.eq(address(self._area, ~arrived)),
                    self.store.write_data.eq(self.read_data),
                ]
            with m.If(self._count == _LAST + READ_CYCLES):
                m.next = "Idle"

    def _random(self, m):
        words = self.random.words
        odd = self._argument[0]
        with m.State("Random"):
            with m.If(~self.random.healthy | self.abort):
                m.d.sync += self.refused.eq(1)
                m.next = "Idle"
            with m.Elif(words.valid):
                m.d.comb += [
                    words.ready.eq(1),
                    self.store.write_en.eq(1),
                    self.store.write_adr.eq(address(self._area, self._count[:3])),
                    self.store.write_data.eq(words.payload),
                ]
                with m.If(odd & (self._count == 0)):
                    m.d.comb += self.store.write_data[-1].eq(0)
                with m.If(odd & (self._count == _LAST)):
                    m.d.comb += self.store.write_data[0].eq(1)
                m.d.sync += self._count.eq(self._count + 1)
                with m.If(self._count == _LAST):
                    m.next = "Idle"

    def _fill(self, m):
        """Words of the same bytes into the area and those behind it."""
        with m.State("Fill"):
            m.d.comb += [
                self.store.write_en.eq(1),
                self.store.write_adr.eq(address(self._area, self._count)),
                self.store.write_data.eq(self._argument.replicate(8) & 0x0101_0101),
            ]
            m.d.sync += self._count.eq((self._count + 1)[:3])
            with m.If(self._count[:3].all()):
                m.d.sync += [
                    self._area.eq(self._area.as_value() + 1),
                    self._register.eq(self._register - 1),
                ]
                with m.If(self._register == 1):
                    m.next = "Idle"
