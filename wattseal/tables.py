"""A measurement on the terminal: its progress, its notes and its tables."""

import argparse
from collections.abc import Sequence
from dataclasses import fields

from rich.console import Console
from rich.table import Table

from sim.meter import Analogue, Engine, Measurement, measure
from sim.readings import NAMES, Readings, difference_percent
from soc.config import SocConfig

from .details import details
from .progress import shown

_LEAST = 1e-12  # below this a number is the rounding of float64

__all__ = ["readings_table", "show_measurement"]


def show_measurement(
    analogue: Analogue,
    arguments: argparse.Namespace,
    *,
    engine: Engine,
    config: SocConfig,
    notes: Sequence[str] = (),
) -> Measurement:
    """Measure with a progress bar, and print what is to be known and the readings."""
    with shown() as progress:
        measurement = measure(
            analogue,
            engine=engine,
            config=config,
            v_max=arguments.v_max,
            i_max=arguments.i_max,
            declared_v=arguments.declared,
            progress=progress,
        )
    console = Console()
    for note in (*notes, *measurement.notes):
        console.print(note, style="dim", highlight=False, markup=False)
    console.print(readings_table(measurement))
    for table in details(measurement):
        console.print(table)
    return measurement


def readings_table(measurement: Measurement) -> Table:
    """Readings of every phase beside the reference, with their difference in percent."""
    start, end = measurement.interval_s
    table = Table(title=f"{measurement.source}: {start:.6f} s to {end:.6f} s, engine {measurement.engine}")
    table.add_column("Quantity")
    for heading in ("Chip", "float64", "Difference"):
        table.add_column(heading, justify="right")
    pairs = zip(measurement.readings, measurement.references, strict=True)
    for phase, (measured, truth) in enumerate(pairs):
        if phase:
            table.add_section()
        for field in fields(Readings):
            name, unit = NAMES[field.name]
            chip, reference = getattr(measured, field.name), getattr(truth, field.name)
            label = f"{name} {phase + 1}" if len(measurement.readings) > 1 else name
            table.add_row(
                label,
                _value(chip, unit),
                _value(reference, unit),
                _percent(difference_percent(field.name, measured, truth)),
            )
    table.caption = "Differences of DC are relative to the RMS value, of energy to both directions together."
    return table


def _value(value: float | None, unit: str) -> str:
    if value is not None and abs(value) < _LEAST:
        value = 0.0
    return "–" if value is None else f"{value:z.7g} {unit}".rstrip()


def _percent(difference: float | None) -> str:
    return "–" if difference is None else f"{difference:+z.4f} %"
