"""Formulas come out of the scheduler as they went in, whatever the order and the registers."""

import random

import pytest

from rtl.crypto.p256 import formulas
from rtl.crypto.p256.arithmetic import Modulo, Operation, Timing
from rtl.crypto.p256.curve import P256
from rtl.crypto.p256.schedule import Value, schedule

B, LEFT, RIGHT, FREE = 0, (1, 2, 3), (4, 5, 6), tuple(range(7, 15))
_KEEPS = {"add": RIGHT}
FORMULAS = {
    "add": lambda left, right, b: formulas.add(left, right, b),
    "add_affine": lambda left, right, b: formulas.add_affine(left, right[:2], b),
    "double": lambda left, right, b: formulas.double(left, b),
    "double_to_jacobian": lambda left, right, b: formulas.double_to_jacobian(left),
    "double_jacobian": lambda left, right, b: formulas.double_jacobian(left),
    "from_jacobian": lambda left, right, b: formulas.from_jacobian(left),
}


def _values(registers):
    return tuple(Value(register=register) for register in registers)


class _Number(int):
    def __add__(self, other):
        return _Number((int(self) + int(other)) % P256.p)

    def __sub__(self, other):
        return _Number((int(self) - int(other)) % P256.p)

    def __mul__(self, other):
        return _Number(int(self) * int(other) % P256.p)


def _run(steps, registers):
    for step in steps:
        left, right = registers[step.left], registers[step.right]
        registers[step.target] = {
            Operation.ADD: left + right,
            Operation.SUBTRACT: left - right,
            Operation.MULTIPLY: left * right,
        }[step.operation] % P256.p


@pytest.mark.parametrize("name", FORMULAS)
def test_steps_compute_the_formula(name, variant):
    formula, rng = FORMULAS[name], random.Random(name)
    keeps = _KEEPS.get(name, ())
    free = FREE if keeps else (*RIGHT, *FREE)
    results = formula(_values(LEFT), _values(RIGHT), Value(register=B))
    steps = schedule(dict(zip(LEFT, results, strict=True)), temporaries=free, variant=variant)
    registers = [rng.randrange(P256.p) for _ in range(16)]
    before = list(registers)
    left, right = ([_Number(registers[each]) for each in point] for point in (LEFT, RIGHT))
    expected = formula(left, right, _Number(registers[B]))
    _run(steps, registers)
    assert tuple(registers[each] for each in LEFT) == expected
    for register in (B, *keeps, 15):
        assert registers[register] == before[register], f"register {register} was to be kept"


def test_too_few_registers_are_refused():
    results = formulas.add(_values(LEFT), _values(RIGHT), Value(register=B))
    with pytest.raises(ValueError, match="needs more than the 2 temporary registers"):
        schedule(dict(zip(LEFT, results, strict=True)), temporaries=FREE[:2], variant="row")


@pytest.mark.parametrize(("name", "spare"), [("add", 20), ("add_affine", 14), ("double", 14)])
def test_multiplications_hide_the_additions(name, spare):
    """A block takes little longer than its multiplications alone."""
    results = FORMULAS[name](_values(LEFT), _values(RIGHT), Value(register=B))
    free = FREE if name in _KEEPS else (*RIGHT, *FREE)
    steps = schedule(dict(zip(LEFT, results, strict=True)), temporaries=free, variant="row")
    timing, now = Timing(variant="row"), 0
    for step in steps:
        taken = timing.take(step.operation, Modulo.P, step.target, step.left, step.right, offered=now).taken
        now = taken + 2
    products = sum(step.operation == Operation.MULTIPLY for step in steps)
    assert timing.idle <= products * timing.schedule.interval[Modulo.P] + spare
