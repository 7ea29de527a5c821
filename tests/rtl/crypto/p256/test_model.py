"""The model against another implementation, and cycles that depend on nothing but the operation.

`test_constant_time.py` does the same with thousands of keys.
"""

import hashlib
import random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from rtl.crypto.p256.arithmetic import VARIANTS
from rtl.crypto.p256.curve import P256
from rtl.crypto.p256.declarations import Operate, Status
from rtl.crypto.p256.microcode import Area
from rtl.crypto.p256.model import Class, Model, Peers

KEYS = 6
CURVE = ec.SECP256R1()
EXTERNAL = Class(external=True, to_bus=True)


def _model(variant, rng, keys):
    return Model(variant=variant, peers=Peers(keys=keys, random=lambda: rng.getrandbits(32)))


def _key(number):
    return ec.derive_private_key(number, CURVE)


def _numbers(rng, edge_keys):
    return [*edge_keys, *(rng.randrange(1, P256.n) for _ in range(KEYS))]


def test_public_keys(edge_keys):
    rng = random.Random(1)
    cycles = set()
    for number in _numbers(rng, edge_keys):
        model = _model("row", rng, {3: (number, Class())})
        assert model.run(Operate.PUBLIC, slot=3) == Status.SUCCESS
        expected = _key(number).public_key().public_numbers()
        assert (model.number(Area.X), model.number(Area.Y)) == (expected.x, expected.y), hex(number)
        cycles.add(model.cycles)
    assert len(cycles) == 1


def test_generated_keys(edge_keys):
    """Random words that are no key are drawn again, which takes its time; nothing else does."""
    rng = random.Random(2)
    cycles = set()
    for number in _numbers(rng, edge_keys):
        words = [number >> 32 * place & 0xFFFF_FFFF for place in reversed(range(8))]
        peers = Peers(keys={}, random=lambda words=words: words.pop(0) if words else rng.getrandbits(32))
        model = Model(variant="row", peers=peers)
        assert model.run(Operate.GENERATE, target=4) == Status.SUCCESS
        assert peers.results == {4: (number, False)}
        expected = _key(number).public_key().public_numbers()
        assert (model.number(Area.X), model.number(Area.Y)) == (expected.x, expected.y), hex(number)
        cycles.add(model.cycles)
    assert len(cycles) == 1


@pytest.mark.parametrize("wrong", [0, P256.n, P256.n + 1, (1 << 256) - 1])
def test_no_key_is_out_of_range(wrong):
    words = [value >> 32 * place & 0xFFFF_FFFF for value in (wrong, 5) for place in reversed(range(8))]
    rng = random.Random(3)
    peers = Peers(keys={}, random=lambda: words.pop(0) if words else rng.getrandbits(32))
    model = Model(variant="row", peers=peers)
    assert model.run(Operate.GENERATE, target=1) == Status.SUCCESS
    assert peers.results == {1: (5, False)}


@pytest.mark.parametrize("unchecked", [True, False])
def test_signatures(edge_keys, unchecked):
    rng = random.Random(4)
    numbers = _numbers(rng, edge_keys)
    cycles = set()
    for number in numbers if unchecked else numbers[:4]:
        model = _model("row", rng, {3: (number, Class(unchecked=unchecked))})
        digest = rng.choice([0, P256.n, (1 << 256) - 1, rng.getrandbits(256), rng.getrandbits(256)])
        model.load(Area.DIGEST, digest)
        assert model.run(Operate.SIGN, slot=3) == Status.SUCCESS
        signature = utils.encode_dss_signature(model.number(Area.R), model.number(Area.S))
        algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
        _key(number).public_key().verify(signature, digest.to_bytes(32, "big"), algorithm)
        cycles.add(model.cycles)
    assert len(cycles) == 1


def test_shared_secrets(edge_keys):
    rng = random.Random(5)
    cycles = set()
    for number in _numbers(rng, edge_keys):
        peer = _key(rng.choice([1, 2, P256.n - 1, number, rng.randrange(1, P256.n)]))
        point = peer.public_key().public_numbers()
        model = _model("row", rng, {3: (number, EXTERNAL)})
        model.load(Area.X, point.x)
        model.load(Area.Y, point.y)
        assert model.run(Operate.AGREE, slot=3) == Status.SUCCESS
        expected = _key(number).exchange(ec.ECDH(), peer.public_key())
        assert model.number(Area.SHARED).to_bytes(32, "big") == expected, hex(number)
        cycles.add(model.cycles)
    assert len(cycles) == 1


def test_nothing_secret_is_left(edge_keys):
    """After an operation the store's private areas and the registers are zeros."""
    rng = random.Random(6)
    model = _model("row", rng, {3: (edge_keys[-1], Class(unchecked=True))})
    model.load(Area.DIGEST, 99)
    model.run(Operate.SIGN, slot=3)
    assert not any(model.words[8 * Area.VALUE.value :])
    assert not any(model.registers)


def test_verification_where_r_was_reduced():
    """The x of the nonce's point is n or more, once in 2^128 signatures: r is x − n."""
    x = next(x for x in range(P256.n, P256.p) if _y(x) is not None)
    point, r = (x, _y(x)), x - P256.n
    # Any s and digest are right for the public key Q = (s·R − e·G) / r.
    s, digest = 12345, 67890
    left = P256.add(P256.multiply(s, point), P256.negate(P256.multiply(digest, P256.base)))
    public = P256.multiply(pow(r, -1, P256.n), left)
    model = _model("row", random.Random(7), {})
    for area, value in zip(
        (Area.X, Area.Y, Area.R, Area.S, Area.DIGEST), (*public, r, s, digest), strict=True
    ):
        model.load(area, value)
    assert model.run(Operate.VERIFY) == Status.SUCCESS
    model.load(Area.R, r + 1)
    assert model.run(Operate.VERIFY) == Status.SIGNATURE_WRONG


def _y(x):
    square = (x**3 - 3 * x + P256.b) % P256.p
    y = pow(square, (P256.p + 1) // 4, P256.p)
    return y if y * y % P256.p == square else None


def test_nonces_follow_the_rfc(edge_keys):
    """With known random words the signature is that of RFC 6979 with these words as additional data."""
    number, digest = edge_keys[-1], int.from_bytes(hashlib.sha256(b"sample").digest(), "big")
    rng, drawn = random.Random(8), []

    def word():
        drawn.append(rng.getrandbits(32))
        return drawn[-1]

    model = Model(variant="row", peers=Peers(keys={3: (number, Class(unchecked=True))}, random=word))
    model.load(Area.DIGEST, digest)
    model.run(Operate.SIGN, slot=3)
    nonce = _rfc6979(number, digest, b"".join(each.to_bytes(4, "big") for each in drawn[:8]))
    r = P256.multiply(nonce, P256.base)[0] % P256.n
    assert model.number(Area.R) == r
    assert model.number(Area.S) == pow(nonce, -1, P256.n) * (digest + number * r) % P256.n


def _rfc6979(key, digest, extra):
    import hmac

    seed = key.to_bytes(32, "big") + (digest % P256.n).to_bytes(32, "big") + extra
    k, v = bytes(32), b"\1" * 32
    for tag in (b"\0", b"\1"):
        k = hmac.digest(k, v + tag + seed, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:
        v = hmac.digest(k, v, "sha256")
        if 0 < int.from_bytes(v, "big") < P256.n:
            return int.from_bytes(v, "big")
        k = hmac.digest(k, v + b"\0", "sha256")
        v = hmac.digest(k, v, "sha256")


def test_the_rfc_s_own_vector():
    """RFC 6979, A.2.5, P-256 with SHA-256 and the message "sample": without additional data."""
    key = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    digest = int.from_bytes(hashlib.sha256(b"sample").digest(), "big")
    assert _rfc6979(key, digest, b"") == 0xA6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60


def test_every_variant_gives_the_same(edge_keys):
    results = set()
    for variant in VARIANTS:
        model = _model(variant, random.Random(9), {3: (edge_keys[-1], EXTERNAL)})
        model.load(Area.X, P256.gx)
        model.load(Area.Y, P256.gy)
        model.run(Operate.AGREE, slot=3)
        results.add(model.number(Area.SHARED))
    assert len(results) == 1
