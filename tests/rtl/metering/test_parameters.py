"""What the parameters refuse, and what follows from them."""

from dataclasses import replace
from fractions import Fraction

import pytest

from rtl.metering.parameters import LANE_BITS
from soc.config import PRESETS, preset

SINGLE = preset("single").metering


def test_words_are_aligned_to_the_top_of_a_lane():
    for config in PRESETS.values():
        made_for = config.metering
        assert made_for.alignment == LANE_BITS - made_for.word_bits


def test_a_current_more_than_there_are_phases_is_the_neutrals():
    assert {name: config.metering.neutral for name, config in PRESETS.items()} == {
        "polyphase": True,
        "single": True,
        "tiny": False,
    }


def test_a_cycle_of_too_many_samples():
    assert replace(SINGLE, sample_rate_hz=Fraction(224 * 40)).sample_rate_hz == 8960
    with pytest.raises(ValueError) as caught:
        replace(SINGLE, sample_rate_hz=Fraction(225 * 40))
    assert str(caught.value) == (
        "A cycle of the lowest frequency must last at most 224 samples "
        "(= half of a ring of 512 less 64), not 225"
    )


@pytest.mark.parametrize("harmonics", [-1, 51])
def test_orders_that_the_points_cannot_show(harmonics):
    assert replace(SINGLE, harmonics=50).harmonics == 50
    with pytest.raises(ValueError) as caught:
        replace(SINGLE, harmonics=harmonics)
    assert str(caught.value) == f"The highest order must be from 0 to 50, not {harmonics}"
