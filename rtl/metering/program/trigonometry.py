"""Amplitude and angle of a phasor from its parts."""

from ..arithmetic import divide, square_root
from ..quantities import TURN_FRACTION

__all__ = ["angle", "magnitude", "wrapped"]

_ONE = 1 << TURN_FRACTION
_QUARTER = _ONE // 4
_HALF = _ONE // 2

# The odd polynomial of degree 17 that comes closest to the arctangent from 0 to 1: within 2e-9 turn. From the
# highest power down, in turns of TURN_FRACTION bits.
_ARCTANGENT = (
    419833,
    -2461067,
    6798266,
    -12363743,
    17941788,
    -24200311,
    34154180,
    -56962515,
    170891299,
)


def magnitude(x, y):
    """Root of the sum of the squares of two words, rounded down."""
    return square_root(x * x + y * y)


def angle(x, y):
    """Angle of the phasor with real part ``x`` and imaginary part ``y``, from -1/2 to 1/2 turn.

    Within 1e-8 turn; 0 for a phasor without length. Both parts are above -2 ** 35.
    """
    along = x
    if x < 0:
        along = -x
    across = y
    if y < 0:
        across = -y
    smaller = across
    larger = along
    if across > along:
        smaller = along
        larger = across
    ratio = divide(smaller, larger, TURN_FRACTION)
    square = (ratio * ratio) >> TURN_FRACTION
    series = 0
    for coefficient in _ARCTANGENT:
        series = ((series * square) >> TURN_FRACTION) + coefficient
    turns = (ratio * series) >> TURN_FRACTION
    if across > along:
        turns = _QUARTER - turns
    if x < 0:
        turns = _HALF - turns
    if y < 0:
        turns = -turns
    return turns


def wrapped(turns):
    """An angle without its whole turns: from -1/2 to below 1/2."""
    whole = (turns + _HALF) >> TURN_FRACTION
    return turns - whole * _ONE
