"""The steps of a Montgomery multiplication by columns: which words are multiplied, and what else goes in."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from .moduli import DIGITS, MODULI, Modulo

__all__ = ["COLUMNS", "Columns", "LeftWord", "RightWord", "Step"]

COLUMNS = 2 * DIGITS
_LAST_DIGIT = DIGITS - 1
_WAITS = 2  # until a column's lowest word can be multiplied, and until a product is a digit


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


class Step(data.Struct):
    """A clock of the multiplier.

    ``left_index`` and ``right_index`` are the words of the operands, or of what else ``right`` names.
    ``digit_index`` is the digit of the quotient that ``left`` names, or that is added or subtracted as it is.
    ``ends`` tells that the column's sum is complete; the sum then moves down by a word.
    """

    left: LeftWord
    right: RightWord
    left_index: range(DIGITS)
    right_index: range(DIGITS)
    digit_index: range(DIGITS)
    adds: 1
    subtracts: 1
    ends: 1


def _lengthened(modulus):
    """Columns in which more digits of the quotient are added than operands' words are multiplied."""
    words = modulus.sparse or ()
    columns = set()
    for column in range(DIGITS, COLUMNS - 1):
        taken = [slot for slot, (word, _) in enumerate(reversed(words)) if 0 <= column - 1 - word < DIGITS]
        steps = COLUMNS - 1 - column
        if taken and max(taken) >= steps:
            assert max(taken) == steps, "a column is lengthened by one step"
            columns.add(column)
    return columns


class Columns(wiring.Component):
    """Steps through a multiplication; each column is multiplied out before the next one begins.

    First come the operands' words. Then, if the quotient's digits have to be multiplied, theirs: the digits
    of the multiple of m that ends in −1, which are there as soon as their column is and carry into the
    columns above it, and the last one, exact, which makes the result fit. Otherwise the digits are added
    beside the products, up to one in a step.

    Members
    -------
    start : In(1)
        Begins a multiplication; the first step is there in the next cycle.
    modulus : In(Modulo)
        With ``start``.
    running : Out(1)
        There is a step.
    first : Out(1)
        It is the first one.
    step : Out(Step)
        The step.
    step_modulus : Out(Modulo)
        What it goes by.
    """

    start: In(1)
    modulus: In(Modulo)
    running: Out(1)
    first: Out(1)
    step: Out(Step)
    step_modulus: Out(Modulo)

    def __init__(self):
        super().__init__()
        self._column = Signal(range(COLUMNS))
        self._kind = Signal(LeftWord)
        self._index = Signal(range(DIGITS))  # of the operand's word or the digit
        self._slot = Signal(range(DIGITS))  # steps of the column so far, or many
        self._wait = Signal(range(_WAITS + 1))  # steps without a product before this one

    def elaborate(self, platform):
        m = Module()
        column, index = self._column, self._index
        upper = column >= DIGITS
        dense = Array(int(modulus.sparse is None) for modulus in MODULI.values())[
            self.step_modulus.as_value()
        ]
        last_operand = index == Mux(upper, DIGITS - 1, column)
        last_digit = index == Mux(upper, _LAST_DIGIT, column - 1)
        exact = index == _LAST_DIGIT
        middle = column == DIGITS - 1  # where the last digit is made

        ends = self.step.ends
        with m.If(self.running):
            m.d.sync += [self.first.eq(0), self._slot.eq(Mux(self._slot.all(), self._slot, self._slot + 1))]
            with m.If(self._wait != 0):
                m.d.sync += self._wait.eq(self._wait - 1)
            with m.Elif(ends):
                self._next_column(m)
            with m.Else():
                m.d.sync += index.eq(index + 1)
                with m.Switch(self._kind):
                    with m.Case(LeftWord.OPERAND), m.If(last_operand):
                        m.d.sync += [
                            self._kind.eq(Mux(dense, LeftWord.DIGIT, LeftWord.NONE)),
                            index.eq(Mux(upper, column - DIGITS, 0)),
                            self._wait.eq(column == 1),
                        ]
                    with m.Case(LeftWord.DIGIT), m.If(last_digit):
                        m.d.sync += [self._kind.eq(LeftWord.SUM), self._wait.eq(_WAITS)]
                    with m.Case(LeftWord.SUM):
                        m.d.sync += [
                            self._kind.eq(LeftWord.DIGIT),
                            index.eq(_LAST_DIGIT),
                            self._wait.eq(_WAITS),
                        ]
        with m.If(self._wait == 0), m.Switch(self._kind):
            with m.Case(LeftWord.NONE):
                m.d.comb += ends.eq(1)
            with m.Case(LeftWord.OPERAND):
                m.d.comb += ends.eq(last_operand & Mux(dense, column == 0, ~self._is_lengthened(m)))
            with m.Case(LeftWord.DIGIT):
                m.d.comb += ends.eq(Mux(middle, exact, last_digit))
        with m.If(self.start):
            m.d.sync += [
                self.running.eq(1),
                self.first.eq(1),
                self.step_modulus.eq(self.modulus),
                column.eq(0),
                self._kind.eq(LeftWord.OPERAND),
                index.eq(0),
                self._slot.eq(0),
                self._wait.eq(0),
            ]
        self._words(m, exact)
        return m

    def _is_lengthened(self, m):
        """The column has a step more than products of operands."""
        lengthened = Signal()
        with m.Switch(self.step_modulus):
            for modulo, modulus in MODULI.items():
                with m.Case(modulo), m.Switch(self._column):
                    for column in sorted(_lengthened(modulus)):
                        with m.Case(column):
                            m.d.comb += lengthened.eq(1)
        return lengthened

    def _next_column(self, m):
        """Begins the next column, or ends after the last one; part of a step's actions."""
        column = self._column
        m.d.sync += [
            column.eq(column + 1),
            self._kind.eq(Mux(column == COLUMNS - 2, LeftWord.NONE, LeftWord.OPERAND)),
            self._index.eq(Mux(column >= DIGITS - 1, column - (DIGITS - 2), 0)),
            self._slot.eq(0),
        ]
        with m.If(column == COLUMNS - 1):
            m.d.sync += self.running.eq(0)

    def _words(self, m, exact):
        """Which words the step takes."""
        step, kind, column, index = self.step, self._kind, self._column, self._index
        m.d.comb += [
            step.left.eq(Mux(self._wait == 0, kind, LeftWord.NONE)),
            step.left_index.eq(index),
            # A digit carries one column higher; the exact one does not.
            step.right_index.eq(column - index - ((kind == LeftWord.DIGIT) & ~exact)),
            step.digit_index.eq(index),
        ]
        with m.Switch(kind):
            with m.Case(LeftWord.OPERAND):
                m.d.comb += step.right.eq(RightWord.OPERAND)
            with m.Case(LeftWord.DIGIT):
                m.d.comb += step.right.eq(Mux(exact, RightWord.MODULUS, RightWord.CARRIED))
            with m.Case(LeftWord.SUM):
                m.d.comb += [step.right.eq(RightWord.INVERSE), step.right_index.eq(0)]
        with m.Switch(self.step_modulus):
            for modulo, modulus in MODULI.items():
                if modulus.sparse is None:
                    continue
                with m.Case(modulo), m.Switch(self._slot):
                    for slot, (word, sign) in enumerate(reversed(modulus.sparse)):
                        digit = Signal(range(-DIGITS, COLUMNS), name=f"digit_{slot}")
                        m.d.comb += digit.eq(column - 1 - word)
                        there = (digit >= 0) & (digit < DIGITS)
                        with m.Case(slot):
                            m.d.comb += [
                                step.digit_index.eq(digit),
                                step.adds.eq(there & (sign > 0)),
                                step.subtracts.eq(there & (sign < 0)),
                            ]
