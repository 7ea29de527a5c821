"""NIST's known answers for SHA-256 and those of RFC 4231 for HMAC, on the RTL."""

import pytest

from rtl.crypto.sha256 import Command

ROUNDS = 1000


@pytest.mark.parametrize(("name", "count"), [("SHA256ShortMsg", 65), ("SHA256LongMsg", 64)])
def test_messages(users, vectors, name, count):
    user = users()[1]
    cases = vectors(f"hashes/SHA2/{name}.rsp")
    assert len(cases) == count
    for case in cases:
        message = bytes.fromhex(case["Msg"])[: int(case["Len"]) // 8]
        assert user.digest(Command.HASH, message).hex() == case["MD"], f"{name}, length {case['Len']}"


def test_monte_carlo(users, vectors):
    user = users()[1]
    cases = vectors("hashes/SHA2/SHA256Monte.rsp")
    assert len(cases) == 100
    seed = bytes.fromhex(cases[0]["Seed"])
    for case in cases:
        digests = [seed] * 3
        for _ in range(ROUNDS):
            digests = [*digests[1:], user.digest(Command.HASH, b"".join(digests))]
        seed = digests[-1]
        assert seed.hex() == case["MD"], f"SHA256Monte, count {case['COUNT']}"


def test_hmac(users, vectors):
    user = users()[1]
    cases = vectors("HMAC/rfc-4231-sha256.txt")
    assert len(cases) == 6
    for number, case in enumerate(cases):
        user.do(Command.KEY, bytes.fromhex(case["Key"]))
        message = bytes.fromhex(case["Msg"])[: int(case["Len"]) // 8]
        assert user.digest(Command.HMAC, message).hex() == case["MD"], f"RFC 4231, case {number}"
