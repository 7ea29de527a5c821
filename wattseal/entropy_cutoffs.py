"""The sub-command ``entropy cutoffs``: cut-offs of the health tests from min-entropy and false alarms."""

import argparse
import math
import re

from rich.console import Console
from rich.table import Table

from rtl.entropy import cutoffs
from rtl.entropy.jitter import ASSUMED_ENTROPY, REFERENCE
from soc.errors import InputError

from .options import between, whole

__all__ = ["MOST_WINDOW", "add", "probability"]

MOST_WINDOW = 4096
"""Bits of a window, whose chances take a few seconds; that grows faster than the square."""

_DESCRIPTION = """\
Compute the cut-offs of the health tests: of repetition count and adaptive proportion after SP 800-90B, 4.4,
and of the chip's own ones, with the chance of a false alarm of each.

Those of the standard follow from the min-entropy H of a raw bit and the chance α of a false alarm. The chip's
adaptive proportion test counts both values of a bit, which is stricter; its chance is that of either."""

_EXAMPLES = """\
Examples:
  wattseal entropy cutoffs --h 0.5 --alpha 2^-30
  wattseal entropy cutoffs --h 0.9 --alpha 1e-9 --window 512"""


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = actions.add_parser(
        "cutoffs",
        help="cut-offs of the health tests from H and α",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "--h",
        type=between(cutoffs.LEAST_H, 1),
        default=ASSUMED_ENTROPY,
        metavar="H",
        help=f"min-entropy of a raw bit, {cutoffs.LEAST_H:g} to 1 (default {ASSUMED_ENTROPY:g})",
    )
    parser.add_argument(
        "--alpha",
        type=probability,
        default=cutoffs.DEFAULT_ALPHA,
        metavar="A",
        help="chance of a false alarm, as 2^-30 or 1e-9 (default 2^-30)",
    )
    parser.add_argument(
        "--window",
        type=whole(2, MOST_WINDOW),
        default=cutoffs.PROPORTION_WINDOW,
        metavar="W",
        help=f"bits of a window of the adaptive proportion test, up to {MOST_WINDOW} "
        f"(default {cutoffs.PROPORTION_WINDOW})",
    )
    parser.set_defaults(run=_run)


def probability(text: str) -> float:
    """A probability that is written as a number or as a power of two, for ``type=``."""
    power = re.fullmatch(r"2\s*(?:\^|\*\*)\s*(-?\d+(?:\.\d*)?)", text.strip())
    try:
        value = 2.0 ** float(power[1]) if power else float(text)
    except (ValueError, OverflowError):
        value = math.nan
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be above 0 and below 1, as 2^-30 or 1e-9, not {text!r}")
    return value


def _run(arguments: argparse.Namespace) -> int:
    h, alpha, window = arguments.h, arguments.alpha, arguments.window
    banks, lengths = REFERENCE.banks, len(REFERENCE.lengths)
    try:
        repetition = cutoffs.repetition_cutoff(h, alpha)
        proportion = cutoffs.proportion_cutoff(h, alpha, window)
        rows = [
            ("Repetition count", repetition, "4.4.1", f"{_chance(2.0 ** (-h * (repetition - 1)))} a run"),
            (
                f"Adaptive proportion, {window} bits",
                proportion,
                "4.4.2",
                f"{_chance(cutoffs.proportion_false_alarm(proportion, h, window))} a window",
            ),
        ]
        own = cutoffs.default_cutoffs(banks=banks, lengths=lengths, h=h, alpha=alpha)
    except ValueError as error:
        raise InputError(f"{error}.") from None
    lag = cutoffs.binomial_tail(own["lag"], cutoffs.LAG_WINDOW, 2.0**-h)
    silence = cutoffs.silence_false_alarm(own["silence"], REFERENCE.rings)
    lost = cutoffs.lost_rings_false_alarm(own["lost"], banks, lengths)
    rows += [
        (
            f"Each of {cutoffs.LAGS} lags, {cutoffs.LAG_WINDOW} bits",
            own["lag"],
            "own",
            f"{_chance(lag)} a window",
        ),
        ("Samples without a change of a ring", own["silence"], "own", f"{_chance(silence)} a sample"),
        (f"Lost rings, {cutoffs.RING_WINDOW} samples", own["lost"], "own", f"{_chance(lost)} a window"),
    ]
    table = Table(title=f"Cut-offs for H = {h:g} and α = {_chance(alpha)}")
    for heading, justify in (
        ("Test", "left"),
        ("Cut-off", "right"),
        ("SP 800-90B", "left"),
        ("False alarm", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name, cutoff, section, chance in rows:
        table.add_row(name, str(cutoff), section, chance)
    table.caption = f"Of lost rings: for the chip's {REFERENCE.rings} rings, at its own α."
    Console().print(table)
    return 0


def _chance(value: float) -> str:
    return f"2^{math.log2(value):.1f}" if value else "0"
