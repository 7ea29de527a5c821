"""The vectors of the packages, put to the package ``cryptography``: readers and judge are right."""

import os
from collections import Counter

import pytest

from sim.vectors import Verdict, known_files, read_vectors, run, sampled
from sim.vectors.cases import Case, EcdsaVerify, Result

ALL = os.environ.get("WATTSEAL_VECTORS") == "all"
SLOW = "ciphers/AES/GCM/"  # with IVs of one byte, for which the reference multiplies bit by bit

COUNTS = {
    "hashes/SHA2/SHA256ShortMsg.rsp": (65, 0, 0),
    "hashes/SHA2/SHA256LongMsg.rsp": (64, 0, 0),
    "hashes/SHA2/SHA256Monte.rsp": (100, 0, 0),
    "HMAC/rfc-4231-sha256.txt": (6, 0, 0),
    "KDF/rfc-5869-HKDF-SHA256.txt": (3, 0, 0),
    "KDF/hkdf-generated.txt": (1, 0, 0),
    "ciphers/AES/GCM/gcmDecrypt128.rsp": (3864, 4011, 0),
    "ciphers/AES/GCM/gcmEncryptExtIV192.rsp": (0, 0, 7875),
    "ciphers/AES/GCM/gcmEncryptExtIV256.rsp": (7875, 0, 0),
    "CMAC/nist-800-38b-aes128.txt": (4, 0, 0),
    "keywrap/kwtestvectors/KW_AD_256.txt": (400, 100, 0),
    "keywrap/kwtestvectors/KW_AE_128.txt": (500, 0, 0),
    "keywrap/kwtestvectors/KW_AE_128_inv.txt": (0, 0, 500),
    "keywrap/kwtestvectors/KWP_AD_256.txt": (0, 0, 500),
    "asymmetric/ECDSA/FIPS_186-3/KeyPair.rsp": (10, 0, 140),
    "asymmetric/ECDSA/FIPS_186-3/PKV.rsp": (4, 8, 168),
    "asymmetric/ECDSA/FIPS_186-3/SigGen.txt": (75, 0, 1050),
    "asymmetric/ECDSA/FIPS_186-3/SigVer.rsp": (15, 60, 1050),
    "asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax": (18, 12, 120),
}
"""Valid, invalid and skipped vectors of files that NIST has long closed."""


@pytest.mark.parametrize("file", known_files())
def test_the_reference_passes(file, reference):
    vectors = read_vectors(file)
    if file.startswith(SLOW) and not ALL:
        vectors = sampled(vectors, 1, {"aes": 600})
    outcomes = list(run(vectors, reference, lambda *_: None))
    failed = [outcome for outcome in outcomes if outcome.verdict is Verdict.FAILED]
    assert not failed, "\n".join(f"{outcome.sentence}\n  {outcome.repetition()}" for outcome in failed[:10])
    assert all(outcome.reason for outcome in outcomes if outcome.verdict is Verdict.SKIPPED)


@pytest.mark.parametrize("file", COUNTS)
def test_no_vector_is_lost(file):
    counts = Counter(vector.result if isinstance(vector, Case) else None for vector in read_vectors(file))
    assert (counts[Result.VALID], counts[Result.INVALID], counts[None]) == COUNTS[file]
    assert counts[Result.ACCEPTABLE] == 0


@pytest.mark.parametrize("file", known_files())
def test_numbers_name_one_vector(file):
    numbers = [vector.place.number for vector in read_vectors(file)]
    assert len(set(numbers)) == len(numbers)


def test_signatures_are_hashed_as_their_file_says():
    digests = {
        vector.digest_name
        for vector in read_vectors("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp")
        if isinstance(vector, EcdsaVerify)
    }
    assert digests == {"sha1", "sha224", "sha256", "sha384", "sha512"}
