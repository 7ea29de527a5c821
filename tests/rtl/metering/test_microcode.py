"""A compiled program as the engine holds it: its ROM, its layout, its identification."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from rtl.metering.compiler import compile_program
from rtl.metering.microcode import Instruction
from soc.config import PRESETS, preset

NAMES = sorted(PRESETS)


@pytest.mark.parametrize("name", NAMES)
def test_rom_words_give_the_instructions_back(name):
    program = compile_program(preset(name).metering)
    layout = program.layout
    assert len(program.rom) == len(program.instructions)
    for word, instruction in zip(program.rom, program.instructions, strict=True):
        constant = layout.from_bits(word)
        for field in layout.members:
            expected = getattr(instruction, field)
            if field == "shift":
                expected = program.shifts.index(expected)
            assert constant[field] == expected, f"{name}, {instruction.line}: {field}"


@pytest.mark.parametrize("name", NAMES)
def test_initial_contents_fit_their_memories(name):
    program = compile_program(preset(name).metering)
    assert all(-(1 << 35) <= word < 1 << 35 for word in program.words)
    assert all(-(1 << 107) <= wide < 1 << 107 for wide in program.wides)


def test_identification_tells_programs_apart():
    made_for = preset("single").metering
    program = compile_program(made_for)
    assert len(program.identification) == 32
    first = program.instructions[0]
    others = [
        replace(program, words=(*program.words[:-1], program.words[-1] + 1)),
        replace(program, wides=(*program.wides, 0)),
        replace(program, instructions=(Instruction(x=first.x + 1), *program.instructions[1:])),
        compile_program(preset("single").with_changes(nominal_hz=60).metering),
        compile_program(preset("polyphase").metering),
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
