"""The chip's RTL as an engine: its drivers, on its application side, with keys loaded into its slots."""

from collections.abc import Callable, Generator
from typing import Any

from sim.application_alone import ApplicationAlone
from sim.vectors.cases import Point, Signature
from sim.vectors.engine import Refused, Sealed
from soc.config import SocConfig
from sw.app.drivers import aes, entropy, keystore, p256, sha256

__all__ = ["RtlEngine"]

_KEY, _IKM = 0, 1
_KEY_BYTES, _SHORT_BYTES, _BLOCK_BYTES = 32, 16, 32
_MOST_HKDF_BYTES = 255 * 32
_REFUSALS = (aes.Refused, keystore.Refused, p256.Refused, sha256.Refused)


class RtlEngine:
    """The engine; it compiles the RTL when the first vector needs it.

    Parameters
    ----------
    config : SocConfig
        What is built; its variants are what is tried. `without_missing` keeps away what it lacks.
    """

    def __init__(self, config: SocConfig):
        self._config = config
        self._chip: ApplicationAlone | None = None
        self._slots = keystore.KeyStore()
        self._sha256, self._aes, self._p256 = sha256.Sha256(), aes.Aes(), p256.P256()

    @property
    def chip(self) -> ApplicationAlone:
        """The chip, compiled once, and seeded."""
        if self._chip is None:
            self._chip = ApplicationAlone(self._config)
            self._chip.run(entropy.Entropy().ready())
        return self._chip

    # --- SHA-256

    def sha256(self, message: bytes) -> bytes:
        """Of the protocol."""
        return self.chip.run(self._sha256.digest(message))

    def hmac_sha256(self, key: bytes, message: bytes) -> bytes:
        """With a key of 32 bytes in a slot, others as data."""

        def run() -> Generator[Any, Any, bytes]:
            if len(key) == _KEY_BYTES:
                yield from self._load(_KEY, key, "hmac")
                return (yield from self._sha256.hmac_slot(_KEY, message))
            yield from self._sha256.load_key(key)
            return (yield from self._sha256.hmac(message))

        return self._with_slots(run)

    def hkdf_sha256(self, *, ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes | Refused:
        """Secrets of 32 bytes are derived from in slots, others are data; outputs come over the bus."""
        if length > _MOST_HKDF_BYTES:
            return Refused("HKDF gives at most 8160 bytes")

        def run() -> Generator[Any, Any, bytes]:
            yield from self._sha256.load_key(salt)
            if len(ikm) == _KEY_BYTES:
                yield from self._load(_IKM, ikm, "derive", flags=("to_bus",))
                yield from self._slots.define(_KEY, "derive", flags=("to_bus",))
                yield from self._sha256.begin(with_key=True)
                yield from self._sha256.append_slot(_IKM)
                yield from self._sha256.finish_slot(_KEY)
            else:
                key = yield from self._sha256.hmac(ikm)
                yield from self._load(_KEY, key, "derive", flags=("to_bus",))
            yield from self._sha256.load_slot(_KEY, derive=True)
            output, block = b"", b""
            while len(output) < length:
                number = len(output) // _BLOCK_BYTES + 1
                block = yield from self._sha256.hmac(block + info + bytes([number]))
                output += block
            return output[:length]

        return self._with_slots(run)

    # --- AES

    def aes_gcm_encrypt(
        self, *, key: bytes, iv: bytes, aad: bytes, plaintext: bytes, tag_bytes: int
    ) -> Sealed | Refused:
        """Of the protocol."""

        def run() -> Generator[Any, Any, Sealed]:
            yield from self._load_aes(key, "encrypt")
            _, ciphertext, tag = yield from self._aes.encrypt(_KEY, plaintext, aad, iv)
            return Sealed(ciphertext, tag[:tag_bytes])

        return self._with_slots(run)

    def aes_gcm_decrypt(
        self, *, key: bytes, iv: bytes, aad: bytes, ciphertext: bytes, tag: bytes
    ) -> bytes | Refused:
        """Of the protocol."""

        def run() -> Generator[Any, Any, bytes]:
            yield from self._load_aes(key, "decrypt")
            return (yield from self._aes.decrypt(_KEY, iv, ciphertext, tag, aad))

        return self._with_slots(run)

    def aes_cmac(self, key: bytes, message: bytes) -> bytes | Refused:
        """Of the protocol."""
        return self._under_aes_key(key, "cmac", lambda: self._aes.cmac(_KEY, message))

    def aes_wrap(self, key: bytes, plaintext: bytes) -> bytes | Refused:
        """Of the protocol."""
        return self._under_aes_key(key, "wrap", lambda: self._aes.wrap_data(_KEY, plaintext))

    def aes_unwrap(self, key: bytes, wrapped: bytes) -> bytes | Refused:
        """Of the protocol."""
        return self._under_aes_key(key, "unwrap", lambda: self._aes.unwrap_data(_KEY, wrapped))

    # --- P-256

    def ecdsa_verify(self, public: Point, digest: bytes, signature: Signature) -> bool | Refused:
        """Of the protocol."""
        return self._with_slots(lambda: self._p256.verify(public, digest, signature))

    def ecdsa_sign(self, private: int, digest: bytes) -> Signature | Refused:
        """Of the protocol; the chip verifies the signature before it gives it out."""

        def run() -> Generator[Any, Any, Signature]:
            yield from self._load_private(private, "sign")
            return Signature(*(yield from self._p256.sign(_KEY, digest)))

        return self._with_slots(run)

    def ecdh(self, private: int, public: Point) -> bytes | Refused:
        """Of the protocol."""

        def run() -> Generator[Any, Any, bytes]:
            yield from self._load_private(private, "agree")
            return (yield from self._p256.agree(_KEY, public))

        return self._with_slots(run)

    def p256_public(self, private: int) -> Point | Refused:
        """Of the protocol."""

        def run() -> Generator[Any, Any, Point]:
            yield from self._load_private(private, "sign")
            return Point(*(yield from self._p256.public(_KEY)))

        return self._with_slots(run)

    # --- Keys

    def _with_slots(self, run: Callable[[], Generator[Any, Any, Any]]) -> Any:
        """What a coroutine returns, or that it was refused; all slots are empty before and after."""
        try:
            return self.chip.run(run())
        except _REFUSALS as refusal:
            return Refused(str(refusal))
        finally:
            self.chip.run(self._emptied())

    def _emptied(self) -> Generator[Any, Any, None]:
        """Erase the slots that are used; a wipe would take the random words away."""
        for slot in (_KEY, _IKM):
            yield from self._slots.erase(slot)

    def _under_aes_key(
        self, key: bytes, operation: str, use: Callable[[], Generator[Any, Any, bytes]]
    ) -> bytes | Refused:
        def run() -> Generator[Any, Any, bytes]:
            yield from self._load_aes(key, operation)
            return (yield from use())

        return self._with_slots(run)

    def _load_aes(self, key: bytes, operation: str) -> Generator[Any, Any, None]:
        if len(key) not in (_SHORT_BYTES, _KEY_BYTES):
            raise keystore.Refused(f"an AES key has 16 or 32 bytes, not {len(key)}")
        yield from self._load(_KEY, key, operation, flags=("to_bus",))

    def _load_private(self, private: int, operation: str) -> Generator[Any, Any, None]:
        yield from self._load(_KEY, private.to_bytes(_KEY_BYTES, "big"), operation, flags=("to_bus",))

    def _load(
        self, slot: int, key: bytes, operation: str, flags: tuple[str, ...] = ()
    ) -> Generator[Any, Any, None]:
        short = ("short",) if len(key) == _SHORT_BYTES else ()
        yield from self._slots.define(slot, operation, flags=(*flags, *short))
        yield from self._slots.load(slot, key)
