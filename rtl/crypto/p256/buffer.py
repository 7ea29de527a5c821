"""A number in words, in a memory of look-up tables."""

from amaranth import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .moduli import DIGITS, WORD_BITS

__all__ = ["Buffer"]


class Buffer(wiring.Component):
    """A number whose words are written in one cycle and can be read from the next one on.

    Members
    -------
    en, word, data : In
        Writes a word.
    clear : In(1)
        Writes ``data`` as it is then, whatever ``en`` is: who clears makes it a constant.
    clear_word : In
        Where ``clear`` writes.
    read_word : In
        The word to be read.
    read_data : Out(32)
        The word, in the same cycle.
    """

    en: In(1)
    word: In(range(DIGITS))
    data: In(WORD_BITS)
    clear: In(1)
    clear_word: In(range(DIGITS))
    read_word: In(range(DIGITS))
    read_data: Out(WORD_BITS)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=WORD_BITS, depth=DIGITS, init=[], attrs={"ram_style": "distributed"}
        )
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.en | self.clear),
            write.addr.eq(Mux(self.clear, self.clear_word, self.word)),
            write.data.eq(self.data),
            read.addr.eq(self.read_word),
            self.read_data.eq(read.data),
        ]
        return m
