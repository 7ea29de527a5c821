"""The DRBG against published answers, against Python over random requests, and its clocks."""

import random
import tomllib
from pathlib import Path

import pytest

from rtl.entropy.drbg import MATERIAL_WORDS, Operation
from rtl.entropy.known_answer import ANSWER, MATERIAL
from sim.hmac_drbg import HmacDrbg

BUDGETS = tomllib.loads((Path(__file__).parents[4] / "bench" / "budgets.toml").read_text())["drbg"]
WIPE_LIMIT = 2000


def test_the_reference_gives_the_published_answers(vectors, answer_of):
    for vector in vectors:
        drbg = HmacDrbg(vector.entropy + vector.nonce + vector.personalisation)
        assert answer_of(drbg, vector) == vector.returned, vector.name


def test_the_block_gives_the_published_answers(vectors, answer_of, drbg_on_hash):
    assert len(vectors) >= 12
    for vector in vectors:
        drbg = drbg_on_hash()
        drbg.instantiate(vector.entropy + vector.nonce + vector.personalisation)
        assert answer_of(drbg, vector) == vector.returned, vector.name


def test_the_self_test_has_the_first_of_them(vectors):
    first = vectors[0]
    assert first.entropy + first.nonce == MATERIAL
    assert first.returned == ANSWER


@pytest.mark.parametrize("variant", ["fast", "compact"])
def test_random_requests_are_those_of_the_reference(drbg_on_hash, variant):
    seed = 71
    rng, rtl, model = random.Random(seed), drbg_on_hash(variant), None
    for step in range(60 if variant == "fast" else 15):
        provided = rng.randbytes(4 * rng.choice((0, 0, 1, 7, 8, 19, rng.randrange(MATERIAL_WORDS + 1))))
        what = rng.choice(("instantiate", "reseed", "generate", "generate", "generate"))
        if what == "instantiate" or model is None:
            provided = provided or rng.randbytes(4)
            rtl.instantiate(provided)
            model = HmacDrbg(provided)
        elif what == "reseed":
            rtl.update(provided)
            model.update(provided)
        else:
            count = rng.randrange(1, 160)
            assert rtl.generate(count, provided) == model.generate(count, provided), (
                f"seed {seed}, step {step}"
            )


def test_forgotten_state_is_the_first_one(drbg_on_hash):
    """What was before an instantiation does not matter."""
    drbg, material = drbg_on_hash(), bytes(range(48))
    drbg.instantiate(material)
    first = drbg.generate(64)
    drbg.update(bytes(96))
    drbg.operate(Operation.CLEAR)
    drbg.instantiate(material)
    assert drbg.generate(64) == first


def test_without_a_key_an_operation_ends_without_done(drbg_on_hash):
    drbg = drbg_on_hash()
    for operation in (Operation.BLOCK, Operation.UPDATE):
        drbg.block.set("control__operation", operation.value)
        drbg.block.set("control__start", 1)
        drbg.block.tick()
        drbg.block.set("control__start", 0)
        for _ in range(WIPE_LIMIT):
            assert not drbg.block.get("control__done")
            if drbg.block.get("idle"):
                break
            drbg.block.tick()
        assert drbg.block.get("idle")


@pytest.mark.parametrize("after", range(0, 900, 41))
def test_a_wipe_of_the_hash_unit_never_hangs_it(drbg_on_hash, after):
    drbg = drbg_on_hash()
    drbg.instantiate(bytes(64))
    drbg.block.set("control__operation", Operation.UPDATE.value)
    drbg.block.set("control__words", 8)
    drbg.block.set("control__start", 1)
    drbg.block.tick()
    drbg.block.set("control__start", 0)
    drbg.block.tick(after)
    drbg.block.set("wipe", 1)
    drbg.block.tick()
    drbg.block.set("wipe", 0)
    drbg.block.until("idle", WIPE_LIMIT)
    drbg.block.tick(WIPE_LIMIT)  # the unit's wipe ends
    drbg.operate(Operation.FORGET)
    assert not drbg.block.get("keyed")


def test_clocks_of_operations(drbg_on_hash):
    drbg = drbg_on_hash()
    clocks = {"instantiate": drbg.instantiate(bytes(76)), "reseed": drbg.update(bytes(32))}
    clocks["end_of_request"] = drbg.update()
    times = []
    for count in (20, 120):
        before = drbg.block.cycles
        drbg.blocks(count)
        times.append(drbg.block.cycles - before)
    clocks["block"] = (times[1] - times[0]) / 100
    clocks["forget"] = drbg.operate(Operation.FORGET)
    assert clocks == {name: BUDGETS[name] for name in clocks}
