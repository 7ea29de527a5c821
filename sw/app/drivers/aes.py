"""AES-GCM, CMAC and key wrap by the chip's accelerator, with keys that stay in their slots."""

from soc.generated.registers import aes, aes_memory

from .. import access
from ..ops import Read, Wait, Write

__all__ = ["IDENTIFICATION", "PIECE_BYTES", "VERSION", "Aes", "Refused"]

IDENTIFICATION = "AESG"
VERSION = 1
PIECE_BYTES = 4 * aes_memory.message.count
"""Bytes that go to the accelerator at once; a message to decrypt has no more."""

_OPERATIONS = aes.operate.fields["operation"].codes
_IVS = aes.operate.fields["iv"].codes
_CODE = aes.status.fields["code"]
_REGISTER_IV_BYTES = 4 * aes_memory.iv.count
_TAG_BYTES = 4 * aes_memory.tag.count
_WRAP_BYTES = 8
_POLL_CYCLES = 64
_KEY_BYTES, _SHORT_BYTES = 32, 16


class Refused(Exception):
    """The accelerator did not do what it was asked for; ``status`` is the name of the reason."""

    def __init__(self, status):
        super().__init__(f"The AES unit refused: {status.replace('_', ' ')}")
        self.status = status


class Aes:
    """Driver of the accelerator. It has one message open at a time; a method does the whole of one.

    A key is named by the number of its slot. Additional data is bytes, or a list of bytes and slots, of
    which the keys are authenticated in their places; keys that are not from the bus only under a key that was
    generated in its slot, or derived from such keys alone.
    Every method raises `Refused` with the status that the operation ended with.
    """

    def encrypt(self, slot, plaintext, additional=b"", iv=None):
        """GCM: returns IV, ciphertext and the tag of 16 bytes.

        Without ``iv`` the hardware makes one, and only a key from the bus may have another.
        """
        yield from self._open("encrypt", slot, iv)
        yield from self._authenticate(additional)
        ciphertext = yield from self._text(plaintext)
        if iv is None:
            iv = yield from _get(aes_memory.iv.address, _REGISTER_IV_BYTES)
        return iv, ciphertext, (yield from _get(aes_memory.tag.address, _TAG_BYTES))

    def decrypt(self, slot, iv, ciphertext, tag, additional=b""):
        """GCM: the plaintext of at most `PIECE_BYTES`, if the tag is right.

        It has 12 to 16 bytes, under a key from the bus 4 to 16.
        """
        yield from self._open("decrypt", slot, iv)
        yield from self._authenticate(additional)
        return (yield from self._verify(ciphertext, tag))

    def cmac(self, slot, message):
        """The CMAC of a message, 16 bytes."""
        yield from self._operate("cmac", slot=slot)
        yield from self._text(message, back=False)
        return (yield from _get(aes_memory.tag.address, _TAG_BYTES))

    def check_cmac(self, slot, message, tag):
        """Refuse a message whose CMAC does not begin with ``tag``, of 4 to 16 bytes."""
        yield from self._operate("cmac", slot=slot)
        message = yield from self._whole_pieces(message, back=None)
        yield from self._verify(message, tag)

    def wrap(self, slot, key_slot, *, short=False):
        """The key of ``key_slot``, which is ``short`` or not, wrapped under that of ``slot`` (RFC 3394).

        Either both came from the bus, or neither, and then the one that wraps was generated in its slot, or
        derived from such keys alone.
        """
        yield from self._operate("wrap", slot=slot, target=key_slot)
        length = (_SHORT_BYTES if short else _KEY_BYTES) + _WRAP_BYTES
        return (yield from _get(aes_memory.message.address, length))

    def unwrap(self, slot, wrapped, into):
        """Unwrap a key into the slot ``into``, which must be empty, with a policy, and of the key's length.

        Unless the key that unwraps came from the bus, ``into`` is neither for ``derive`` nor ``template``.
        """
        yield from self._put(0, wrapped)
        yield from self._operate("unwrap", slot=slot, target=into)

    def wrap_data(self, slot, data):
        """Key data of two or more times 8 bytes, wrapped under the external key of ``slot``."""
        yield from self._put(_WRAP_BYTES // 4, data)
        yield from self._operate("wrap_data", slot=slot)
        return (yield from _get(aes_memory.message.address, len(data) + _WRAP_BYTES))

    def unwrap_data(self, slot, wrapped):
        """Key data that was wrapped under the external key of ``slot``, which may give it to the bus."""
        yield from self._put(0, wrapped)
        yield from self._operate("unwrap_data", slot=slot)
        address = aes_memory.message.address + _WRAP_BYTES
        return (yield from _get(address, max(0, len(wrapped) - _WRAP_BYTES)))

    def wipe(self):
        """Forget message and key, and what is in the memory."""
        yield from self._operate("wipe")

    def _open(self, operation, slot, iv):
        if iv is None:
            choice = "hardware"
        elif len(iv) == _REGISTER_IV_BYTES:
            choice = "register"
            yield from self._wait_until_idle()
            yield Write(aes_memory.iv.address, _words(iv))
        else:
            choice = "piece"
            yield from self._put(0, iv)
        yield from self._operate(operation, slot=slot, iv=_IVS[choice])

    def _authenticate(self, additional):
        for part in [additional] if isinstance(additional, bytes | bytearray) else additional:
            if isinstance(part, int):
                yield from self._operate("aad_slot", slot=part)
                continue
            for start in range(0, len(part), PIECE_BYTES):
                yield from self._put(0, part[start : start + PIECE_BYTES])
                yield from self._operate("aad")

    def _text(self, message, *, back=True):
        """Give the message piece by piece; returns what became of it."""
        gathered: list[bytes] = []
        rest = yield from self._whole_pieces(message, gathered if back else None)
        yield from self._put(0, rest)
        yield from self._operate("finish")
        if back:
            gathered.append((yield from _get(aes_memory.message.address, len(rest))))
        return b"".join(gathered)

    def _whole_pieces(self, message, back):
        """Give all pieces but the last, which is returned; ``back`` gathers what becomes of them."""
        message = bytes(message)
        while len(message) > PIECE_BYTES:
            yield from self._put(0, message[:PIECE_BYTES])
            yield from self._operate("text")
            if back is not None:
                back.append((yield from _get(aes_memory.message.address, PIECE_BYTES)))
            message = message[PIECE_BYTES:]
        return message

    def _verify(self, message, tag):
        if len(message) > PIECE_BYTES:
            raise Refused("too_long")
        yield Write(aes_memory.tag.address, _words(tag.ljust(_TAG_BYTES, b"\0")[:_TAG_BYTES]))
        yield from self._put(0, message)
        yield from self._operate("verify", tag_bytes=min(len(tag), _TAG_BYTES + 1))
        return (yield from _get(aes_memory.message.address, len(message)))

    def _put(self, start, data):
        """Put bytes into the memory, from a word on; they are the piece."""
        if 4 * start + len(data) > PIECE_BYTES:
            raise Refused("too_long")
        yield from self._wait_until_idle()
        if data:
            yield Write(aes_memory.message.element(start).address, _words(data))
        yield from access.write_fields(aes.piece, start=start, length=len(data))

    def _operate(self, operation, **fields):
        """Start an operation, and sleep until it has ended."""
        yield from self._wait_until_idle()
        yield from access.write_fields(aes.cause, done=1)
        yield from access.write_fields(aes.enable, done=1)
        yield from access.write_fields(aes.operate, operation=_OPERATIONS[operation], **fields)
        yield Wait(1 << aes.interrupt)
        yield from access.write(aes.enable, 0)
        code = _CODE.named((yield from access.read_fields(aes.status))["code"])
        if code != "success":
            raise Refused(code)

    def _wait_until_idle(self):
        """After a wipe, such as that of a reset, the accelerator clears its memory."""
        while (yield from access.read_fields(aes.status))["busy"]:
            yield Wait(0, _POLL_CYCLES)


def _words(data):
    """Words of 32 bits with the first byte on top; the last one filled with zeros."""
    data = bytes(data) + bytes(-len(data) % 4)
    return tuple(int.from_bytes(data[start : start + 4], "big") for start in range(0, len(data), 4))


def _get(address, length):
    """Bytes of the memory."""
    if not length:
        return b""
    words = yield Read(address, -(-length // 4))
    return b"".join(word.to_bytes(4, "big") for word in words)[:length]
