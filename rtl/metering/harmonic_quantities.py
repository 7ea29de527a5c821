"""What the harmonics memory shows: declared once, in the order in which it lies there.

All of a window of 10 or 12 mains cycles. The same number format as in `rtl.metering.quantities`; a value has
36 bits, so that a time takes two of them. Element *n* of an array is the harmonic of order *n* + 1.
"""

from ..bus import StoredRegister
from .parameters import LANE_BITS, WORD_BITS
from .quantities import MEAN_FRACTION, TIME_FRACTION, TURN_FRACTION, Quantity, placed
from .status import MOST_PHASES

__all__ = [
    "HARMONIC_POWER_FRACTION",
    "RATIO_FRACTION",
    "TIME_LOW_BITS",
    "harmonic_addresses",
    "harmonic_quantities",
    "phase_stride",
]

RATIO_FRACTION = 24
HARMONIC_POWER_FRACTION = 31
"""Bits behind the point of ratios, which can be far above one, and of powers."""

TIME_LOW_BITS = 34
"""Bits of a time that are in its lower part."""

_MOST_ORDERS = 50
_MEAN = LANE_BITS - 1 + MEAN_FRACTION
_TIME_HIGH = 1 << TIME_LOW_BITS - TIME_FRACTION

# Path, whether an array over the orders, fraction bits, unit, description.
_COMMON = [
    ("sequence", False, 0, "windows", "Windows shown since power-on; unchanged across a coherent read."),
    (
        "dropped",
        False,
        0,
        "windows",
        "Windows since power-on, up to this one, that a cycle without synchronisation cut short.",
    ),
    ("cycles", False, 0, "", "Cycles of the window: 10, or 12 above 55 Hz (IEC 61000-4-30, 4.4)."),
    ("length", False, TIME_FRACTION, "sample", "Length of the window."),
    ("time", False, TIME_FRACTION, "sample", "End of the window, without the whole units of time_high."),
    ("time_high", False, 0, f"{_TIME_HIGH} samples", "End of the window, in whole units."),
    ("frequency", False, TIME_FRACTION, "Hz", "Cycles over the length of the window."),
]

_UNBALANCE = [
    (
        "unbalance_negative",
        False,
        RATIO_FRACTION,
        "",
        "Negative over positive sequence of the fundamental voltages (IEC 61000-4-30, 5.7.1).",
    ),
    (
        "unbalance_zero",
        False,
        RATIO_FRACTION,
        "",
        "Zero over positive sequence of the fundamental voltages (IEC 61000-4-30, 5.7.1).",
    ),
]

_ANGLE = "at the rising zero crossing of phase 0's fundamental voltage, as a sine"

_PHASE = [
    ("v_amplitude", True, _MEAN, "V full scale", "RMS value of each order of the voltage."),
    ("v_angle", True, TURN_FRACTION, "turn", f"Angle of each order of the voltage {_ANGLE}."),
    ("i_amplitude", True, _MEAN, "A full scale", "RMS value of each order of the current."),
    ("i_angle", True, TURN_FRACTION, "turn", f"Angle of each order of the current {_ANGLE}."),
    (
        "active",
        True,
        HARMONIC_POWER_FRACTION,
        "V A full scale",
        "Active power of each order, positive for import.",
    ),
    (
        "thd_v",
        False,
        RATIO_FRACTION,
        "",
        "THD of the voltage (IEC 61000-4-7): orders from 2 on over the first.",
    ),
    (
        "thd_i",
        False,
        RATIO_FRACTION,
        "",
        "THD of the current: orders from 2 on over the first (IEC 61000-4-7).",
    ),
    (
        "angle",
        False,
        TURN_FRACTION,
        "turn",
        "Angle by which the fundamental voltage leads the current; positive for inductive import.",
    ),
]


def harmonic_quantities(parameters):
    """Quantities of every window of harmonics for `MeteringParameters`; none without harmonics."""
    if not parameters.harmonics:
        return []
    return placed(_listed(parameters.phases, parameters.harmonics), _listed(MOST_PHASES, _MOST_ORDERS))


def _listed(phases, orders):
    rows = [((name,), *rest) for name, *rest in _COMMON + (_UNBALANCE if phases == MOST_PHASES else [])]
    rows += [((f"phase{phase}", name), *rest) for phase in range(phases) for name, *rest in _PHASE]
    return [
        Quantity(
            path,
            StoredRegister(
                description=description,
                width=WORD_BITS,
                signed=True,
                fraction_bits=fraction_bits,
                unit=unit,
                count=orders if is_array else 1,
            ),
        )
        for path, is_array, fraction_bits, unit, description in rows
    ]


def harmonic_addresses(parameters):
    """Address of each quantity in the harmonics memory, an array's first element, by its path."""
    found, address = {}, 0
    for quantity in harmonic_quantities(parameters):
        found[quantity.path] = address
        address += quantity.register.count
    return found


def phase_stride(parameters):
    """Addresses that the quantities of a phase take."""
    return sum(parameters.harmonics if is_array else 1 for _, is_array, *_ in _PHASE)
