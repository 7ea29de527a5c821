"""Every key takes the same clocks on the RTL of the application's side, from the driver's call to its return.

WATTSEAL_CONSTANT_TIME=all (``make constant-time``) takes 200 random keys and all edges, on both variants of
the engines; otherwise there are ten keys on one.
"""

import hmac
import os
import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from sw.app.drivers.aes import Aes
from sw.app.drivers.entropy import Entropy
from sw.app.drivers.keystore import KeyStore
from sw.app.drivers.p256 import P256
from sw.app.drivers.sha256 import Sha256

ALL = os.environ.get("WATTSEAL_CONSTANT_TIME") == "all"
PRESETS = ("polyphase", "single") if ALL else ("polyphase",)
RANDOM_KEYS = 200 if ALL else 5
ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
CURVE = ec.SECP256R1()
ECDSA = ec.ECDSA(utils.Prehashed(SHA256()))

EDGES = [1, ORDER - 1, 1 << 255, (1 << 200) - 1, 64]
if ALL:
    EDGES += [2, 3, 16, 31, 32, 33, 62, ORDER - 2, ORDER - 32, (1 << 128) - (1 << 64), int("55" * 32, 16)]
SLOT = 2


def _keys(name):
    rng = random.Random(f"keys of {name}")
    return [*EDGES, *(rng.randrange(1, ORDER) for _ in range(RANDOM_KEYS))]


def _point(private):
    numbers = ec.derive_private_key(private, CURVE).public_key().public_numbers()
    return numbers.x, numbers.y


class Clocks:
    """Uses keys one after the other, and keeps how long each call of a driver took."""

    def __init__(self, chip):
        self.chip = chip
        self.seen = {}

    def run(self, name, firmware):
        """Do it; returns the result."""
        before = self.chip.cycles
        result = self.chip.run(firmware)
        self.seen.setdefault(name, []).append(self.chip.cycles - before)
        return result

    def with_key(self, operation, key, flags=()):
        """Erase the slot and put another key in."""
        self.run("erase", KeyStore().erase(SLOT))
        self.run(f"define {operation}", KeyStore().define(SLOT, operation, flags=flags))
        self.run("load", KeyStore().load(SLOT, key))

    def check(self):
        """Every call took as long for each key as for the first one."""
        assert {name: set(clocks) for name, clocks in self.seen.items()} == {
            name: {clocks[0]} for name, clocks in self.seen.items()
        }


@pytest.fixture
def clocks(application):
    """Begins with an empty slot that was used before."""

    def begin(preset_name):
        chip = application(preset_name)
        chip.stick_noise(stuck=False)
        chip.run(Entropy().ready())
        chip.run(KeyStore().erase(SLOT))
        chip.run(KeyStore().define(SLOT, "sign"))
        return Clocks(chip)

    return begin


@pytest.mark.parametrize("name", PRESETS)
def test_of_curves(clocks, name):
    clocks, rng, unit = clocks(name), random.Random(f"peers of {name}"), P256()
    for number, private in enumerate(_keys(name)):
        key, digest = private.to_bytes(32, "big"), rng.randbytes(32)
        own, peer = ec.derive_private_key(private, CURVE), rng.randrange(1, ORDER)
        # The check of a signature takes long: one in ten has it.
        checked = ALL and number % 10 == 0
        clocks.with_key("sign", key, flags=() if checked else ("unchecked",))
        assert clocks.run("public", unit.public(SLOT)) == _point(private), f"key {number}"
        signature = clocks.run("sign, checked" if checked else "sign", unit.sign(SLOT, digest))
        own.public_key().verify(utils.encode_dss_signature(*signature), digest, ECDSA)
        clocks.with_key("agree", key, flags=("to_bus",))
        shared = clocks.run("agree", unit.agree(SLOT, _point(peer)))
        expected = own.exchange(ec.ECDH(), ec.derive_private_key(peer, CURVE).public_key())
        assert shared == expected, f"key {number}"
    clocks.check()
    print(f"{name}, {number + 1} keys: { ({each: counts[0] for each, counts in clocks.seen.items()}) }")


@pytest.mark.parametrize("name", PRESETS)
def test_of_symmetric_keys(clocks, name):
    clocks, rng = clocks(name), random.Random(f"texts of {name}")
    # The first IV of all takes longer: the bound of its counter is written.
    clocks.with_key("encrypt", bytes(32))
    clocks.chip.run(Aes().encrypt(SLOT, b""))
    edges = [bytes(32), b"\xff" * 32, bytes(31) + b"\1", b"\x80" + bytes(31)]
    for number, key in enumerate([*edges, *(rng.randbytes(32) for _ in range(RANDOM_KEYS))]):
        text = rng.choice((bytes(40), b"\xff" * 40, rng.randbytes(40)))
        clocks.with_key("encrypt", key)
        iv, *sealed = clocks.run("encrypt", Aes().encrypt(SLOT, text, additional=text[:20]))
        assert b"".join(sealed) == AESGCM(key).encrypt(iv, text, text[:20]), f"key {number}"
        clocks.with_key("cmac", key)
        clocks.run("cmac", Aes().cmac(SLOT, text))
        clocks.with_key("hmac", key)
        assert clocks.run("hmac", Sha256().hmac_slot(SLOT, text)) == hmac.digest(key, text, "sha256")
    clocks.check()
    print(f"{name}, {number + 1} keys: { ({each: counts[0] for each, counts in clocks.seen.items()}) }")
