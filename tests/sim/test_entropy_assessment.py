"""The estimators of SP 800-90B against NIST's own program, against known sources, and at their bounds."""

import math
import random

import numpy as np
import pytest

from sim.entropy_assessment import ESTIMATORS, LEAST_BITS, _Tuples, assess

COUNT = 100_000
SEED = 5


def sources():
    """Fair bits; ones with 0.7; a chain that changes with 0.2; a pattern of 200 with errors of 0.02."""
    choose = random.Random(SEED)

    def ones(probability):
        return np.array([choose.random() < probability for _ in range(COUNT)], np.uint8)

    return {
        "fair": ones(0.5),
        "biased": ones(0.7),
        "chain": (np.cumsum(ones(0.2)) % 2).astype(np.uint8),
        "periodic": np.resize(ones(0.5)[:200], COUNT) ^ ones(0.02),
    }


SOURCES = sources()

# What NIST's SP800-90B_EntropyAssessment says of the same bits, in the order of the sections. It takes
# 2.5758 where the standard has 2.576.
NIST = {
    "fair": (
        *(0.9824978, 0.8118174, 0.9934398, 0.7518400, 0.9127386, 0.9882449),
        *(0.9890229, 0.9820275, 0.9864654, 0.9891971),
    ),
    "biased": (
        *(0.5078813, 0.4961855, 0.5147768, 0.3202854, 0.5051039, 0.7500741),
        *(0.5080002, 0.7772034, 0.5079957, 0.5078829),
    ),
    "chain": (
        *(0.9836100, 0.1686656, 0.3288732, 0.2151077, 0.3547210, 0.5773971),
        *(0.5691508, 0.3189269, 0.3189483, 0.3190020),
    ),
    "periodic": (
        *(0.8711842, 1.0, 0.8248403, 0.5663925, 0.0791493, 0.0884044),
        *(0.8850968, 0.7281273, 0.0533464, 0.8721800),
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_estimates_are_those_of_nist(name):
    found = [estimate.min_entropy for estimate in assess(SOURCES[name])]
    assert found == pytest.approx(NIST[name], abs=1e-5)


def test_estimators_have_the_order_of_the_sections():
    assert [section for section, _ in ESTIMATORS.values()] == [f"6.3.{index}" for index in range(1, 11)]


@pytest.mark.parametrize("probability", [0.5, 0.6, 0.8, 0.95])
def test_estimates_are_at_most_the_entropy_of_a_source_without_memory(probability):
    """All upper ends of intervals of 99 %; those made for such a source come near, none is above by much."""
    choose = random.Random(SEED)
    bits = np.array([choose.random() < probability for _ in range(COUNT)], np.uint8)
    found = {estimate.name: estimate.min_entropy for estimate in assess(bits)}
    entropy = -math.log2(probability)
    for name in ("Most common value", "Collision", "Markov", "t-tuple", "Most common in window", "LZ78Y"):
        assert found[name] == pytest.approx(entropy, abs=0.21 if name == "Collision" else 0.1), name
    assert min(found.values()) <= entropy


@pytest.mark.parametrize("value", [0, 1])
def test_constant_bits_have_no_entropy(value):
    found = {each.name: each.min_entropy for each in assess(np.full(LEAST_BITS, value, np.uint8))}
    # No string longer than the common ones comes again; and a chain or string that is certain is one of many.
    assert found.pop("Longest repeated substring") < 0.01
    assert max(found.values()) < 0.01, found


@pytest.mark.parametrize("period", [2, 3, 16])
def test_periodic_bits_have_none(period):
    choose = random.Random(period)
    pattern = [0, 1, *(choose.randrange(2) for _ in range(period - 2))]
    assert min(each.min_entropy for each in assess(np.resize(pattern, LEAST_BITS).astype(np.uint8))) < 0.01


def test_repetitions_are_those_that_counting_finds():
    bits = SOURCES["chain"][:300]
    tuples = _Tuples(bits)
    for length in range(1, 60):
        places = [bytes(bits[place : place + length]) for place in range(len(bits) - length + 1)]
        counts = [places.count(each) for each in set(places)]
        assert tuples.most[length] == max(counts), length
        assert tuples.pairs[length] == sum(count * (count - 1) / 2 for count in counts), length
    lengths = [length for length in range(1, 300) if tuples.most[length] > 1]
    assert tuples.longest == lengths[-1]
    assert tuples.common == max(length for length in lengths if tuples.most[length] >= 35)


def test_too_few_bits_are_refused():
    with pytest.raises(ValueError, match="There must be 7000 bits or more, not 6999"):
        assess(SOURCES["fair"][: LEAST_BITS - 1])


def test_progress_names_the_work():
    seen = []
    assess(SOURCES["fair"][:LEAST_BITS], lambda step, fraction: seen.append((step, fraction)))
    assert [step for step, _ in seen] == ["Assessing"] * len(ESTIMATORS)
    assert [fraction for _, fraction in seen] == [index / len(ESTIMATORS) for index in range(len(ESTIMATORS))]
