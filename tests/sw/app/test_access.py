"""Registers are read, written and changed by name, in one operation each."""

import pytest

from soc.formats.registers import Field, Register
from sw.app.access import modify, read, read_fields, write, write_fields
from sw.app.ops import Read, Write

FIELDS = {"mode": Field(0, 3), "go": Field(3, 1), "gain": Field(8, 24)}
CONTROL = Register("block.control", 0x404, 1, "rw", FIELDS)
COUNT = Register("block.count", 0x408, 2, "r", {"value": Field(0, 64)})
POWER = Register("block.power", 0x410, 2, "rw", {"value": Field(0, 40, signed=True)})


def drive(coroutine, memory):
    """Run a coroutine against a dictionary of words; returns its result and the operations."""
    operations = []
    answer = None
    try:
        while True:
            operation = coroutine.send(answer)
            operations.append(operation)
            if isinstance(operation, Read):
                answer = [memory[operation.address + 4 * index] for index in range(operation.count)]
            else:
                answer = None
                for index, word in enumerate(operation.words):
                    memory[operation.address + 4 * index] = word
    except StopIteration as stop:
        return stop.value, operations


def test_read():
    assert drive(read(COUNT), {0x408: 0x9ABC_DEF0, 0x40C: 0x1234_5678}) == (
        0x1234_5678_9ABC_DEF0,
        [Read(0x408, 2)],
    )
    assert drive(read(POWER), {0x410: 0xFFFF_FFFE, 0x414: 0xFF})[0] == -2
    assert drive(read_fields(CONTROL), {0x404: 0x1234_560D})[0] == {"mode": 5, "go": 1, "gain": 0x12_3456}


def test_write():
    assert drive(write(POWER, -2), {})[1] == [Write(0x410, (0xFFFF_FFFE, 0xFFFF_FFFF))]
    assert drive(write(POWER, 1 << 63), {})[1] == [Write(0x410, (0, 0x8000_0000))]
    assert drive(write_fields(CONTROL, go=1, gain=2), {})[1] == [Write(0x404, (0x208,))]


def test_modify_keeps_the_other_fields():
    memory = {0x404: 0xABCD_EF07}
    assert drive(modify(CONTROL, mode=2, go=1), memory)[1] == [Read(0x404), Write(0x404, (0xABCD_EF0A,))]


def test_refused():
    with pytest.raises(ValueError, match=r"block.control holds 32 bits, which 4294967296 does not fit"):
        drive(write(CONTROL, 1 << 32), {})
    with pytest.raises(ValueError, match=r"block.control has no field 'stop', only mode, go, gain"):
        drive(modify(CONTROL, stop=1), {0x404: 0})
    with pytest.raises(ValueError, match=r"block.control.mode holds 3 bits, which 8 does not fit"):
        drive(write_fields(CONTROL, mode=8), {})
