"""The sub-command ``bench crypto``: clocks and area of the cryptography beside marks and other designs."""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import crypto
from bench.accuracy import FORMATS
from bench.crypto import OPERATIONS, Figure, Operation
from bench.crypto_marks import BLOCK_MARKS, CYCLE_MARKS, OTHERS, BlockMark, Other
from soc import tools
from soc.errors import InputError

from .files import check_writable, write_bytes, write_text
from .progress import shown

__all__ = ["add"]

_ABOUT = f"""\
Count the clocks of every operation of P-256, AES, SHA-256 and key store on the RTL, for each variant, and
measure what each block takes of an {crypto.DEVICE}: times and products of area and time follow, and a plot of
area over clocks.

An operation of P-256, AES or the key store lasts from the core's write to `operate` until the interrupt; its
data are moved before and after it. One of SHA-256 lasts from the first word that a hardware user offers
until `done`. A block is what a long message takes more for each block."""

_CAPTION = """\
Rows without a variant: what other designs say of theirs; their area, where it is known, is of the core alone.
Ours is of the whole block with its registers, memories and ways to the key store. ✗ after a mark: missed."""


_PLOT = Path("crypto-pareto.svg")


def add(benches: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = benches.add_parser(
        "crypto",
        help="clocks of the cryptography, with its area and time, beside the marks",
        description=_ABOUT,
        epilog="Examples:\n"
        "  wattseal bench crypto --json crypto.json     clocks, area and the plot: half an hour\n"
        "  wattseal bench crypto --no-synth             clocks alone: a minute",
    )
    parser.add_argument(
        "--no-synth", action="store_true", help="leave area and clock out, which take half an hour"
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help=f"where to draw area over clocks: .svg or .png (default {_PLOT}; none with --no-synth)",
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="blocks synthesised at a time (default one a core)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    synthesises = not arguments.no_synth
    if synthesises and arguments.plot is None:
        arguments.plot = _PLOT
    _check(arguments)
    with shown() as progress:
        counted = crypto.cycles(progress)
        areas = crypto.area(progress, jobs=arguments.jobs or os.cpu_count() or 1) if synthesises else {}
    figures = crypto.figures(counted, areas)
    console = Console()
    for table in _tables(figures):
        console.print(table)
    console.print(_CAPTION, highlight=False)
    if arguments.json:
        write_text(arguments.json, json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
        print(f"Written: {arguments.json}")
    if arguments.plot:
        # Imported here: matplotlib takes a second that other commands need not wait for.
        from bench.pareto import pareto

        write_bytes(arguments.plot, pareto(figures, OTHERS, _kind(arguments.plot)))
        print(f"Written: {arguments.plot}")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse before the run what would fail after it."""
    if arguments.jobs is not None and arguments.jobs < 1:
        raise InputError(f"--jobs must be 1 or more, not {arguments.jobs}.")
    if arguments.jobs is not None and arguments.no_synth:
        raise InputError("--jobs is of the synthesis that --no-synth leaves out: leave one of the two out.")
    if arguments.plot and _kind(arguments.plot) not in FORMATS:
        endings = " or ".join(f".{kind}" for kind in FORMATS)
        raise InputError(f"{arguments.plot}: a plot is {endings}; give its name such an ending.")
    if arguments.plot and arguments.no_synth:
        raise InputError(
            f"{arguments.plot}: the plot shows area, which is not measured with --no-synth: leave one of the "
            f"two out."
        )
    for path in (arguments.json, arguments.plot):
        if path:
            check_writable(path)
    if arguments.plot and arguments.json and arguments.plot.resolve() == arguments.json.resolve():
        raise InputError(f"{arguments.json}: is given for JSON and for the plot; give two files.")
    if not arguments.no_synth:
        for tool in ("yosys", "nextpnr-ecp5"):
            tools.find(tool)


def _kind(plot: Path) -> str:
    return plot.suffix.lower().lstrip(".")


def _tables(figures: list[Figure]) -> Iterator[Table]:
    """One a block: each operation's variants, and below them the other designs."""
    for block, group in groupby(OPERATIONS, lambda operation: operation.block):
        operations = list(group)
        table = Table(title=f"Clocks, area and time: {block}")
        table.add_column("Operation", no_wrap=True)
        table.add_column("Variant", no_wrap=True)
        for heading in ("clocks", "mark", "LUT4", "FF", "DSP", "MHz", "µs", "LUT4·ms"):
            table.add_column(heading, justify="right", no_wrap=True)
        for operation in operations:
            of_it = [figure for figure in figures if figure.operation == operation.name]
            _rows(table, operation, of_it)
            table.add_section()
        for variant in dict.fromkeys(figure.variant for figure in figures):
            mark = BLOCK_MARKS.get((block, variant))
            measured = [
                figure
                for figure in figures
                if figure.variant == variant and figure.operation == operations[0].name
            ]
            if mark and measured:
                table.add_row("Mark of the block", variant, "", "", *_block_mark(mark, measured[0]))
        yield table


def _rows(table: Table, operation: Operation, figures: list[Figure]) -> None:
    for number, figure in enumerate(figures):
        mark = CYCLE_MARKS.get((operation.name, figure.variant))
        table.add_row(
            "" if number else operation.text,
            figure.variant,
            _number(figure.cycles),
            f"≤ {mark:,.0f}{_cross(figure.cycles <= mark)}" if mark else "",
            *_area(figure),
        )
    for other in OTHERS:
        if operation.name in other.cycles:
            clocks = other.cycles[operation.name]
            table.add_row(f"  {other.name}", "", _number(clocks), "", *_area_of_other(other, clocks))


def _area_of_other(other: Other, clocks: float) -> list[str]:
    return _area(Figure(operation="", variant="", cycles=clocks, lut4=other.lut4, ff=other.ff, mhz=other.mhz))


def _area(figure: Figure) -> list[str]:
    values = (figure.lut4, figure.ff, figure.dsp, figure.mhz)
    return [
        *(_number(value) for value in values),
        "" if figure.microseconds is None else f"{figure.microseconds:,.2f}",
        "" if figure.area_time is None else f"{figure.area_time:,.2f}",
    ]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _block_mark(mark: BlockMark, figure: Figure) -> list[str]:
    """The cells from LUT4 on."""
    return [
        _bound("≤", mark.lut4, figure.lut4),
        "",
        _bound("≤", mark.dsp, figure.dsp),
        _bound("≥", mark.mhz, figure.mhz),
    ]


def _bound(sign: str, bound: float | None, value: float | None) -> str:
    if bound is None:
        return ""
    kept = value is None or (value <= bound if sign == "≤" else value >= bound)
    return f"{sign} {bound:,.0f}{_cross(kept)}"


def _cross(kept: bool) -> str:
    return "" if kept else " ✗"
