"""The block on its bus: what is refused and with which status, who may sign what, and what a wipe leaves."""

import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from rtl.bus import KeySource
from rtl.crypto.p256.curve import P256 as CURVE
from rtl.crypto.p256.declarations import Operate, Status
from rtl.crypto.p256.p256 import P256

LIMIT = 2_000_000
NAMES = ["x", "y", "digest", "r", "s", "shared"]
SECRET = (Operate.GENERATE, Operate.PUBLIC, Operate.SIGN, Operate.AGREE)


def _public(number):
    numbers = ec.derive_private_key(number, ec.SECP256R1()).public_key().public_numbers()
    return numbers.x, numbers.y


def _load(device, **numbers):
    for name, number in numbers.items():
        device.load(name, number)


def test_identification(device):
    assert device.read("identification") == [int.from_bytes(b"P256", "big")]
    assert device.read("version") == [1]


def test_windows_keep_what_is_written(device):
    rng = random.Random(1)
    values = {name: rng.getrandbits(256) for name in NAMES}
    _load(device, **values)
    assert {name: device.number(name) for name in NAMES} == values
    assert device.read("x")[0] == values["x"] >> 224


def test_nothing_but_the_windows_is_reached(device):
    """Neither by reads nor by writes, at any address of the block."""
    rng = random.Random(2)
    device.put_key(1, rng.getrandbits(255), unchecked=True)
    _load(device, digest=3)
    device.run(Operate.SIGN, slot=1)
    known = {address for start, end in device.map.values() for address in range(start, end)}
    for address in set(range(128)) - known:
        device.block.set("bus__addr", address)
        device.block.set("bus__w_data", 0xFFFF_FFFF)
        for strobe in ("bus__w_stb", "bus__r_stb"):
            device.block.set(strobe, 1)
            device.block.tick()
            device.block.set(strobe, 0)
        assert device.block.get("bus__r_data") == 0, address
    assert device.number("digest") == 3


POINTS = {
    "x of p": (CURVE.p, 1, Status.POINT_RANGE),
    "y of p": (1, CURVE.p, Status.POINT_RANGE),
    "x of all ones": ((1 << 256) - 1, CURVE.gy, Status.POINT_RANGE),
    "x + p would be right": (
        CURVE.gx + CURVE.p if CURVE.gx + CURVE.p < 1 << 256 else CURVE.p + 5,
        CURVE.gy,
        Status.POINT_RANGE,
    ),
    "y of all ones": (CURVE.gx, (1 << 256) - 1, Status.POINT_RANGE),
    "infinity": (0, 0, Status.INFINITY),
    "another y": (CURVE.gx, CURVE.gy ^ 1, Status.POINT_OFF_CURVE),
    "x and y changed": (CURVE.gy, CURVE.gx, Status.POINT_OFF_CURVE),
    "x of 0": (0, 1, Status.POINT_OFF_CURVE),
    "y of 0": (1, 0, Status.POINT_OFF_CURVE),
}


@pytest.mark.parametrize("name", POINTS)
def test_points_that_are_refused(device, name):
    """By whatever takes a point, before the key is asked for; nothing can be read then."""
    x, y, status = POINTS[name]
    device.put_key(1, 7, external=True, to_bus=True)
    _load(device, x=x, y=y, r=1, s=1, digest=1)
    for operation in (Operate.VALIDATE, Operate.VERIFY, Operate.AGREE):
        assert device.run(operation, slot=1) == status, f"{operation} of {name}"
    assert device.number("shared") == 0


SIGNATURES = {
    "r of 0": (0, 1, Status.R_ZERO),
    "s of 0": (1, 0, Status.S_ZERO),
    "r of n": (CURVE.n, 1, Status.R_RANGE),
    "s of n": (1, CURVE.n, Status.S_RANGE),
    "r + n": (CURVE.n + 5, 1, Status.R_RANGE),
    "r of all ones": ((1 << 256) - 1, 1, Status.R_RANGE),
    "s of all ones": (1, (1 << 256) - 1, Status.S_RANGE),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_that_are_refused(device, name):
    r, s, status = SIGNATURES[name]
    _load(device, x=CURVE.gx, y=CURVE.gy, r=r, s=s)
    assert device.run(Operate.VERIFY) == status


@pytest.mark.parametrize("key", [0, CURVE.n, CURVE.n + 1, (1 << 256) - 1])
def test_keys_that_are_refused(device, key):
    device.put_key(1, key, external=True, to_bus=True)
    for operation in (Operate.PUBLIC, Operate.SIGN, Operate.AGREE):
        _load(device, x=CURVE.gx, y=CURVE.gy, digest=1)
        assert device.run(operation, slot=1) == Status.KEY_RANGE, operation
    assert [device.number(name) for name in ("r", "s", "shared")] == [0, 0, 0]


def test_policies_of_the_slot(device):
    """What the key store refuses is refused; a public key can be had of a slot that may do either."""
    device.put_key(1, 7, external=True, to_bus=True)
    device.put_key(2, 8, external=True, to_bus=True)
    device.block.set("sign", 1 << 1)
    device.block.set("agree", 1 << 2)
    _load(device, x=CURVE.gx, y=CURVE.gy, digest=1)
    assert device.run(Operate.SIGN, slot=2) == Status.KEY_REFUSED
    assert device.run(Operate.AGREE, slot=1) == Status.KEY_REFUSED
    assert device.run(Operate.PUBLIC, slot=3) == Status.KEY_REFUSED
    for slot, key in ((1, 7), (2, 8)):
        assert device.run(Operate.PUBLIC, slot=slot) == Status.SUCCESS
        assert (device.number("x"), device.number("y")) == _public(key)


@pytest.mark.parametrize("external", [True, False])
def test_a_shared_secret_into_a_slot(device, external):
    """It is external if the private key is, and is nowhere to be read."""
    device.put_key(1, 9, external=external)
    x, y = _public(11)
    _load(device, x=x, y=y)
    assert device.run(Operate.AGREE, slot=1, target=4, to_slot=True) == Status.SUCCESS
    assert device.block.get("taken_slot") == 4
    assert device.block.get("taken_external") == external
    assert not device.block.get("taken_generated")
    assert device.block.get("taken_source") == KeySource.AGREED.value
    assert device.block.get("made") == _public(99)[0]
    assert device.number("shared") == 0


@pytest.mark.parametrize("key_class", [{}, {"external": True}, {"to_bus": True}])
def test_a_shared_secret_that_is_not_for_the_bus(device, key_class):
    device.put_key(1, 9, **key_class)
    _load(device, x=CURVE.gx, y=CURVE.gy)
    assert device.run(Operate.AGREE, slot=1) == Status.SLOT_ONLY
    assert device.number("shared") == 0


def test_a_target_that_is_not_empty(device):
    """No public key of a key that is nowhere, and no secret, is left to be read."""
    device.put_key(1, 9)
    device.block.set("occupied", 1 << 4)
    _load(device, x=CURVE.gx, y=CURVE.gy)
    assert device.run(Operate.AGREE, slot=1, target=4, to_slot=True) == Status.TARGET_REFUSED
    assert device.number("shared") == 0
    assert device.run(Operate.GENERATE, target=4) == Status.TARGET_REFUSED
    assert (device.number("x"), device.number("y")) == (0, 0)
    assert not device.block.get("taken")


@pytest.mark.parametrize("operation", SECRET)
def test_secret_operations_need_randomness(device, operation):
    device.put_key(1, 9, external=True, to_bus=True)
    _load(device, x=CURVE.gx, y=CURVE.gy, digest=1, r=5, s=5)
    device.block.set("healthy", 0)
    assert device.run(operation, slot=1, target=2) == Status.NO_RANDOMNESS
    assert [device.number(name) for name in ("r", "s", "shared")].count(0) >= 1


def test_public_operations_need_none(device):
    device.block.set("healthy", 0)
    _load(device, x=CURVE.gx, y=CURVE.gy)
    assert device.run(Operate.VALIDATE) == Status.SUCCESS


@pytest.mark.parametrize("after", [20, 60, 150, 400, 1200, 2400])
def test_randomness_that_ends_meanwhile(device, after):
    """Whenever it is missed, the operation ends, and gives nothing."""
    device.put_key(1, 9, unchecked=True)
    _load(device, digest=1)
    device.begin(Operate.SIGN, slot=1)
    device.block.tick(after)
    device.block.set("healthy", 0)
    status = device.end()
    assert status in (Status.NO_RANDOMNESS, Status.SUCCESS)
    if status == Status.NO_RANDOMNESS:
        assert (device.number("r"), device.number("s")) == (0, 0)
    else:
        assert after == 2400, "The last random words are drawn before"


def test_unknown_operations_and_slots(device):
    assert device.run(Operate.NONE) == Status.UNKNOWN
    assert device.run(Operate.VALIDATE, slot=16) == Status.UNKNOWN
    assert device.run(Operate.VALIDATE, target=255) == Status.UNKNOWN


def test_while_busy_all_is_refused(device):
    """Operations and writes are dropped, reads are zeros, and the operation that runs is not disturbed."""
    device.put_key(1, 9)
    _load(device, x=5, digest=6)
    device.begin(Operate.PUBLIC, slot=1)
    device.write("operate", [Operate.VALIDATE.value])
    device.load("x", 7)
    assert device.number("digest") == 0
    assert device.read("status")[0] & 1
    assert device.block.get("irq")
    assert device.read("cause") == [2]
    device.write("cause", [2])
    assert device.end() == Status.SUCCESS
    assert (device.number("x"), device.number("y")) == _public(9)
    assert device.number("digest") == 6


def _hand_over(device, slot, digest):
    """Offer a digest at the template port as far as it is taken; returns the status once it was done."""
    block = device.block
    for place in range(8):
        payload = slot | (place == 0) << 4 | (digest >> 32 * (7 - place) & 0xFFFF_FFFF) << 5
        block.set("template__payload", payload)
        block.set("template__valid", 1)
        block.until("template__ready", 1000)
        block.tick()
    block.set("template__valid", 0)
    block.until("signed", LIMIT)
    block.tick()
    return Status(block.get("status"))


def test_template_slots_sign_what_hardware_hands_over(device):
    key, digest = 0x1234567, 0xFEDC << 200 | 1
    device.put_key(2, key, template=True, unchecked=True)
    assert _hand_over(device, 2, digest) == Status.SUCCESS
    assert not device.block.get("irq")
    x, y = _public(key)
    _load(device, x=x, y=y)
    assert device.number("digest") == digest
    assert device.run(Operate.VERIFY) == Status.SUCCESS


def test_template_slots_sign_nothing_else(device):
    """SIGN.TEMPLATE: no digest from the bus, not even one that hardware handed over before."""
    device.put_key(2, 5, template=True, unchecked=True)
    _load(device, digest=77)
    assert device.run(Operate.SIGN, slot=2) == Status.TEMPLATE_ONLY
    assert (device.number("r"), device.number("s")) == (0, 0)
    assert _hand_over(device, 2, 78) == Status.SUCCESS
    assert device.run(Operate.SIGN, slot=2) == Status.TEMPLATE_ONLY
    assert (device.number("r"), device.number("s")) == (0, 0)


def test_hardware_s_digests_are_for_template_slots(device):
    device.put_key(2, 5, unchecked=True)
    assert _hand_over(device, 2, 78) == Status.TEMPLATE_ONLY
    assert (device.number("r"), device.number("s")) == (0, 0)


def test_a_digest_that_comes_without_randomness_is_taken_and_refused(device):
    device.put_key(2, 5, template=True)
    device.block.set("healthy", 0)
    assert _hand_over(device, 2, 78) == Status.NO_RANDOMNESS
    device.block.tick(2000)
    assert device.read("status")[0] & 1 == 0


def test_the_rest_of_a_digest_is_dropped(device):
    """Words that no first word came before belong to a digest from before a wipe."""
    device.block.set("template__payload", 3 | 99 << 5)
    device.block.set("template__valid", 1)
    device.block.tick(3)
    device.block.set("template__valid", 0)
    device.put_key(2, 5, template=True, unchecked=True)
    assert _hand_over(device, 2, 42) == Status.SUCCESS
    assert device.number("digest") == 42


@pytest.mark.parametrize("after", [5, 300, 700, 1500, 9000])
def test_a_wipe_ends_what_is_being_done(device, after):
    device.put_key(1, 9, unchecked=True)
    _load(device, x=1, y=2, digest=3, r=4, s=5, shared=6)
    device.begin(Operate.SIGN, slot=1)
    device.block.tick(after)
    device.block.set("wipe", 1)
    device.block.tick()
    device.block.set("wipe", 0)
    assert device.block.get("wiping")
    cycles = 0
    while device.block.get("wiping"):
        device.block.tick()
        cycles += 1
        assert cycles < 2500
    assert device.end() == Status.WIPED
    assert not any(device.number(name) for name in NAMES)
    _load(device, digest=3)
    assert device.run(Operate.SIGN, slot=1) == Status.SUCCESS


def test_a_wipe_while_nothing_is_done(device):
    _load(device, x=1, shared=6)
    device.block.set("wipe", 1)
    device.block.tick(3)
    device.block.set("wipe", 0)
    device.block.tick(2000)
    assert not device.block.get("wiping")
    assert not device.block.get("irq")
    assert not any(device.number(name) for name in NAMES)


def test_the_application_s_wipe(device):
    _load(device, x=1, shared=6, r=9)
    assert device.run(Operate.WIPE) == Status.SUCCESS
    assert not any(device.number(name) for name in NAMES)


def test_a_wipe_of_the_hash_unit(device):
    """It ends a signature whose nonce is being made, wherever that is."""
    device.put_key(1, 9, unchecked=True)
    _load(device, digest=3)
    device.begin(Operate.SIGN, slot=1)
    device.block.tick(700)
    device.block.set("hash_wipe", 1)
    device.block.tick()
    device.block.set("hash_wipe", 0)
    assert device.end() == Status.NONCE
    assert (device.number("r"), device.number("s")) == (0, 0)
    assert device.run(Operate.SIGN, slot=1) == Status.SUCCESS


def test_a_check_that_fails_gives_nothing(device):
    """The slot is another one's when its public key is made: the signature is not given out."""
    device.put_key(1, 9)
    _load(device, digest=3)
    device.begin(Operate.SIGN, slot=1)
    device.block.tick(3000)
    device.put_key(1, 10)
    assert device.end() == Status.CHECK_FAILED
    assert (device.number("r"), device.number("s")) == (0, 0)


def test_a_slot_that_is_emptied_before_the_check(device):
    device.put_key(1, 9)
    _load(device, digest=3)
    device.begin(Operate.SIGN, slot=1)
    device.block.tick(3000)
    device.block.set("sign", 0)
    assert device.end() == Status.CHECK_FAILED
    assert (device.number("r"), device.number("s")) == (0, 0)


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="must be 256 or less, not 300"):
        P256(variant="row", slots=300)
