"""What vectors are put to: the algorithms as the chip offers them."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sim.vectors.cases import NotBuiltIn, Point, Signature

__all__ = ["Engine", "NotBuiltIn", "Refused", "Sealed"]


@dataclass(frozen=True)
class Refused:
    """An operation that ended without a result, and the status that says so."""

    reason: str


class Sealed(NamedTuple):
    """What authenticated encryption gives."""

    ciphertext: bytes
    tag: bytes


class Engine(Protocol):
    """One method for each operation, on byte strings and on integers of 0 to 256 bits.

    Nothing of it raises but `NotBuiltIn`, and `TimeoutError` for an operation that does not end. Each call is
    for itself: no key or message is left from the one before. Keys and lengths may be any, also wrong ones,
    which are refused.
    """

    def sha256(self, message: bytes) -> bytes:
        """The digest of a message of whole bytes."""
        ...

    def hmac_sha256(self, key: bytes, message: bytes) -> bytes:
        """The whole tag."""
        ...

    def hkdf_sha256(self, *, ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes | Refused:
        """Output of so many bytes (RFC 5869); more than 8160 are refused."""
        ...

    def aes_gcm_encrypt(
        self, *, key: bytes, iv: bytes, aad: bytes, plaintext: bytes, tag_bytes: int
    ) -> Sealed | Refused:
        """Ciphertext and the first ``tag_bytes`` of the tag (SP 800-38D); an empty ``iv`` is refused."""
        ...

    def aes_gcm_decrypt(
        self, *, key: bytes, iv: bytes, aad: bytes, ciphertext: bytes, tag: bytes
    ) -> bytes | Refused:
        """The plaintext, if the tag is right."""
        ...

    def aes_cmac(self, key: bytes, message: bytes) -> bytes | Refused:
        """The whole tag of 16 bytes (SP 800-38B)."""
        ...

    def aes_wrap(self, key: bytes, plaintext: bytes) -> bytes | Refused:
        """A wrapped key (SP 800-38F, KW); lengths that are no multiple of 8 are refused."""
        ...

    def aes_unwrap(self, key: bytes, wrapped: bytes) -> bytes | Refused:
        """The key, if it is whole."""
        ...

    def ecdsa_verify(self, public: Point, digest: bytes, signature: Signature) -> bool | Refused:
        """Whether the signature of a digest of 32 bytes is right; a key that is no point is refused."""
        ...

    def ecdsa_sign(self, private: int, digest: bytes) -> Signature | Refused:
        """A signature of a digest of 32 bytes, with a nonce of the engine's own."""
        ...

    def ecdh(self, private: int, public: Point) -> bytes | Refused:
        """The shared secret: x of the product, 32 bytes; a key that is no point is refused."""
        ...

    def p256_public(self, private: int) -> Point | Refused:
        """The public key of a private one, which must be from 1 to the order less 1."""
        ...
