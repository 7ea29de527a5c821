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
