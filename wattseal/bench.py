"""The sub-command ``bench``: comparisons that are measured here and now."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import metering
from bench.simulation import MARKS, Speed, compare
from bench.synth import Utilisation
from soc.config import PRESETS, preset
from soc.errors import InputError

from . import bench_crypto, bench_leakage
from .files import check_writable, write_text
from .options import between
from .progress import shown

__all__ = ["add"]

_RUNS = 3
_SECONDS = 1.0
_FREQUENCIES_HZ = (42.5, 50.0, 69.0, 69.9)
_SHORT_SECONDS = 0.25

_SIMULATION = """\
Measure the speed of the simulation: application clocks a second with the core asleep on an interrupt and the
metrology engine busy, the wall time of a bus access, and the ratio to Amaranth's own simulator.

Each figure is the best of several runs, with the median beside it: other work on the machine slows a run,
nothing makes it faster."""

_METERING = """\
Measure the metering: the speed of its RTL alone and of its model, the clocks that its engine takes of a
sample set and of a window in signals made to be the worst, and, on demand, its area on an ECP5.

Speeds depend on what else the machine does; its load is shown beside them. Clocks do not."""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser("bench", help="measure and compare: speed, clocks, area")
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
    measured = benches.add_parser(
        "metering",
        help="speed, clocks and area of the metering, beside the marks",
        description=_METERING,
        epilog="Example:\n  wattseal bench metering --synth --json metering.json",
    )
    measured.add_argument(
        "--seconds",
        type=between(0.1, 60),
        default=_SECONDS,
        metavar="S",
        help=f"meter-seconds of the RTL, and of a point of the model's grid (default {_SECONDS:g})",
    )
    measured.add_argument("--synth", action="store_true", help="also synthesise polyphase; takes minutes")
    measured.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    measured.set_defaults(run=_run_metering)
    bench_crypto.add(benches)
    bench_leakage.add(benches)


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


def _run_metering(arguments: argparse.Namespace) -> int:
    if arguments.json:
        check_writable(arguments.json)
    config, seconds = preset("polyphase"), arguments.seconds
    with shown() as progress:
        rtl = [metering.rtl_speed(preset(name), seconds, progress) for name in ("single", "polyphase")]
        model = metering.model_speed(preset("single"), seconds=seconds, progress=progress)
        clocks = metering.clocks(config, min(seconds, _SHORT_SECONDS), _FREQUENCIES_HZ, progress)
        if arguments.synth:
            progress(f"Synthesising for {metering.DEVICE}", None)
        area = metering.area(config) if arguments.synth else None
    for table in (_speeds(rtl, model), _clocks(clocks), *([_area(area)] if area else [])):
        Console().print(table)
    if arguments.json:
        figures = {
            "marks": metering.MARKS,
            "rtl": [asdict(speed) for speed in rtl],
            "model": asdict(model),
            "clocks": [asdict(each) for each in clocks],
            "area": asdict(area) if area else None,
        }
        write_text(arguments.json, json.dumps(figures, indent=2) + "\n")
    return 0


def _speeds(rtl: list[metering.RtlSpeed], model: metering.ModelSpeed) -> Table:
    table = Table(title="Speed of the metering's simulation: meter-seconds a second")
    table.add_column("")
    for heading in ("one process", "two processes", "a CPU second", "machine's load", "mark"):
        table.add_column(heading, justify="right")
    least = f"≥ {1 / metering.MARKS['seconds_a_meter_second']:g} in two"
    for speed in rtl:
        name = f"RTL alone, {speed.preset}"
        table.add_row(
            name, f"{speed.one:.3f}", f"{speed.two:.3f}", f"{speed.cpu:.3f}", f"{speed.load:.1f}", least
        )
    name = f"Model, {model.preset}, grid of {model.points} points"
    ratio = model.speed / rtl[0].two
    table.add_row(
        name,
        "",
        f"{model.speed:.1f}",
        f"{model.cpu:.1f}",
        f"{model.load:.1f}",
        f"≥ {metering.MARKS['model_ratio']} times the RTL: {ratio:.0f}",
    )
    return table


def _clocks(found: list[metering.Clocks]) -> Table:
    table = Table(title="Clocks of the engine, RTL of polyphase")
    table.add_column("Signal")
    headings = ("Hz", "a set, usual", "a set, worst", "mark", "a window, worst", "of its time", "overruns")
    for heading in headings:
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(
            each.signal,
            f"{each.frequency_hz:g}",
            f"{each.set_usual}",
            f"{each.set_worst}",
            f"≤ {metering.MARKS['clocks']}",
            f"{each.window_worst}",
            f"{100 * each.share:.0f} %",
            f"{each.overruns}",
        )
    table.caption = "A set: the foreground; a window: the background, without the foreground in between."
    return table


def _area(area: Utilisation) -> Table:
    table = Table(title=f"Area of polyphase on {metering.DEVICE}")
    for heading in ("LUT4", "FF", "DSP", "EBR", "MHz"):
        table.add_column(heading, justify="right")
    cells = (area.lut4, area.ff, area.dsp, area.ebr, area.mhz)
    table.add_row(*(f"{value:g}" for value in cells))
    table.add_row(f"≤ {metering.MARKS['lut4']}", "", f"≤ {metering.MARKS['dsp']}", "", "")
    return table
