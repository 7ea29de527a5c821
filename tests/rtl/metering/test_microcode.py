"""A compiled program as the engine holds it: its ROM, its layout, its identification."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest

from rtl.metering.compiler import compile_program
from rtl.metering.microcode import JUMPS, Base, Destination, Instruction, Operation
from soc.config import PRESETS, preset

NAMES = sorted(PRESETS)


@cache
def compiled(name):
    return compile_program(preset(name).metering)


@pytest.mark.parametrize("name", NAMES)
def test_rom_words_give_the_instructions_back(name):
    program = compiled(name)
    layout = program.layout
    assert len(program.rom) == len(program.instructions)
    for word, instruction in list(zip(program.rom, program.instructions, strict=True))[::7]:
        constant = layout.from_bits(word)
        for field in layout.members:
            expected = getattr(instruction, field)
            if field in ("shift", "length"):
                expected = getattr(program, f"{field}s").index(expected)
            assert constant[field] == expected, f"{name}, {instruction.line}: {field}"


@pytest.mark.parametrize("name", NAMES)
def test_initial_contents_fit_their_memories(name):
    program = compiled(name)
    assert all(-(1 << 35) <= word < 1 << 35 for word in program.words)
    assert all(-(1 << 107) <= wide < 1 << 107 for wide in program.wides)
    limit = 1 << program.table_width - 1
    assert all(-limit <= entry < limit for entry in program.table)
    assert program.table_width <= 36


@pytest.mark.parametrize("name", NAMES)
def test_instructions_stay_within_the_memories(name):
    program = compiled(name)
    memories = {Destination.WORD: len(program.words), Destination.WIDE: len(program.wides)}
    for instruction in program.instructions:
        where = f"{name}, {instruction.line}"
        if instruction.operation in JUMPS:
            assert instruction.target < len(program.instructions), where
        if instruction.to is not Destination.NOWHERE:
            assert instruction.target < memories[instruction.to], where
        if instruction.base is Base.WIDE:
            assert instruction.z < len(program.wides), where
        if instruction.operation in (Operation.DOT, Operation.STORE):
            assert instruction.target % instruction.length == 0, where
            assert instruction.target + instruction.length <= program.array_words, where


@pytest.mark.parametrize("name", NAMES)
def test_dot_products_stay_within_the_table(name):
    program = compiled(name)
    for shape in program.shapes:
        assert shape.table + max(shape.wraps, shape.count) <= len(program.table)
        assert shape.start < max(shape.wraps, 1)
        if shape.wraps:
            assert shape.table % shape.wraps == 0


def test_identification_tells_programs_apart():
    program = compiled("single")
    assert len(program.identification) == 32
    first = program.instructions[0]
    others = [
        replace(program, words=(*program.words[:-1], program.words[-1] + 1)),
        replace(program, wides=(*program.wides, 0)),
        replace(program, array_words=2 * program.array_words),
        replace(program, table=(*program.table[:-1], program.table[-1] + 1)),
        replace(program, shapes=program.shapes[:-1]),
        replace(program, inputs=program.inputs[:-1]),
        replace(program, instructions=(Instruction(x=first.x + 1), *program.instructions[1:])),
        compile_program(preset("single").with_changes(nominal_hz=60).metering),
        compiled("polyphase"),
    ]
    assert len({program.identification, *(other.identification for other in others)}) == 1 + len(others)


def test_identification_is_the_same_in_every_process():
    command = (
        "from rtl.metering.compiler import compile_program; from soc.config import preset;"
        "print(compile_program(preset('single').metering).identification.hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", command],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {compile_program(preset("single").metering).identification.hex()}
