"""The sub-command ``regs``: the register map in the format that is asked for."""

import argparse
from pathlib import Path

from soc.config import PRESETS, preset
from soc.errors import InputError
from soc.registers import FORMATS, tracked_files

__all__ = ["add"]


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "regs",
        help="print the register map as Markdown, CMSIS-SVD, C header, Python or JSON",
        description="Print the register map, generated from the declarations of the registers in the blocks.",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="md", help="what to print (default: %(default)s)"
    )
    parser.add_argument(
        "--preset",
        default="polyphase",
        metavar="NAME",
        help=f"configuration: {', '.join(PRESETS)} (default: %(default)s)",
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
        for path, content in tracked_files().items():
            _save(path, content)
            print(path)
        return 0
    content = FORMATS[arguments.format](preset(arguments.preset))
    if arguments.out:
        _save(arguments.out, content)
    else:
        print(content, end="")
    return 0


def _save(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from None
