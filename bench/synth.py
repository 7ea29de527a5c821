"""Synthesises one block out of context and tells what it costs on an FPGA."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth import Cat, ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.back import rtlil
from amaranth.lib import wiring

from soc.errors import InputError

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
    """How the tools are called for a device, and what they call what is counted."""

    synthesis: str
    router: str
    router_arguments: tuple[str, ...]
    lut4: str
    ff: str
    dsp: str
    ebr: str


def _ecp5(*router_arguments: str) -> _Device:
    return _Device(
        synthesis="synth_ecp5 -abc9",
        router="nextpnr-ecp5",
        router_arguments=(*router_arguments, "--speed", "6", "--lpf-allow-unconstrained"),
        lut4="TRELLIS_COMB",
        ff="TRELLIS_FF",
        dsp="MULT18X18D",
        ebr="DP16KD",
    )


DEVICES = {
    "ecp5-25f": _ecp5("--25k", "--package", "CABGA256"),
    "ecp5-85f": _ecp5("--85k", "--package", "CABGA381"),
    "ice40-up5k": _Device(
        synthesis="synth_ice40 -abc9 -device u -dsp",
        router="nextpnr-ice40",
        router_arguments=("--up5k", "--package", "sg48", "--pcf-allow-unconstrained"),
        lut4="ICESTORM_LC",
        ff="SB_DFF",
        dsp="ICESTORM_DSP",
        ebr="ICESTORM_RAM",
    ),
}


class _OutOfContext(Elaboratable):
    """A block between registers: inputs from a chain of flip-flops, outputs into flip-flops that are kept."""

    def __init__(self, block: wiring.Component):
        self.block = block
        self.clk = Signal()
        self.scan = Signal()
        ports = [(member.flow, value) for _, member, value in block.signature.flatten(block)]
        self.inputs = Cat(value for flow, value in ports if flow == wiring.In)
        self.outputs = Cat(value for flow, value in ports if flow == wiring.Out)
        self.driven = Signal(1 + len(self.inputs), reset_less=True)
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
    seed: int = 1,
    folder: Path | None = None,
) -> Utilisation:
    """Synthesise, place and route one block alone, between registers, with Yosys and nextpnr.

    The tools are those that the environment variables ``YOSYS``, ``NEXTPNR_ECP5`` and ``NEXTPNR_ICE40`` name,
    or the YoWASP ones of this Python environment.

    Parameters
    ----------
    block : wiring.Component
        The block, not elaborated before. All its ports are of domain ``sync``, and none is an array.
    name : str
        Name of the files written.
    device : str
        One of `DEVICES`.
    frequency_mhz : float
        What placement and routing aim at. The clock that they reach is in the result.
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
    yosys, router = _tool("yosys"), _tool(target.router)
    wrapper = _OutOfContext(block)
    with nullcontext(folder) if folder else tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.il").write_text(rtlil.convert(wrapper, name="top", ports=[wrapper.clk, wrapper.scan]))
        script = f"read_rtlil {name}.il; {target.synthesis} -top top -json {name}.json"
        _run([yosys, "-q", "-l", f"{name}.yosys.log", "-p", script], folder)
        arguments = ["--json", f"{name}.json", "--report", f"{name}.report.json", "--seed", str(seed), "-q"]
        arguments += ["--freq", str(frequency_mhz), "--timing-allow-fail", "--log", f"{name}.route.log"]
        _run([router, *target.router_arguments, *arguments], folder)
        netlist = json.loads((folder / f"{name}.json").read_text())["modules"]["top"]
        report = json.loads((folder / f"{name}.report.json").read_text())
    return _utilisation(target, netlist, report)


def _tool(name: str) -> str:
    """The executable for ``name``: the environment's choice, or YoWASP's beside the running Python."""
    variable = name.upper().replace("-", "_")
    chosen = os.environ.get(variable) or str(Path(sys.executable).parent / f"yowasp-{name}")
    found = shutil.which(chosen)
    if found is None:
        raise InputError(
            f"{chosen} is missing: install the package yowasp-{name}, or name {name} in the environment "
            f"variable {variable}."
        )
    return found


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stderr + done.stdout).strip().splitlines()
        reason = next((line for line in output if line.startswith("ERROR")), output[-1] if output else "no output")
        raise InputError(f"{Path(command[0]).name} failed with status {done.returncode}: {reason}")


def _utilisation(target: _Device, netlist: dict[str, Any], report: dict[str, Any]) -> Utilisation:
    used = {name: counts["used"] for name, counts in report["utilization"].items()}
    cells = netlist["cells"].values()
    wrapper_ff = {
        bit for net in ("driven", "captured") for bit in netlist["netnames"].get(net, {"bits": []})["bits"]
    }
    ff = [cell["connections"] for cell in cells if cell["type"].startswith(target.ff)]
    own_ff = [pins for pins in ff if pins["Q"][0] not in wrapper_ff]
    lut4 = used[target.lut4]
    if target.lut4 == "ICESTORM_LC":
        lut4 -= _cells_of_wrapper(cells, [pins for pins in ff if pins["Q"][0] in wrapper_ff])
    (clock,) = report["fmax"].values()
    return Utilisation(
        lut4=lut4,
        ff=len(own_ff),
        dsp=used.get(target.dsp, 0),
        ebr=used.get(target.ebr, 0),
        mhz=round(clock["achieved"], 1),
    )


def _cells_of_wrapper(cells: Any, wrapper_ff: list[dict[str, Any]]) -> int:
    """Logic cells that the wrapper's flip-flops fill: all but those that share one with a LUT of the block.

    nextpnr puts a flip-flop into the cell of the LUT that drives it if that LUT drives nothing else.
    """
    sinks: dict[Any, int] = {}
    luts = set()
    for cell in cells:
        for pin, bits in cell["connections"].items():
            if cell["port_directions"][pin] == "input":
                for bit in bits:
                    sinks[bit] = sinks.get(bit, 0) + 1
            elif cell["type"] == "SB_LUT4":
                luts.update(bits)
    shared = sum(pins["D"][0] in luts and sinks[pins["D"][0]] == 1 for pins in wrapper_ff)
    return len(wrapper_ff) - shared
