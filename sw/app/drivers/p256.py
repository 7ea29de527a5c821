"""ECDSA and ECDH on P-256 by the chip's accelerator, with keys that stay in their slots."""

from soc.generated.registers import p256

from .. import access
from ..ops import Wait

__all__ = ["IDENTIFICATION", "P256", "VERSION", "Refused"]

IDENTIFICATION = "P256"
VERSION = 1

_OPERATIONS = p256.operate.fields["operation"].codes
_POLL_CYCLES = 64
_STATUS = p256.status.fields["status"]


class Refused(Exception):
    """The accelerator did not do what it was asked for; ``status`` is the name of the reason."""

    def __init__(self, status):
        super().__init__(f"The P-256 unit refused: {status.replace('_', ' ')}")
        self.status = status


class P256:
    """Driver of the accelerator. Points are pairs of coordinates, signatures pairs (r, s), of integers.

    Every operation sleeps until the accelerator is done, and raises `Refused` with the status that it ended
    with. A private key is named by the number of its slot.
    """

    def generate(self, target):
        """Make a key in the empty slot ``target``; returns its public key."""
        yield from self._operate("generate", target=target)
        return (yield from self._public_key())

    def public(self, slot):
        """The public key of a slot."""
        yield from self._operate("public", slot=slot)
        return (yield from self._public_key())

    def sign(self, slot, digest):
        """The signature of a digest of 32 bytes."""
        yield from _write(p256.digest, int.from_bytes(digest, "big"))
        yield from self._operate("sign", slot=slot)
        return (yield from _read(p256.r)), (yield from _read(p256.s))

    def verify(self, public_key, digest, signature):
        """Return if the signature is right; a wrong one is False, one that cannot be right is refused."""
        yield from self._give_point(public_key)
        yield from _write(p256.digest, int.from_bytes(digest, "big"))
        for register, value in zip((p256.r, p256.s), signature, strict=True):
            yield from _write(register, value)
        status = yield from self._end("verify")
        if status == "signature_wrong":
            return False
        return _checked(status) == "success"

    def agree(self, slot, public_key, target=None):
        """The shared secret of a slot's key and a public one: into the slot ``target``, or returned.

        Unless the key is external, the target must be a slot to derive from.
        """
        yield from self._give_point(public_key)
        if target is None:
            yield from self._operate("agree", slot=slot)
            return (yield from _read(p256.shared)).to_bytes(32, "big")
        yield from self._operate("agree", slot=slot, to_slot=1, target=target)
        return None

    def validate(self, public_key):
        """Refuse what is no point of the curve."""
        yield from self._give_point(public_key)
        yield from self._operate("validate")

    def wipe(self):
        """Forget everything that the accelerator holds."""
        yield from self._operate("wipe")

    def _public_key(self):
        return (yield from _read(p256.x)), (yield from _read(p256.y))

    def _give_point(self, point):
        for register, value in zip((p256.x, p256.y), point, strict=True):
            yield from _write(register, value)

    def _operate(self, operation, **fields):
        _checked((yield from self._end(operation, **fields)))

    def _end(self, operation, **fields):
        """Do an operation to its end; returns the status by name."""
        yield from _wait_until_idle()
        yield from access.write_fields(p256.cause, done=1)
        yield from access.write_fields(p256.enable, done=1)
        yield from access.write_fields(p256.operate, operation=_OPERATIONS[operation], **fields)
        yield Wait(1 << p256.interrupt)
        yield from access.write(p256.enable, 0)
        return _STATUS.named((yield from access.read_fields(p256.status))["status"])


def _checked(status):
    """The status, unless the operation was refused."""
    if status != "success":
        raise Refused(status)
    return status


def _wait_until_idle():
    """After a wipe, such as that of a reset, the accelerator clears its memory."""
    while True:
        status = yield from access.read_fields(p256.status)
        if not (status["busy"] or status["wiping"]):
            return
        yield Wait(0, _POLL_CYCLES)


def _read(register):
    """The number in a window, whose first word is the most significant."""
    return _turned((yield from access.read(register)))


def _write(register, value):
    """Put a number of 256 bits into a window."""
    yield from _wait_until_idle()
    yield from access.write(register, _turned(value))


def _turned(value):
    """The number with its eight words in the other order."""
    return sum((value >> 32 * place & 0xFFFF_FFFF) << 32 * (7 - place) for place in range(8))
