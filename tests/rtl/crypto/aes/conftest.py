"""AES and its modes by a library of others, and the compiled unit."""

import os
import tomllib
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from rtl.crypto.aes import Command, Operation, Word
from rtl.crypto.aes.unit import VARIANTS, Unit
from sim.block import Block

LIMIT = 40_000  # clocks that nothing may take longer than
_NONCE = bytes(12)


def _add(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def encrypt_block(key, block):
    """The block cipher (FIPS 197)."""
    return Cipher(AES(key), modes.ECB()).encryptor().update(block)


def decrypt_block(key, block):
    """The block cipher backwards."""
    return Cipher(AES(key), modes.ECB()).decryptor().update(block)


def _crypt(key, first, text):
    """The text added to the keystream behind the counter block ``first``."""
    count = (int.from_bytes(first, "big") + 1).to_bytes(16, "big")
    return Cipher(AES(key), modes.CTR(count)).encryptor().update(text)


def _masked_hash(key, aad, cipher):
    """GHASH, masked with the first block of the IV of zeros."""
    return AESGCM(key).encrypt(_NONCE, _crypt(key, _NONCE + b"\0\0\0\1", cipher), aad)[len(cipher) :]


def gcm(key, iv, aad, text, *, decrypt=False):
    """The text encrypted or decrypted, and the tag of 16 bytes.

    The library takes IVs of 8 to 128 bytes only. So any other is hashed as a ciphertext
    without additional data, which GHASH takes in the same way.
    """
    mask = encrypt_block(key, _NONCE + b"\0\0\0\1")
    first = iv + b"\0\0\0\1"
    if len(iv) != 12:
        first = _add(_masked_hash(key, b"", iv), mask)
    other = _crypt(key, first, text)
    tag = _add(_masked_hash(key, aad, text if decrypt else other), mask)
    return other, _add(tag, encrypt_block(key, first))


def cmac(key, message):
    """CMAC (SP 800-38B)."""
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


class Reference:
    """AES and its modes, for tests."""

    encrypt_block = staticmethod(encrypt_block)
    decrypt_block = staticmethod(decrypt_block)
    gcm = staticmethod(gcm)
    cmac = staticmethod(cmac)
    wrap = staticmethod(aes_key_wrap)


@pytest.fixture(scope="session")
def reference():
    """AES and its modes by the library `cryptography`."""
    return Reference


def _word(data, count, last):
    return Word.as_shape().const({"data": data, "bytes": count, "last": last}).as_bits()


def words_of(message):
    """The payloads of a byte string, which ends with ``last``; of an empty one a word without bytes."""
    parts = [message[at : at + 4] for at in range(0, len(message), 4)] or [b""]
    # What does not belong to the message must not matter.
    return [
        _word(int.from_bytes(part.ljust(4, b"\xa5"), "big"), len(part), index == len(parts) - 1)
        for index, part in enumerate(parts)
    ]


class Driver:
    """The user of a compiled unit, at the ports with the prefix given."""

    def __init__(self, block):
        self.block = block
        block.set("result__ready", 1)
        block.watch("result__valid", ["result__payload"])

    def command(self, operation, **fields):
        """Give a command."""
        payload = Command.as_shape().const({"operation": operation, **fields}).as_bits()
        self.block.send("command", [payload], LIMIT)

    def words(self, payloads):
        """Send words; returns the clocks that it took."""
        return self.block.send("words", payloads, LIMIT)

    def until_done(self):
        """Clocks until ``done``; leaves the clock after it."""
        clocks = self.block.until("done", LIMIT)
        self.block.tick()
        return clocks

    def do(self, operation, message=None, **fields):
        """A command with the words that it takes."""
        self.command(operation, **fields)
        if message is not None:
            self.words(words_of(message))
        self.until_done()

    def given(self):
        """Bytes that were given since the last call."""
        return b"".join(word.to_bytes(4, "big") for (word,) in self.block.recorded())

    def key(self, key):
        self.do(Operation.KEY, key, short=len(key) == 16)

    def iv(self, iv):
        self.do(Operation.IV if len(iv) == 12 else Operation.HASHED_IV, iv)

    def tag(self):
        self.do(Operation.TAG)
        return self.given()

    def check(self, tag):
        self.do(Operation.CHECK, tag)
        return self.block.get("match")


@pytest.fixture(scope="session", params=sorted(VARIANTS))
def variant(request):
    """Each variant."""
    return request.param


@pytest.fixture(scope="session")
def driver(variant):
    """Makes a fresh compiled unit; returns its user."""
    unit = Block(Unit(variant=variant))

    def make():
        return Driver(unit.fresh())

    return make


@pytest.fixture(scope="session")
def words():
    """Makes the payloads of a byte string."""
    return words_of


@pytest.fixture(scope="session")
def budgets():
    """Clocks that an operation may take at most."""
    path = Path(__file__).parents[4] / "bench" / "budgets.toml"
    return tomllib.loads(path.read_text())["aes"]


def _vectors(name, last):
    """Groups of ``KEY = value`` lines of a file of `cryptography_vectors`; ``last`` ends each."""
    group, groups = {}, []
    with cryptography_vectors.open_vector_file(name, "r") as file:
        for line in file:
            key, equals, value = line.strip().partition("=")
            key = key.strip().strip("[").upper()
            if key == "FAIL":
                group[key], equals = "", "="
            elif equals and not line.startswith("["):
                group[key] = value.strip()
            if equals and key in last:
                groups.append(dict(group))
                group.pop("FAIL", None)
    return groups


@pytest.fixture(scope="session")
def vectors():
    """Reads a file of known answers."""
    return _vectors


@pytest.fixture(scope="session")
def all_vectors():
    """Every known answer is asked for, however long it takes."""
    return os.environ.get("WATTSEAL_VECTORS") == "all"
