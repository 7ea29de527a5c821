"""SHA-256 and HMAC-SHA-256 by the chip's accelerator."""

from dataclasses import dataclass

from soc.generated.registers import sha256

from .. import access
from ..ops import Wait, Write

__all__ = ["IDENTIFICATION", "VERSION", "Refused", "Session", "Sha256"]

IDENTIFICATION = "SHA2"
VERSION = 3

_CODES = sha256.operate.fields["operation"].codes
_HASH, _HMAC, _KEY, _FINISH = (_CODES[name] for name in ("hash", "hmac", "key", "finish"))
_SAVE, _RESTORE_HASH, _RESTORE_HMAC = (_CODES[name] for name in ("save", "restore_hash", "restore_hmac"))
_WIPE, _APPEND, _FINISH_SLOT = (_CODES[name] for name in ("wipe", "append", "finish_slot"))
_KEY_HMAC, _KEY_DERIVE = _CODES["key_hmac"], _CODES["key_derive"]
_RESTORE = {_HASH: _RESTORE_HASH, _HMAC: _RESTORE_HMAC}
_BLOCK = 64
_MOST_BLOCKS = 255  # of HKDF
_QUEUE_BLOCKS = 2
_POLL_CYCLES = 64
_REFUSALS = {
    0: "nothing was refused",
    1: "it is out of order",
    2: "the queue is full",
    3: "there is no key, or the unit was wiped",
    4: "the key store refused the slot",
    5: "the digest is made of a slot's key and may only go into a slot",
}


class Refused(Exception):
    """The accelerator refused what it was asked for; the message says why."""


@dataclass(frozen=True)
class Session:
    """An open message, as `Sha256.save` gives it: to be treated as what it was made of.

    ``state`` is None if no block has gone to the accelerator; ``pending`` are the bytes that follow.
    """

    operation: int
    state: int | None
    blocks: int
    pending: bytes


class Sha256:
    """Driver of the accelerator. It has one session: tasks that share it take turns by `save` and `restore`.

    A message is begun, updated with bytes in pieces of any length, and finished; `digest` and `hmac` do all
    of it. Padding is the accelerator's.

    To a message whose digest goes into a slot the accelerator adds the word `slot_policy` of that slot,
    behind the last whole word, unless all keys in the message are external. So the same message gives each
    use another key. Whoever derives the same key elsewhere does so, too: it becomes the end of HKDF's input,
    or of its ``info`` if that has whole words.
    """

    def __init__(self):
        self._operation = _HASH
        self._pending = b""
        self._begun = self._has_slot = False

    def digest(self, message):
        """SHA-256 of the message."""
        yield from self.begin()
        yield from self.update(message)
        return (yield from self.finish())

    def load_slot(self, slot, *, derive=False):
        """Make the slot's key the key: to authenticate with it, or, with ``derive``, to derive from it.

        Under a key to derive from, a digest goes into a slot, or to the bus if every slot that it is made of
        is external and its policy allows that.
        """
        yield from self._wait_until_idle()
        yield from access.write_fields(sha256.cause, refused=1)
        yield from self._operate(_KEY_DERIVE if derive else _KEY_HMAC, slot=slot)
        self._pending, self._begun = b"", False

    def hmac_slot(self, slot, message):
        """HMAC-SHA-256 of the message under the slot's key."""
        yield from self.load_slot(slot)
        return (yield from self.hmac(message))

    def hkdf_extract(self, slot, into, *, salt=b"", salt_slot=None):
        """HKDF-Extract (RFC 5869): the pseudo-random key of the slot's key goes into the slot ``into``.

        The salt is ``salt``, or the key in ``salt_slot``. ``into`` must be empty, with a policy. Unless all
        keys are external, that policy belongs to the input (see above).
        """
        if salt_slot is None:
            yield from self.load_key(salt)
        else:
            yield from self.load_slot(salt_slot, derive=True)
        yield from self.begin(with_key=True)
        yield from self.append_slot(slot)
        yield from self.finish_slot(into)

    def hkdf_expand(self, slot, into, info=b""):
        """HKDF-Expand (RFC 5869) of the pseudo-random key in the slot: 32 bytes into each slot of ``into``.

        Each must be empty, with a policy; all but the last must allow to derive from them, as the next one is
        made from them. Unless all keys are external, the policies belong to ``info`` (see above).
        """
        into = list(into)
        if not 1 <= len(into) <= _MOST_BLOCKS:
            raise ValueError(f"HKDF makes 1 to {_MOST_BLOCKS} keys at once, not {len(into)}")
        yield from self.load_slot(slot, derive=True)
        for number, target in enumerate(into, 1):
            yield from self.begin(with_key=True)
            if number > 1:
                yield from self.append_slot(into[number - 2])
            yield from self.update(info + bytes([number]))
            yield from self.finish_slot(target)

    def load_key(self, key):
        """Make ``key``, of any length, the key of the messages that `hmac` authenticates."""
        yield from self._begin(_KEY)
        yield from self.update(key)
        yield from self._finish()

    def hmac(self, message):
        """HMAC-SHA-256 of the message under the key loaded last."""
        yield from self.begin(with_key=True)
        yield from self.update(message)
        return (yield from self.finish())

    def begin(self, *, with_key=False):
        """Begin a message, to be hashed or to be authenticated with the key."""
        yield from self._begin(_HMAC if with_key else _HASH)

    def update(self, data):
        """Add bytes to the message; those of an incomplete block are kept here."""
        data = self._pending + bytes(data)
        room = 0
        while len(data) >= _BLOCK:
            if not room:
                room = yield from self._wait_for_room()
            yield Write(sha256.data.address, _words(data[:_BLOCK]))
            data, room, self._begun = data[_BLOCK:], room - 1, True
        self._pending = data

    def append_slot(self, slot):
        """Add the 32 bytes of the slot's key to the message.

        So far it must have whole words, at most half a block of them after the last whole block, and no
        other slot in that part of it.
        """
        if len(self._pending) % 4:
            raise ValueError(f"A slot follows whole words, not {len(self._pending)} bytes")
        yield from self._wait_until_idle()
        if self._pending:
            yield Write(sha256.data.address, _words(self._pending))
        yield from access.write_fields(sha256.operate, operation=_APPEND, slot=slot)
        yield from self._raise_if_refused()
        self._pending, self._has_slot = b"", True

    def finish_slot(self, slot):
        """End the message; its digest goes into the slot, which must be empty, with a policy."""
        yield from self._finish(_FINISH_SLOT, slot)

    def finish(self):
        """End the message; returns its digest."""
        yield from self._finish()
        return (yield from access.read(sha256.state)).to_bytes(32, "big")

    def save(self):
        """The open message, to go on with later; the accelerator is then free for another.

        Refused if a slot's key is in it.
        """
        state, blocks = None, 0
        if self._begun or self._has_slot:
            yield from self._wait_until_idle()
            yield from self._operate(_SAVE)
            state = yield from access.read(sha256.state)
            blocks = yield from access.read(sha256.length)
        return Session(self._operation, state, blocks, self._pending)

    def restore(self, session):
        """Go on with a message; the one that is open is dropped."""
        if session.state is None:
            yield from self._begin(session.operation)
        else:
            yield from self._wait_until_idle()
            yield from access.write_fields(sha256.cause, refused=1)
            yield from access.write(sha256.state, session.state)
            yield from access.write(sha256.length, session.blocks)
            yield from self._operate(_RESTORE[session.operation])
        self._operation, self._pending, self._has_slot = session.operation, session.pending, False
        self._begun = session.state is not None

    def wipe(self):
        """Forget message and key."""
        yield from access.write_fields(sha256.cause, refused=1)
        yield from self._operate(_WIPE)
        self._pending, self._begun = b"", False

    def _begin(self, operation):
        yield from self._wait_until_idle()
        yield from access.write_fields(sha256.cause, refused=1)
        yield from access.write_fields(sha256.operate, operation=operation)
        self._operation, self._pending = operation, b""
        self._begun = self._has_slot = False
        yield from self._raise_if_refused()

    def _finish(self, operation=_FINISH, slot=0):
        whole = len(self._pending) // 4 * 4
        words, tail = self._pending[:whole], self._pending[whole:]
        if tail:
            yield from self._wait_until_idle()
            yield from access.write(sha256.tail, int.from_bytes(tail.ljust(4, b"\0"), "big"))
        if words:
            yield from self._wait_for_room()
            yield Write(sha256.data.address, _words(words))
        yield from self._operate(operation, len(tail), slot)
        self._pending, self._begun = b"", False

    def _operate(self, operation, tail_bytes=0, slot=0):
        """Start an operation that ends with the cause ``done``, and sleep until it has."""
        yield from access.write_fields(sha256.cause, done=1)
        yield from access.write_fields(sha256.enable, done=1, refused=1)
        yield from access.write_fields(sha256.operate, operation=operation, tail_bytes=tail_bytes, slot=slot)
        yield Wait(1 << sha256.interrupt)
        yield from access.write(sha256.enable, 0)
        yield from self._raise_if_refused()

    def _raise_if_refused(self):
        causes = yield from access.read_fields(sha256.cause)
        if causes["refused"]:
            status = yield from access.read_fields(sha256.status)
            raise Refused(_REFUSALS[status["refusal"]])

    def _wait_for_room(self):
        """Blocks that the queue has room for, one or more."""
        while True:
            waiting = (yield from access.read_fields(sha256.status))["waiting"]
            room = _QUEUE_BLOCKS - -(-waiting * 4 // _BLOCK)
            if room:
                return room
            yield Wait(0, _POLL_CYCLES)

    def _wait_until_idle(self):
        while (yield from access.read_fields(sha256.status))["busy"]:
            yield Wait(0, _POLL_CYCLES)


def _words(data):
    return tuple(int.from_bytes(data[index : index + 4], "big") for index in range(0, len(data), 4))
