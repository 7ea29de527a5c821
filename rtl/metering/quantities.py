"""The measured quantities: declared once, in the order in which they lie in the quantity memory.

Every quantity is one two's complement fixed-point number. Voltages and currents are in units of their
full scale (the peak value of the largest code), times in sample periods, so that a reader needs the
full scales and the sample rate, and nothing else.
"""

from dataclasses import dataclass, replace

from ..bus import StoredRegister
from .parameters import LANE_BITS, WIDE_BITS, WORD_BITS
from .status import EVENTS, MOST_PHASES, STATUS, described

__all__ = ["Quantity", "addresses", "paths", "placed", "quantities"]

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
    """One quantity: its path, what the register map tells of it, and its ``place`` there, counted in values.

    None is the place behind the quantity before. A quantity has the same place on every chip: where others
    before it are not built, there are gaps.
    """

    path: tuple[str, ...]
    register: StoredRegister
    place: int | None = None


def placed(listed, everything):
    """The quantities ``listed``, each at its place among ``everything`` that the largest chip has."""
    places, place = {}, 0
    for quantity in everything:
        places[quantity.path] = place
        place += quantity.register.count
    return [replace(quantity, place=places[quantity.path]) for quantity in listed]


def _quantity(path, width, fraction_bits, unit, description, count=1):
    register = StoredRegister(
        description=description, width=width, signed=True, fraction_bits=fraction_bits, unit=unit, count=count
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
    ("temperature", WORD_BITS, 8, "°C", "Temperature that the gains are compensated for."),
    (
        "calibration_state",
        WORD_BITS,
        0,
        "",
        "0 not calibrated: no correction; 1 calibrated; 2 CRC broken: corrections as before.",
    ),
    ("calibration_crc", WORD_BITS, 0, "", "CRC-32 computed over all settings but the CRC itself."),
    ("calibration_changes", WORD_BITS, 0, "", "Changes of the settings since power-on (WELMEC 7.2)."),
    ("status", WORD_BITS, 0, "", f"Flags of the window, bit by bit. {described(STATUS)}."),
]

_QUADRANTS = ("import, inductive", "export, inductive", "export, capacitive", "import, capacitive")

_ENERGIES = [
    (name, WIDE_BITS, _ENERGY, _ENERGY_UNIT, description)
    for name, description in (
        ("energy_import", "Active energy of all windows that took energy."),
        ("energy_export", "Active energy of all windows that gave energy."),
        *(
            (
                f"energy_q{quadrant}",
                f"Fundamental reactive energy (IEC 62053-24), {signs}.",
            )
            for quadrant, signs in enumerate(_QUADRANTS, 1)
        ),
        ("energy_apparent", "Apparent energy."),
        ("energy_fundamental_import", "Active energy of the fundamental, windows in which it was taken."),
        ("energy_fundamental_export", "Active energy of the fundamental, windows in which it was given."),
        ("energy_harmonic_import", "Active energy besides the fundamental, windows in which it was taken."),
        ("energy_harmonic_export", "Active energy besides the fundamental, windows in which it was given."),
    )
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
        "vrms_half",
        WORD_BITS,
        _MEAN,
        "V full scale",
        "RMS voltage with DC over the last cycle from this phase's own crossings, refreshed every half cycle "
        "(IEC 61000-4-30, Urms(1/2)).",
    ),
    (
        "irms_half",
        WORD_BITS,
        _MEAN,
        "A full scale",
        "RMS current with DC over the same interval (IEC 61000-4-30, Irms(1/2)).",
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
    ("i_region", WORD_BITS, 0, "", "Calibration region of the current, 0 to 4, from the window's end on."),
    *_ENERGIES,
    ("reactive_time", WIDE_BITS, _ENERGY, _ENERGY_UNIT, "Integral of the fundamental reactive power."),
    ("v_squared_time", WIDE_BITS, _ENERGY, "V² full scale sample", "Integral of the squared AC voltage."),
    ("i_squared_time", WIDE_BITS, _ENERGY, "A² full scale sample", "Integral of the squared AC current."),
    ("v_dc_time", WIDE_BITS, _PEAK, "V full scale sample", "Integral of the voltage."),
    ("i_dc_time", WIDE_BITS, _PEAK, "A full scale sample", "Integral of the current."),
]


_NEUTRAL = [
    ("irms", WORD_BITS, _PEAK + 4, "A full scale", "RMS current of the neutral, measured."),
    ("irms_computed", WORD_BITS, _PEAK + 4, "A full scale", "RMS value of the sum of the phases' currents."),
    ("irms_difference", WORD_BITS, _PEAK + 4, "A full scale", "RMS value of measured less computed current."),
    ("region", WORD_BITS, 0, "", "Calibration region of the current, 0 to 4, from the window's end on."),
]


_TOTALS = (
    ("total", "Sum of the phases' registers."),
    ("vector", "Of the phases' sum in each window; apparent: root of active² + reactive²."),
)


_ESTIMATED = (
    ("energy_estimated",),
    WIDE_BITS,
    _ENERGY,
    _ENERGY_UNIT,
    "Active energy estimated from the current while there is no voltage, in no other register; 0 on a chip "
    "of three phases.",
)

_EVENTS = [
    ("count", WORD_BITS, 0, "events", f"How often each event has begun. {described(EVENTS)}."),
    ("start", WIDE_BITS, 0, "sample", "When each event last began, counted from the first sample set."),
    ("duration", WORD_BITS, 0, "sample", "How long each event lasted, or has lasted so far."),
    ("extreme", WORD_BITS, 0, "", "The value farthest beyond its threshold in each event's last time."),
]


def quantities(parameters):
    """Quantities of every window for `MeteringParameters`."""
    return placed(_listed(parameters.phases, parameters.neutral), _listed(MOST_PHASES, True))


def _listed(phases, has_neutral):
    common = [_quantity((name,), *rest) for name, *rest in _COMMON]
    per_phase = [
        _quantity((f"phase{phase}", name), *rest) for phase in range(phases) for name, *rest in _PHASE
    ]
    neutral = [_quantity(("neutral", name), *rest) for name, *rest in _NEUTRAL] * has_neutral
    totals = [
        _quantity((total, name), *rest, f"{description} {netting}")
        for total, netting in _TOTALS * (phases > 1)
        for name, *rest, description in _ENERGIES
    ]
    estimated = [_quantity(*_ESTIMATED)]
    events = [_quantity(("events", name), *rest, count=len(EVENTS)) for name, *rest in _EVENTS]
    return common + per_phase + neutral + totals + estimated + events


def addresses(parameters):
    """Address of each quantity in the quantity memory, by its path."""
    found, address = {}, 0
    for quantity in quantities(parameters):
        found[quantity.path] = address
        address += quantity.register.count
    return found


def paths(parameters):
    """Path of the quantity at each address, joined by points; an array's values have their numbers behind."""
    found = []
    for quantity in quantities(parameters):
        path, count = ".".join(quantity.path), quantity.register.count
        found += [path] if count == 1 else [f"{path}.{index}" for index in range(count)]
    return found
