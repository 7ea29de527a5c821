"""The memory in which messages are worked on in place."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...bus import MemoryMap, StoredRegister, wishbone
from .signature import Word

__all__ = ["IV_PLACE", "MESSAGE_WORDS", "TAG_PLACE", "MessageMemory", "Transfer"]

MESSAGE_WORDS = 512
TAG_PLACE = MESSAGE_WORDS
IV_PLACE = TAG_PLACE + 4
_WORDS = IV_PLACE + 3
_ADDR_WIDTH = 10
_STORED = (
    ("message", 0, MESSAGE_WORDS, "Message, additional data, or key data; the first byte on top."),
    ("tag", TAG_PLACE, 4, "Tag made, or to be checked; the first byte on top."),
    ("iv", IV_PLACE, 3, "IV of 12 bytes; the first byte on top."),
)


class Transfer(data.Struct):
    """Words from the memory to the unit, and back to the same places.

    ``length`` in bytes. ``turns``: over and over the places from ``place`` to ``end``; ``backwards``: by two
    words each, from the last two places on.
    """

    place: range(_WORDS)
    end: range(_WORDS)
    length: 14
    turns: 1
    backwards: 1


class MessageMemory(wiring.Component):
    """Memory for a message of 2 KiB, a tag and an IV, shared by the bus and the AES unit.

    Members
    -------
    bus : In(wishbone.Signature)
        Words of 32 bits. Acknowledged in the clock after the strobe.
    locked : In(1)
        The bus reads zeros, and its words are dropped.
    dropped : Out(1)
        High for one clock when a word of the bus is dropped.
    start : In(1)
        Starts ``transfer``.
    transfer : In(Transfer)
        See there.
    active : Out(1)
        Words of the transfer are yet to be taken.
    words : Out(stream of Word)
        Words of the transfer.
    result : In({stb, data})
        A word for the next place of the transfer, or behind its last one, from place 0 on.
    write : In({stb, place, data})
        A word for a place.
    clear : In(1)
        Starts to fill the memory with zeros.
    clearing : Out(1)
        That is not done yet.
    """

    def __init__(self):
        super().__init__(
            {
                "bus": In(wishbone.Signature(addr_width=_ADDR_WIDTH, data_width=32)),
                "locked": In(1),
                "dropped": Out(1),
                "start": In(1),
                "transfer": In(Transfer),
                "active": Out(1),
                "words": Out(stream.Signature(Word)),
                "result": In(data.StructLayout({"stb": 1, "data": 32})),
                "write": In(data.StructLayout({"stb": 1, "place": range(_WORDS), "data": 32})),
                "clear": In(1),
                "clearing": Out(1),
            }
        )
        memory_map = MemoryMap(addr_width=_ADDR_WIDTH, data_width=32)
        for name, start, words, description in _STORED:
            register = StoredRegister(description=description, width=32, access="rw", count=words)
            memory_map.add_resource(register, name=(name,), addr=start, size=words)
        self.bus.memory_map = memory_map
        self._transfer = Signal(Transfer)

    def elaborate(self, platform):
        m = Module()
        # What is read of a word in the clock in which it is written is never used.
        m.submodules.cells = memory = Memory(shape=32, depth=_WORDS, init=[], attrs={"no_rw_check": 1})
        read_port, write_port = memory.read_port(), memory.write_port()
        bus, cleared = self.bus, Signal(range(_WORDS))
        shown, writes = Signal(), Signal()
        read_place = self._read(m, read_port.data)
        m.d.comb += [
            writes.eq(bus.cyc & bus.stb & bus.we & ~bus.ack),
            self.dropped.eq(writes & self.locked),
            read_port.addr.eq(Mux(self.locked, read_place, bus.adr)),
            bus.dat_r.eq(Mux(shown, read_port.data, 0)),
        ]
        m.d.sync += [bus.ack.eq(bus.cyc & bus.stb & ~bus.ack), shown.eq(~self.locked)]
        write_place = self._write_place(m)
        with m.If(self.clear):
            m.d.sync += [self.clearing.eq(1), cleared.eq(0)]
        with m.Elif(self.clearing):
            m.d.comb += [write_port.en.eq(1), write_port.addr.eq(cleared)]
            m.d.sync += [cleared.eq(cleared + 1), self.clearing.eq(cleared != _WORDS - 1)]
        with m.If(~self.clearing):
            with m.If(self.write.stb):
                m.d.comb += [write_port.addr.eq(self.write.place), write_port.data.eq(self.write.data)]
            with m.Elif(self.locked):
                m.d.comb += [write_port.addr.eq(write_place), write_port.data.eq(self.result.data)]
            with m.Else():
                m.d.comb += [write_port.addr.eq(bus.adr), write_port.data.eq(bus.dat_w)]
            m.d.comb += write_port.en.eq(
                self.write.stb | (self.result.stb & self.locked) | (writes & ~self.locked)
            )
        return m

    def _follow(self, place):
        """The place after ``place`` of the transfer."""
        transfer = self._transfer
        onwards = Mux(transfer.turns & (place == transfer.end), transfer.place, place + 1)
        back = Mux(place == transfer.place + 1, transfer.end - 1, place - 3)
        return Mux(transfer.backwards & place[0], back, onwards)

    def _read(self, m, word):
        """Offers the words of the transfer. Returns the place that is read."""
        place, left = Signal(range(_WORDS)), Signal(14)
        following, fetches = Signal.like(place), Signal()
        fresh, moves = Signal(), Signal()  # the word read is the next one; it becomes the one offered
        valid, payload = Signal(), Signal(Word)
        m.d.comb += [
            moves.eq(fresh & (~valid | self.words.ready)),
            following.eq(Mux(moves, self._follow(place), place)),
            self.active.eq(fetches | valid),
            self.words.valid.eq(valid),
            self.words.payload.eq(payload),
        ]
        with m.If(self.words.ready):
            m.d.sync += valid.eq(0)
        with m.If(self.start):
            m.d.sync += [self._transfer.eq(self.transfer), place.eq(self._first()), fetches.eq(1)]
            m.d.sync += [left.eq(self.transfer.length), fresh.eq(0), valid.eq(0)]
        with m.Elif(fetches):
            m.d.sync += [fresh.eq(1), place.eq(following)]
            with m.If(moves):
                m.d.sync += [
                    valid.eq(1),
                    payload.data.eq(word),
                    payload.last.eq(left <= 4),
                    payload.bytes.eq(Mux(left < 4, left, 4)),
                    left.eq(left - 4),
                ]
                with m.If(left <= 4):
                    m.d.sync += [fetches.eq(0), fresh.eq(0)]
        return following

    def _first(self):
        transfer = self.transfer
        return Mux(transfer.backwards, transfer.end - 1, transfer.place)

    def _write_place(self, m):
        """The place of the next result."""
        place, left = Signal(range(_WORDS)), Signal(12)  # words
        with m.If(self.start):
            m.d.sync += [place.eq(self._first()), left.eq((self.transfer.length + 3) >> 2)]
        with m.Elif(self.result.stb):
            m.d.sync += [place.eq(Mux(left == 1, 0, self._follow(place))), left.eq(left - 1)]
        return place
