"""SHA-256 in plain Python, where hashlib does not go deep enough, and users of the compiled block."""

import os
import struct

import pytest

from rtl.crypto.sha256 import Command, UserWord
from rtl.crypto.sha256.constants import INITIAL_STATE, ROUND_CONSTANTS
from rtl.crypto.sha256.hash import VARIANTS
from rtl.crypto.sha256.unit import Unit
from sim.block import Block

LIMIT = 20_000  # cycles that nothing may take longer than


def _rotate(word, bits):
    return (word >> bits | word << 32 - bits) & 0xFFFF_FFFF


def compress(state, block):
    """The chaining value after a block of 64 bytes (FIPS 180-4, section 6.2.2)."""
    schedule = list(struct.unpack(">16I", block))
    for t in range(16, 64):
        s0 = _rotate(schedule[t - 15], 7) ^ _rotate(schedule[t - 15], 18) ^ schedule[t - 15] >> 3
        s1 = _rotate(schedule[t - 2], 17) ^ _rotate(schedule[t - 2], 19) ^ schedule[t - 2] >> 10
        schedule.append((schedule[t - 16] + s0 + schedule[t - 7] + s1) & 0xFFFF_FFFF)
    a, b, c, d, e, f, g, h = state
    for t in range(64):
        s1 = _rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)
        t1 = h + s1 + (e & f ^ ~e & g) + ROUND_CONSTANTS[t] + schedule[t]
        s0 = _rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)
        t2 = s0 + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & 0xFFFF_FFFF, a, b, c, (d + t1) & 0xFFFF_FFFF, e, f, g
    return tuple((x + y) & 0xFFFF_FFFF for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True))


def padding(length, blocks_before=0):
    """What follows a message's last ``length`` bytes, ``blocks_before`` blocks after its start."""
    bits = 8 * (64 * blocks_before + length)
    return b"\x80" + bytes((55 - length) % 64) + bits.to_bytes(8, "big")


def message_words(message):
    """The words of a message as (data, bytes, last); an empty message is one word without bytes."""
    parts = [message[at : at + 4] for at in range(0, len(message), 4)] or [b""]
    # What does not belong to the message must not matter.
    words = [int.from_bytes(part.ljust(4, b"\xa5"), "big") for part in parts]
    return [
        (word, len(part), index == len(parts) - 1)
        for index, (word, part) in enumerate(zip(words, parts, strict=True))
    ]


class Reference:
    """The functions above, for tests."""

    compress = staticmethod(compress)
    padding = staticmethod(padding)
    message_words = staticmethod(message_words)
    initial = INITIAL_STATE


@pytest.fixture
def reference():
    """SHA-256 in plain Python."""
    return Reference


def _packed(data, *, count=4, last=False, first=False, command=Command.HASH):
    return (
        UserWord.as_shape()
        .const({"word": {"data": data, "bytes": count, "last": last}, "first": first, "command": command})
        .as_bits()
    )


_PLACES = {
    name: _packed(0, count=0, **fields)
    for name, fields in {
        "last": {"last": True},
        "first": {"first": True},
    }.items()
}


class User:
    """A user of a compiled unit, at the port ``users__NUMBER``."""

    def __init__(self, block, number):
        self.block = block
        self.port = f"users__{number}"

    def get(self, name):
        """A signal of the port."""
        return self.block.get(f"{self.port}__{name}")

    @staticmethod
    def payloads(command, message, *, first=True):
        """A whole message as payloads of the stream."""
        words = message_words(message)
        return [
            word
            | count * _COUNT
            | last * _PLACES["last"]
            | (first and index == 0) * _PLACES["first"]
            | command.value * _COMMAND
            for index, (word, count, last) in enumerate(words)
        ]

    def send(self, payloads):
        """Send payloads; returns the cycles that it took."""
        return self.block.send(f"{self.port}__message", payloads, LIMIT)

    def until_done(self):
        """Cycles until ``done``."""
        return self.block.until(f"{self.port}__done", LIMIT)

    def digest(self, command, message):
        """The digest of a message."""
        self.send(self.payloads(command, message))
        self.until_done()
        return self.get("digest").to_bytes(32, "big")

    def do(self, command, message=b""):
        """Something that gives no digest."""
        self.send(self.payloads(command, message))
        self.until_done()
        self.block.tick()


_COUNT = _packed(0, count=1)
_COMMAND = _packed(0, count=0, command=Command.HMAC)


@pytest.fixture(scope="session", params=sorted(VARIANTS))
def variant(request):
    """Each variant of the core."""
    return request.param


@pytest.fixture(scope="session")
def users(variant):
    """Makes a fresh compiled unit with three users; returns them."""
    unit = Block(Unit(variant=variant, users=3))

    def make():
        block = unit.fresh()
        return [User(block, number) for number in range(3)]

    return make


@pytest.fixture(scope="session")
def all_vectors():
    """Every known answer is asked for, however long it takes."""
    return os.environ.get("WATTSEAL_VECTORS") == "all"
