"""What a measurement says beyond the readings: further quantities, and harmonics, phase beside phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sim.meter import Measurement

__all__ = ["details"]

_ORDERS = 15
_SHORT = (("U", "%"), ("I", "%"), ("P", "W"))
_DEGREES = 360.0
_PERCENT = 100.0

# Label, path in a phase, factor to what is shown.
_PHASE = [
    ("Fundamental active power P1, W", "active_fundamental", 1.0),
    ("Harmonic active power PH, W", "active_harmonic", 1.0),
    ("Reactive power, Budeanu, var", "reactive_budeanu", 1.0),
    ("Fundamental apparent power, VA", "apparent_fundamental", 1.0),
    ("Apparent power, vector, VA", "apparent_vector", 1.0),
    ("Fundamental power factor", "power_factor_fundamental", 1.0),
    ("Angle from current to voltage, °", "angle", _DEGREES),
    ("Angle from voltage 1, °", "v_angle", _DEGREES),
    ("Urms(1/2), V", "vrms_half", 1.0),
    ("Irms(1/2), A", "irms_half", 1.0),
    ("Peak voltage, V", "v_peak", 1.0),
    ("Peak current, A", "i_peak", 1.0),
]
_RATIOS = [("THD of voltage, %", "thd_v", _PERCENT), ("THD of current, %", "thd_i", _PERCENT)]
_ENERGIES = [
    ("Active import, Wh", "energy_import"),
    ("Active export, Wh", "energy_export"),
    *((f"Reactive Q{quadrant}, varh", f"energy_q{quadrant}") for quadrant in range(1, 5)),
    ("Apparent, VAh", "energy_apparent"),
    ("P1 import, Wh", "energy_fundamental_import"),
    ("P1 export, Wh", "energy_fundamental_export"),
    ("PH import, Wh", "energy_harmonic_import"),
    ("PH export, Wh", "energy_harmonic_export"),
]
_TOTALS = ("total", "vector")


def details(measurement: Measurement) -> Iterator[Table]:
    """The tables, as many as there are values for."""
    quantities, harmonics = measurement.windows.quantities(), measurement.harmonics.quantities()
    number = len(measurement.readings)
    yield _quantities_table(quantities, harmonics or {}, number)
    yield _energies_table(quantities, number)
    if harmonics is not None:
        yield _harmonics_table(harmonics, number)


def _headings(number: int) -> list[str]:
    return [f"Phase {phase + 1}" for phase in range(number)] if number > 1 else ["Chip"]


def _table(title: str, first: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _quantities_table(quantities: Mapping[str, Any], harmonics: Mapping[str, Any], number: int) -> Table:
    table = _table("Further quantities", "Quantity", _headings(number))
    for rows, source in ((_PHASE, quantities), (_RATIOS if harmonics else [], harmonics)):
        for label, name, factor in rows:
            values = [source[f"phase{phase}"][name] for phase in range(number)]
            table.add_row(label, *(_shown(value, factor) for value in values))
    for label, value, factor in _of_all(quantities, harmonics):
        table.add_row(label, _shown(value, factor))
    return table


def _energies_table(quantities: Mapping[str, Any], number: int) -> Table:
    """Energies of the interval; for several phases also their totals, and those with vector netting."""
    totals = [name for name in _TOTALS if number > 1 and name in quantities]
    headings = [*_headings(number), *(name.capitalize() for name in totals)]
    table = _table("Energies of the interval", "Energy", headings)
    for label, name in _ENERGIES:
        holders = [*(f"phase{phase}" for phase in range(number)), *totals]
        table.add_row(label, *(_shown(quantities[holder][name], digits=4) for holder in holders))
    return table


def _of_all(
    quantities: Mapping[str, Any], harmonics: Mapping[str, Any]
) -> Iterator[tuple[str, float | None, float]]:
    yield "Change of frequency, Hz/s", quantities["rocof"], 1.0
    for name, label in (("negative", "Unbalance, negative, %"), ("zero", "Unbalance, zero, %")):
        if harmonics.get(f"unbalance_{name}") is not None:
            yield label, harmonics[f"unbalance_{name}"], _PERCENT
    if "neutral" in quantities:
        yield "Neutral current, computed, A", quantities["neutral"]["irms_computed"], 1.0
    if quantities["energy_estimated"]:
        yield "Energy estimated without voltage, Wh", quantities["energy_estimated"], 1.0
    yield "Temperature, °C", quantities["temperature"], 1.0


def _harmonics_table(harmonics: Mapping[str, Any], number: int) -> Table:
    """The first orders."""
    phases = [harmonics[f"phase{phase}"] for phase in range(number)]
    headings = ["U, V", "U, %", "U, °", "I, A", "I, %", "I, °", "P, W"]
    if number > 1:
        headings = [f"{name}{phase + 1}, {unit}" for phase in range(number) for name, unit in _SHORT]
    table = _table(f"Harmonics, {harmonics['windows']} windows of 10 or 12 cycles", "Order", headings)
    for order in range(min(_ORDERS, len(phases[0]["active"]))):
        cells = [cell for phase in phases for cell in _cells(phase, order, angles=number == 1)]
        table.add_row(str(order + 1), *cells)
    table.caption = "Percent of the fundamental; angles from the rising zero crossing of voltage 1."
    return table


def _cells(phase: Mapping[str, Sequence[float]], order: int, *, angles: bool) -> Iterator[str]:
    for lane in ("v", "i"):
        amplitudes = phase[f"{lane}_amplitude"]
        share = amplitudes[order] / amplitudes[0] if amplitudes[0] else None
        if angles:
            yield f"{amplitudes[order]:.4g}"
        yield "–" if share is None else f"{share * _PERCENT:.3f}"
        if angles:
            angle = phase[f"{lane}_angle"][order]
            yield "–" if angle is None else f"{angle * _DEGREES:z.1f}"
    yield f"{phase['active'][order]:z.4g}"


def _shown(value: float | None, factor: float = 1.0, *, digits: int = 5) -> str:
    return "–" if value is None else f"{value * factor:z.{digits}g}"
