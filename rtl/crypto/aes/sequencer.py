"""What the modes of AES have in common: the sequencer's registers, and actions of its states."""

from amaranth import Cat, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from .data_path import DataPath
from .ghash import Ghash
from .packer import Packer
from .signature import Command, Word

__all__ = ["Sequencer", "Then"]


class Then(enum.Enum, shape=3):
    """What follows when the cipher has given a block."""

    KEEP_KEY = 0
    MAC = 1
    KEEP_MAC = 2
    TAG = 3
    UNLOAD = 4
    WIPED = 5


class Sequencer(wiring.Component):
    """Registers and actions that the states of `Unit` share.

    Parameters
    ----------
    cipher : Component
        The cipher.
    ghash : dict
        Parameters of `Ghash`.

    Members
    -------
    As of `Unit`.
    """

    def __init__(self, *, cipher, ghash):
        self._cipher, self._ghash = cipher, Ghash(**ghash)
        self._path, self._packer = DataPath(columns=cipher.columns), Packer()
        super().__init__(
            {
                "command": In(stream.Signature(Command)),
                "words": In(stream.Signature(Word)),
                "result": Out(stream.Signature(32)),
                "head": Out(1),
                "done": Out(1),
                "match": Out(1),
                "long": Out(1),
                "wipe": In(1),
                "wiping": Out(1),
            }
        )
        self._asked = Signal(Command)
        self._index = Signal(2)  # of a word within a block
        self._number = Signal(3)  # of a word of a key, or a turn of a double block
        self._keystream = Signal()  # is in the block register, or what is left of it
        self._complete = Signal()  # the block register is to be hashed
        self._pads = Signal()  # the padding of CMAC is yet to be begun
        self._padded = Signal()  # the message of CMAC is padded
        self._is_mac = Signal()
        self._turn = Signal(11)  # t of RFC 3394
        self._then = Signal(Then)
        self._bytes, self._aad_bytes = Signal(32), Signal(32)  # of an IV, AAD or the message; of AAD
        self._in_text = Signal()  # the AAD has ended
        self._nonzero = Signal(4)  # bytes of the word compared in the clock before
        self._differs, self._same = Signal(), Signal(init=1)

    def _next_word(self, m, *, when=1):
        """A word has passed; part of a state's actions."""
        m.d.sync += self._index.eq(self._index + when)

    def _shift_block(self, m, *, word=0):
        m.d.comb += [self._path.shift_block.eq(1), self._path.feed_word.eq(word)]

    def _run(self, m, then):
        """Have the cipher do a block; part of a state's actions."""
        m.d.sync += self._then.eq(then)
        m.next = "Start Cipher"

    def _end(self, m):
        m.d.sync += self.done.eq(1)
        m.next = "Idle"

    def _forget(self, m):
        """The command is done, and with it the key."""
        m.d.sync += self.done.eq(1)
        m.next = "Wipe Key"

    def _compare(self, m, counted):
        """Whether those bytes of the way that count are zero; known in the clock but one."""
        nonzero = Cat(self._path.way[at : at + 8].any() for at in range(0, 32, 8))
        m.d.sync += self._nonzero.eq(nonzero & counted)

    def _remember(self, m):
        """That a word compared was not zero, told twice."""
        with m.If(self._nonzero.any()):
            m.d.sync += self._differs.eq(1)
        m.d.sync += [self._same.eq(self._same & (self._nonzero == 0)), self._nonzero.eq(0)]
