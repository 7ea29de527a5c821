"""The power-fail store: keeps cells of the compute engine over a power cut."""

import hashlib

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import crc, enum, wiring
from amaranth.lib.wiring import In, Out

from ..bus import NvmPortSignature

__all__ = ["PowerFailStore", "Restored", "record_identification"]

_NVM_BITS = 32
_BYTES_PER_WORD = 4
_WORDS_AROUND = 3  # identification, sequence, check
_LOST = 1 << _NVM_BITS - 1


class Restored(enum.Enum, shape=2):
    """What the memory held at power-on."""

    NONE = 0
    FROM_A = 1
    FROM_B = 2
    INVALID = 3


class _Part(enum.Enum, shape=3):
    """Parts of a copy in the order in which they are read and written; ``COMMIT`` is written only."""

    IDENTIFICATION = 0
    SEQUENCE = 1
    CELLS = 2
    CHECK = 3
    COMMIT = 4


def record_identification(cells, cell_bits):
    """Identification of a record of the cells named, in this order: the start of a SHA-256, never zero."""
    text = "\n".join((str(cell_bits), *cells))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:_BYTES_PER_WORD], "big") or 1


class PowerFailStore(wiring.Component):
    """Keeps a contiguous range of cells in non-volatile memory, in two copies.

    At power-on the newer whole copy is written back to the cells. A save writes one copy completely, then
    the other, the one that was not restored first: whatever the clock of a cut, one copy is whole. A copy
    is made invalid before anything else of it is written, and valid by its last word, so that no chance
    decides whether an unfinished one is believed.

    Parameters
    ----------
    first, count : int
        The cells kept.
    cell_bits : int
        Bits of a cell.
    identification : int
        What the record holds, 32 bits, not zero; a record with another one is not restored. See
        `record_identification`.

    Attributes
    ----------
    words : int
        Words of the memory's region.

    Members
    -------
    save : In(1)
        Save once. The cells hold still from this clock until ``save_done``. During the restore it is kept
        until that has ended; during a save it is ignored.
    save_done : Out(1)
        High for one clock when both copies are written.
    restore_done : Out(1)
        High from the end of the restore on; until then the cells are the store's.
    restored : Out(Restored)
        With ``restore_done``: which copy was restored; ``NONE``, the memory is blank; ``INVALID``, it is
        not, but no copy is whole: the cells are not what was saved.
    complete : Out(1)
        With ``restore_done``: both copies were whole and of the same save.
    lost : Out(1)
        With ``restore_done``: this restore, or one before the record that was restored, was ``INVALID``.
    sequence : Out(32)
        With ``restore_done``: saves up to the last one begun; the top bit is ``lost``.
    fault : Out(1)
        The memory has refused an access since power-on.
    cell_adr : Out, cell_r : In
        A cell and, in the clock after, its contents.
    cell_we, cell_w : Out
        Write ``cell_w`` to the cell.
    nvm : Out(NvmPortSignature)
        Port to the region.

    Latency
    -------
    With words *n* = 3 + ``count`` · ⌈``cell_bits`` / 32⌉ of a copy, and a memory that reads in 1 clock and
    writes in *w*: a save takes 2 (*n* + 1) · max(6, *w* + 2) + 1 clocks from ``save`` to ``save_done``; a
    restore takes 3 (6 *n* + 1) + 1 clocks from reset to ``restore_done``, 2 (6 *n* + 1) + 1 if nothing is
    restored.

    Raises
    ------
    ValueError
        If no cell is kept, or the identification is zero or longer than a word.
    """

    def __init__(self, *, first, count, identification, cell_bits=108):
        named = {"First cell": (first, 0), "Number of cells": (count, 1), "Cell length": (cell_bits, 1)}
        for name, (value, least) in named.items():
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an integer, not {value!r}")
            if value < least:
                raise ValueError(f"{name} must be {least} or more, not {value}")
        if not 0 < identification < 1 << _NVM_BITS:
            raise ValueError(f"Identification must be a word of 32 bits, not zero, not {identification:#x}")
        self._first = first
        self._count = count
        self._identification = identification
        self._words_per_cell = -(-cell_bits // _NVM_BITS)
        self._copy_words = _WORDS_AROUND + count * self._words_per_cell
        self.words = 2 * self._copy_words
        super().__init__(
            {
                "save": In(1),
                "save_done": Out(1),
                "restore_done": Out(1),
                "restored": Out(Restored),
                "complete": Out(1),
                "lost": Out(1),
                "sequence": Out(_NVM_BITS),
                "fault": Out(1),
                "cell_adr": Out(range(first + count)),
                "cell_r": In(cell_bits),
                "cell_we": Out(1),
                "cell_w": Out(cell_bits),
                "nvm": Out(NvmPortSignature(words=self.words)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._saving, self._loading = Signal(), Signal()  # neither: a copy is being checked
        self._copy, self._part, self._second = Signal(), Signal(_Part), Signal()  # the second of a save
        self._sequence_b = Signal(_NVM_BITS)
        m.submodules.check = check = crc.catalog.CRC32_ISO_HDLC(data_width=8).create()
        advance, pending = Signal(), Signal()
        m.d.comb += self.lost.eq(self.sequence[-1])
        m.d.sync += self.save_done.eq(0)
        with m.If(self.save & ~self.restore_done):
            m.d.sync += pending.eq(1)
        number = self._walk(m, advance)
        ended = self._transfer(m, check, number)
        sound, blank = self._receive(m)
        whole = Signal(2)
        with m.FSM(name="state"):
            with m.State("Ask"):
                m.d.comb += self.nvm.request.valid.eq(1)
                with m.If(self.nvm.request.ready):
                    m.next = "Transfer"
            with m.State("Transfer"):
                with m.If(ended):
                    m.d.comb += advance.eq(1)
                    self._after_word(m)
            with m.State("Fetch"):  # the cell is being read
                m.next = "Ask"
            with m.State("Judge"):
                self._judge(m, whole, sound & check.match_detected)
            with m.State("Choose"):
                self._choose(m, whole, blank)
            with m.State("Idle"):
                with m.If(self.save | pending):
                    m.d.sync += [
                        pending.eq(0),
                        self._saving.eq(1),
                        self._second.eq(0),
                        self.sequence.eq(self.sequence + 1),
                        *self._begin(~self._copy),
                    ]
                    m.next = "Fetch"
        return m

    def _begin(self, copy):
        """Go to the first word of a copy."""
        return [
            self._copy.eq(copy),
            self._address.eq(Mux(copy, self._copy_words, 0)),
            self._part.eq(_Part.IDENTIFICATION),
        ]

    def _walk(self, m, advance):
        """Step through the words of a copy; returns the number of the word in its cell."""
        self._address = Signal(range(self.words))
        index, number = Signal(range(self._count)), Signal(range(self._words_per_cell))
        m.d.comb += [self.nvm.request.payload.adr.eq(self._address), self.cell_adr.eq(self._first + index)]
        with m.If(advance):
            m.d.sync += self._address.eq(self._address + 1)
            with m.Switch(self._part):
                with m.Case(_Part.IDENTIFICATION):
                    m.d.sync += self._part.eq(_Part.SEQUENCE)
                with m.Case(_Part.SEQUENCE):
                    m.d.sync += self._part.eq(_Part.CELLS)
                with m.Case(_Part.CELLS):
                    m.d.sync += number.eq(number + 1)
                    with m.If(number == self._words_per_cell - 1):
                        m.d.comb += self.cell_we.eq(self._loading)
                        m.d.sync += [number.eq(0), index.eq(index + 1)]
                        with m.If(index == self._count - 1):
                            m.d.sync += [index.eq(0), self._part.eq(_Part.CHECK)]
                with m.Case(_Part.CHECK):
                    m.d.sync += [
                        self._part.eq(_Part.COMMIT),
                        self._address.eq(Mux(self._copy, self._copy_words, 0)),
                    ]
        return number

    def _transfer(self, m, check, number):
        """Pass a word to or from the memory and into the check; returns whether both ended."""
        request, part = self.nvm.request, self._part
        outgoing, word = Signal(_NVM_BITS), Signal(_NVM_BITS)
        cell = Signal(self._words_per_cell * _NVM_BITS)
        m.d.comb += cell.eq(self.cell_r)
        with m.Switch(part):
            with m.Case(_Part.SEQUENCE):
                m.d.comb += outgoing.eq(self.sequence)
            with m.Case(_Part.CELLS):
                m.d.comb += outgoing.eq(cell.word_select(number, _NVM_BITS))
            with m.Case(_Part.CHECK):
                m.d.comb += outgoing.eq(check.crc)
            with m.Default():
                m.d.comb += outgoing.eq(self._identification)

        self._awaiting, self._answer = Signal(), Signal()
        checked = Signal(range(_BYTES_PER_WORD + 1), init=_BYTES_PER_WORD)
        m.d.comb += [
            request.payload.write.eq(self._saving),
            # What the identification takes the place of is no record any more, whatever else it holds.
            request.payload.data.eq(Mux(part == _Part.IDENTIFICATION, 0, outgoing)),
            self._answer.eq(self.nvm.done & self._awaiting),
            check.valid.eq((self._saving | ~self._awaiting) & (checked != _BYTES_PER_WORD)),
            check.start.eq((part == _Part.IDENTIFICATION) & (checked == 0)),
            check.data.eq(word[:8]),
        ]
        with m.If(request.valid & request.ready):
            m.d.sync += [word.eq(outgoing), checked.eq(0), self._awaiting.eq(1)]
        with m.If(check.valid):
            m.d.sync += [word.eq(word >> 8), checked.eq(checked + 1)]
        with m.If(self._answer):
            m.d.sync += [self._awaiting.eq(0), self.fault.eq(self.fault | self.nvm.error)]
            with m.If(~self._saving):
                m.d.sync += word.eq(self.nvm.data)
        return (~self._awaiting | self._answer) & (checked >= _BYTES_PER_WORD - 1)

    def _receive(self, m):
        """Look at words read; returns whether they are of our record so far, and whether all are zero."""
        sound, blank = Signal(), Signal(init=1)
        cell = Signal(self._words_per_cell * _NVM_BITS)
        m.d.comb += self.cell_w.eq(cell)
        with m.If(self._answer & ~self._saving):
            with m.If(self.nvm.data != 0):
                m.d.sync += blank.eq(0)
            with m.Switch(self._part):
                with m.Case(_Part.IDENTIFICATION):
                    m.d.sync += sound.eq(self.nvm.data == self._identification)
                with m.Case(_Part.SEQUENCE):
                    with m.If(self._copy):
                        m.d.sync += self._sequence_b.eq(self.nvm.data)
                    with m.Else():
                        m.d.sync += self.sequence.eq(self.nvm.data)
                with m.Case(_Part.CELLS):
                    m.d.sync += cell.eq(Cat(cell, self.nvm.data)[_NVM_BITS:])
            with m.If(self.nvm.error):
                m.d.sync += sound.eq(0)
        return sound, blank

    def _after_word(self, m):
        with m.If(~self._saving):
            m.next = "Ask"
            with m.If(self._part == _Part.CHECK):
                m.next = "Judge"
        with m.Else():
            m.next = "Fetch"
            with m.If(self._part == _Part.COMMIT):
                m.d.sync += [self._second.eq(1), *self._begin(~self._copy)]
                with m.If(self._second):
                    m.d.sync += [self._saving.eq(0), self._copy.eq(self._copy), self.save_done.eq(1)]
                    m.next = "Idle"

    def _judge(self, m, whole, good):
        """A copy has been read to its end."""
        m.d.sync += whole.bit_select(self._copy, 1).eq(good)
        with m.If(self._loading & good):
            m.d.sync += self.restored.eq(Mux(self._copy, Restored.FROM_B, Restored.FROM_A))
            self._end_restore(m)
        with m.Elif(self._loading | self._copy):
            m.next = "Choose"
        with m.Else():
            m.d.sync += self._begin(1)
            m.next = "Ask"

    def _choose(self, m, whole, blank):
        """Restore the newer whole copy. Should it not be whole when read again, the other one is next."""
        newer = Signal(_NVM_BITS)  # by how much B is
        take_b = Signal()
        m.d.comb += [
            newer.eq(self._sequence_b - self.sequence),
            take_b.eq(Mux(whole.all(), (newer != 0) & ~newer[-1], whole[1])),
        ]
        m.d.sync += self.complete.eq(whole.all() & (newer == 0))
        with m.If(whole.any()):
            m.d.sync += [self._loading.eq(1), *self._begin(take_b)]
            with m.If(take_b):
                m.d.sync += self.sequence.eq(self._sequence_b)
            m.next = "Ask"
        with m.Else():
            m.d.sync += [
                self.sequence.eq(Mux(blank, 0, _LOST)),
                self.restored.eq(Mux(blank, Restored.NONE, Restored.INVALID)),
            ]
            self._end_restore(m)

    def _end_restore(self, m):
        m.d.sync += [self._loading.eq(0), self.restore_done.eq(1)]
        m.next = "Idle"
