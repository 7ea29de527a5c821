"""What rings cannot be made; that they oscillate in a netlist is in tests/soc/test_loops.py."""

import pytest

from rtl.entropy.jitter import REFERENCE
from rtl.entropy.ring_oscillators import FAMILIES, RingOscillators


@pytest.mark.parametrize("family", FAMILIES)
def test_rings_are_those_of_the_jitter_model(family):
    assert RingOscillators(family=family).ring_lengths == REFERENCE.ring_lengths
    some = RingOscillators(lengths=(3, 5), banks=2, family=family)
    assert some.ring_lengths == (3, 5, 3, 5)
    assert len(some.noise.rings) == 4


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"family": "gowin"}, "Family of the rings must be one of ecp5, ice40, not 'gowin'"),
        ({"lengths": (2, 3)}, r"Rings must have 3 or more stages, not \(2, 3\)"),
        ({"lengths": ()}, r"Rings must have 3 or more stages, not \(\)"),
        ({"banks": 0}, "Number of banks must be 1 or more, not 0"),
    ],
)
def test_impossible_rings_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        RingOscillators(**{"family": "ecp5", **changes})
