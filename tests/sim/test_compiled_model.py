"""The compiled model does what each instruction says, on random programs, and counts what goes wrong."""

# mypy: disable-error-code="arg-type,assignment,attr-defined,misc"

import random

import numpy as np
import pytest

from rtl.metering.arithmetic import crc32, divide, square_root
from rtl.metering.compiler import compile_program
from rtl.metering.expressions import Cell
from rtl.metering.microcode import Base, Destination, Instruction, Operation, Port, Program, Shape, Term
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import INPUTS as METER_INPUTS
from rtl.metering.parameters import LANE_BITS, WIDE_BITS, WORD_BITS
from rtl.metering.state import Wide, Word
from sim.compiled_model import CompiledModel, values
from soc.config import preset

LANES, INPUTS = 3, ("time", "flags")
WORDS, WIDES, ARRAY_WORDS = 24, 5, 64
FIRST_VARIABLE = 12
TABLE = tuple(random.Random(0).randrange(-(1 << 27), 1 << 27) for _ in range(90))
SHAPES = (Shape(table=3, count=7), Shape(table=20, count=40, start=5, wraps=64))
RESULTS = (
    *[Operation.COMPUTE] * 12,
    *(Operation.LANE, Operation.DIVIDE, Operation.ROOT, Operation.DOT, Operation.CRC),
)
EFFECTS = (
    *(Operation.STORE, Operation.SEND, Operation.JUMP),
    *(Operation.JUMP_IF_NEGATIVE, Operation.JUMP_IF_NOT_NEGATIVE),
)


def signed(value, bits):
    half = 1 << bits - 1
    return (value + half) % (2 * half) - half


class Reference:
    """Reads a program instruction by instruction, as the docstring of `Operation` says."""

    def __init__(self, program):
        self.program = program
        self.words, self.wides = list(program.words), list(program.wides)
        self.arrays = [0] * program.array_words
        self.sent, self.sets, self.overflows = [], 0, 0
        self.background = []

    def fit(self, value, bits):
        kept = signed(value, bits)
        self.overflows += kept != value
        return kept

    def run(self, sets):
        for inputs in sets.tolist():
            entry = self.context(0, inputs)
            if entry is not None:
                self.context(entry, inputs)
            self.sets += 1

    def context(self, at, inputs):
        accumulator, entry = 0, None
        while (i := self.program.instructions[at]).operation is not Operation.END:
            x, at = self.words[i.x], at + 1
            negative = accumulator < 0
            if i.operation is Operation.START:
                entry = i.target
            elif i.operation is Operation.STORE:
                self.arrays[i.target + x % i.length] = self.fit(accumulator, WORD_BITS)
            elif i.operation is Operation.SEND:
                self.sent.append((self.sets, i.z, i.target + x, accumulator))
            elif i.operation is Operation.JUMP:
                at = i.target
            elif i.operation is Operation.JUMP_IF_NEGATIVE:
                at = i.target if negative else at
            elif i.operation is Operation.JUMP_IF_NOT_NEGATIVE:
                at = at if negative else i.target
            else:
                accumulator = self.result(i, accumulator, x, inputs)
                if i.to is Destination.WORD:
                    self.words[i.target] = self.fit(accumulator, WORD_BITS)
                elif i.to is Destination.WIDE:
                    self.wides[i.target] = accumulator
        return entry

    def result(self, i, accumulator, x, inputs):
        if i.operation is Operation.LANE:
            return inputs[i.y]
        if i.operation is Operation.DIVIDE:
            return self.fit(divide(accumulator, x, i.y), WIDE_BITS)
        if i.operation is Operation.ROOT:
            return square_root(accumulator)
        if i.operation is Operation.CRC:
            return crc32(accumulator & 0xFFFFFFFF, x)
        y = self.words[i.y]
        if i.operation is Operation.DOT:
            return self.dot(i, SHAPES[i.z], x, y)
        base = {Base.ZERO: 0, Base.ACCUMULATOR: accumulator, Base.WIDE: self.wides[i.z % WIDES]}[i.base]
        term = accumulator if i.term is Term.ACCUMULATOR else x * y
        return self.fit(base - term if i.negate else base + term, WIDE_BITS) >> i.shift

    def dot(self, i, shape, x, y):
        table = self.program.table[shape.table :]
        entries = range(y, y + shape.count)
        if shape.wraps:
            entries = [(shape.start + step * y) % shape.wraps for step in range(shape.count)]
        ring = self.arrays[i.target : i.target + i.length]
        return sum(ring[(x + step) % i.length] * table[entry] for step, entry in enumerate(entries))


def random_instruction(pick, at, end, variables, wide):
    """An instruction of a context that ends at ``end``, writes ``variables`` and wide cell ``wide``."""
    operation = pick.choice(RESULTS if pick.random() < 0.8 else EFFECTS)
    i = Instruction(operation, x=pick.randrange(WORDS), y=pick.randrange(WORDS), line=f"line {at}")
    if operation in RESULTS:
        i.to = pick.choice([Destination.NOWHERE, Destination.WORD, Destination.WORD, Destination.WIDE])
        i.target = wide if i.to is Destination.WIDE else pick.choice(variables)
    if operation is Operation.COMPUTE:
        i.base, i.term = pick.choice([*Base]), pick.choice([*Term])
        i.negate, i.shift = pick.random() < 0.5, pick.choice([0, 0, 1, 34, 35, 63, 64, 70, 107])
        i.z = pick.choice([0, wide])
    elif operation is Operation.LANE:
        i.y = pick.randrange(LANES + len(INPUTS))
    elif operation is Operation.DIVIDE:
        i.x, i.y = pick.randrange(2, FIRST_VARIABLE), pick.choice([0, 1, 24, 27, 28, 60, 107])
    elif operation is Operation.DOT:
        i.to, i.z, i.length, i.target = Destination.NOWHERE, pick.randrange(2), 16, 16 * pick.randrange(4)
        i.y = i.y if i.z else pick.randrange(2, 8)
    elif operation is Operation.STORE:
        i.length, i.target = pick.choice([(16, 16), (64, 0), (1, 5)])
    elif operation is Operation.SEND:
        i.z, i.x, i.target = pick.choice([*Port]).value, pick.randrange(2, 8), pick.randrange(100)
    elif operation not in RESULTS:
        i.target = pick.randrange(at + 1, end + 1)
    return i


def random_program(seed, length):
    """Both contexts jump forward only; constants are 0, 1, small and large numbers that are not negative."""
    pick = random.Random(seed)
    limit = 1 << WORD_BITS - 1
    small, large = [pick.randrange(50) for _ in range(6)], [pick.randrange(limit) for _ in range(3)]
    words = [0, 1, *small, *large, limit - 1, *(pick.randrange(-limit, limit) for _ in range(12))]
    wides = [pick.randrange(-(1 << bits), 1 << bits) for bits in (107, 100, 80, 60, 20)]
    middle = (FIRST_VARIABLE + WORDS) // 2
    start = Instruction(Operation.START, target=length + 2)
    foreground = [
        random_instruction(pick, at, length + 1, range(FIRST_VARIABLE, middle), 1) for at in range(length)
    ]
    background = [
        random_instruction(pick, at, 2 * length + 2, range(middle, WORDS), 2)
        for at in range(length + 2, 2 * length + 2)
    ]
    end = Instruction(Operation.END)
    code = [start, *foreground, end, *background, end]
    for i in foreground:
        if i.operation in (Operation.JUMP, Operation.JUMP_IF_NEGATIVE, Operation.JUMP_IF_NOT_NEGATIVE):
            i.target = min(i.target + 1, length + 1)
    cells = {f"word {at}": Cell(Word, at) for at in range(FIRST_VARIABLE, WORDS)}
    cells |= {f"wide {at}": Cell(Wide, at) for at in range(WIDES)}
    return Program(tuple(code), tuple(words), tuple(wides), ARRAY_WORDS, TABLE, SHAPES, INPUTS, cells)


def random_sets(seed, count):
    lanes = np.random.default_rng(seed).integers(-(1 << 27), 1 << 27, (count, LANES))
    inputs = np.random.default_rng(seed + 1).integers(-(1 << 35), 1 << 35, (count, len(INPUTS)))
    return np.hstack([lanes, inputs])


def sent(records):
    columns = (records[name].tolist() for name in ("set", "port", "address"))
    return list(zip(*columns, values(records), strict=True))


@pytest.mark.parametrize("most", [0, 10**9])
@pytest.mark.parametrize("seed", range(3))
def test_random_programs(seed, most):
    program = random_program(seed, 150)
    reference, model = Reference(program), CompiledModel(program, LANES, most=most, seed=seed)
    for part in range(4):
        sets = random_sets(10 * seed + part, 50)
        reference.sent.clear()
        reference.run(sets)
        assert sent(model.run(sets)) == reference.sent, (seed, part)
        for number in range(FIRST_VARIABLE, WORDS):
            assert model.get(f"word {number}") == reference.words[number], (seed, part, number)
        for number in range(WIDES):
            assert model.get(f"wide {number}") == reference.wides[number], (seed, part, number)
        assert model.overflows == reference.overflows
    assert model.sets == reference.sets


ONE, FIVE, COUNT, LEFT, ZERO = range(5)
CELLS = {"count": Cell(Word, COUNT), "left": Cell(Word, LEFT), "sum": Cell(Wide, 0)}


def made(*code):
    """A program of hand-written instructions, without lanes."""
    return Program(tuple(code), (1, 5, 0, -1, 0), (0,), 1, (), (), (), CELLS)


def plus(cell, more, negate=False):
    """Two instructions: a word plus a word."""
    add = Instruction(base=Base.ACCUMULATOR, x=more, y=ONE, negate=negate, to=Destination.WORD, target=cell)
    return Instruction(x=cell, y=ONE), add


COUNTING = made(
    *plus(COUNT, ONE),
    Instruction(base=Base.ACCUMULATOR, negate=True, x=ONE, y=FIVE),
    Instruction(Operation.JUMP_IF_NEGATIVE, target=6),
    Instruction(Operation.START, target=7),
    Instruction(x=COUNT, y=ZERO, to=Destination.WORD, target=COUNT),
    Instruction(Operation.END),
    *plus(LEFT, FIVE),
    Instruction(Operation.SEND, z=Port.POINT.value, x=LEFT),
    *plus(LEFT, ONE, negate=True),
    Instruction(Operation.JUMP_IF_NOT_NEGATIVE, target=9),
    Instruction(Operation.END),
)
"""Every fifth sample set it starts the background, which sends the numbers from 4 down to 0."""


def nothing(sets):
    return np.zeros((sets, 0), "i8")


@pytest.mark.parametrize("lag", [0, 1, 4])
def test_the_background_runs_so_many_sets_after_its_start(lag):
    model = CompiledModel(COUNTING, 0, lag=lag)
    records = model.run(nothing(19))
    assert records["set"].tolist() == [start + lag for start in (4, 9, 14) for _ in range(5)]
    assert records["address"].tolist() == [4, 3, 2, 1, 0] * 3
    assert set(records["port"].tolist()) == {Port.POINT.value}
    assert (model.foreground, model.background, model.overruns) == (7, 2 + 5 * 4 + 1, 0)


@pytest.mark.parametrize("seed", range(4))
def test_the_background_is_interrupted(seed):
    model = CompiledModel(COUNTING, 0, most=20, seed=seed)
    records = model.run(nothing(20))
    assert records["address"].tolist()[:15] == [4, 3, 2, 1, 0] * 3
    assert len(set(records["set"].tolist())) > 3
    assert model.overruns == 0


def test_a_start_before_the_background_is_done_counts():
    model = CompiledModel(COUNTING, 0, most=1)
    model.run(nothing(20))
    assert model.overruns == 3
    assert model.get("count") == 0


def test_models_do_not_share_state():
    first, second = CompiledModel(COUNTING, 0), CompiledModel(COUNTING, 0)
    first.run(nothing(3))
    third = first.fresh()
    assert [(each.sets, each.get("count")) for each in (first, second, third)] == [(3, 3), (0, 0), (0, 0)]


@pytest.mark.parametrize(("path", "bits"), [("count", WORD_BITS), ("sum", WIDE_BITS)])
def test_cells_are_read_and_written(path, bits):
    model = CompiledModel(COUNTING, 0)
    limit = 1 << bits - 1
    for value in (0, 1, -1, limit - 1, -limit, limit // 3, -limit // 3):
        model.set(path, value)
        assert model.get(path) == value
    with pytest.raises(ValueError, match=f"{path} is a word|{path} is a wide"):
        model.set(path, limit)


def test_the_first_value_that_does_not_fit_is_named():
    model = CompiledModel(
        made(
            Instruction(x=COUNT, y=ONE, to=Destination.WORD, target=LEFT, line="fits"),
            Instruction(x=COUNT, y=COUNT, to=Destination.WORD, target=LEFT, line="square"),
            Instruction(base=Base.WIDE, term=Term.ACCUMULATOR, to=Destination.WIDE, line="sum"),
            Instruction(x=ZERO, y=ZERO, to=Destination.WORD, target=LEFT),
            Instruction(Operation.END),
        ),
        0,
    )
    model.run(nothing(2))
    assert (model.overflows, model.overflow) == (0, "")
    model.set("sum", (1 << WIDE_BITS - 1) - 1)
    model.set("count", 1 << 20)
    model.run(nothing(1))
    assert (model.overflows, model.overflow) == (2, "square")
    assert model.get("sum") == -(1 << WIDE_BITS - 1) + (1 << 40) - 1


def test_sample_sets_that_do_not_fit_are_refused():
    model = CompiledModel(random_program(0, 20), LANES)
    with pytest.raises(ValueError, match=r"Sample sets must have the shape \(any, 5\), not \(1, 4\)"):
        model.run(np.zeros((1, 4), "i8"))
    with pytest.raises(ValueError, match="An input from 0 to 134217728 does not fit in 28 bits"):
        model.run(np.full((1, 5), [0, 0, 1 << LANE_BITS - 1, 0, 0]))
    with pytest.raises(ValueError, match=f"An input from -{1 << 36} to 0 does not fit in 36 bits"):
        model.run(np.full((1, 5), [0, 0, 0, -(1 << 36), 0]))


def test_instructions_that_cannot_be_run_are_refused():
    end = Instruction(Operation.END)
    with pytest.raises(ValueError, match="there reads input 3; a sample set has 3"):
        CompiledModel(made(Instruction(Operation.LANE, y=3, line="there"), end), 3)
    start = Instruction(Operation.START, target=2, line="there")
    with pytest.raises(ValueError, match="there: the background cannot start itself"):
        CompiledModel(made(start, end, start, end), 0)


def test_a_program_that_does_not_end_is_stopped():
    loop = Instruction(Operation.JUMP, target=1, line="loop")
    model = CompiledModel(made(Instruction(x=ONE, y=ONE), Instruction(), loop), 0)
    with pytest.raises(RuntimeError, match="The program does not end: it loops at loop"):
        model.run(nothing(1))


def mains(made_for, seed, count):
    """Input words of a mains with harmonics, DC, noise and frequency at random; inputs at random."""
    pick = np.random.default_rng(seed)
    angle = 2 * np.pi * pick.uniform(47, 53) * np.arange(count) / float(made_for.sample_rate_hz)
    lanes = []
    for lane in range(made_for.lanes):
        phase = angle - 2 * np.pi * (lane % made_for.phases) / 3 + pick.uniform(0.2, 1)
        signal = sum(pick.uniform(0, 0.1) / order * np.sin(order * phase) for order in range(2, 9))
        signal += pick.uniform(0.1, 0.6) * np.sin(phase) + pick.uniform(-0.01, 0.01)
        lanes.append(signal + pick.normal(0, 1e-5, count))
    words = np.round(np.array(lanes).T * (1 << made_for.word_bits - 1)).astype("i8")
    return words, pick.integers(0, 2, (count, len(METER_INPUTS)))


@pytest.mark.parametrize(("lag", "most"), [(0, 0), (7, 0), (0, 2000)])
@pytest.mark.parametrize("name", ["single", "polyphase"])
def test_the_meter_is_exact_to_the_bit(name, lag, most):
    made_for = preset(name).metering
    program = compile_program(made_for)
    compiled = CompiledModel(program, made_for.lanes, lag=lag, most=most)
    words, inputs = mains(made_for, len(name) + lag + most, 1200)
    records = compiled.run(np.hstack([words << made_for.alignment, inputs]))
    expected = MeteringModel(made_for, lag).sent(words, inputs)
    ours = [(port, address, value) for _, port, address, value in sent(records)]
    theirs = [(port.value, address, value) for port, address, value in expected]
    for port in Port:
        assert [each for each in ours if each[0] == port.value] == [
            each for each in theirs if each[0] == port.value
        ], (name, lag, most, port)
    assert (compiled.overflows, compiled.overruns) == (0, 0), compiled.overflow
    assert len(ours) > 1000
