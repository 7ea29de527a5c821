"""AES-GCM, CMAC and key wrap for one user, without a bus."""

from amaranth import Module, Mux, ResetInserter
from amaranth.lib.wiring import connect

from .cipher import Cipher
from .cipher_compact import CompactCipher
from .cmac import CmacStates
from .gcm import GcmStates
from .key_wrap import WrapStates
from .sequencer import Then
from .signature import Operation

__all__ = ["VARIANTS", "Unit"]

VARIANTS = {
    "fast": (Cipher, {"digit": 12, "tables": True}),
    "compact": (CompactCipher, {"digit": 3}),
}
"""Cipher of each variant, and parameters of its GHASH."""


class Unit(GcmStates, CmacStates, WrapStates):
    """AES-128 and AES-256: GCM (NIST SP 800-38D), CMAC (SP 800-38B) and key wrap (RFC 3394).

    The order is the user's: ``KEY``; ``IV`` or ``HASHED_IV``; ``AAD`` any number of times; ``ENCRYPT`` or
    ``DECRYPT`` any number of times with whole blocks but for the last one; then ``TAG`` or ``CHECK``. Or
    ``KEY``; ``MAC`` likewise, at least once; then ``TAG`` or ``CHECK``. Or ``KEY``; ``WRAP`` or ``UNWRAP``.
    Bytes of AAD need no alignment. What is decrypted is given out before its tag is checked: to hold it back
    is the user's.

    After ``TAG``, ``CHECK``, ``WRAP``, ``UNWRAP`` and ``WIPE``, and out of reset, the key, what was made of
    it, and all intermediate values are overwritten.

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
        ``last``. Key data to be wrapped comes, and goes to ``result``, once for each of the six turns; for
        ``UNWRAP`` the last 64 bits come first.
    result : Out(stream of 32 bits)
        Words of the message, the tag, or of key data. After the turns of ``WRAP`` the first 64 bits of
        the wrapped data; before those of ``UNWRAP`` they come from ``words``.
        While there is no command, the word at ``words`` passes to ``result``, neither valid nor taken.
    head : Out(1)
        The word at ``result`` is of the first 64 bits of the wrapped data.
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
        super().__init__(cipher=cipher(), ghash=ghash)

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
            | (self._then == Then.WIPED)
        )
        return ResetInserter(self.wipe)(m)

    def _connect(self, m):
        cipher, ghash, path, packer = self._path.cipher, self._ghash, self._path, self._packer
        word = self.words.payload
        m.d.comb += [
            ghash.block.eq(path.block),
            path.operand.eq(ghash.operand),
            path.word.eq(word.data),
            path.packed.eq(packer.packed.payload),
            path.index.eq(self._index),
            packer.words.payload.eq(word),
            cipher.key_word.eq(word.data),
            cipher.short.eq(self._asked.short),
            cipher.decrypt.eq(self._asked.operation == Operation.UNWRAP),
            self.result.payload.eq(path.way),
            self.long.eq(self._bytes[31]),
            self.match.eq(self._same & ~self._differs),
        ]
        # A counter block may still be on its way into the cipher when a piece has ended.
        crypts = self._asked.operation.as_value().matches(Operation.ENCRYPT, Operation.DECRYPT)
        m.d.comb += path.increment.eq(crypts)
        m.d.sync += self.done.eq(0)
        self._remember(m)
        with m.If(self._complete & ghash.ready):
            m.d.comb += [ghash.load.eq(1), ghash.run.eq(1)]
            m.d.sync += self._complete.eq(0)

    def _idle(self, m):
        asked = self.command.payload
        follows = {
            Operation.KEY: "Begin Key",
            Operation.IV: "Begin IV",
            Operation.HASHED_IV: "Begin IV",
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
            m.d.comb += [self.command.ready.eq(1), self._path.bytes.eq(self.words.payload.bytes)]
            with m.If(self.command.valid):
                m.d.sync += [
                    self._asked.operation.eq(asked.operation),
                    self._asked.final.eq(asked.final),
                    self._asked.turns.eq(asked.turns),
                    self._number.eq(0),
                    self._differs.eq(0),
                    self._same.eq(0),
                ]
                with m.Switch(asked.operation):
                    for operation, state in follows.items():
                        with m.Case(operation):
                            m.next = state
                with m.If(asked.operation == Operation.KEY):
                    m.d.sync += self._asked.short.eq(asked.short)

    def _load_key(self, m):
        cipher, ghash = self._path.cipher, self._ghash
        with m.State("Begin Key"):
            self._clear(m)
            m.next = "Take Key"
        with m.State("Take Key"):
            m.d.comb += [self.words.ready.eq(1), cipher.key_stb.eq(self.words.valid)]
            with m.If(self.words.valid):
                m.d.comb += self._path.shift_counter.eq(1)  # zeros
                m.d.sync += self._number.eq(self._number + 1)
                with m.If(self._number == Mux(self._asked.short, 3, 7)):
                    self._run(m, Then.KEEP_KEY)  # of zeros: the hash key, and what CMAC's keys are made of
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

    def _run_cipher(self, m):
        cipher = self._path.cipher
        follows = {
            Then.KEEP_KEY: "Keep Key",
            Then.MAC: "Next Block",
            Then.KEEP_MAC: "Keep MAC",
            Then.TAG: "Mask Tag",
            Then.UNLOAD: "Unload Turn",
            Then.WIPED: "Wipe Block",
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
            self._run(m, Then.WIPED)
        with m.State("Wipe Block"):
            self._shift_block(m)
            self._next_word(m)
            with m.If(self._index == 3):
                m.d.sync += self.done.eq(self._asked.operation == Operation.WIPE)
                m.d.sync += self._then.eq(Then.KEEP_KEY)
                m.next = "Idle"

    def _clear(self, m):
        m.d.comb += [self._ghash.clear.eq(1), self._packer.clear.eq(1), self._path.cipher.abort.eq(1)]
        m.d.sync += [
            register.eq(0)
            for register in (
                *(self._index, self._number, self._keystream, self._complete),
                *(self._pads, self._padded),
                *(self._is_mac, self._in_text, self._turn, self._bytes, self._aad_bytes),
            )
        ]
