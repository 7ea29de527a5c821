"""What the arithmetic unit is asked to do, and its port."""

from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from .moduli import DIGITS, WORD_BITS, Modulo

__all__ = [
    "MAX_REGISTERS",
    "READ_CYCLES",
    "ArithmeticSignature",
    "Flags",
    "Issue",
    "Operation",
    "WordAddress",
    "WordWrite",
]

MAX_REGISTERS = 64
"""Registers that an instruction can name."""

READ_CYCLES = 2
"""Cycles from ``read_adr`` to ``read_data``."""


class Operation(enum.Enum, shape=2):
    """What an instruction does, with the modulus m.

    ``MULTIPLY`` is Montgomery's: target = left · right / 2^256 mod m. ``ADD`` and ``SUBTRACT`` are modulo m.
    ``SELECT`` copies left if ``condition`` was high when the instruction was taken, right otherwise; both are
    read, in the same time.
    """

    MULTIPLY = 0
    ADD = 1
    SUBTRACT = 2
    SELECT = 3


class Issue(data.Struct):
    """An instruction; ``target``, ``left`` and ``right`` are registers."""

    operation: Operation
    modulus: Modulo
    target: range(MAX_REGISTERS)
    left: range(MAX_REGISTERS)
    right: range(MAX_REGISTERS)


class Flags(data.Struct):
    """Of the last ``ADD``, ``SUBTRACT`` or ``SELECT`` that ended.

    ``zero``: the result is 0. ``borrow``: for ``SUBTRACT``, left < right as plain integers; otherwise 0.
    """

    zero: 1
    borrow: 1


class WordAddress(data.Struct):
    """A word of a register; word 0 is the least significant."""

    register: range(MAX_REGISTERS)
    word: range(DIGITS)


class WordWrite(data.Struct):
    """A word to be written into a register."""

    address: WordAddress
    data: WORD_BITS


class ArithmeticSignature(wiring.Signature):
    """Port of an arithmetic unit, from the unit. Every variant has it, and gives the same results.

    Results are in [0, m) if both operands are, for ``MULTIPLY`` if one of them is; the other may be any
    number of 256 bits. Of numbers that are not, `compute` tells what ``ADD`` and ``SUBTRACT`` make.

    Members
    -------
    issue : In(stream of Issue)
        Instructions, taken in order. One is taken when no register that it names is still to be written and
        what it needs is free; it may end before those taken earlier. `Timing` tells when, to the cycle.
    condition : In(1)
        See ``SELECT``; sampled in the cycle in which the instruction is taken.
    flags : Out(Flags)
        Valid when the instruction that they belong to has ended, as `Timing` tells.
    idle : Out(1)
        All instructions taken have ended.
    write : In(stream of WordWrite)
        Writes a word. Taken while ``idle`` only, and not in the cycle of an instruction.
    read_adr : In(WordAddress)
        The word to be read. Used while ``idle`` only.
    read_data : Out(32)
        The word, `READ_CYCLES` cycles later.
    wipe : In(1)
        Asks to forget everything: high for a cycle or longer. Instructions not ended are dropped.
    wiping : Out(1)
        High from the cycle after ``wipe`` until registers are zeros and no other state tells a secret.
    """

    def __init__(self):
        super().__init__(
            {
                "issue": In(stream.Signature(Issue)),
                "condition": In(1),
                "flags": Out(Flags),
                "idle": Out(1),
                "write": In(stream.Signature(WordWrite)),
                "read_adr": In(WordAddress),
                "read_data": Out(WORD_BITS),
                "wipe": In(1),
                "wiping": Out(1),
            }
        )
