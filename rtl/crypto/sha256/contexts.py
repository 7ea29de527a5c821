"""What the SHA-256 unit remembers of each user, and how it gets into the hash and out of it."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .functions import pick

__all__ = ["USER_WORDS", "ContextMemory", "Place"]

USER_WORDS = 64
_DIGEST_WORDS = 8
_CONTEXT_WORDS = 10  # the chaining value and the number of blocks


class Place(enum.Enum, shape=2):
    """What the memory holds for each user, in 16 words each.

    ``RUNNING`` is the state of an open message: the chaining value, its words in their order, and the number
    of blocks, lower half first. ``INNER`` and ``OUTER`` are the chaining values after the HMAC key's inner
    and outer block. ``SCRATCH`` is the key while those are made, and the inner digest.
    """

    RUNNING = 0
    INNER = 1
    OUTER = 2
    SCRATCH = 3


class ContextMemory(wiring.Component):
    """Memory of the users' states, with the path by which they move between it and the hash.

    A move takes the words of the chaining value out of the hash, H7 first, and puts others in. What comes out
    may be stored, what goes in may be fetched, both in the same move. A move of a ``whole`` state moves the
    number of blocks too.

    Parameters
    ----------
    users : int
        Number of users.

    Members
    -------
    holder : In(range(users))
        User whose words are accessed. Stays as it is during a move.
    move_stb : In(1)
        Begins a move, as the members of ``move`` say in this cycle: ``store_en``, ``store``, ``fetch_en``,
        ``fetch``, ``whole``. Given while the hash is idle.
    moved : Out(1)
        High in the last cycle of a move.
    out : Out({stb, index, data})
        The words that come out during a move, with their index in ``RUNNING``.
    tail, blocks : In
        Lowest word of the chaining value, and the number of blocks, of the hash.
    shift, shift_data, blocks_load : Out
        To the hash; ``blocks_load`` takes its data from ``shift_data``.
    write_en, write_place, write_index, write_data : In
        Writes a word, in a cycle without a move.
    read_index : In(4)
        Reads a word of ``SCRATCH``, in a cycle without a move.
    word : Out(32)
        The word that was read in the cycle before.

    Latency
    -------
    A move takes 8 cycles after that of ``move_stb``, or 10 if it is of a whole state.
    """

    def __init__(self, *, users):
        move = data.StructLayout({"store_en": 1, "store": Place, "fetch_en": 1, "fetch": Place, "whole": 1})
        out = data.StructLayout({"stb": 1, "index": 4, "data": 32})
        super().__init__(
            {
                "holder": In(range(users)),
                "move_stb": In(1),
                "move": In(move),
                "moved": Out(1),
                "out": Out(out),
                "tail": In(32),
                "blocks": In(55),
                "shift": Out(1),
                "shift_data": Out(32),
                "blocks_load": Out(2),
                "write_en": In(1),
                "write_place": In(Place),
                "write_index": In(4),
                "write_data": In(32),
                "read_index": In(4),
                "word": Out(32),
            }
        )
        # A word is never read in the cycle in which it is written, so no logic need make that case right.
        self._memory = Memory(
            shape=32, depth=USER_WORDS << ceil_log2(users), init=[], attrs={"no_rw_check": 1}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = self._memory
        read, write = self._memory.read_port(domain="comb"), self._memory.write_port()
        move = Signal.like(self.move)  # after the cycle of `move_stb`
        reading, shifting = Signal(), Signal()
        number = Signal(range(_CONTEXT_WORDS))  # of the word that is read, in the order of the move
        with m.If(self.move_stb):
            m.d.sync += [move.eq(self.move), reading.eq(1), number.eq(1)]
        with m.Elif(reading):
            m.d.sync += number.eq(number + 1)
            with m.If(number == Mux(move.whole, _CONTEXT_WORDS - 1, _DIGEST_WORDS - 1)):
                m.d.sync += [reading.eq(0), number.eq(0)]

        reads = self.move_stb | reading
        index = Mux(number < _DIGEST_WORDS, number ^ (_DIGEST_WORDS - 1), number)[:4]
        read_index = Mux(reads, index, self.read_index)
        read_place = Mux(reads, Mux(reading, move.fetch, self.move.fetch), Place.SCRATCH)
        m.d.comb += read.addr.eq(Cat(read_index, read_place, self.holder))
        m.d.sync += [self.word.eq(read.data), shifting.eq(reads), self.out.index.eq(index)]

        counts = self.out.index[3]  # the word is of the number of blocks
        upper = self.out.index[0]
        m.d.comb += [
            self.moved.eq(shifting & ~reading),
            self.out.stb.eq(shifting),
            self.out.data.eq(
                pick(
                    (~counts, self.tail),
                    (counts & ~upper, self.blocks[:32]),
                    (counts & upper, self.blocks[32:]),
                )
            ),
            self.shift.eq(shifting & ~counts),
            self.shift_data.eq(self.word),
            self.blocks_load.eq(Mux(shifting & move.fetch_en & counts, Mux(upper, 0b10, 0b01), 0)),
        ]
        with m.If(shifting):
            m.d.comb += [
                write.addr.eq(Cat(self.out.index, move.store, self.holder)),
                write.data.eq(self.out.data),
                write.en.eq(move.store_en),
            ]
        with m.Else():
            m.d.comb += [
                write.addr.eq(Cat(self.write_index, self.write_place, self.holder)),
                write.data.eq(self.write_data),
                write.en.eq(self.write_en),
            ]
        return m
