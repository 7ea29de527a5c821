"""HMAC_DRBG with SHA-256 in plain Python, to compare the chip's with."""

import hmac

__all__ = ["HmacDrbg"]


class HmacDrbg:
    """HMAC_DRBG (SP 800-90A Rev. 1, section 10.1.2) with SHA-256.

    Parameters
    ----------
    material : bytes
        Entropy input, nonce and personalisation string.
    """

    def __init__(self, material: bytes):
        self._key, self._value = bytes(32), b"\1" * 32
        self.update(material)

    def update(self, provided: bytes = b"") -> None:
        """HMAC_DRBG_Update; with entropy input and additional input, a reseeding."""
        for tag in (b"\0", b"\1") if provided else (b"\0",):
            self._key = hmac.digest(self._key, self._value + tag + provided, "sha256")
            self._next()

    def block(self) -> bytes:
        """The next 32 bytes of a request, which ``update`` ends."""
        return self._next()

    def generate(self, count: int, additional: bytes = b"") -> bytes:
        """A whole request for ``count`` bytes."""
        if additional:
            self.update(additional)
        returned = b"".join(self.block() for _ in range(-(-count // 32)))
        self.update(additional)
        return returned[:count]

    def _next(self) -> bytes:
        self._value = hmac.digest(self._key, self._value, "sha256")
        return self._value
