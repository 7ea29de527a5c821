"""The ring oscillators alone, synthesised, placed and routed: what is left, and how slow a stage is."""

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil

from bench.synth import DEVICES
from rtl.entropy.ring_oscillators import RingOscillators
from soc import tools
from soc.errors import InputError
from soc.loops import check_rings
from soc.utilisation import FAMILIES, synthesised

__all__ = ["Rings", "build_rings"]


@dataclass(frozen=True)
class Rings:
    """Rings that are all there, after routing too: look-up tables and flip-flops, and delays of their stages.

    A delay is that of a look-up table with the wire to it, in ps, as slow as nextpnr's models make it.
    """

    device: str
    rings: int
    lut4: int
    ff: int
    least_ps: float
    mean_ps: float
    most_ps: float


def build_rings(device: str) -> Rings:
    """Build the rings of the reference for one of `bench.synth.DEVICES`.

    Raises
    ------
    InputError
        If the device is not known, a tool is missing or fails, or a ring got lost.
    """
    if device not in DEVICES:
        raise InputError(f"There is no device {device!r} to build for; known are {', '.join(DEVICES)}.")
    target = DEVICES[device]
    family = FAMILIES[target.family]
    yosys, router = tools.find("yosys"), tools.find(f"nextpnr-{target.family}")
    block = RingOscillators(family=target.family)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        netlist_text = rtlil.convert(block, name="top", ports=[block.noise.enable, block.noise.rings])
        (folder / "rings.il").write_text(netlist_text, encoding="utf-8")
        synthesis = f"synth_{target.family} {family.synthesis} -top top -json rings.json"
        tools.run([yosys, "-q", "-p", f"read_rtlil rings.il; proc; flatten; {synthesis}"], folder)
        arguments = [
            "--json",
            "rings.json",
            "--write",
            "placed.json",
            "--sdf",
            "rings.sdf",
            "--ignore-loops",
            "-q",
        ]
        tools.run([router, *target.router_arguments, *arguments], folder)
        netlist, routed = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in ("rings.json", "placed.json")
        )
        delays = list(_stage_delays((folder / "rings.sdf").read_text(encoding="utf-8")))
    check_rings(netlist, block.ring_lengths, "synthesis")
    check_rings(routed, block.ring_lengths, "placement and routing")
    if len(delays) != sum(block.ring_lengths):
        raise InputError(f"nextpnr gave delays of {len(delays)} stages, not of {sum(block.ring_lengths)}.")
    total = synthesised(netlist, family).total
    mean = sum(delays) / len(delays)
    return Rings(device, len(block.ring_lengths), total.lut4, total.ff, min(delays), mean, max(delays))


def _stage_delays(sdf: str) -> Iterator[float]:
    """From an SDF file, for each stage of the rings the wire to it and its look-up table, at the slowest."""
    inside = {}
    for instance, body in re.findall(r"\(INSTANCE (\S+)\)(.*?)(?=\(INSTANCE|\Z)", sdf, re.DOTALL):
        for pin, slowest in re.findall(r"\(IOPATH (\S+) (?:F|O) \([\d.]+:[\d.]+:([\d.]+)\)", body):
            inside[f"{instance}/{pin}"] = float(slowest)
    wires = re.findall(r"\(INTERCONNECT (\S+) (\S+) \([\d.]+:[\d.]+:([\d.]+)\)", sdf)
    for source, sink, slowest in wires:
        if source.startswith("ring_") and sink.startswith("ring_"):
            yield float(slowest) + inside[sink]
