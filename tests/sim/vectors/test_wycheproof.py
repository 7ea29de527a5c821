"""Wycheproof's JSON in both schemas, in small files of our own."""

import hashlib
import hmac

import pytest

from sim.vectors.cases import (
    Case,
    Ecdh,
    EcdsaVerify,
    Gcm,
    Hkdf,
    Hmac,
    Point,
    Result,
    Signature,
    Skipped,
    Wrap,
)
from sim.vectors.judge import complaint
from sim.vectors.wycheproof import read_wycheproof
from soc.errors import InputError

PRIVATE = 0x1234_5678_9ABC
KEY = bytes(range(16))


def document(algorithm, kind, group, *tests, newer=True):
    """A file with one group."""
    head = {"schema": f"{kind}_v1.json"} if newer else {"generatorVersion": "0.9", "notes": {}}
    numbered = [
        {"tcId": number, "comment": "", "flags": [], "result": "valid", **test}
        for number, test in enumerate(tests, 10)
    ]
    groups = [{"type": kind, **group, "tests": numbered}]
    return {"algorithm": algorithm, "numberOfTests": len(tests), **head, "testGroups": groups}


def judged(made, reference):
    """The vectors of a file, and what the reference gets wrong."""
    vectors = list(read_wycheproof(made, "made.json"))
    wrong = [complaint(vector, reference) for vector in vectors if isinstance(vector, Case)]
    return vectors, [sentence for sentence in wrong if sentence]


@pytest.mark.parametrize("tag_bytes", [16, 32])
def test_hmac(reference, tag_bytes):
    tag = hmac.digest(KEY, b"message", "sha256")[:tag_bytes].hex()
    test = {"key": KEY.hex(), "msg": b"message".hex(), "tag": tag}
    bad = {**test, "tag": "00" + tag[2:], "result": "invalid"}
    group = {"keySize": 128, "tagSize": 8 * tag_bytes}
    vectors, wrong = judged(document("HMACSHA256", "MacTest", group, test, bad), reference)
    assert not wrong
    assert [type(vector) for vector in vectors] == [Hmac, Hmac]
    assert [vector.result for vector in vectors] == [Result.VALID, Result.INVALID]
    assert str(vectors[1].place) == "made.json: group 1, number 11"
    swapped = document(
        "HMACSHA256", "MacTest", group, {**bad, "result": "valid"}, {**test, "result": "invalid"}
    )
    assert len(judged(swapped, reference)[1]) == 2


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("form", ["EcdsaVerify", "EcdsaP1363Verify"])
def test_ecdsa(reference, newer, form):
    public = reference.p256_public(PRIVATE)
    r, s = reference.ecdsa_sign(PRIVATE, hashlib.sha256(b"message").digest())
    if form == "EcdsaVerify":
        parts = [value.to_bytes((value.bit_length() + 8) // 8, "big") for value in (r, s)]
        content = b"".join(bytes([2, len(part)]) + part for part in parts)
        encoded = bytes([0x30, len(content)]) + content
    else:
        encoded = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    test = {"msg": b"message".hex(), "sig": encoded.hex()}
    # A zero in front of a coordinate, as these files write some.
    key = {"curve": "secp256r1", "keySize": 256, "wx": f"00{public.x:064x}", "wy": f"{public.y:064x}"}
    group = {"publicKey" if newer else "key": key, "sha": "SHA-256"}
    longer = {**test, "sig": encoded.hex() + "00", "result": "invalid"}
    other = {**test, "msg": "", "result": "invalid"}
    vectors, wrong = judged(document("ECDSA", form, group, test, longer, other, newer=newer), reference)
    assert not wrong
    first = vectors[0]
    assert isinstance(first, EcdsaVerify)
    assert (first.public, first.signature, first.digest_name) == (public, Signature(r, s), "sha256")


@pytest.mark.parametrize("form", ["EcdhTest", "EcdhEcpointTest"])
def test_ecdh(reference, form):
    peer = reference.p256_public(99)
    point = b"\4" + peer.x.to_bytes(32, "big") + peer.y.to_bytes(32, "big")
    prefix = (
        bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") if form == "EcdhTest" else b""
    )
    test = {
        "public": (prefix + point).hex(),
        "private": f"00{PRIVATE:064x}",
        "shared": reference.ecdh(PRIVATE, peer).hex(),
    }
    off = {**test, "public": (prefix + point[:-1] + bytes([point[-1] ^ 1])).hex(), "result": "invalid"}
    compressed = {**test, "public": (b"\2" + point[1:33]).hex(), "result": "acceptable"}
    made = document("ECDH", form, {"curve": "secp256r1"}, test, off, compressed)
    vectors, wrong = judged(made, reference)
    assert not wrong
    assert isinstance(vectors[1], Ecdh)
    assert isinstance(vectors[1].public, Point)  # so the chip is asked, not only the desk


def test_aes(reference):
    sealed = reference.aes_gcm_encrypt(key=KEY, iv=b"odd", aad=b"a", plaintext=b"text", tag_bytes=12)
    test = {
        "key": KEY.hex(),
        "iv": b"odd".hex(),
        "aad": b"a".hex(),
        "msg": b"text".hex(),
        "ct": sealed.ciphertext.hex(),
        "tag": sealed.tag.hex(),
    }
    group = {"keySize": 128, "ivSize": 24, "tagSize": 96}
    bad = {**test, "aad": "", "result": "invalid"}
    longer = {**test, "key": bytes(24).hex()}
    vectors, wrong = judged(document("AES-GCM", "AeadTest", group, test, bad, longer), reference)
    assert not wrong
    assert isinstance(vectors[0], Gcm)
    assert isinstance(vectors[2], Skipped)
    assert vectors[2].reason == "AES-192 is not built in"
    for algorithm in ("KW", "AES-WRAP"):
        wrapped = {"key": KEY.hex(), "msg": KEY.hex(), "ct": reference.aes_wrap(KEY, KEY).hex()}
        vectors, wrong = judged(document(algorithm, "KeywrapTest", {"keySize": 128}, wrapped), reference)
        assert not wrong
        assert isinstance(vectors[0], Wrap)


def test_hkdf(reference):
    okm = reference.hkdf_sha256(ikm=b"i", salt=b"", info=b"x", length=33).hex()
    test = {"ikm": b"i".hex(), "salt": "", "info": b"x".hex(), "size": 33, "okm": okm}
    long = {**test, "size": 255 * 32 + 1, "okm": "", "result": "invalid"}
    vectors, wrong = judged(document("HKDF-SHA-256", "HkdfTest", {"keySize": 8}, test, long), reference)
    assert not wrong
    assert [type(vector) for vector in vectors] == [Hkdf, Hkdf]


@pytest.mark.parametrize(
    ("algorithm", "kind", "group", "reason"),
    [
        (
            "ECDSA",
            "EcdsaVerify",
            {"publicKey": {"curve": "secp384r1"}},
            "the curve secp384r1 is not built in",
        ),
        (
            "ECDSA",
            "EcdsaVerify",
            {"key": {"curve": "secp256r1", "wx": "1", "wy": "1"}, "sha": "SHAKE128"},
            "the digest SHAKE128 is not built in",
        ),
        ("ECDH", "EcdhTest", {"curve": "secp224r1"}, "the curve secp224r1 is not built in"),
        ("ECDH", "EcdhPemTest", {"curve": "secp256r1"}, "not as PEM or JWK"),
        ("KWP", "KeywrapTest", {}, "key wrap with padding is not built in"),
    ],
)
def test_what_is_skipped(algorithm, kind, group, reason):
    (vector,) = read_wycheproof(document(algorithm, kind, group, {"msg": "", "sig": ""}), "made.json")
    assert isinstance(vector, Skipped)
    assert reason in vector.reason


HMAC = {"key": "00", "msg": "", "tag": "00" * 32}


@pytest.mark.parametrize(
    ("algorithm", "kind", "test", "sentence"),
    [
        (
            "RSASSA-PSS",
            "RsassaPssVerify",
            {},
            "group 1: 'RSASSA-PSS' with tests of the type 'RsassaPssVerify' is",
        ),
        ("HMACSHA256", "AeadTest", {}, "'HMACSHA256' with tests of the type 'AeadTest' is nothing that"),
        ("HMACSHA256", "MacTest", {"msg": "", "tag": ""}, "tcId 10: there is no 'key'"),
        (
            "HMACSHA256",
            "MacTest",
            {**HMAC, "msg": "abc"},
            "tcId 10: 'msg' is 'abc', where an even number of hex",
        ),
        (
            "HMACSHA256",
            "MacTest",
            {**HMAC, "msg": "zz"},
            "tcId 10: 'msg' is 'zz', where an even number of hex",
        ),
        ("HMACSHA256", "MacTest", {**HMAC, "msg": 5}, "tcId 10: 'msg' is 5, where a text is needed"),
        (
            "HMACSHA256",
            "MacTest",
            {**HMAC, "tag": "00"},
            "'tag' has 1 bytes, and the group's tagSize is 256 bits",
        ),
        (
            "HMACSHA256",
            "MacTest",
            {**HMAC, "result": "maybe"},
            "'maybe' is none of valid, invalid and acceptable",
        ),
        (
            "HMACSHA256",
            "MacTest",
            {**HMAC, "tcId": "x"},
            "group 1: 'tcId' is 'x', where a natural number is needed",
        ),
    ],
)
def test_what_is_refused(algorithm, kind, test, sentence):
    with pytest.raises(InputError) as refusal:
        list(read_wycheproof(document(algorithm, kind, {"tagSize": 256}, test), "made.json"))
    assert str(refusal.value).startswith("made.json: ")
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    "groups", [[5], [{"type": "MacTest", "tests": [5]}], [{"type": "MacTest", "tests": {}}]]
)
def test_broken_structure(groups):
    with pytest.raises(InputError, match=r"^made\.json"):
        list(read_wycheproof({"algorithm": "HMACSHA256", "testGroups": groups}, "made.json"))
