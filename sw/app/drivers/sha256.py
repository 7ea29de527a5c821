"""SHA-256 and HMAC-SHA-256 by the chip's accelerator."""

from dataclasses import dataclass

from soc.generated.registers import sha256

from .. import access
from ..ops import Wait, Write

__all__ = ["IDENTIFICATION", "VERSION", "Refused", "Session", "Sha256"]

IDENTIFICATION = "SHA2"
VERSION = 1

_HASH, _HMAC, _KEY, _SAVE, _RESTORE_HASH, _RESTORE_HMAC, _WIPE, _FINISH = range(8)
_RESTORE = {_HASH: _RESTORE_HASH, _HMAC: _RESTORE_HMAC}
_BLOCK = 64
_QUEUE_BLOCKS = 2
_POLL_CYCLES = 64
_REFUSALS = {
    0: "nothing was refused",
    1: "it is out of order",
    2: "the queue is full",
    3: "there is no key, or the unit was wiped",
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
    """

    def __init__(self):
        self._operation = _HASH
        self._pending = b""
        self._begun = False

    def digest(self, message):
        """SHA-256 of the message."""
        yield from self.begin()
        yield from self.update(message)
        return (yield from self.finish())

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

    def finish(self):
        """End the message; returns its digest."""
        yield from self._finish()
        return (yield from access.read(sha256.state)).to_bytes(32, "big")

    def save(self):
        """The open message, to go on with later; the accelerator is then free for another."""
        state, blocks = None, 0
        if self._begun:
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
        self._operation, self._pending = session.operation, session.pending
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
        self._operation, self._pending, self._begun = operation, b"", False
        yield from self._raise_if_refused()

    def _finish(self):
        whole = len(self._pending) // 4 * 4
        words, tail = self._pending[:whole], self._pending[whole:]
        if tail:
            yield from self._wait_until_idle()
            yield from access.write(sha256.tail, int.from_bytes(tail.ljust(4, b"\0"), "big"))
        if words:
            yield from self._wait_for_room()
            yield Write(sha256.data.address, _words(words))
        yield from self._operate(_FINISH, len(tail))
        self._pending, self._begun = b"", False

    def _operate(self, operation, tail_bytes=0):
        """Start an operation that ends with the cause ``done``, and sleep until it has."""
        yield from access.write_fields(sha256.cause, done=1)
        yield from access.write_fields(sha256.enable, done=1, refused=1)
        yield from access.write_fields(sha256.operate, operation=operation, tail_bytes=tail_bytes)
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
