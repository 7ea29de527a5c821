"""Ranges of a program's values: what intervals must see, on small programs."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from rtl.metering.arithmetic import divide, square_root
from rtl.metering.compiler import compile_program
from rtl.metering.parameters import INPUTS, LANE_BITS, MeteringParameters
from rtl.metering.state import Array, State, Wide, Word
from sim.compiled_model import CompiledModel
from sim.intervals import Interval
from sim.ranges import Ranges

PARAMETERS = MeteringParameters(
    phases=1,
    lanes=2,
    word_bits=24,
    sample_rate_hz=Fraction(8000),
    nominal_hz=50,
    lowest_hz=40,
    highest_hz=70,
    crossing_threshold_log2=10,
)
FULL = 1 << LANE_BITS - 1
INPUT = Interval(-FULL, FULL - 1)


class Small(State):
    """State of all programs here."""

    a: Word = 0
    b: Word = 0
    c: Word = 0
    total: Wide = 0

    def __init__(self, k, parameters):
        super().__init__()
        self.ring = Array(16)


def wraps(m, k, lanes, out):
    """A counter that wraps round, and a ring."""
    m.a = m.a + 1
    if m.a >= 10:
        m.a = 0
    m.ring[m.a] = lanes[0]
    m.b = m.ring[3]


def low_pass(m, k, lanes, out):
    """A low pass with a gain of 16."""
    x = lanes[0]
    m.a = m.a + x - (m.a >> 4)


def modulo(m, k, lanes, out):
    """What a shift leaves."""
    x = lanes[0]
    y = lanes[1]
    both = x + y
    high = both >> 10
    m.a = both - high * 1024
    m.b = high


def magnitudes(m, k, lanes, out):
    """Two ways to lose a sign, and a root."""
    x = lanes[0]
    size = x
    if x < 0:
        size = -x
    m.a = size
    m.b = square_root(x * x)
    m.c = divide(size, m.a, 4)


def turns(m, k, lanes, out):
    """A loop that is counted."""
    n = 0
    while n < 12:
        m.ring[n] = n
        n = n + 1
    m.a = n


def accumulates(m, k, lanes, out):
    """Sums that grow."""
    m.total = m.total + lanes[0] * lanes[1]
    m.a = 3


def overflows(m, k, lanes, out):
    """A word that is too small."""
    m.a = lanes[0] * 512


def ranges_of(entry, given=None):
    """Ranges of a program, and the program."""
    program = compile_program(PARAMETERS, entry=entry, machine=Small)
    cells = {
        (cell.address if cell.kind is Word else len(program.words) + cell.address): path
        for path, cell in program.cells.items()
    }
    numbers = {path: number for number, path in cells.items()}
    known = {numbers[path]: its for path, its in (given or {}).items()}
    found = Ranges(program, [INPUT] * (2 + len(INPUTS)), known, {}, {})
    return found, {path: found.state[number] for path, number in numbers.items()}, numbers, program


@dataclass
class Case:
    """A program, and the ranges that its cells must have."""

    entry: object
    expected: dict


CASES = [
    Case(wraps, {"a": Interval(0, 9), "b": INPUT}),
    Case(modulo, {"a": Interval(0, 1023), "b": Interval(-(FULL >> 9), (FULL >> 9) - 1)}),
    Case(magnitudes, {"a": Interval(0, FULL), "b": Interval(0, FULL)}),
    Case(turns, {"a": Interval(0, 12)}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.entry.__name__)
def test_ranges_are_as_narrow_as_can_be(case):
    found, state, _, _ = ranges_of(case.entry)
    assert not found.findings
    for path, its in case.expected.items():
        assert state[path] == its, path


def test_low_pass_is_bounded_by_its_gain():
    """The sum of a cell and a part of itself is not taken for two values."""
    bound = Interval.up_to(16 * (FULL + 1))
    found, _, numbers, _ = ranges_of(low_pass, {"a": bound})
    assert found.gains[numbers["a"]] == (0, 0)
    found, _, numbers, _ = ranges_of(low_pass, {"a": Interval.up_to(15 * FULL)})
    assert found.gains[numbers["a"]].high > 0


def test_gain_of_an_accumulator():
    found, _, numbers, _ = ranges_of(accumulates, {"total": Interval.up_to(1 << 100)})
    assert found.gains[numbers["total"]] == (-FULL * (FULL - 1), FULL * FULL)


def test_finding_has_line_and_ranges():
    found, _, _, program = ranges_of(overflows)
    ((at, finding),) = found.findings.items()
    assert "test_ranges:" in program.instructions[at].line
    assert finding == ("word", INPUT.scaled(512), Interval.of(36))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.entry.__name__)
def test_runs_stay_in_the_ranges(case):
    found, _, _, program = ranges_of(case.entry)
    model = CompiledModel(program, 2, checks=found.results)
    random = np.random.default_rng(1)
    sets = np.zeros((500, 2 + len(INPUTS)), np.int64)
    sets[:, :2] = random.choice([-FULL, FULL - 1, 0, 1, -1, 12345], (500, 2))
    model.run(sets)
    assert not model.overflows, model.overflow


def test_values_out_of_a_range_are_counted():
    """With the line of the first one."""
    found, _, _, program = ranges_of(modulo)
    narrow = {at: its.scaled(0) for at, its in found.results.items()}
    model = CompiledModel(program, 2, checks=narrow)
    model.run(np.ones((1, 2 + len(INPUTS)), np.int64))
    assert model.overflows
    assert "test_ranges:" in model.overflow
