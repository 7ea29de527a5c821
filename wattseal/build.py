"""The sub-command ``build``: the bitstream of a board, and what the chip takes of its FPGA."""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from rtl.bus import LifecycleState
from soc.boards import BOARDS, board
from soc.build import DOMAINS, STEPS, build
from soc.utilisation import Cost, Utilisation

__all__ = ["add"]

_LIFECYCLES = [name.lower() for name in LifecycleState.__members__]


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "build",
        help="build the bitstream of an FPGA board",
        description="Build the chip for an FPGA board: synthesis, placement, routing and packing. Prints "
        "what each block takes and the clocks that are reached, and writes the same as JSON beside the "
        "bitstream. A full build of an ECP5 board takes five to ten minutes, and needs no board.",
    )
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--board", metavar="NAME", help=f"one of {', '.join(BOARDS)}")
    choice.add_argument("--list", action="store_true", help="list the boards and exit")
    parser.add_argument(
        "--no-pnr",
        action="store_true",
        help="stop after synthesis: numbers without placement are an estimate, and there is no clock",
    )
    parser.add_argument(
        "--lifecycle",
        choices=_LIFECYCLES,
        default="operation",
        help="lifecycle state, a constant of the chip (default operation); manufacturing lets raw bits "
        "of the noise source out, for `wattseal entropy capture`",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to build (default: build/boards/NAME)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    console = Console()
    if arguments.list:
        console.print(_boards())
        return 0
    made_for = board(arguments.board)
    state = LifecycleState.__members__[arguments.lifecycle.upper()]
    made_for = replace(made_for, config=made_for.config.with_changes(lifecycle=state))
    folder = arguments.out or Path("build", "boards", made_for.name)
    steps = STEPS[:2] if arguments.no_pnr else STEPS
    with _Steps(console, steps) as shown:
        utilisation = build(made_for, folder, place=not arguments.no_pnr, progress=shown.update)
    console.print(_table(f"{made_for.title}, preset {made_for.config.name}", utilisation))
    if arguments.no_pnr:
        console.print("After synthesis: LUT4 is an estimate, and there is no clock before place and route.")
    else:
        console.print(_clocks(utilisation))
    missed = [name for name, clock in utilisation.clocks.items() if not clock.holds]
    if missed:
        print(
            f"wattseal: the {' and '.join(missed)} clock is missed, so there is no bitstream in {folder}.",
            file=sys.stderr,
        )
        return 1
    console.print(f"All files are in {folder}.", highlight=False, soft_wrap=True)
    return 0


class _Steps:
    """The steps on the console, each with its time, the one that goes on with its tool's last line."""

    def __init__(self, console: Console, steps: tuple[str, ...]):
        self._live = console.is_terminal
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[line]}", style="dim", markup=False),
            console=console,
            disable=not self._live,
        )
        self._tasks: dict[str, TaskID] = {
            step: self._progress.add_task(step, start=False, total=1, line="") for step in steps
        }
        self._current = ""
        self._started = 0.0

    def __enter__(self) -> "_Steps":
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._end()
        self._progress.stop()

    def update(self, step: str, line: str) -> None:
        """Show that ``step`` goes on, and the line that its tool printed."""
        if step != self._current:
            self._end()
            self._current, self._started = step, time.monotonic()
            self._progress.start_task(self._tasks[step])
        self._progress.update(self._tasks[step], line=line.removeprefix("Info: ")[: self._console.width - 40])

    def _end(self) -> None:
        if self._current:
            self._progress.update(self._tasks[self._current], completed=1, line="")
            if not self._live:
                self._console.print(f"{self._current}: {time.monotonic() - self._started:.0f} s")


def _boards() -> Table:
    table = Table(box=SIMPLE)
    for heading in ("name", "preset", "application", "metrology"):
        table.add_column(heading, no_wrap=True)
    table.add_column("board")
    for made_for in BOARDS.values():
        config = made_for.config
        clocks = (f"{hz / 1e6:g} MHz" for hz in (config.application_hz, config.metrology_hz))
        table.add_row(made_for.name, config.name, *clocks, made_for.title)
    return table


def _table(title: str, utilisation: Utilisation) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE)
    table.add_column("block")
    for heading in (
        "LUT4",
        "FF",
        "DSP",
        "EBR",
        *(f"{domain} MHz" for domain in utilisation.clocks and DOMAINS),
    ):
        table.add_column(heading, justify="right")
    for name, cost in utilisation.blocks.items():
        mhz = utilisation.block_mhz.get(name, {})
        clocks = [next((f"{mhz[key]:.1f}" for key in mhz if domain in key), "") for domain in DOMAINS]
        table.add_row(name, *_numbers(cost), *(clocks if utilisation.clocks else ()))
    table.add_section()
    table.add_row("in all", *_numbers(utilisation.total), style="bold")
    if utilisation.available:
        table.add_row("device", *_numbers(utilisation.available), style="dim")
    return table


def _numbers(cost: Cost) -> tuple[str, ...]:
    return str(cost.lut4), str(cost.ff), str(cost.dsp), str(cost.ebr)


def _clocks(utilisation: Utilisation) -> Table:
    table = Table(box=SIMPLE)
    table.add_column("clock")
    for heading in ("needed MHz", "reached MHz"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for name, clock in utilisation.clocks.items():
        table.add_row(
            name,
            f"{clock.needed_mhz:g}",
            f"{clock.achieved_mhz:.1f}",
            "holds" if clock.holds else "[bold red]missed",
        )
    return table
