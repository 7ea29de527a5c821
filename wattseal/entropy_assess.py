"""The sub-command ``entropy assess``: raw bits by the estimators of SP 800-90B."""

import argparse
import json
import stat
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from bench.accuracy import FORMATS
from sim.entropy_assessment import LEAST_BITS, STANDARD_BITS, Estimate, assess
from soc.errors import InputError

from .files import check_writable, write_bytes, write_text
from .progress import shown

__all__ = ["MOST_BITS", "add"]

MOST_BITS = 16_000_000

_DESCRIPTION = """\
Estimate the min-entropy of raw bits by the ten estimators of SP 800-90B, section 6.3, for a source that is
not taken to be without memory (the non-IID track). The assessment is the smallest estimate.

The file holds packed bits, the first one in the top of each byte, as `wattseal entropy capture` writes it."""

_EXAMPLES = """\
Examples:
  wattseal entropy assess raw.bin --plot raw.svg
  wattseal entropy assess raw.bin --bits 1000000 --json raw.json"""

_CAVEATS = (
    "No test of independence was made (5): bits that pass one may be assessed by the first estimate alone.",
    "The restart tests (3.1.4) were not made: they need 1000 captures of 1000 bits, each after a restart.",
    "Estimates bound what these ten predictors see. What a raw bit is worth follows from the jitter model.",
)


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = actions.add_parser(
        "assess", help="min-entropy of raw bits in a file", description=_DESCRIPTION, epilog=_EXAMPLES
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="packed raw bits")
    parser.add_argument("--bits", type=int, metavar="N", help="only the first N bits")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the estimates as JSON")
    parser.add_argument("--plot", type=Path, metavar="OUT", help="draw the bits: .svg or .png")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    _check(arguments)
    bits = _bits(arguments.file, arguments.bits)
    with shown() as progress:
        estimates = assess(bits, progress)
    least = min(estimates, key=lambda each: each.min_entropy)
    console = Console()
    console.print(_table(arguments.file, bits, estimates, least))
    if len(bits) < STANDARD_BITS:
        console.print(
            f"{len(bits):,} bits are fewer than the {STANDARD_BITS:,} that the standard asks for (3.1.1): "
            "the estimates are lower and less certain than they would be.",
            style="bold",
            highlight=False,
        )
    for caveat in _CAVEATS:
        console.print(caveat, style="dim", highlight=False)
    _write(arguments, bits, estimates, least)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    files = [path for path in (arguments.json, arguments.plot) if path]
    for path in files:
        check_writable(path)
    if len({path.resolve() for path in (*files, arguments.file)}) < len(files) + 1:
        raise InputError(f"{files[0]}: is given twice; give different files.")
    if arguments.plot and arguments.plot.suffix.lower().lstrip(".") not in FORMATS:
        endings = " or ".join(f".{kind}" for kind in FORMATS)
        raise InputError(f"{arguments.plot}: a plot is {endings}; give its name such an ending.")


def _bits(path: Path, count: int | None) -> npt.NDArray[np.uint8]:
    """The first ``count`` bits of the file, or all."""
    try:
        about = path.stat()
        if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
            raise InputError(f"{path}: is no ordinary file; give a file of raw bits.")
        size = about.st_size
        with path.open("rb") as file:
            packed = file.read(MOST_BITS // 8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a file of raw bits.") from None
    if size > len(packed) and count is None:
        raise InputError(f"{path}: has more than {MOST_BITS} bits; give --bits to take the first ones.")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    if count is not None:
        if not LEAST_BITS <= count <= min(MOST_BITS, 8 * size):
            most = min(MOST_BITS, 8 * size)
            raise InputError(f"--bits must be {LEAST_BITS} to {most} for {path}, not {count}.")
        bits = bits[:count]
    if len(bits) < LEAST_BITS:
        raise InputError(f"{path}: has {len(bits)} bits, and {LEAST_BITS} are needed; capture more.")
    return bits


def _table(path: Path, bits: npt.NDArray[np.uint8], estimates: Sequence[Estimate], least: Estimate) -> Table:
    table = Table(title=f"{path}: {len(bits):,} bits, {bits.mean():.4%} ones")
    table.add_column("Estimator")
    table.add_column("SP 800-90B")
    table.add_column("Min-entropy a bit", justify="right")
    for each in estimates:
        table.add_row(
            each.name, each.section, f"{each.min_entropy:.4f}", style="bold" if each is least else None
        )
    table.add_section()
    table.add_row("Smallest", "3.1.3", f"{least.min_entropy:.4f}", style="bold")
    return table


def _write(
    arguments: argparse.Namespace,
    bits: npt.NDArray[np.uint8],
    estimates: Sequence[Estimate],
    least: Estimate,
) -> None:
    if arguments.json:
        written = {
            "bits": len(bits),
            "enough": len(bits) >= STANDARD_BITS,
            "ones": int(bits.sum()),
            "min_entropy": least.min_entropy,
            "estimates": [asdict(each) for each in estimates],
        }
        write_text(arguments.json, json.dumps(written, indent=2) + "\n")
        print(f"Written: {arguments.json}")
    if arguments.plot:
        # Imported here: matplotlib takes a second that other commands need not wait for.
        from bench.entropy_plot import bits_picture

        title = f"{arguments.file.name}: {len(bits):,} raw bits, min-entropy {least.min_entropy:.3f} a bit"
        write_bytes(arguments.plot, bits_picture(bits, title, arguments.plot.suffix.lower().lstrip(".")))
        print(f"Written: {arguments.plot}")
