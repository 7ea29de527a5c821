"""The readings of one phase over an interval, as the chip and the reference both report them."""

__all__ = ["NAMES", "Readings", "difference_percent"]

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Readings:
    """What is measured of one phase, in SI units and watt-hours.

    Parameters
    ----------
    vrms_v, irms_a:
        Root of the mean square without DC.
    active_w:
        Energy over time, DC not included.
    reactive_var:
        Reactive power of the fundamental (IEEE 1459, Q1), positive for imported inductive; None without a
        fundamental.
    apparent_va:
        vrms_v times irms_a.
    power_factor:
        active_w over apparent_va; None where that has no value.
    frequency_hz:
        Windows over time; None without zero crossings.
    energy_import_wh, energy_export_wh:
        Energy of the windows of positive, and of negative energy; both are positive numbers.
    v_dc, i_dc:
        Means over the interval.

    Raises
    ------
    ValueError
        If a number is NaN or infinite: what has no value is None.
    """

    vrms_v: float
    irms_a: float
    active_w: float
    reactive_var: float | None
    apparent_va: float
    power_factor: float | None
    frequency_hz: float | None
    energy_import_wh: float
    energy_export_wh: float
    v_dc: float
    i_dc: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"Reading '{field.name}' must be a finite number or None, not {value!r}")


NAMES = {
    "vrms_v": ("Voltage, RMS", "V"),
    "irms_a": ("Current, RMS", "A"),
    "active_w": ("Active power", "W"),
    "reactive_var": ("Reactive power, fundamental", "var"),
    "apparent_va": ("Apparent power", "VA"),
    "power_factor": ("Power factor", ""),
    "frequency_hz": ("Frequency", "Hz"),
    "energy_import_wh": ("Active energy, import", "Wh"),
    "energy_export_wh": ("Active energy, export", "Wh"),
    "v_dc": ("Voltage, DC", "V"),
    "i_dc": ("Current, DC", "A"),
}
"""What each reading is called, and its unit."""


def difference_percent(name: str, measured: Readings, truth: Readings) -> float | None:
    """By how much percent reading ``name`` differs from the truth; None where that has no value.

    DC is compared with the RMS value of its lane, and energy with that of both directions: as a ratio to
    itself either would only show how small it is.
    """
    given, wanted = getattr(measured, name), getattr(truth, name)
    scales = {"v_dc": truth.vrms_v, "i_dc": truth.irms_a}
    if name.startswith("energy"):
        scales[name] = truth.energy_import_wh + truth.energy_export_wh
    scale = scales.get(name, wanted)
    if given is None or wanted is None or not scale:
        return None
    return (given - wanted) / abs(scale) * 100
