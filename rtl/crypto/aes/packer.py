"""Joins byte strings that come in words, whole or not, into whole words."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .signature import Word, byte_mask

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
        Gives the bytes that are left, and zeros behind them; then `words` must have none to give.
    empty : Out(1)
        No bytes are left.
    clear : In(1)
        Forgets the bytes that are left.

    Latency
    -------
    None: a word that completes another one gives it in the same clock.
    """

    words: In(stream.Signature(Word))
    packed: Out(stream.Signature(32))
    flush: In(1)
    empty: Out(1)
    clear: In(1)

    def elaborate(self, platform):
        m = Module()
        left, count = Signal(24), Signal(2)
        word, total, joined = self.words.payload, Signal(3), Signal(56)
        with m.Switch(count):
            for number in range(4):
                with m.Case(number):
                    data = word.data & byte_mask(word.bytes)
                    m.d.comb += joined.eq((left << 32) | (data << (24 - 8 * number)))
        m.d.comb += [
            total.eq(count + word.bytes),
            self.empty.eq(count == 0),
            self.packed.payload.eq(Mux(self.flush, left << 8, joined[24:])),
            self.packed.valid.eq(Mux(self.flush, ~self.empty, self.words.valid & total[2])),
            self.words.ready.eq(~self.flush & (self.packed.ready | ~total[2])),
        ]
        with m.If(self.clear | (self.flush & self.packed.ready)):
            m.d.sync += [left.eq(0), count.eq(0)]
        with m.Elif(self.words.valid & self.words.ready):
            m.d.sync += [left.eq(Mux(total[2], joined[:24], joined[32:])), count.eq(total[:2])]
        return m
