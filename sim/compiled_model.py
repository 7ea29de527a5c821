"""The metrology program as C++: bit-exact to the engine, and as fast as the machine that runs it."""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Mapping, Sequence

import numpy as np

from rtl.metering.microcode import Program
from rtl.metering.parameters import LANE_BITS, WIDE_BITS, WORD_BITS
from rtl.metering.state import Word

from .intervals import Interval
from .microcode import source
from .native import library

__all__ = ["SENT", "CompiledModel", "values"]

SENT = np.dtype([("set", "i8"), ("port", "i4"), ("address", "i4"), ("low", "u8"), ("high", "i8")])
"""A record of what was sent: number of the sample set, `Port`, address, and the two halves of the value."""

_COUNTERS = ("sets", "overflows", "overflow_at", "overruns", "foreground", "background", "endless_at")
_HALF_BITS = 64
_LARGEST_WORD = 1 << WORD_BITS - 1
_LARGEST_WIDE = 1 << WIDE_BITS - 1


def values(records: np.ndarray) -> list[int]:
    """The values of what was sent."""
    pairs = zip(records["low"].tolist(), records["high"].tolist(), strict=True)
    return [low | high << _HALF_BITS for low, high in pairs]


class CompiledModel:
    """A compiled metrology program, translated to C++ and run sample set by sample set.

    It does exactly what the compute engine does, without its clocks. A value that does not fit where it goes
    loses its upper bits, as in the engine, and is counted.

    Parameters
    ----------
    program : Program
        The program.
    lanes : int
        Lanes of a sample set.
    lag : int, optional
        Sample sets that the background waits after its start; then it runs without a break.
    most : int, optional
        If not 0, the background is interrupted instead: after a sample set it runs a random number of
        instructions from 0 to this.
    seed : int, optional
        Where the random numbers start from.
    checks : mapping of int to Interval, optional
        Ranges of instructions' values by address: one outside counts as an overflow, unless the background is
        interrupted.

    Attributes
    ----------
    sets : int
        Sample sets so far.
    overflows : int
        Values so far that did not fit: over 36 bits in a word or an array, over 108 in a sum; also divisions
        by a negative number and dot products that leave the table.
    overruns : int
        Starts of the background while it was not done; they were ignored.
    foreground, background : int
        Most instructions of a sample set and of a run of the background so far.

    Raises
    ------
    ValueError
        If an instruction reads an input that is not there, or the background starts itself.
    InputError
        If the compiler is missing or fails.
    """

    def __init__(
        self,
        program: Program,
        lanes: int,
        *,
        lag: int = 0,
        most: int = 0,
        seed: int = 0,
        checks: Mapping[int, Interval] | None = None,
    ):
        self._program, self._lanes = program, lanes
        self._width = lanes + len(program.inputs)
        self._library = library(source(program, lanes, checks), "model")
        for name in ("new", "words", "wides", "counters", "sent"):
            getattr(self._library, f"model_{name}").restype = ctypes.c_void_p
        self._library.model_run.restype = ctypes.c_int64
        self._begin(lag, most, seed)

    def _begin(self, lag: int, most: int, seed: int) -> None:
        begin = ctypes.c_int64(lag), ctypes.c_uint64(most), ctypes.c_uint64(seed)
        self._model = ctypes.c_void_p(self._library.model_new(*begin))
        self._words = self._view("words", len(self._program.words))
        self._wides = self._view("wides", 2 * len(self._program.wides))
        self._counters = self._view("counters", len(_COUNTERS))

    def fresh(self, *, lag: int = 0, most: int = 0, seed: int = 0) -> CompiledModel:
        """Another model of the same program, as it is after power-on."""
        model = copy.copy(self)
        model._begin(lag, most, seed)
        return model

    def _view(self, name: str, count: int) -> np.ndarray:
        address = getattr(self._library, f"model_{name}")(self._model)
        return np.ctypeslib.as_array((ctypes.c_int64 * count).from_address(address))

    def __del__(self) -> None:
        if hasattr(self, "_model"):
            self._library.model_delete(self._model)

    def __getattr__(self, name: str) -> int:
        if name in _COUNTERS:
            return int(self._counters[_COUNTERS.index(name)])
        raise AttributeError(name)

    @property
    def overflow(self) -> str:
        """Line of the program text whose value was the first that did not fit; empty if all did."""
        return self._line(self.overflow_at) if self.overflows else ""

    def _line(self, address: int) -> str:
        return self._program.instructions[address].line or f"instruction {address}"

    def run(self, sets: np.ndarray) -> np.ndarray:
        """Take in sample sets; returns what was sent, an array of `SENT`.

        Parameters
        ----------
        sets : ndarray of int64, (sample sets, inputs)
            The lanes' samples, 28 bits each, then the program's other inputs in their order.

        Raises
        ------
        ValueError
            If there are more or fewer inputs, or one does not fit.
        RuntimeError
            If the program does not end.
        """
        if sets.ndim != 2 or sets.shape[1] != self._width:
            raise ValueError(f"Sample sets must have the shape (any, {self._width}), not {sets.shape}")
        for columns, bits in ((slice(self._lanes), LANE_BITS), (slice(self._lanes, None), WORD_BITS)):
            part, limit = sets[:, columns], 1 << bits - 1
            if part.size and not (-limit <= part.min() and part.max() < limit):
                raise ValueError(f"An input from {part.min()} to {part.max()} does not fit in {bits} bits")
        inputs = np.ascontiguousarray(sets, dtype="i8")
        count = self._library.model_run(
            self._model, inputs.ctypes.data_as(ctypes.c_void_p), *map(ctypes.c_int64, inputs.shape)
        )
        if self.endless_at >= 0:
            raise RuntimeError(f"The program does not end: it loops at {self._line(self.endless_at)}")
        address = self._library.model_sent(self._model)
        text = ctypes.string_at(address, count * SENT.itemsize) if count else b""
        return np.frombuffer(text, SENT)

    def get(self, path: str) -> int:
        """The value of a state cell."""
        cell = self._program.cells[path]
        if cell.kind is Word:
            return int(self._words[cell.address])
        low, high = self._wides[2 * cell.address : 2 * cell.address + 2].tolist()
        return low & (1 << _HALF_BITS) - 1 | high << _HALF_BITS

    def give_settings(self, words: Sequence[int]) -> None:
        """Give the program's settings their words, in the order of their cells."""
        paths = [path for path in self._program.cells if path.startswith("settings.")]
        for path, word in zip(paths, words, strict=True):
            self.set(path, word)

    def set(self, path: str, value: int) -> None:
        """Give a state cell a value.

        Raises `ValueError` if it does not fit.
        """
        cell = self._program.cells[path]
        limit = _LARGEST_WORD if cell.kind is Word else _LARGEST_WIDE
        if not -limit <= value < limit:
            raise ValueError(f"{path} is a {cell.kind.__name__.lower()}, and {value} does not fit")
        if cell.kind is Word:
            self._words[cell.address] = value
        else:
            halves = value.to_bytes(2 * _HALF_BITS // 8, "little", signed=True)
            self._wides[2 * cell.address : 2 * cell.address + 2] = np.frombuffer(halves, "<i8")
