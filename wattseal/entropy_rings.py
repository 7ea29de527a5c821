"""The sub-command ``entropy rings``: the calculation behind the noise source."""

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.accuracy import FORMATS
from bench.entropy_marks import OUTPUT_HZ, measured_jitters_ps
from bench.entropy_rings import Rings, build_rings
from bench.synth import DEVICES
from rtl.entropy.jitter import ASSUMED_ENTROPY, REFERENCE, JitterModel
from soc.errors import InputError

from .files import check_writable, write_bytes
from .options import between

__all__ = ["add"]

_JITTERS_PS = (0.5, 1.0, 1.2, 1.6, 2.0, 3.0, 4.0)

_DESCRIPTION = """\
Compute what the rings yield over their jitter, how many of them are needed, and which numbers of rings and
sampling dividers would do: from the jitter model, with all phases at the last sample known."""

_EXAMPLES = """\
Examples:
  wattseal entropy rings --plot entropy.svg
  wattseal entropy rings --stage 3000 --clock 12e6       slower look-up tables, as on an iCE40 UP5K
  wattseal entropy rings --device ecp5-25f               also what the tools make of them"""


def add(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = actions.add_parser(
        "rings",
        help="entropy over jitter, rings needed, dividers",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "--stage",
        type=between(1, 1e5),
        metavar="PS",
        help=f"delay of a stage (default {REFERENCE.stage_ps:g} ps)",
    )
    parser.add_argument(
        "--clock", type=between(1e3, 1e9), metavar="HZ", help=f"clock (default {REFERENCE.clock_hz:g} Hz)"
    )
    parser.add_argument(
        "--device",
        metavar="D",
        help=f"also synthesise, place and route the rings for {', '.join(DEVICES)}",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw entropy over jitter: .svg or .png")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    plot = arguments.plot
    if plot:
        check_writable(plot)
        if plot.suffix.lower().lstrip(".") not in FORMATS:
            endings = " or ".join(f".{kind}" for kind in FORMATS)
            raise InputError(f"{plot}: a plot is {endings}; give its name such an ending.")
    model = replace(
        REFERENCE,
        stage_ps=arguments.stage or REFERENCE.stage_ps,
        clock_hz=arguments.clock or REFERENCE.clock_hz,
    )
    if arguments.device and arguments.device not in DEVICES:
        raise InputError(f"There is no device {arguments.device!r}; known are {', '.join(DEVICES)}.")
    console = Console()
    console.print(_over_jitter(model))
    console.print(_designs(model))
    if arguments.device:
        console.print(_built(build_rings(arguments.device)))
    if plot:
        # Imported here: matplotlib takes a second that other commands need not wait for.
        from bench.entropy_plot import jitter_picture

        measured = measured_jitters_ps(model.stage_ps)
        picture = jitter_picture(model, ASSUMED_ENTROPY, measured, plot.suffix.lower().lstrip("."))
        write_bytes(plot, picture)
        print(f"Written: {plot}")
    return 0


def _over_jitter(model: JitterModel) -> Table:
    table = Table(
        title=f"{model.rings} rings of {', '.join(map(str, model.lengths))} stages of {model.stage_ps:g} ps, "
        f"sampled every {model.sample_ps / 1000:g} ns"
    )
    for heading in ("Jitter of a stage, ps", "H", f"Rings for H = {ASSUMED_ENTROPY:g}", "Smallest divider"):
        table.add_column(heading, justify="right")
    for jitter in _JITTERS_PS:
        each = replace(model, jitter_ps=jitter)
        needed, divider = each.needed_rings(ASSUMED_ENTROPY), each.smallest_divider(ASSUMED_ENTROPY)
        style = "bold" if jitter == REFERENCE.jitter_ps else None
        cells = (f"{jitter:g}", f"{each.min_entropy():.3f}", str(needed or "more"), str(divider or "none"))
        table.add_row(*cells, style=style)
    smallest = model.smallest_jitter_ps(ASSUMED_ENTROPY)
    table.caption = (
        f"H = {ASSUMED_ENTROPY:g} from {smallest:.2f} ps on. Bold: nominal, what the design counts on."
    )
    return table


def _designs(model: JitterModel) -> Table:
    table = Table(
        title=f"Designs with H ≥ {ASSUMED_ENTROPY:g} at {model.jitter_ps:g} ps, "
        f"of {OUTPUT_HZ / 1000:g} kbit/s or more"
    )
    for heading in ("Divider", "Banks", "Rings", "Look-up tables", "H", "Full entropy, kbit/s"):
        table.add_column(heading, justify="right")
    for each in model.designs(ASSUMED_ENTROPY, OUTPUT_HZ):
        table.add_row(
            str(each.divider),
            str(each.banks),
            str(each.rings),
            str(sum(each.ring_lengths)),
            f"{each.min_entropy():.3f}",
            f"{each.output_hz() / 1000:g}",
        )
    return table


def _built(rings: Rings) -> Table:
    table = Table(title=f"The rings on {rings.device}, alone")
    for heading in ("Loops", "LUT4", "FF", "Stage, ps: least", "mean", "most"):
        table.add_column(heading, justify="right")
    delays = (f"{value:.0f}" for value in (rings.least_ps, rings.mean_ps, rings.most_ps))
    table.add_row(str(rings.rings), str(rings.lut4), str(rings.ff), *delays)
    table.caption = (
        "Loops: after synthesis and after routing. Delays: of the slowest device that nextpnr knows."
    )
    return table
