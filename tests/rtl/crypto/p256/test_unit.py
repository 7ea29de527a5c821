"""Operations on RTL: results against another implementation, cycles against the model and the budgets.

WATTSEAL_P256=all takes 200 random keys instead of a few.
"""

import os
import random
import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from rtl.bus import KeySource
from rtl.crypto.p256.curve import P256
from rtl.crypto.p256.declarations import Operate, Status
from rtl.crypto.p256.microcode import PUBLIC_AREAS, Area
from rtl.crypto.p256.model import Class
from rtl.crypto.p256.unit import Unit

BUDGETS = tomllib.loads((Path(__file__).parents[4] / "bench" / "budgets.toml").read_text())["p256"]
ALL = os.environ.get("WATTSEAL_P256") == "all"
RANDOM_KEYS = 200 if ALL else 1
CURVE = ec.SECP256R1()
FREE = {"external": True, "to_bus": True, "unchecked": True}
ALGORITHM = ec.ECDSA(utils.Prehashed(hashes.SHA256()))


def _keys(edge_keys):
    rng = random.Random(1)
    # Without the long run: the ends of the range, and a digit of a window for which a point meets itself.
    some = edge_keys if ALL else [1, P256.n - 1, 64]
    return [*some, *(rng.randrange(1, P256.n) for _ in range(RANDOM_KEYS))]


def _public(number):
    numbers = ec.derive_private_key(number, CURVE).public_key().public_numbers()
    return numbers.x, numbers.y


class _Both:
    """RTL and model, which must agree."""

    def __init__(self, device, key, seed, **key_class):
        self.device = device
        device.put_key(5, key, **key_class)
        self.model = device.twin(seed | 1, {5: (key, Class(**key_class))})
        for area in PUBLIC_AREAS:
            self.model.load(area, device.number(area.name.lower()))

    def load(self, **numbers):
        for name, number in numbers.items():
            self.device.load(name, number)
            self.model.load(Area[name.upper()], number)

    def run(self, operation, **fields):
        """Do it; returns the status and the numbers of all windows."""
        status = self.device.run(operation, slot=5, target=6, **fields)
        said = f"{operation.name} on {self.device.variant}"
        assert status == self.model.run(operation, slot=5, target=6, **fields), said
        assert self.device.cycles == self.model.cycles, said
        numbers = {area.name.lower(): self.device.number(area.name.lower()) for area in PUBLIC_AREAS}
        assert numbers == {area.name.lower(): self.model.number(area) for area in PUBLIC_AREAS}, said
        return status, numbers


@pytest.fixture
def both(device):
    """Puts a key into both."""
    return lambda key, seed=1, **key_class: _Both(device, key, seed, **key_class)


def test_secret_operations(both, device, edge_keys, variant):
    """Every key gives what another implementation gives, in the model's cycles, the same for all."""
    cycles = {}
    rng = random.Random(2)
    for seed, key in enumerate(_keys(edge_keys), start=1):
        pair = both(key, rng.getrandbits(32), **FREE)
        status, numbers = pair.run(Operate.PUBLIC)
        assert status == Status.SUCCESS
        assert (numbers["x"], numbers["y"]) == _public(key), f"{key:#x}, seed {seed}"
        cycles.setdefault("public", set()).add(device.cycles)

        peer = ec.derive_private_key(rng.choice([1, 2, rng.randrange(1, P256.n)]), CURVE)
        point = peer.public_key().public_numbers()
        pair.load(x=point.x, y=point.y)
        status, numbers = pair.run(Operate.AGREE)
        assert status == Status.SUCCESS
        secret = ec.derive_private_key(key, CURVE).exchange(ec.ECDH(), peer.public_key())
        assert numbers["shared"].to_bytes(32, "big") == secret, f"{key:#x}, seed {seed}"
        cycles.setdefault("agree", set()).add(device.cycles)

        digest = rng.getrandbits(256)
        pair.load(digest=digest)
        status, numbers = pair.run(Operate.SIGN)
        assert status == Status.SUCCESS
        signature = utils.encode_dss_signature(numbers["r"], numbers["s"])
        public = ec.derive_private_key(key, CURVE).public_key()
        public.verify(signature, digest.to_bytes(32, "big"), ALGORITHM)
        cycles.setdefault("sign_unchecked", set()).add(device.cycles)
    for name, values in cycles.items():
        assert len(values) == 1, f"{name} on {variant}: {values}"
        assert max(values) <= BUDGETS[f"{name}_{variant}"], f"{name} on {variant}: {values}"


def test_a_key_is_generated(both, device, variant):
    pair = both(1, 77)
    status, numbers = pair.run(Operate.GENERATE)
    assert status == Status.SUCCESS
    assert device.block.get("taken_slot") == 6
    assert not device.block.get("taken_external")
    assert device.block.get("taken_generated")
    assert device.block.get("taken_source") == KeySource.RANDOM.value
    key = device.block.get("made")
    assert (numbers["x"], numbers["y"]) == _public(key)
    assert device.cycles <= BUDGETS[f"generate_{variant}"], device.cycles


def test_a_signature_is_checked_and_verifies(both, device, variant):
    """By the unit itself, with one other bit of anything it does not."""
    rng = random.Random(3)
    key, digest = rng.randrange(1, P256.n), rng.getrandbits(256)
    pair = both(key, 99)
    pair.load(digest=digest)
    status, numbers = pair.run(Operate.SIGN)
    assert status == Status.SUCCESS
    assert device.cycles <= BUDGETS[f"sign_{variant}"], device.cycles
    signature = utils.encode_dss_signature(numbers["r"], numbers["s"])
    ec.derive_private_key(key, CURVE).public_key().verify(signature, digest.to_bytes(32, "big"), ALGORITHM)
    x, y = _public(key)
    pair.load(x=x, y=y)
    assert pair.run(Operate.VERIFY)[0] == Status.SUCCESS
    assert device.cycles <= BUDGETS[f"verify_{variant}"], device.cycles
    for name in ("r", "s", "digest"):
        pair.load(**{name: numbers.get(name, digest) ^ 1 << rng.randrange(200)})
        assert pair.run(Operate.VERIFY)[0] == Status.SIGNATURE_WRONG, name
        pair.load(**{name: numbers.get(name, digest)})
    pair.load(x=_public(key + 1)[0], y=_public(key + 1)[1])
    assert pair.run(Operate.VERIFY)[0] == Status.SIGNATURE_WRONG


@pytest.mark.parametrize("digest", [0, P256.n, (1 << 256) - 1])
def test_digests_of_zero_and_above_the_order(both, digest):
    """They are taken modulo n; the base point's factor in a verification may be 0."""
    key = 0xABCDEF
    pair = both(key, 5, unchecked=True)
    pair.load(digest=digest)
    _, numbers = pair.run(Operate.SIGN)
    x, y = _public(key)
    pair.load(x=x, y=y)
    assert pair.run(Operate.VERIFY)[0] == Status.SUCCESS
    signature = utils.encode_dss_signature(numbers["r"], numbers["s"])
    ec.derive_private_key(key, CURVE).public_key().verify(signature, digest.to_bytes(32, "big"), ALGORITHM)


def test_verification_of_points_that_meet(both):
    """Public key G or −G, and factors that are equal or opposite: sums of equal and opposite points."""
    for key in (1, P256.n - 1):
        x, y = _public(key)
        for nonce in (1, 2, P256.n - 1):
            r = _public(nonce)[0] % P256.n
            for digest in (r, P256.n - r, r * key % P256.n, 5):
                s = pow(nonce, -1, P256.n) * (digest + r * key) % P256.n
                if s:
                    pair = both(key)
                    pair.load(x=x, y=y, r=r, s=s, digest=digest)
                    status, _ = pair.run(Operate.VERIFY)
                    assert status == Status.SUCCESS, f"key {key:#x}, nonce {nonce:#x}, digest {digest:#x}"
        if not ALL:
            break


def test_a_point_is_validated(both, device, variant):
    x, y = _public(123)
    pair = both(1)
    pair.load(x=x, y=y)
    assert pair.run(Operate.VALIDATE)[0] == Status.SUCCESS
    assert device.cycles <= BUDGETS[f"validate_{variant}"], device.cycles


def test_random_words_change_the_signature_but_not_the_cycles(both, device):
    signatures, cycles = set(), set()
    for seed in (11, 22):
        pair = both(7, seed, unchecked=True)
        pair.load(digest=1)
        signatures.add(pair.run(Operate.SIGN)[1]["r"])
        cycles.add(device.cycles)
    assert len(signatures) == 2
    assert len(cycles) == 1


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="'quick'"):
        Unit(variant="quick", slots=4)
    with pytest.raises(ValueError, match="must be 2 or more, not 1"):
        Unit(variant="row", slots=1)
