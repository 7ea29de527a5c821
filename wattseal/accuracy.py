"""The sub-command ``accuracy``: errors of the metering over the standard's grid, beside limits and marks."""

import argparse
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.accuracy import (
    CLASSES,
    FORMATS,
    FREQUENCIES_HZ,
    Outcome,
    accuracy,
    grid,
    limit_percent,
    mark_of,
    power_factor_name,
    sample,
    worst,
)
from bench.mark import Bench, Row
from bench.marks import marks
from sim.backends import backend
from sim.meter import ENGINES, Engine
from soc.config import PRESETS, SocConfig, preset
from soc.errors import InputError

from .files import check_writable, write_bytes, write_text
from .options import DEFAULT_BACKEND, between
from .progress import shown

__all__ = ["add"]

_SECONDS = 1.0
_GRID = grid()
_YES_NO = ("[bold red]NO[/]", "yes")

_DESCRIPTION = f"""\
Measure the error of the active energy over the test points of IEC 62053-22: {len(_GRID)} points of currents
from 10000:1 to Imax, power factors 1, 0.5 and 0.25 inductive, 0.8 and 0.5 capacitive, and frequencies from
{FREQUENCIES_HZ[0]:g} to {FREQUENCIES_HZ[-1]:g} Hz.

Each is compared with the exact energy of the same sines over the same mains cycles. Full scale of the
current is 1.25 · √2 · Imax, Imax is 1.2 In, and every lane carries noise of half a step rms. Points below
1000:1 last ten times as long as the others."""

_EXAMPLES = """\
Examples:
  wattseal accuracy --json accuracy.json --plot accuracy.svg
  wattseal accuracy --class 0.5S --jobs 1
  wattseal accuracy --engine rtl --points 12       some of the points on the chip's RTL
  wattseal accuracy --marks                        loads and influences, too"""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "accuracy", help="errors over the standard's grid", description=_DESCRIPTION, epilog=_EXAMPLES
    )
    parser.add_argument(
        "--class",
        dest="accuracy_class",
        default=CLASSES[0],
        metavar="C",
        help=f"whose limits: {', '.join(CLASSES)} (default {CLASSES[0]})",
    )
    parser.add_argument(
        "--engine", default="model", metavar="E", help=f"what measures: {', '.join(ENGINES)} (default model)"
    )
    parser.add_argument(
        "--preset", default="single", metavar="P", help=f"{', '.join(PRESETS)} (default single)"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="points at a time, each in a process (default one a core)"
    )
    parser.add_argument(
        "--seconds",
        type=between(0.1, 3600),
        default=_SECONDS,
        metavar="S",
        help=f"length of a point; below 1000:1 ten times that (default {_SECONDS:g})",
    )
    parser.add_argument("--points", type=int, metavar="N", help="only N points, spread over the grid")
    parser.add_argument("--marks", action="store_true", help="also measure the other marks, and print them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write worst error and points as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw error over current: .svg or .png")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    engine, config, jobs = _checked(arguments)
    points = _GRID if arguments.points is None else sample(_GRID, arguments.points)
    rows: list[Row] = []
    with shown() as progress:
        outcomes = list(
            accuracy(
                points, engine=engine, config=config, seconds=arguments.seconds, jobs=jobs, progress=progress
            )
        )
        if arguments.marks:
            bench = Bench(engine=engine, config=config, seconds=arguments.seconds)
            rows = marks(bench, outcomes=outcomes, jobs=jobs, progress=progress)
    _show(outcomes, rows, arguments.accuracy_class, engine.name, config)
    _write(arguments, outcomes, rows)
    return 0


def _checked(arguments: argparse.Namespace) -> tuple[Engine, SocConfig, int]:
    """What the options mean; refuses before the run what would fail after it."""
    if arguments.accuracy_class not in CLASSES:
        known = ", ".join(CLASSES)
        raise InputError(f"There is no class {arguments.accuracy_class!r}; known are {known}.")
    if arguments.engine not in ENGINES:
        raise InputError(f"There is no engine {arguments.engine!r}; known are {', '.join(ENGINES)}.")
    if arguments.jobs is not None and arguments.jobs < 1:
        raise InputError(f"--jobs must be 1 or more, not {arguments.jobs}.")
    if arguments.points is not None and not 1 <= arguments.points <= len(_GRID):
        raise InputError(f"--points must be from 1 to {len(_GRID)}, not {arguments.points}.")
    if arguments.plot and _kind(arguments.plot) not in FORMATS:
        endings = " or ".join(f".{kind}" for kind in FORMATS)
        raise InputError(f"{arguments.plot}: a plot is {endings}; give its name such an ending.")
    files = [path for path in (arguments.json, arguments.plot) if path]
    for path in files:
        check_writable(path)
    if len({path.resolve() for path in files}) < len(files):
        raise InputError(f"{arguments.json}: is given for JSON and for the plot; give two files.")
    config = preset(arguments.preset)
    return ENGINES[arguments.engine](backend(DEFAULT_BACKEND)), config, arguments.jobs or os.cpu_count() or 1


def _show(
    outcomes: Sequence[Outcome], rows: Sequence[Row], accuracy_class: str, engine: str, config: SocConfig
) -> None:
    console = Console()
    console.print(_worst_cases(outcomes, accuracy_class, f"engine {engine}, preset {config.name}"))
    if rows:
        console.print(_marks(rows))
    most = worst(outcomes)
    console.print(
        f"Worst of {len(outcomes)} points: {most.error_percent:+.4f} % at {_place(most)}.", highlight=False
    )


def _worst_cases(outcomes: Sequence[Outcome], accuracy_class: str, with_what: str) -> Table:
    """Largest error of each power factor in each decade of current."""
    table = Table(title=f"Largest errors of active energy: {with_what}")
    table.add_column("PF", no_wrap=True)
    for heading in ("I / Imax from", "Error %", "at I / Imax", "Hz", f"{accuracy_class} %", "Mark %"):
        table.add_column(heading, justify="right")
    order = {name: place for place, name in enumerate(dict.fromkeys(map(_name, outcomes)))}
    ranked = sorted(outcomes, key=lambda outcome: (order[_name(outcome)], -_decade(outcome)))
    last = ""
    for (name, decade), group in groupby(ranked, lambda outcome: (_name(outcome), _decade(outcome))):
        cell = list(group)
        if last and name != last:
            table.add_section()
        most = worst(cell)
        table.add_row(
            "" if name == last else name,
            f"{10.0**decade:g}",
            f"{most.error_percent:+z.5f}",
            f"{most.point.current_ratio:.2g}",
            f"{most.point.frequency_hz:g}",
            _verdict([(outcome, limit_percent(outcome.point, accuracy_class)) for outcome in cell]),
            _verdict([(outcome, _mark_percent(outcome)) for outcome in cell]),
        )
        last = name
    table.caption = (
        f"{accuracy_class}: the limit of IEC 62053-22 for a whole meter, the strictest in the row, "
        "and whether all points are within theirs. Mark: our own for its digital part."
    )
    return table


def _name(outcome: Outcome) -> str:
    return power_factor_name(outcome.point)


def _decade(outcome: Outcome) -> int:
    """The exponent of ten of the current relative to Imax; Imax itself belongs to the decade below it."""
    return min(math.floor(math.log10(outcome.point.current_ratio) + 1e-9), -1)


def _place(outcome: Outcome) -> str:
    point = outcome.point
    return f"{point.current_ratio:.2g} Imax, PF {power_factor_name(point)}, {point.frequency_hz:g} Hz"


def _mark_percent(outcome: Outcome) -> float | None:
    mark = mark_of(outcome.point)
    return None if mark is None else mark.percent


def _verdict(held: Sequence[tuple[Outcome, float | None]]) -> str:
    """The strictest bound of some points, and whether all that have one are within theirs."""
    bounds = [(outcome, bound) for outcome, bound in held if bound is not None]
    if not bounds:
        return "–"
    kept = all(abs(outcome.error_percent) <= bound for outcome, bound in bounds)
    return f"{min(bound for _, bound in bounds):g} {_YES_NO[kept]}"


def _marks(rows: Sequence[Row]) -> Table:
    table = Table(title="Marks")
    table.add_column("What")
    for heading in ("Largest error", "Mark"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.name, f"{row.figure:.5f} {row.unit}", f"{row.mark:g} {row.unit} {_YES_NO[row.kept]}"
        )
    return table


def _write(arguments: argparse.Namespace, outcomes: Sequence[Outcome], rows: Sequence[Row]) -> None:
    if arguments.json:
        written: dict[str, Any] = {
            "worst_percent": abs(worst(outcomes).error_percent),
            "points": [
                {
                    "current_ratio": outcome.point.current_ratio,
                    "power_factor": outcome.point.power_factor,
                    "frequency_hz": outcome.point.frequency_hz,
                    "error_percent": outcome.error_percent,
                    "limit_percent": limit_percent(outcome.point, arguments.accuracy_class),
                }
                for outcome in outcomes
            ],
        }
        if rows:
            written["marks"] = [{**asdict(row), "kept": row.kept} for row in rows]
        write_text(arguments.json, json.dumps(written, indent=2) + "\n")
        print(f"Written: {arguments.json}")
    if arguments.plot:
        # Imported here: matplotlib takes a second that other commands need not wait for.
        from bench.curves import error_curves

        picture = error_curves(outcomes, arguments.accuracy_class, _kind(arguments.plot))
        write_bytes(arguments.plot, picture)
        print(f"Written: {arguments.plot}")


def _kind(plot: Path) -> str:
    return plot.suffix.lower().lstrip(".")
