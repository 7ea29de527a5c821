"""The memory in which messages are worked on in place."""

from amaranth import Cat, Module, Mux, Signal
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

    ``length`` in bytes. ``turns``: over and over the places from ``place`` to ``end``, both included, by two
    words each, which are read when the two before have been written; ``backwards``: from the last two on.
    """

    place: range(_WORDS)
    end: range(_WORDS)
    length: 12
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
        Words of the transfer are yet to be taken. Of turns, there is no end.
    words : Out(stream of Word)
        Words of the transfer.
    result : In({stb, head, data})
        A word for the place of the word that is offered; with turns, for the two that were taken. ``head``:
        for the first two places of the memory.
    write : In({stb, place})
        ``result.data`` is for that place.
    clear : In(1)
        Starts to fill the memory with zeros, and ends the transfer.
    clearing : Out(1)
        That is not done yet.

    Latency
    -------
    A word is offered four clocks after ``start``, the others two clocks after the one before was taken, at
    the earliest.
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
                "result": In(data.StructLayout({"stb": 1, "head": 1, "data": 32})),
                "write": In(data.StructLayout({"stb": 1, "place": range(_WORDS)})),
                "clear": In(1),
                "clearing": Out(1),
            }
        )
        memory_map = MemoryMap(addr_width=_ADDR_WIDTH, data_width=32)
        for name, start, words, description in _STORED:
            register = StoredRegister(description=description, width=32, access="rw", count=words)
            memory_map.add_resource(register, name=(name,), addr=start, size=words)
        self.bus.memory_map = memory_map
        self._place = Signal(range(_WORDS))  # of the next word; of turns, of the next word or result
        self._offered = Signal(range(_WORDS))  # place of the word that is offered
        self._turns = Signal()
        self._begins, self._fetches = Signal(), Signal()
        self._moves = Signal()  # the next word becomes the one that is offered

    def elaborate(self, platform):
        m = Module()
        # A block RAM, of which nothing is used that is read of a word while that is written.
        m.submodules.cells = memory = Memory(shape=32, depth=_WORDS, init=[], attrs={"no_rw_check": 1})
        read_port, write_port = memory.read_port(domain="comb"), memory.write_port()
        read = Signal(32, reset_less=True)
        bus, shown, writes = self.bus, Signal(), Signal()
        place = Mux(self._turns | self.clearing, self._place, self._offered)
        m.d.comb += [
            writes.eq(bus.cyc & bus.stb & bus.we & ~bus.ack),
            self.dropped.eq(writes & self.locked),
            read_port.addr.eq(Mux(self.locked, self._place, bus.adr)),
            bus.dat_r.eq(Mux(shown, read, 0)),
            write_port.en.eq(
                Mux(self.locked, self.write.stb | self.result.stb | self.clearing, writes),
            ),
            write_port.data.eq(Mux(self.clearing, 0, Mux(self.locked, self.result.data, bus.dat_w))),
        ]
        m.d.sync += [
            read.eq(read_port.data),
            bus.ack.eq(bus.cyc & bus.stb & ~bus.ack),
            shown.eq(~self.locked),
        ]
        with m.If(~self.locked):
            m.d.comb += write_port.addr.eq(bus.adr)
        with m.Elif(self.write.stb):
            m.d.comb += write_port.addr.eq(self.write.place)
        with m.Else():
            m.d.comb += write_port.addr.eq(Mux(self.result.head, self._place[0], place))
        self._move(m)
        self._offer(m, read)
        return m

    def _move(self, m):
        """The next place: behind each word, or each result of turns; of clearing, in each clock."""
        transfer, place = self.transfer, self._place
        first, last, backwards = Signal.like(place), Signal(8), Signal()  # `last` of the pairs of turns
        result, ends, wraps = Signal(), Signal(), Signal()
        m.d.comb += [
            result.eq(self._turns & self.result.stb),
            ends.eq(result & place[0]),  # of a pair
            wraps.eq(ends & (place[1:9] == last)),
        ]
        returns = self._turns & place[0] & ~(ends & ~backwards)
        step = Cat(1, returns & ~ends, returns.replicate(len(place) - 2))  # 1; -1; -3, to the pair before
        with m.If(self.clear):
            m.d.sync += [self.clearing.eq(1), self._turns.eq(0)]
        with m.Elif(self.start):
            m.d.sync += [
                first.eq(Mux(transfer.backwards, transfer.end ^ 1, transfer.place)),
                last.eq(Mux(transfer.backwards, transfer.place, transfer.end)[1:9]),
                backwards.eq(transfer.backwards),
                self._turns.eq(transfer.turns),
            ]
        with m.If(self.clear):
            m.d.sync += place.eq(0)
        with m.Elif(self._begins | wraps):
            m.d.sync += place.eq(first)
        with m.Elif(self._moves | result | self.clearing):
            m.d.sync += place.eq((place + step)[: len(place)])
        with m.If(self.clearing & (place == _WORDS - 1)):
            m.d.sync += self.clearing.eq(0)
        m.d.sync += self._begins.eq(self.start)
        with m.If(self._begins | ends):
            m.d.sync += self._fetches.eq(1)

    def _offer(self, m, word):
        """Offers the words of the transfer."""
        left, count = Signal(10), Signal(2)  # whole words; bytes of the last one
        fresh, ends = Signal(), Signal()  # the word read is the next one; it is the last one
        valid, payload = Signal(), Signal(Word)
        m.d.comb += [
            ends.eq((left == 0) | ((left == 1) & (count == 0))),
            self._moves.eq(fresh & (~valid | self.words.ready)),
            self.active.eq(self._begins | self._fetches | valid),
            self.words.valid.eq(valid),
            self.words.payload.eq(payload),
        ]
        m.d.sync += fresh.eq(self._fetches & ~self._moves)
        with m.If(self.words.ready):
            m.d.sync += valid.eq(0)
        with m.If(self._moves):
            m.d.sync += [
                valid.eq(1),
                payload.data.eq(word),
                payload.last.eq(ends),
                payload.bytes.eq(Mux(left == 0, count, 4)),
                self._offered.eq(self._place),
                left.eq(left - 1),
            ]
            with m.If(Mux(self._turns, self._place[0], ends)):
                m.d.sync += [self._fetches.eq(0), fresh.eq(0)]
        with m.If(self.start | self.clear):
            m.d.sync += [self._fetches.eq(0), fresh.eq(0), valid.eq(0)]
            m.d.sync += Cat(left, count).eq(Cat(self.transfer.length[2:], self.transfer.length[:2]))
        with m.If(self.clear):
            m.d.sync += payload.eq(0)
