"""The algorithms by the package ``cryptography``, as an engine that vectors are put to."""

import hashlib
import hmac

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sim.vectors.cases import Point, Signature
from sim.vectors.engine import Refused, Sealed

CURVE = ec.SECP256R1()
PREHASHED = ec.ECDSA(utils.Prehashed(SHA256()))


POLYNOMIAL = 0xE1 << 120
BLOCK = 16


def times(x, y):
    """The product of two blocks (SP 800-38D, section 6.3)."""
    product = 0
    for bit in range(127, -1, -1):
        if x >> bit & 1:
            product ^= y
        y = y >> 1 ^ (POLYNOMIAL if y & 1 else 0)
    return product


def ghash(subkey, *parts):
    """The hash of some strings, each filled up to whole blocks, and of their lengths."""
    total = 0
    filled = b"".join(part.ljust(-(-len(part) // BLOCK) * BLOCK, b"\0") for part in parts)
    lengths = b"".join((8 * len(part)).to_bytes(8, "big") for part in parts).rjust(BLOCK, b"\0")
    blocks = filled + lengths
    for at in range(0, len(blocks), BLOCK):
        total = times(total ^ int.from_bytes(blocks[at : at + BLOCK], "big"), subkey)
    return total.to_bytes(BLOCK, "big")


def gcm(key, iv, aad, text, *, sealing):
    """Ciphertext or plaintext, and the right tag, for IVs of any length: the package takes 8 to 128 bytes."""
    encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update
    subkey = int.from_bytes(encrypt(bytes(BLOCK)), "big")
    start = iv + b"\0\0\0\1" if len(iv) == 12 else ghash(subkey, iv)
    fixed, counter = start[:12], int.from_bytes(start[12:], "big")
    counters = b"".join(
        fixed + (counter + 1 + index & 0xFFFF_FFFF).to_bytes(4, "big")
        for index in range(-(-len(text) // BLOCK))
    )
    result = bytes(a ^ b for a, b in zip(text, encrypt(counters), strict=False))
    hashed = ghash(subkey, aad, result if sealing else text)
    return result, bytes(a ^ b for a, b in zip(hashed, encrypt(start), strict=True))


class ReferenceEngine:
    """`Engine` without a chip."""

    def sha256(self, message):
        return hashlib.sha256(message).digest()

    def hmac_sha256(self, key, message):
        return hmac.digest(key, message, "sha256")

    def hkdf_sha256(self, *, ikm, salt, info, length):
        try:
            return HKDF(SHA256(), length, salt, info).derive(ikm)
        except ValueError as error:
            return Refused(str(error))

    def aes_gcm_encrypt(self, *, key, iv, aad, plaintext, tag_bytes):
        if not iv:
            return Refused("no IV")
        ciphertext, tag = gcm(key, iv, aad, plaintext, sealing=True)
        return Sealed(ciphertext, tag[:tag_bytes])

    def aes_gcm_decrypt(self, *, key, iv, aad, ciphertext, tag):
        if not iv:
            return Refused("no IV")
        plaintext, right = gcm(key, iv, aad, ciphertext, sealing=False)
        return plaintext if right[: len(tag)] == tag else Refused("wrong tag")

    def aes_cmac(self, key, message):
        try:
            mac = CMAC(algorithms.AES(key))
        except ValueError as error:
            return Refused(str(error))
        mac.update(message)
        return mac.finalize()

    def aes_wrap(self, key, plaintext):
        try:
            return keywrap.aes_key_wrap(key, plaintext)
        except ValueError as error:
            return Refused(str(error))

    def aes_unwrap(self, key, wrapped):
        try:
            return keywrap.aes_key_unwrap(key, wrapped)
        except (ValueError, keywrap.InvalidUnwrap) as error:
            return Refused(str(error))

    def _public(self, public):
        return ec.EllipticCurvePublicNumbers(public.x, public.y, CURVE).public_key()

    def ecdsa_verify(self, public, digest, signature):
        try:
            key = self._public(public)
        except ValueError as error:
            return Refused(str(error))
        try:
            key.verify(utils.encode_dss_signature(*signature), digest, PREHASHED)
        except InvalidSignature:
            return False
        return True

    def ecdsa_sign(self, private, digest):
        signature = ec.derive_private_key(private, CURVE).sign(digest, PREHASHED)
        return Signature(*utils.decode_dss_signature(signature))

    def ecdh(self, private, public):
        try:
            return ec.derive_private_key(private, CURVE).exchange(ec.ECDH(), self._public(public))
        except ValueError as error:
            return Refused(str(error))

    def p256_public(self, private):
        try:
            numbers = ec.derive_private_key(private, CURVE).public_key().public_numbers()
        except ValueError as error:
            return Refused(str(error))
        return Point(numbers.x, numbers.y)


@pytest.fixture(scope="session")
def reference():
    return ReferenceEngine()
