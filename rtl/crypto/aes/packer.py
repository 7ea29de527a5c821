"""Joins byte strings that come in words, whole or not, into whole words."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .columns import bytes_of
from .signature import Word

__all__ = ["Packer"]


class Packer(wiring.Component):
    """Joins the bytes of words into whole words.

    Members
    -------
    words : In(stream of Word)
        Words of 0 to 4 bytes each.
    packed : Out(stream of 32 bits)
        The same bytes, four a word.
    flush : In(1)
        Gives the bytes that are left, and zeros behind them; then there must be no word.
    empty : Out(1)
        No bytes are left.
    clear : In(1)
        Forgets the bytes that are left.

    Latency
    -------
    A clock a byte. A byte that completes a word gives it in the same clock.
    """

    words: In(stream.Signature(Word))
    packed: Out(stream.Signature(32))
    flush: In(1)
    empty: Out(1)
    clear: In(1)

    def elaborate(self, platform):
        m = Module()
        left, count, place = Signal(24), Signal(2), Signal(2)
        word, byte = self.words.payload, Signal(8)
        comes, steps, ends = Signal(), Signal(), Signal()
        m.d.comb += [
            byte.eq(Mux(self.flush, 0, Array(bytes_of(word.data))[place])),
            comes.eq(Mux(self.flush, ~self.empty, self.words.valid & (word.bytes != 0))),
            steps.eq(comes & (self.packed.ready | (count != 3))),
            ends.eq((word.bytes == 0) | ((place + 1 == word.bytes) & steps)),
            self.empty.eq(count == 0),
            self.packed.payload.eq(Cat(byte, left)),
            self.packed.valid.eq(comes & (count == 3)),
            self.words.ready.eq(ends & ~self.flush),
        ]
        with m.If(self.clear):
            m.d.sync += [left.eq(0), count.eq(0), place.eq(0)]
        with m.Elif(steps):
            m.d.sync += [left.eq(Cat(byte, left)), count.eq(count + 1)]
            m.d.sync += place.eq(Mux(ends | self.flush, 0, place + 1))
        return m
