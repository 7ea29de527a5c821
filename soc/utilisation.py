"""What a netlist takes of an FPGA, block by block, and the clocks that it reaches."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["FAMILIES", "Clock", "Cost", "Family", "Utilisation", "placed", "synthesised"]

_OTHERS = "others"
_CARRY_PINS = ("FCI", "FCO", "CIN", "COUT")


@dataclass(frozen=True)
class Cost:
    """What a block takes.

    ``lut4`` counts nextpnr's TRELLIS_COMB on ECP5 and its ICESTORM_LC on iCE40.
    """

    lut4: int = 0
    ff: int = 0
    dsp: int = 0
    ebr: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.lut4 + other.lut4, self.ff + other.ff, self.dsp + other.dsp, self.ebr + other.ebr)


@dataclass(frozen=True)
class Clock:
    """A clock: what it must reach, and what the placed and routed design reaches."""

    needed_mhz: float
    achieved_mhz: float

    @property
    def holds(self) -> bool:
        """The design is as fast as it must be."""
        return self.achieved_mhz >= self.needed_mhz


@dataclass(frozen=True)
class Utilisation:
    """What a design takes.

    Parameters
    ----------
    blocks : mapping of str to Cost
        Each block's cost.
    available : Cost or None
        What the device has; only after placement.
    clocks : mapping of str to Clock
        The clocks by domain; only after routing.
    block_mhz : mapping of str to mapping of str to float
        For each block the clock, by domain, at which every path that ends in its registers holds; only after
        routing.
    """

    blocks: Mapping[str, Cost]
    available: Cost | None
    clocks: Mapping[str, Clock]
    block_mhz: Mapping[str, Mapping[str, float]]

    @property
    def total(self) -> Cost:
        """The whole design."""
        return sum(self.blocks.values(), Cost())


@dataclass(frozen=True)
class Family:
    """How a family of devices is synthesised and counted.

    Parameters
    ----------
    synthesis : str
        Options of Yosys' synthesis command.
    synthesised, placed : mapping of str to Cost
        What a cell of each type costs: in Yosys' netlist, where it is an estimate, and in nextpnr's.
    utilisation : mapping of str to str
        For each field of `Cost` the cell type that nextpnr's report calls it; a flip-flop of iCE40 lies in a
        logic cell.
    """

    synthesis: str
    synthesised: Mapping[str, Cost]
    placed: Mapping[str, Cost]
    utilisation: Mapping[str, str]


_CARRY_ON_ECP5 = Cost(lut4=2)
_LUT_RAM_ON_ECP5 = Cost(lut4=4)

FAMILIES = {
    "ecp5": Family(
        synthesis="-abc9",
        synthesised={
            "LUT4": Cost(lut4=1),
            "CCU2C": _CARRY_ON_ECP5,
            "TRELLIS_DPR16X4": _LUT_RAM_ON_ECP5,
            "TRELLIS_FF": Cost(ff=1),
            "MULT18X18D": Cost(dsp=1),
            "DP16KD": Cost(ebr=1),
        },
        placed={
            "TRELLIS_COMB": Cost(lut4=1),
            "TRELLIS_FF": Cost(ff=1),
            "MULT18X18D": Cost(dsp=1),
            "DP16KD": Cost(ebr=1),
        },
        utilisation={"lut4": "TRELLIS_COMB", "ff": "TRELLIS_FF", "dsp": "MULT18X18D", "ebr": "DP16KD"},
    ),
    "ice40": Family(
        synthesis="-abc9 -device u -dsp",
        synthesised={
            "SB_LUT4": Cost(lut4=1),
            "SB_DFF": Cost(ff=1),
            "SB_MAC16": Cost(dsp=1),
            "SB_RAM40_4K": Cost(ebr=1),
        },
        placed={
            "ICESTORM_LC": Cost(lut4=1),
            "ICESTORM_DSP": Cost(dsp=1),
            "ICESTORM_RAM": Cost(ebr=1),
        },
        utilisation={
            "lut4": "ICESTORM_LC",
            "ff": "ICESTORM_LC",
            "dsp": "ICESTORM_DSP",
            "ebr": "ICESTORM_RAM",
        },
    ),
}
"""The families by Amaranth's name."""


def synthesised(netlist: Mapping[str, Any], family: Family) -> Utilisation:
    """What Yosys' netlist takes: the LUTs are an estimate, there are no clocks."""

    def cost(cell: Mapping[str, Any]) -> Cost:
        kind = "SB_DFF" if cell["type"].startswith("SB_DFF") else cell["type"]
        return family.synthesised.get(kind, Cost())

    return Utilisation(_by_block(netlist, cost), None, {}, {})


def placed(
    netlist: Mapping[str, Any], report: Mapping[str, Any], family: Family, domains: Mapping[str, str]
) -> Utilisation:
    """What nextpnr's netlist takes, with the clocks from its report.

    ``domains`` gives for each clock domain a block all of whose registers are in it.
    """

    def cost(cell: Mapping[str, Any]) -> Cost:
        found = family.placed.get(cell["type"], Cost())
        if cell["type"] == "ICESTORM_LC" and int(cell["parameters"]["DFF_ENABLE"], 2):
            found += Cost(ff=1)
        return found

    available = Cost(
        **{
            field: report["utilization"].get(cell, {"available": 0})["available"]
            for field, cell in family.utilisation.items()
        }
    )
    names = _clock_names(report, domains)
    clocks = {
        name: Clock(round(report["fmax"][net]["constraint"], 2), round(report["fmax"][net]["achieved"], 2))
        for net, name in names.items()
    }
    return Utilisation(_by_block(netlist, cost), available, clocks, _block_mhz(report, names))


def _block_of(cell: str) -> str:
    """The block of a cell: the submodule of the top, or of ``soc``, that its name starts with."""
    module, *rest = cell.split(".")
    if module == "soc" and len(rest) > 1:
        return rest[0]
    return module if rest and module != "soc" else _OTHERS


def _by_block(netlist: Mapping[str, Any], cost: Callable[[Mapping[str, Any]], Cost]) -> dict[str, Cost]:
    (module,) = (part for part in netlist["modules"].values() if int(part["attributes"].get("top", "0"), 2))
    owners = _owners(module["cells"])
    blocks: dict[str, Cost] = {}
    for name, cell in module["cells"].items():
        found = cost(cell)
        if found != Cost():
            blocks[owners[name]] = blocks.get(owners[name], Cost()) + found
    return dict(sorted(blocks.items(), key=lambda item: (-item[1].lut4, item[0])))


def _owners(cells: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The block of each cell; one that nextpnr put into a carry chain belongs where the chain belongs."""
    owners = {name: _block_of(name) for name in cells}
    carries = {
        name: [bit for pin in _CARRY_PINS for bit in cell["connections"].get(pin, ())]
        for name, cell in cells.items()
    }
    unknown = {name for name, bits in carries.items() if bits and owners[name] == _OTHERS}
    while True:
        chains = {
            bit: owners[name] for name, bits in carries.items() if owners[name] != _OTHERS for bit in bits
        }
        found = {name: chains[bit] for name in unknown for bit in carries[name] if bit in chains}
        if not found:
            return owners
        owners |= found
        unknown -= found.keys()


def _endpoints(report: Mapping[str, Any]) -> Iterable[tuple[str, str, float]]:
    """Every end of a path within one clock: cell, clock net, delay in nanoseconds."""
    for net in report["detailed_net_timings"]:
        for end in net["endpoints"]:
            if end["event"] == net["event"] and end["event"] != "<async>":
                yield end["cell"], end["event"].split(" ", 1)[1], max(end["delay"])


def _clock_names(report: Mapping[str, Any], domains: Mapping[str, str]) -> dict[str, str]:
    """Names of the clock nets: the domains that run on each, ``oscillator`` for a net of none of them."""
    votes = Counter((_block_of(cell), net) for cell, net, _ in _endpoints(report))
    names: dict[str, list[str]] = {net: [] for net in report["fmax"]}
    for domain, block in domains.items():
        _, net = max((count, net) for (voter, net), count in votes.items() if voter == block)
        names[net].append(domain)
    domains_first = sorted(names.items(), key=lambda item: [*map([*domains].index, item[1]), len(domains)])
    return {net: " and ".join(found) or "oscillator" for net, found in domains_first}


def _block_mhz(report: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, dict[str, float]]:
    slowest: dict[tuple[str, str], float] = {}
    for cell, net, delay in _endpoints(report):
        place = _block_of(cell), net
        slowest[place] = max(slowest.get(place, 0.0), delay)
    # A block cannot be faster than its slowest path with the set-up time, which only the report of the
    # critical path has.
    for path in report["critical_paths"]:
        if path["from"] == path["to"] and path["path"]:
            net = path["from"].split(" ", 1)[1]
            place = _block_of(path["path"][-1]["to"]["cell"]), net
            slowest[place] = 1000 / report["fmax"][net]["achieved"]
    blocks: dict[str, dict[str, float]] = {}
    for (block, net), delay in slowest.items():
        blocks.setdefault(block, {})[names[net]] = round(1000 / delay, 2)
    return blocks
