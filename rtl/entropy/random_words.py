"""Random words for the bus: each is given once."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..bus import RandomSignature

__all__ = ["WORDS", "RandomWords"]

WORDS = 8
_WORD_BITS = 32


class RandomWords(wiring.Component):
    """A few random words, kept until they are read; a word that is read is overwritten in the same clock.

    Members
    -------
    random : In(RandomSignature)
        Source of the words. As soon as it is not healthy, every word is void, and reads as zero.
    fill : In(1)
        Asks for `WORDS` new words, while neither ``busy`` nor ``clear``. The old ones are void.
    clear : In(1)
        Makes every word void, and overwrites them all.
    busy : Out(1)
        High from the cycle after ``fill`` or ``clear`` until all words are there, or overwritten.
    full : Out(1)
        All words are there, and none has been read.
    read : In(1)
        Takes the word ``index`` out; it is in ``data`` in the next cycle.
    index : In(range(WORDS))
        See ``read``.
    data : Out(32)
        The word; zero if there is none.
    missing : Out(1)
        High for a cycle with ``data``, if there was none.

    Latency
    -------
    A cycle for a word that the source has; `WORDS` + 1 cycles to overwrite all.
    """

    def __init__(self):
        self.memory = Memory(shape=_WORD_BITS, depth=WORDS, init=[])
        super().__init__(
            {
                "random": In(RandomSignature()),
                "fill": In(1),
                "clear": In(1),
                "busy": Out(1),
                "full": Out(1),
                "read": In(1),
                "index": In(range(WORDS)),
                "data": Out(_WORD_BITS),
                "missing": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = self.memory
        write, read = memory.write_port(), memory.read_port()
        words, healthy = self.random.words, self.random.healthy
        there, count = Signal(WORDS), Signal(range(WORDS))
        fills, clears, asked, shown = Signal(), Signal(), Signal(), Signal()
        void, takes, reads = Signal(), Signal(), Signal()
        m.d.comb += [
            void.eq(self.clear | (~healthy & (fills | there.any()))),  # SEC_CM: RNG.FAILCLOSED
            words.ready.eq(fills & healthy),
            takes.eq(words.ready & words.valid),
            reads.eq(self.read & there.bit_select(self.index, 1) & ~void),
            self.busy.eq(fills | clears),
            self.full.eq(there.all()),
            read.addr.eq(self.index),
            read.en.eq(self.read),
            self.data.eq(read.data & (shown & healthy).replicate(_WORD_BITS)),
            write.addr.eq(count),
            write.en.eq(takes | clears | reads),
            write.data.eq(words.payload & takes.replicate(_WORD_BITS)),
        ]
        with m.If(reads):
            m.d.comb += write.addr.eq(self.index)
            m.d.sync += there.bit_select(self.index, 1).eq(0)
        m.d.comb += self.missing.eq(asked & ~(shown & healthy))
        m.d.sync += [shown.eq(reads), asked.eq(self.read)]
        with m.If(takes | clears):
            m.d.sync += count.eq(count + 1)
            with m.If(count == WORDS - 1):
                m.d.sync += [fills.eq(0), clears.eq(0), there.eq(fills.replicate(WORDS))]
        with m.If(self.fill & ~self.busy):
            m.d.sync += [there.eq(0), fills.eq(1), count.eq(0)]
        with m.If(void):
            m.d.sync += [there.eq(0), fills.eq(0), clears.eq(1), count.eq(0)]
        return m
