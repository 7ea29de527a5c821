"""The sub-command ``run``: mains through the whole chip, firmware included, and a report."""

import argparse
import json
from pathlib import Path

from sim.backends import backend
from sim.loads import LOADS, lanes
from sim.mains import Mains
from sim.meter import Analogue, RtlEngine
from soc.config import SocConfig
from soc.errors import InputError

from .files import make_folder, write_text
from .options import (
    DEFAULT_BACKEND,
    add_backend,
    add_calibration,
    add_recording,
    add_scale,
    between,
    calibrated,
    chip,
    recorded,
)
from .tables import show_measurement

__all__ = ["add"]

_SECONDS = 2.0

_DESCRIPTION = """\
Run the chip: the RTL of the whole system-on-chip with its firmware, fed with a recording or a generated load.

It ends with a table of readings beside float64, a report.html with plots that opens without a network, and
the same as report.json."""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    known = "\n".join(f"  {name:16}{load.description}" for name, load in LOADS.items())
    parser = subparsers.add_parser(
        "run",
        help="run the chip and its firmware on mains, and write a report",
        description=_DESCRIPTION,
        epilog=f"Loads for --load:\n{known}\n\nExamples:\n"
        "  wattseal run\n  wattseal run --load dimmer --phases 3 --seconds 1\n"
        "  wattseal run --waveform load.csv --out report",
    )
    parser.add_argument("--waveform", type=Path, metavar="FILE", help="a recording, instead of a load")
    parser.add_argument("--load", metavar="NAME", help="the generated load (default household)")
    parser.add_argument("--phases", type=int, metavar="N", help="generated phases, 1 or 3 (default 1)")
    parser.add_argument(
        "--frequency",
        type=between(1, 1000),
        metavar="HZ",
        help="frequency of generated mains, 1 to 1000 (default 50)",
    )
    parser.add_argument(
        "--rms",
        type=between(1, 100_000),
        metavar="V",
        help="voltage of generated mains, 1 to 100000 (default 230)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/run"),
        metavar="DIR",
        help="folder of the report (default build/run)",
    )
    parser.add_argument("--svg", action="store_true", help="write the plots as files of their own, too")
    add_backend(parser)
    add_recording(parser)
    add_scale(parser)
    add_calibration(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # Imported here: matplotlib takes a second that other commands need not wait for.
    from sim.report import report_data, report_html, svg

    engine = RtlEngine(backend(arguments.backend or DEFAULT_BACKEND))
    calibrated(arguments, engine)
    if arguments.waveform:
        _refuse(arguments, "--waveform", ("load", "phases", "frequency", "rms"))
        analogue, notes, config = recorded(arguments.waveform, arguments)
    else:
        _refuse(arguments, "a generated load", ("voltage", "current", "segment", "start", "side"))
        (analogue, config), notes = _generated(arguments), ()
    for name in ("report.json", "report.html", "waveform.svg", "power.svg", "rms.svg", "harmonics.svg"):
        if (arguments.out / name).is_dir():
            raise InputError(f"{arguments.out / name}: is a folder; give another --out.")
    measurement = show_measurement(analogue, arguments, engine=engine, config=config, notes=notes)
    if measurement.run:
        print("The chip's console:")
        print(measurement.run.console.decode(errors="replace"), end="")
    files = {
        "report.json": json.dumps(report_data(measurement), indent=2) + "\n",
        "report.html": report_html(measurement),
    }
    if arguments.svg:
        files |= {f"{name}.svg": picture for name, picture in svg(measurement).items()}
    make_folder(arguments.out)
    for name, text in files.items():
        write_text(arguments.out / name, text)
    print(f"Written: {arguments.out / 'report.html'}, and report.json beside it")
    return 0


def _generated(arguments: argparse.Namespace) -> tuple[Analogue, SocConfig]:
    name = arguments.load or "household"
    if name not in LOADS:
        raise InputError(f"There is no load {name!r}; known are {', '.join(LOADS)}.")
    phases = 1 if arguments.phases is None else arguments.phases
    if phases not in (1, 3):
        raise InputError(f"--phases must be 1 or 3, not {phases}.")
    config = chip(arguments.preset, phases)
    seconds = arguments.seconds or _SECONDS
    mains = Mains(vrms_v=arguments.rms or 230.0, frequency_hz=arguments.frequency or 50.0, phases=phases)
    pairs = lanes(LOADS[name].load, mains, float(config.sample_rate_hz), seconds)
    if arguments.declared is None:
        arguments.declared = mains.vrms_v
    return Analogue(source=f"load {name!r}", lanes=pairs, start_s=0.0, seconds=seconds), config


def _refuse(arguments: argparse.Namespace, with_what: str, options: tuple[str, ...]) -> None:
    for option in options:
        if getattr(arguments, option) is not None:
            raise InputError(f"--{option} does not go with {with_what}; leave one of the two out.")
