"""Clocks and rates of the generator, with the parameters that the chip has."""

import tomllib
from pathlib import Path

import pytest

from rtl.crypto.sha256 import Command
from rtl.entropy.jitter import RAW_BITS

MHZ = 50
DIVIDER = 64
MARK_DRBG_MBPS, MARK_ENTROPY_KBPS = 80, 300
BUDGETS = tomllib.loads((Path(__file__).parents[4] / "bench" / "budgets.toml").read_text())["drbg"]
LIMIT = 200_000


@pytest.fixture(scope="module")
def started(generator_on_hash, traced):
    """A generator at its first word, and the trace up to it."""
    block = generator_on_hash()
    block.set("divider", DIVIDER - 1)
    block.until("open", LIMIT)
    block.until("valid", LIMIT)
    return block, traced(block)


def _blocks(block, traced, count):
    """Clocks of so many blocks' words, taken as soon as they are there."""
    block.set("take", 1)
    given = []
    while len(given) < 8 * count:
        before = block.cycles
        block.tick(2000)
        given += [before + at for at, now in enumerate(traced(block)) if now.given]
    block.set("take", 0)
    return given[: 8 * count]


def test_sustained_rate(started, traced):
    """Over three whole requests; a reseeding once in 256 of them is not seen here."""
    block, _ = started
    given = _blocks(block, traced, 256 * 4 + 1)
    clocks = (given[-8] - given[-8 - 8 * 256 * 3]) / (256 * 3)
    assert clocks <= BUDGETS["block_sustained"]
    assert 256 * MHZ / clocks >= MARK_DRBG_MBPS


def test_clocks_from_the_last_raw_bit(started):
    _, trace = started
    bits = [at for at, now in enumerate(trace) if now.bit]
    hashes = [
        at
        for at, now in enumerate(trace)
        if now.hashed and now.first and Command(now.command) is Command.HASH
    ]
    last = max(at for at in bits if at < hashes[1])
    opened = next(at for at, now in enumerate(trace) if now.healthy)
    word = len(trace)
    assert opened - last <= BUDGETS["open_after_last_bit"]
    assert word - last <= BUDGETS["word_after_last_bit"]
    # Raw bits are gathered while the self-test runs, so that nothing but bits is waited for.
    assert word <= 2 * RAW_BITS * DIVIDER + BUDGETS["word_after_last_bit"] + 3 * DIVIDER


def test_full_entropy_rate(started, traced, generator_on_hash):
    """Reseedings one after the other: from a message of raw bits to the next."""
    block = generator_on_hash(variant="fast", raw_bits=RAW_BITS, request_blocks=1, reseed_interval=1)
    block.set("divider", DIVIDER - 1)
    block.set("take", 1)
    hashes = []
    while len(hashes) < 6:
        before = block.cycles
        block.tick(20_000)
        hashes += [
            before + at
            for at, now in enumerate(traced(block))
            if now.hashed and now.first and Command(now.command) is Command.HASH
        ]
    clocks = (hashes[5] - hashes[2]) / 3
    assert clocks <= BUDGETS["full_entropy"]
    assert 256 * MHZ * 1000 / clocks >= MARK_ENTROPY_KBPS


def test_a_reseeding_on_request(started, traced):
    block, _ = started
    block.set("take", 0)
    block.tick(3 * RAW_BITS * DIVIDER)  # all words ready, the request ended
    traced(block)
    block.set("reseed", 1)
    block.tick()
    block.set("reseed", 0)
    block.until("ready", LIMIT)
    block.until("valid", LIMIT)
    trace = traced(block)
    assert not any(now.valid for now in trace[:-1])
    assert len(trace) <= BUDGETS["word_after_reseed_request"]
