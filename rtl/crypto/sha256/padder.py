"""The padding of SHA-256: turns the words of a message into blocks."""

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .functions import pick
from .signature import MessageWord

__all__ = ["Padder"]

_BLOCKS_BITS = 55  # with the 9 bits of a length within a block, the 64 bits of FIPS 180-4
_LENGTH_INDEX = 14


class Padder(wiring.Component):
    """Appends the one bit, the zeros and the length to a message (FIPS 180-4, section 5.1.1).

    Members
    -------
    message : In(stream of MessageWord)
        The message. Not ready while the padding of the one before is written.
    words : Out(stream of 32 bits)
        The padded message, a whole number of blocks of 16 words.
    masked : Out(32)
        ``message``'s data with the bytes that do not belong to the message made zero.
    index : Out(4)
        Position within its block of the next word of ``words``.
    padding : Out(1)
        The padding of a message is being written.
    restart : In(1)
        Begins a message whose first ``restart_blocks`` blocks count as hashed before. Given between blocks.
    restart_blocks : In(1)
        See ``restart``.
    blocks : Out(55)
        Whole blocks of the message so far.
    blocks_load : In(2)
        Sets the lower 32 bits, or the upper 23 bits, of ``blocks`` to ``blocks_data``. Given between blocks.
    blocks_data : In(32)
        See ``blocks_load``.

    Latency
    -------
    None: a word comes out in the cycle in which it is taken.
    """

    message: In(stream.Signature(MessageWord))
    words: Out(stream.Signature(32))
    masked: Out(32)
    index: Out(4)
    padding: Out(1)
    restart: In(1)
    restart_blocks: In(1)
    blocks: Out(_BLOCKS_BITS)
    blocks_load: In(2)
    blocks_data: In(32)

    def elaborate(self, platform):
        m = Module()
        word = self.message.payload
        take, wrap = Signal(), Signal()
        ends = Signal()  # the word is the last of the message
        partial = Signal()  # and has room for the byte with the one bit
        m.d.comb += [
            self.words.valid.eq(self.message.valid | self.padding),
            self.message.ready.eq(self.words.ready & ~self.padding),
            take.eq(self.words.valid & self.words.ready),
            wrap.eq(take & self.index.all()),
            ends.eq(word.last & ~self.padding),
            partial.eq(ends & ~word.bytes[2]),
        ]

        marker = Signal()  # the byte with the one bit is still to be written, in a word of its own
        spilled = Signal()  # it was written too late for the length to fit into the same block
        late = self.index >= _LENGTH_INDEX
        remainder = Signal(6)  # bytes of the last block that belong to the message
        with m.If(take):
            m.d.sync += [self.index.eq(self.index + 1), marker.eq(ends & ~partial)]
            with m.If(ends):
                m.d.sync += [
                    self.padding.eq(1),
                    remainder.eq(Cat(word.bytes[:2], self.index + word.bytes[2])),
                ]
            with m.If(late & (partial | marker)):
                m.d.sync += spilled.eq(~wrap)
            with m.Elif(wrap):
                m.d.sync += spilled.eq(0)
                with m.If(self.padding & ~spilled):
                    m.d.sync += self.padding.eq(0)
        self._count_blocks(m, wrap & ~self.padding & ~partial)

        keep, mark = Signal(4), Signal(4)  # of bytes, the first on top
        for place in range(4):
            m.d.comb += [
                keep[3 - place].eq(~word.last | (word.bytes > place)),
                mark[3 - place].eq(partial & (word.bytes == place)),
            ]
        with m.If(marker):
            m.d.comb += mark.eq(0b1000)
        length = Cat(Signal(3), remainder, self.blocks)  # in bits
        writes_length = self.padding & late & ~marker & ~spilled
        m.d.comb += [
            self.masked.eq(word.data & Cat(bit.replicate(8) for bit in keep)),
            self.words.payload.eq(
                pick(
                    (~self.padding, self.masked),
                    (writes_length & ~self.index[0], length[32:]),
                    (writes_length & self.index[0], length[:32]),
                )
                | Cat(bit << 7 for bit in mark)
            ),
        ]
        return m

    def _count_blocks(self, m, whole):
        with m.If(self.restart):
            m.d.sync += self.blocks.eq(self.restart_blocks)
        with m.Elif(self.blocks_load[0]):
            m.d.sync += self.blocks[:32].eq(self.blocks_data)
        with m.Elif(self.blocks_load[1]):
            m.d.sync += self.blocks[32:].eq(self.blocks_data)
        with m.Elif(whole):
            m.d.sync += self.blocks.eq(self.blocks + 1)
