"""Instructions of the compute engine, and a compiled program: shared by the compiler and the RTL."""

from dataclasses import dataclass
from hashlib import sha256

from amaranth.hdl import unsigned
from amaranth.lib import data, enum
from amaranth.utils import bits_for, ceil_log2

__all__ = ["JUMPS", "Base", "Instruction", "Operation", "Program", "Term"]


class Operation(enum.Enum, shape=4):
    """What an instruction does.

    ``COMPUTE``: result = (base ± term) >> shift. ``LANE``: result = sample of lane ``y``. ``DIVIDE``:
    accumulator = accumulator * 2 ** ``y`` / word ``x``. ``ROOT``: accumulator = its square root. The jumps
    go to ``target``. ``RECALL`` takes the sample set ``x`` periods ago out of the history; its lanes follow
    those of the newest. ``COMMIT`` shows the quantities written since the last one. ``END`` ends the set.
    """

    COMPUTE = 0
    LANE = 1
    DIVIDE = 2
    ROOT = 3
    JUMP = 4
    JUMP_IF_NEGATIVE = 5
    JUMP_IF_NOT_NEGATIVE = 6
    COMMIT = 7
    END = 8
    RECALL = 9


JUMPS = (Operation.JUMP, Operation.JUMP_IF_NEGATIVE, Operation.JUMP_IF_NOT_NEGATIVE)


class Base(enum.Enum, shape=2):
    """First operand: nothing, the accumulator, or wide cell ``z``."""

    ZERO = 0
    ACCUMULATOR = 1
    WIDE = 2


class Term(enum.Enum, shape=1):
    """Second operand: the product of words ``x`` and ``y``, or the accumulator."""

    PRODUCT = 0
    ACCUMULATOR = 1


@dataclass
class Instruction:
    """One instruction; every result also goes to the accumulator."""

    operation: Operation = Operation.COMPUTE
    base: Base = Base.ZERO
    term: Term = Term.PRODUCT
    negate: bool = False
    shift: int = 0
    x: int = 0
    y: int = 0
    z: int = 0
    to_word: bool = False
    to_wide: bool = False
    to_quantity: bool = False
    target: int = 0
    line: str = ""


@dataclass(frozen=True)
class Program:
    """A compiled metrology program.

    Parameters
    ----------
    instructions : tuple of Instruction
        In the order of their addresses.
    words, wides : tuple of int
        Contents of the two memories at power-on: state, constants and variables.
    quantities : int
        Quantities that the program writes.
    """

    instructions: tuple[Instruction, ...]
    words: tuple[int, ...]
    wides: tuple[int, ...]
    quantities: int

    @property
    def shifts(self) -> tuple[int, ...]:
        """Every shift that the program uses, ascending: the engine has these and no others."""
        return tuple(sorted({0, *(instruction.shift for instruction in self.instructions)}))

    @property
    def layout(self) -> data.StructLayout:
        """Layout of an instruction in the program ROM."""
        word = ceil_log2(len(self.words))
        target = max(
            word, ceil_log2(len(self.wides)), ceil_log2(self.quantities), ceil_log2(len(self.instructions))
        )
        return data.StructLayout(
            {
                "operation": Operation,
                "base": Base,
                "term": Term,
                "negate": unsigned(1),
                "shift": unsigned(bits_for(len(self.shifts) - 1)),
                "x": unsigned(word),
                "y": unsigned(word),
                "z": unsigned(ceil_log2(len(self.wides))),
                "to_word": unsigned(1),
                "to_wide": unsigned(1),
                "to_quantity": unsigned(1),
                "target": unsigned(target),
            }
        )

    @property
    def rom(self) -> tuple[int, ...]:
        """The instructions as the program ROM holds them."""
        layout, shifts = self.layout, self.shifts
        words = []
        for instruction in self.instructions:
            fields = {name: getattr(instruction, name) for name in layout.members}
            fields["shift"] = shifts.index(instruction.shift)
            words.append(layout.const(fields).as_bits())
        return tuple(words)

    @property
    def identification(self) -> bytes:
        """SHA-256 of the program as built in: instructions, their layout, memories at power-on."""
        digest = sha256(
            repr((self.rom, list(self.layout.members), self.shifts, self.words, self.wides)).encode()
        )
        return digest.digest()
