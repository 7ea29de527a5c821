"""Last pass of the compiler: keeps an instruction from reading a cell that the one before it writes."""

from .microcode import JUMPS, Base, Destination, Instruction, Operation

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
    """Put an idle instruction wherever a cell is read right after it is written."""
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
            result.append(Instruction(base=Base.ACCUMULATOR, x=zero, y=zero, line=instruction.line))
        result.append(instruction)
    for instruction in result:
        if instruction.operation in JUMPS:
            instruction.target = moved[instruction.target]
    return tuple(result)
