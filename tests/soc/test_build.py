"""The way from a design to a bitstream, on a small design with the real tools, and what can go wrong."""

import json
from itertools import count

import pytest
from amaranth import ClockDomain, ClockSignal, Elaboratable, Module, Signal
from amaranth.lib import io
from amaranth.lib.memory import Memory

from soc.board_top import BoardTop
from soc.boards import board
from soc.build import STEPS, build, build_design
from soc.errors import InputError
from soc.utilisation import Cost

TOOLS_OF = {
    "ulx3s-25f": ("yosys", "nextpnr-ecp5", "ecppack"),
    "icebreaker": ("yosys", "nextpnr-ice40", "icepack"),
}


class Counters(Elaboratable):
    """A counter of 20 bits, a multiplier, a block RAM and a register, each in a block of its own."""

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.submodules.clock = clock = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.d.comb += ClockSignal().eq(clock.i)
        m.submodules.soc = soc = Module()
        soc.submodules.counter, count = self._counter()
        soc.submodules.multiplier, product = self._multiplier(count)
        soc.submodules.store, stored = self._store(count)
        last = Signal()
        m.submodules.result = result = Module()
        result.d.sync += last.eq(product.xor() ^ stored.xor())
        m.submodules.light = light = io.Buffer("o", platform.request("led", 0, dir="-"))
        m.d.comb += light.o.eq(last)
        return m

    def _counter(self):
        m, count = Module(), Signal(20)
        m.d.sync += count.eq(count + 1)
        return m, count

    def _multiplier(self, count):
        m, product = Module(), Signal(36)
        m.d.sync += product.eq(count[:18] * count[2:])
        return m, product

    def _store(self, count):
        m = Module()
        m.submodules.memory = memory = Memory(shape=16, depth=1024, init=range(1024))
        port = memory.read_port()
        m.d.comb += port.addr.eq(count[:10])
        return m, port.data


def test_a_small_design_with_the_real_tools(tmp_path):
    seen = []
    found = build_design(
        Counters(),
        board("ulx3s-25f").make_platform(),
        tmp_path,
        domains={"application": "result"},
        progress=lambda step, line: seen.append((step, line)),
        about={"board": "counters"},
    )
    assert tuple(dict.fromkeys(step for step, _ in seen)) == STEPS
    assert all(any(line for step, line in seen if step == name) for name in STEPS[1:3])

    # Every flip-flop and macro is where it is described; the LUTs are near what the blocks need.
    assert {name: cost.ff for name, cost in found.blocks.items() if cost.ff} == {
        "counter": 20,
        "multiplier": 36,
        "result": 1,
    }
    assert found.blocks["multiplier"].dsp == found.total.dsp == 1
    assert found.blocks["store"] == Cost(ebr=1)
    assert 20 <= found.blocks["counter"].lut4 <= 28
    assert found.available == Cost(lut4=24288, ff=24288, dsp=28, ebr=56)
    assert list(found.clocks) == ["application"]
    clock = found.clocks["application"]
    assert clock.needed_mhz == 25
    assert clock.holds
    slowest = min(mhz["application"] for mhz in found.block_mhz.values())
    assert slowest == pytest.approx(clock.achieved_mhz, abs=0.02)

    # What nextpnr itself counts is what the blocks add up to.
    report = json.loads((tmp_path / "wattseal.report.json").read_text(encoding="utf-8"))["utilization"]
    used = {kind: report[kind]["used"] for kind in ("TRELLIS_COMB", "TRELLIS_FF", "MULT18X18D", "DP16KD")}
    assert tuple(used.values()) == (found.total.lut4, found.total.ff, found.total.dsp, found.total.ebr)

    assert (tmp_path / "wattseal.bit").stat().st_size > 10_000
    written = json.loads((tmp_path / "wattseal.utilisation.json").read_text(encoding="utf-8"))
    assert written["board"] == "counters"
    assert written["device"] == "LFE5U-25F-BG381-6"
    assert written["placed_and_routed"] is True
    assert list(written["tools"]) == ["yosys", "nextpnr-ecp5", "ecppack"]
    assert all(written["tools"].values())
    assert written["total"] == {"lut4": found.total.lut4, "ff": 57, "dsp": 1, "ebr": 1}
    assert written["blocks"]["counter"]["mhz"]["application"] > 25
    assert written["clocks"]["application"]["holds"] is True


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Puts scripts in the place of all tools of a board; returns the files by the tools' names."""
    monkeypatch.chdir(tmp_path)  # a script asked for its version does there what it always does

    def put(made_for):
        scripts = {}
        for name in TOOLS_OF[made_for]:
            scripts[name] = tmp_path / name
            scripts[name].write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
            scripts[name].chmod(0o755)
            monkeypatch.setenv(name.upper().replace("-", "_"), str(scripts[name]))
        return scripts

    return put


def run(name, folder, **options):
    platform = board(name).make_platform()
    return build_design(
        Counters(), platform, folder, domains={}, progress=lambda step, line: None, about={}, **options
    )


def netlist(ring_lengths=()):
    """A netlist of nothing but ring oscillators."""
    cells, nets = {}, count(2)
    for ring, length in enumerate(ring_lengths):
        loop = [next(nets) for _ in range(length)]
        for stage, net in enumerate(loop):
            cells[f"ring_{ring}_{stage}"] = {
                "type": "LUT4",
                "connections": {"A": [loop[stage - 1]], "Z": [net]},
                "port_directions": {"A": "input", "Z": "output"},
            }
    return json.dumps({"modules": {"top": {"attributes": {"top": "1"}, "cells": cells}}})


EMPTY = netlist()
REPORT = {
    "utilization": {},
    "fmax": {"clock": {"achieved": 11.0, "constraint": 12}},
    "detailed_net_timings": [],
    "critical_paths": [],
}


def test_a_design_that_does_not_fit_is_a_sentence(tmp_path, tools):
    scripts = tools("icebreaker")
    scripts["yosys"].write_text(f"#!/bin/sh\necho '{EMPTY}' > wattseal.json\n", encoding="utf-8")
    usage = "Info: \t         ICESTORM_LC:    6511/   5280   123%"
    scripts["nextpnr-ice40"].write_text(f"#!/bin/sh\necho '{usage}'\nexec sleep 60\n", encoding="utf-8")
    sentence = r"^The chip does not fit: it takes 6511 ICESTORM_LC, the device has 5280\.$"
    with pytest.raises(InputError, match=sentence):
        run("icebreaker", tmp_path / "out")
    assert not (tmp_path / "out" / "wattseal.utilisation.json").exists()


def test_a_missed_clock_gives_no_bitstream(tmp_path, tools):
    scripts = tools("icebreaker")
    out = tmp_path / "out"
    out.mkdir()
    (out / "wattseal.bin").write_bytes(b"of an earlier build")
    scripts["yosys"].write_text(f"#!/bin/sh\necho '{EMPTY}' > wattseal.json\n", encoding="utf-8")
    (tmp_path / "placed").write_text(EMPTY, encoding="utf-8")
    (tmp_path / "report").write_text(json.dumps(REPORT), encoding="utf-8")
    scripts["nextpnr-ice40"].write_text(
        "#!/bin/sh\ncp ../placed wattseal.placed.json\ncp ../report wattseal.report.json\n", encoding="utf-8"
    )
    scripts["icepack"].write_text("#!/bin/sh\n: > wattseal.bin\n", encoding="utf-8")
    found = run("icebreaker", out)
    assert not found.clocks["oscillator"].holds
    assert not (out / "wattseal.bin").exists()
    written = json.loads((out / "wattseal.utilisation.json").read_text(encoding="utf-8"))
    assert written["clocks"]["oscillator"] == {"needed_mhz": 12, "achieved_mhz": 11.0, "holds": False}


def test_without_placement_only_yosys_is_needed(tmp_path, tools, monkeypatch):
    scripts = tools("ulx3s-25f")
    scripts["yosys"].write_text(f"#!/bin/sh\necho '{EMPTY}' > wattseal.json\n", encoding="utf-8")
    monkeypatch.setenv("NEXTPNR_ECP5", "/nowhere/nextpnr-ecp5")
    found = run("ulx3s-25f", tmp_path / "out", place=False)
    assert not found.clocks
    written = json.loads((tmp_path / "out" / "wattseal.utilisation.json").read_text(encoding="utf-8"))
    assert written["placed_and_routed"] is False
    with pytest.raises(InputError, match=r"NEXTPNR_ECP5 must name an executable file"):
        run("ulx3s-25f", tmp_path / "out")


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path, tools):
    tools("icebreaker")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"file/out cannot be written: Not a directory\.$"):
        run("icebreaker", tmp_path / "file" / "out")


def test_the_chip_of_a_board(tmp_path, tools, monkeypatch):
    made_for = board("ulx3s-25f")
    scripts = tools(made_for.name)
    rings = netlist(BoardTop(made_for).ring_lengths)
    scripts["yosys"].write_text(f"#!/bin/sh\necho '{rings}' > wattseal.json\n", encoding="utf-8")
    build(made_for, tmp_path, place=False, progress=lambda step, line: None)
    written = json.loads((tmp_path / "wattseal.utilisation.json").read_text(encoding="utf-8"))
    assert (written["board"], written["preset"]) == ("ulx3s-25f", "single")
    design = (tmp_path / "wattseal.il").read_text(encoding="utf-8")
    for block in ("soc", "uart_bridge", "word_receiver", "clocks", "pins"):
        assert f"module \\wattseal.{block}\n" in design
