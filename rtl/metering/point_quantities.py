"""What the memory of points shows: the waveforms of the last mains cycle."""

from ..bus import StoredRegister
from .parameters import LANE_BITS, POINTS, WORD_BITS
from .quantities import Quantity, placed
from .status import MOST_PHASES

__all__ = ["FIRST_POINT", "point_quantities"]

FIRST_POINT = 1
"""Address of the first lane's first point; the lanes follow each other."""


def point_quantities(parameters):
    """Points of every lane for `MeteringParameters` ``parameters``, behind the number of the cycle."""
    return placed(_listed(parameters.phases, parameters.lanes), _listed(MOST_PHASES, 2 * MOST_PHASES + 1))


def _listed(phases, lanes):
    def register(description, unit, count, fraction_bits):
        return StoredRegister(
            description=description,
            width=WORD_BITS,
            signed=True,
            fraction_bits=fraction_bits,
            unit=unit,
            count=count,
        )

    shown = [Quantity(("sequence",), register("Mains cycles shown so far; wraps.", "cycles", 1, 0))]
    for lane in range(lanes):
        current = lane >= phases
        number = lane - phases * current
        name = f"{'i' if current else 'v'}{number}" if number < phases else "neutral"
        unit = "A full scale" if current else "V full scale"
        description = f"The cycle at {POINTS} evenly spaced points from its start on."
        shown.append(Quantity((name,), register(description, unit, POINTS, LANE_BITS - 1)))
    return shown
