"""The hash of one message, against hashlib."""

import hashlib
import random

import pytest

from rtl.crypto.sha256 import MessageWord
from rtl.crypto.sha256.hash import VARIANTS, Hash
from sim.block import Block

LIMIT = 2000
PAUSES = (0, 0, 0, 0, 1, 3, 90)


@pytest.fixture(scope="module", params=sorted(VARIANTS))
def make(request):
    """Makes a fresh compiled hash."""
    return Block(Hash(variant=request.param)).fresh


def _restart(block):
    block.set("restart", 1)
    block.tick()
    block.set("restart", 0)


def _digest(block, words, rng):
    for data, count, last in words:
        block.tick(rng.choice(PAUSES))
        payload = MessageWord.as_shape().const({"data": data, "bytes": count, "last": last}).as_bits()
        block.send("message", [payload], LIMIT)
    block.until("idle", LIMIT)
    return block.get("state").to_bytes(32, "big")


def test_every_length_with_back_pressure(make, reference):
    block, seed = make(), 31
    rng = random.Random(seed)
    for length in range(201):
        message = rng.randbytes(length)
        _restart(block)
        digest = _digest(block, reference.message_words(message), rng)
        assert digest == hashlib.sha256(message).digest(), f"seed {seed}, length {length}"


def test_a_state_comes_back(make):
    block, rng = make(), random.Random(32)
    message = rng.randbytes(64 * 3)
    words = [(int.from_bytes(message[at : at + 4], "big"), 4, False) for at in range(0, len(message), 4)]
    _restart(block)
    state = _digest(block, words, rng)
    blocks = block.get("blocks")
    assert blocks == 3
    _restart(block)
    _digest(block, [(0, 0, True)], rng)
    for half in range(2):
        block.set("blocks_load", 1 << half)
        block.set("blocks_data", blocks >> 32 * half & 0xFFFF_FFFF)
        block.tick()
    block.set("blocks_load", 0)
    for at in range(28, -4, -4):
        block.set("shift", 1)
        block.set("shift_data", int.from_bytes(state[at : at + 4], "big"))
        block.tick()
    block.set("shift", 0)
    digest = _digest(block, [(int.from_bytes(b"end!", "big"), 3, True)], rng)
    assert digest == hashlib.sha256(message + b"end").digest()


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="Variant must be one of fast, compact, not 'small'"):
        Hash(variant="small")
