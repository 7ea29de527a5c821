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
    table = Table(title=f"Speed of simulation, preset {name}: best and median of {fast.runs} runs")
    table.add_column("")
    for heading in (fast.backend, "median", slow.backend, "median", "ratio", "mark"):
        table.add_column(heading, justify="right")
    for label, field, mark in (
        ("Clocks/s", "cycles_per_s", f"≥ {MARKS['cycles_per_s']:,}"),
        ("Sample sets/s", "sets_per_s", ""),
        ("Access, 1 word, µs", "access_us", f"≤ {MARKS['access_us']}"),
        ("Read, 16 words, µs", "burst_us", ""),
    ):
        best = [getattr(each, field) for each in speeds]
        median = [getattr(each, f"{field}_median") for each in speeds]
        cells = [f"{value:,.0f}" for pair in zip(best, median, strict=True) for value in pair]
        table.add_row(label, *cells, f"{max(best) / min(best):,.0f}", mark)
    table.caption = "Application clocks with the core asleep on an interrupt and the metrology engine busy."
    return table
