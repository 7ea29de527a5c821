"""NIST's known answers for SHA-256 and those of RFC 4231 for HMAC, on the RTL."""

import pytest

from rtl.crypto.sha256 import Command
from sim.vectors import read_vectors
from sim.vectors.judge import CHAIN

SAMPLED_OF_COMPACT = 5
"""One in so many Monte Carlo results on the compact core, unless WATTSEAL_VECTORS is ``all``."""


@pytest.mark.parametrize(("name", "count"), [("SHA256ShortMsg", 65), ("SHA256LongMsg", 64)])
def test_messages(users, name, count):
    user = users()[1]
    cases = read_vectors(f"hashes/SHA2/{name}.rsp")
    assert len(cases) == count
    for case in cases:
        assert user.digest(Command.HASH, case.message) == case.digest, case.place


def test_monte_carlo(users, variant, all_vectors):
    """Each of the 100 results is that of 1000 messages, which the result before it begins."""
    user = users()[1]
    cases = read_vectors("hashes/SHA2/SHA256Monte.rsp")
    assert len(cases) == 100
    step = 1 if all_vectors or variant == "fast" else SAMPLED_OF_COMPACT
    for case in cases[::step]:
        digests = [case.seed] * 3
        for _ in range(CHAIN):
            digests = [*digests[1:], user.digest(Command.HASH, b"".join(digests))]
        assert digests[-1] == case.digest, case.place
    print(f"SHA256Monte on {variant}: {len(cases[::step])} of {len(cases)} results checked")


def test_hmac(users):
    user = users()[1]
    cases = read_vectors("HMAC/rfc-4231-sha256.txt")
    assert len(cases) == 6
    for case in cases:
        user.do(Command.KEY, case.key)
        assert user.digest(Command.HMAC, case.message) == case.tag, case.place
