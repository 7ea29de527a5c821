"""Ranges of the metrology program's values: what is proved of them, and what is assumed for that.

``python -m bench.ranges [preset]`` prints all of it.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import ceil, log2, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.range_claims import ASSUMED, COUNTERS, INVARIANTS, SETTINGS, Claim
from rtl.metering.compiler import compile_program
from rtl.metering.constants import Constants
from rtl.metering.filters import ALL_PASS_BITS, ALL_PASS_FACTORS, interpolation_table
from rtl.metering.harmonic_quantities import harmonic_quantities
from rtl.metering.microcode import Destination, Instruction, Operation, Port, Program
from rtl.metering.parameters import LANE_BITS, MeteringParameters
from rtl.metering.program.machine import Machine
from rtl.metering.quantities import Quantity, quantities
from rtl.metering.state import State, Word
from sim.intervals import Interval
from sim.ranges import Finding, Ranges
from soc.config import preset
from soc.formats.calibration import CHANNEL, COMMON, REGION, Key

__all__ = ["Analysis", "Bounds", "analyse"]

YEARS = 20
_SECONDS = YEARS * 31_557_600
_ROOT = Path(__file__).parents[1]
_CELLS = tuple(claim for claim in ASSUMED if ": " not in claim.where)
_LINES = tuple(claim for claim in ASSUMED if ": " in claim.where)
_WORD_INPUTS = (Interval.of(16), *[Interval(0, 1)] * 4, Interval(0, (1 << 16) - 1))


class Bounds:
    """Bounds that follow from filters, settings and parameters; the claims are made with them.

    ``sample`` is the largest calibrated sample: a row's sum of magnitudes, and the offset, times the largest
    gain. ``effective`` is the largest RMS value over a number of sample sets: the filter's largest gain at
    any frequency holds for its energy, and that of the sets its taps reach beyond comes to it.
    ``point`` is the largest point, by the sum of magnitudes of two rows after each other.
    ``points`` is the same over a cycle's points: as these can be fewer than samples, two bands may fold
    onto one. ``turned`` is the largest output of the all-pass chains.
    """

    def __init__(self, parameters: MeteringParameters):
        self.k = k = Constants(parameters)
        self.unit = k.sample
        self.sets = _SECONDS * ceil(parameters.sample_rate_hz)
        self.shortest_sets = k.shortest_timed_sets - 1
        self.cycle_sets = k.shortest_window // k.sample - 1
        self.longest_sets = k.longest_window // k.sample + 2
        self.windows = self.sets // self.shortest_sets
        table = interpolation_table()
        rows = np.array([table.row(phase) for phase in range(table.phases + 1)]) / 2.0**table.coefficient_bits
        self.row_sum = float(np.abs(rows).sum(1).max()) * (1 + 1e-9)
        self.row_gain = float(np.abs(np.fft.rfft(rows, 4096, axis=1)).max()) * (1 + 1e-3)
        self.full = 1 << LANE_BITS - 1
        self.gain = self._gain()
        self.offset = _key(CHANNEL, "offset").most
        self.sample = ceil((self.row_sum + self.offset) * self.gain * self.full) + 2
        spectra = np.fft.rfft(rows, 128, axis=1)
        twice = max(np.abs(np.fft.irfft(each * spectra, 128, axis=1)).sum(1).max() for each in spectra)
        self.point = ceil((float(twice) * (1 + 1e-9) + self.offset) * self.gain * self.full) + 2
        self.points = ceil(sqrt(2) * self.row_gain * self.effective(self.cycle_sets))
        self.turned = ceil(self.sample * k.turn_guard * _all_pass_sum()) + (1 << 12)

    def effective(self, sets: int) -> int:
        """Largest RMS value of calibrated samples over so many sample sets, in units of a lane."""
        wider = sqrt((sets + self.k.taps) / sets)
        return ceil((self.row_gain * wider + self.offset) * self.gain * self.full) + 2

    @staticmethod
    def _gain() -> float:
        linear, square = _key(CHANNEL, "linear").most, _key(CHANNEL, "square").most
        # The sensor's word has 16 bits, eight of them behind the point.
        warmer = 128 + _key(COMMON, "reference_temperature").most
        warm = 1 + (linear + square * warmer) * warmer
        return _key(CHANNEL, "gain").most * _key(REGION, "gain").most * warm


def _key(keys: tuple[Key, ...], field: str) -> Key:
    return next(key for key in keys if key.field == field)


def _all_pass_sum() -> float:
    """Largest sum of the magnitudes of an impulse response that any section ends with."""
    largest = 1.0
    for chain in (ALL_PASS_FACTORS[::2], ALL_PASS_FACTORS[1::2]):
        response = np.zeros(1 << 13)
        response[0] = 1
        for factor in chain:
            a, before_in, before_out = factor / (1 << ALL_PASS_BITS), 0.0, 0.0
            for index, value in enumerate(response.tolist()):
                before_out = a * (value + before_out) - before_in
                before_in = value
                response[index] = before_out
            largest = max(largest, float(np.abs(response).sum()))
    return largest * (1 + 1e-6)


class Text(NamedTuple):
    """A line of the program's text."""

    module: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.module}:{self.number}: {self.text}"


def text_of(instruction: Instruction) -> Text:
    """The line that an instruction comes from."""
    module, number = instruction.line.rsplit(":", 1)
    path = _ROOT / (module.replace(".", "/") + ".py")
    return Text(module.rsplit(".", 1)[1], int(number), linecache.getline(str(path), int(number)).strip())


@dataclass(frozen=True)
class Analysis:
    """What the analysis says of a program.

    ``assumed`` has the claims that the analysis needed, by the addresses of the instructions; ``unused`` are
    those that stand for nothing in the program; ``problems`` are sentences, none if nothing can overflow.
    """

    program: Program
    bounds: Bounds
    ranges: Ranges
    names: Mapping[int, str]
    assumed: Mapping[int, Claim]
    unused: tuple[Claim, ...]
    problems: tuple[str, ...]

    @property
    def checks(self) -> dict[int, Interval]:
        """What each result must be in, by the instruction's address."""
        return dict(self.ranges.results)


def analyse(parameters: MeteringParameters) -> Analysis:
    """Follow the ranges of all values of the program for ``parameters``."""
    return _Analyst(parameters).analysis()


class _Analyst:
    def __init__(self, parameters: MeteringParameters):
        self._parameters = parameters
        self._bounds = Bounds(parameters)
        self._program = compile_program(parameters)
        self._texts = [text_of(each) for each in self._program.instructions]
        self._names = self._named()
        self._used: set[Claim] = set()

    def analysis(self) -> Analysis:
        given = self._given()
        limits, assumed = self._limits()
        caps = self._caps()
        inputs = [*[Interval.of(LANE_BITS)] * self._parameters.lanes, *_WORD_INPUTS]
        ranges = Ranges(self._program, inputs, {cell: its for cell, (its, _) in given.items()}, limits, caps)
        needed = {
            at: claim
            for at, claim in assumed.items()
            if at in ranges.unlimited and not ranges.unlimited[at].within(limits[at])
        }
        problems = [
            *self._overflows(ranges.findings),
            *self._growths(ranges, given),
            *self._too_wide(ranges),
        ]
        claims = (*SETTINGS, *INVARIANTS, *COUNTERS, *ASSUMED)
        return Analysis(
            self._program,
            self._bounds,
            ranges,
            self._names,
            needed,
            tuple(claim for claim in claims if claim not in self._used),
            tuple(problems),
        )

    # --- Cells

    def _named(self) -> dict[int, str]:
        """Paths of the cells; sums that the registers hold have the path of what they are sums of."""
        program = self._program
        machine = Machine(self._bounds.k, self._parameters)
        own = {
            id(each): path
            for kind in ("phases", "neutrals")
            for index, holder in enumerate(getattr(machine, kind))
            for path, each in _sums(holder, f"{kind}.{index}.")
        }
        names = {}
        for path, cell in program.cells.items():
            holder, _, name = path.rpartition(".")
            if holder.startswith("registers.sums."):
                holder = own[id(machine.registers.sums[int(holder.rpartition(".")[2])])]
            number = cell.address if cell.kind is Word else len(program.words) + cell.address
            names[number] = f"{holder}.{name}" if holder else name
        return names

    def _given(self) -> dict[int, tuple[Interval, Claim]]:
        found = {}
        for cell, name in self._names.items():
            claim = self._first((*SETTINGS, *INVARIANTS, *COUNTERS), name)
            if claim is not None:
                found[cell] = claim.range(self._bounds), claim
        return found

    def _first(self, claims: tuple[Claim, ...], name: str) -> Claim | None:
        for claim in claims:
            if fnmatchcase(name, claim.where):
                self._used.add(claim)
                return claim
        return None

    def _caps(self) -> dict[int, Interval]:
        """Cells of which the claim is for all that is ever written to them."""
        initial = (*self._program.words, *self._program.wides)
        found = {}
        for cell, name in self._names.items():
            claim = self._first(_CELLS, name)
            if claim is not None:
                found[cell] = claim.range(self._bounds).join(Interval(initial[cell], initial[cell]))
        return found

    def _limits(self) -> tuple[dict[int, Interval], dict[int, Claim]]:
        limits, assumed = {}, {}
        for at, (i, text) in enumerate(zip(self._program.instructions, self._texts, strict=True)):
            claim = None
            if i.to is not Destination.NOWHERE:
                wide = i.to is Destination.WIDE
                claim = self._first(_CELLS, self._names.get(i.target + wide * len(self._program.words), ""))
            if i.to is not Destination.NOWHERE or i.operation is Operation.STORE:
                line = f"{text.module}: {text.text}"
                found = [each for each in _LINES if line.startswith(each.where)]
                claim = claim or (found[0] if found else None)
            if claim is not None:
                self._used.add(claim)
                limits[at], assumed[at] = claim.range(self._bounds), claim
        return limits, assumed

    # --- Problems

    def _overflows(self, findings: Mapping[int, Finding]) -> Iterator[str]:
        for at, (what, found, allowed) in sorted(findings.items()):
            yield f"{self._texts[at]}: {what} {_shown(found)}, where {_shown(allowed)} fits"

    def _growths(self, ranges: Ranges, given: Mapping[int, tuple[Interval, Claim]]) -> Iterator[str]:
        """Cells that leave their range in a run, or in so many years."""
        for cell, (its, claim) in given.items():
            gain, runs = ranges.gains[cell], claim.runs(self._bounds)
            if runs is None:
                continue
            for grown, limit in ((-gain.low * runs, -its.low), (gain.high * runs, its.high)):
                # Half of the range is for what the cell begins with.
                if grown > (limit // 2 if runs > 1 else 0):
                    yield (
                        f"{self._names[cell]}: a run adds {_shown(gain)}, {runs} runs more than {_shown(its)}"
                    )

    def _too_wide(self, ranges: Ranges) -> Iterator[str]:
        """Values that are wider than the quantity that shows them."""
        widths = {
            Port.QUANTITY: _widths(quantities(self._parameters)),
            Port.HARMONIC: _widths(harmonic_quantities(self._parameters)),
        }
        for at, send in sorted(ranges.sends.items()):
            i = self._program.instructions[at]
            port = Port(i.z)
            if port not in widths:
                continue
            place = i.target + max(0, send.offset.low)
            width = widths[port][place] if place < len(widths[port]) else 0
            if not send.value.fits(width or 1):
                yield f"{self._texts[at]}: {_shown(send.value)} is sent as {width} bits"


def _sums(holder: State, path: str) -> Iterator[tuple[str, State]]:
    for name, each in vars(holder).items():
        if isinstance(each, State) and name not in ("channel", "v", "i", "energies", "no_load"):
            yield f"{path}{name}", each
            yield from _sums(each, f"{path}{name}.")


def _widths(listed: Iterable[Quantity]) -> list[int]:
    return [each.register.width for each in listed for _ in range(each.register.count)]


def _shown(its: Interval) -> str:
    return f"from {_power(its.low)} to {_power(its.high)}"


def _power(value: int) -> str:
    if abs(value) < 1 << 12:
        return str(value)
    return f"{'-' if value < 0 else ''}2^{log2(abs(value)):.2f}"


def main(name: str) -> int:
    """Print what is assumed and found for a preset."""
    found = analyse(preset(name).metering)
    for title, claims in (
        ("Settings", SETTINGS),
        ("Invariants, proved", INVARIANTS),
        (f"Accumulators, proved for {YEARS} years", COUNTERS),
        ("Assumed, and checked in runs", tuple(dict.fromkeys(found.assumed.values()))),
    ):
        print(f"{title}:")
        for claim in claims:
            if claim not in found.unused:
                print(f"  {claim.where}: {_shown(claim.range(found.bounds))}. {claim.reason}")
    for claim in found.unused:
        print(f"Not in this program: {claim.where}")
    for problem in found.problems:
        print(f"PROBLEM {problem}")
    return len(found.problems) > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "polyphase"))
