"""Events and status bits of the meter: their names, numbers and meanings, declared once."""

__all__ = [
    "EVENTS",
    "FIRST_AT_ONCE",
    "HALF_CYCLE_KINDS",
    "MOST_PHASES",
    "NUMBERS",
    "STATUS",
    "WINDOW_EVENTS",
    "described",
]

MOST_PHASES = 3
"""Phases that the numbers leave room for: they are the same on a chip with fewer."""


def _each_phase(name, meaning):
    return [(f"{name}_phase{phase}", meaning) for phase in range(MOST_PHASES)]


# Judged once a window, on if they have been so for a number of windows.
_LASTING = [
    ("no_voltage", "no phase has voltage"),
    ("frequency", "the frequency is out of range, or voltage gives no mains cycles"),
    ("phase_sequence", "the phases follow each other in reversed order"),
    ("neutral_mismatch", "measured and computed neutral current differ"),
    ("missing_neutral", "current without voltage: energy is estimated"),
    ("magnet", "the magnet sensor answers"),
    ("cover_main", "the main cover is open"),
    ("cover_terminal", "the terminal cover is open"),
    *_each_phase("missing_phase", "a phase is missing while another lives"),
    *_each_phase("reversed_current", "a phase gives active power"),
]

# Judged once a window, on at once.
_AT_ONCE = [
    ("lost", "sample sets were lost"),
    ("overrun", "a window was not measured, because the one before took too long"),
    ("calibration", "the CRC of the calibration is broken"),
    ("saturated_neutral", "samples of the neutral's lane were clipped"),
    *_each_phase("saturated_voltage", "samples of a voltage lane were clipped"),
    *_each_phase("saturated_current", "samples of a current lane were clipped"),
]

# Judged every half cycle, for each phase.
HALF_CYCLE_KINDS = [
    ("dip", "the voltage is below the dip threshold"),
    ("swell", "the voltage is above the swell threshold"),
    ("interruption", "the voltage is below the interruption threshold"),
    ("over_current", "the current is above its threshold"),
]
"""Kinds of event that are judged every half cycle, for each phase: name and meaning."""

FIRST_AT_ONCE = len(_LASTING)
"""Number of the first event of a window that needs no windows to be sure."""

WINDOW_EVENTS = FIRST_AT_ONCE + len(_AT_ONCE)
"""Events that are judged once a window: they come first."""

EVENTS = [*_LASTING, *_AT_ONCE]
"""Name and meaning of each event, by its number; also the address of its alert."""
EVENTS += [each for kind in HALF_CYCLE_KINDS for each in _each_phase(*kind)]

STATUS = [
    *_LASTING,
    *_AT_ONCE,
    *((name, f"{meaning}, in any phase") for name, meaning in HALF_CYCLE_KINDS),
    ("timed", "the window does not reach from one zero crossing to the next"),
    ("source_low", "low bit of the number of the phase whose crossings end the windows"),
    ("source_high", "high bit of the same"),
    ("uncalibrated", "not calibrated: the settings have no CRC"),
]
"""Name and meaning of each bit of the quantity ``status``, the lowest first."""


NUMBERS = {name.removesuffix("_phase0"): number for number, (name, _) in enumerate(EVENTS)}
"""Number of each event by its name; of the kinds that each phase has, that of the first phase."""


def described(listed):
    """``0 name: meaning; 1 name: meaning; …`` for the register map."""
    return "; ".join(f"{number} {name}: {meaning}" for number, (name, meaning) in enumerate(listed))
