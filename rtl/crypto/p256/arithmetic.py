"""The arithmetic unit as its user sees it: port, integer model, timing, and the choice of a variant."""

from typing import NamedTuple

from .compact import CompactArithmetic
from .moduli import BITS, MODULI, WORD_BITS, Modulo, Modulus, N, P
from .row import RowArithmetic
from .signature import (
    MAX_REGISTERS,
    READ_CYCLES,
    ArithmeticSignature,
    Flags,
    Issue,
    Operation,
    WordAddress,
    WordWrite,
)
from .timing import VARIANTS, Times, Timing

__all__ = [
    "BITS",
    "MAX_REGISTERS",
    "MODULI",
    "READ_CYCLES",
    "VARIANTS",
    "WORD_BITS",
    "ArithmeticSignature",
    "Flags",
    "Issue",
    "Modulo",
    "Modulus",
    "N",
    "Operation",
    "P",
    "Result",
    "Times",
    "Timing",
    "WordAddress",
    "WordWrite",
    "arithmetic_unit",
    "compute",
]

_ALL_ONES = (1 << BITS) - 1
_UNITS = {"row": RowArithmetic, "compact": CompactArithmetic}


class Result(NamedTuple):
    """What an instruction makes: the target's new value and the flags."""

    value: int
    zero: bool
    borrow: bool


def compute(operation: Operation, modulus: Modulus, left: int, right: int, condition: bool = False) -> Result:
    """What an instruction makes of its operands, in plain integers.

    ``MULTIPLY`` does not change the flags; those in its result mean nothing.
    """
    borrow = False
    match operation:
        case Operation.MULTIPLY:
            value = left * right * modulus.radix_inverse % modulus.value
        case Operation.ADD:
            value = left + right
            value -= modulus.value if value >= modulus.value else 0
        case Operation.SUBTRACT:
            borrow = left < right
            value = left - right + (modulus.value if borrow else 0)
        case Operation.SELECT:
            value = left if condition else right
    value &= _ALL_ONES
    return Result(value, value == 0, borrow)


def arithmetic_unit(*, variant, registers=MAX_REGISTERS):
    """An arithmetic unit, a component with `ArithmeticSignature`.

    Parameters
    ----------
    variant : str
        ``row`` (fast, 32 multipliers) or ``compact`` (4).
    registers : int
        Number of registers, from 1 to `MAX_REGISTERS`.

    Raises
    ------
    ValueError
        If there is no such variant, or there cannot be so many registers.
    """
    if variant not in _UNITS:
        raise ValueError(
            f"Variant of the arithmetic unit must be one of {', '.join(_UNITS)}, not {variant!r}"
        )
    return _UNITS[variant](registers=registers)
