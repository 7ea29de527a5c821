"""The key store's driver, and HMAC and HKDF with slots, on the application's side of the chip."""

import hmac
import random

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from soc.generated import registers
from sw.app import access
from sw.app.drivers import sysinfo
from sw.app.drivers.keystore import IDENTIFICATION, VERSION, KeyStore, Refused
from sw.app.drivers.sha256 import Refused as ShaRefused
from sw.app.drivers.sha256 import Sha256


def test_a_loaded_key_authenticates(run):
    key = bytes(range(32))

    def firmware():
        yield from sysinfo.check(registers.keystore, IDENTIFICATION, VERSION)
        store, engine = KeyStore(), Sha256()
        yield from store.define(1, "hmac")
        yield from store.load(1, key)
        return (yield from engine.hmac_slot(1, b"message")), (yield from store.state(1))

    tag, state = run(firmware())
    assert tag == hmac.digest(key, b"message", "sha256")
    assert {name for name, value in state.items() if value} == {
        *("valid", "external", "hmac", "in_manufacturing", "in_installation", "in_operation")
    }


@pytest.mark.parametrize("salted", ["slot", "bus", "none"])
@pytest.mark.parametrize("seed", range(3))
def test_hkdf_from_slot_to_slots(run, salted, seed):
    rng = random.Random(seed)
    ikm, salt, info = rng.randbytes(32), rng.randbytes(32), rng.randbytes(rng.randrange(100))

    def firmware():
        store, engine = KeyStore(), Sha256()
        for slot in (0, 1, 2, 3):
            yield from store.define(slot, "derive")
        yield from store.load(0, ikm)
        if salted == "slot":
            yield from store.load(1, salt)
            yield from engine.hkdf_extract(0, 2, salt_slot=1)
        else:
            yield from engine.hkdf_extract(0, 2, salt=salt if salted == "bus" else b"")
        # The last key is shown by what it authenticates.
        yield from store.erase(0)
        yield from store.define(0, "hmac")
        yield from engine.hkdf_expand(2, (3, 0), info)
        return (yield from engine.hmac_slot(0, b"shown"))

    expected = HKDF(SHA256(), 64, None if salted == "none" else salt, info).derive(ikm)
    assert run(firmware()) == hmac.digest(expected[32:], b"shown", "sha256"), f"repeat with {seed}"


def test_what_is_derived_does_not_come_to_the_bus(run, said):
    def firmware():
        store, engine = KeyStore(), Sha256()
        yield from store.define(0, "derive")
        yield from store.load(0, bytes(32))
        yield from engine.load_slot(0, derive=True)
        reasons = yield from said(ShaRefused, engine.hmac(b"info"))
        for attempt in (engine.finish(), engine.save()):
            yield from engine.begin()
            yield from engine.append_slot(0)
            reasons += yield from said(ShaRefused, attempt)
        return reasons + (yield from said(ShaRefused, engine.hmac_slot(0, b"")))

    secret = "the digest is made of a slot's key and may only go into a slot"
    assert run(firmware()) == [secret, secret, "it is out of order", "the key store refused the slot"]


def test_refusals(run, said):
    def firmware():
        store = KeyStore()
        reasons = yield from said(
            Refused,
            store.define(0, "hmac", "derive"),
            store.define(0, "sign", flags=("short",)),
            store.define(0),
            store.define(255, "hmac"),
            store.load(0, bytes(32)),
            store.define(0, "hmac"),
            store.load(0, bytes(32)),
            store.load(0, bytes(32)),
        )
        yield from store.erase(0)
        assert not any((yield from store.state(0)).values())
        return reasons

    policy = "the policy allows nothing, or what does not go together"
    assert run(firmware()) == [
        *(policy, policy, policy, "there is no such slot", policy),
        *(None, None, "the slot is not empty"),
    ]


def test_a_short_key_has_half_the_bytes(run):
    def firmware():
        store = KeyStore()
        yield from store.define(0, "hmac", flags=("short",))
        yield from store.load(0, bytes(range(16)))
        return (yield from Sha256().hmac_slot(0, b"m"))

    assert run(firmware()) == hmac.digest(bytes(range(16)), b"m", "sha256")
    with pytest.raises(ValueError, match="A key for slot 1 must have 32 bytes, not 16"):
        run(KeyStore().load(1, bytes(16)))


def test_an_erased_slot_wants_a_policy_again(run, said):
    def firmware():
        store = KeyStore()
        yield from store.define(2, "encrypt", "decrypt", flags=("wiped_by_tamper",))
        yield from access.write_fields(registers.keystore.operate, operation=1)
        yield from store.erase(0)  # ends the load that waits
        return (yield from store.state(2)), (yield from said(Refused, store.load(2, bytes(32))))

    state, reasons = run(firmware())
    assert not any(state.values())
    assert reasons == ["the policy allows nothing, or what does not go together"]


def test_generation_makes_a_key_that_is_not_external(run):
    def firmware():
        store = KeyStore()
        for slot in (0, 1):
            yield from store.define(slot, "hmac")
            yield from store.generate(slot)
        state = yield from store.state(0)
        first = yield from Sha256().hmac_slot(0, b"m")
        second = yield from Sha256().hmac_slot(1, b"m")
        return state, first, second

    state, first, second = run(firmware())
    assert state["valid"]
    assert state["generated"]
    assert not state["external"]
    assert first != second
