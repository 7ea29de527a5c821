"""What holds for the microprogram as a whole, seen from all of its paths."""

import pytest

from rtl.crypto.p256.declarations import Operate, Status
from rtl.crypto.p256.microcode import (
    ADDRESS_BITS,
    Area,
    Condition,
    Control,
    ControlWord,
    Other,
    Request,
)
from rtl.crypto.p256.program import program
from rtl.crypto.p256.sequencer import DEPTH


@pytest.fixture(scope="module")
def assembled(variant):
    return program(variant=variant)


@pytest.fixture(scope="module")
def lines(assembled):
    return assembled.lines()


def _after(lines, address, stack):
    """Where the program may go on after an instruction, with the calls that are open then."""
    shape, fields = lines[address]
    if shape is not ControlWord:
        return [(address + 1, stack)]
    control, value = fields["control"], fields["value"]
    if control == Control.JUMP:
        ways = [(value, stack)]
        return ways if fields["condition"] == Condition.ALWAYS else [*ways, (address + 1, stack)]
    if control == Control.CALL:
        return [(value, (*stack, address + 1))]
    if control == Control.RETURN:
        return [(stack[-1], stack[:-1])]
    if control == Control.OTHER and fields["condition"].value == Other.END.value:
        return []
    return [(address + 1, stack)]


@pytest.fixture(scope="module")
def reached(lines):
    """Every pair of address and open calls that any operation comes to."""
    seen, waiting = set(), [(operation.value, ()) for operation in Operate]
    while waiting:
        state = waiting.pop()
        if state not in seen:
            seen.add(state)
            waiting += _after(lines, *state)
    return seen


def test_it_fits(lines):
    assert len(lines) <= 1 << ADDRESS_BITS


def test_every_instruction_is_reached(lines, reached):
    addresses = {address for address, _ in reached}
    assert addresses == set(range(len(lines)))


def test_calls_are_no_deeper_than_the_stack(reached):
    assert max(len(stack) for _, stack in reached) <= DEPTH


def test_every_operation_ends_by_forgetting(assembled, lines):
    """There is one end; what leads to it clears the store, the hash unit and the registers."""
    ends = [
        address
        for address, (shape, fields) in enumerate(lines)
        if shape is ControlWord
        and fields["control"] == Control.OTHER
        and fields["condition"].value == Other.END.value
    ]
    start = assembled.labels["end"]
    assert ends == [len(lines) - 1]
    assert ends[0] == start + 3
    requests = [fields["request"] for _, fields in lines[start : start + 3]]
    assert requests == [Request.FILL, Request.HASH_WIPE, Request.WIPE]
    first = lines[start][1]
    assert (first["area"], first["register"], first["argument"]) == (Area.VALUE, 8, 0)
    into = {
        fields["value"]
        for shape, fields in lines
        if shape is ControlWord and fields["control"] in (Control.JUMP, Control.CALL)
    }
    assert not into & {start + 1, start + 2, start + 3}


def test_every_status_can_be_had(lines):
    given = {
        Status(fields["value"])
        for shape, fields in lines
        if shape is ControlWord
        and fields["control"] == Control.OTHER
        and fields["condition"].value == Other.STATUS.value
    }
    assert given == set(Status) - {Status.WIPED}, "The sequencer itself gives that one"


_PUBLIC_TARGETS = {
    "infinity": "of a product of a key and a point: does not happen",
    "another nonce": "r = 0 or s = 0 do not happen; a candidate out of range is not used",
    "another key": "a candidate out of range is not used",
    "key range": "no key of the key store",
    "check failed": "no key of the key store",
    "r range": "public",
    "r zero": "public",
    "s range": "public",
    "s zero": "public",
    "point range": "public",
    "not infinity": "public",
    "off curve": "public",
    "right": "public",
    "wrong": "public",
}


def test_jumps_by_flags_tell_nothing_secret(assembled, lines):
    """Each jump that depends on numbers leads to a place of which it is known why it may."""
    names = {address: name for name, address in assembled.labels.items()}
    targets = {
        names[fields["value"]]
        for shape, fields in lines
        if shape is ControlWord
        and fields["control"] == Control.JUMP
        and fields["condition"] in (Condition.ZERO, Condition.BORROW)
    }
    assert targets == set(_PUBLIC_TARGETS)


def test_another_variant_is_refused():
    with pytest.raises(ValueError, match="must be one of row, compact"):
        program(variant="quick")
