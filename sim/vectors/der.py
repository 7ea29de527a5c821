"""Public keys and signatures out of their encodings, each read in one form only.

A second form of the same value is what forgeries are hidden in, so whatever is not written as DER demands
(ITU-T X.690) is refused, and so is every form of a key but the one that the chip takes: the named curve P-256
and both coordinates (RFC 5480).
"""

from sim.vectors.cases import Point, Signature, Unreadable

__all__ = ["key_of_der", "point_of_bytes", "signature_of_bytes", "signature_of_der"]

BYTES = 32  # of a coordinate
_SEQUENCE, _INTEGER = 0x30, 0x02
_UNCOMPRESSED = 0x04
_LONG_FORM = 0x80  # first byte of a length of 128 or more
_KEY_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""A subject public key of id-ecPublicKey and the curve secp256r1, up to its point of 65 bytes."""


def point_of_bytes(data: bytes) -> Point | Unreadable:
    """An uncompressed point (SEC 1, section 2.3.4)."""
    if len(data) != 1 + 2 * BYTES or data[0] != _UNCOMPRESSED:
        return Unreadable("the public key is no uncompressed point")
    return Point(int.from_bytes(data[1 : 1 + BYTES], "big"), int.from_bytes(data[1 + BYTES :], "big"))


def key_of_der(data: bytes) -> Point | Unreadable:
    """A subject public key of the named curve P-256 with an uncompressed point."""
    if not data.startswith(_KEY_PREFIX):
        return Unreadable("the public key is no DER of an uncompressed point on the named curve P-256")
    return point_of_bytes(data[len(_KEY_PREFIX) :])


def signature_of_bytes(data: bytes) -> Signature | Unreadable:
    """A signature as IEEE P1363 writes it: r and s, 32 bytes each."""
    if len(data) != 2 * BYTES:
        return Unreadable(f"the signature has {len(data)} bytes, not {2 * BYTES}")
    return Signature(int.from_bytes(data[:BYTES], "big"), int.from_bytes(data[BYTES:], "big"))


def signature_of_der(data: bytes) -> Signature | Unreadable:
    """A signature as a sequence of two integers."""
    try:
        content, rest = _content(_SEQUENCE, data)
        r, after = _natural(content)
        s, end = _natural(after)
    except ValueError as error:
        return Unreadable(f"the signature is no DER: {error}")
    if rest or end:
        return Unreadable("the signature is no DER: something follows it")
    return Signature(r, s)


def _content(tag: int, data: bytes) -> tuple[bytes, bytes]:
    """The content of the first element of ``data``, and what follows it. Nothing here needs 128 bytes."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError(f"there is no element of type {tag:#04x}")
    length = data[1]
    if length >= _LONG_FORM:
        raise ValueError("a length is not in its shortest form, or far too long")
    if len(data) < 2 + length:
        raise ValueError("it is cut short")
    return data[2 : 2 + length], data[2 + length :]


def _natural(data: bytes) -> tuple[int, bytes]:
    """The first integer of ``data``, and what follows it."""
    content, rest = _content(_INTEGER, data)
    if not content:
        raise ValueError("an integer has no byte")
    if content[0] & 0x80:
        raise ValueError("an integer is negative")
    if len(content) > 1 and content[0] == 0 and not content[1] & 0x80:
        raise ValueError("an integer is not in its shortest form")
    return int.from_bytes(content, "big"), rest
