"""Ring oscillators outlive synthesis and routing, and the check that counts them finds those that do not."""

import copy
import json
import re

import pytest
from amaranth import ClockDomain, ClockSignal, Elaboratable, Module, Signal
from amaranth.back import rtlil
from amaranth.lib import io

from rtl.entropy.jitter import REFERENCE
from rtl.entropy.ring_oscillators import FAMILIES, RingOscillators
from soc import tools
from soc.boards import board, family_of
from soc.build import build_design
from soc.errors import InputError
from soc.loops import check_rings, combinational_loops
from soc.utilisation import FAMILIES as COUNTED
from soc.utilisation import synthesised

LOOK_UP_TABLES = {"ecp5": ("LUT4", "INIT"), "ice40": ("SB_LUT4", "LUT_INIT")}
LENGTHS = sorted(REFERENCE.ring_lengths)


def netlist_of(top, ports, family, folder):
    (folder / "rings.il").write_text(rtlil.convert(top, name="top", ports=ports), encoding="utf-8")
    synthesis = f"synth_{family} {COUNTED[family].synthesis} -top top -json rings.json"
    tools.run([tools.find("yosys"), "-q", "-p", f"read_rtlil rings.il; proc; flatten; {synthesis}"], folder)
    return json.loads((folder / "rings.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=FAMILIES)
def rings(request, tmp_path_factory):
    """The reference's rings alone, synthesised, and their family."""
    dut = RingOscillators(family=request.param)
    ports = [dut.noise.enable, dut.noise.rings]
    return request.param, netlist_of(dut, ports, request.param, tmp_path_factory.mktemp(request.param))


def test_every_ring_outlives_synthesis(rings):
    family, netlist = rings
    assert combinational_loops(netlist) == LENGTHS
    check_rings(netlist, REFERENCE.ring_lengths, "synthesis")
    total = synthesised(netlist, COUNTED[family]).total
    assert (total.lut4, total.ff) == (sum(LENGTHS), 2 * len(LENGTHS))


def test_a_ring_inverts_once_and_stops_without_enable(rings):
    family, netlist = rings
    kind, parameter = LOOK_UP_TABLES[family]
    tables = [
        int(cell["parameters"][parameter], 2)
        for cell in netlist["modules"]["top"]["cells"].values()
        if cell["type"] == kind
    ]
    nand, first = 0x7777, 0xAAAA
    assert tables.count(nand) == len(LENGTHS)
    assert tables.count(first) == sum(LENGTHS) - len(LENGTHS)


def test_a_missing_ring_is_found(rings):
    family, netlist = rings
    kind, _ = LOOK_UP_TABLES[family]
    cut = copy.deepcopy(netlist)
    cells = cut["modules"]["top"]["cells"]
    name = next(name for name, cell in cells.items() if cell["type"] == kind and "ring_17_" in name)
    del cells[name]
    left = list(LENGTHS)
    left.remove(REFERENCE.ring_lengths[17])
    assert combinational_loops(cut) == left
    sentence = (
        "The netlist has 31 combinational loops (stages: 8 × 3, 7 × 4, 8 × 5, 8 × 7) after synthesis, "
        "not the 32 ring oscillators (stages: 8 × 3, 8 × 4, 8 × 5, 8 × 7): use the versions"
    )
    with pytest.raises(InputError, match=re.escape(sentence)):
        check_rings(cut, REFERENCE.ring_lengths, "synthesis")
    with pytest.raises(InputError, match=re.escape("0 ring oscillators (stages: 0)")):
        check_rings(netlist, (), "synthesis")


INVERTERS = """
module top(output out);
    (* keep *) wire a, b, c;
    assign a = ~c, b = ~a, c = ~b, out = c;
endmodule
"""


def test_a_ring_that_synthesis_deletes_is_found(tmp_path):
    """Three inverters as anybody would write them, marked to be kept."""
    (tmp_path / "ring.v").write_text(INVERTERS, encoding="utf-8")
    script = "read_verilog ring.v; synth_ecp5 -abc9 -top top -json ring.json"
    tools.run([tools.find("yosys"), "-q", "-p", script], tmp_path)
    netlist = json.loads((tmp_path / "ring.json").read_text(encoding="utf-8"))
    with pytest.raises(InputError, match=re.escape("The netlist has 0 combinational loops")):
        check_rings(netlist, (3,), "synthesis")


def test_loops_are_found_however_they_lie():
    def cell(inputs, outputs, kind="LUT4", **parameters):
        pins = {f"I{index}": [bit] for index, bit in enumerate(inputs)}
        pins |= {f"O{index}": [bit] for index, bit in enumerate(outputs)}
        directions = {pin: "input" if pin.startswith("I") else "output" for pin in pins}
        return {"type": kind, "connections": pins, "port_directions": directions, "parameters": parameters}

    def loops(*cells):
        named = {str(index): each for index, each in enumerate(cells)}
        return combinational_loops({"modules": {"top": {"attributes": {"top": "1"}, "cells": named}}})

    assert loops() == []
    assert loops(cell([2], [3]), cell([3], [4]), cell(["0", 2, 3], [5])) == []
    assert loops(cell([2, 3], [2])) == [1]
    assert loops(cell([2], [3]), cell([3], [4]), cell([4], [2]), cell([4, 5], [5])) == [1, 3]
    # Two rings that share a stage are one loop; a flip-flop opens one.
    assert loops(cell([2, 4], [3]), cell([3], [2]), cell([3], [4])) == [3]
    assert loops(cell([2], [3]), cell([3], [2], "TRELLIS_FF")) == []
    assert loops(cell([2], [3]), cell([3], [2], "ICESTORM_LC", DFF_ENABLE="1")) == []
    # The lower sum of a carry cell does not depend on the upper operands.
    carry = {"type": "CCU2C", "connections": {"A1": [2], "S0": [2], "S1": [3]}, "parameters": {}}
    directions = {"A1": "input", "S0": "output", "S1": "output"}
    assert loops(carry | {"port_directions": directions}) == []
    carry["connections"] = {"A1": [2], "S0": [3], "S1": [2]}
    assert loops(carry | {"port_directions": directions}) == [1]


class RingsOnly(Elaboratable):
    """Two banks of rings on a board, with a light that shows their samples."""

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.submodules.clock = clock = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.d.comb += ClockSignal().eq(clock.i)
        m.submodules.rings = rings = RingOscillators(banks=2, family=family_of(platform))
        m.submodules.light = light = io.Buffer("o", platform.request("led", 0, dir="-"))
        m.submodules.result = result = Module()
        last = Signal()
        result.d.sync += last.eq(rings.noise.rings.xor())
        m.d.comb += [rings.noise.enable.eq(1), light.o.eq(last)]
        return m


@pytest.mark.parametrize("name", ["ulx3s-25f", "icebreaker"])
def test_rings_reach_the_bitstream_and_the_clock_is_still_timed(tmp_path, name):
    lengths = REFERENCE.lengths * 2
    found = build_design(
        RingsOnly(),
        board(name).make_platform(),
        tmp_path,
        domains={"application": "result"},
        ring_lengths=lengths,
        progress=lambda step, line: None,
        about={},
    )
    placed = json.loads((tmp_path / "wattseal.placed.json").read_text(encoding="utf-8"))
    assert combinational_loops(placed) == sorted(lengths)
    assert found.clocks["application"].holds
    assert found.clocks["application"].achieved_mhz < 1000
    assert [path for path in tmp_path.iterdir() if path.name in ("wattseal.bit", "wattseal.bin")]


def test_a_build_that_lost_its_rings_stops(tmp_path):
    class Light(Elaboratable):
        def elaborate(self, platform):
            m = Module()
            m.submodules.light = light = io.Buffer("o", platform.request("led", 0, dir="-"))
            m.d.comb += light.o.eq(1)
            return m

    with pytest.raises(
        InputError, match=re.escape("after synthesis, not the 1 ring oscillators (stages: 1 × 3)")
    ):
        build_design(
            Light(),
            board("icebreaker").make_platform(),
            tmp_path,
            domains={},
            ring_lengths=(3,),
            progress=lambda step, line: None,
            about={},
        )
    assert not (tmp_path / "wattseal.bin").exists()
