"""Random words that wait for who wants them."""

from amaranth import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .digest import DIGEST_WORDS, DigestWord

__all__ = ["WordBuffer"]

_BANK_BITS = 3
_WORDS = 2 * DIGEST_WORDS


class WordBuffer(wiring.Component):
    """Room for two digests, whose words are given out once, in their order, and overwritten with zeros.

    Members
    -------
    write : In(DigestWord)
        A digest, while ``free`` and not cleared; its words may be taken when all are there.
    free : Out(1)
        There is room for a digest.
    empty : Out(1)
        There is room for two.
    words : Out(stream of 32 bits)
        The words.
    clear : In(1)
        Drops all words and overwrites them. What is written then, or in the 16 cycles that follow, is lost.

    Latency
    -------
    A word may be taken in the second cycle after the last of its digest was written, and the next ones in
    each cycle.
    """

    write: In(DigestWord)
    free: Out(1)
    empty: Out(1)
    words: Out(stream.Signature(32))
    clear: In(1)

    def __init__(self):
        super().__init__()
        attributes = {"no_rw_check": 1, "ram_style": "block"}
        self.memory = Memory(shape=32, depth=_WORDS, init=[], attrs=attributes)
        # Numbers of words, with one bit more than an address: a digest is behind the other round the memory.
        self._put = Signal(2)  # of the first word of the digest that is written next
        self._get, self._zeroed = Signal(_BANK_BITS + 2), Signal(_BANK_BITS + 2)
        self._clearing = Signal()

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = self.memory
        read, write = self.memory.read_port(domain="comb"), self.memory.write_port()
        put, get, zeroed, clearing = self._put, self._get, self._zeroed, self._clearing
        following = Signal.like(get)
        end = Cat(Const(0, _BANK_BITS), put)
        word = Signal(32, reset_less=True)
        valid = Signal()
        m.d.comb += [
            following.eq(get + (self.words.valid & self.words.ready)),
            read.addr.eq(following),
            self.words.valid.eq(valid),
            self.words.payload.eq(word),
            self.empty.eq((zeroed[_BANK_BITS:] == put) & ~clearing),
            self.free.eq((zeroed[_BANK_BITS:] != put ^ 0b10) & ~clearing),
        ]
        m.d.sync += [word.eq(read.data), get.eq(following), valid.eq(following != end)]
        with m.If(self.write.stb & ~clearing):
            m.d.comb += [
                write.en.eq(1),
                write.addr.eq(Cat(self.write.index, put[0])),
                write.data.eq(self.write.data),
            ]
            m.d.sync += put.eq(put + (self.write.index == 0))
        with m.Elif(clearing | (zeroed != get)):
            m.d.comb += [write.en.eq(1), write.addr.eq(zeroed)]
            m.d.sync += zeroed.eq(zeroed + 1)
            with m.If(clearing & zeroed[: _BANK_BITS + 1].all()):
                m.d.sync += [clearing.eq(0), zeroed.eq(0)]
        with m.If(self.clear):
            m.d.sync += [clearing.eq(1), put.eq(0), get.eq(0), zeroed.eq(0), valid.eq(0)]
        return m
