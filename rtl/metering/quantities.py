"""The measured quantities: declared once, in the order in which they lie in the quantity memory.

Every quantity is one two's complement fixed-point number. Voltages and currents are in units of their
full scale (the peak value of the largest code), times in sample periods, so that a reader needs the
full scales and the sample rate, and nothing else.
"""

from dataclasses import dataclass

from ..bus import StoredRegister
from .parameters import LANE_BITS, WIDE_BITS, WORD_BITS

__all__ = ["Quantity", "addresses", "quantities"]

TIME_FRACTION = 20
MEAN_FRACTION = 6
PHASOR_FRACTION = 5
FACTOR_FRACTION = 30
TURN_FRACTION = 30
"""Bits behind the point of times, behind a lane's least significant bit of means and phasors, of ratios, of
angles in turns."""

_TIME = TIME_FRACTION
_PEAK = LANE_BITS - 1
_MEAN = _PEAK + MEAN_FRACTION
_POWER = 2 * _MEAN
_ENERGY = 2 * _PEAK
_FUNDAMENTAL_POWER = 2 * (_PEAK + PHASOR_FRACTION) - 1


@dataclass(frozen=True)
class Quantity:
    """One quantity: its path, and what the register map tells of it."""

    path: tuple[str, ...]
    register: StoredRegister


def _quantity(path, width, fraction_bits, unit, description):
    register = StoredRegister(
        description=description, width=width, signed=True, fraction_bits=fraction_bits, unit=unit
    )
    return Quantity(path, register)


_POWER_UNIT = "V A full scale"
_ENERGY_UNIT = "V A full scale sample"

# Path, bits, fraction bits, unit, description.
_COMMON = [
    ("sequence", WIDE_BITS, 0, "windows", "Windows since power-on; unchanged across a coherent read."),
    ("time", WIDE_BITS, _TIME, "sample", "End of the window, counted from the first sample set."),
    ("length", WORD_BITS, _TIME, "sample", "Length of the window."),
    (
        "synchronised",
        WORD_BITS,
        0,
        "",
        "1 for a window from one zero crossing to the next, 0 for a timed one.",
    ),
    (
        "frequency",
        WORD_BITS,
        _TIME,
        "Hz",
        "Mains frequency, one over the window's length; 0 for a timed one.",
    ),
    (
        "rocof",
        WIDE_BITS,
        _TIME,
        "Hz / s",
        "Change of the frequency from the last window to this, over its length.",
    ),
]

_PHASE = [
    ("vrms", WORD_BITS, _MEAN, "V full scale", "RMS voltage without DC (IEEE 1459, 3.1.2.1)."),
    ("irms", WORD_BITS, _MEAN, "A full scale", "RMS current without DC (IEEE 1459, 3.1.2.1)."),
    ("active", WIDE_BITS, _POWER, _POWER_UNIT, "Active power without that of the DC (IEEE 1459, 3.1.2.3)."),
    (
        "reactive",
        WIDE_BITS,
        _FUNDAMENTAL_POWER,
        _POWER_UNIT,
        "Fundamental reactive power (IEEE 1459, 3.1.2.5); positive for inductive import.",
    ),
    (
        "reactive_budeanu",
        WIDE_BITS,
        _POWER,
        _POWER_UNIT,
        "Reactive power of all frequencies after Budeanu (IEEE 1459, 3.1.2.14), by a shift of 90°.",
    ),
    ("apparent", WIDE_BITS, _POWER, _POWER_UNIT, "RMS voltage times RMS current (IEEE 1459, 3.1.2.7)."),
    (
        "apparent_vector",
        WORD_BITS,
        _POWER - 36,
        _POWER_UNIT,
        "Root of the squares' sum of active and fundamental reactive power.",
    ),
    (
        "power_factor",
        WORD_BITS,
        FACTOR_FRACTION,
        "",
        "Active over apparent power (IEEE 1459, 3.1.2.16); 0 without apparent power.",
    ),
    (
        "active_fundamental",
        WIDE_BITS,
        _FUNDAMENTAL_POWER,
        _POWER_UNIT,
        "Fundamental active power P1 (IEEE 1459); 0 for a timed window, as all of the fundamental.",
    ),
    (
        "active_harmonic",
        WIDE_BITS,
        _POWER,
        _POWER_UNIT,
        "Harmonic active power PH (IEEE 1459): active less fundamental active power.",
    ),
    (
        "apparent_fundamental",
        WIDE_BITS,
        _FUNDAMENTAL_POWER,
        _POWER_UNIT,
        "Fundamental apparent power S1 (IEEE 1459): the product of the fundamentals' RMS values.",
    ),
    (
        "power_factor_fundamental",
        WORD_BITS,
        FACTOR_FRACTION,
        "",
        "Fundamental power factor PF1 (IEEE 1459): P1 over S1; 0 without S1.",
    ),
    (
        "angle",
        WORD_BITS,
        TURN_FRACTION,
        "turn",
        "Angle by which the fundamental voltage leads the current; positive for inductive import.",
    ),
    (
        "v_angle",
        WORD_BITS,
        TURN_FRACTION,
        "turn",
        "Angle by which the fundamental voltage leads that of phase 0.",
    ),
    ("v_peak", WORD_BITS, _PEAK, "V full scale", "Largest magnitude of the voltage in the last mains cycle."),
    ("i_peak", WORD_BITS, _PEAK, "A full scale", "Largest magnitude of the current in the last mains cycle."),
    ("v_dc", WORD_BITS, _MEAN, "V full scale", "Mean voltage."),
    ("i_dc", WORD_BITS, _MEAN, "A full scale", "Mean current."),
    (
        "energy_import",
        WIDE_BITS,
        _ENERGY,
        _ENERGY_UNIT,
        "Active energy of all windows that took energy: a 64-bit count above a 44-bit residue.",
    ),
    (
        "energy_export",
        WIDE_BITS,
        _ENERGY,
        _ENERGY_UNIT,
        "Active energy of all windows that gave energy: a 64-bit count above a 44-bit residue.",
    ),
    ("reactive_time", WIDE_BITS, _ENERGY - 6, _ENERGY_UNIT, "Integral of the fundamental reactive power."),
    ("v_squared_time", WIDE_BITS, _ENERGY, "V² full scale sample", "Integral of the squared AC voltage."),
    ("i_squared_time", WIDE_BITS, _ENERGY, "A² full scale sample", "Integral of the squared AC current."),
    ("v_dc_time", WIDE_BITS, _PEAK, "V full scale sample", "Integral of the voltage."),
    ("i_dc_time", WIDE_BITS, _PEAK, "A full scale sample", "Integral of the current."),
]


_NEUTRAL = [
    ("irms", WORD_BITS, _PEAK + 4, "A full scale", "RMS current of the neutral, measured."),
    ("irms_computed", WORD_BITS, _PEAK + 4, "A full scale", "RMS value of the sum of the phases' currents."),
    ("irms_difference", WORD_BITS, _PEAK + 4, "A full scale", "RMS value of measured less computed current."),
]


def quantities(parameters):
    """Quantities of every window for `MeteringParameters`."""
    common = [_quantity((name,), *rest) for name, *rest in _COMMON]
    per_phase = [
        _quantity((f"phase{phase}", name), *rest)
        for phase in range(parameters.phases)
        for name, *rest in _PHASE
    ]
    neutral = [_quantity(("neutral", name), *rest) for name, *rest in _NEUTRAL] * parameters.neutral
    return common + per_phase + neutral


def addresses(parameters):
    """Address of each quantity in the quantity memory, by its path."""
    return {quantity.path: address for address, quantity in enumerate(quantities(parameters))}
