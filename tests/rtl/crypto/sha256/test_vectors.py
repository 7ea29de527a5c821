"""NIST's known answers for SHA-256 and those of RFC 4231 for HMAC, on the RTL."""

import pytest

from rtl.crypto.sha256 import Command

ROUNDS = 1000
SAMPLED_OF_COMPACT = 5
"""One in so many Monte Carlo results on the compact core, unless WATTSEAL_VECTORS is ``all``."""


@pytest.mark.parametrize(("name", "count"), [("SHA256ShortMsg", 65), ("SHA256LongMsg", 64)])
def test_messages(users, vectors, name, count):
    user = users()[1]
    cases = vectors(f"hashes/SHA2/{name}.rsp")
    assert len(cases) == count
    for case in cases:
        message = bytes.fromhex(case["Msg"])[: int(case["Len"]) // 8]
        assert user.digest(Command.HASH, message).hex() == case["MD"], f"{name}, length {case['Len']}"


def test_monte_carlo(users, vectors, variant, all_vectors):
    """Each of the 100 results is that of 1000 messages, which the result before it begins."""
    user = users()[1]
    cases = vectors("hashes/SHA2/SHA256Monte.rsp")
    assert len(cases) == 100
    seeds = [cases[0]["Seed"], *(case["MD"] for case in cases)]
    step = 1 if all_vectors or variant == "fast" else SAMPLED_OF_COMPACT
    for number in range(0, len(cases), step):
        digests = [bytes.fromhex(seeds[number])] * 3
        for _ in range(ROUNDS):
            digests = [*digests[1:], user.digest(Command.HASH, b"".join(digests))]
        assert digests[-1].hex() == cases[number]["MD"], f"SHA256Monte, count {number}"
    print(f"SHA256Monte on {variant}: {len(range(0, len(cases), step))} of {len(cases)} results checked")


def test_hmac(users, vectors):
    user = users()[1]
    cases = vectors("HMAC/rfc-4231-sha256.txt")
    assert len(cases) == 6
    for number, case in enumerate(cases):
        user.do(Command.KEY, bytes.fromhex(case["Key"]))
        message = bytes.fromhex(case["Msg"])[: int(case["Len"]) // 8]
        assert user.digest(Command.HMAC, message).hex() == case["MD"], f"RFC 4231, case {number}"
