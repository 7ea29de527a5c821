"""Firmware that wants to know keys which are in slots: what it tries, and what it is told."""

import hmac
import random

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from soc.generated import registers
from sw.app import access
from sw.app.drivers import aes, p256, sha256
from sw.app.drivers.aes import Aes
from sw.app.drivers.keystore import KeyStore
from sw.app.drivers.p256 import P256
from sw.app.drivers.sha256 import Sha256

STORE, SHA, AES, UNIT = KeyStore(), Sha256(), Aes(), P256()
MESSAGE = b"a reading that is nobody's affair"
INFO = b"messages"
USES = (
    *(("hmac",), ("derive",), ("encrypt", "decrypt"), ("sign",), ("agree",), ("wrap", "unwrap")),
    *(("cmac",), ("aad",)),
)


def point_of(private):
    numbers = private.public_key().public_numbers()
    return numbers.x, numbers.y


def generated(slot, *operations):
    yield from STORE.define(slot, *operations)
    yield from STORE.generate(slot)


def policies_of(*slots):
    """What the hardware binds the keys in the slots to."""
    policies = []
    for slot in slots:
        yield from access.write_fields(registers.keystore.select, slot=slot)
        policies.append((yield from access.read(registers.keystore.slot_policy)).to_bytes(4, "big"))
    return policies


def made_into(slot, *operations, by):
    """Define a slot, and let ``by`` make a key in it."""
    yield from STORE.erase(slot)
    yield from STORE.define(slot, *operations)
    yield from by(slot)


def opens(sealed, keys):
    """Whether one of the keys is that of the message."""
    iv, ciphertext, tag = sealed
    for key in keys:
        try:
            return AESGCM(key).decrypt(iv, ciphertext + tag, b"") == MESSAGE
        except InvalidTag:
            continue
    return False


def digests(slot, policies):
    """Under a key for `hmac`, of what HKDF hashes for a first key, with and without the bound word."""
    keys: list[bytes] = []
    for policy in (b"", *policies):
        keys += [(yield from SHA.hmac_slot(slot, INFO + policy + b"\1"))]
    return keys


def known_key(slot, *operations):
    """Agree with a key of one's own, and derive: a key that the firmware knows, and the chip calls made."""
    mine = ec.derive_private_key(0x1234567, ec.SECP256R1())
    yield from made_into(10, "agree", by=UNIT.generate)
    ((x, y), secret) = (yield from UNIT.public(10)), 11
    yield from made_into(secret, "derive", by=lambda into: UNIT.agree(10, point_of(mine), into))
    yield from SHA.load_slot(secret, derive=True)
    yield from STORE.define(slot, *operations)
    yield from SHA.begin(with_key=True)
    yield from SHA.update(INFO)
    yield from SHA.finish_slot(slot)
    chip = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    (policy,) = yield from policies_of(slot)
    return hmac.digest(mine.exchange(ec.ECDH(), chip), INFO + policy, "sha256")


def test_a_key_derived_twice(run):
    """Once to derive from, once to authenticate with: the digest would be what the first one derives."""

    def firmware():
        yield from generated(0, "derive")
        for slot, use in ((1, "derive"), (2, "hmac")):
            yield from STORE.define(slot, use)
            yield from SHA.hkdf_expand(0, [slot], b"root")
        yield from STORE.define(3, "encrypt", "decrypt")
        yield from SHA.hkdf_expand(1, [3], INFO)
        sealed = yield from AES.encrypt(3, MESSAGE)
        return sealed, (yield from digests(2, (yield from policies_of(1, 2, 3))))

    sealed, keys = run(firmware())
    assert not opens(sealed, keys)


def test_a_secret_agreed_twice(run, said):
    """Keys of a talk with another side: firmware that comes later agrees once more, for another use."""
    peer = point_of(ec.derive_private_key(0xBEEF, ec.SECP256R1()))

    def firmware():
        yield from STORE.define(0, "agree")
        yield from UNIT.generate(0)
        for slot in (1, 2):
            yield from STORE.define(slot, "derive")
        yield from UNIT.agree(0, peer, 1)
        attempts = [made_into(4, *use, by=lambda slot: UNIT.agree(0, peer, slot)) for use in USES]
        reasons = yield from said(p256.Refused, *attempts)
        yield from STORE.define(3, "encrypt", "decrypt")
        yield from SHA.hkdf_expand(1, [3], INFO)
        sealed = yield from AES.encrypt(3, MESSAGE)
        # What there is besides: a key derived from the secret to authenticate with.
        yield from made_into(4, "hmac", by=lambda slot: SHA.hkdf_expand(1, [slot], INFO))
        return reasons, sealed, (yield from digests(4, (yield from policies_of(1, 3, 4))))

    reasons, sealed, keys = run(firmware())
    assert reasons == [None if use == ("derive",) else "target_refused" for use in USES]
    assert not opens(sealed, keys)


def test_a_key_unwrapped_twice(run, said):
    """Whatever else it is used for, nothing is derived from it, so that no digest of it is a key."""

    def firmware():
        yield from generated(0, "wrap", "unwrap")
        yield from generated(1, "wrap")
        wrapped = yield from AES.wrap(0, 1)
        attempts = [made_into(2, *use, by=lambda slot: AES.unwrap(0, wrapped, slot)) for use in USES]
        reasons = yield from said(aes.Refused, *attempts)
        yield from STORE.erase(2)
        yield from STORE.define(2, "sign", flags=("template",))
        return reasons + (yield from said(aes.Refused, AES.unwrap(0, wrapped, 2)))

    reasons = run(firmware())
    assert reasons[:-1] == ["target_refused" if use == ("derive",) else None for use in USES]
    assert reasons[-1] == "target_refused", "it would sign anything in another slot"


def test_half_a_key_is_no_private_key(run, said):
    """Its public key would tell it with 2⁶⁴ steps."""

    def firmware():
        yield from generated(0, "wrap", "unwrap")
        yield from STORE.define(1, "wrap", flags=("short",))
        yield from STORE.generate(1)
        yield from generated(2, "wrap")
        short, long = (yield from AES.wrap(0, 1, short=True)), (yield from AES.wrap(0, 2))
        yield from STORE.define(3, "sign")
        yield from STORE.define(4, "cmac", flags=("short",))
        return (
            yield from said(
                aes.Refused, AES.unwrap(0, short, 3), AES.unwrap(0, long, 4), AES.unwrap(0, short, 4)
            )
        )

    assert run(firmware()) == ["target_refused", "target_refused", None]


@pytest.mark.parametrize("victim", ["generated", "unwrapped", "derived", "agreed"])
def test_a_known_key_wraps_no_other(run, said, victim):
    def firmware():
        key = yield from known_key(0, "wrap", "unwrap")
        if victim == "generated":
            yield from generated(1, "wrap")
        elif victim == "unwrapped":
            yield from generated(2, "wrap", "unwrap")
            yield from generated(3, "wrap")
            wrapped = yield from AES.wrap(2, 3)
            yield from made_into(1, "wrap", by=lambda slot: AES.unwrap(2, wrapped, slot))
        else:
            yield from generated(2, "derive") if victim == "derived" else known_key(2, "derive")
            yield from made_into(1, "wrap", by=lambda slot: SHA.hkdf_expand(2, [slot], INFO))
        refused = yield from said(aes.Refused, AES.wrap(0, 1))
        # The firmware does know it: what it wraps under it, the chip takes.
        yield from STORE.define(4, "cmac")
        yield from AES.unwrap(0, keywrap.aes_key_wrap(key, bytes(range(32))), 4)
        return refused, (yield from AES.cmac(4, MESSAGE)), (yield from STORE.state(4))

    refused, tag, state = run(firmware())
    assert refused == ["key_refused"]
    mac = CMAC(algorithms.AES(bytes(range(32))))
    mac.update(MESSAGE)
    assert tag == mac.finalize()
    assert not state["generated"]


@pytest.mark.parametrize("victim", ["generated", "unwrapped"])
def test_a_tag_under_a_known_key_tells_no_other(run, said, victim):
    """Who knows the key of the message solves its tag for what was authenticated."""

    def firmware():
        key = yield from known_key(0, "encrypt", "decrypt")
        if victim == "generated":
            yield from generated(1, "aad")
        else:
            yield from generated(2, "wrap", "unwrap")
            yield from generated(3, "wrap")
            wrapped = yield from AES.wrap(2, 3)
            yield from made_into(1, "aad", by=lambda slot: AES.unwrap(2, wrapped, slot))
        refused = yield from said(aes.Refused, AES.encrypt(0, MESSAGE, [1]))
        return key, refused, (yield from AES.encrypt(0, MESSAGE))

    key, refused, sealed = run(firmware())
    assert refused == ["key_refused"]
    assert opens(sealed, [key]), "the firmware does not know the key"


def test_what_a_key_of_one_s_own_can_still_do(run, said):
    """Keys that were generated here, and what is derived from them alone, wrap and authenticate as before."""

    def firmware():
        yield from generated(0, "derive")
        yield from made_into(1, "wrap", "unwrap", by=lambda slot: SHA.hkdf_expand(0, [slot], b"wrapping"))
        yield from made_into(2, "encrypt", "decrypt", by=lambda slot: SHA.hkdf_expand(0, [slot], INFO))
        yield from generated(3, "wrap")
        yield from known_key(4, "wrap")
        yield from generated(5, "aad")
        yield from known_key(6, "aad")
        wraps = []
        for slot in (3, 4):
            wraps += [(yield from AES.wrap(1, slot))]
        yield from STORE.define(7, "cmac")
        yield from AES.unwrap(1, wraps[0], 7)
        iv, ciphertext, tag = yield from AES.encrypt(2, MESSAGE, [5, 6])
        assert (yield from AES.decrypt(2, iv, ciphertext, tag, [5, 6])) == MESSAGE
        states = []
        for slot in range(8):
            state = yield from STORE.state(slot)
            states.append("generated" if state["generated"] else "external" if state["external"] else "made")
        return states

    made = {4, 6, 7}
    assert run(firmware()) == ["made" if slot in made else "generated" for slot in range(8)]


def test_derivation_at_the_desk(run):
    """Who has the other half of an agreement finds the same keys by HKDF with the policies in its inputs."""
    rng = random.Random(7)
    salt, peer = rng.randbytes(16), ec.derive_private_key(0xDE5C, ec.SECP256R1())

    def firmware():
        yield from STORE.define(0, "agree")
        public = yield from UNIT.generate(0)
        for slot, use in ((1, "derive"), (2, "derive"), (3, "hmac")):
            yield from STORE.define(slot, use)
        yield from UNIT.agree(0, point_of(peer), 1)
        yield from SHA.hkdf_extract(1, 2, salt=salt)
        yield from SHA.hkdf_expand(2, [3], INFO)
        policies = yield from policies_of(2, 3)
        return public, policies, (yield from SHA.hmac_slot(3, MESSAGE))

    (x, y), (of_extract, of_key), tag = run(firmware())
    chip = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    secret = peer.exchange(ec.ECDH(), chip)
    key = HKDF(SHA256(), 32, salt, INFO + of_key).derive(secret + of_extract)
    assert tag == hmac.digest(key, MESSAGE, "sha256")


def forbidden_by(attempt):
    """What the attempt was told, and whether the key store raised its alert."""
    yield from access.write_fields(registers.keystore.cause, forbidden=1)
    told = None
    try:
        yield from attempt
    except (aes.Refused, p256.Refused, sha256.Refused) as refusal:
        told = refusal
    return told, (yield from access.read_fields(registers.keystore.cause))["forbidden"]


ATTEMPTS = {
    "against the policy": lambda: SHA.hmac_slot(0, MESSAGE),
    "wraps under a known key": lambda: AES.wrap(1, 2),
    "an IV of its own": lambda: AES.encrypt(3, MESSAGE, b"", bytes(12)),
    "signs for a template slot": lambda: UNIT.sign(4, bytes(32)),
    "a digest over a secret": lambda: SHA.finish(),
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_is_forbidden_raises_the_alert(run, name):
    def firmware():
        yield from generated(0, "derive")
        yield from STORE.define(1, "wrap")
        yield from STORE.load(1, bytes(32))
        yield from generated(2, "wrap")
        yield from generated(3, "encrypt")
        yield from STORE.define(4, "sign", flags=("template",))
        yield from STORE.generate(4)
        if name == "a digest over a secret":
            yield from SHA.begin()
            yield from SHA.append_slot(0)
        harmless = yield from forbidden_by(STORE.state(0))
        return harmless, (yield from forbidden_by(ATTEMPTS[name]()))

    harmless, (told, alert) = run(firmware())
    assert harmless == (None, 0)
    assert told is not None
    assert alert == 1
