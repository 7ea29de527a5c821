"""Last pass of the compiler: keeps an instruction from reading a cell that the one before it writes."""

from .microcode import JUMPS, Base, Instruction, Operation

__all__ = ["without_hazards"]


def without_hazards(code, zero):
    """Put an idle instruction wherever a cell is read right after it is written."""
    moved, result = {}, []
    for address, instruction in enumerate(code):
        before = result[-1] if result else Instruction()
        reads_word = instruction.operation in (Operation.COMPUTE, Operation.DIVIDE, Operation.RECALL)
        late_word = before.to_word and reads_word and before.target in (instruction.x, instruction.y)
        late_wide = before.to_wide and instruction.base is Base.WIDE and before.target == instruction.z
        moved[address] = len(result)
        if late_word or late_wide:
            result.append(Instruction(base=Base.ACCUMULATOR, x=zero, y=zero, line=instruction.line))
        result.append(instruction)
    for instruction in result:
        if instruction.operation in JUMPS:
            instruction.target = moved[instruction.target]
    return tuple(result)
