"""Pieces of consecutive raw bits, for an assessment of the noise source."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .signature import BitSignature

__all__ = ["RawBuffer"]

_WORD_BITS = 32


class RawBuffer(wiring.Component):
    """Keeps raw bits until it is full, and takes the next ones when all of its words have been read.

    The bits of a piece follow each other without a gap (SP 800-90B, 3.1.1, asks for 1000 or more); between
    two pieces bits are left out.

    Parameters
    ----------
    words : int
        Words of a piece, from 32 (1024 bits).

    Members
    -------
    bits : In(BitSignature)
        The raw bits, healthy or not.
    open : In(1)
        Takes bits; low, it is empty.
    read : In(1)
        Takes a word out; it is in ``data`` in the next cycle, the first bit on top. Zero if there is none.
    data : Out(32)
        See ``read``.
    missing : Out(1)
        High for a cycle with ``data``, if there was none.
    level : Out(range(words + 1))
        Words that can be read.

    Raises
    ------
    TypeError, ValueError
        If the number of words is no such number.
    """

    def __init__(self, *, words):
        if not isinstance(words, int):
            raise TypeError(f"Number of words must be an integer, not {words!r}")
        if words < 1024 // _WORD_BITS:
            raise ValueError(f"Number of words must be {1024 // _WORD_BITS} or more, not {words}")
        self._words = words
        super().__init__(
            {
                "bits": In(BitSignature()),
                "open": In(1),
                "read": In(1),
                "data": Out(_WORD_BITS),
                "missing": Out(1),
                "level": Out(range(words + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=_WORD_BITS, depth=self._words, init=[])
        write, read = memory.write_port(), memory.read_port()
        filled, taken = Signal(range(self._words + 1)), Signal(range(self._words + 1))
        gathered, count = Signal(_WORD_BITS), Signal(range(_WORD_BITS))
        full, reads, asked, shown = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            full.eq(filled == self._words),
            self.level.eq(filled - taken),
            reads.eq(self.read & (filled != taken)),
            read.addr.eq(taken),
            read.en.eq(self.read),
            write.addr.eq(filled),
            write.data.eq(Cat(self.bits.value, gathered)),
            write.en.eq(self.open & ~full & self.bits.stb & count.all()),
            self.data.eq(read.data & (shown & self.open).replicate(_WORD_BITS)),
        ]
        m.d.comb += self.missing.eq(asked & ~(shown & self.open))
        m.d.sync += [shown.eq(reads), asked.eq(self.read), taken.eq(taken + reads)]
        with m.If(self.bits.stb & ~full):
            m.d.sync += [gathered.eq(Cat(self.bits.value, gathered)), count.eq(count + 1)]
        with m.If(write.en):
            m.d.sync += filled.eq(filled + 1)
        with m.If(~self.open | (full & (taken == self._words))):
            m.d.sync += [filled.eq(0), taken.eq(0), count.eq(0), gathered.eq(0)]
        return m
