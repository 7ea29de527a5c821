"""The AES driver on the application's side of the chip, and a key's way from ECDH to its messages."""

import random

import pytest
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from soc.generated import registers
from sw.app import access
from sw.app.drivers import sysinfo
from sw.app.drivers.aes import IDENTIFICATION, PIECE_BYTES, VERSION, Aes, Refused
from sw.app.drivers.keystore import KeyStore
from sw.app.drivers.p256 import P256
from sw.app.drivers.sha256 import Sha256
from sw.app.ops import Read

KEY, IV = bytes(range(32)), bytes(range(12))
BOTH = ("encrypt", "decrypt")


def octets(length, seed=0):
    return random.Random(f"{seed} {length}").randbytes(length)


def cmac_of(key, message):
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()


def words_of(*secrets):
    return {
        int.from_bytes(secret[at : at + 4], "big") for secret in secrets for at in range(0, len(secret), 4)
    }


def loaded(slot, key, *operations, flags=()):
    short = ("short",) if len(key) == 16 else ()
    yield from KeyStore().define(slot, *operations, flags=(*flags, *short))
    yield from KeyStore().load(slot, key)


def generated(slot, *operations, flags=()):
    yield from KeyStore().define(slot, *operations, flags=flags)
    yield from KeyStore().generate(slot)


@pytest.mark.parametrize("on", ["polyphase", "single"])
def test_a_key_goes_from_agreement_to_messages_and_never_over_the_bus(run, overheard, on):
    peer = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
    peer_numbers = peer.public_key().public_numbers()
    salt, info = octets(20), b"readings"
    first, second = octets(100, "first"), octets(33, "second")

    def firmware():
        store, engine, unit = KeyStore(), Aes(), P256()
        yield from store.define(0, "agree")
        public_key = yield from unit.generate(0)
        for slot in (1, 2):
            yield from store.define(slot, "derive")
        yield from store.define(3, *BOTH)
        yield from unit.agree(0, (peer_numbers.x, peer_numbers.y), target=1)
        yield from Sha256().hkdf_extract(1, 2, salt=salt)
        yield from Sha256().hkdf_expand(2, [3], info)
        sealed = []
        for message in (first, second):
            sealed += [(yield from engine.encrypt(3, message, b"header"))]
        iv, ciphertext, tag = sealed[0]
        opened = yield from engine.decrypt(3, iv, ciphertext, tag, b"header")
        policies = []
        for slot in (2, 3):
            yield from access.write_fields(registers.keystore.select, slot=slot)
            policies.append((yield from access.read(registers.keystore.slot_policy)).to_bytes(4, "big"))
        return public_key, sealed, opened, policies, (yield from store.state(3))

    (public_key, sealed, opened, policies, state), words = run(overheard(firmware()), on)
    chip_key = ec.EllipticCurvePublicNumbers(public_key[0], public_key[1], ec.SECP256R1()).public_key()
    shared = peer.exchange(ec.ECDH(), chip_key)
    extracted = HKDF.extract(SHA256(), salt, shared + policies[0])
    key = HKDFExpand(SHA256(), 32, info + policies[1]).derive(extracted)
    for (iv, ciphertext, tag), message in zip(sealed, (first, second), strict=True):
        assert AESGCM(key).decrypt(iv, ciphertext + tag, b"header") == message
    assert sealed[0][0] != sealed[1][0], "an IV came twice"
    assert opened == first
    assert not state["external"]
    assert not state["generated"]
    assert not words & words_of(shared, extracted, key)
    assert words >= words_of(sealed[0][1]), "the bus was overheard"


@pytest.mark.parametrize("key", [KEY[:16], KEY])
@pytest.mark.parametrize("length", [0, 1, 16, 47, PIECE_BYTES])
def test_gcm_with_a_loaded_key(run, key, length):
    message, additional = octets(length), octets(length % 23, "aad")

    def firmware():
        yield from sysinfo.check(registers.aes, IDENTIFICATION, VERSION)
        yield from loaded(0, key, *BOTH)
        sealed = yield from Aes().encrypt(0, message, additional, IV)
        iv, ciphertext, tag = sealed
        return sealed, (yield from Aes().decrypt(0, iv, ciphertext, tag, additional))

    (iv, ciphertext, tag), opened = run(firmware())
    assert iv == IV
    assert ciphertext + tag == AESGCM(key).encrypt(IV, message, additional)
    assert opened == message


def test_a_message_and_its_additional_data_in_pieces(run):
    message, additional = octets(2 * PIECE_BYTES + 100), octets(PIECE_BYTES + 5, "aad")

    def firmware():
        yield from loaded(0, KEY, *BOTH)
        return (yield from Aes().encrypt(0, message, additional, IV))

    _, ciphertext, tag = run(firmware())
    assert ciphertext + tag == AESGCM(KEY).encrypt(IV, message, additional)


def test_ivs_of_other_lengths(run):
    ivs = [octets(length) for length in (8, 13, 60, 128)]

    def firmware():
        results = []
        yield from loaded(0, KEY, *BOTH)
        for iv in ivs:
            results += [(yield from Aes().encrypt(0, b"message", b"", iv))]
        return results

    for (given, ciphertext, tag), iv in zip(run(firmware()), ivs, strict=True):
        assert given == iv
        assert ciphertext + tag == AESGCM(KEY).encrypt(iv, b"message", b""), len(iv)


def test_a_slot_is_authenticated_among_the_additional_data(run):
    authentication = octets(16)

    def firmware():
        yield from loaded(0, KEY, *BOTH)
        yield from loaded(1, authentication, "aad")
        return (yield from Aes().encrypt(0, b"reading", [b"\x30", 1, b"tail"], IV))

    _, ciphertext, tag = run(firmware())
    expected = AESGCM(KEY).encrypt(IV, b"reading", b"\x30" + authentication + b"tail")
    assert ciphertext + tag == expected


def test_what_is_not_authentic_is_refused(run, said):
    sealed = AESGCM(KEY).encrypt(IV, octets(40), b"a")
    ciphertext, tag = sealed[:-16], sealed[-16:]
    wrong = bytes([tag[0] ^ 0x80]) + tag[1:]

    def firmware():
        yield from loaded(0, KEY, *BOTH)
        engine = Aes()
        reasons = yield from said(
            Refused,
            engine.decrypt(0, IV, ciphertext, wrong, b"a"),
            engine.decrypt(0, IV, ciphertext, tag, b"b"),
            engine.decrypt(0, IV, b"\0" + ciphertext[1:], tag, b"a"),
            engine.decrypt(0, IV[::-1], ciphertext, tag, b"a"),
            engine.decrypt(0, IV, ciphertext, tag[:3], b"a"),
            engine.decrypt(0, IV, ciphertext, tag + b"\0", b"a"),
            engine.decrypt(0, IV, bytes(PIECE_BYTES + 1), tag, b"a"),
            engine.decrypt(0, b"", ciphertext, tag, b"a"),
        )
        return reasons, (yield from engine.decrypt(0, IV, ciphertext, tag[:4], b"a"))

    reasons, opened = run(firmware())
    assert reasons == [*["tag_wrong"] * 4, "length", "length", "too_long", "iv_empty"]
    assert opened == octets(40)


def test_a_key_made_here_takes_no_iv_of_the_bus(run, said):
    def firmware():
        engine = Aes()
        yield from generated(0, *BOTH)
        reasons = yield from said(
            Refused, engine.encrypt(0, b"m", b"", IV), engine.encrypt(0, b"m", b"", bytes(20))
        )
        ivs = []
        for _ in range(5):
            iv, ciphertext, tag = yield from engine.encrypt(0, b"m")
            assert (yield from engine.decrypt(0, iv, ciphertext, tag)) == b"m"
            ivs.append(iv)
        return reasons, ivs

    reasons, ivs = run(firmware())
    assert reasons == ["iv_forbidden", "iv_forbidden"]
    assert len(set(ivs)) == 5


def test_what_would_give_a_key_made_here_away_is_refused(run, said):
    """Short tags, and keys of both kinds in one operation."""

    def firmware():
        engine = Aes()
        yield from generated(0, *BOTH)
        yield from generated(1, "aad")
        yield from loaded(2, KEY, *BOTH)
        yield from generated(3, "wrap")
        yield from loaded(4, KEY, "wrap")
        iv, ciphertext, tag = yield from engine.encrypt(0, b"reading", [1])
        return (
            yield from said(
                Refused,
                engine.decrypt(0, iv, ciphertext, tag[:11], [1]),
                engine.decrypt(0, iv, ciphertext, tag[:12], [1]),
                engine.encrypt(2, b"reading", [1], IV),
                engine.wrap(4, 3),
                engine.wrap(3, 4),
            )
        )

    assert run(firmware()) == ["length", None, *["key_refused"] * 3]


def test_slots_that_are_not_for_this(run, said):
    def firmware():
        engine = Aes()
        yield from loaded(0, KEY, "cmac")
        yield from loaded(1, KEY, "decrypt")
        yield from loaded(2, KEY, "unwrap")
        return (
            yield from said(
                Refused,
                engine.encrypt(0, b"m", b"", IV),
                engine.encrypt(1, b"m", b"", IV),
                engine.decrypt(2, IV, b"", bytes(16)),
                engine.cmac(1, b"m"),
                engine.cmac(3, b"m"),
                engine.cmac(255, b"m"),
                engine.wrap_data(2, bytes(16)),
                engine.unwrap_data(2, keywrap.aes_key_wrap(KEY, bytes(16))),  # without the flag to_bus
            )
        )

    assert run(firmware()) == ["key_refused"] * 8


@pytest.mark.parametrize("key", [KEY[:16], KEY])
def test_cmac(run, said, key):
    messages = [octets(length) for length in (0, 1, 16, 17, 64, PIECE_BYTES + 30)]

    def firmware():
        engine, tags, reasons = Aes(), [], []
        yield from loaded(0, key, "cmac")
        for message in messages:
            tag = yield from engine.cmac(0, message)
            tags.append(tag)
            if message:
                other = bytes([tag[0] ^ 1]) + tag[1:]
                reasons += yield from said(
                    Refused,
                    engine.check_cmac(0, message, tag),
                    engine.check_cmac(0, message, tag[:8]),
                    engine.check_cmac(0, message, other),
                )
        return tags, reasons

    tags, reasons = run(firmware())
    assert tags == [cmac_of(key, message) for message in messages]
    assert reasons == [None, None, "tag_wrong"] * 5


def test_a_wrapped_key_goes_into_a_slot(run, said):
    secret, other = octets(32), octets(16)
    wrapped, short = keywrap.aes_key_wrap(KEY, secret), keywrap.aes_key_wrap(KEY, other)
    damaged = wrapped[:-1] + bytes([wrapped[-1] ^ 1])

    def firmware():
        engine, store = Aes(), KeyStore()
        yield from loaded(0, KEY, "unwrap")
        yield from store.define(1, "cmac")
        yield from store.define(2, "cmac", flags=("short",))
        refused = yield from said(
            Refused,
            engine.unwrap(0, damaged, 1),
            engine.unwrap(0, wrapped[:-8], 1),
            engine.unwrap(0, wrapped, 3),
        )
        yield from engine.unwrap(0, wrapped, 1)
        yield from engine.unwrap(0, short, 2)
        occupied = yield from said(Refused, engine.unwrap(0, wrapped, 1))
        tags = []
        for slot in (1, 2):
            tags += [(yield from engine.cmac(slot, b"m"))]
        return refused + occupied, tags, (yield from store.state(1))

    refused, tags, state = run(firmware())
    assert refused == ["unwrap_wrong", "length", "target_refused", "target_refused"]
    assert tags == [cmac_of(secret, b"m"), cmac_of(other, b"m")]
    assert state["external"], "whoever knows the key that unwraps knows this one"


def test_a_key_made_here_leaves_wrapped_and_comes_back(run, said):
    """Keys in slots do not outlive power; wrapped under a key that is made anew they may."""

    def firmware():
        engine, store = Aes(), KeyStore()
        yield from generated(0, "wrap", "unwrap")
        yield from generated(1, "wrap")
        yield from generated(2, "wrap", flags=("short",))
        yield from loaded(3, KEY, "wrap")
        wrapped = yield from engine.wrap(0, 1)
        short = yield from engine.wrap(0, 2, short=True)
        known = yield from said(Refused, engine.wrap(3, 1))
        yield from store.define(4, "wrap")
        yield from engine.unwrap(0, wrapped, 4)
        known += yield from said(Refused, engine.wrap(4, 1), engine.wrap(4, 4))
        return wrapped, (yield from engine.wrap(0, 4)), short, known, (yield from store.state(4))

    wrapped, again, short, known, state = run(firmware())
    assert again == wrapped
    assert (len(wrapped), len(short)) == (40, 24)
    assert known == ["key_refused"] * 3, "a key that the bus knows, or may know, would give it away"
    assert not state["external"]
    assert not state["generated"]


def test_key_data_under_a_loaded_key(run):
    datas = [octets(length) for length in (16, 24, 64, 2040)]

    def firmware():
        engine, results = Aes(), []
        yield from loaded(0, KEY, "wrap", "unwrap", flags=("to_bus",))
        for data in datas:
            wrapped = yield from engine.wrap_data(0, data)
            results.append((wrapped, (yield from engine.unwrap_data(0, wrapped))))
        return results

    assert run(firmware()) == [(keywrap.aes_key_wrap(KEY, data), data) for data in datas]


def test_without_randomness_messages_still_go(run, application):
    """IVs are counted, not drawn."""
    run(generated(0, *BOTH))
    chip = application("polyphase")
    chip.stick_noise()
    iv, ciphertext, tag = chip.run(Aes().encrypt(0, b"m"))
    assert chip.run(Aes().decrypt(0, iv, ciphertext, tag)) == b"m"


def test_a_wipe_empties_the_memory(run):
    def firmware():
        engine = Aes()
        yield from loaded(0, KEY, *BOTH)
        yield from engine.encrypt(0, octets(64), b"", IV)
        yield from engine.wipe()
        return (yield Read(registers.aes_memory.message.address, PIECE_BYTES // 4))

    assert run(firmware()) == [0] * (PIECE_BYTES // 4)
