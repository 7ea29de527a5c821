"""What depends on secrets, followed through every path of the microprogram: neither jumps nor times do.

Each register, area, flag and digit is marked if a key, a nonce or random words had a part in it. Jumps that
depend on marked flags must be those of which it is known why they may; registers that a secret digit names
must have been written long before, so that no instruction waits for one of them and not for another.
"""

from dataclasses import dataclass, field, replace

import pytest

from rtl.crypto.p256.arithmetic import Operation
from rtl.crypto.p256.curve import TEETH
from rtl.crypto.p256.declarations import Operate
from rtl.crypto.p256.microcode import (
    Area,
    ArithmeticWord,
    Assembler,
    Condition,
    Control,
    ControlWord,
    Other,
    Request,
    Select,
)
from rtl.crypto.p256.program import Register, program
from rtl.crypto.p256.scalar import Blind, Digit
from rtl.crypto.p256.timing import SCHEDULES

ENTRIES = 1 << TEETH - 1
TABLE = frozenset(range(Register.TABLE[0], Register.TABLE[-1] + ENTRIES))
SECRET = (Operate.GENERATE, Operate.PUBLIC, Operate.SIGN, Operate.AGREE)
PUBLISHED = (Area.X, Area.Y, Area.R, Area.S)
"""What the operations are there to tell."""

NUMBERS = (Condition.ZERO, Condition.BORROW)
LONG_AGO = 60  # clocks, of which more need not be told apart
CLOCKS, CLOCKS_OF_JUMP = 2, 3  # that an instruction takes at least, as `Model` has them

MAY = {
    "another key": "a candidate that is 0 or not below n is dropped: once in 2^32 times, and never used",
    "another nonce": "likewise; and r = 0 or s = 0, which do not happen",
    "key range": "every key of the key store but those loaded wrongly is in range",
    "check failed": "likewise",
    "infinity": "no multiple of a point by a key in range is infinity",
    "wrong": "the check of a signature: only a disturbed one is wrong",
    "right": "likewise: X = r·Z, and not (r + n)·Z, for all but one in 2^128",
}


@dataclass(frozen=True)
class State:
    """What is marked before an instruction; ``age`` is the least clocks since a table's entry was written."""

    registers: frozenset = frozenset()
    areas: frozenset = frozenset()
    flags: bool = False
    digit: bool = False
    by_digit: bool = False  # the index is the digit's, not a counter's
    age: int = LONG_AGO

    def join(self, other):
        """What holds if either may be."""
        return State(
            self.registers | other.registers,
            self.areas | other.areas,
            self.flags or other.flags,
            self.digit or other.digit,
            self.by_digit or other.by_digit,
            min(self.age, other.age),
        )


def _marked(items, names, mark):
    return items | set(names) if mark else items - set(names)


def _after_arithmetic(state, fields):
    def named(name):
        first, indexed = fields[name], fields[f"{name}_indexed"]
        return range(first, first + ENTRIES) if indexed else (first,)

    by_digit = fields["left_indexed"] or fields["right_indexed"]
    mark = bool(state.registers & {*named("left"), *named("right")}) or (
        by_digit and state.by_digit and state.digit
    )
    if fields["operation"] == Operation.SELECT:
        mark |= state.flags if fields["select"] == Select.ZERO else state.digit
    targets = named("target")
    whole = not fields["target_indexed"]
    registers = _marked(state.registers, targets, mark) if whole or mark else state.registers
    flags = state.flags if fields["operation"] == Operation.MULTIPLY else mark
    return replace(
        state,
        registers=registers,
        flags=flags,
        age=0 if TABLE & set(targets) else min(state.age + CLOCKS, LONG_AGO),
    )


def _after_request(state, fields):
    state = replace(state, age=min(state.age + CLOCKS, LONG_AGO))
    area, register, registers, areas = fields["area"], fields["register"], state.registers, state.areas
    match fields["request"]:
        case Request.PUT:
            registers = _marked(registers, [register], area in areas)
        case Request.FETCH:
            areas = _marked(areas, [area], register in registers and area not in PUBLISHED)
        case Request.CONSTANT:
            registers = _marked(registers, [register], False)
        case Request.POINT:
            registers = _marked(registers, [register, register + 1], state.digit)
        case Request.WIPE:
            registers = frozenset()
        case Request.FILL:
            areas = _marked(
                areas,
                [each for each in Area if each.value in range(area.value, area.value + register)],
                False,
            )
        case Request.KEY | Request.RANDOM | Request.HMAC_SEED | Request.HMAC_VALUE | Request.HMAC_AGAIN:
            areas = _marked(areas, [area], True)
        case Request.TEMPLATE:
            areas = _marked(areas, [area], False)
        case Request.BLIND:
            blind = Blind(fields["argument"])
            scalar = Area.PUBLIC_SCALAR if blind == Blind.PUBLIC_POINT else Area.SCALAR
            areas = _marked(areas, [scalar], blind == Blind.SECRET or area in areas)
        case Request.DIGIT:
            point = fields["argument"] == Digit.POINT.value
            scalar = Area.PUBLIC_SCALAR if point else Area.SCALAR
            return replace(state, digit=scalar in areas, by_digit=True)
        case Request.RESULT | Request.HMAC_KEY | Request.HASH_WIPE:
            pass
        case other:
            raise AssertionError(f"What {other} does is not known here")
    return replace(state, registers=registers, areas=areas)


@dataclass
class Walk:
    """Follows an operation through all of its paths, until nothing new is marked anywhere."""

    lines: list
    before: dict = field(default_factory=dict)

    def run(self, operation):
        """Everything that holds before each pair of instruction and open calls."""
        waiting = [((operation.value, ()), State())]
        while waiting:
            place, state = waiting.pop()
            known = self.before.get(place)
            joined = state if known is None else known.join(state)
            if joined != known:
                self.before[place] = joined
                waiting += self._after(place, joined)
        return self.before

    def _after(self, place, state):
        (address, stack), (shape, fields) = place, self.lines[place[0]]
        if shape is ArithmeticWord:
            return [((address + 1, stack), _after_arithmetic(state, fields))]
        if shape is not ControlWord:
            return [((address + 1, stack), _after_request(state, fields))]
        control, target = fields["control"], fields["value"]
        on = replace(state, age=min(state.age + CLOCKS, LONG_AGO))
        away = replace(state, age=min(state.age + CLOCKS_OF_JUMP, LONG_AGO))
        next_one = ((address + 1, stack), on)
        match control:
            case Control.JUMP:
                jump = ((target, stack), away)
                return [jump] if fields["condition"] == Condition.ALWAYS else [jump, next_one]
            case Control.CALL:
                return [((target, (*stack, address + 1)), away)]
            case Control.RETURN:
                return [((stack[-1], stack[:-1]), away)]
            case Control.INDEX:
                return [((address + 1, stack), replace(on, by_digit=False))]
            case Control.OTHER if fields["condition"].value == Other.END.value:
                return []
        return [next_one]


@pytest.fixture(scope="module")
def assembled(variant):
    return program(variant=variant)


@pytest.fixture(scope="module")
def walked(assembled):
    """For each operation, its walk."""
    return {operation: Walk(assembled.lines()).run(operation) for operation in Operate}


def _secret_jumps(assembled, before):
    """Names of the places that jumps by marked flags lead to."""
    lines, names = assembled.lines(), {address: name for name, address in assembled.labels.items()}
    found = set()
    for (address, _), state in before.items():
        shape, fields = lines[address]
        if shape is ControlWord and fields["control"] == Control.JUMP:
            if fields["condition"] in NUMBERS and state.flags:
                found.add(names[fields["value"]])
    return found


EXPECTED = {
    Operate.GENERATE: {"another key", "infinity"},
    Operate.PUBLIC: {"key range", "infinity"},
    Operate.SIGN: {"key range", "another nonce", "infinity", "check failed", "wrong", "right"},
    Operate.AGREE: {"key range", "infinity"},
}


@pytest.mark.parametrize("operation", Operate)
def test_jumps_by_secrets_are_those_that_may_be(assembled, walked, operation):
    found = _secret_jumps(assembled, walked[operation])
    assert found == EXPECTED.get(operation, set())
    assert found <= set(MAY)


@pytest.mark.parametrize("operation", SECRET)
def test_secrets_are_seen(assembled, walked, operation):
    """The marks get to where keys are used; without them nothing would be shown."""
    lines = assembled.lines()
    digits = [
        state.digit
        for (address, _), state in walked[operation].items()
        if lines[address][1].get("request") == Request.POINT or lines[address][1].get("left_indexed")
    ]
    assert any(digits)


@pytest.mark.parametrize("operation", Operate)
def test_no_instruction_waits_for_a_register_that_a_digit_names(assembled, walked, variant, operation):
    """When a table is read at a digit, all of its entries have been written; none is written at a digit."""
    schedule = SCHEDULES[variant]
    written = schedule.addition + schedule.writes
    for (address, _), state in walked[operation].items():
        shape, fields = assembled.lines()[address]
        if shape is ArithmeticWord and state.by_digit:
            assert not fields["target_indexed"], f"instruction {address}"
            if fields["left_indexed"] or fields["right_indexed"]:
                assert state.age > written, f"instruction {address}, {state.age} clocks after a write"


def test_entries_are_sums(assembled):
    """The age above is counted for these: what is written into a table is no product, which takes longer."""
    for address, (shape, fields) in enumerate(assembled.lines()):
        if shape is ArithmeticWord and fields["target_indexed"]:
            assert fields["operation"] == Operation.ADD, f"instruction {address}"


@pytest.mark.parametrize("request_name", ["PUT", "POINT", "DIGIT"])
def test_a_leak_would_be_found(request_name):
    """A jump by what a request brings from a secret is seen."""
    asm = Assembler(variant="row")
    asm.request(Request.KEY, Area.KEY)
    asm.request(Request.BLIND, Area.KEY, argument=Blind.SECRET.value)
    if request_name == "PUT":
        asm.request(Request.PUT, Area.KEY, 5)
        asm.add(1, 5, 6)
    else:
        asm.request(Request.DIGIT, argument=Digit.COMB.value)
        if request_name == "POINT":
            asm.request(Request.POINT, register=5)
            asm.add(1, 7, 6)
            asm.add(1, 6, 6)
        else:
            asm.select(1, 2, 3, Select.SIGN)
    asm.jump("leak", Condition.ZERO)
    asm.label("leak")
    asm.other(Other.END)
    assert _secret_jumps(asm, Walk(asm.lines()).run(Operate.GENERATE)) == {"leak"}
