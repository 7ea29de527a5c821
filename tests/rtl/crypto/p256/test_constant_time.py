"""Every key takes the same cycles: the exact model over all edges of the range and 10 000 random keys.

WATTSEAL_CONSTANT_TIME=all (``make constant-time``) takes them all, otherwise there are a few. The program
itself is looked at in `test_taint.py`, the RTL in `tests/sw/app/drivers/test_constant_time.py`.
"""

import itertools
import os
import random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from rtl.crypto.p256.curve import P256
from rtl.crypto.p256.declarations import Operate, Status
from rtl.crypto.p256.microcode import Area
from rtl.crypto.p256.model import Class, Model, Peers

ALL = os.environ.get("WATTSEAL_CONSTANT_TIME") == "all"
RANDOM_KEYS = {"row": 10_000, "compact": 1_000} if ALL else {"row": 4, "compact": 1}
CHECKED_KEYS = 1_000  # that a signature with its check, which takes long, is made with
CHUNK = 250
CURVE = ec.SECP256R1()
ALGORITHM = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
SLOT, TARGET = 3, 4


def _edges():
    """Both ends of the range, powers of two, runs of ones and zeros, and every digit in every window."""
    n, top = P256.n, 1 << P256.bits
    places = range(P256.bits)
    keys = [*range(1, 70), *(n - number for number in range(1, 70))]
    keys += [1 << place for place in places] + [n - (1 << place) for place in places]
    keys += [(1 << place) - 1 for place in places] + [n - (1 << place) + 1 for place in places]
    keys += [top - (1 << place) for place in places]  # ones above zeros
    keys += [(top - 1) // 2 ^ ((1 << 32) - 1) << 32 * word for word in range(8)]  # a word of zeros
    keys += [int(digit * 64, 16) for digit in "123456789ABCDE"]
    keys += [sum(digit << 5 * window for window in range(51)) for digit in range(1, 32)]
    return sorted({key for key in keys if 0 < key < n})


def _all_keys(variant):
    rng = random.Random(f"keys of {variant}")
    edges = _edges() if ALL else [1, P256.n - 1, (1 << 200) - 1]
    return [*edges, *(rng.randrange(1, P256.n) for _ in range(RANDOM_KEYS[variant]))]


KEYS = {variant: _all_keys(variant) for variant in RANDOM_KEYS}


def _public(key):
    point = ec.derive_private_key(key, CURVE).public_key().public_numbers()
    return point.x, point.y


def _model(variant, rng, key, **key_class):
    keys = {SLOT: (key, Class(**key_class))}
    return Model(variant=variant, peers=Peers(keys=keys, random=lambda: rng.getrandbits(32)))


def _generate(variant, rng, key):
    words = [key >> 32 * place & 0xFFFF_FFFF for place in range(8)]
    peers = Peers(keys={}, random=lambda: words.pop() if words else rng.getrandbits(32))
    model = Model(variant=variant, peers=peers)
    assert model.run(Operate.GENERATE, target=TARGET) == Status.SUCCESS
    assert peers.results == {TARGET: (key, False)}
    assert (model.number(Area.X), model.number(Area.Y)) == _public(key)
    return model.cycles


def _public_key(variant, rng, key):
    model = _model(variant, rng, key)
    assert model.run(Operate.PUBLIC, slot=SLOT) == Status.SUCCESS
    assert (model.number(Area.X), model.number(Area.Y)) == _public(key)
    return model.cycles


def _sign(variant, rng, key, *, unchecked=False):
    model = _model(variant, rng, key, unchecked=unchecked)
    digest = rng.choice([0, P256.n, (1 << 256) - 1, *(rng.getrandbits(256) for _ in range(5))])
    model.load(Area.DIGEST, digest)
    assert model.run(Operate.SIGN, slot=SLOT) == Status.SUCCESS
    signature = utils.encode_dss_signature(model.number(Area.R), model.number(Area.S))
    public = ec.derive_private_key(key, CURVE).public_key()
    public.verify(signature, digest.to_bytes(32, "big"), ALGORITHM)
    return model.cycles


def _sign_unchecked(variant, rng, key):
    return _sign(variant, rng, key, unchecked=True)


def _agree(variant, rng, key):
    peer = ec.derive_private_key(rng.choice([1, P256.n - 1, key, rng.randrange(1, P256.n)]), CURVE)
    point = peer.public_key().public_numbers()
    model = _model(variant, rng, key, external=True, to_bus=True)
    model.load(Area.X, point.x)
    model.load(Area.Y, point.y)
    assert model.run(Operate.AGREE, slot=SLOT) == Status.SUCCESS
    secret = ec.derive_private_key(key, CURVE).exchange(ec.ECDH(), peer.public_key())
    assert model.number(Area.SHARED).to_bytes(32, "big") == secret
    return model.cycles


OPERATIONS = {
    "generate": _generate,
    "public": _public_key,
    "sign": _sign,
    "sign_unchecked": _sign_unchecked,
    "agree": _agree,
}
EDGES = len(KEYS["row"]) - RANDOM_KEYS["row"]
CHUNKS = [
    (variant, name, first)
    for variant, keys in KEYS.items()
    for name in OPERATIONS
    for first in range(0, EDGES + CHECKED_KEYS if name == "sign" else len(keys), CHUNK)
    if first < len(keys)
]
USUAL_KEY = 0x1234_5678_9ABC_DEF0 << 190 | 0x0FED_CBA9_8765_4321


@pytest.mark.parametrize(("variant", "name", "first"), CHUNKS)
def test_every_key_takes_the_same_cycles(variant, name, first):
    run = OPERATIONS[name]
    usual = run(variant, random.Random("usual"), USUAL_KEY)
    for number, key in enumerate(itertools.islice(KEYS[variant], first, first + CHUNK), start=first):
        seed = f"{name} {number}"
        assert run(variant, random.Random(seed), key) == usual, f"{variant}, key {key:#x}, seed {seed!r}"
