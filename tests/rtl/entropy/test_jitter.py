"""The jitter model against numerical integration, and what it says of the chip's rings."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import erf

from rtl.entropy.cutoffs import LOST_ALPHA, lost_rings_cutoff
from rtl.entropy.jitter import ASSUMED_ENTROPY, REFERENCE, JitterModel, expected_bias, guessing_entropy

DIFFUSIONS = [1e-4, 0.004, 0.02, 0.0499, 0.0501, 0.1, 0.3, 0.6]


def integrated_bias(diffusion, points=100_000):
    """The same by numbers: edges of a square wave, each smoothed by the Gaussian, and the mean magnitude."""
    phase = (np.arange(points) + 0.5) / points
    edges = [(place / 2, 1 if place % 2 == 0 else -1) for place in range(-40, 42)]
    bias = sum(sign * (1 + erf((phase - edge) / (diffusion * math.sqrt(2)))) for edge, sign in edges) - 1
    return np.abs(bias).mean()


@pytest.mark.parametrize("diffusion", DIFFUSIONS)
def test_expected_bias_is_that_of_a_smoothed_square_wave(diffusion):
    assert expected_bias(diffusion) == pytest.approx(integrated_bias(diffusion), rel=1e-5, abs=1e-9)


def test_expected_bias_falls_from_one():
    values = [expected_bias(value) for value in (0, *DIFFUSIONS)]
    assert values[0] == 1
    assert values == sorted(values, reverse=True)
    assert guessing_entropy(1) == 0
    assert guessing_entropy(0) == 1
    with pytest.raises(ValueError, match="Diffusion must be zero or positive, not -1"):
        expected_bias(-1)


def test_diffusion_is_that_of_stages_which_add_up():
    model = JitterModel(stage_ps=500.0, jitter_ps=2.0, clock_hz=50e6, divider=50)
    stages_passed = 1_000_000 / 500
    assert model.sample_ps == pytest.approx(1_000_000)
    assert model.diffusion(5) == pytest.approx(2.0 * math.sqrt(stages_passed) / (2 * 5 * 500))


@pytest.mark.parametrize(
    ("jitter_ps", "entropy", "needed"),
    [
        (1.0, 0.433, None),
        (1.5, 0.587, 28),
        (1.6, 0.613, 27),
        (2.0, 0.705, 23),
        (3.0, 0.856, 17),
        (4.0, 0.933, 14),
    ],
)
def test_entropy_and_rings_needed(jitter_ps, entropy, needed):
    model = replace(REFERENCE, jitter_ps=jitter_ps)
    assert model.min_entropy() == pytest.approx(entropy, abs=5e-4)
    assert model.needed_rings(0.5) == needed
    if needed is not None:
        assert (
            model.min_entropy(lost=model.rings - needed)
            >= 0.5
            > model.min_entropy(lost=model.rings - needed + 1)
        )


def test_as_many_rings_may_be_lost_as_the_health_test_lets_pass():
    cutoff = lost_rings_cutoff(LOST_ALPHA, REFERENCE.banks, len(REFERENCE.lengths))
    assert REFERENCE.needed_rings(ASSUMED_ENTROPY) <= REFERENCE.rings - (cutoff - 1)


def test_bounds_are_where_the_entropy_is_met():
    smallest = REFERENCE.smallest_jitter_ps(0.5)
    assert smallest == pytest.approx(1.202, abs=5e-4)
    assert replace(REFERENCE, jitter_ps=smallest).min_entropy() == pytest.approx(0.5, abs=1e-9)
    divider = REFERENCE.smallest_divider(0.5)
    assert replace(REFERENCE, divider=divider).min_entropy() >= 0.5
    assert replace(REFERENCE, divider=divider - 1).min_entropy() < 0.5
    assert replace(REFERENCE, jitter_ps=1e-6).smallest_divider(0.5) is None
    with pytest.raises(ValueError, match="No jitter gives 2 bits of entropy a bit"):
        REFERENCE.smallest_jitter_ps(2)


def test_designs_reach_the_rate_with_the_fewest_banks():
    designs = list(REFERENCE.designs(0.5, 300e3))
    assert designs[0].divider == REFERENCE.divider
    assert REFERENCE.output_hz() == 312_500
    for design in designs:
        assert design.output_hz() >= 300e3
        assert design.min_entropy() >= 0.5
        assert design.banks == 1 or replace(design, banks=design.banks - 1).min_entropy() < 0.5
    assert [design.rings for design in designs] == sorted(design.rings for design in designs)
    assert not list(REFERENCE.designs(0.5, 1e9))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lengths": ()}, "Lengths must be one or more positive integers"),
        ({"lengths": (3, 6)}, "Lengths must be pairwise coprime, which 3 and 6 are not"),
        ({"banks": 0}, "banks must be above zero and finite, not 0"),
        ({"jitter_ps": math.inf}, "jitter_ps must be above zero and finite, not inf"),
        ({"stage_ps": math.nan}, "stage_ps must be above zero and finite, not nan"),
    ],
)
def test_nonsense_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(REFERENCE, **changes)


def test_more_rings_cannot_be_lost_than_there_are():
    assert REFERENCE.min_entropy(lost=32) == 0
    with pytest.raises(ValueError, match="Lost rings must be 0 to 32, not 33"):
        REFERENCE.min_entropy(lost=33)
