"""The registers of the modes of AES, and the way of 32 bits between them."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .cipher import CipherSignature
from .signature import byte_mask

__all__ = ["DataPath"]

_DOUBLE = 0x87  # of x^128 in the field of CMAC


class DataPath(wiring.Component):
    """The registers of the modes of operation, moved by words of 32 bits.

    ``counter`` is what the cipher takes: the counter block of GCM, a block of CMAC or of the key wrap.
    ``block`` is what the cipher gives and what GHASH takes: while the four words of a block of keystream
    leave it on top, those of the ciphertext come in below. Everything else is a sum of words on the one way
    between the registers.

    Parameters
    ----------
    columns : int
        Words that the cipher takes and gives at a time, 1 or 4.

    Members
    -------
    cipher : Out(CipherSignature)
        The cipher; ``start``, ``room`` and ``abort`` and what concerns the key are the sequencer's.
    operand : In(128)
        Operand of GHASH.
    word, bytes : In(32), In(3)
        The word at the input, and how many bytes of it count.
    packed, add_packed : In(32), In(1)
        A word added to the way.
    constant, count : In(32)
        Added to the way.
    add_block, add_counter, add_operand : In(1)
        Adds the top word of ``block``, of ``counter``, or word ``index`` of ``operand``.
    masked : In(1)
        Of the top word of ``block``, only as many bytes count as of the word.
    double : In(1)
        With ``add_block``: the word of twice the block, in the field of CMAC, while its four words pass.
    index : In(2)
        Number of the word.
    way : Out(32)
        The sum.
    shift_counter, shift_block : In(1)
        Shifts the way into the register.
    feed_word : In(1)
        With ``shift_block``: not the way, but the word.
    increment : In(1)
        Each block that is taken is ``counter`` counted up, in its last word.
    keep, add_kept : In(1)
        Keeps the last word of ``counter``; adds it to the way.
    block : Out(128)
        The block register.
    """

    def __init__(self, *, columns):
        self._columns = columns
        super().__init__(
            {
                "cipher": Out(CipherSignature(columns=columns)),
                "operand": In(128),
                "word": In(32),
                "bytes": In(range(5)),
                "packed": In(32),
                "add_packed": In(1),
                "constant": In(32),
                "count": In(32),
                "add_block": In(1),
                "add_counter": In(1),
                "add_operand": In(1),
                "masked": In(1),
                "double": In(1),
                "index": In(2),
                "way": Out(32),
                "shift_counter": In(1),
                "shift_block": In(1),
                "feed_word": In(1),
                "increment": In(1),
                "keep": In(1),
                "add_kept": In(1),
                "block": Out(128),
            }
        )

    def elaborate(self, platform):
        m = Module()
        data = Signal(32)
        m.d.comb += data.eq((self.word & byte_mask(self.bytes)) ^ _if(self.add_packed, self.packed))
        operand = _word(m, self.operand, self.index, self.add_operand)
        block = self._elaborate_block(m, data)
        counter, kept = self._elaborate_counter(m)
        top, doubled, overflows = block[96:], Signal(32), Signal()
        counted = byte_mask(Mux(self.add_block, Mux(self.masked, self.bytes, 4), 0))
        with m.If(self.index == 0):
            m.d.sync += overflows.eq(top[31])
        m.d.comb += [
            doubled.eq(Mux(self.index == 3, (top << 1) ^ Mux(overflows, _DOUBLE, 0), block[95:127])),
            self.way.eq(
                data
                ^ (Mux(self.double, doubled, top) & counted)
                ^ operand
                ^ _if(self.add_counter, counter[96:])
                ^ _if(self.add_kept, kept)
                ^ self.count
                ^ self.constant
            ),
        ]
        return m

    def _elaborate_block(self, m, data):
        """The register of what the cipher gives and GHASH takes."""
        block = Signal(128)
        fed = Mux(self.feed_word, data, self.way)
        with m.If(self.cipher.give):
            m.d.sync += block.eq(Cat(self.cipher.result, block))
        with m.Elif(self.shift_block):
            m.d.sync += block.eq(Cat(fed, block))
        m.d.comb += self.block.eq(block)
        return block

    def _elaborate_counter(self, m):
        """The register of what the cipher takes; it turns by as many columns as are taken."""
        counter, kept, last = Signal(128), Signal(32), Signal(32)
        size = 32 * self._columns
        source = counter[128 - size :]
        m.d.comb += [
            last.eq(source[:32] + (self.increment & self.cipher.ends)),
            self.cipher.source.eq(Cat(last, source[32:])),
        ]
        with m.If(self.cipher.take):
            m.d.sync += counter.eq(Cat(self.cipher.source, counter))
        with m.If(self.shift_counter):
            m.d.sync += counter.eq(Cat(self.way, counter))
        with m.If(self.keep):
            m.d.sync += kept.eq(counter[:32])
        return counter, kept


def _if(adds, word):
    return word & adds.replicate(len(word))


def _word(m, block, index, adds):
    """Word ``index`` of a block, from its first one, if ``adds``, else zeros."""
    word = 0
    for number, at in enumerate(reversed(range(0, 128, 32))):
        chosen = Signal(name=f"chosen_{number}")
        m.d.comb += chosen.eq(adds & (index == number))
        word |= _if(chosen, block[at : at + 32])
    return word
