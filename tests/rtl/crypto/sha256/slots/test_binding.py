"""What is derived from keys that are not external: bound to its slot's policy, and of the weakest origin."""

import hashlib
import hmac
import random

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rtl.crypto.sha256.registers import Operation, Refusal

HMAC, DERIVE, ENCRYPT, SIGN, UNWRAP = 1 << 0, 1 << 1, 1 << 2, 1 << 4, 1 << 7
IN_SERVICE, TO_BUS, SHORT, TEMPLATE, WIPED_BY_FAULT = 7 << 10, 1 << 13, 1 << 14, 1 << 15, 1 << 18
MADE, EXTERNAL, GENERATED = 0b1, 0b11, 0b1001  # what a slot shows


def bound(policy):
    """What the hardware adds to a message whose digest goes into a slot of this policy."""
    return (policy | IN_SERVICE).to_bytes(4, "big")


def derived(chip, parent, message, policy, *, into=1, flags=0):
    """The key that the slot ``parent`` gives for a message."""
    assert chip.key(Operation.KEY_DERIVE, parent) is None
    chip.define(into, policy, flags=flags)
    assert chip.message(Operation.HMAC, message, into=into) == "kept"


@pytest.mark.parametrize("words", [*range(5), 12, 13, 14, 15, 16, 17, 30, 31, 32, 33])
@pytest.mark.parametrize("tail", range(4))
def test_the_policy_stands_before_the_tail(chip, rng, words, tail):
    """Wherever blocks end: in the word before, in that of the policy, in the one behind."""
    key, message = rng.randbytes(32), rng.randbytes(4 * words)
    rest = rng.randbytes(tail)
    chip.generate(0, DERIVE, key)
    derived(chip, 0, message + rest, ENCRYPT)
    assert chip.contents(1) == hmac.digest(key, message + bound(ENCRYPT) + rest, "sha256")
    assert chip.slot(1) == GENERATED


@pytest.mark.parametrize("before", [0, 4, 32, 64, 96])
@pytest.mark.parametrize("after", [0, 1, 4, 27, 28, 29, 31, 32, 60, 100])
def test_a_slot_within_a_message(chip, rng, before, after):
    key, first, rest = rng.randbytes(32), rng.randbytes(before), rng.randbytes(after)
    chip.generate(0, DERIVE, key)
    chip.define(1, ENCRYPT, flags=WIPED_BY_FAULT)
    assert chip.message(Operation.HASH, first, 0, rest, into=1) == "kept"
    whole = len(rest) // 4 * 4
    policy = bound(ENCRYPT | WIPED_BY_FAULT)
    assert chip.contents(1) == hashlib.sha256(first + key + rest[:whole] + policy + rest[whole:]).digest()


@pytest.mark.parametrize("seed", range(6))
def test_messages_of_many_blocks(chip, seed):
    rng = random.Random(seed)
    chip.generate(0, DERIVE, key := rng.randbytes(32))
    chip.load(2, DERIVE, salt := rng.randbytes(32))
    assert chip.key(Operation.KEY_DERIVE, 2) is None
    for _ in range(4):
        whole = 64 * rng.randrange(4) + 4 * rng.randrange(9)
        first, rest, tail = rng.randbytes(whole), rng.randbytes(4 * rng.randrange(50)), rng.randbytes(1)
        chip.define(1, ENCRYPT)
        assert chip.message(Operation.HMAC, first, 0, rest + tail, into=1) == "kept"
        expected = hmac.digest(salt, first + key + rest + bound(ENCRYPT) + tail, "sha256")
        assert chip.contents(1) == expected, f"repeat with {seed}"
        assert chip.slot(1) == MADE


def test_hkdf_at_the_desk(chip, rng):
    """Whoever shares the secret derives the same keys by HKDF, with the policies in its inputs."""
    secret, salt, info = rng.randbytes(32), rng.randbytes(20), rng.randbytes(16)
    chip.generate(0, DERIVE, secret)
    chip.bus_key(salt)
    chip.define(1, DERIVE)
    assert chip.message(Operation.HMAC, 0, into=1) == "kept"
    derived(chip, 1, info + b"\1", ENCRYPT, into=2)
    expected = HKDF(SHA256(), 32, salt, info + bound(ENCRYPT)).derive(secret + bound(DERIVE))
    assert chip.contents(2) == expected
    assert [chip.slot(slot) for slot in (1, 2)] == [GENERATED] * 2


def test_each_policy_gives_another_key(chip, rng):
    """The same words of the same key, twice for each policy."""
    chip.generate(0, DERIVE, key := rng.randbytes(32))
    policies = [ENCRYPT, ENCRYPT | TO_BUS, ENCRYPT | WIPED_BY_FAULT, ENCRYPT | 1 << 3]
    for policy in policies:
        for _ in range(2):
            derived(chip, 0, b"the same", policy)
            assert chip.contents(1) == hmac.digest(key, b"the same" + bound(policy), "sha256"), hex(policy)


def test_what_a_key_derives_is_not_what_it_authenticates(chip, rng):
    """The attack: a key for `derive` and the same for `hmac`, whose digest is what the first one derives."""
    chip.generate(0, DERIVE, rng.randbytes(32))
    derived(chip, 0, b"key\1", DERIVE, into=1)
    derived(chip, 0, b"key\1", HMAC, into=2)
    derived(chip, 1, b"info", ENCRYPT, into=3)
    assert chip.key(Operation.KEY_HMAC, 2) is None
    for message in (b"info", b"info" + bound(ENCRYPT)):
        assert chip.message(Operation.HMAC, message) != chip.contents(3)


def test_the_weakest_origin(chip, rng):
    """For both keys of a message: external if all are, generated if all are."""
    load = {EXTERNAL: chip.load, GENERATED: chip.generate}
    for salt, ikm, expected in (
        (EXTERNAL, EXTERNAL, EXTERNAL),
        (EXTERNAL, GENERATED, MADE),
        (GENERATED, EXTERNAL, MADE),
        (GENERATED, GENERATED, GENERATED),
    ):
        first, second = rng.randbytes(32), rng.randbytes(32)
        load[salt](0, DERIVE, first)
        load[ikm](1, DERIVE, second)
        chip.define(2, DERIVE)
        assert chip.key(Operation.KEY_DERIVE, 0) is None
        assert chip.message(Operation.HMAC, 1, into=2) == "kept"
        assert chip.slot(2) == expected
        binding = b"" if expected == EXTERNAL else bound(DERIVE)
        assert chip.contents(2, 1) == hmac.digest(first, second + binding, "sha256")
        # And what is derived from that.
        derived(chip, 2, b"info", ENCRYPT, into=3)
        assert chip.slot(3) == expected


@pytest.mark.parametrize("flags", [0, TO_BUS])
def test_what_is_not_external_never_goes_to_the_bus(chip, rng, flags):
    chip.generate(0, DERIVE, rng.randbytes(32), flags=flags)
    chip.load(1, DERIVE, rng.randbytes(32), flags=TO_BUS)
    assert chip.message(Operation.HASH, 0) == Refusal.SECRET
    assert chip.key(Operation.KEY_DERIVE, 1) is None
    assert chip.message(Operation.HMAC, 0) == Refusal.SECRET


def test_a_slot_that_is_defined_anew_meanwhile(chip, rng):
    """Nobody can have a key bound to one policy and then change the slot's."""
    chip.generate(0, DERIVE, rng.randbytes(32))
    assert chip.key(Operation.KEY_DERIVE, 0) is None
    for moment in range(0, 220, 9):
        chip.define(1, ENCRYPT)
        chip.write("keys", "policy", HMAC | IN_SERVICE)
        chip.write("keys", "select", 1)
        chip.write("sha", "cause", 0b111)
        chip.operate(Operation.HMAC)
        chip.push(b"the same")
        chip.operate(Operation.FINISH_SLOT, slot=1)
        chip.block.tick(moment)
        chip.write("keys", "operate", 3)  # erase
        chip.block.tick(12)
        chip.write("keys", "operate", 0)  # define
        refusal = chip.ended()
        policy = chip.read("keys", "slot_policy")[0]
        where = f"erased after {moment} clocks"
        if refusal is None and chip.slot(1):
            assert policy & ENCRYPT, where  # erased too early, or the key was there first
        assert chip.slot(1) in (0, GENERATED), where
        if chip.slot(1) == GENERATED and policy & HMAC:
            raise AssertionError(where)
        assert refusal in (None, Refusal.SLOT), where
