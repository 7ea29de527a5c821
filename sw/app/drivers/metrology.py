"""The metrology window: every quantity of a window, read as one."""

from soc.formats.registers import Register
from soc.generated.registers import metrology, quantities

from ..access import read, write_fields
from ..ops import Read, Wait

__all__ = ["IDENTIFICATION", "VERSION", "Metrology"]

IDENTIFICATION = "METR"
VERSION = 1
_ATTEMPTS = 8


class Metrology:
    """Driver of the metrology domain's read-only window.

    Parameters
    ----------
    phases : int
        Phases whose quantities are read.

    Attributes
    ----------
    registers : dict of str to Register
        The quantities that are read, by path (``frequency``, ``phase0.vrms``); ``unit`` and
        ``fraction_bits`` say what a value means.
    missed : int
        Windows that ended and were not read before the next one had.
    """

    def __init__(self, phases):
        self.registers = {}
        for register in _registers_of(quantities):
            path = register.name.removeprefix("quantities.")
            if not path.startswith("phase") or int(path.partition(".")[0][len("phase") :]) < phases:
                self.registers[path] = register
        self.missed = 0
        self._start = quantities.sequence.address
        last = max(self.registers.values(), key=lambda register: register.address)
        self._words = (last.address - self._start) // 4 + last.words
        self._sequence = None

    def next_window(self):
        """Sleep until a window ends that has not been read; returns its quantities, raw, by path.

        Raises `RuntimeError` if windows end faster than they can be read.
        """
        if self._sequence is None:
            self._sequence = yield from read(quantities.sequence)
            yield from write_fields(metrology.enable, window=1)
        before = self._sequence
        while before == self._sequence:
            yield Wait(1 << metrology.interrupt)
            yield from write_fields(metrology.cause, window=1)
            window = yield from self._read()
            self._sequence = window["sequence"]
        self.missed += self._sequence - before - 1
        return window

    def _read(self):
        """All quantities of one window: the sequence word is the first of them, and read again at the end."""
        for _ in range(_ATTEMPTS):
            words = yield Read(self._start, self._words)
            again = yield from read(quantities.sequence)
            window = {
                path: register.join(words[offset : offset + register.words])
                for path, register in self.registers.items()
                for offset in [(register.address - self._start) // 4]
            }
            if window["sequence"] == again:
                return window
        raise RuntimeError(f"a window ended during each of {_ATTEMPTS} readings of the quantities")


def _registers_of(namespace):
    for value in vars(namespace).values():
        if isinstance(value, Register):
            yield value
        elif isinstance(value, type):
            yield from _registers_of(value)
