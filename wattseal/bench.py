"""The sub-command ``bench``: comparisons that are measured here and now."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.simulation import MARKS, Speed, compare
from soc.config import PRESETS, preset
from soc.errors import InputError

from .files import check_writable, write_text
from .progress import shown

__all__ = ["add"]

_RUNS = 3

_SIMULATION = """\
Measure the speed of the simulation: application clocks a second with the core asleep on an interrupt and the
metrology engine busy, the wall time of a bus access, and the ratio to Amaranth's own simulator.

Each figure is the best of several runs, with the median beside it: other work on the machine slows a run,
nothing makes it faster."""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser("bench", help="measure and compare: simulation speed")
    benches = parser.add_subparsers(metavar="WHAT", required=True, title="What is compared")
    simulation = benches.add_parser(
        "simulation",
        help="speed of the simulation, beside the marks",
        description=_SIMULATION,
        epilog="Example:\n  wattseal bench simulation --json speed.json",
    )
    simulation.add_argument("--preset", default="polyphase", metavar="P", help=f"{', '.join(PRESETS)}")
    simulation.add_argument(
        "--runs", type=int, default=_RUNS, metavar="N", help=f"how often (default {_RUNS})"
    )
    simulation.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    simulation.set_defaults(run=_run_simulation)


def _run_simulation(arguments: argparse.Namespace) -> int:
    if arguments.runs < 1:
        raise InputError(f"--runs must be 1 or more, not {arguments.runs}.")
    if arguments.json:
        check_writable(arguments.json)
    config = preset(arguments.preset)
    with shown() as progress:
        speeds = compare(config, arguments.runs, progress)
    Console().print(_table(config.name, speeds))
    if arguments.json:
        figures = {"preset": config.name, "marks": MARKS, "backends": [asdict(speed) for speed in speeds]}
        write_text(arguments.json, json.dumps(figures, indent=2) + "\n")
    return 0


def _table(name: str, speeds: list[Speed]) -> Table:
    """Back-ends side by side, the ratio of the first to the second, and the marks."""
    fast, slow = speeds
    table = Table(title=f"Speed of simulation, preset {name}: best (median) of {fast.runs}")
    table.add_column("")
    for heading in (fast.backend, slow.backend, "Ratio", "Mark"):
        table.add_column(heading, justify="right")
    table.add_row(
        "Clocks a second",
        *(f"{each.cycles_per_s:,.0f} ({each.cycles_per_s_median:,.0f})" for each in speeds),
        f"{fast.cycles_per_s / slow.cycles_per_s:,.0f}",
        f"≥ {MARKS['cycles_per_s']:,}",
    )
    table.add_row(
        "Sample sets a second",
        *(f"{each.sets_per_s:,.0f}" for each in speeds),
        f"{fast.sets_per_s / slow.sets_per_s:,.0f}",
        "",
    )
    for label, field, mark in (
        ("Access of 1 word, µs", "access_us", f"≤ {MARKS['access_us']}"),
        ("Read of 16 words, µs", "burst_us", ""),
    ):
        best = [getattr(each, field) for each in speeds]
        median = [getattr(each, f"{field}_median") for each in speeds]
        cells = [f"{one:,.1f} ({other:,.1f})" for one, other in zip(best, median, strict=True)]
        table.add_row(label, *cells, f"{best[1] / best[0]:,.0f}", mark)
    table.caption = "Application clocks with the core asleep on an interrupt and the metrology engine busy."
    return table
