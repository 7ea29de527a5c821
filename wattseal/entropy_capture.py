"""The sub-command ``entropy capture``: raw bits into a file."""

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rtl.entropy.jitter import REFERENCE
from sim.ring_jitter import REFERENCE_CELSIUS, Conditions, RingJitter, raw_bits
from soc.boards import BOARDS, board
from soc.errors import InputError

from .entropy_board import board_source
from .files import check_writable, write_bytes
from .options import between, whole
from .progress import shown

__all__ = ["MOST_BITS", "add"]

Source = Callable[[int], npt.NDArray[np.uint8]]
"""Gives the next so many raw bits."""

MOST_BITS = 100_000_000
_MOST_BANKS = 64
_MOST_DIVIDER = 1 << 24
_PIECE = 1 << 16
_SEED = 1
_BOARD = "ulx3s-85f"

_DESCRIPTION = """\
Write raw bits of the noise source into a file: packed, the first bit in the top of each byte.

They come from the stochastic model of the ring oscillators, which says how sampling and tests work and is no
source of entropy; or from a board, over its serial core port, while its lifecycle state is manufacturing.
Bits of a board follow each other in pieces of 16 384; between two pieces bits are left out."""

_EXAMPLES = """\
Examples:
  wattseal entropy capture --bits 1000000 --out raw.bin
  wattseal entropy capture --bits 1000000 --out weak.bin --jitter 0.5 --stuck 0,1,2
  wattseal entropy capture --bits 1000000 --out raw.bin --source board --port /dev/ttyUSB0"""

# Options of the model: name, what it is of, its field, type, and help.
_MODEL = (
    ("--seed", None, int, "seed of the random numbers (default 1)"),
    (
        "--jitter",
        "jitter_ps",
        between(1e-6, 1e3),
        f"thermal jitter of a stage in ps (default {REFERENCE.jitter_ps:g})",
    ),
    ("--stage", "stage_ps", between(1, 1e5), f"delay of a stage in ps (default {REFERENCE.stage_ps:g})"),
    ("--banks", "banks", whole(1, _MOST_BANKS), f"banks of four rings (default {REFERENCE.banks})"),
    ("--divider", "divider", whole(1, _MOST_DIVIDER), f"clocks a sample (default {REFERENCE.divider})"),
    ("--clock", "clock_hz", between(1e3, 1e9), f"clock in Hz (default {REFERENCE.clock_hz:g})"),
)
_CONDITIONS = (
    ("--celsius", "celsius", float, f"temperature (default {REFERENCE_CELSIUS:g})"),
    ("--drift", "drift_ppm", float, "drift of all frequencies in 1000 samples, in ppm"),
    ("--flicker", "flicker_ppm", float, "slow wander of each frequency, in ppm rms"),
    ("--lock-hz", "lock_hz", float, "frequency of an injected signal"),
    (
        "--lock-strength",
        "lock_strength",
        float,
        "how far a ring is pulled to it, as a fraction of its frequency",
    ),
)


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = actions.add_parser(
        "capture", help="raw bits into a file", description=_DESCRIPTION, epilog=_EXAMPLES
    )
    parser.add_argument("--bits", type=int, required=True, metavar="N", help="how many, in whole bytes")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where they go")
    parser.add_argument(
        "--source", choices=("model", "board"), default="model", help="where they come from (default model)"
    )
    model = parser.add_argument_group("The model")
    for name, _, kind, about in (*_MODEL, *_CONDITIONS):
        model.add_argument(name, type=kind, metavar="X", help=about)
    model.add_argument("--stuck", metavar="RINGS", help="rings that stand still, as 0,1,5")
    on_board = parser.add_argument_group("The board")
    on_board.add_argument("--port", metavar="DEVICE", help="serial device that leads to its core port")
    on_board.add_argument(
        "--board", metavar="NAME", help=f"which one: {', '.join(BOARDS)} (default {_BOARD})"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    count = arguments.bits
    if not 8 <= count <= MOST_BITS or count % 8:
        raise InputError(f"--bits must be 8 to {MOST_BITS} and a multiple of 8, not {count}.")
    check_writable(arguments.out)
    _check_source(arguments)
    with _source(arguments) as source, shown() as progress:
        packed = _packed(source, count, lambda done: progress("Sampling", done / count))
    write_bytes(arguments.out, packed)
    print(f"Written: {arguments.out}")
    return 0


def _check_source(arguments: argparse.Namespace) -> None:
    """Refuse options of the other source."""
    names = {
        "model": [*(name for name, *_ in (*_MODEL, *_CONDITIONS)), "--stuck"],
        "board": ["--port", "--board"],
    }
    for source, options in names.items():
        for name in options:
            if source != arguments.source and getattr(arguments, name[2:].replace("-", "_")) is not None:
                raise InputError(f"{name} does not go with --source {arguments.source}; leave it out.")
    if arguments.source == "board" and arguments.port is None:
        raise InputError("--source board needs --port, the serial device of the board.")


def _source(arguments: argparse.Namespace) -> AbstractContextManager[Source]:
    if arguments.source == "board":
        return board_source(arguments.port, board(arguments.board or _BOARD))
    return nullcontext(_model(arguments))


def _packed(source: Source, count: int, progress: Callable[[int], None]) -> bytes:
    """``count`` bits of the source, packed."""
    pieces = []
    for start in range(0, count, _PIECE):
        progress(start)
        pieces.append(np.packbits(source(min(_PIECE, count - start))).tobytes())
    return b"".join(pieces)


def _model(arguments: argparse.Namespace) -> Source:
    """The model that the options describe."""
    seed = _SEED if arguments.seed is None else arguments.seed
    if seed < 0:
        raise InputError(f"--seed must be 0 or more, not {seed}.")
    if (arguments.lock_hz is None) != (arguments.lock_strength is None):
        given, missing = "--lock-hz", "--lock-strength"
        if arguments.lock_hz is None:
            given, missing = missing, given
        raise InputError(f"{given} does nothing without {missing}; give both or none.")
    try:
        model = replace(REFERENCE, **_given(arguments, _MODEL))
        conditions = Conditions(**_given(arguments, _CONDITIONS), stuck=_stuck(arguments.stuck, model.rings))
    except ValueError as error:
        raise InputError(f"{error}.") from None
    rings = RingJitter(model, seed=seed, conditions=conditions)
    return lambda count: raw_bits(rings.samples(count))


def _given(
    arguments: argparse.Namespace, options: tuple[tuple[str, str | None, Any, str], ...]
) -> dict[str, Any]:
    values = {field: getattr(arguments, name[2:].replace("-", "_")) for name, field, _, _ in options if field}
    return {field: value for field, value in values.items() if value is not None}


def _stuck(text: str | None, rings: int) -> tuple[int, ...]:
    if text is None:
        return ()
    names = text.split(",")
    if not all(name.strip().isdecimal() and int(name) < rings for name in names):
        raise InputError(f"--stuck must be numbers of rings from 0 to {rings - 1}, as 0,1,5, not {text!r}.")
    return tuple(map(int, names))
