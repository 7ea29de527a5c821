"""An engine that answers wrongly is found out, by every kind of vector."""

from dataclasses import replace

import pytest

from sim.vectors import known_files, read_vectors, sampled
from sim.vectors.cases import Case, Ecdh, EcdsaVerify, Point, Result, Signature, Unreadable
from sim.vectors.engine import Refused, Sealed
from sim.vectors.judge import complaint

METHODS = {
    "SHA-256": ("sha256",),
    "SHA-256 Monte Carlo": ("sha256",),
    "HMAC-SHA-256": ("hmac_sha256",),
    "HKDF-SHA-256": ("hkdf_sha256",),
    "AES-GCM": ("aes_gcm_encrypt", "aes_gcm_decrypt"),
    "AES-CMAC": ("aes_cmac",),
    "AES key wrap": ("aes_wrap", "aes_unwrap"),
    "ECDSA verification": ("ecdsa_verify",),
    "ECDSA signing": ("ecdsa_sign",),
    "P-256 key pair": ("p256_public",),
    "P-256 public key": ("ecdh",),
    "ECDH": ("ecdh",),
    "ECDH, keys checked": ("ecdh", "p256_public"),
}
"""What each kind of vector may ask of an engine."""


class Lying:
    """An engine whose method ``name`` gives what ``lie`` makes of the right answer."""

    def __init__(self, engine, name, lie):
        self._engine, self._name, self._lie = engine, name, lie
        self.asked = 0

    def __getattr__(self, name):
        method = getattr(self._engine, name)
        if name != self._name:
            return method

        def lying(*given, **named):
            self.asked += 1
            return self._lie(method(*given, **named))

        return lying


def wrong(answer):
    """Another answer of the same kind."""
    match answer:
        case Refused():
            return answer
        case bool():
            return not answer
        case bytes():
            return bytes([answer[0] ^ 1]) + answer[1:] if answer else b"\0"
        case Sealed():
            return Sealed(answer.ciphertext, wrong(answer.tag))
        case Signature():
            return Signature(answer.r, answer.s ^ 1)
        case Point():
            return Point(answer.x, answer.y ^ 1)
    raise TypeError(answer)


def silent(_answer):
    return Refused("never")


def permissive(answer):
    """What an engine gives that looks at nothing."""
    return (b"" if isinstance(answer, Refused) else answer) if not isinstance(answer, bool) else True


@pytest.fixture(scope="module")
def cases():
    vectors = [vector for file in known_files() for vector in read_vectors(file)]
    return [vector for vector in sampled(vectors, 7) if isinstance(vector, Case)]


def found(cases, reference, lie, result):
    """Kind and method of every complaint about lies, and of every lie that drew none."""
    complained: set[tuple[str, str]] = set()
    believed: set[tuple[str, str]] = set()
    for case in cases:
        if case.result is not result:
            continue
        for method in METHODS[case.kind]:
            engine = Lying(reference, method, lie)
            sentence = complaint(case, engine)
            if engine.asked:
                (complained if sentence else believed).add((case.kind, method))
    return complained, believed


def everything():
    return {(kind, method) for kind, methods in METHODS.items() for method in methods}


def test_every_kind_is_there(cases):
    assert {case.kind for case in cases} == METHODS.keys()


def test_a_wrong_answer_to_a_valid_vector_fails(cases, reference):
    complained, believed = found(cases, reference, wrong, Result.VALID)
    assert complained == everything()
    assert not believed


def test_a_refused_valid_vector_fails(cases, reference):
    pure = {("SHA-256", "sha256"), ("SHA-256 Monte Carlo", "sha256"), ("HMAC-SHA-256", "hmac_sha256")}
    others = [case for case in cases if (case.kind, METHODS[case.kind][0]) not in pure]
    complained, believed = found(others, reference, silent, Result.VALID)
    assert complained == everything() - pure
    assert not believed


def test_what_is_not_refused_fails(cases, reference):
    opened = [case for case in cases if not isinstance(getattr(case, "signature", None), Unreadable)]
    complained, _ = found(opened, reference, permissive, Result.INVALID)
    assert complained >= {
        ("HKDF-SHA-256", "hkdf_sha256"),
        ("AES-GCM", "aes_gcm_decrypt"),
        ("AES key wrap", "aes_unwrap"),
        ("P-256 public key", "ecdh"),
    }


def test_a_wrong_signature_that_is_taken_fails(reference):
    file = "Signature/wycheproof/ecdsa_secp256r1_sha256_test.json"
    engine = Lying(reference, "ecdsa_verify", lambda _answer: True)
    judged = [
        (case, complaint(case, engine))
        for case in read_vectors(file)
        if isinstance(case, EcdsaVerify) and case.result is Result.INVALID
    ]
    for case, sentence in judged:
        at_the_desk = isinstance(case.signature, Unreadable) or max(case.signature) >> 256
        assert (sentence is None) == bool(at_the_desk), case.place


def test_an_acceptable_vector_may_be_refused_but_not_answered_wrongly(reference):
    taken = next(
        case
        for case in read_vectors("Cipher/wycheproof/aes_wrap_test.json")
        if isinstance(case, Case) and case.result is Result.ACCEPTABLE
    )
    assert complaint(taken, reference) is None
    assert complaint(taken, Lying(Lying(reference, "aes_wrap", silent), "aes_unwrap", silent)) is None
    sentence = complaint(taken, Lying(reference, "aes_wrap", lambda _answer: b"made up"))
    assert sentence
    assert "not 6f0b501f" in sentence
    refused = next(
        case
        for case in read_vectors("Protocol/wycheproof/ecdh_secp256r1_test.json")
        if isinstance(case, Ecdh) and case.result is Result.ACCEPTABLE
    )
    assert isinstance(refused.public, Unreadable)
    assert complaint(refused, reference) is None


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("ECDSA verification", "public"),
        ("ECDSA signing", "private"),
        ("ECDSA signing", "public"),
        ("P-256 key pair", "private"),
        ("P-256 key pair", "public"),
        ("P-256 public key", "public"),
        ("ECDH", "private"),
        ("ECDH", "public"),
        ("ECDH, keys checked", "private"),
        ("ECDH, keys checked", "public"),
        ("ECDH, keys checked", "own"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(cases, reference, kind, field):
    case = next(
        case
        for case in cases
        if case.kind == kind
        and case.result is Result.VALID
        and not isinstance(getattr(case, "public", None), Unreadable)
    )
    large = 1 << 300 if field == "private" else Point(1 << 300, 1)
    sentence = complaint(replace(case, **{field: large}), reference)
    assert sentence
    assert "refused: a number has more than 256 bits" in sentence


def test_a_made_up_shared_secret_for_a_point_off_the_curve_fails(reference):
    engine = Lying(reference, "ecdh", lambda answer: bytes(32) if isinstance(answer, Refused) else answer)
    sentences = [
        complaint(case, engine)
        for case in read_vectors("Protocol/wycheproof/ecdh_secp256r1_ecpoint_test.json")
        if isinstance(case, Ecdh) and case.result is Result.INVALID and isinstance(case.public, Point)
    ]
    assert len(sentences) >= 16
    assert all(sentence and "must be refused" in sentence for sentence in sentences)
