"""From a board's name to its bitstream, with Yosys and nextpnr."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from amaranth import Elaboratable
from amaranth.build import Platform

from . import tools
from .board_top import BoardTop
from .boards import Board, family_of
from .errors import InputError
from .loops import check_rings
from .utilisation import FAMILIES, Family, Utilisation, placed, synthesised

__all__ = ["DOMAINS", "STEPS", "build", "build_design"]

STEPS = ("Elaborate", "Synthesise", "Place and route", "Pack the bitstream")
"""The steps of a build."""

DOMAINS = {"application": "uart_bridge", "metrology": "word_receiver"}
"""For each clock domain a block of the board that is in it alone."""

_NAME = "wattseal"
_STEP_OF_TOOL = {
    "yosys": STEPS[1],
    "nextpnr-ecp5": STEPS[2],
    "nextpnr-ice40": STEPS[2],
    "ecppack": STEPS[3],
    "icepack": STEPS[3],
}
_PRODUCTS = ("bit", "svf", "bin", "json", "placed.json", "report.json", "utilisation.json")

# Yosys may take the name of an array's element, `x[0]`, for a bit of `x`, and then aborts or drives a net
# twice: such names go first. Synthesis flattens the design, and forgets of each net all names but one. Before
# it does, those names are hidden that do not tell the block that drives the net: names in a module which only
# joins others, of inputs, and of outputs that no cell of their module drives.
_NAME_BY_DRIVER = """
proc
opt_clean -purge
setattr -set passes 1 i:*
setattr -set passes 1 o:* t:$* %co1 %d
flatten
select -set passing w:* w:*.* %d w:soc.* %u w:soc.*.* %d a:passes=1 %u
rename -hide @passing
"""

Progress = Callable[[str, str], None]


def build(board: Board, folder: Path, *, place: bool = True, progress: Progress) -> Utilisation:
    """Build the chip for ``board`` in ``folder``; see `build_design`."""
    platform = board.make_platform()
    progress(STEPS[0], "")
    top = BoardTop(board)
    return build_design(
        top,
        platform,
        folder,
        domains=DOMAINS,
        ring_lengths=top.ring_lengths,
        place=place,
        progress=progress,
        about={"board": board.name, "title": board.title, "preset": board.config.name},
    )


def build_design(
    top: Elaboratable,
    platform: Platform,
    folder: Path,
    *,
    domains: Mapping[str, str],
    ring_lengths: Sequence[int] = (),
    place: bool = True,
    progress: Progress,
    about: Mapping[str, str],
) -> Utilisation:
    """Synthesise a design and, if ``place``, place, route and pack it.

    Everything is written to ``folder``: the bitstream ``wattseal.bit`` or ``wattseal.bin``, what the tools
    leave, and ``wattseal.utilisation.json``, which begins with ``about``. There is no bitstream when a clock
    is missed.

    Parameters
    ----------
    top : Elaboratable
        The design. Its logic is in submodules; those of a submodule ``soc`` are counted one by one.
    platform : Platform
        An ECP5 or iCE40 board.
    folder : Path
        Where it is built.
    domains : mapping of str to str
        For each clock domain a submodule that is in it alone.
    ring_lengths : sequence of int
        Stages of each ring oscillator of the design: they must be in the netlist after each step.
    place : bool
        Whether to go on after synthesis.
    progress : callable
        Called with the step that goes on, and with a line that its tool printed, or an empty one.
    about : mapping of str to str
        What the report begins with.

    Raises
    ------
    InputError
        If a tool is missing or fails, the design does not fit, or a ring oscillator got lost.
    """
    family = FAMILIES[family_of(platform)]
    needed = [tool for tool in platform.required_tools if tool in tools.TOOLS and (place or tool == "yosys")]
    commands = {tool: tools.find(tool) for tool in needed}
    _clear(folder)
    progress(STEPS[0], "")
    plan = platform.build(
        top,
        name=_NAME,
        do_build=False,
        verbose=True,
        synth_opts=family.synthesis,
        script_after_read=_NAME_BY_DRIVER,
        nextpnr_opts=[
            f"--report {_NAME}.report.json",
            "--detailed-timing-report",
            f"--write {_NAME}.placed.json",
            "--timing-allow-fail",
            *(["--ignore-loops"] if ring_lengths else []),
        ],
    )
    plan.extract(str(folder))
    for tool, *arguments in json.loads(plan.files[f"build_{_NAME}.json"])["commands"]:
        if tool not in commands:
            continue
        step = _STEP_OF_TOOL[tool]
        progress(step, "")
        tools.run([commands[tool], *arguments], folder, _watch(step, progress))
        if step == STEPS[1]:
            netlist = _load(folder, "json")
            check_rings(netlist, ring_lengths, "synthesis")
            utilisation = synthesised(netlist, family)
        elif step == STEPS[2]:
            netlist = _load(folder, "placed.json")
            check_rings(netlist, ring_lengths, "placement and routing")
            utilisation = placed(netlist, _load(folder, "report.json"), family, domains)
            if not all(clock.holds for clock in utilisation.clocks.values()):
                break
    _write(folder, utilisation, family, {**about, "device": _device(platform)}, commands)
    return utilisation


def _device(platform: Platform) -> str:
    return "-".join(
        str(getattr(platform, name)) for name in ("device", "package", "speed") if hasattr(platform, name)
    )


def _clear(folder: Path) -> None:
    """Make the folder, and remove the products of an earlier build, which are not this one's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in _PRODUCTS:
            (folder / f"{_NAME}.{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}.") from None


def _watch(step: str, progress: Progress) -> Callable[[str], None]:
    """What is done with a line of a tool: it is shown; that the design does not fit is an error."""

    def on_line(line: str) -> None:
        progress(step, line)
        usage = re.fullmatch(r"Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%", line)
        if usage and int(usage[2]) > int(usage[3]):
            raise InputError(
                f"The chip does not fit: it takes {usage[2]} {usage[1]}, the device has {usage[3]}."
            )

    return on_line


def _load(folder: Path, suffix: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / f"{_NAME}.{suffix}").read_text(encoding="utf-8"))
    return loaded


def _write(
    folder: Path,
    utilisation: Utilisation,
    family: Family,
    about: Mapping[str, str],
    commands: Mapping[str, str],
) -> None:
    content = {
        **about,
        "placed_and_routed": bool(utilisation.clocks),
        "tools": {name: tools.version(command) for name, command in commands.items()},
        "counted": dict(family.utilisation),
        "blocks": {
            name: {**asdict(cost), "mhz": dict(utilisation.block_mhz.get(name, {}))}
            for name, cost in utilisation.blocks.items()
        },
        "total": asdict(utilisation.total),
        "available": asdict(utilisation.available) if utilisation.available else None,
        "clocks": {
            name: {**asdict(clock), "holds": clock.holds} for name, clock in utilisation.clocks.items()
        },
    }
    path = folder / f"{_NAME}.utilisation.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
