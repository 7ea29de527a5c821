"""The steps of a Montgomery multiplication by columns: which words are multiplied, and what else goes in."""

from dataclasses import dataclass
from typing import Any

from amaranth.lib import enum

from .moduli import DIGITS, Modulus

__all__ = ["COLUMNS", "LeftWord", "RightWord", "Step", "steps"]

COLUMNS = 2 * DIGITS
_DIGIT_DELAY = 4  # steps from a column's last one until its lowest word is the digit to be multiplied
_SUM_DELAY = 3  # steps from a column's last one until its lowest word can be multiplied


class LeftWord(enum.Enum, shape=2):
    """Where a step's first word comes from."""

    NONE = 0  # no product
    OPERAND = 1
    DIGIT = 2  # of the quotient
    SUM = 3  # the lowest word of the sum; the product is the last digit of the quotient, and not added


class RightWord(enum.Enum, shape=2):
    """Where a step's second word comes from."""

    OPERAND = 0
    CARRIED = 1
    MODULUS = 2
    INVERSE = 3


@dataclass(frozen=True)
class Step:
    """A clock of the multiplier.

    ``left_index`` and ``right_index`` are the words of the operand, or of what else ``right`` names.
    ``digit_index`` is the digit of the quotient that ``left`` names, or that is added as it is with the sign
    ``digit_sign``, if that is not 0. ``ends`` tells that the column's sum is complete; the sum then moves
    down by a word.
    """

    left: Any = LeftWord.NONE
    right: Any = RightWord.OPERAND
    left_index: int = 0
    right_index: int = 0
    digit_index: int = 0
    digit_sign: int = 0
    ends: bool = False


def steps(modulus: Modulus) -> list[Step]:
    """The steps of a multiplication; each column is multiplied out before the next one begins."""
    result: list[Step] = []
    for column in range(COLUMNS):
        products: list[dict[str, Any]] = _operands(column)
        if modulus.sparse is None:
            for product in _quotient(column):
                wait = _DIGIT_DELAY - 1 - len(products) if product["digit_index"] == column - 1 else 0
                products += [{}] * max(0, wait) + [product]
            if column == DIGITS - 1:
                products += _last_digit()
        digits: list[dict[str, Any]] = [
            {"digit_index": column - 1 - word, "digit_sign": sign}
            for word, sign in modulus.sparse or ()
            if 0 <= column - 1 - word < DIGITS
        ]
        length = max(len(products), len(digits), 1)
        products += [{}] * (length - len(products))
        digits += [{}] * (length - len(digits))
        result += [
            Step(**product, **digit, ends=index == length - 1)
            for index, (product, digit) in enumerate(zip(products, digits, strict=True))
        ]
    return result


def _operands(column):
    """Products of the operands' words that belong to a column."""
    words = range(max(0, column - DIGITS + 1), min(column, DIGITS - 1) + 1)
    return [{"left": LeftWord.OPERAND, "left_index": word, "right_index": column - word} for word in words]


def _quotient(column):
    """Products of the quotient's digits, the latest one last.

    All but the last are digits of the multiple of m that ends in −1, and there as soon as the column is; what
    they carry comes a column later. The last one, exact, makes the result fit.
    """
    last = DIGITS - 1
    products = [
        {
            "left": LeftWord.DIGIT,
            "right": RightWord.CARRIED,
            "digit_index": digit,
            "right_index": column - 1 - digit,
        }
        for digit in range(max(0, column - DIGITS), min(column - 1, last - 1) + 1)
    ]
    if column >= DIGITS and column - last < DIGITS:
        exact = {"left": LeftWord.DIGIT, "right": RightWord.MODULUS}
        products.append(exact | {"digit_index": last, "right_index": column - last})
    return products


def _last_digit():
    """The last digit of the quotient, as a product, and the product that clears the column's lowest word."""
    inverse = {"left": LeftWord.SUM, "right": RightWord.INVERSE}
    clearing = {"left": LeftWord.DIGIT, "right": RightWord.MODULUS, "digit_index": DIGITS - 1}
    return [{}] * (_SUM_DELAY - 1) + [inverse] + [{}] * 2 + [clearing]
