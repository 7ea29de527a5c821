"""The P-256 driver on the application's side of the chip, against the package ``cryptography``."""

import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from soc.generated import registers
from sw.app import access
from sw.app.drivers import keystore, sysinfo
from sw.app.drivers.entropy import Entropy
from sw.app.drivers.keystore import KeyStore
from sw.app.drivers.p256 import IDENTIFICATION, P256, VERSION, Refused

CURVE = ec.SECP256R1()
ECDSA = ec.ECDSA(utils.Prehashed(SHA256()))
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551
DIGEST = bytes(range(32))


def private_number(seed):
    return random.Random(seed).randrange(1, ORDER)


def point_of(private):
    numbers = ec.derive_private_key(private, CURVE).public_key().public_numbers()
    return numbers.x, numbers.y


def signature_of(private, digest=DIGEST):
    return utils.decode_dss_signature(ec.derive_private_key(private, CURVE).sign(digest, ECDSA))


def is_right(public_key, digest, signature):
    key = ec.EllipticCurvePublicNumbers(public_key[0], public_key[1], CURVE).public_key()
    try:
        key.verify(utils.encode_dss_signature(*signature), digest, ECDSA)
    except InvalidSignature:
        return False
    return True


def loaded(slot, private, operation, flags=()):
    yield from KeyStore().define(slot, operation, flags=flags)
    yield from KeyStore().load(slot, private.to_bytes(32, "big"))


def made(slot, operation, flags=()):
    yield from KeyStore().define(slot, operation, flags=flags)
    return (yield from P256().generate(slot))


def test_a_key_made_here_signs(run):
    def firmware():
        yield from sysinfo.check(registers.p256, IDENTIFICATION, VERSION)
        unit = P256()
        public_key = yield from made(1, "sign")
        again = yield from unit.public(1)
        signatures = []
        for _ in range(2):
            signatures += [(yield from unit.sign(1, DIGEST))]
        state = yield from KeyStore().state(1)
        return public_key, again, signatures, state

    public_key, again, signatures, state = run(firmware())
    assert again == public_key
    assert [is_right(public_key, DIGEST, signature) for signature in signatures] == [True, True]
    assert signatures[0] != signatures[1], "nonces take randomness in"
    assert state["valid"]
    assert not state["external"]


@pytest.mark.parametrize("seed", range(3))
def test_a_loaded_key(run, seed):
    private, digest = private_number(seed), random.Random(-seed).randbytes(32)

    def firmware():
        yield from loaded(0, private, "sign")
        return (yield from P256().public(0)), (yield from P256().sign(0, digest))

    public_key, signature = run(firmware())
    assert public_key == point_of(private), f"repeat with seed {seed}"
    assert is_right(public_key, digest, signature), f"repeat with seed {seed}"


@pytest.mark.parametrize("seed", range(3))
def test_verification(run, seed):
    private = private_number(seed)
    public_key, (r, s) = point_of(private), signature_of(private)
    other = bytes([DIGEST[0] ^ 1]) + DIGEST[1:]

    def firmware():
        tried = [
            (public_key, DIGEST, (r, s)),
            (public_key, DIGEST, (r, ORDER - s)),  # as right as the other
            (public_key, other, (r, s)),
            (public_key, DIGEST, (s, r)),
            (point_of(private + 1), DIGEST, (r, s)),
        ]
        answers = []
        for arguments in tried:
            answers += [(yield from P256().verify(*arguments))]
        return answers

    assert run(firmware()) == [True, True, False, False, False], f"repeat with seed {seed}"


@pytest.mark.parametrize(
    ("signature", "status"),
    [
        ((0, 1), "r_zero"),
        ((ORDER, 1), "r_range"),
        ((1, 0), "s_zero"),
        ((1, 2**256 - 1), "s_range"),
    ],
)
def test_what_no_signature_can_be(run, said, signature, status):
    assert run(said(Refused, P256().verify(point_of(5), DIGEST, signature))) == [status]


@pytest.mark.parametrize(
    ("point", "status"),
    [
        (point_of(7), None),
        ((0, 0), "infinity"),
        ((PRIME, 1), "point_range"),
        ((1, 2**256 - 1), "point_range"),
        ((point_of(7)[0], point_of(7)[1] ^ 1), "point_off_curve"),
    ],
)
def test_public_keys_are_looked_at(run, said, point, status):
    def firmware():
        yield from loaded(0, 3, "agree", flags=("to_bus",))
        unit = P256()
        return (
            yield from said(
                Refused,
                unit.validate(point),
                unit.agree(0, point),
                unit.verify(point, DIGEST, signature_of(7)),
            )
        )

    assert run(firmware()) == [status] * 3


def test_agreement_with_a_key_from_the_bus(run):
    private, peer = private_number("own"), private_number("peer")
    shared = ec.derive_private_key(private, CURVE).exchange(
        ec.ECDH(), ec.derive_private_key(peer, CURVE).public_key()
    )

    def firmware():
        yield from loaded(0, private, "agree", flags=("to_bus",))
        to_bus = yield from P256().agree(0, point_of(peer))
        yield from KeyStore().define(1, "hmac")
        to_slot = yield from P256().agree(0, point_of(peer), target=1)
        return to_bus, to_slot, (yield from KeyStore().state(1))

    to_bus, to_slot, state = run(firmware())
    assert to_bus == shared
    assert to_slot is None
    assert state["valid"]
    assert state["external"]


def test_a_secret_shared_by_a_key_made_here_stays_here(run, said):
    def firmware():
        yield from made(0, "agree")
        yield from loaded(1, 3, "agree")
        return (yield from said(Refused, *(P256().agree(slot, point_of(7)) for slot in (0, 1))))

    assert run(firmware()) == ["slot_only", "slot_only"]


def test_slots_that_are_not_for_this(run, said):
    def firmware():
        unit, store = P256(), KeyStore()
        yield from made(0, "sign")
        yield from made(1, "agree")
        yield from store.define(2, "hmac")
        yield from store.generate(2)
        return (
            yield from said(
                Refused,
                unit.sign(1, DIGEST),
                unit.agree(0, point_of(7), target=3),
                unit.public(2),
                unit.sign(3, DIGEST),
                unit.sign(255, DIGEST),
                unit.generate(0),
                unit.generate(3),
                unit.agree(1, point_of(7), target=0),
            )
        )

    assert run(firmware()) == [*["key_refused"] * 4, "unknown", *["target_refused"] * 3]


@pytest.mark.parametrize("private", [0, ORDER, 2**256 - 1])
def test_private_keys_out_of_range(run, said, private):
    def firmware():
        yield from loaded(0, private, "sign")
        return (yield from said(Refused, P256().sign(0, DIGEST), P256().public(0)))

    assert run(firmware()) == ["key_range", "key_range"]


def test_a_template_slot_signs_no_digest_of_the_bus(run, said):
    def firmware():
        public_key = yield from made(0, "sign", flags=("template",))
        yield from loaded(1, 3, "sign", flags=("template",))
        refusals = yield from said(Refused, *(P256().sign(slot, DIGEST) for slot in (0, 1)))
        return public_key, (yield from P256().public(0)), refusals

    public_key, again, refusals = run(firmware())
    assert refusals == ["template_only", "template_only"]
    assert again == public_key


def test_without_randomness_nothing_secret_is_done(run, said, application):
    private = private_number("without")
    public_key, signature = point_of(private), signature_of(private)

    def before():
        yield from loaded(0, private, "sign")
        yield from loaded(1, private, "agree", flags=("to_bus",))
        yield from KeyStore().define(2, "sign")
        yield from KeyStore().define(3, "hmac")

    def broken():
        unit = P256()
        secret = yield from said(
            Refused, unit.sign(0, DIGEST), unit.public(0), unit.agree(1, public_key), unit.generate(2)
        )
        generated = yield from said(keystore.Refused, KeyStore().generate(3))
        return secret, generated, (yield from unit.verify(public_key, DIGEST, signature))

    run(before())
    chip = application("polyphase")
    chip.stick_noise()
    secret, generated, verified = chip.run(broken())
    assert secret == ["no_randomness"] * 4
    assert generated == ["there is no healthy randomness"]
    assert verified, "verification is public"
    chip.stick_noise(stuck=False)
    assert chip.run(Entropy().ready())
    assert is_right(public_key, DIGEST, chip.run(P256().sign(0, DIGEST)))


def test_a_wipe_empties_the_windows(run):
    def firmware():
        unit, left = P256(), []
        yield from loaded(0, 3, "sign")
        yield from unit.public(0)
        yield from unit.sign(0, DIGEST)
        yield from unit.wipe()
        for register in (registers.p256.x, registers.p256.y, registers.p256.r, registers.p256.s):
            left += [(yield from access.read(register))]
        return left

    assert run(firmware()) == [0] * 4
