"""The pass that keeps reads away from writes: where it puts idle instructions, and that jumps follow."""

from rtl.metering.hazards import without_hazards
from rtl.metering.microcode import JUMPS, Base, Destination, Instruction, Operation

ZERO = 9


def idles(*code):
    """Positions of the idle instructions that the pass puts in, in ``code`` and its end."""
    end = Instruction(operation=Operation.END)
    return [
        position
        for position, one in enumerate(without_hazards([*code, end], ZERO))
        if (one.base, one.x, one.y, one.to) == (Base.ACCUMULATOR, ZERO, ZERO, Destination.NOWHERE)
    ]


def word(target, **fields):
    return Instruction(to=Destination.WORD, target=target, **fields)


def wide(target, **fields):
    return Instruction(to=Destination.WIDE, target=target, **fields)


def test_a_read_right_after_the_write_waits():
    assert idles(word(3), Instruction(x=3)) == [1]
    assert idles(word(3), Instruction(y=3)) == [1]
    assert idles(wide(3), Instruction(base=Base.WIDE, z=3)) == [1]
    for operation in (Operation.DIVIDE, Operation.DOT, Operation.STORE, Operation.SEND, Operation.CRC):
        assert idles(word(3), Instruction(operation=operation, x=3)) == [1], operation
    assert idles(word(3), Instruction(operation=Operation.DOT, y=3)) == [1]
    assert idles(word(3), word(4, x=3), word(5, y=4)) == [1, 3]


def test_other_neighbours_do_not_wait():
    assert idles(word(3), Instruction(), Instruction(x=3)) == []
    assert idles(word(3), Instruction(x=4, z=3)) == []
    assert idles(wide(3), Instruction(x=3, y=3, z=3)) == []
    assert idles(wide(3), Instruction(base=Base.WIDE, z=4)) == []
    for operation in (Operation.LANE, Operation.DIVIDE, Operation.STORE, Operation.SEND, Operation.CRC):
        assert idles(word(3), Instruction(operation=operation, y=3)) == [], operation
    assert idles(word(3), Instruction(operation=Operation.SEND, z=3, target=3)) == []
    assert idles(word(3), Instruction(operation=Operation.ROOT)) == []


def test_jumps_land_before_the_instruction_that_they_meant():
    code = [
        Instruction(operation=Operation.JUMP, target=4),
        word(3),
        Instruction(x=3),
        word(5),
        Instruction(y=5, z=77),
        Instruction(operation=Operation.JUMP_IF_NEGATIVE, target=1),
        Instruction(operation=Operation.JUMP_IF_NOT_NEGATIVE, target=6),
        Instruction(operation=Operation.START, target=8),
        Instruction(operation=Operation.END),
    ]
    result = without_hazards(code, ZERO)
    targets = [one.target for one in result if one.operation in JUMPS]
    assert len(result) == len(code) + 2
    # An idle instruction in front of the one that was meant is harmless.
    assert result[targets[0] + 1].z == 77
    assert result[targets[1]].target == 3
    assert result[targets[2]].operation is Operation.JUMP_IF_NOT_NEGATIVE
    assert result[targets[3]].operation is Operation.END
