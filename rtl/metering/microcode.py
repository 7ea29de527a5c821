"""Instructions of the compute engine, and a compiled program: shared by the compiler and the RTL."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from amaranth.hdl import unsigned
from amaranth.lib import data, enum
from amaranth.utils import bits_for

from .parameters import WORD_BITS

__all__ = [
    "JUMPS",
    "SHIFTS",
    "Base",
    "Destination",
    "Instruction",
    "Operation",
    "Port",
    "Program",
    "Shape",
    "Term",
]


class Operation(enum.Enum, shape=4):
    """What an instruction does.

    ``COMPUTE``: result = (base ± term) >> shift. ``LANE``: result = input ``y`` of the sample set, with a
    word ``x`` of 0. ``DIVIDE``: accumulator = accumulator * 2 ** ``y`` / word ``x``. ``ROOT``: accumulator =
    its square root. ``DOT``: accumulator = sum of the products of the array at ``target``, from index word
    ``x`` on, and the table entries of shape ``z`` with the argument word ``y``. ``CRC``: accumulator = CRC-32
    of the accumulator and word ``x``. ``STORE``: the array at ``target``, index word ``x``, = accumulator.
    ``SEND``: the accumulator goes to port ``z``, address ``target`` + word ``x``. The jumps go to
    ``target``. ``START`` lets the background start at ``target`` when the set is done. ``END`` ends the set,
    or the background.
    """

    COMPUTE = 0
    LANE = 1
    DIVIDE = 2
    ROOT = 3
    JUMP = 4
    JUMP_IF_NEGATIVE = 5
    JUMP_IF_NOT_NEGATIVE = 6
    DOT = 7
    STORE = 8
    SEND = 9
    CRC = 10
    START = 11
    END = 12


JUMPS = (Operation.JUMP, Operation.JUMP_IF_NEGATIVE, Operation.JUMP_IF_NOT_NEGATIVE, Operation.START)
"""Operations whose ``target`` is an instruction."""


SHIFTS = (0, 1, 2, 4, 20, 26, 30, 36)
"""Shifts that the engine can have; the compiler makes all others of these."""


class Base(enum.Enum, shape=2):
    """First operand: nothing, the accumulator, or wide cell ``z``."""

    ZERO = 0
    ACCUMULATOR = 1
    WIDE = 2


class Term(enum.Enum, shape=1):
    """Second operand: the product of words ``x`` and ``y``, or the accumulator."""

    PRODUCT = 0
    ACCUMULATOR = 1


class Destination(enum.Enum, shape=2):
    """Where a result goes, besides the accumulator."""

    NOWHERE = 0
    WORD = 1
    WIDE = 2


class Port(enum.Enum, shape=3):
    """Where the engine sends values; a commit's value does not matter."""

    QUANTITY = 0
    QUANTITY_COMMIT = 1
    HARMONIC = 2
    HARMONIC_COMMIT = 3
    POINT = 4
    POINT_COMMIT = 5
    PULSE = 6
    ALERT = 7


_ENUMERATIONS = ("operation", "base", "term", "to")


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
    length: int = 1
    to: Destination = Destination.NOWHERE
    target: int = 0
    line: str = ""


@dataclass(frozen=True)
class Shape:
    """A dot product's walk through the table ROM.

    It starts at entry ``table`` plus the argument and goes on in steps of 1; if ``wraps`` is not 0, it
    starts at ``table`` + ``start`` and goes on in steps of the argument, within the ``wraps`` entries from
    ``table`` on.
    """

    table: int
    count: int
    start: int = 0
    wraps: int = 0


@dataclass(frozen=True)
class Program:
    """A compiled metrology program.

    Parameters
    ----------
    instructions : tuple of Instruction
        In the order of their addresses.
    words, wides : tuple of int
        Contents of the two memories at power-on: state, constants and variables.
    array_words : int
        Words of the array memory, 0 at power-on.
    table : tuple of int
        Contents of the table ROM.
    shapes : tuple of Shape
        Dot products that the program uses.
    inputs : tuple of str
        What a sample set brings besides the lanes, in the order of their numbers behind them.
    cells : dict of str to (type, int)
        Kind and address of every state cell, by its path.
    """

    instructions: tuple[Instruction, ...]
    words: tuple[int, ...]
    wides: tuple[int, ...]
    array_words: int
    table: tuple[int, ...]
    shapes: tuple[Shape, ...]
    inputs: tuple[str, ...]
    cells: dict

    @property
    def shifts(self) -> tuple[int, ...]:
        """Every shift that the program uses, ascending: the engine has these and no others."""
        return tuple(sorted({0, *(instruction.shift for instruction in self.instructions)}))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Every length of an array that the program uses, ascending."""
        return tuple(sorted({1, *(instruction.length for instruction in self.instructions)}))

    @cached_property
    def layout(self) -> data.StructLayout:
        """Layout of an instruction in the program ROM."""

        def unsigned_for(field):
            return unsigned(bits_for(max(getattr(instruction, field) for instruction in self.instructions)))

        return data.StructLayout(
            {
                "operation": Operation,
                "base": Base,
                "term": Term,
                "negate": unsigned(1),
                "shift": unsigned(bits_for(len(self.shifts) - 1)),
                "length": unsigned(bits_for(len(self.lengths) - 1)),
                "x": unsigned_for("x"),
                "y": unsigned_for("y"),
                "z": unsigned_for("z"),
                "to": Destination,
                "target": unsigned_for("target"),
            }
        )

    @property
    def table_width(self) -> int:
        """Bits of a table entry, signed."""
        return min(WORD_BITS, 1 + max(bits_for(max(*self.table, 1)), bits_for(-min(*self.table, 0))))

    @cached_property
    def rom(self) -> tuple[int, ...]:
        """The instructions as the program ROM holds them."""
        shifts, lengths = self.shifts, self.lengths
        offsets = {name: self.layout[name].offset for name in self.layout.members}
        words = []
        for instruction in self.instructions:
            fields = {name: getattr(instruction, name) for name in offsets}
            fields["shift"] = shifts.index(instruction.shift)
            fields["length"] = lengths.index(instruction.length)
            for name in _ENUMERATIONS:
                fields[name] = fields[name].value
            words.append(sum(int(value) << offsets[name] for name, value in fields.items()))
        return tuple(words)

    @property
    def identification(self) -> bytes:
        """SHA-256 of the program as built in: instructions, their layout, memories at power-on, tables."""
        parts = (self.rom, list(self.layout.members), self.shifts, self.lengths, self.words, self.wides)
        return sha256(
            repr((*parts, self.array_words, self.table, self.shapes, self.inputs)).encode()
        ).digest()
