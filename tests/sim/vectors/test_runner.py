"""Outcomes, their sentences, and samples."""

import random
from typing import cast

import pytest

from sim.vectors import Engine, Verdict, read_vectors, run, sampled
from sim.vectors.cases import Case, Gcm, Hash, HashChain, Place, Result, Skipped, Unreadable, Ways
from sim.vectors.engine import NotBuiltIn
from sim.vectors.engines import ENGINES, engine_named, without_missing
from soc.config import preset
from soc.errors import InputError


def place(number, *, file="a file", group="[L = 32]"):
    return Place(file=file, group=group, number=number, name=f"COUNT = {number - 1}")


class Fake:
    """Has one message that it does not take, one that it never ends, and one wrong digest."""

    def sha256(self, message):
        if message == b"long":
            raise NotBuiltIn("a message of 4 bytes is not built in")
        if message == b"hangs":
            raise TimeoutError("done stayed low for 20000 cycles")
        return b"wrong" if message == b"bad" else b"right"


def test_outcomes():
    messages = (b"good", b"long", b"hangs", b"bad")
    vectors: list[Case | Skipped] = [
        *(Hash(place=place(n), message=m, digest=b"right") for n, m in enumerate(messages, 1)),
        Skipped(place=place(5, file="other"), reason="odd is not built in", block="aes", kind="AES-GCM"),
    ]
    told = []
    outcomes = list(run(vectors, cast(Engine, Fake()), lambda *step: told.append(step)))
    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.PASSED,
        Verdict.SKIPPED,
        Verdict.FAILED,
        Verdict.FAILED,
        Verdict.SKIPPED,
    ]
    assert [outcome.reason for outcome in outcomes] == [
        "",
        "a message of 4 bytes is not built in",
        "it does not end: done stayed low for 20000 cycles",
        "the digest is 77726f6e67, not 7269676874",
        "odd is not built in",
    ]
    assert outcomes[3].sentence == (
        "a file: [L = 32], number 4, COUNT = 3: SHA-256: the digest is 77726f6e67, not 7269676874"
    )
    assert outcomes[3].repetition(" --engine model") == "wattseal vectors 'a file' --only 4 --engine model"
    assert told == [("a file", n / 4) for n in range(4)] + [("other", 0)]


def gcm(number, group, result, file="f"):
    return Gcm(
        place=place(number, file=file, group=group),
        result=result,
        key=b"",
        iv=b"",
        aad=b"",
        plaintext=b"",
        ciphertext=b"",
        tag=b"",
        ways=Ways.BOTH,
    )


def results(vectors):
    return [vector.result.value for vector in vectors]


@pytest.fixture
def many():
    """Three files of 20 groups with 10 vectors, two of which, in two groups, are invalid."""
    return [
        gcm(10 * group + n, f"g{group}", Result.INVALID if n == 3 and group in (4, 5) else Result.VALID, file)
        for file in ("f", "g", "h")
        for group in range(20)
        for n in range(10)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_has_every_file_group_and_result(many, seed):
    chosen = sampled(many, seed, {"aes": 22})
    assert len(chosen) == 66
    assert {(vector.place.file, vector.place.group) for vector in chosen} == {
        (vector.place.file, vector.place.group) for vector in many
    }
    assert results(chosen).count("invalid") == 6
    few = sampled(many, seed, {"aes": 2})
    assert sorted(results(few)) == ["invalid"] * 3 + ["valid"] * 3


def test_a_sample_is_up_to_the_seed_alone(many):
    first = sampled(many, 1, {"aes": 10})
    assert sampled(many, 1, {"aes": 10}) == first
    assert sampled(many, 2, {"aes": 10}) != first
    order = [many.index(vector) for vector in first]
    assert order == sorted(order)
    assert sampled(many, 1, {"aes": 10_000}) == many


def test_a_sample_keeps_what_is_refused_at_the_desk():
    vectors = read_vectors("Signature/wycheproof/ecdsa_secp256r1_sha256_test.json")
    chosen = sampled(vectors, 1, {"p256": 8})
    asked = [vector for vector in chosen if not isinstance(getattr(vector, "signature", None), Unreadable)]
    assert len(asked) == 8
    assert set(results(asked)) == {"valid", "invalid"}
    encodings = [vector for vector in vectors if isinstance(getattr(vector, "signature", None), Unreadable)]
    assert len(encodings) > 150
    assert [vector for vector in chosen if vector in encodings] == encodings


def test_a_sample_keeps_what_is_skipped_and_few_chains(many):
    generator = random.Random(3)
    skipped = [Skipped(place=place(n), reason="odd", block="aes", kind="AES-GCM") for n in range(50)]
    chains = [
        HashChain(place=place(n, file="c"), seed=generator.randbytes(32), digest=b"") for n in range(100)
    ]
    chosen = sampled([*many, *skipped, *chains], 1, {"aes": 1, "sha256": 40})
    assert [vector for vector in chosen if isinstance(vector, Skipped)] == skipped
    assert sum(isinstance(vector, HashChain) for vector in chosen) == 1


def test_engines_by_name(monkeypatch):
    monkeypatch.setitem(ENGINES, "test", lambda config: config.name)
    assert engine_named("test", preset("single")) == "single"
    with pytest.raises(InputError, match=r"There is no engine 'steam'; known are .*test\."):
        engine_named("steam", preset("single"))


def test_what_a_preset_lacks_is_skipped(many):
    digest = Hash(place=place(1), message=b"", digest=b"")
    assert without_missing([*many, digest], preset("single")) == [*many, digest]
    *skipped, kept = without_missing([*many, digest], preset("tiny"))
    assert kept is digest
    assert [vector.place for vector in skipped] == [vector.place for vector in many]
    assert {vector.reason for vector in skipped if isinstance(vector, Skipped)} == {
        "the block aes is not built in by the preset tiny"
    }
