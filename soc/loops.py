"""Combinational loops in a netlist: whether the ring oscillators outlived the tools."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import InputError

__all__ = ["check_rings", "combinational_loops"]

_COMBINATIONAL = (
    *("LUT4", "PFUMX", "L6MUX21", "CCU2C", "TRELLIS_COMB"),
    *("SB_LUT4", "SB_CARRY", "ICESTORM_LC"),
)
_INDEPENDENT = {
    ("CCU2C", "S0"): ("A1", "B1", "C1", "D1"),
    ("TRELLIS_COMB", "F"): ("M", "F1", "FXA", "FXB"),
}
"""For an output of a cell, the inputs that it does not depend on; others depend on all."""


def combinational_loops(netlist: Mapping[str, Any]) -> list[int]:
    """The loops in a netlist of Yosys or nextpnr for ECP5 or iCE40: how many nets each has, in order.

    Loops that share a net count as one.
    """
    (module,) = (part for part in netlist["modules"].values() if int(part["attributes"].get("top", "0"), 2))
    followers: dict[int, list[int]] = {}
    for cell in filter(_is_combinational, module["cells"].values()):
        inputs = _nets(cell, "input")
        for output, target in _nets(cell, "output"):
            others = _INDEPENDENT.get((cell["type"], output), ())
            for pin, source in inputs:
                if pin not in others:
                    followers.setdefault(source, []).append(target)
                    followers.setdefault(target, [])
    return sorted(len(part) for part in _strongly_connected(followers) if _loops(part, followers))


def check_rings(netlist: Mapping[str, Any], lengths: Sequence[int], stage: str) -> None:
    """Refuse a netlist whose loops are not rings of these lengths.

    Raises
    ------
    InputError
        If a ring is missing or is not as long as it should be, or if there is another loop.
    """
    found, expected = combinational_loops(netlist), sorted(lengths)
    if found != expected:
        raise InputError(
            f"The netlist has {len(found)} combinational loops (stages: {_listed(found)}) after {stage}, "
            f"not the {len(expected)} ring oscillators (stages: {_listed(expected)}): use the versions of "
            f"the tools that requirements.lock names."
        )


def _listed(lengths: Sequence[int]) -> str:
    counts = [f"{lengths.count(length)} × {length}" for length in sorted(set(lengths))]
    return ", ".join(counts) or "0"


def _is_combinational(cell: Mapping[str, Any]) -> bool:
    """On iCE40 nextpnr puts a flip-flop behind the look-up table of a cell."""
    registered = int(str(cell.get("parameters", {}).get("DFF_ENABLE", "0")), 2)
    return cell["type"] in _COMBINATIONAL and not registered


def _nets(cell: Mapping[str, Any], direction: str) -> list[tuple[str, int]]:
    """The pins of a direction with their nets; constants are no nets."""
    pins = (
        (pin, bits) for pin, bits in cell["connections"].items() if cell["port_directions"][pin] == direction
    )
    return [(pin, bit) for pin, bits in pins for bit in bits if isinstance(bit, int)]


def _loops(part: Sequence[int], followers: Mapping[int, Sequence[int]]) -> bool:
    return len(part) > 1 or part[0] in followers[part[0]]


def _strongly_connected(followers: Mapping[int, Sequence[int]]) -> Iterable[list[int]]:
    """Tarjan's algorithm (Depth-first search and linear graph algorithms, 1972), without recursion."""
    index: dict[int, int] = {}
    lowest: dict[int, int] = {}
    on_path: dict[int, None] = {}
    for root in followers:
        work = [(root, iter(followers[root]))] if root not in index else []
        while work:
            node, rest = work[-1]
            if node not in index:
                index[node] = lowest[node] = len(index)
                on_path[node] = None
            for follower in rest:
                if follower not in index:
                    work.append((follower, iter(followers[follower])))
                    break
                if follower in on_path:
                    lowest[node] = min(lowest[node], index[follower])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node])
                if lowest[node] == index[node]:
                    part: list[int] = []
                    while not part or part[-1] != node:
                        part.append(on_path.popitem()[0])
                    yield part
