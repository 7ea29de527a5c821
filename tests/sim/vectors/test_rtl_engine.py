"""The chip's RTL as an engine: answers of every operation, and a small sample of all vectors."""

import random

import pytest

from sim.vectors import Verdict, known_files, read_vectors, run, sampled
from sim.vectors.cases import Point, Signature
from sim.vectors.engine import Refused, Sealed
from sim.vectors.rtl_engine import RtlEngine
from sim.vectors.signatures import signature_is_right
from soc.config import preset

FEW = {"sha256": 10, "aes": 12, "p256": 2}
ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551


@pytest.fixture(scope="module")
def rtl():
    return RtlEngine(preset("polyphase"))


@pytest.fixture
def octets():
    generator = random.Random(2)
    return generator.randbytes


@pytest.mark.parametrize("key_bytes", [0, 16, 32, 100])
def test_sha256_and_hmac(rtl, reference, octets, key_bytes):
    key, message = octets(key_bytes), octets(3 * key_bytes + 1)
    assert rtl.sha256(message) == reference.sha256(message)
    assert rtl.hmac_sha256(key, message) == reference.hmac_sha256(key, message)


@pytest.mark.parametrize("ikm_bytes", [22, 32])
@pytest.mark.parametrize("length", [0, 42, 100, 8161])
def test_hkdf(rtl, reference, octets, ikm_bytes, length):
    asked = {"ikm": octets(ikm_bytes), "salt": octets(13), "info": octets(10), "length": length}
    got, expected = rtl.hkdf_sha256(**asked), reference.hkdf_sha256(**asked)
    assert isinstance(got, Refused) if isinstance(expected, Refused) else got == expected


@pytest.mark.parametrize("key_bytes", [16, 32])
@pytest.mark.parametrize("iv_bytes", [1, 12, 40])
def test_gcm(rtl, reference, octets, key_bytes, iv_bytes):
    asked = {"key": octets(key_bytes), "iv": octets(iv_bytes), "aad": octets(21)}
    sealed = rtl.aes_gcm_encrypt(**asked, plaintext=b"a reading", tag_bytes=12)
    assert isinstance(sealed, Sealed)
    assert sealed == reference.aes_gcm_encrypt(**asked, plaintext=b"a reading", tag_bytes=12)
    assert rtl.aes_gcm_decrypt(**asked, **sealed._asdict()) == b"a reading"
    wrong = sealed.tag[:-1] + bytes([sealed.tag[-1] ^ 1])
    opened = rtl.aes_gcm_decrypt(**asked, ciphertext=sealed.ciphertext, tag=wrong)
    assert opened == Refused("The AES unit refused: tag wrong")


@pytest.mark.parametrize("key_bytes", [16, 32])
def test_cmac_and_key_wrap(rtl, reference, octets, key_bytes):
    key, message, data = octets(key_bytes), octets(50), octets(24)
    assert rtl.aes_cmac(key, message) == reference.aes_cmac(key, message)
    wrapped = rtl.aes_wrap(key, data)
    assert wrapped == reference.aes_wrap(key, data)
    assert rtl.aes_unwrap(key, wrapped) == data
    assert isinstance(rtl.aes_unwrap(key, wrapped[::-1]), Refused)
    assert isinstance(rtl.aes_wrap(key, b"seven b"), Refused)


@pytest.mark.parametrize("key_bytes", [0, 15, 24, 33])
def test_keys_that_are_not_for_aes_are_refused(rtl, octets, key_bytes):
    key = octets(key_bytes)
    answers = [
        rtl.aes_gcm_encrypt(key=key, iv=bytes(12), aad=b"", plaintext=b"", tag_bytes=16),
        rtl.aes_gcm_decrypt(key=key, iv=bytes(12), aad=b"", ciphertext=b"", tag=bytes(16)),
        rtl.aes_cmac(key, b""),
        rtl.aes_wrap(key, bytes(16)),
        rtl.aes_unwrap(key, bytes(24)),
    ]
    assert answers == [Refused(f"an AES key has 16 or 32 bytes, not {key_bytes}")] * len(answers)


def test_signatures(rtl, reference, octets):
    private, digest = int.from_bytes(octets(31), "big"), octets(32)
    public = reference.p256_public(private)
    assert rtl.p256_public(private) == public
    signature = rtl.ecdsa_sign(private, digest)
    assert signature_is_right(public, digest, signature)
    assert rtl.ecdsa_verify(public, digest, signature) is True
    assert rtl.ecdsa_verify(public, octets(32), signature) is False
    assert rtl.ecdsa_verify(public, digest, Signature(0, 1)) == Refused("The P-256 unit refused: r zero")


def test_agreement(rtl, reference, octets):
    own, peer = (int.from_bytes(octets(31), "big") for _ in range(2))
    public = reference.p256_public(peer)
    assert rtl.ecdh(own, public) == reference.ecdh(own, public)
    off = Point(public.x, public.y ^ 1)
    assert rtl.ecdh(own, off) == Refused("The P-256 unit refused: point off curve")
    assert rtl.p256_public(0) == Refused("The P-256 unit refused: key range")
    assert rtl.ecdh(ORDER, public) == Refused("The P-256 unit refused: key range")


def test_a_call_leaves_nothing_behind(rtl):
    """Not a key in a slot, and not an operation that was cut short by a refusal."""
    rtl.aes_gcm_decrypt(key=bytes(16), iv=b"", aad=b"", ciphertext=b"", tag=bytes(16))
    rtl.ecdsa_sign(0, bytes(32))
    states = []
    states = [rtl.chip.run(rtl._slots.state(slot)) for slot in range(preset("polyphase").key_slots)]
    assert not any(value for state in states for value in state.values())


def test_a_sample_of_all_vectors_passes(rtl):
    vectors = [vector for file in known_files() for vector in read_vectors(file)]
    outcomes = list(run(sampled(vectors, 1, FEW), rtl, lambda *_: None))
    failed = [outcome for outcome in outcomes if outcome.verdict is Verdict.FAILED]
    assert not failed, "\n".join(f"{outcome.sentence}\n  {outcome.repetition()}" for outcome in failed[:10])
    passed = {outcome.vector.kind for outcome in outcomes if outcome.verdict is Verdict.PASSED}
    assert passed == {
        *("SHA-256", "SHA-256 Monte Carlo", "HMAC-SHA-256", "HKDF-SHA-256"),
        *("AES-GCM", "AES-CMAC", "AES key wrap"),
        *("ECDSA verification", "ECDSA signing", "P-256 key pair", "P-256 public key"),
        *("ECDH", "ECDH, keys checked"),
    }
