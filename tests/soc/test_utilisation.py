"""Counting cells of small netlists, block by block."""

import pytest

from soc.utilisation import FAMILIES, Clock, Cost, placed, synthesised


def netlist(cells):
    module = {
        "attributes": {"top": "00000000000000000000000000000001"},
        "cells": {
            name: {"type": kind, "connections": connections, "parameters": parameters}
            for name, (kind, connections, parameters) in cells.items()
        },
    }
    return {"modules": {"top": module}}


def test_synthesised_ecp5():
    found = synthesised(
        netlist(
            {
                "soc.timer.count_LUT4_Z": ("LUT4", {}, {}),
                "soc.timer.count_CCU2C_S0": ("CCU2C", {}, {}),
                "soc.timer.count_TRELLIS_FF_Q": ("TRELLIS_FF", {}, {}),
                "soc.metrology.engine.x_MULT18X18D_P": ("MULT18X18D", {}, {}),
                "soc.metrology.engine.rom.0.0": ("DP16KD", {}, {}),
                "uart_bridge.buffer.0.0": ("TRELLIS_DPR16X4", {}, {}),
                "soc.core__ack_LUT4_Z": ("LUT4", {}, {}),
                "clk_LUT4_Z": ("LUT4", {}, {}),
                "soc.timer": ("$scopeinfo", {}, {}),
            }
        ),
        FAMILIES["ecp5"],
    )
    assert found.blocks == {
        "uart_bridge": Cost(lut4=4),
        "timer": Cost(lut4=3, ff=1),
        "others": Cost(lut4=2),
        "metrology": Cost(dsp=1, ebr=1),
    }
    assert list(found.blocks) == ["uart_bridge", "timer", "others", "metrology"]
    assert found.total == Cost(lut4=9, ff=1, dsp=1, ebr=1)
    assert found.available is None


def test_synthesised_ice40_counts_every_kind_of_flip_flop():
    kinds = ["SB_DFF", "SB_DFFE", "SB_DFFESR", "SB_DFFSR", "SB_LUT4", "SB_MAC16", "SB_RAM40_4K", "SB_CARRY"]
    found = synthesised(netlist({f"soc.timer.{kind}": (kind, {}, {}) for kind in kinds}), FAMILIES["ice40"])
    assert found.total == Cost(lut4=1, ff=4, dsp=1, ebr=1)


REPORT = {
    "utilization": {
        "TRELLIS_COMB": {"used": 4, "available": 24288},
        "TRELLIS_FF": {"used": 1, "available": 24288},
        "MULT18X18D": {"used": 0, "available": 28},
        "DP16KD": {"used": 0, "available": 56},
    },
    "fmax": {
        "osc": {"achieved": 250.0, "constraint": 25},
        "met": {"achieved": 24.0, "constraint": 25},
        "app": {"achieved": 80.0, "constraint": 50},
    },
    "detailed_net_timings": [
        {
            "event": "posedge app",
            "endpoints": [
                {"cell": "uart_bridge.a", "event": "posedge app", "delay": [1.0, 12.3]},
                {"cell": "soc.timer.b", "event": "posedge app", "delay": [2.0, 10.0]},
                {"cell": "soc.timer.c", "event": "posedge met", "delay": [2.0, 99.0]},
            ],
        },
        {
            "event": "posedge met",
            "endpoints": [
                {"cell": "word_receiver.a", "event": "posedge met", "delay": [1.0, 5.0]},
                {"cell": "soc.metrology.a", "event": "posedge met", "delay": [1.0, 41.0]},
                {"cell": "led", "event": "<async>", "delay": [1.0, 999.0]},
            ],
        },
    ],
    "critical_paths": [
        {"from": "posedge app", "to": "posedge app", "path": [{"to": {"cell": "uart_bridge.a"}}]},
        {"from": "posedge met", "to": "posedge met", "path": [{"to": {"cell": "soc.metrology.a"}}]},
        {"from": "<async>", "to": "posedge met", "path": [{"to": {"cell": "soc.timer.c"}}]},
    ],
}
DOMAINS = {"application": "uart_bridge", "metrology": "word_receiver"}


def test_placed_ecp5_with_clocks():
    cells: dict[str, tuple[str, dict, dict]] = {
        "soc.timer.sum$CCU2_COMB0": ("TRELLIS_COMB", {"FCI": [1], "FCO": [2]}, {}),
        "$nextpnr_CCU2C_0$CCU2_COMB0": ("TRELLIS_COMB", {"FCI": [2], "FCO": [3]}, {}),
        "$nextpnr_CCU2C_0$CCU2_COMB1": ("TRELLIS_COMB", {"FCI": [3], "FCO": []}, {}),
        "$PACKER_GND": ("TRELLIS_COMB", {"F": [4], "FCI": [], "FCO": []}, {}),
        "uart_bridge.a": ("TRELLIS_FF", {"Q": [5]}, {}),
    }
    found = placed(netlist(cells), REPORT, FAMILIES["ecp5"], DOMAINS)
    assert found.blocks == {"timer": Cost(lut4=3), "others": Cost(lut4=1), "uart_bridge": Cost(ff=1)}
    assert found.available == Cost(lut4=24288, ff=24288, dsp=28, ebr=56)
    assert found.clocks == {
        "application": Clock(50, 80.0),
        "metrology": Clock(25, 24.0),
        "oscillator": Clock(25, 250.0),
    }
    assert list(found.clocks) == ["application", "metrology", "oscillator"]
    assert [clock.holds for clock in found.clocks.values()] == [True, False, True]
    # The block of a critical path has the clock with the set-up time; the others' paths end before it.
    assert found.block_mhz == {
        "uart_bridge": {"application": 80.0},
        "timer": {"application": 100.0},
        "word_receiver": {"metrology": 200.0},
        "metrology": {"metrology": 24.0},
    }


def test_one_clock_for_both_domains():
    report = {
        **REPORT,
        "fmax": {"osc": {"achieved": 20.0, "constraint": 12}},
        "detailed_net_timings": [
            {
                "event": "posedge osc",
                "endpoints": [
                    {"cell": f"{block}.a", "event": "posedge osc", "delay": [1, 40]}
                    for block in DOMAINS.values()
                ],
            }
        ],
        "critical_paths": [],
    }
    cells: dict[str, tuple[str, dict, dict]] = {
        "soc.timer.a": ("ICESTORM_LC", {}, {"DFF_ENABLE": "1"}),
        "soc.timer.b": ("ICESTORM_LC", {}, {"DFF_ENABLE": "0"}),
    }
    found = placed(netlist(cells), report, FAMILIES["ice40"], DOMAINS)
    assert found.blocks == {"timer": Cost(lut4=2, ff=1)}
    assert found.clocks == {"application and metrology": Clock(12, 20.0)}
    assert found.block_mhz["uart_bridge"] == {"application and metrology": pytest.approx(25.0)}
