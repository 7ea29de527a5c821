"""Synthesises one block out of context and tells what it costs on an FPGA."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth import Cat, ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.back import rtlil
from amaranth.lib import wiring

from soc import tools
from soc.errors import InputError
from soc.utilisation import FAMILIES

__all__ = ["DEVICES", "Utilisation", "synthesise"]


@dataclass(frozen=True)
class Utilisation:
    """What a block takes of a device, without the wrapper that it was measured in.

    ``lut4`` counts nextpnr's TRELLIS_COMB on ECP5 (a LUT4, or a bit of carry chain or LUT memory) and its
    ICESTORM_LC on iCE40 (a logic cell: LUT4, flip-flop or both). ``mhz`` is the fastest clock at which all
    paths from register to register of the placed and routed block hold.
    """

    lut4: int
    ff: int
    dsp: int
    ebr: int
    mhz: float


@dataclass(frozen=True)
class _Device:
    """Which tools and options a device needs; ``flip_flop`` is how the names of Yosys' cells begin."""

    family: str
    router_arguments: tuple[str, ...]
    flip_flop: str


_ECP5 = ("--speed", "6", "--lpf-allow-unconstrained")

DEVICES = {
    "ecp5-25f": _Device("ecp5", ("--25k", "--package", "CABGA256", *_ECP5), "TRELLIS_FF"),
    "ecp5-85f": _Device("ecp5", ("--85k", "--package", "CABGA381", *_ECP5), "TRELLIS_FF"),
    "ice40-up5k": _Device("ice40", ("--up5k", "--package", "sg48", "--pcf-allow-unconstrained"), "SB_DFF"),
}
"""The devices by name; the ECP5s of speed grade 6."""


class _OutOfContext(Elaboratable):
    """A block between registers: inputs from a chain of flip-flops, outputs into flip-flops that are kept."""

    def __init__(self, block: wiring.Component):
        self.block = block
        self.clk = Signal()
        self.scan = Signal()
        ports = [(member.flow, value) for _, member, value in block.signature.flatten(block)]
        self.inputs = Cat(value for flow, value in ports if flow == wiring.In)
        self.outputs = Cat(value for flow, value in ports if flow == wiring.Out)
        self.driven = Signal(1 + len(self.inputs), reset_less=True, attrs={"keep": 1})
        self.captured = Signal(len(self.outputs), reset_less=True, attrs={"keep": 1})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.block = self.block
        m.d.comb += [
            ClockSignal().eq(self.clk),
            Cat(ResetSignal(), self.inputs).eq(self.driven),
        ]
        m.d.sync += [
            self.driven.eq(Cat(self.scan, self.driven)),
            self.captured.eq(self.outputs),
        ]
        return m


def synthesise(
    block: wiring.Component,
    *,
    name: str,
    device: str = "ecp5-25f",
    frequency_mhz: float = 75.0,
    mapping_ps: int | None = None,
    wide_luts: bool = True,
    seed: int = 1,
    folder: Path | None = None,
) -> Utilisation:
    """Synthesise, place and route one block alone, between registers, with Yosys and nextpnr.

    Parameters
    ----------
    block : wiring.Component
        The block, not elaborated before. All its ports are of domain ``sync``.
    name : str
        Name of the files written.
    device : str
        One of `DEVICES`.
    frequency_mhz : float
        What placement and routing aim at. The clock that they reach is in the result.
    mapping_ps : int or None
        Delay up to which look-up tables are saved rather than time; in the mapper's own model, which takes
        half of what routing takes or less. If not given, all of them are mapped for speed.
    wide_luts : bool
        On ECP5, whether a look-up table of five inputs or more is put together from several of four and the
        multiplexers behind them. The mapper holds it for faster than it is once routed, and takes it often.
    seed : int
        Seed of the placement.
    folder : Path or None
        Where netlist, reports and logs stay; if not given they are not kept.

    Raises
    ------
    InputError
        If the device is not known, a tool is missing, or a tool fails, as when a block does not fit.
    """
    if device not in DEVICES:
        raise InputError(f"There is no device {device!r} to synthesise for; known are {', '.join(DEVICES)}.")
    target = DEVICES[device]
    yosys, router = tools.find("yosys"), tools.find(f"nextpnr-{target.family}")
    wrapper = _OutOfContext(block)
    with nullcontext(folder) if folder else tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        netlist_text = rtlil.convert(wrapper, name="top", ports=[wrapper.clk, wrapper.scan])
        (folder / f"{name}.il").write_text(netlist_text)
        synthesis = f"synth_{target.family} {FAMILIES[target.family].synthesis}"
        # Yosys may take the name of an array's element, `x[0]`, for a bit of `x`: such names go first.
        cleaned = "proc; opt_clean -purge"
        saving = f"scratchpad -set abc9.D {mapping_ps}; " if mapping_ps is not None else ""
        narrow = " -nowidelut" if target.family == "ecp5" and not wide_luts else ""
        script = f"read_rtlil {name}.il; {cleaned}; {saving}{synthesis}{narrow} -top top -json {name}.json"
        tools.run([yosys, "-q", "-l", f"{name}.yosys.log", "-p", script], folder)
        arguments = ["--json", f"{name}.json", "--report", f"{name}.report.json", "--seed", str(seed), "-q"]
        arguments += ["--freq", str(frequency_mhz), "--timing-allow-fail", "--log", f"{name}.route.log"]
        tools.run([router, *target.router_arguments, *arguments], folder)
        netlist = json.loads((folder / f"{name}.json").read_text())["modules"]["top"]
        report = json.loads((folder / f"{name}.report.json").read_text())
    return _utilisation(target, netlist, report)


def _utilisation(target: _Device, netlist: Mapping[str, Any], report: Mapping[str, Any]) -> Utilisation:
    cells = FAMILIES[target.family].utilisation
    used = {field: report["utilization"].get(cell, {"used": 0})["used"] for field, cell in cells.items()}
    of_wrapper = {bit for net in ("driven", "captured") for bit in netlist["netnames"][net]["bits"]}
    flip_flops = [
        cell["connections"] for cell in netlist["cells"].values() if cell["type"].startswith(target.flip_flop)
    ]
    wrapper_flip_flops = [pins for pins in flip_flops if pins["Q"][0] in of_wrapper]
    wrapper_cells = 0
    if cells["ff"] == cells["lut4"]:
        wrapper_cells = len(wrapper_flip_flops) - _beside_a_lut(netlist["cells"].values(), wrapper_flip_flops)
    (clock,) = report["fmax"].values()
    return Utilisation(
        lut4=used["lut4"] - wrapper_cells,
        ff=len(flip_flops) - len(wrapper_flip_flops),
        dsp=used["dsp"],
        ebr=used["ebr"],
        mhz=round(clock["achieved"], 1),
    )


def _beside_a_lut(cells: Iterable[Mapping[str, Any]], flip_flops: Iterable[Mapping[str, Any]]) -> int:
    """How many of the flip-flops nextpnr puts into a LUT's logic cell: if the LUT drives nothing else."""
    sinks: dict[Any, int] = {}
    of_luts = set()
    for cell in cells:
        for pin, bits in cell["connections"].items():
            if cell["port_directions"][pin] == "input":
                for bit in bits:
                    sinks[bit] = sinks.get(bit, 0) + 1
            elif cell["type"] == "SB_LUT4":
                of_luts.update(bits)
    return sum(pins["D"][0] in of_luts and sinks[pins["D"][0]] == 1 for pins in flip_flops)
