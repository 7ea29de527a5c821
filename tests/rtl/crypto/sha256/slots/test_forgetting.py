"""A key that the unit has from a slot goes with its slot."""

import hashlib
import hmac

import pytest

from rtl.crypto.sha256.registers import Operation, Refusal

HMAC, DERIVE, ENCRYPT = 1 << 0, 1 << 1, 1 << 2
KEYED = 1 << 3  # in `status`


def keyed(chip):
    return chip.read("sha", "status")[0] & KEYED


@pytest.mark.parametrize("operation", [Operation.KEY_HMAC, Operation.KEY_DERIVE])
def test_an_erased_slot_takes_its_key_along(chip, rng, operation):
    chip.load(0, HMAC if operation == Operation.KEY_HMAC else DERIVE, rng.randbytes(32))
    assert chip.key(operation, 0) is None
    assert keyed(chip)
    chip.write("keys", "select", 0)
    chip.write("keys", "operate", 3)  # erase
    assert chip.ended() == Refusal.SLOT
    assert not keyed(chip)
    chip.operate(Operation.HMAC)
    assert chip.ended() == Refusal.UNIT
    assert chip.message(Operation.HASH, b"goes on") == hashlib.sha256(b"goes on").digest()


def test_another_slot_does_not(chip, rng):
    """Nor one that was appended under the key, nor that of a key before the last."""
    first, second = rng.randbytes(32), rng.randbytes(32)
    chip.load(0, DERIVE, rng.randbytes(32))
    chip.load(1, DERIVE, first)
    chip.load(2, DERIVE, second, flags=1 << 13)
    assert chip.key(Operation.KEY_DERIVE, 0) is None
    assert chip.key(Operation.KEY_DERIVE, 2) is None
    chip.define(3, ENCRYPT)
    assert chip.message(Operation.HMAC, 1, into=3) == "kept"
    for slot in (0, 1, 3, 4):
        chip.erase(slot)
        assert keyed(chip), f"slot {slot}"
    assert chip.message(Operation.HMAC, b"m") == hmac.digest(second, b"m", "sha256")
    chip.bus_key(b"known")
    chip.erase(2)
    assert chip.message(Operation.HMAC, b"m") == hmac.digest(b"known", b"m", "sha256")


def test_an_open_message_is_lost(chip, rng):
    for bytes_before in (0, 8, 64, 100):
        chip.load(0, HMAC, rng.randbytes(32))
        assert chip.key(Operation.KEY_HMAC, 0) is None
        chip.operate(Operation.HMAC)
        chip.push(bytes(bytes_before))
        chip.write("keys", "select", 0)
        chip.write("keys", "operate", 3)  # erase
        assert chip.ended() == Refusal.SLOT, bytes_before
        chip.operate(Operation.FINISH)
        assert chip.ended() == Refusal.ORDER, bytes_before
        assert not keyed(chip)


@pytest.mark.parametrize("kind", ["key", "finish", "finish_slot"])
def test_at_any_moment(chip, rng, kind):
    """What is being done ends as it would, or is refused; then there is no key, and the unit goes on."""
    digest = None
    for moment in range(0, 330, 5):
        key = rng.randbytes(32)
        chip.load(0, DERIVE, key, flags=1 << 13)
        chip.define(1, ENCRYPT)
        if kind != "key":
            assert chip.key(Operation.KEY_DERIVE, 0) is None
            chip.operate(Operation.HMAC)
            chip.push(b"message!")
            digest = hmac.digest(key, b"message!", "sha256")
        chip.write("keys", "select", 0)
        if kind == "key":
            chip.operate(Operation.KEY_DERIVE, slot=0)
        else:
            chip.operate(Operation.FINISH if kind == "finish" else Operation.FINISH_SLOT, slot=1)
        chip.block.tick(moment)
        chip.write("keys", "operate", 3)  # erase
        chip.block.tick(12)
        while chip.read("sha", "status")[0] & 1:
            pass
        (cause,) = chip.read("sha", "cause")
        chip.write("sha", "cause", 0b111)
        where = f"erased after {moment} clocks"
        assert cause & 4, where
        assert not keyed(chip), where
        if kind == "finish_slot":
            assert chip.slot(1) == 3, where
            assert chip.contents(1) == digest, where
        chip.operate(Operation.HMAC)
        assert chip.ended() == Refusal.UNIT, where
        chip.bus_key(b"known")
        assert chip.message(Operation.HMAC, b"m") == hmac.digest(b"known", b"m", "sha256"), where
