"""How many bits of a block's state change with each clock: what a power measurement would see of it."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.lib import wiring

from .block import CACHE, Block

__all__ = ["Toggles"]

_NEEDED = (0, 40)  # as Amaranth's own conversion
_CELL = re.compile(r"^  cell (\$\w+) .*?^  end$", re.MULTILINE | re.DOTALL)
_WIDTH = re.compile(r"^    parameter \\WIDTH (\d+)$", re.MULTILINE)
_OUTPUT = re.compile(r"^    connect \\(?:Q|DATA) (.+)$", re.MULTILINE)
_PORT_NUMBER = re.compile(r"\b(?:input|output|inout) (\d+) ")
_STATE = "state_"
_WORD_BITS = 32


class Toggles(Block):
    """A compiled block that counts the bits of its state that change with each clock.

    State is the output of every flip-flop, and the data output of every memory's read port, registered or
    not; a memory's cells are not. A bit that changes twice within a clock counts once or not at all: only
    the values that the logic has come to after an edge are compared.

    Parameters
    ----------
    component : wiring.Component
        The block, in one clock domain ``sync``.
    cache : Path
        Folder of the compiled blocks.

    Attributes
    ----------
    state_bits : int
        Bits of state that are compared.

    Raises
    ------
    InputError
        If a tool is missing or fails.
    ValueError
        If the block has no state.
    """

    def __init__(self, component: wiring.Component, *, cache: Path = CACHE):
        super().__init__(component, cache=cache)
        self.state_bits = sum(bits for name, bits in self.ports.items() if _is_state(name))

    def _verilog(self, component: wiring.Component) -> str:
        yosys = find_yosys(lambda version: version >= _NEEDED)

        def run(text: str, *script: str) -> str:
            lines = (f"read_rtlil <<rtlil\n{text}\nrtlil", *script)
            return str(yosys.run(["-q", "-"], "\n".join(lines), ignore_warnings=True))

        flat = run(rtlil.convert(component, name="block"), "proc", "flatten", "write_rtlil")
        return run(_with_state(flat), "memory_collect", "write_verilog -norename -noattr")

    def _begin(self) -> None:
        super()._begin()
        for name, bits in self.ports.items():
            if _is_state(name):
                words = max(2, -(-bits // _WORD_BITS))
                self._library.block_compare(self._block, self._numbers[name], words)

    def count(self) -> None:
        """Count from the next clock on; what was counted before is forgotten."""
        self._library.block_count(self._block)

    def counted(self) -> npt.NDArray[np.uint32]:
        """Bits that changed with each clock since `count` or the last call."""
        counts = np.zeros(self._library.block_counted(self._block), np.uint32)
        self._library.block_take_counts(self._block, ctypes.c_void_p(counts.ctypes.data))
        return counts


def _is_state(name: str) -> bool:
    return name.startswith(_STATE)


def _with_state(flat: str) -> str:
    """The flat module ``flat`` (RTLIL) with a port more for each flip-flop and memory read port."""
    number = max(map(int, _PORT_NUMBER.findall(flat)))
    added: list[str] = []
    for cell in _CELL.finditer(flat):
        kind, text = cell.group(1), cell.group()
        if "dff" in kind or kind == "$memrd_v2":
            width, output = _WIDTH.search(text), _OUTPUT.search(text)
            assert width is not None
            assert output is not None
            number += 1
            name = f"\\{_STATE}{len(added)}"
            added.append(
                f"  wire width {width.group(1)} output {number} {name}\n  connect {name} {output.group(1)}\n"
            )
    if not added:
        raise ValueError("The block has no flip-flop and no memory: nothing of it can be counted")
    place = flat.rindex("\nend") + 1
    return flat[:place] + "".join(added) + flat[place:]
