"""Keys from slots and digests into slots: with the key store, against HMAC and HKDF of other libraries."""

import hashlib
import hmac
import random
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rtl.crypto.sha256 import Command
from rtl.crypto.sha256.registers import Operation, Refusal

LIMIT = 3000
SLOTS = 6
HMAC, DERIVE, ENCRYPT = 1 << 0, 1 << 1, 1 << 2
TO_BUS, SHORT = 1 << 13, 1 << 14
EXTERNAL = 3  # what a slot shows with such a key in it
SALT, IKM, PRK, OKM = range(4)


def words_of(data):
    return [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)]


def test_commands_are_operations_of_the_same_code():
    commands: Any = Command
    assert {each.name: each.value for each in commands}.items() <= {
        each.name: each.value for each in list(Operation)
    }.items()


@pytest.mark.parametrize("length", [0, 5, 63, 64, 200])
def test_hmac_with_a_slots_key(chip, rng, length):
    key, message = rng.randbytes(32), rng.randbytes(length)
    chip.load(0, HMAC, key)
    assert chip.key(Operation.KEY_HMAC, 0) is None
    for _ in range(2):
        assert chip.message(Operation.HMAC, message) == hmac.digest(key, message, "sha256")


def test_hmac_with_a_short_key(chip, rng):
    key = rng.randbytes(16)
    chip.load(0, HMAC, key, flags=SHORT)
    assert chip.key(Operation.KEY_HMAC, 0) is None
    assert chip.message(Operation.HMAC, b"message") == hmac.digest(key, b"message", "sha256")


@pytest.mark.parametrize("before", [0, 4, 8, 32, 64, 68, 96, 128])
@pytest.mark.parametrize("after", [0, 1, 4, 24, 29, 60, 100])
def test_a_slot_within_a_message(chip, rng, before, after):
    key, first, rest = rng.randbytes(32), rng.randbytes(before), rng.randbytes(after)
    chip.load(0, DERIVE, key)
    chip.define(1, ENCRYPT)
    assert chip.message(Operation.HASH, first, 0, rest, into=1) == "kept"
    assert chip.contents(1) == hashlib.sha256(first + key + rest).digest()
    assert chip.slot(1) == EXTERNAL


@pytest.mark.parametrize("seed", range(10))
def test_a_slot_in_a_message_of_many_blocks(chip, seed):
    """Under a key to derive with, after messages of other kinds, wherever the block's words come from."""
    rng = random.Random(seed)
    chip.load(0, DERIVE, key := rng.randbytes(32))
    chip.load(1, DERIVE, salt := rng.randbytes(32))
    assert chip.key(Operation.KEY_DERIVE, 1) is None
    for _ in range(4):
        whole = 64 * rng.randrange(4) + 4 * rng.randrange(9)
        first, rest = rng.randbytes(whole), rng.randbytes(rng.randrange(200))
        if rng.random() < 0.5:
            assert chip.message(Operation.HASH, first) == hashlib.sha256(first).digest()
        chip.define(2, ENCRYPT)
        assert chip.message(Operation.HMAC, first, 0, rest, into=2) == "kept"
        assert chip.contents(2) == hmac.digest(salt, first + key + rest, "sha256"), f"repeat with {seed}"


def test_two_slots_in_a_message(chip, rng):
    keys = [rng.randbytes(32) for _ in range(2)]
    chip.load(0, DERIVE, keys[0], flags=TO_BUS)
    chip.load(1, DERIVE, keys[1], flags=TO_BUS)
    middle = rng.randbytes(64)
    digest = chip.message(Operation.HASH, 0, middle, 1, b"abcde")
    assert digest == hashlib.sha256(keys[0] + middle + keys[1] + b"abcde").digest()


def _expand(chip, prk, info, blocks, slots):
    """HKDF-Expand of whole blocks into slots, the key being in slot ``prk``."""
    assert chip.key(Operation.KEY_DERIVE, prk) is None
    for number in range(1, blocks + 1):
        before = [slots[number - 2]] if number > 1 else []
        chip.define(slots[number - 1], DERIVE)
        message = info + bytes([number])
        assert chip.message(Operation.HMAC, *before, message, into=slots[number - 1]) == "kept"


@pytest.mark.parametrize("salted", ["slot", "bus", "none"])
def test_hkdf(chip, rng, salted):
    """Extract and expand as RFC 5869 has them, all in slots."""
    ikm, info = rng.randbytes(32), rng.randbytes(rng.randrange(70))
    salt = rng.randbytes(32) if salted != "none" else b""
    chip.load(IKM, DERIVE, ikm)
    if salted == "slot":
        chip.load(SALT, DERIVE, salt)
        assert chip.key(Operation.KEY_DERIVE, SALT) is None
    else:
        chip.bus_key(salt)
    chip.define(PRK, DERIVE)
    assert chip.message(Operation.HMAC, IKM, into=PRK) == "kept"
    _expand(chip, PRK, info, 2, (OKM, 4))
    expected = HKDF(SHA256(), 64, salt or None, info).derive(ikm)
    assert chip.contents(OKM, 1) == expected[:32]
    assert chip.contents(4, 1) == expected[32:]
    assert [chip.slot(slot) for slot in (PRK, OKM, 4)] == [EXTERNAL] * 3


@pytest.mark.parametrize("flags", [0, TO_BUS])
def test_what_derives_goes_to_the_bus_only_if_every_slot_allows(chip, rng, flags):
    key, other = rng.randbytes(32), rng.randbytes(32)
    chip.load(0, DERIVE, key, flags=flags)
    chip.load(1, DERIVE, other, flags=TO_BUS)
    before = chip.message(Operation.HASH, b"before")
    digest = chip.message(Operation.HASH, 1, bytes(64), 0)
    assert chip.key(Operation.KEY_DERIVE, 0) is None
    tag = chip.message(Operation.HMAC, b"info")
    if flags:
        assert digest == hashlib.sha256(other + bytes(64) + key).digest()
        assert tag == hmac.digest(key, b"info", "sha256")
    else:
        assert digest == tag == Refusal.SECRET
        assert chip.state() == before


def test_a_digest_for_a_slot_is_seen_nowhere(chip, rng):
    chip.load(0, DERIVE, rng.randbytes(32))
    chip.define(1, ENCRYPT)
    assert chip.message(Operation.HASH, 0, b"x", into=1) == "kept"
    digest = words_of(chip.contents(1))
    seen = [chip.read("sha", name, count) for name, count in (("data", 16), ("state", 8), ("length", 2))]
    assert not set(digest) & {word for words in seen for word in words}


def test_data_does_not_show_a_slots_words(chip, rng):
    key = rng.randbytes(32)
    chip.load(0, DERIVE, key)
    chip.operate(Operation.HASH)
    chip.push(b"bus!")
    chip.operate(Operation.APPEND, slot=0)
    chip.block.tick(100)
    assert not set(words_of(key)) & set(chip.read("sha", "data", 16))


def test_a_key_to_authenticate_derives_nothing(chip, rng):
    chip.load(0, HMAC, rng.randbytes(32))
    chip.load(1, DERIVE, rng.randbytes(32))
    chip.define(2, ENCRYPT)
    assert chip.key(Operation.KEY_HMAC, 0) is None
    chip.operate(Operation.HMAC)
    chip.operate(Operation.APPEND, slot=1)
    assert chip.ended() == Refusal.ORDER
    chip.operate(Operation.FINISH_SLOT, slot=2)
    assert chip.ended() == Refusal.ORDER
    chip.operate(Operation.FINISH)
    assert chip.ended() is None


def test_what_the_bus_could_compute_goes_to_no_slot(chip):
    chip.define(2, ENCRYPT)
    chip.bus_key(b"known")
    for operation in (Operation.HASH, Operation.HMAC):
        chip.operate(operation)
        chip.operate(Operation.FINISH_SLOT, slot=2)
        assert chip.ended() == Refusal.ORDER
    assert chip.slot(2) == 0


@pytest.mark.parametrize("kind", ["appended", "derive", "hmac"])
def test_a_state_made_of_a_slot_is_not_saved_or_replaced(chip, rng, kind):
    chip.load(0, HMAC if kind == "hmac" else DERIVE, rng.randbytes(32), flags=TO_BUS)
    if kind == "appended":
        chip.operate(Operation.HASH)
        chip.operate(Operation.APPEND, slot=0)
        chip.push(bytes(32))
    else:
        chip.key(Operation.KEY_HMAC if kind == "hmac" else Operation.KEY_DERIVE, 0)
        chip.operate(Operation.HMAC)
        chip.push(bytes(64))
    chip.block.tick(300)
    chip.operate(Operation.SAVE)
    assert chip.ended() == Refusal.ORDER
    if kind != "appended":
        chip.operate(Operation.RESTORE_HMAC)
        assert chip.ended() == Refusal.ORDER


def test_sessions_of_the_bus_are_saved_as_before(chip, rng):
    chip.load(0, DERIVE, rng.randbytes(32))
    assert chip.key(Operation.KEY_DERIVE, 0) is None
    message = rng.randbytes(64)
    chip.operate(Operation.HASH)
    chip.push(message)
    chip.block.tick(200)
    chip.operate(Operation.SAVE)
    assert chip.ended() is None
    chip.operate(Operation.RESTORE_HASH)
    assert chip.ended() is None
    chip.operate(Operation.FINISH)
    assert chip.ended() is None
    assert chip.state() == hashlib.sha256(message).digest()


@pytest.mark.parametrize("operation", [Operation.KEY_HMAC, Operation.KEY_DERIVE])
def test_a_slot_that_is_empty_or_of_another_use_gives_no_key(chip, rng, operation):
    wrong = DERIVE if operation == Operation.KEY_HMAC else HMAC
    chip.load(1, wrong, rng.randbytes(32))
    for slot in (0, 1):
        assert chip.key(operation, slot) == Refusal.SLOT
        chip.operate(Operation.HMAC)
        assert chip.ended() == Refusal.UNIT
    for slot in (SLOTS, 200):
        assert chip.key(operation, slot) == Refusal.SLOT


def test_a_refused_slot_ends_the_message(chip, rng):
    short, key = rng.randbytes(16), rng.randbytes(32)
    chip.load(1, HMAC, key)
    chip.load(2, DERIVE, short, flags=SHORT)
    for slot in (0, 1, 2):
        assert chip.message(Operation.HASH, slot) == Refusal.SLOT
        assert chip.read("sha", "status")[0] & 0b110 == 0
    assert chip.message(Operation.HASH, b"abc") == hashlib.sha256(b"abc").digest()
    chip.load(3, DERIVE, key)
    for slot in (0, 1, 2):  # without a policy, or not empty
        assert chip.message(Operation.HASH, 3, into=slot) == Refusal.SLOT
    chip.define(0, ENCRYPT)
    assert chip.message(Operation.HASH, 3, into=0) == "kept"
    assert chip.contents(0) == hashlib.sha256(key).digest()


@pytest.mark.parametrize("words", [0, 7, 8])
def test_where_a_slot_can_be_appended(chip, rng, words):
    chip.load(0, DERIVE, rng.randbytes(32))
    chip.operate(Operation.APPEND, slot=0)
    assert chip.ended() == Refusal.ORDER  # there is no message
    chip.operate(Operation.KEY)
    chip.operate(Operation.APPEND, slot=0)
    assert chip.ended() == Refusal.ORDER  # it is a key
    chip.operate(Operation.HASH)
    chip.push(bytes(4 * 9))
    chip.operate(Operation.APPEND, slot=0)
    assert chip.ended() == Refusal.ORDER  # it would go over the end of the block
    chip.operate(Operation.HASH)
    chip.push(bytes(4 * words))
    chip.operate(Operation.APPEND, slot=0)
    if words < 8:
        chip.operate(Operation.APPEND, slot=0)
        assert chip.ended() == Refusal.ORDER  # one is waiting already


@pytest.mark.parametrize("code", range(12, 16))
def test_unknown_operations(chip, code):
    chip.write("sha", "operate", code)
    assert chip.ended() == Refusal.ORDER


def test_a_key_from_the_bus_is_no_slots_any_more(chip, rng):
    chip.load(0, DERIVE, rng.randbytes(32))
    assert chip.key(Operation.KEY_DERIVE, 0) is None
    assert chip.message(Operation.HMAC, b"m") == Refusal.SECRET
    chip.bus_key(b"known")
    assert chip.message(Operation.HMAC, b"m") == hmac.digest(b"known", b"m", "sha256")


@pytest.mark.parametrize("moment", range(0, 30, 2))
@pytest.mark.parametrize("how", ["key", "append", "into"])
@pytest.mark.parametrize("wipe", ["wipe_keys", "wipe", "erase"])
def test_a_wipe_at_any_moment(chip, rng, moment, how, wipe):
    """Whatever is under way ends, nothing half made can be used, and the unit goes on."""
    chip.load(0, HMAC if how == "key" else DERIVE, rng.randbytes(32), flags=TO_BUS)
    chip.define(1, ENCRYPT)
    chip.write("keys", "select", 0)
    if how == "key":
        chip.operate(Operation.KEY_HMAC, slot=0)
    else:
        chip.operate(Operation.HASH)
        chip.push(bytes(4))
        chip.operate(Operation.APPEND, slot=0)
        chip.operate(Operation.FINISH if how == "append" else Operation.FINISH_SLOT, slot=1)
        chip.block.tick(60 if how == "into" else 0)
    chip.block.tick(moment)
    if wipe == "erase":
        chip.write("keys", "operate", 3)
    else:
        chip.block.set(wipe, 1)
        chip.block.tick()
        chip.block.set(wipe, 0)
    refusal = chip.ended()
    for _ in range(LIMIT):
        if not chip.block.get("wiping"):
            break
        chip.block.tick()
    assert not chip.block.get("wiping")
    if wipe == "wipe":
        assert not chip.read("sha", "status")[0] >> 3 & 1, "a key after a wipe"
    if refusal is not None and how == "key":
        assert not chip.read("sha", "status")[0] >> 3 & 1, "a key that was refused"
    chip.write("sha", "cause", 0b111)
    assert chip.message(Operation.HASH, b"goes on") == hashlib.sha256(b"goes on").digest()
    key = rng.randbytes(32)
    chip.load(0, HMAC, key)
    assert chip.key(Operation.KEY_HMAC, 0) is None
    assert chip.message(Operation.HMAC, b"goes on") == hmac.digest(key, b"goes on", "sha256")


def test_operations_while_a_slots_words_are_awaited(chip, rng):
    """Another user holds the store: the unit waits, refuses what comes, and goes on afterwards."""
    key = rng.randbytes(32)
    chip.load(0, HMAC | 0, key)
    chip.load(1, ENCRYPT, key)
    chip.block.set("other__request__payload", 1 | 2 << 3)
    chip.block.set("other__request__valid", 1)
    chip.block.until("other__request__ready", LIMIT)
    chip.block.tick()
    chip.block.set("other__request__valid", 0)
    chip.operate(Operation.KEY_HMAC, slot=0)
    chip.block.tick(200)
    assert chip.read("sha", "status")[0] & 1
    for operation in (Operation.HASH, Operation.KEY_HMAC, Operation.APPEND, Operation.FINISH_SLOT):
        chip.operate(operation)
        assert chip.read("sha", "cause")[0] & 4
        chip.write("sha", "cause", 4)
    chip.block.set("other__key__ready", 1)
    assert chip.ended() is None
    assert chip.message(Operation.HMAC, b"m") == hmac.digest(key, b"m", "sha256")


@pytest.mark.parametrize(
    ("variant", "of_key", "of_digest", "of_bound"), [("fast", 174, 105, 106), ("compact", 765, 400, 401)]
)
def test_latencies(compiled_as, rng, variant, of_key, of_digest, of_bound):
    """From the operation on, which took effect when `operate` returned."""
    chip = compiled_as(variant)
    chip.load(0, HMAC, rng.randbytes(32))
    chip.write("sha", "enable", 1)
    chip.operate(Operation.KEY_HMAC, slot=0)
    assert chip.block.until("irq", LIMIT) == of_key
    for fill, expected in ((chip.load, of_digest), (chip.generate, of_bound)):
        chip.write("sha", "cause", 1)
        fill(0, DERIVE, rng.randbytes(32))
        chip.define(1, ENCRYPT)
        chip.operate(Operation.HASH)
        chip.operate(Operation.APPEND, slot=0)
        chip.operate(Operation.FINISH_SLOT, slot=1)
        assert chip.block.until("irq", LIMIT) == expected
