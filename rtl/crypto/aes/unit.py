"""AES-GCM, CMAC and key wrap for one user, without a bus."""

from amaranth import Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from .cipher import Cipher
from .cipher_compact import CompactCipher
from .data_path import DataPath
from .ghash import Ghash
from .packer import Packer
from .signature import Command, Operation, Word, byte_mask

__all__ = ["VARIANTS", "Unit"]

VARIANTS = {
    "fast": (Cipher, {"digit": 12, "tables": True}),
    "compact": (CompactCipher, {"digit": 3}),
}
"""Cipher of each variant, and parameters of its GHASH."""

_WRAP_IV = 0xA6A6_A6A6  # each half of the initial value of RFC 3394, section 2.2.3.1
_SHORTEST_TAG = 4


class _Then(enum.Enum, shape=3):
    """What follows when the cipher has given a block."""

    KEEP_KEY = 0
    MAC = 1
    KEEP_MAC = 2
    TAG = 3
    UNLOAD = 4
    WIPED = 5


class Unit(wiring.Component):
    """AES-128 and AES-256: GCM (NIST SP 800-38D), CMAC (SP 800-38B) and key wrap (RFC 3394).

    The order is the user's: ``KEY``; ``IV`` or ``HASHED_IV``, ``AAD`` any number of times, ``ENCRYPT`` or
    ``DECRYPT`` any number of times with whole blocks but for the last one, or ``MAC``, at least once, likewise;
    then ``TAG`` or ``CHECK``. Or ``KEY``, then ``WRAP`` or ``UNWRAP``. Bytes of AAD need no alignment. What is
    decrypted is given out before its tag is checked: to hold it back is the user's.

    After ``TAG``, ``CHECK``, ``WRAP``, ``UNWRAP`` and ``WIPE``, and out of reset, the key, what was made of it, and all
    intermediate values are overwritten.

    Parameters
    ----------
    variant : str
        ``fast`` or ``compact``.

    Members
    -------
    command : In(stream of Command)
        What is to be done; taken when the one before is done.
    words : In(stream of Word)
        The words of a key, an IV, a piece, a tag to check, or of wrapped data; those of a piece end with
        ``last``. Key data to be wrapped comes, and goes to ``result``, once for each of the six turns, backwards
        for ``UNWRAP``.
    result : Out(stream of 32 bits)
        Words of the message, the tag, or of key data. After the turns of ``WRAP`` the first 64 bits of
        the wrapped data; before those of ``UNWRAP`` they come from ``words``.
    done : Out(1)
        High for one clock when a command is done.
    match : Out(1)
        With ``done``, and until the next command: the tag, or the unwrapped data, is right.
    long : Out(1)
        AAD or message have 2 GiB or more, and must end.
    wipe : In(1)
        Forgets everything, whatever is being done.
    wiping : Out(1)
        Everything is being forgotten.

    Raises
    ------
    ValueError
        If there is no such variant.
    """

    def __init__(self, *, variant):
        if variant not in VARIANTS:
            raise ValueError(f"Variant must be one of {', '.join(sorted(VARIANTS))}, not {variant!r}")
        cipher, ghash = VARIANTS[variant]
        self._cipher, self._ghash = cipher(), Ghash(**ghash)
        self._path, self._packer = DataPath(columns=cipher.columns), Packer()
        super().__init__(
            {
                "command": In(stream.Signature(Command)),
                "words": In(stream.Signature(Word)),
                "result": Out(stream.Signature(32)),
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
        self._counts = Signal()  # the counter block was taken
        self._complete = Signal()  # the block register is to be hashed
        self._pads = Signal()  # the padding of CMAC is yet to be begun
        self._padded = Signal()  # the message of CMAC is padded
        self._is_mac = Signal()
        self._turn = Signal(11)  # t of RFC 3394
        self._then = Signal(_Then)
        self._aad_bytes, self._text_bytes = Signal(32), Signal(32)
        self._differs, self._same = Signal(), Signal(init=1)
        self._checked = Signal(range(17))  # bytes of a tag

    def elaborate(self, platform):
        m = Module()
        m.submodules.cipher, m.submodules.ghash = self._cipher, self._ghash
        m.submodules.path, m.submodules.packer = self._path, self._packer
        connect(m, self._path.cipher, self._cipher.port)
        self._connect(m)
        with m.FSM(init="Wipe Key") as fsm:
            self._idle(m)
            self._load_key(m)
            self._set_iv(m)
            self._hash(m)
            self._crypt(m)
            self._authenticate(m)
            self._finish_tag(m)
            self._wrap(m)
            self._run_cipher(m)
            self._wipe(m)
        m.d.comb += self.wiping.eq(
            fsm.ongoing("Wipe Key")
            | fsm.ongoing("Wipe Registers")
            | fsm.ongoing("Wipe Hash Key")
            | fsm.ongoing("Wipe Cipher")
            | (self._then == _Then.WIPED)
        )
        return ResetInserter(self.wipe)(m)

    def _connect(self, m):
        cipher, ghash, path, packer = self._path.cipher, self._ghash, self._path, self._packer
        word = self.words.payload
        m.d.comb += [
            ghash.block.eq(path.block),
            path.operand.eq(ghash.operand),
            path.word.eq(word.data),
            path.index.eq(self._index),
            packer.words.payload.eq(word),
            cipher.key_word.eq(word.data),
            cipher.short.eq(self._asked.short),
            cipher.decrypt.eq(self._asked.operation == Operation.UNWRAP),
            self.result.payload.eq(path.way),
            self.long.eq(self._aad_bytes[31] | self._text_bytes[31]),
            self.match.eq(self._same & ~self._differs),
        ]
        m.d.sync += [self._counts.eq(0), self.done.eq(0)]
        with m.If(self._counts):
            m.d.comb += path.increment.eq(1)
        with m.If(self._complete & ghash.ready):
            m.d.comb += [ghash.load.eq(1), ghash.run.eq(1)]
            m.d.sync += self._complete.eq(0)

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

    def _idle(self, m):
        asked = self.command.payload
        follows = {
            Operation.KEY: "Take Key",
            Operation.IV: "Take IV",
            Operation.HASHED_IV: "Take Hashed IV",
            Operation.AAD: "Take AAD",
            Operation.ENCRYPT: "Pad AAD",
            Operation.DECRYPT: "Pad AAD",
            Operation.MAC: "Take Message",
            Operation.TAG: "Pad AAD",
            Operation.CHECK: "Pad AAD",
            Operation.WRAP: "Begin Wrap",
            Operation.UNWRAP: "Begin Wrap",
            Operation.WIPE: "Wipe Key",
        }
        with m.State("Idle"):
            m.d.comb += self.command.ready.eq(1)
            with m.If(self.command.valid):
                m.d.sync += [
                    self._asked.operation.eq(asked.operation),
                    self._asked.final.eq(asked.final),
                    self._asked.count.eq(asked.count),
                    self._number.eq(0),
                    self._differs.eq(0),
                    self._same.eq(0),
                    self._checked.eq(0),
                ]
                with m.Switch(asked.operation):
                    for operation, state in follows.items():
                        with m.Case(operation):
                            m.next = state
                with m.If(asked.operation.as_value().matches(Operation.IV, Operation.HASHED_IV)):
                    m.d.comb += self._ghash.clear.eq(1)  # of what CMAC's keys are made of
                with m.If(asked.operation == Operation.KEY):
                    self._clear(m)
                    m.d.sync += self._asked.short.eq(asked.short)

    def _load_key(self, m):
        cipher, ghash = self._path.cipher, self._ghash
        with m.State("Take Key"):
            m.d.comb += [self.words.ready.eq(1), cipher.key_stb.eq(self.words.valid)]
            with m.If(self.words.valid):
                m.d.comb += self._path.shift_counter.eq(1)  # zeros
                m.d.sync += self._number.eq(self._number + 1)
                with m.If(self._number == Mux(self._asked.short, 3, 7)):
                    self._run(m, _Then.KEEP_KEY)  # of zeros: the hash key, and what CMAC's keys are made of
        with m.State("Keep Key"):
            m.d.comb += ghash.set_key.eq(1)
            m.next = "Keep Subkey"
        with m.State("Keep Subkey"), m.If(ghash.ready):
            m.d.comb += ghash.load.eq(1)
            m.next = "Clear Block"
        with m.State("Clear Block"):
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                self._end(m)

    def _set_iv(self, m):
        path, ghash = self._path, self._ghash
        with m.State("Take IV"):
            m.d.comb += [self.words.ready.eq(1), path.bytes.eq(4)]
            with m.If(self.words.valid):
                m.d.comb += path.shift_counter.eq(1)
                self._next_word(m)
                with m.If(self._index == 2):
                    m.next = "Count From One"
        with m.State("Count From One"):
            m.d.comb += [path.constant.eq(1), path.shift_counter.eq(1)]
            self._next_word(m)
            m.next = "Keep Counter"
        with m.State("Keep Counter"):
            m.d.comb += [path.keep.eq(1), path.increment.eq(1)]
            m.d.sync += self._text_bytes.eq(0)
            self._end(m)
        with m.State("Await Hash"), m.If(~self._complete & ghash.ready):
            m.next = "Clear For IV"
        with m.State("Clear For IV"):
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.next = "Move Hash"
        with m.State("Move Hash"):
            m.d.comb += ghash.load.eq(1)
            m.next = "Set Counter"
        with m.State("Set Counter"):
            m.d.comb += [path.add_operand.eq(1), path.shift_counter.eq(1)]
            self._next_word(m)
            with m.If(self._index == 3):
                m.d.comb += ghash.clear.eq(1)
                m.next = "Keep Counter"

    def _hash(self, m):
        """Hash an IV, or AAD, and fill the last block with zeros."""
        path, packer, word = self._path, self._packer, self.words.payload
        is_iv = self._asked.operation == Operation.HASHED_IV
        with m.State("Take Hashed IV"):
            m.d.comb += [self.words.ready.eq(~self._complete), path.bytes.eq(word.bytes)]
            with m.If(self.words.valid & ~self._complete):
                self._hash_word(m, when=word.bytes != 0)
                m.d.sync += self._text_bytes.eq(self._text_bytes + word.bytes)
                with m.If(word.last):
                    m.next = "Pad Block"
        with m.State("Take AAD"):
            m.d.comb += [
                packer.words.valid.eq(self.words.valid),
                self.words.ready.eq(packer.words.ready),
            ]
            self._hash_packed(m)
            with m.If(self.words.valid & self.words.ready):
                m.d.sync += self._aad_bytes.eq(self._aad_bytes + word.bytes)
                with m.If(word.last):
                    self._end(m)
        with m.State("Pad AAD"):
            m.d.comb += packer.flush.eq(1)
            self._hash_packed(m)
            with m.If(self._is_mac):
                m.next = "Choose Tag"
            with m.Elif(packer.empty):
                m.next = "Pad Block"
        with m.State("Pad Block"):
            with m.If((self._index != 0) & ~self._complete):
                self._hash_word(m)
            with m.Elif(self._index == 0):
                with m.Switch(self._asked.operation):
                    with m.Case(Operation.ENCRYPT, Operation.DECRYPT):
                        m.next = "Crypt"
                    with m.Case(Operation.HASHED_IV):
                        m.next = "Hash Lengths"
                    with m.Default():
                        m.next = "Restart Counter"
        with m.State("Hash Lengths"):
            lengths = [
                self._aad_bytes[29:],
                self._aad_bytes << 3,
                self._text_bytes[29:],
                self._text_bytes << 3,
            ]
            with m.Switch(self._index):
                for number, value in enumerate(lengths):
                    with m.Case(number):
                        m.d.comb += path.constant.eq(value)
            with m.If(~self._complete):
                self._hash_word(m)
                with m.If(self._index == 3):
                    m.next = "Await Hash"
                    with m.If(~is_iv):
                        m.next = "Await Cipher"

    def _hash_word(self, m, *, when=1):
        """Shift the word on the way into the block, and have it hashed when it is complete."""
        with m.If(when):
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.d.sync += self._complete.eq(1)

    def _hash_packed(self, m):
        path, packer = self._path, self._packer
        m.d.comb += packer.packed.ready.eq(~self._complete)
        with m.If(packer.packed.valid & ~self._complete):
            m.d.comb += path.constant.eq(packer.packed.payload)
            self._hash_word(m)

    def _crypt(self, m):
        path, cipher, word = self._path, self._path.cipher, self.words.payload
        encrypts = self._asked.operation == Operation.ENCRYPT
        with m.State("Crypt"):
            has_bytes = word.bytes != 0
            m.d.comb += [
                cipher.start.eq(1),
                cipher.room.eq(~self._keystream & ~self._complete),
                path.bytes.eq(word.bytes),
                path.add_block.eq(1),
                path.masked.eq(1),
                self.result.valid.eq(self.words.valid & self._keystream & has_bytes),
                self.words.ready.eq(self._keystream & (self.result.ready | ~has_bytes)),
            ]
            m.d.sync += self._counts.eq(cipher.taken)
            with m.If(cipher.given):
                m.d.sync += self._keystream.eq(1)
            with m.If(self.words.valid & self.words.ready):
                with m.If(has_bytes):
                    self._shift_block(m, word=~encrypts)
                    self._next_word(m)
                    m.d.sync += self._text_bytes.eq(self._text_bytes + word.bytes)
                    with m.If(self._index == 3):
                        m.d.sync += [self._complete.eq(1), self._keystream.eq(0)]
                with m.If(word.last):
                    self._end(m)

    def _authenticate(self, m):
        """CMAC: the chaining value is in the block register, and ends as GHASH's operand."""
        path, ghash, word = self._path, self._ghash, self.words.payload
        ends = self._asked.final & word.last
        last = Signal()  # word of the piece was the last one
        with m.State("Take Message"):
            m.d.comb += [self.words.ready.eq(1), path.bytes.eq(word.bytes), path.add_block.eq(1)]
            m.d.sync += self._is_mac.eq(1)
            with m.If(ends):
                m.d.comb += path.constant.eq(Const(0x8000_0000, 32) >> (word.bytes << 3))
            with m.If(self.words.valid):
                m.d.sync += [last.eq(word.last), self._pads.eq(ends & (word.bytes == 4))]
                m.d.sync += self._padded.eq(ends & ((word.bytes != 4) | (self._index != 3)))
                with m.If(~ends & (word.bytes == 0)):
                    self._end_piece(m, word.last)
                with m.Else():
                    self._take_message_word(m)
                    with m.If(self._index == 3):
                        self._next_message_block(m, ends)
                    with m.Elif(ends):
                        m.next = "Pad Message"
                    with m.Elif(word.last):
                        self._end(m)
        with m.State("Pad Message"):
            m.d.comb += path.add_block.eq(1)
            with m.If(self._pads):
                m.d.comb += path.constant.eq(0x8000_0000)
            m.d.sync += self._pads.eq(0)
            self._take_message_word(m)
            with m.If(self._index == 3):
                m.next = "Load Subkey"
        with m.State("Load Subkey"):
            m.d.comb += path.add_operand.eq(1)
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.next = "Double"
        with m.State("Next Block"):
            self._end_piece(m, last)
        with m.State("Double"):
            m.d.comb += [path.add_block.eq(1), path.double.eq(1)]
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.d.sync += self._padded.eq(0)
                with m.If(~self._padded):
                    m.d.comb += ghash.clear.eq(1)
                    m.next = "Add Subkey"
        with m.State("Add Subkey"):
            m.d.comb += [path.add_block.eq(1), path.add_counter.eq(1), path.shift_counter.eq(1)]
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                self._run(m, _Then.KEEP_MAC)
        with m.State("Keep MAC"):
            m.d.comb += ghash.load.eq(1)
            self._end(m)

    def _end_piece(self, m, ends):
        """End a piece of a message of CMAC, or go on with it."""
        with m.If(ends):
            self._end(m)
        with m.Else():
            m.next = "Take Message"

    def _take_message_word(self, m):
        """A word of the message joins the chaining value on its way into the cipher."""
        m.d.comb += self._path.shift_counter.eq(1)
        self._shift_block(m)
        self._next_word(m)

    def _next_message_block(self, m, ends):
        with m.If(ends):
            m.next = "Load Subkey"
        with m.Else():
            self._run(m, _Then.MAC)

    def _finish_tag(self, m):
        path, cipher, ghash, word = self._path, self._path.cipher, self._ghash, self.words.payload
        gives = self._asked.operation == Operation.TAG
        with m.State("Restart Counter"), m.If(~cipher.take):
            m.d.comb += [cipher.abort.eq(1), path.restart.eq(1)]
            m.d.sync += [self._keystream.eq(0), self._then.eq(_Then.TAG)]
            m.next = "Start Mask"
        with m.State("Start Mask"):
            m.d.comb += cipher.start.eq(1)
            with m.If(cipher.taken):
                m.next = "Hash Lengths"
        with m.State("Mask Tag"), m.If(~self._complete & ghash.ready):
            m.d.comb += ghash.load.eq(1)
            m.next = "Choose Tag"
        with m.State("Choose Tag"):
            m.next = "Check Tag"
            m.d.sync += self._same.eq(1)
            with m.If(gives):
                m.next = "Give Tag"
        with m.State("Give Tag"):
            m.d.comb += [path.add_operand.eq(1), self.result.valid.eq(1)]
            with m.If(self.result.ready):
                self._next_word(m)
                with m.If(self._index == 3):
                    self._forget(m)
        with m.State("Check Tag"):
            m.d.comb += [path.add_operand.eq(1), path.bytes.eq(4), self.words.ready.eq(1)]
            with m.If(self.words.valid):
                self._compare(m, byte_mask(word.bytes))
                m.d.sync += self._checked.eq(self._checked + word.bytes)
                self._next_word(m)
                with m.If(word.last | (self._index == 3)):
                    m.next = "Judge Tag"
        with m.State("Judge Tag"):
            with m.If(self._checked < _SHORTEST_TAG):
                m.d.sync += self._same.eq(0)
            m.next = "Report"
        with m.State("Report"):
            self._forget(m)

    def _compare(self, m, mask):
        """Whether the way is zero under the mask, told twice."""
        bits = self._path.way & mask
        with m.If(bits.any()):
            m.d.sync += self._differs.eq(1)
        m.d.sync += self._same.eq(self._same & (bits == 0))

    def _forget(self, m):
        """The command is done, and with it the key."""
        m.d.sync += self.done.eq(1)
        m.next = "Wipe Key"

    def _wrap(self, m):
        path, cipher, word = self._path, self._path.cipher, self.words.payload
        unwraps = self._asked.operation == Operation.UNWRAP
        turns = Signal.like(self._turn)
        m.d.comb += turns.eq((self._asked.count << 1) + (self._asked.count << 2))
        with m.State("Begin Wrap"):
            m.d.sync += self._turn.eq(Mux(unwraps, turns, 0))
            with m.If(unwraps & ~self._index[1]):
                m.d.comb += [self.words.ready.eq(1), path.bytes.eq(4)]
            with m.Else():
                m.d.comb += path.constant.eq(_WRAP_IV)
            with m.If(~unwraps | self._index[1] | self.words.valid):
                self._shift_block(m)
                self._next_word(m)
                with m.If(self._index == 3):
                    m.next = "Load Turn"
        with m.State("Load Turn"):
            with m.If(self._index[1]):
                m.d.comb += [self.words.ready.eq(1), path.bytes.eq(4)]
            with m.Else():
                m.d.comb += path.add_block.eq(1)
            with m.If(self._index == 1):
                m.d.comb += path.constant.eq(self._turn)
            with m.If(~self._index[1] | self.words.valid):
                m.d.comb += path.shift_counter.eq(1)
                self._shift_block(m)
                self._next_word(m)
                with m.If(self._index == 3):
                    m.d.sync += self._turn.eq(Mux(unwraps, self._turn - 1, self._turn + 1))
                    self._run(m, _Then.UNLOAD)
        with m.State("Unload Turn"):
            m.d.comb += [path.add_block.eq(1), self.result.valid.eq(self._index[1])]
            with m.If(~self._index[1] | self.result.ready):
                self._shift_block(m)
                self._next_word(m)
                with m.If(self._index == 3):
                    m.next = "Load Turn"
                    with m.If(self._turn == Mux(unwraps, 0, turns)):
                        m.d.sync += self._same.eq(1)
                        m.next = "End Wrap"
        with m.State("End Wrap"):
            m.d.comb += [path.add_block.eq(1), self.result.valid.eq(~unwraps)]
            with m.If(unwraps):
                m.d.comb += path.constant.eq(_WRAP_IV)
                self._compare(m, ~Const(0, 32))
            with m.Elif(self._index[0]):
                m.d.comb += path.constant.eq(self._turn)
            with m.If(unwraps | self.result.ready):
                self._shift_block(m)
                self._next_word(m)
                with m.If(self._index[0]):
                    m.next = "Report"

    def _run_cipher(self, m):
        cipher = self._path.cipher
        follows = {
            _Then.KEEP_KEY: "Keep Key",
            _Then.MAC: "Next Block",
            _Then.KEEP_MAC: "Keep MAC",
            _Then.TAG: "Mask Tag",
            _Then.UNLOAD: "Unload Turn",
            _Then.WIPED: "Wipe Block",
        }
        with m.State("Start Cipher"):
            m.d.comb += cipher.start.eq(1)
            with m.If(cipher.taken):
                m.next = "Await Cipher"
        with m.State("Await Cipher"):
            m.d.comb += cipher.room.eq(~self._complete)
            with m.If(cipher.given):
                with m.Switch(self._then):
                    for then, state in follows.items():
                        with m.Case(then):
                            m.next = state

    def _wipe(self, m):
        """Zeros go through everything: what is left follows from them alone."""
        path, cipher, ghash = self._path, self._path.cipher, self._ghash
        with m.State("Wipe Key"):
            m.d.comb += cipher.wipe.eq(1)
            self._clear(m)
            m.next = "Wipe Registers"
        with m.State("Wipe Registers"):
            m.d.comb += [path.shift_counter.eq(1), path.keep.eq(1)]
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.next = "Wipe Hash Key"
        with m.State("Wipe Hash Key"):
            m.d.comb += [path.keep.eq(1), ghash.set_key.eq(1)]
            m.next = "Wipe Cipher"
        with m.State("Wipe Cipher"), m.If(ghash.ready & cipher.ready):
            self._run(m, _Then.WIPED)
        with m.State("Wipe Block"):
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.d.sync += self.done.eq(self._asked.operation == Operation.WIPE)
                m.d.sync += self._then.eq(_Then.KEEP_KEY)
                m.next = "Idle"

    def _clear(self, m):
        m.d.comb += [self._ghash.clear.eq(1), self._packer.clear.eq(1), self._path.cipher.abort.eq(1)]
        m.d.sync += [
            register.eq(0)
            for register in (
                *(self._index, self._number, self._keystream, self._complete, self._pads, self._padded),
                *(self._is_mac, self._turn, self._aad_bytes, self._text_bytes),
            )
        ]
