"""ACVP's JSON, as one file and as prompt with expected results, in small files of our own."""

import hashlib
import json

import pytest

from sim.vectors import read_vectors
from sim.vectors.acvp import read_acvp
from sim.vectors.cases import (
    Case,
    Cmac,
    Ecdh,
    EcdsaSign,
    EcdsaVerify,
    Gcm,
    Hash,
    HashChain,
    Hmac,
    KeyAgreement,
    KeyPair,
    PublicKey,
    Result,
    Skipped,
    Wrap,
)
from sim.vectors.judge import complaint
from soc.errors import InputError

KEY = bytes(range(16))
PRIVATE = 0xABCD


def document(algorithm, group, *tests, mode=None):
    """A vector set with one group."""
    numbered = [{"tcId": number, **test} for number, test in enumerate(tests, 5)]
    head = {"vsId": 0, "algorithm": algorithm, "revision": "1.0"} | ({"mode": mode} if mode else {})
    return {**head, "testGroups": [{"tgId": 3, "testType": "AFT", **group, "tests": numbered}]}


def judged(made, reference):
    """The vectors of a set, and what the reference gets wrong."""
    vectors = list(read_acvp(made, "made.json"))
    wrong = [complaint(vector, reference) for vector in vectors if isinstance(vector, Case)]
    return vectors, [sentence for sentence in wrong if sentence]


def hexed(point, names=("qx", "qy")):
    return {name: f"{value:064X}" for name, value in zip(names, point, strict=True)}


def test_sha256(reference):
    digest = hashlib.sha256(b"\x12\x34").hexdigest().upper()
    tests = {"msg": "1234", "len": 16, "md": digest}, {"msg": "1234", "len": 15, "md": digest}
    vectors, wrong = judged(document("SHA2-256", {}, *tests), reference)
    assert not wrong
    assert [type(vector) for vector in vectors] == [Hash, Skipped]
    assert str(vectors[0].place) == "made.json: tgId 3, number 5"
    (large,) = read_acvp(document("SHA2-256", {"testType": "LDT"}, {"largeMsg": {}}), "made.json")
    assert isinstance(large, Skipped)
    assert "gigabytes" in large.reason


def test_monte_carlo(reference):
    seeds = [bytes(32)]
    for _ in range(2):
        digests = [seeds[-1]] * 3
        for _ in range(1000):
            digests = [*digests[1:], hashlib.sha256(b"".join(digests)).digest()]
        seeds.append(digests[-1])
    results = [{"md": seed.hex()} for seed in seeds[1:]]
    test = {"msg": seeds[0].hex(), "len": 256, "resultsArray": results}
    vectors, wrong = judged(document("SHA2-256", {"testType": "MCT"}, test), reference)
    assert not wrong
    assert [(type(vector), vector.seed) for vector in vectors] == [(HashChain, seed) for seed in seeds[:2]]


def test_macs(reference):
    mac = reference.hmac_sha256(KEY, b"m").hex()[:20]
    made = document("HMAC-SHA2-256", {"macLen": 80}, {"key": KEY.hex(), "msg": b"m".hex(), "mac": mac})
    vectors, wrong = judged(made, reference)
    assert not wrong
    assert isinstance(vectors[0], Hmac)
    mac = reference.aes_cmac(KEY, b"m").hex()
    test = {"key": KEY.hex(), "message": b"m".hex(), "mac": mac, "testPassed": True}
    bad = {**test, "mac": "00" * 16, "testPassed": False}
    vectors, wrong = judged(document("CMAC-AES", {"direction": "ver", "keyLen": 128}, test, bad), reference)
    assert not wrong
    assert [(type(vector), vector.result) for vector in vectors] == [
        (Cmac, Result.VALID),
        (Cmac, Result.INVALID),
    ]


@pytest.mark.parametrize("direction", ["encrypt", "decrypt"])
def test_aes(reference, direction):
    sealed = reference.aes_gcm_encrypt(key=KEY, iv=bytes(12), aad=b"", plaintext=b"pt", tag_bytes=8)
    test = {"key": KEY.hex(), "iv": "00" * 12, "aad": "", "pt": "7074", "ct": sealed.ciphertext.hex()}
    group = {"direction": direction, "ivGen": "external", "tagLen": 64}
    tests = [{**test, "tag": sealed.tag.hex()}]
    if direction == "decrypt":
        bad = {name: value for name, value in test.items() if name != "pt"}
        tests.append({**bad, "tag": "00" * 8, "testPassed": False})
    vectors, wrong = judged(document("ACVP-AES-GCM", group, *tests), reference)
    assert not wrong
    assert isinstance(vectors[0], Gcm)
    assert {vector.ways.name for vector in vectors} == {"SEAL" if direction == "encrypt" else "OPEN"}
    wrapped = {"key": KEY.hex(), "pt": KEY.hex(), "ct": reference.aes_wrap(KEY, KEY).hex()}
    group = {"direction": direction, "kwCipher": "cipher"}
    tests = (
        [wrapped] if direction == "encrypt" else [wrapped, {**wrapped, "ct": "00" * 24, "testPassed": False}]
    )
    vectors, wrong = judged(document("ACVP-AES-KW", group, *tests), reference)
    assert not wrong
    assert isinstance(vectors[0], Wrap)


def test_ecdsa(reference):
    public = reference.p256_public(PRIVATE)
    r, s = reference.ecdsa_sign(PRIVATE, hashlib.sha256(b"m").digest())
    group = {"curve": "P-256", "hashAlg": "SHA2-256"}
    test = {"message": b"m".hex(), **hexed(public), "r": f"{r:064X}", "s": f"{s:064X}", "testPassed": True}
    bad = {**test, "message": "", "testPassed": False}
    vectors, wrong = judged(document("ECDSA", group, test, bad, mode="sigVer"), reference)
    assert not wrong
    assert isinstance(vectors[0], EcdsaVerify)
    signing = {**group, "d": f"{PRIVATE:064X}", **hexed(public)}
    vectors, wrong = judged(document("ECDSA", signing, {"message": "00"}, mode="sigGen"), reference)
    assert not wrong
    assert isinstance(vectors[0], EcdsaSign)


def test_keys(reference):
    public = hexed(reference.p256_public(PRIVATE))
    group = {"curve": "P-256"}
    vectors, wrong = judged(
        document("ECDSA", group, {"d": f"{PRIVATE:X}", **public}, mode="keyGen"), reference
    )
    assert not wrong
    assert isinstance(vectors[0], KeyPair)
    bad = {**public, "qx": public["qy"], "testPassed": False}
    vectors, wrong = judged(document("ECDSA", group, public, bad, mode="keyVer"), reference)
    assert not wrong
    assert isinstance(vectors[0], PublicKey)


def test_key_agreement(reference):
    own, peer = reference.p256_public(PRIVATE), reference.p256_public(77)
    secret = reference.ecdh(PRIVATE, peer)
    server = hexed(peer, ("publicServerX", "publicServerY"))
    test = {"privateIut": f"{PRIVATE:X}", **server, "z": secret.hex()}
    vectors, wrong = judged(document("KAS-ECC", {"curve": "P-256"}, test, mode="CDH-Component"), reference)
    assert not wrong
    assert isinstance(vectors[0], Ecdh)
    test = {
        "ephemeralPrivateIut": f"{PRIVATE:X}",
        **hexed(own, ("ephemeralPublicIutX", "ephemeralPublicIutY")),
        "ephemeralPrivateServer": "",
        "ephemeralPublicServerX": "",
        "ephemeralPublicServerY": "",
        **hexed(peer, ("staticPublicServerX", "staticPublicServerY")),
        "hashZ": hashlib.sha512(secret).hexdigest(),
        "testPassed": True,
    }
    group = {"domainParameterGenerationMode": "P-256", "scheme": "onePassDh", "hashFunctionZ": "SHA2-512"}
    bad = {**test, "hashZ": "00" * 64, "testPassed": False}
    other = {**test, "ephemeralPublicIutX": "01", "testPassed": False}
    vectors, wrong = judged(document("KAS-ECC-SSC", group, test, bad, other), reference)
    assert not wrong
    assert isinstance(vectors[0], KeyAgreement)


@pytest.mark.parametrize(
    ("algorithm", "mode", "group", "test", "reason"),
    [
        ("ACVP-AES-GCM", None, {"ivGen": "internal"}, {"key": "00" * 16}, "an IV that the module makes"),
        ("ACVP-AES-GCM", None, {}, {"key": "00" * 24}, "AES-192 is not built in"),
        (
            "ACVP-AES-KW",
            None,
            {"kwCipher": "inverse"},
            {"key": "00" * 16},
            "key wrap with the inverse cipher",
        ),
        ("ACVP-AES-KWP", None, {}, {}, "key wrap with padding is not built in"),
        ("ECDSA", "sigVer", {"curve": "P-521"}, {}, "the curve P-521 is not built in"),
        (
            "ECDSA",
            "sigVer",
            {"curve": "P-256", "componentTest": True},
            {},
            "a digest in place of the message",
        ),
        ("ECDSA", "sigGen", {"curve": "P-256"}, {}, "the private key is not in the file"),
        (
            "DetECDSA",
            "sigGen",
            {"curve": "P-256"},
            {},
            "a nonce that follows from the message is not built in",
        ),
        ("ECDSA", "keyGen", {"curve": "P-256"}, {}, "the private key is not in the file"),
        ("KAS-ECC", "CDH-Component", {"curve": "P-256"}, {}, "the private key is not in the file"),
        (
            "KAS-ECC-SSC",
            None,
            {"domainParameterGenerationMode": "P-256", "scheme": "fullMqv"},
            {},
            "the scheme fullMqv is not built in",
        ),
    ],
)
def test_what_is_skipped(algorithm, mode, group, test, reason):
    (vector,) = read_acvp(document(algorithm, group, test, mode=mode), "made.json")
    assert isinstance(vector, Skipped)
    assert reason in vector.reason


def split(whole, answers=("md",)):
    """A set as prompt and expected results."""
    (group,) = whole["testGroups"]

    def part(wanted):
        tests = [
            {name: value for name, value in test.items() if name == "tcId" or (name in answers) == wanted}
            for test in group["tests"]
        ]
        kept = {"tgId": group["tgId"]} if wanted else group
        return {**whole, "testGroups": [{**kept, "tests": tests}]}

    return part(False), part(True)


@pytest.mark.parametrize("wrapped", [False, True])
def test_prompt_and_expected_results(tmp_path, reference, wrapped):
    tests = [
        {"msg": bytes([n]).hex(), "len": 8, "md": hashlib.sha256(bytes([n])).hexdigest()} for n in range(3)
    ]
    whole = document("SHA2-256", {}, *tests)
    prompt, expected = split(whole)
    expected["testGroups"][0]["tests"].reverse()
    for name, content in (("prompt", prompt), ("expectedResults", expected), ("internalProjection", whole)):
        content = [{"acvVersion": "1.0"}, content] if wrapped else content
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    for name in ("prompt", "internalProjection"):
        vectors = read_vectors(str(tmp_path / f"{name}.json"))
        assert [vector.place.number for vector in vectors] == [5, 6, 7]
        assert all(isinstance(vector, Hash) and complaint(vector, reference) is None for vector in vectors)
    with pytest.raises(InputError, match=r"holds answers only; give the prompt\.json beside it"):
        read_vectors(str(tmp_path / "expectedResults.json"))
    (tmp_path / "expectedResults.json").unlink()
    with pytest.raises(InputError, match=r"holds questions only; put expectedResults\.json beside it"):
        read_vectors(str(tmp_path / "prompt.json"))


def test_an_answer_that_is_missing(tmp_path):
    prompt, expected = split(document("SHA2-256", {}, {"msg": "", "len": 0, "md": "00" * 32}))
    expected["testGroups"][0]["tests"] = []
    (tmp_path / "prompt.json").write_text(json.dumps(prompt))
    (tmp_path / "expectedResults.json").write_text(json.dumps(expected))
    with pytest.raises(InputError, match=r"prompt\.json: tcId 5: there is no 'md'"):
        read_vectors(str(tmp_path / "prompt.json"))


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (document("ACVP-AES-XTS", {}), "'ACVP-AES-XTS' is nothing that the chip has; known are ACVP-AES-GCM"),
        (document("ECDSA", {}, mode="x"), "'ECDSA/x' is nothing that the chip has"),
        (document("SHA2-256", {}, {"len": 8, "md": ""}), "tcId 5: there is no 'msg'"),
        (
            document("SHA2-256", {}, {"msg": "0", "len": 8, "md": ""}),
            "tcId 5: 'msg' is '0', where an even number",
        ),
        (document("SHA2-256", {}, {"tcId": -1}), "'tcId' is -1, where a natural number is needed"),
        (
            document("CMAC-AES", {}, {"key": "", "testPassed": 1}),
            "'testPassed' is 1, where true or false is needed",
        ),
        (
            document(
                "ACVP-AES-KW", {"kwCipher": "cipher", "direction": "up"}, {"key": "", "pt": "", "ct": ""}
            ),
            "'up'",
        ),
        (
            {"algorithm": "SHA2-256", "testGroups": [{"tgId": 1, "tests": [7]}]},
            "entry 1 of 'tests' is no object",
        ),
        ({"algorithm": "SHA2-256", "testGroups": 7}, "'testGroups' is 7, where a list is needed"),
        ({"testGroups": []}, "there is no 'algorithm'|'' is nothing"),
    ],
)
def test_what_is_refused(made, sentence):
    with pytest.raises(InputError) as refusal:
        list(read_acvp(made, "made.json"))
    assert str(refusal.value).startswith("made.json")
    assert any(part in str(refusal.value) for part in sentence.split("|"))
