"""The sub-command ``bench leakage``: what simulated toggles tell of operands and keys."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.accuracy import FORMATS
from bench.leakage import THRESHOLD, Leakage, measure
from soc.errors import InputError

from .files import check_writable, write_bytes, write_text
from .progress import shown

__all__ = ["add"]

_TRACES = 10_000
_LEAST = 200

_ABOUT = f"""\
Test the cryptographic engines for first-order leakage: the flip-flops and memory outputs that change with
each clock are counted on the RTL, with a fixed input and with random ones, and Welch's t-test compares both.

An absolute t above {THRESHOLD:g} says that the mean number of toggles depends on the input. A simulation
without noise, glitches or coupling finds leaks; it does not show that a board has none."""

_CAPTION = """\
Confirmed: clocks above the limit in both halves of the traces, with the same sign. Of many thousands of
clocks some exceed it by chance."""


def add(benches: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = benches.add_parser(
        "leakage",
        help="first-order leakage of the cryptography, by simulated toggles",
        description=_ABOUT,
        epilog="Example:\n  wattseal bench leakage --traces 2000 --plot leakage.png",
    )
    parser.add_argument(
        "--traces",
        type=int,
        default=_TRACES,
        metavar="N",
        help=f"traces of the short cases (default {_TRACES}); a whole operation takes a twentieth of them",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw t over the clocks: .svg or .png")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.traces < _LEAST:
        raise InputError(f"--traces must be {_LEAST} or more, not {arguments.traces}.")
    kind = arguments.plot.suffix.lower().lstrip(".") if arguments.plot else None
    if kind is not None and kind not in FORMATS:
        endings = " or ".join(f".{each}" for each in FORMATS)
        raise InputError(f"{arguments.plot}: a plot is {endings}; give its name such an ending.")
    for path in (arguments.json, arguments.plot):
        if path:
            check_writable(path)
    with shown() as progress:
        measured = list(measure(arguments.traces, progress=progress))
    Console().print(_table(measured))
    if arguments.json:
        figures = {"threshold": THRESHOLD, "cases": [each.figures() for each in measured]}
        write_text(arguments.json, json.dumps(figures, indent=2) + "\n")
    if kind is not None:
        # Imported here: matplotlib takes a second that other commands need not wait for.
        from bench.leakage_plot import curves

        write_bytes(arguments.plot, curves(measured, kind))
    return 0


def _table(measured: list[Leakage]) -> Table:
    table = Table(title=f"Welch's t of toggles, fixed against random; limit {THRESHOLD:g}")
    table.add_column("Case")
    for heading in ("traces", "clocks", "bits", "largest |t|", "at clock", "above", "confirmed"):
        table.add_column(heading, justify="right")
    for each in measured:
        counts = (each.traces, each.clocks, each.state_bits)
        table.add_row(
            each.title,
            *(f"{count:,}" for count in counts),
            f"{each.largest:.1f}",
            f"{each.at:,}",
            f"{each.above:,}",
            f"{each.confirmed:,}",
        )
    table.caption = _CAPTION
    return table
