"""The command ``wattseal``: its parser, and what becomes of errors."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from rich_argparse import RawDescriptionRichHelpFormatter

from soc.errors import InputError

__all__ = ["main"]

COMMANDS = ("run", "meter", "calibrate", "accuracy", "vectors", "regs", "build", "bench", "entropy", "doctor")

_DESCRIPTION = """\
An open secure-metering system-on-chip: simulate it with its firmware, feed it mains, build it for an FPGA.

Start with:  wattseal run                        a generated household load through the chip's RTL
             wattseal meter FILE                 the readings of a recording, beside float64
             wattseal calibrate --help           what corrects a meter's sensors, from reference runs
             wattseal accuracy                   its errors over the standard's grid
             wattseal build --board ulx3s-85f    a bitstream
             wattseal COMMAND --help             what a command takes, with examples"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def __init__(self, **options: object) -> None:
        options.setdefault("formatter_class", RawDescriptionRichHelpFormatter)
        super().__init__(**options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="wattseal", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"wattseal {version('wattseal')}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, title="Commands")
    for command in COMMANDS:
        import_module(f"wattseal.{command}").add(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    0: done. 1: done, and something that was checked is not right. 2: something given cannot be used.
    """
    try:
        parsed = _parser().parse_args(arguments)
        status: int = parsed.run(parsed)
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"wattseal: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read the output has gone; nothing that Python flushes at its end may fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("wattseal: interrupted", file=sys.stderr)
        return 130
