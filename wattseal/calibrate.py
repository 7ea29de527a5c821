"""The sub-command ``calibrate``: a calibration file from runs against a reference."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sim.calibration import Derived, derive
from sim.calibration_runs import Plan, plan, read_runs
from sim.recordings import SUFFIXES
from soc.errors import InputError
from soc.formats.calibration import CHANNEL, REGION, encode

from .files import check_writable, write_text
from .options import between

__all__ = ["add"]

_KEYS = {key.field: key for key in CHANNEL}
_START = next(key for key in REGION if key.field == "start")

_DESCRIPTION = f"""\
Derive what corrects a meter's channels (gain, offset, delay, and over temperature and current), and write a
calibration file that wattseal meter takes with --calibration.

A run is a steady voltage and current that the meter has recorded ({", ".join(SUFFIXES)}), with what a
reference meter showed meanwhile. Runs at several currents give regions, runs at two or three temperatures
give coefficients. With --simulate, sensors with the errors given see the voltages and currents of the
references."""

_EXAMPLES = """\
Examples:
  wattseal calibrate runs.toml --out calibration.json
  wattseal calibrate full.csv --reference volts=230.01,amperes=20.003,lag_deg=60
  wattseal calibrate full.csv light.csv --reference volts=230,amperes=20,watts=2300 \\
      --reference volts=230,amperes=1,watts=115
  wattseal calibrate --simulate current1:gain=1.01,phase_deg=0.5 --reference volts=230,amperes=20,lag_deg=60
  wattseal meter load.csv --engine model --calibration calibration.json"""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "calibrate",
        help="derive a calibration file from reference runs",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "files", type=Path, nargs="*", metavar="FILE", help="recordings, or one run file .toml"
    )
    parser.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="VALUES",
        help="what the reference showed, for each recording in turn: volts, amperes, and lag_deg or watts; "
        "also lead_deg, temperature_c, currents, frequency_hz, seconds; values of phases with / between",
    )
    parser.add_argument(
        "--simulate",
        action="append",
        default=[],
        metavar="CHANNEL:ERRORS",
        help="a simulated sensor: gain, offset, phase_deg, linear, square, noise_lsb",
    )
    parser.add_argument("--voltage", metavar="NAMES", help="voltage channels of the recordings")
    parser.add_argument("--current", metavar="NAMES", help="current channels, in the same order")
    parser.add_argument("--preset", metavar="P", help="which chip (default as for wattseal meter)")
    for option, what in (("--v-max", "volts"), ("--i-max", "amperes")):
        parser.add_argument(
            option,
            type=between(1e-3, 1e7),
            metavar="PEAK",
            help=f"full scale in peak {what} (default the smallest standard range that holds the runs)",
        )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("calibration.json"),
        metavar="FILE",
        help="the calibration file (default calibration.json)",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    check_writable(arguments.out)
    planned = _planned(arguments)
    derived = derive(planned.runs, planned.config, v_max=planned.v_max, i_max=planned.i_max)
    Console().print(_table(derived, planned))
    write_text(arguments.out, encode(derived.calibration))
    print(f"Written: {arguments.out}")
    return 0


def _planned(arguments: argparse.Namespace) -> Plan:
    """The runs of a run file with the options' values before its own, or those of the options alone."""
    chosen = {key: getattr(arguments, key) for key in ("preset", "v_max", "i_max")}
    given: dict[str, Any] = {key: value for key, value in chosen.items() if value is not None}
    sensors = dict(_sensor(text) for text in arguments.simulate)
    if len(arguments.files) == 1 and arguments.files[0].suffix.casefold() == ".toml":
        for option in ("reference", "voltage", "current"):
            if getattr(arguments, option):
                raise InputError(f"--{option} does not go with a run file; write it there.")
        given = {**read_runs(arguments.files[0]), **given, **({"simulate": sensors} if sensors else {})}
        return plan(given, str(arguments.files[0]))
    runs = [_values(text, "--reference") for text in arguments.reference]
    if sensors and arguments.files:
        raise InputError("--simulate does not go with recordings; leave one of the two out.")
    if not sensors:
        if len(runs) != len(arguments.files) or not runs:
            raise InputError(
                f"There are {len(arguments.files)} recordings and {len(runs)} times --reference; "
                "give one for each, or a run file."
            )
        for run, path in zip(runs, arguments.files, strict=True):
            run["recording"] = str(path)
            for option in ("voltage", "current"):
                if getattr(arguments, option):
                    run[option] = getattr(arguments, option)
    given["run"] = runs
    if sensors:
        given["simulate"] = sensors
    return plan(given, "--reference")


def _sensor(text: str) -> tuple[str, dict[str, Any]]:
    name, colon, values = text.partition(":")
    if not colon:
        raise InputError(f"--simulate must be CHANNEL:ERRORS, such as current1:gain=1.01, not {text!r}.")
    return name.strip(), _values(values, "--simulate")


def _values(text: str, option: str) -> dict[str, Any]:
    """``key=value,key=value/value`` as a run file has it."""
    found: dict[str, Any] = {}
    for each in text.split(","):
        key, equals, value = each.partition("=")
        if not equals:
            raise InputError(f"{option} must be KEY=VALUE,…, not {each!r}.")
        parts = [_value(part.strip()) for part in value.split("/")]
        found[key.strip()] = parts if len(parts) > 1 or key.strip() == "currents" else parts[0]
    return found


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _table(derived: Derived, planned: Plan) -> Table:
    """Corrections of every channel, and what they leave."""
    calibration = derived.calibration
    table = Table(title=f"Calibration of {calibration.preset}: {len(planned.runs)} runs")
    table.add_column("Channel", no_wrap=True)
    for heading in ("Gain", "Offset", "Delay", "Regions", "Left: RMS %", "Left: phase °"):
        table.add_column(heading, justify="right")
    for channel in calibration.settings.channels:
        name = channel.name
        if name not in derived.gain_percent:
            table.add_row(name, "–", "–", f"{_KEYS['delay'].value(channel.delay):.6f}", "–", "–", "–")
            continue
        scale, unit = (planned.v_max, "V") if name.startswith("voltage") else (planned.i_max, "A")
        used = sum(_START.value(region.start) < _START.most for region in channel.regions)
        table.add_row(
            name,
            f"{_KEYS['gain'].value(channel.gain):.7f}",
            f"{_KEYS['offset'].value(channel.offset) * scale:.5f} {unit}",
            f"{_KEYS['delay'].value(channel.delay):.6f}",
            str(used) if channel.regions else "–",
            f"{derived.gain_percent[name]:.5f}",
            f"{derived.phase_deg[name]:.5f}",
        )
    table.caption = (
        f"Full scale {planned.v_max:g} V and {planned.i_max:g} A peak; delays in sample periods; "
        "left is the largest error of a run after correction."
    )
    return table
