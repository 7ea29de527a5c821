"""The arithmetic unit against integers and against its timing model."""

import random
from dataclasses import dataclass

import pytest

from rtl.crypto.p256.arithmetic import (
    BITS,
    MAX_REGISTERS,
    MODULI,
    READ_CYCLES,
    VARIANTS,
    WORD_BITS,
    Issue,
    Modulo,
    Modulus,
    N,
    Operation,
    P,
    Timing,
    arithmetic_unit,
    compute,
)
from sim.block import Block

WORDS = BITS // WORD_BITS
WORD = (1 << WORD_BITS) - 1
REGISTERS = 64
LIMIT = 1000
SEEDS = range(12)
STEPS = 150


@dataclass(frozen=True)
class Step:
    """An instruction, its condition, and the cycles that it is held back after the one before it."""

    operation: Operation
    modulus: Modulo
    target: int
    left: int
    right: int
    condition: int = 0
    pause: int = 0

    @property
    def names(self):
        return self.operation, self.modulus, self.target, self.left, self.right

    @property
    def payload(self):
        fields = zip(("operation", "modulus", "target", "left", "right"), self.names, strict=True)
        return Issue.const(dict(fields)).as_value().value


class Unit:
    """Drives a compiled unit, and keeps what its registers should hold."""

    def __init__(self, block, variant):
        self.block = block
        self.variant = variant
        self.registers = [0] * REGISTERS
        self.flags = None
        block.set("write__valid", 0)
        block.set("issue__valid", 0)

    def load(self, number, value):
        for word in range(WORDS):
            data = value >> word * WORD_BITS & WORD
            address = number | word << (MAX_REGISTERS - 1).bit_length()
            self.block.set("write__payload", address | data << 9)
            self.block.set("write__valid", 1)
            assert self.block.get("write__ready")
            self.block.tick()
        self.block.set("write__valid", 0)
        self.registers[number] = value

    def read(self, number):
        value = 0
        for word in range(WORDS):
            self.block.set("read_adr", number | word << (MAX_REGISTERS - 1).bit_length())
            self.block.tick(READ_CYCLES)
            value |= self.block.get("read_data") << word * WORD_BITS
        return value

    def run(self, steps):
        """Issue the steps, wait until all have ended; returns when each was taken, and when all had ended."""
        block, start, taken = self.block, self.block.cycles, []
        for step in steps:
            block.set("issue__valid", 0)
            block.tick(step.pause)
            block.set("issue__payload", step.payload)
            block.set("condition", step.condition)
            block.set("issue__valid", 1)
            block.until("issue__ready", LIMIT)
            taken.append(block.cycles - start)
            block.tick()
            self._account(step)
        block.set("issue__valid", 0)
        block.until("idle", LIMIT)
        return taken, block.cycles - start

    def _account(self, step):
        left, right = self.registers[step.left], self.registers[step.right]
        result = compute(step.operation, MODULI[step.modulus], left, right, bool(step.condition))
        self.registers[step.target] = result.value
        if step.operation != Operation.MULTIPLY:
            self.flags = result.zero | result.borrow << 1

    def expected(self, steps):
        """What the timing model says of the same."""
        timing, taken = Timing(variant=self.variant), []
        for step in steps:
            offered = timing.cycle if not taken else taken[-1] + 1
            taken.append(timing.take(*step.names, offered=offered + step.pause).taken)
        return taken, timing.idle


@pytest.fixture(scope="module", params=VARIANTS)
def unit(request):
    block = Block(arithmetic_unit(variant=request.param, registers=REGISTERS))

    def make():
        return Unit(block.fresh(), request.param)

    return make


def edges(modulus):
    m = modulus.value
    return [
        0,
        1,
        2,
        m - 1,
        m - 2,
        m // 2,
        modulus.radix,
        modulus.radix_squared,
        (1 << 96) - 1,
        1 << 255,
        WORD,
    ]


def number(rng, modulus):
    """A number in [0, m), often one near an edge."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(edges(modulus))
    if kind == 1:  # long runs of ones and zeros, for carries
        value = 0
        for _ in range(rng.randrange(1, 9)):
            value ^= (1 << rng.randrange(BITS + 1)) - 1
        return value % modulus.value
    return rng.randrange(modulus.value)


@pytest.mark.parametrize("modulo", list(Modulo))
@pytest.mark.parametrize("operation", list(Operation))
def test_operation_on_a_table(unit, operation, modulo):
    unit = unit()
    rng = random.Random(f"{operation} {modulo}")
    modulus = MODULI[modulo]
    pairs = [(left, right) for left in edges(modulus) for right in edges(modulus)]
    pairs += [(number(rng, modulus), number(rng, modulus)) for _ in range(100)]
    for index, (left, right) in enumerate(pairs):
        unit.load(3, left)
        unit.load(5, right)
        unit.run([Step(operation, modulo, 7, 3, 5, condition=index & 1)])
        assert unit.read(7) == unit.registers[7], f"{operation} modulo {modulus.name}: {left:#x}, {right:#x}"
        if operation != Operation.MULTIPLY:
            assert unit.block.get("flags") == unit.flags, f"{operation} {modulus.name}: {left:#x}, {right:#x}"


def random_steps(rng, count, registers, *, pauses):
    """Instructions on few registers of each modulus, so that they wait for each other in every way.

    The lower half of ``registers`` holds numbers below p, the upper half below n; results stay with theirs.
    """
    weights = rng.choice([(1, 1, 1, 1), (5, 1, 1, 1), (1, 4, 4, 2), (1, 0, 0, 1)])
    steps = []
    for _ in range(count):
        modulo = Modulo.N if rng.random() < 0.3 else Modulo.P
        base = registers // 2 * (modulo == Modulo.N)
        target, left, right = (base + rng.randrange(registers // 2) for _ in range(3))
        operation = rng.choices(list(Operation), weights)[0]
        pause = rng.choice((0, 0, 0, 1, 2, rng.randrange(40))) if pauses else 0
        steps.append(Step(operation, modulo, target, left, right, rng.randrange(2), pause))
    return steps


@pytest.mark.parametrize("pauses", [False, True], ids=["dense", "pauses"])
@pytest.mark.parametrize("registers", [2, 6, 24, 64])
def test_sequences_and_their_timing(unit, registers, pauses):
    unit = unit()
    for seed in SEEDS:
        rng = random.Random(f"{seed} {registers} {pauses}")
        for index in range(registers):
            modulus = P if index < registers // 2 else N
            unit.load(index, number(rng, modulus))
        steps = random_steps(rng, STEPS, registers, pauses=pauses)
        repeat = f"seed {seed}, {registers} registers, pauses {pauses}"
        assert unit.run(steps) == unit.expected(steps), repeat
        assert [unit.read(index) for index in range(registers)] == unit.registers[:registers], repeat
        if unit.flags is not None:
            assert unit.block.get("flags") == unit.flags, repeat


@pytest.mark.parametrize("seed", range(6))
def test_factors_of_any_size(unit, seed):
    """One factor may be any number; sums and differences of any numbers are as the model says."""
    unit, rng = unit(), random.Random(seed)
    for _ in range(40):
        modulo = rng.choice(list(Modulo))
        modulus = MODULI[modulo]
        large = (1 << BITS) - 1 - rng.getrandbits(rng.randrange(1, BITS + 1))
        for operation in (Operation.MULTIPLY, Operation.ADD, Operation.SUBTRACT, Operation.SELECT):
            operands = [large, number(rng, modulus)]
            rng.shuffle(operands)
            for register, value in enumerate(operands):
                unit.load(register, value)
            unit.run([Step(operation, modulo, 2, 0, 1, rng.randrange(2))])
            assert unit.read(2) == unit.registers[2], f"seed {seed}, {operation} {modulus.name} of {operands}"


def test_words_are_written_while_idle_only(unit):
    unit = unit()
    block = unit.block
    unit.load(0, P.value - 1)
    unit.load(1, 5)
    block.set("write__payload", 1 | WORD << 9)
    block.set("issue__payload", Step(Operation.MULTIPLY, Modulo.P, 1, 0, 1).payload)
    block.set("issue__valid", 1)
    block.set("write__valid", 1)
    assert block.get("idle")
    assert not block.get("write__ready")
    block.tick()
    block.set("issue__valid", 0)
    timing = Timing(variant=unit.variant)
    times = timing.take(Operation.MULTIPLY, Modulo.P, 1, 0, 1)
    assert block.until("write__ready", LIMIT) == times.ended - 1
    block.set("write__valid", 0)
    assert unit.read(1) == compute(Operation.MULTIPLY, P, P.value - 1, 5).value


def test_marks_are_kept():
    """Cycles of the operations, and of the ones that follow each other without a pause."""
    marks = {"row": ((8, 13), (21, 26), (1, 5)), "compact": ((67, 73), (135, 141), (8, 11))}
    for variant, (
        (interval, latency),
        (interval_n, latency_n),
        (addition, addition_latency),
    ) in marks.items():
        for modulo, between, until in (
            (Modulo.P, interval, latency),
            (Modulo.N, interval_n, latency_n),
        ):
            timing = Timing(variant=variant)
            times = [timing.take(Operation.MULTIPLY, modulo, target, 0, 0) for target in (1, 2)]
            assert [times[0].usable, times[1].taken] == [until, between], variant
        timing = Timing(variant=variant)
        times = [timing.take(Operation.ADD, Modulo.P, target, 0, 0) for target in (1, 2)]
        assert [times[0].usable, times[1].taken] == [addition_latency, addition], variant


def test_what_cannot_be_is_refused():
    with pytest.raises(
        ValueError, match=r"^Variant of the arithmetic unit must be one of row, compact, not 'fast'"
    ):
        arithmetic_unit(variant="fast")
    with pytest.raises(
        ValueError, match=r"^Variant of the arithmetic unit must be one of row, compact, not 'fast'"
    ):
        Timing(variant="fast")
    for variant in VARIANTS:
        for registers in (0, 65):
            with pytest.raises(
                ValueError, match=rf"^Number of registers must be from 1 to 64, not {registers}$"
            ):
                arithmetic_unit(variant=variant, registers=registers)


def test_moduli():
    assert P.sparse == ((2, 1), (5, 1), (6, -1), (7, 1))
    assert N.sparse is None
    for modulus in (P, N):
        assert modulus.value * modulus.inverse % (1 << WORD_BITS) == WORD
        assert modulus.carried << WORD_BITS == modulus.cancelling + 1
        assert modulus.radix_squared == pow(2, 2 * BITS, modulus.value)
    with pytest.raises(ValueError, match=r"^Modulus x must be odd, not 0x"):
        Modulus("x", P.value - 1)
    for value in (P.value >> 1, (1 << BITS) - (1 << 224) - 1, (1 << BITS) + 1):
        with pytest.raises(ValueError, match=rf"^Modulus x must be just below 2\^256, not {value:#x}$"):
            Modulus("x", value)
    with pytest.raises(ValueError, match=r"^The multiple of modulus x that ends in -1 is too large: 0x"):
        Modulus("x", (1 << BITS) - (1 << 100) + 1)
