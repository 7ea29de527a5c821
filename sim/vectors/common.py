"""What the readers of all formats say alike."""

from sim.vectors.fields import Fields

__all__ = ["AES_192", "DIGESTS", "aes_key", "digest_name", "not_built_in"]

DIGESTS = {
    **dict.fromkeys(("SHA-1", "SHA1"), "sha1"),
    **{
        name: f"sha{bits}"
        for bits in (224, 256, 384, 512)
        for name in (f"SHA-{bits}", f"SHA2-{bits}", f"SHA{bits}")
    },
    **{f"SHA3-{bits}": f"sha3_{bits}" for bits in (224, 256, 384, 512)},
}
"""What Python calls the digests that a message may be signed with.

The chip makes SHA-256, the desk the others; the chip signs and checks their first 32 bytes all the same.
"""


def not_built_in(what: str) -> str:
    """The reason why a vector is skipped."""
    return f"{what} is not built in"


AES_192 = not_built_in("AES-192")


def aes_key(test: Fields, name: str) -> bytes | None:
    """A key; None if it is for AES-192. Keys that are for no AES at all are the engine's to refuse."""
    key = test.octets(name)
    return None if len(key) == 24 else key


def digest_name(fields: Fields, name: str) -> str:
    """Python's name of the digest that a field names."""
    given = fields.text(name)
    if given not in DIGESTS:
        raise fields.wrong(f"the digest '{given}' is unknown", f"known are {', '.join(DIGESTS)}")
    return DIGESTS[given]
