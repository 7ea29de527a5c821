"""What a vector says, whatever file it comes from: what goes in and what must come out."""

from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import ClassVar, NamedTuple

__all__ = [
    "BLOCKS",
    "Case",
    "Cmac",
    "Ecdh",
    "EcdsaSign",
    "EcdsaVerify",
    "Gcm",
    "Hash",
    "HashChain",
    "Hkdf",
    "Hmac",
    "KeyAgreement",
    "KeyPair",
    "NotBuiltIn",
    "Place",
    "Point",
    "PublicKey",
    "Result",
    "Signature",
    "Skipped",
    "Unreadable",
    "Ways",
    "Wrap",
]

BLOCKS = ("sha256", "aes", "p256")
"""The blocks of the chip that vectors are for."""


class NotBuiltIn(Exception):
    """A vector asks for what the chip or an engine does not have; the message says what.

    The vector is skipped. What an engine has and must not do is refused instead.
    """


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a vector stands.

    Parameters
    ----------
    file : str
        The file as the user may name it.
    group : str
        Its group, in the file's own words.
    number : int
        What ``--only`` takes: ``tcId``, or in a CAVP file the place counted from 1.
    name : str
        What the file calls it, where that is not the number: ``COUNT = 3``.
    """

    file: str
    group: str
    number: int
    name: str = ""

    def __str__(self) -> str:
        parts = (self.group, f"number {self.number}", self.name)
        return f"{self.file}: {', '.join(part for part in parts if part)}"


class Result(Enum):
    """What the file says of a vector."""

    VALID = "valid"
    INVALID = "invalid"
    ACCEPTABLE = "acceptable"


class Ways(Flag):
    """Which ways a vector is to be tried."""

    SEAL = auto()
    OPEN = auto()
    BOTH = SEAL | OPEN


class Point(NamedTuple):
    """A public key on P-256, not necessarily a right one."""

    x: int
    y: int


class Signature(NamedTuple):
    """A signature of ECDSA."""

    r: int
    s: int


class Unreadable(NamedTuple):
    """A key or signature whose encoding is refused before the chip sees it."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """A vector; the subclasses say of what."""

    kind: ClassVar[str]
    block: ClassVar[str]

    place: Place
    result: Result = Result.VALID


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A vector that cannot be tried, and why."""

    place: Place
    reason: str
    block: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Hash(Case):
    """The digest of a message."""

    kind = "SHA-256"
    block = "sha256"
    message: bytes
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class HashChain(Case):
    """The digest that a thousand messages lead to, each the three digests before it (Monte Carlo test)."""

    kind = "SHA-256 Monte Carlo"
    block = "sha256"
    seed: bytes
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class Hmac(Case):
    """The tag of a message, perhaps cut."""

    kind = "HMAC-SHA-256"
    block = "sha256"
    key: bytes
    message: bytes
    tag: bytes


@dataclass(frozen=True, kw_only=True)
class Hkdf(Case):
    """The output of HKDF; none is given where the length is refused."""

    kind = "HKDF-SHA-256"
    block = "sha256"
    ikm: bytes
    salt: bytes
    info: bytes
    length: int
    okm: bytes


@dataclass(frozen=True, kw_only=True)
class Gcm(Case):
    """A sealed message; there is no plaintext where only the refusal is asked for."""

    kind = "AES-GCM"
    block = "aes"
    key: bytes
    iv: bytes
    aad: bytes
    plaintext: bytes | None
    ciphertext: bytes
    tag: bytes
    ways: Ways


@dataclass(frozen=True, kw_only=True)
class Cmac(Case):
    """The tag of a message, perhaps cut."""

    kind = "AES-CMAC"
    block = "aes"
    key: bytes
    message: bytes
    tag: bytes


@dataclass(frozen=True, kw_only=True)
class Wrap(Case):
    """A wrapped key; there is no plaintext where only the refusal is asked for."""

    kind = "AES key wrap"
    block = "aes"
    key: bytes
    plaintext: bytes | None
    wrapped: bytes
    ways: Ways


@dataclass(frozen=True, kw_only=True)
class EcdsaVerify(Case):
    """A signature, right or wrong, of a message whose digest is made by ``digest_name``."""

    kind = "ECDSA verification"
    block = "p256"
    public: Point
    message: bytes
    digest_name: str
    signature: Signature | Unreadable


@dataclass(frozen=True, kw_only=True)
class EcdsaSign(Case):
    """A message to be signed."""

    kind = "ECDSA signing"
    block = "p256"
    private: int
    public: Point
    message: bytes
    digest_name: str


@dataclass(frozen=True, kw_only=True)
class KeyPair(Case):
    """The public key of a private one."""

    kind = "P-256 key pair"
    block = "p256"
    private: int
    public: Point


@dataclass(frozen=True, kw_only=True)
class PublicKey(Case):
    """A public key that is to be accepted or refused."""

    kind = "P-256 public key"
    block = "p256"
    public: Point


@dataclass(frozen=True, kw_only=True)
class Ecdh(Case):
    """A secret shared with somebody else's public key; none is given where the key is refused."""

    kind = "ECDH"
    block = "p256"
    private: int
    public: Point | Unreadable
    shared: bytes


@dataclass(frozen=True, kw_only=True)
class KeyAgreement(Case):
    """Key agreement with everything checked: both public keys, and the secret or its digest.

    An invalid vector has a fault in one of them.
    """

    kind = "ECDH, keys checked"
    block = "p256"
    private: int
    own: Point
    public: Point
    shared: bytes
    digest_name: str | None
    """What made ``shared`` of the secret; None if it is the secret."""
