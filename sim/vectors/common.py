"""What the readers of all formats say alike."""

import hashlib

from sim.vectors.cases import NotBuiltIn
from sim.vectors.fields import Fields

__all__ = ["aes_key", "digest_name", "need_p256", "not_built_in"]

_SIZES = ("224", "256", "384", "512", "512/224", "512/256")
_DIGESTS = {
    **dict.fromkeys(("SHA-1", "SHA1"), "sha1"),
    **{
        name: f"sha{size.replace('/', '_')}"
        for size in _SIZES
        for name in (f"SHA-{size}", f"SHA2-{size}", f"SHA{size}", f"SHA-{size.replace('/', '')}")
    },
    **{f"SHA3-{bits}": f"sha3_{bits}" for bits in _SIZES[:4]},
}
_AES_192_BYTES = 24


def not_built_in(what: str) -> NotBuiltIn:
    """The reason why a vector is skipped."""
    return NotBuiltIn(f"{what} is not built in")


def need_p256(curve: str) -> None:
    """Skip vectors on another curve."""
    if curve not in ("P-256", "secp256r1"):
        raise not_built_in(f"the curve {curve}")


def aes_key(test: Fields, name: str) -> bytes:
    """A key, but for AES-192. Keys that are for no AES at all are the engine's to refuse."""
    key = test.octets(name)
    if len(key) == _AES_192_BYTES:
        raise not_built_in("AES-192")
    return key


def digest_name(given: str) -> str:
    """Python's name of a digest that a message may be signed with.

    The chip makes SHA-256, the desk the others; the chip signs and checks their first 32 bytes all the same.
    """
    name = _DIGESTS.get(given, "")
    if name not in hashlib.algorithms_available:
        raise not_built_in(f"the digest {given}")
    return name
