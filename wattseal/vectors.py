"""The sub-command ``vectors``: known answers, put to the chip's cryptographic blocks."""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sim.vectors import Outcome, Verdict, known_files, read_vectors, run, sampled
from sim.vectors.cases import BLOCKS, Case, Skipped
from sim.vectors.engines import ENGINES, engine_named, without_missing
from soc.config import PRESETS, preset
from soc.errors import InputError

from .files import check_writable, write_text
from .progress import shown

__all__ = ["add"]

_DEFAULT_ENGINE, _DEFAULT_PRESET = "rtl", "polyphase"
_SEED = 1
_FAILURES = 20  # shown on the terminal

_DESCRIPTION = """\
Run known-answer vectors through the chip's RTL: Wycheproof JSON (the older schema and v1), NIST CAVP .rsp,
and ACVP JSON (internalProjection.json, or prompt.json with expectedResults.json beside it), of SHA-256, HMAC,
HKDF, AES-GCM, AES-CMAC, AES key wrap, and ECDSA and ECDH on P-256.

Without FILE: a sample of the vectors that come with Python packages, spread over all their files and groups.
What the chip does not have, such as another curve, is skipped with the reason. The last line counts; the exit
status is 1 if a vector failed.

--engine model compiles nothing: the model of the P-256 unit runs the chip's microprogram; SHA-256, HMAC, HKDF
and AES have no model of their own, and are answered by the packages that the RTL is tested against."""

_EXAMPLES = """\
Examples:
  wattseal vectors                                       a sample of all vectors
  wattseal vectors --all --block p256                    every vector of ECDSA and ECDH
  wattseal vectors --preset single                       through the compact variants of AES and P-256
  wattseal vectors ecdsa_secp256r1_sha256_test.json      all of a file
  wattseal vectors ecdsa_secp256r1_sha256_test.json --only 152"""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "vectors",
        help="known-answer vectors of Wycheproof, CAVP and ACVP through the RTL",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "file", nargs="*", metavar="FILE", help="files of vectors (default those of the packages)"
    )
    parser.add_argument(
        "--engine",
        default=_DEFAULT_ENGINE,
        metavar="E",
        help=f"what computes: {', '.join(ENGINES)} (default {_DEFAULT_ENGINE})",
    )
    parser.add_argument(
        "--preset",
        default=_DEFAULT_PRESET,
        metavar="P",
        help=f"whose variants: {', '.join(PRESETS)} (default {_DEFAULT_PRESET})",
    )
    parser.add_argument("--block", choices=BLOCKS, help="only vectors for this block of the chip")
    parser.add_argument("--all", action="store_true", help="every vector of the packages, not a sample")
    parser.add_argument("--seed", type=int, metavar="N", help=f"another sample (default {_SEED})")
    parser.add_argument(
        "--only", type=int, metavar="NUMBER", help="only this vector of FILE, as a failure names it"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write counts, reasons and failures as JSON"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = preset(arguments.preset)
    engine = engine_named(arguments.engine, config)
    _check(arguments)
    vectors = without_missing(_chosen(arguments), config)
    with shown() as progress:
        outcomes = list(run(vectors, engine, progress))
    options = "" if arguments.engine == _DEFAULT_ENGINE else f" --engine {arguments.engine}"
    options += "" if arguments.preset == _DEFAULT_PRESET else f" --preset {arguments.preset}"
    failures = [outcome for outcome in outcomes if outcome.verdict is Verdict.FAILED]
    console = Console()
    _show_failures(failures, options, console)
    console.print(_table(outcomes, f"engine {arguments.engine}, preset {arguments.preset}"))
    for reason, count in _reasons(outcomes).most_common():
        console.print(f"{count} skipped: {reason}", style="dim", highlight=False, markup=False)
    counts = Counter(outcome.verdict for outcome in outcomes)
    if arguments.json:
        write_text(
            arguments.json, json.dumps(_written(arguments, outcomes, failures, options), indent=2) + "\n"
        )
        print(f"Written: {arguments.json}")
    if not (arguments.file or arguments.all):
        print(f"A sample with seed {_seed(arguments)}; --all runs every vector.")
    print(", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict))
    return 1 if failures else 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse options that do not go together, before any work is done."""
    if arguments.only is not None and len(arguments.file) != 1:
        raise InputError(f"--only takes a vector of one FILE, not of {len(arguments.file)}; name the file.")
    for option, given in (("--all", arguments.all), ("--seed", arguments.seed is not None)):
        if given and arguments.file:
            raise InputError(f"{option} is for the vectors of the packages; leave it or FILE out.")
    if arguments.all and arguments.seed is not None:
        raise InputError("--seed is for a sample; leave it or --all out.")
    if arguments.json:
        check_writable(arguments.json)


def _seed(arguments: argparse.Namespace) -> int:
    return _SEED if arguments.seed is None else arguments.seed


def _chosen(arguments: argparse.Namespace) -> list[Case | Skipped]:
    """The vectors that the arguments ask for."""
    files = dict.fromkeys(arguments.file or known_files())
    vectors = [vector for file in files for vector in read_vectors(file)]
    if arguments.only is not None:
        numbers = [vector.place.number for vector in vectors]
        vectors = [vector for vector in vectors if vector.place.number == arguments.only]
        if not vectors:
            held = f"its vectors have the numbers {min(numbers)} to {max(numbers)}"
            raise InputError(f"{arguments.file[0]}: has no vector {arguments.only}; {held}.")
    if arguments.block:
        vectors = [vector for vector in vectors if vector.block == arguments.block]
        if not vectors:
            raise InputError(f"No vector is for the block {arguments.block}; leave --block out.")
    return vectors if arguments.file or arguments.all else sampled(vectors, _seed(arguments))


def _show_failures(failures: Sequence[Outcome], options: str, console: Console) -> None:
    for outcome in failures[:_FAILURES]:
        console.print(
            f"FAILED {outcome.sentence}", style="bold red", highlight=False, markup=False, soft_wrap=True
        )
        console.print(
            f"  repeat: {outcome.repetition(options)}", highlight=False, markup=False, soft_wrap=True
        )
    if len(failures) > _FAILURES:
        console.print(
            f"and {len(failures) - _FAILURES} more failures; --json FILE writes all.", highlight=False
        )


def _table(outcomes: Sequence[Outcome], what: str) -> Table:
    table = Table(title=f"Vectors: {what}")
    table.add_column("Algorithm")
    for verdict in Verdict:
        table.add_column(verdict.value.capitalize(), justify="right")
    for kind, counts in _kinds(outcomes).items():
        table.add_row(kind, *(str(counts[verdict]) for verdict in Verdict))
    return table


def _kinds(outcomes: Sequence[Outcome]) -> dict[str, Counter[Verdict]]:
    kinds: dict[str, Counter[Verdict]] = {}
    for outcome in outcomes:
        kinds.setdefault(outcome.vector.kind, Counter())[outcome.verdict] += 1
    return kinds


def _reasons(outcomes: Sequence[Outcome]) -> Counter[str]:
    return Counter(outcome.reason for outcome in outcomes if outcome.verdict is Verdict.SKIPPED)


def _written(
    arguments: argparse.Namespace, outcomes: Sequence[Outcome], failures: Sequence[Outcome], options: str
) -> dict[str, Any]:
    """What ``--json`` writes."""
    return {
        "engine": arguments.engine,
        "preset": arguments.preset,
        "seed": None if arguments.file or arguments.all else _seed(arguments),
        "kinds": {
            kind: {verdict.value: counts[verdict] for verdict in Verdict}
            for kind, counts in _kinds(outcomes).items()
        },
        "skipped": dict(_reasons(outcomes).most_common()),
        "failures": [
            {
                "file": outcome.vector.place.file,
                "group": outcome.vector.place.group,
                "number": outcome.vector.place.number,
                "kind": outcome.vector.kind,
                "reason": outcome.reason,
                "repeat": outcome.repetition(options),
            }
            for outcome in failures
        ],
    }
