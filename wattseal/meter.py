"""The sub-command ``meter``: the readings of a recording, beside their float64 reference."""

import argparse
import json
from pathlib import Path

from sim.backends import backend
from sim.meter import ENGINES
from sim.recordings import SUFFIXES
from soc.errors import InputError

from .files import check_writable, write_text
from .options import (
    DEFAULT_BACKEND,
    add_backend,
    add_calibration,
    add_recording,
    add_scale,
    calibrated,
    recorded,
)
from .tables import show_measurement

__all__ = ["add"]

_DESCRIPTION = f"""\
Measure a recording with the chip and, over exactly the same interval, in float64.

The recording ({", ".join(SUFFIXES)}) is band-limited and converted to the chip's sample words, run through
the RTL or through its integer model, and read as a meter reads it: from the first zero crossing of the
first voltage to the last. The same interval of the unquantised signal gives the reference."""

_EXAMPLES = """\
Examples:
  wattseal meter load.csv --out readings.json
  wattseal meter load.csv --engine model --calibration calibration.json
  wattseal meter load.npz --engine model --start 1 --seconds 2
  wattseal meter loop.csv --seconds 10                   repeat it, if its ends fit
  wattseal meter sound.wav --v-max 400 --i-max 20 --voltage 1 --current 2
  wattseal meter fault.cfg --segment 1 --voltage Ua,Ub,Uc --current Ia,Ib,Ic"""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "meter", help="measure a recording, beside float64", description=_DESCRIPTION, epilog=_EXAMPLES
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the recording")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the readings as JSON")
    parser.add_argument(
        "--engine", default="rtl", metavar="E", help=f"what measures: {', '.join(ENGINES)} (default rtl)"
    )
    add_backend(parser)
    add_recording(parser)
    add_scale(parser)
    add_calibration(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.engine not in ENGINES:
        raise InputError(f"There is no engine {arguments.engine!r}; known are {', '.join(ENGINES)}.")
    if arguments.engine != "rtl" and arguments.backend:
        raise InputError(
            f"--backend does not go with --engine {arguments.engine}, which needs none; leave one out."
        )
    engine = ENGINES[arguments.engine](backend(arguments.backend or DEFAULT_BACKEND))
    if arguments.out:
        check_writable(arguments.out)
    calibrated(arguments, engine)
    analogue, notes, config = recorded(arguments.file, arguments)
    measurement = show_measurement(analogue, arguments, engine=engine, config=config, notes=notes)
    if arguments.out:
        write_text(arguments.out, json.dumps(measurement.as_dict(), indent=2) + "\n")
        print(f"Written: {arguments.out}")
    return 0
