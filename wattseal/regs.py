"""The sub-command ``regs``: the register map in the format that is asked for."""

import argparse
from pathlib import Path

from soc.config import PRESETS, preset
from soc.errors import InputError
from soc.registers import FORMATS, tracked_files

from .files import write_text

__all__ = ["add"]


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "regs",
        help="print the register map as Markdown, CMSIS-SVD, C header, Python or JSON",
        description="Print the register map, generated from the declarations of the registers in the blocks.",
    )
    parser.add_argument("--format", choices=FORMATS, help="what to print (default: md)")
    parser.add_argument(
        "--preset", metavar="NAME", help=f"configuration: {', '.join(PRESETS)} (default: polyphase)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument(
        "--write",
        action="store_true",
        help="regenerate the files that are kept with the sources, and print their names",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.write:
        if arguments.format or arguments.preset or arguments.out:
            raise InputError("--write takes no other option: it makes every file, for preset polyphase.")
        for path, content in tracked_files().items():
            write_text(path, content)
            print(path)
        return 0
    content = FORMATS[arguments.format or "md"](preset(arguments.preset or "polyphase"))
    if arguments.out:
        write_text(arguments.out, content)
    else:
        print(content, end="")
    return 0
