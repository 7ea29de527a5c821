"""The curve and the tables that follow from it, against another implementation."""

import random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from rtl.crypto.p256.curve import COLUMNS, P256, TABLES, TEETH, Comb


def _public(scalar):
    numbers = ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
    return numbers.x, numbers.y


@pytest.mark.parametrize("seed", range(4))
def test_multiples_are_those_of_another_implementation(seed):
    scalar = random.Random(seed).randrange(1, P256.n)
    assert P256.multiply(scalar, P256.base) == _public(scalar)


def test_edge_multiples():
    assert P256.multiply(0, P256.base) is None
    assert P256.multiply(P256.n, P256.base) is None
    assert P256.multiply(P256.n - 1, P256.base) == P256.negate(P256.base)
    assert P256.multiply(2, P256.base) == _public(2)


def test_table_entries_are_the_signed_sums():
    points = Comb(P256).points
    assert len(points) == (TABLES + 1) * 16
    for place, point in enumerate(points):
        table, index = divmod(place, 16)
        gap, shift = (COLUMNS, table * COLUMNS // TABLES) if table < TABLES else (1, 0)
        signs = [1 if index >> tooth & 1 else -1 for tooth in range(TEETH - 1)] + [1]
        scalar = sum(sign << gap * tooth for tooth, sign in enumerate(signs)) << shift
        assert point == _public(scalar % P256.n), f"table {table}, index {index}"


def test_the_order_lets_the_factor_reach_every_word():
    """The order is 2^256 − 2^224 + 2^192 − δ with δ about 2^126: no word of r·n is a constant.

    Bit 192 is that of r·δ and the lowest one of r, which the key decides.
    """
    delta = (1 << 256) - (1 << 224) + (1 << 192) - P256.n
    assert 1 << 125 < delta < 1 << 128
    rng, bits = random.Random(1), P256.blinding_bits
    factors = [rng.getrandbits(bits) | 1 for _ in range(64)]
    words = [{factor * P256.n >> 32 * word & 0xFFFF_FFFF for factor in factors} for word in range(10)]
    assert all(len(values) == 64 for values in words)
    ones = sum(factor * P256.n >> 192 & 1 for factor in factors)
    assert 16 < ones < 48
