"""The algorithms by packages that have nothing to do with the chip, as an engine."""

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sim.vectors.cases import Point, Signature
from sim.vectors.engine import Refused, Sealed

__all__ = ["ReferenceEngine"]

_CURVE = ec.SECP256R1()
_PREHASHED = ec.ECDSA(utils.Prehashed(SHA256()))
_POLYNOMIAL = 0xE1 << 120
_BLOCK = 16


class ReferenceEngine:
    """`Engine` by ``hashlib`` and the package ``cryptography``; GHASH is written out.

    The package takes IVs of 8 to 128 bytes only.
    """

    # --- SHA-256

    def sha256(self, message: bytes) -> bytes:
        """Of the protocol."""
        return hashlib.sha256(message).digest()

    def hmac_sha256(self, key: bytes, message: bytes) -> bytes:
        """Of the protocol."""
        return hmac.digest(key, message, "sha256")

    def hkdf_sha256(self, *, ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes | Refused:
        """Of the protocol."""
        try:
            return HKDF(SHA256(), length, salt, info).derive(ikm)
        except ValueError as error:
            return Refused(str(error))

    # --- AES

    def aes_gcm_encrypt(
        self, *, key: bytes, iv: bytes, aad: bytes, plaintext: bytes, tag_bytes: int
    ) -> Sealed | Refused:
        """Of the protocol."""
        if not iv:
            return Refused("no IV")
        try:
            ciphertext, tag = _gcm(key, iv, aad, plaintext, sealing=True)
        except ValueError as error:
            return Refused(str(error))
        return Sealed(ciphertext, tag[:tag_bytes])

    def aes_gcm_decrypt(
        self, *, key: bytes, iv: bytes, aad: bytes, ciphertext: bytes, tag: bytes
    ) -> bytes | Refused:
        """Of the protocol."""
        if not iv:
            return Refused("no IV")
        try:
            plaintext, right = _gcm(key, iv, aad, ciphertext, sealing=False)
        except ValueError as error:
            return Refused(str(error))
        return plaintext if right[: len(tag)] == tag else Refused("wrong tag")

    def aes_cmac(self, key: bytes, message: bytes) -> bytes | Refused:
        """Of the protocol."""
        try:
            mac = CMAC(algorithms.AES(key))
        except ValueError as error:
            return Refused(str(error))
        mac.update(message)
        return mac.finalize()

    def aes_wrap(self, key: bytes, plaintext: bytes) -> bytes | Refused:
        """Of the protocol."""
        try:
            return keywrap.aes_key_wrap(key, plaintext)
        except ValueError as error:
            return Refused(str(error))

    def aes_unwrap(self, key: bytes, wrapped: bytes) -> bytes | Refused:
        """Of the protocol."""
        try:
            return keywrap.aes_key_unwrap(key, wrapped)
        except (ValueError, keywrap.InvalidUnwrap) as error:
            return Refused(str(error))

    # --- P-256

    def ecdsa_verify(self, public: Point, digest: bytes, signature: Signature) -> bool | Refused:
        """Of the protocol."""
        try:
            key = _public(public)
        except ValueError as error:
            return Refused(str(error))
        try:
            key.verify(utils.encode_dss_signature(*signature), digest, _PREHASHED)
        except InvalidSignature:
            return False
        return True

    def ecdsa_sign(self, private: int, digest: bytes) -> Signature | Refused:
        """Of the protocol."""
        try:
            signature = ec.derive_private_key(private, _CURVE).sign(digest, _PREHASHED)
        except ValueError as error:
            return Refused(str(error))
        return Signature(*utils.decode_dss_signature(signature))

    def ecdh(self, private: int, public: Point) -> bytes | Refused:
        """Of the protocol."""
        try:
            return ec.derive_private_key(private, _CURVE).exchange(ec.ECDH(), _public(public))
        except ValueError as error:
            return Refused(str(error))

    def p256_public(self, private: int) -> Point | Refused:
        """Of the protocol."""
        try:
            numbers = ec.derive_private_key(private, _CURVE).public_key().public_numbers()
        except ValueError as error:
            return Refused(str(error))
        return Point(numbers.x, numbers.y)


def _public(public: Point) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicNumbers(public.x, public.y, _CURVE).public_key()


def _times(x: int, y: int) -> int:
    """The product of two blocks (SP 800-38D, section 6.3)."""
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (_POLYNOMIAL if y & 1 else 0)
    return product


def _ghash(subkey: int, *parts: bytes) -> bytes:
    """The hash of some strings, each filled up to whole blocks, and of their lengths."""
    total = 0
    filled = b"".join(part.ljust(-(-len(part) // _BLOCK) * _BLOCK, b"\0") for part in parts)
    lengths = b"".join((8 * len(part)).to_bytes(8, "big") for part in parts).rjust(_BLOCK, b"\0")
    blocks = filled + lengths
    for at in range(0, len(blocks), _BLOCK):
        total = _times(total ^ int.from_bytes(blocks[at : at + _BLOCK], "big"), subkey)
    return total.to_bytes(_BLOCK, "big")


def _gcm(key: bytes, iv: bytes, aad: bytes, text: bytes, *, sealing: bool) -> tuple[bytes, bytes]:
    """Ciphertext or plaintext, and the right tag."""
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update
    subkey = int.from_bytes(encrypt(bytes(_BLOCK)), "big")
    start = iv + b"\0\0\0\1" if len(iv) == 12 else _ghash(subkey, iv)
    fixed, counter = start[:12], int.from_bytes(start[12:], "big")
    counters = b"".join(
        fixed + (counter + 1 + index & 0xFFFF_FFFF).to_bytes(4, "big")
        for index in range(-(-len(text) // _BLOCK))
    )
    result = bytes(a ^ b for a, b in zip(text, encrypt(counters), strict=False))
    hashed = _ghash(subkey, aad, result if sealing else text)
    return result, bytes(a ^ b for a, b in zip(hashed, encrypt(start), strict=True))
