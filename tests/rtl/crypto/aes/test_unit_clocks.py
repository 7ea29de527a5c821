"""Clocks of the unit: within the budgets, and the same whatever the key and the data are."""

import random

import pytest

from rtl.crypto.aes import Operation
from rtl.crypto.aes.unit import VARIANTS


def _until_done(user, start):
    user.until_done()
    return user.block.cycles - start


def message(user, key, iv, aad, text, tag=None):
    """Clocks of a message of GCM: from the key's command until the text is done, and until the tag is."""
    start = user.block.cycles
    user.key(key)
    user.iv(iv)
    if aad:
        user.do(Operation.AAD, aad)
    user.do(Operation.ENCRYPT if tag is None else Operation.DECRYPT, text)
    text_done = user.block.cycles - start
    if tag is None:
        user.tag()
    else:
        user.check(tag)
    return text_done, user.block.cycles - start


@pytest.mark.parametrize("bits", [128, 256])
def test_sustained(driver, variant, budgets, bits):
    user, key = driver(), bytes(bits // 8)
    message(user, key, bytes(12), b"", b"")  # the wipe behind it is part of the next one
    _, short = message(user, key, bytes(12), b"", bytes(16 * 20))
    _, long = message(user, key, bytes(12), b"", bytes(16 * 120))
    clocks = (long - short) / 100
    assert clocks <= budgets[f"block_{variant}_{bits}"]
    assert (
        clocks
        == {("fast", 128): 11, ("fast", 256): 15, ("compact", 128): 44, ("compact", 256): 60}[variant, bits]
    )


@pytest.mark.parametrize("bits", [128, 256])
def test_one_message(driver, variant, budgets, bits):
    """Everything of a message of 16 bytes with 16 bytes of additional data, from its key on to its tag."""
    user = driver()
    message(user, bytes(bits // 8), bytes(12), b"", b"")  # the wipe behind it is part of the next one
    _, clocks = message(user, bytes(bits // 8), bytes(12), bytes(16), bytes(16))
    print(f"{variant}, {bits} bits: {clocks} clocks")
    assert clocks <= budgets[f"message_{variant}_{bits}"]


def test_clocks_tell_nothing(driver):
    """Of the lengths only, not of key, IV, data, or of whether the tag is right."""
    rng, expected = random.Random(51), {}
    for step in range(30):
        length = step % 5 * 9
        size = 16 + 16 * (step % 2)
        key, iv = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size))), rng.randbytes(12)
        text = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
        clocks = message(driver(), key, iv, rng.randbytes(length), text, tag=rng.randbytes(16))
        assert expected.setdefault((size, length), clocks) == clocks, f"step {step}"


def test_clocks_of_cmac_and_key_wrap_tell_nothing(driver, words):
    rng, expected = random.Random(52), {}
    for step in range(8):
        size = 16 + 16 * (step % 2)
        user, key = driver(), rng.choice((bytes(size), rng.randbytes(size)))
        start = user.block.cycles
        user.key(key)
        user.do(Operation.MAC, rng.choice((bytes(37), rng.randbytes(37))), final=1)
        user.check(rng.randbytes(8))
        clocks = [user.block.cycles - start]
        for operation in (Operation.WRAP, Operation.UNWRAP):
            start = user.block.cycles
            user.key(key)
            user.command(operation, turns=12)
            turns = 24 if operation == Operation.WRAP else 26
            user.words([words(rng.randbytes(4))[0] for _ in range(turns)])
            clocks.append(_until_done(user, start))
        assert expected.setdefault(size, clocks) == clocks, f"step {step}"


def test_every_variant_has_its_budgets(budgets):
    for variant in VARIANTS:
        assert {f"{what}_{variant}_{bits}" for what in ("block", "message") for bits in (128, 256)} <= set(
            budgets
        )
