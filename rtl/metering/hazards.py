"""Last pass of the compiler: shifts that the engine has, and no cell read right after it is written."""

from dataclasses import replace

from .microcode import JUMPS, SHIFTS, Base, Destination, Instruction, Operation

__all__ = ["without_hazards"]

_READS_X = (
    Operation.COMPUTE,
    Operation.DIVIDE,
    Operation.DOT,
    Operation.STORE,
    Operation.SEND,
    Operation.CRC,
)
_READS_Y = (Operation.COMPUTE, Operation.DOT)


def without_hazards(code, zero):
    """Make the engine's instructions of the compiler's.

    An idle instruction comes wherever a cell is read right after it is written. A shift that the engine
    does not have becomes several, one after the other, which is the same as each of them rounds down.
    """
    moved, result = {}, []
    for address, instruction in enumerate(code):
        before = result[-1] if result else Instruction()
        reads = [instruction.x] * (instruction.operation in _READS_X)
        reads += [instruction.y] * (instruction.operation in _READS_Y)
        late_word = before.to is Destination.WORD and before.target in reads
        late_wide = (
            before.to is Destination.WIDE and instruction.base is Base.WIDE and before.target == instruction.z
        )
        moved[address] = len(result)
        if late_word or late_wide:
            result.append(_idle(instruction, zero))
        result += _shifted(instruction, zero)
    for instruction in result:
        if instruction.operation in JUMPS:
            instruction.target = moved[instruction.target]
    return tuple(result)


def _idle(instruction, zero):
    """An instruction that leaves everything as it is, of the line of ``instruction``."""
    return Instruction(base=Base.ACCUMULATOR, x=zero, y=zero, line=instruction.line)


def _shifted(instruction, zero):
    """The instruction with one of `SHIFTS`, and what shifts its result further."""
    if instruction.shift in SHIFTS:
        return [instruction]
    most = max(shift for shift in SHIFTS if shift < instruction.shift)
    rest = replace(_idle(instruction, zero), shift=instruction.shift - most)
    rest.to, rest.target = instruction.to, instruction.target
    return [
        replace(instruction, shift=most, to=Destination.NOWHERE, target=0),
        *_shifted(rest, zero),
    ]
