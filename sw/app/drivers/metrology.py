"""The metrology domain: what it shows, read as a whole each time, and the settings that it is given."""

from dataclasses import replace

from soc.formats.registers import Register
from soc.generated.registers import capture, harmonics, metrology, points, quantities

from ..access import read, read_fields, write, write_fields
from ..ops import Read, Wait

__all__ = ["IDENTIFICATION", "VERSION", "Metrology"]

IDENTIFICATION = "METR"
VERSION = 2
_ATTEMPTS = 8
_POLL_CLOCKS = 1000
_TOTALS = ("total", "vector")
_ALL_PHASES = 3


class Metrology:
    """Driver of the metrology domain; one task waits for what it shows.

    Parameters
    ----------
    configuration : dict of str to int
        What is built, as `sysinfo.configuration` tells it.
    paths : iterable of str, optional
        Quantities that are read of each window, besides ``sequence``; all of them by default.

    Attributes
    ----------
    registers : dict of str to Register
        The quantities that are read, by path (``frequency``, ``phase0.vrms``); ``unit`` and
        ``fraction_bits`` say what a value means. An array's value is a list.
    missed : int
        Windows that ended and were not read before the next one had.
    """

    def __init__(self, configuration, paths=None):
        self._built = configuration
        phases, currents = configuration["voltage_lanes"], configuration["current_lanes"]
        self._phases, self._currents = phases, currents
        known = self._known(quantities)
        if paths is not None:
            unknown = [path for path in paths if path not in known]
            if unknown:
                raise ValueError(f"The chip has no quantity {', '.join(unknown)}")
            known = {path: known[path] for path in known if path == "sequence" or path in paths}
        self.registers = known
        self.missed = 0
        self._memories = {
            "window": _Memory("quantities", known),
            "harmonics": _Memory("harmonics", self._harmonic_registers()),
            "points": _Memory("points", self._known(points)),
            "capture": _Memory("samples", self._capture_registers()),
        }
        self._enabled = {}
        self._came = set()

    def next_window(self):
        """Sleep until a window ends that has not been read; returns its quantities, raw, by path.

        Raises `RuntimeError` if windows end faster than they can be read.
        """
        return (yield from self.next("window"))["window"]

    def next_harmonics(self):
        """The same for the harmonics of 10 or 12 cycles; element n of an array is the harmonic n + 1."""
        return (yield from self.next("harmonics"))["harmonics"]

    def next_points(self):
        """The same for the waveforms of a mains cycle: 128 points of each lane, by its name."""
        return (yield from self.next("points"))["points"]

    def next_capture(self):
        """The same for a capture of all lanes round an event, oldest sample first."""
        return (yield from self.next("capture"))["capture"]

    def next(self, *causes):
        """Sleep until a cause (``window``, ``harmonics``, ``points``, ``capture``) shows something new.

        Returns what is shown, by cause. Raises `ValueError` if the chip has no such memory.
        """
        for cause in causes:
            memory = self._memories[cause]
            if not memory.registers:
                raise ValueError(f"The chip has no memory of {cause}")
            if memory.seen is None:
                memory.seen = yield from memory.sequence()
        shown: dict = {}
        while not shown:
            for cause in (yield from self.wait(*causes)):
                memory = self._memories[cause]
                record = yield from memory.read()
                passed, memory.seen = record["sequence"] - memory.seen, record["sequence"]
                if passed:
                    shown[cause] = record
                if cause == "window":
                    self.missed += max(0, passed - 1)
        return shown

    def wait(self, *causes):
        """Sleep until one of ``causes``, fields of the register ``cause``, has come; returns a list of those.

        What came meanwhile besides is kept for the next call that asks for it.
        """
        if any(cause not in self._enabled for cause in causes):
            self._enabled.update(dict.fromkeys(causes, 1))
            yield from write_fields(metrology.enable, **self._enabled)
        while not self._came.intersection(causes):
            yield Wait(1 << metrology.interrupt)
            found = yield from read_fields(metrology.cause)
            cleared = {cause: 1 for cause in self._enabled if found[cause]}
            yield from write_fields(metrology.cause, **cleared)
            self._came.update(cleared)
        came = [cause for cause in causes if cause in self._came]
        self._came.difference_update(came)
        return came

    def write_settings(self, words, first=0):
        """Write setting words, integers of 36 bits with sign, from the place ``first`` on.

        They hold from the next sample set on for which the engine has the time. Raises `RuntimeError` if the
        settings are locked.
        """
        for place, word in enumerate(words, first):
            while True:
                state = yield from read_fields(metrology.lock)
                if state["locked"]:
                    raise RuntimeError("the settings are locked until power-off")
                if not state["full"]:
                    break
                yield Wait(0, _POLL_CLOCKS)
            value = word & (1 << metrology.setting.fields["value"].width) - 1
            yield from write(metrology.setting, metrology.setting.pack(value=value, place=place))

    def lock(self):
        """Lock the settings until power-off; returns when all that were written hold."""
        yield from write_fields(metrology.lock, lock=1)
        while not (yield from read_fields(metrology.lock))["locked"]:
            yield Wait(0, _POLL_CLOCKS)

    def restored(self):
        """What of the energies outlived the last power cut: fields of the register ``restore``.

        Known from the first window on.
        """
        return (yield from read_fields(metrology.restore))

    def _known(self, namespace):
        """The registers of a memory that the chip has, by path."""
        prefix = f"{namespace.__name__}."
        listed = {register.name.removeprefix(prefix): register for register in _registers_of(namespace)}
        return {path: register for path, register in listed.items() if self._is_built(path.partition(".")[0])}

    def _is_built(self, name):
        if name == "neutral":
            return self._currents > self._phases
        if name in _TOTALS:
            return self._phases > 1
        if name.startswith("unbalance"):
            return self._phases == _ALL_PHASES
        kind = name.rstrip("0123456789")
        number = name.removeprefix(kind)
        if not number:
            return True
        return int(number) < (self._phases + self._currents if kind == "lane" else self._phases)

    def _harmonic_registers(self):
        orders = self._built["harmonics"]
        return {
            path: replace(register, count=min(register.count, orders))
            for path, register in self._known(harmonics).items()
            if orders
        }

    def _capture_registers(self):
        sets = self._built["capture_sets"]
        found = {}
        for path, register in self._known(capture).items():
            if path.startswith("lane"):
                start = capture.base + 4 * sets * (1 + int(path.removeprefix("lane")))
                register = replace(register, address=start, count=sets)
            found[path] = register
        return found if sets else {}


class _Memory:
    """A memory whose registers are read as one: its sequence first, and again at the end.

    ``seen`` is the sequence that was read last.
    """

    def __init__(self, what, registers):
        self._what = what
        self.registers = registers
        self.seen = None
        self._runs = _runs(registers.values())

    def sequence(self):
        return (yield from read(self.registers["sequence"]))

    def read(self):
        for _ in range(_ATTEMPTS):
            words: dict = {}
            for address, count in self._runs:
                found = yield Read(address, count)
                words.update(zip(range(address, address + 4 * count, 4), found, strict=True))
            again = yield from self.sequence()
            record = {path: _value(register, words) for path, register in self.registers.items()}
            if record["sequence"] == again:
                return record
        raise RuntimeError(f"{self._what} changed during each of {_ATTEMPTS} readings")


def _value(register, words):
    size = 4 * register.words * register.count
    found = [words[address] for address in range(register.address, register.address + size, 4)]
    return register.join(found) if register.count == 1 else register.split(found)


def _runs(registers):
    """Address and number of words of each run of registers without a gap."""
    runs: list = []
    for register in sorted(registers, key=lambda register: register.address):
        count = register.words * register.count
        start, before = runs[-1] if runs else (0, 0)
        if before and start + 4 * before == register.address:
            runs[-1] = start, before + count
        else:
            runs.append((register.address, count))
    return runs


def _registers_of(namespace):
    for value in vars(namespace).values():
        if isinstance(value, Register):
            yield value
        elif isinstance(value, type):
            yield from _registers_of(value)
