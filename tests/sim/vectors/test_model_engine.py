"""The design's models as an engine: the model of the P-256 unit on vectors, and what it refuses."""

import pytest

from sim.vectors import Verdict, known_files, read_vectors, run, sampled
from sim.vectors.cases import Case, Point, Signature
from sim.vectors.engine import Refused
from sim.vectors.model_engine import ModelEngine
from sim.vectors.signatures import signature_is_right
from soc.config import preset

FEW = {"p256": 2}
DIGEST = bytes(range(32))


@pytest.fixture(scope="module", params=["polyphase", "single"])
def model(request):
    return ModelEngine(preset(request.param))


def test_a_sample_of_the_vectors_of_p256_passes(model):
    vectors = [
        vector
        for file in known_files()
        for vector in read_vectors(file)
        if isinstance(vector, Case) and vector.block == "p256"
    ]
    outcomes = list(run(sampled(vectors, 1, FEW), model, lambda *_: None))
    failed = [outcome for outcome in outcomes if outcome.verdict is Verdict.FAILED]
    assert not failed, "\n".join(
        f"{outcome.sentence}\n  {outcome.repetition(' --engine model')}" for outcome in failed[:10]
    )
    passed = {outcome.vector.kind for outcome in outcomes if outcome.verdict is Verdict.PASSED}
    assert passed == {
        *("ECDSA verification", "ECDSA signing", "P-256 key pair", "P-256 public key"),
        *("ECDH", "ECDH, keys checked"),
    }


def test_the_microprogram_computes(model, reference):
    """Not the reference, whose methods for P-256 the engine has too."""
    signatures = {model.ecdsa_sign(5, DIGEST) for _ in range(2)}
    assert len(signatures) == 2
    public = model.p256_public(5)
    assert public == reference.p256_public(5)
    for signature in signatures:
        assert signature_is_right(public, DIGEST, signature)
        assert model.ecdsa_verify(public, DIGEST, signature) is True
        assert model.ecdsa_verify(public, DIGEST[::-1], signature) is False
    assert model.ecdh(7, public) == reference.ecdh(7, public)


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda engine: engine.p256_public(0), "key range"),
        (lambda engine: engine.ecdsa_sign((1 << 256) - 1, DIGEST), "key range"),
        (lambda engine: engine.ecdh(1, Point(1, 1)), "point off curve"),
        (lambda engine: engine.ecdh(1, Point(0, 0)), "infinity"),
        (lambda engine: engine.ecdsa_verify(Point(1, 1), DIGEST, Signature(1, 1)), "point off curve"),
        (lambda engine: engine.ecdsa_verify(engine.p256_public(1), DIGEST, Signature(1, 0)), "s zero"),
    ],
)
def test_refusals_are_those_of_the_driver(model, ask, reason):
    assert ask(model) == Refused(f"The P-256 unit refused: {reason}")
