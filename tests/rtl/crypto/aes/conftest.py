"""AES and its modes in plain Python, straight from the standards, and the compiled unit."""

import itertools
import os
import struct
import tomllib
from pathlib import Path

import cryptography_vectors
import pytest

from rtl.crypto.aes import Command, Operation, Word
from rtl.crypto.aes.unit import VARIANTS, Unit
from sim.block import Block

LIMIT = 40_000  # clocks that nothing may take longer than
WRAP_IV = bytes([0xA6]) * 8


def _multiply(a, b):
    product = 0
    while b:
        product ^= a * (b & 1)
        a, b = a << 1 ^ 0x11B * (a >> 7), b >> 1
    return product


def _sboxes():
    """S-box and its inverse, by the powers of 3 (FIPS 197, section 5.1.1)."""
    powers = [1]
    for _ in range(254):
        powers.append(_multiply(powers[-1], 3))
    forward = [0x63] * 256
    for power, value in enumerate(powers):
        inverse = powers[-power % 255]
        total = inverse
        for turn in range(1, 5):
            total ^= inverse << turn | inverse >> 8 - turn
        forward[value] = total & 0xFF ^ 0x63
    return forward, [forward.index(value) for value in range(256)]


SBOX, INVERSE_SBOX = _sboxes()
DOUBLED, TRIPLED = ([_multiply(value, factor) for value in range(256)] for factor in (2, 3))


def _round_keys(key):
    size = len(key) // 4
    words = [list(key[at : at + 4]) for at in range(0, len(key), 4)]
    constant = 1
    for index in range(size, 4 * (size + 7)):
        word = words[-1]
        if index % size == 0:
            word = [SBOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _multiply(constant, 2)
        elif size > 6 and index % size == 4:
            word = [SBOX[byte] for byte in word]
        words.append([x ^ y for x, y in zip(words[index - size], word, strict=True)])
    return [list(itertools.chain(*words[at : at + 4])) for at in range(0, len(words), 4)]


def _add(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=False))


class Aes:
    """The block cipher (FIPS 197)."""

    def __init__(self, key):
        self._keys = _round_keys(key)

    def encrypt(self, block):
        state = _add(block, self._keys[0])
        for key in self._keys[1:-1]:
            moved = [SBOX[state[(index + 4 * (index % 4)) % 16]] for index in range(16)]
            mixed = []
            for at in range(0, 16, 4):
                a, b, c, d = moved[at : at + 4]
                mixed += [
                    DOUBLED[a] ^ TRIPLED[b] ^ c ^ d,
                    a ^ DOUBLED[b] ^ TRIPLED[c] ^ d,
                    a ^ b ^ DOUBLED[c] ^ TRIPLED[d],
                    TRIPLED[a] ^ b ^ c ^ DOUBLED[d],
                ]
            state = _add(mixed, key)
        moved = [SBOX[state[(index + 4 * (index % 4)) % 16]] for index in range(16)]
        return _add(moved, self._keys[-1])

    def decrypt(self, block):
        state = _add(block, self._keys[-1])
        for key in reversed(self._keys[:-1]):
            moved = [INVERSE_SBOX[state[(index - 4 * (index % 4)) % 16]] for index in range(16)]
            state = _add(moved, key)
            if key is not self._keys[0]:
                mixed = []
                for at in range(0, 16, 4):
                    column = state[at : at + 4]
                    for row in range(4):
                        terms = zip((14, 11, 13, 9), column[row:] + column[:row], strict=True)
                        total = 0
                        for factor, byte in terms:
                            total ^= _multiply(byte, factor)
                        mixed.append(total)
                state = bytes(mixed)
        return state


def _ghash(key, data):
    """GHASH of whole blocks (SP 800-38D, section 6.4); bit 0 of a block is the highest of the number."""
    table, value = [], int.from_bytes(key, "big")
    for _ in range(128):
        table.append(value)
        value = value >> 1 ^ (0xE1 << 120) * (value & 1)
    total = 0
    for at in range(0, len(data), 16):
        total ^= int.from_bytes(data[at : at + 16], "big")
        product = 0
        for bit in range(128):
            if total >> 127 - bit & 1:
                product ^= table[bit]
        total = product
    return total.to_bytes(16, "big")


def _whole(data):
    return data + bytes(-len(data) % 16)


def gcm(key, iv, aad, text, *, decrypt=False):
    """The text encrypted or decrypted, and the tag of 16 bytes."""
    aes = Aes(key)
    hash_key = aes.encrypt(bytes(16))
    first = iv + b"\0\0\0\1"
    if len(iv) != 12:
        first = _ghash(hash_key, _whole(iv) + struct.pack(">QQ", 0, 8 * len(iv)))
    count = int.from_bytes(first[12:], "big")
    stream = b"".join(
        aes.encrypt(first[:12] + (count + 1 + block & 0xFFFF_FFFF).to_bytes(4, "big"))
        for block in range(-(-len(text) // 16))
    )
    other = _add(text, stream)
    lengths = struct.pack(">QQ", 8 * len(aad), 8 * len(text))
    total = _ghash(hash_key, _whole(aad) + _whole(text if decrypt else other) + lengths)
    return other, _add(total, aes.encrypt(first))


def cmac(key, message):
    """CMAC (SP 800-38B)."""
    aes = Aes(key)

    def double(block):
        value = int.from_bytes(block, "big") << 1
        return (value & (1 << 128) - 1 ^ 0x87 * (value >> 128)).to_bytes(16, "big")

    subkey = double(aes.encrypt(bytes(16)))
    at = max(0, len(message) - 1) // 16 * 16
    last = message[at:]
    if len(last) < 16:
        subkey, last = double(subkey), (last + b"\x80").ljust(16, b"\0")
    chain = bytes(16)
    for start in range(0, at, 16):
        chain = aes.encrypt(_add(chain, message[start : start + 16]))
    return aes.encrypt(_add(_add(chain, last), subkey))


def wrap(key, data):
    """Key wrap (RFC 3394, section 2.2.1)."""
    aes, a = Aes(key), WRAP_IV
    parts = [data[at : at + 8] for at in range(0, len(data), 8)]
    turn = 0
    for _ in range(6):
        for index, part in enumerate(parts):
            turn += 1
            block = aes.encrypt(a + part)
            a, parts[index] = _add(block[:8], turn.to_bytes(8, "big")), block[8:]
    return a + b"".join(parts)


def unwrap(key, data):
    """What was wrapped, and whether it is right (RFC 3394, section 2.2.2)."""
    aes, a = Aes(key), data[:8]
    parts = [data[at : at + 8] for at in range(8, len(data), 8)]
    turn = 6 * len(parts)
    while turn:
        index = (turn - 1) % len(parts)
        block = aes.decrypt(_add(a, turn.to_bytes(8, "big")) + parts[index])
        a, parts[index] = block[:8], block[8:]
        turn -= 1
    return b"".join(parts), a == WRAP_IV


class Reference:
    """The functions above, for tests."""

    aes = Aes
    gcm = staticmethod(gcm)
    cmac = staticmethod(cmac)
    wrap = staticmethod(wrap)
    unwrap = staticmethod(unwrap)
    sbox = SBOX
    inverse_sbox = INVERSE_SBOX


@pytest.fixture(scope="session")
def reference():
    """AES in plain Python."""
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


def _kept(path):
    """Last value of every signal and memory word that a trace has, by name."""
    names, values, scope = {}, {}, []
    for line in path.read_text().splitlines():
        parts = line.split()
        if not parts:
            continue
        if parts[0] == "$scope":
            scope.append(parts[2])
        elif parts[0] == "$upscope":
            scope.pop()
        elif parts[0] == "$var":
            names[".".join((*scope, parts[4]))] = parts[3]
        elif parts[0][0] in "bs":
            values[parts[1]] = parts[0]
        elif parts[0][0] in "01x":
            values[parts[0][1:]] = parts[0][0]
    return {name: values[code] for name, code in names.items()}


@pytest.fixture(scope="session")
def kept():
    """Reads a trace to its end: what registers and memories hold then."""
    return _kept
