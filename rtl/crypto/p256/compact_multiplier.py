"""Montgomery multiplication by columns: 32 × 32 bits a clock."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .buffer import Buffer
from .columns import COLUMNS, Columns, LeftWord, RightWord, Step
from .compact_adder import add_words, constant_word
from .moduli import DIGITS, MODULI, WORD_BITS, Modulo
from .signature import MAX_REGISTERS

__all__ = ["CompactMultiplier"]

_SUM_BITS = 2 * WORD_BITS + 6  # with sign: up to sixteen products, the carry and the digits
_LAST = DIGITS - 1


class _Stage(data.Struct):
    """What goes with a step from stage to stage."""

    valid: 1
    first: 1
    modulus: Modulo
    fields: Step


class CompactMultiplier(wiring.Component):
    """Montgomery multiplication in [0, m), step by step as `Columns` tells.

    A step takes three stages: its words are chosen, multiplied, added. The lowest word of a column's sum is a
    digit of the quotient in the lower half of the columns and a word of the result in the upper one, where m
    and 2·m are taken away at once; which of the three holds is known at the end.

    Members
    -------
    start : In(1)
        Begins a multiplication; the operands' words come from the next cycle on, one a cycle.
    modulus, tag : In
        With ``start``; the tag comes back with the result.
    valid, word, left, right : In
        A word of both operands, its number, and the words.
    finishing : Out(1)
        The result can be read from the next cycle on, until the next one's come.
    finishing_tag : Out
        The tag, while ``finishing``.
    result_word : In
        The word of the result to be read.
    result : Out(32)
        The word, in the same cycle.
    active : Out(1)
        A multiplication runs.
    clear, clear_word : In
        Fills what is kept with constants, while everything else is held in reset and the words are zeros.

    Latency
    -------
    From ``start`` to ``finishing``: four cycles more than there are steps, which are 67 modulo p and 135
    modulo n. The next ``start`` can come as many cycles after it as there are steps.
    """

    start: In(1)
    modulus: In(Modulo)
    tag: In(range(MAX_REGISTERS))
    valid: In(1)
    word: In(range(DIGITS))
    left: In(WORD_BITS)
    right: In(WORD_BITS)
    finishing: Out(1)
    finishing_tag: Out(range(MAX_REGISTERS))
    result_word: In(range(DIGITS))
    result: Out(WORD_BITS)
    active: Out(1)
    clear: In(1)
    clear_word: In(range(DIGITS))

    def __init__(self):
        super().__init__()
        self._tag = Signal.like(self.tag)
        self._choose = Signal(_Stage)
        self._multiply = Signal(_Stage)
        self._add = Signal(_Stage)
        self._factors = [Signal(WORD_BITS, name=f"factor_{number}") for number in range(2)]
        self._digits = [Signal(WORD_BITS, name=f"digit_{number}") for number in range(2)]
        self._product = Signal(2 * WORD_BITS)
        self._sum = Signal(_SUM_BITS)
        self._column = Signal(range(COLUMNS))
        self._ended = Signal()  # the sum is that of a whole column
        self._ended_column = Signal(range(COLUMNS))
        self._ended_modulus = Signal(Modulo)
        self._digit = Buffer()

    def elaborate(self, platform):
        m = Module()
        running = self._sequence(m)
        self._choose_words(m)
        self._add_product(m)
        self._keep_digit(m)
        self._finish(m)
        stages = (self._choose.valid, self._multiply.valid, self._add.valid, self._ended)
        m.d.comb += self.active.eq(running | Cat(stages).any())
        return m

    def _sequence(self, m):
        """Steps through a multiplication; returns whether one runs."""
        m.submodules.columns = columns = Columns()
        m.d.comb += [columns.start.eq(self.start), columns.modulus.eq(self.modulus)]
        with m.If(self.start):
            m.d.sync += self._tag.eq(self.tag)
        m.d.sync += [
            self._choose.valid.eq(columns.running),
            self._choose.first.eq(columns.first),
            self._choose.modulus.eq(columns.step_modulus),
            self._choose.fields.eq(columns.step),
            self._multiply.eq(self._choose),
            self._add.eq(self._multiply),
        ]
        return columns.running

    def _clearing(self, m, buffer):
        """Connects what clears a buffer."""
        m.d.comb += [buffer.clear.eq(self.clear), buffer.clear_word.eq(self.clear_word)]

    def _choose_words(self, m):
        """The step's words, and the digit of the quotient that is added as it is."""
        fields = self._choose.fields
        m.submodules.left = left = Buffer()
        m.submodules.right = right = Buffer()
        for buffer, words in ((left, self.left), (right, self.right)):
            m.d.comb += [buffer.en.eq(self.valid), buffer.word.eq(self.word), buffer.data.eq(words)]
            self._clearing(m, buffer)
        m.d.comb += [
            left.read_word.eq(fields.left_index),
            right.read_word.eq(fields.right_index),
            self._digit.read_word.eq(fields.digit_index),
        ]
        first, second = self._factors
        with m.Switch(fields.left):
            with m.Case(LeftWord.NONE):
                m.d.sync += first.eq(0)
            with m.Case(LeftWord.OPERAND):
                m.d.sync += first.eq(left.read_data)
            with m.Case(LeftWord.DIGIT):
                m.d.sync += first.eq(self._digit.read_data)
            with m.Case(LeftWord.SUM):
                m.d.sync += first.eq(self._sum[:WORD_BITS])
        m.d.sync += [
            second.eq(
                Mux(fields.right == RightWord.OPERAND, right.read_data, self._constant_factor(m, fields))
            ),
            self._product.eq(_product(first, second)),
            self._digits[0].eq(self._digit.read_data),
            self._digits[1].eq(self._digits[0]),
        ]

    def _constant_factor(self, m, fields):
        """A word that goes with a digit of the quotient; of the one modulus whose digits are multiplied."""
        (modulus,) = (modulus for modulus in MODULI.values() if modulus.sparse is None)
        numbers = {RightWord.CARRIED: modulus.carried, RightWord.MODULUS: modulus.value}
        word = Signal(WORD_BITS, init=modulus.inverse)
        with m.Switch(Cat(fields.right_index, fields.right)):
            for name, number in numbers.items():
                for index in range(DIGITS):
                    with m.Case(index | name.value << (DIGITS - 1).bit_length()):
                        m.d.comb += word.eq(number >> index * WORD_BITS & (1 << WORD_BITS) - 1)
        return word

    def _add_product(self, m):
        """Adds the product, and the digit with its sign, to the column's sum."""
        add, fields = self._add, self._add.fields
        base = Mux(self._ended, self._sum.as_signed() >> WORD_BITS, self._sum.as_signed())
        base = base & (~add.first).replicate(_SUM_BITS).as_signed()
        product = self._product & (fields.left != LeftWord.SUM).replicate(2 * WORD_BITS)
        used = fields.adds | fields.subtracts
        digit = Cat(
            (self._digits[1] & used.replicate(WORD_BITS)) ^ fields.subtracts.replicate(WORD_BITS),
            fields.subtracts,
        ).as_signed()
        with m.If(add.valid):
            m.d.sync += [
                self._sum.eq(base + product + digit + fields.subtracts),
                self._column.eq(self._column + fields.ends),
            ]
        m.d.sync += [
            self._ended.eq(add.valid & fields.ends),
            self._ended_column.eq(self._column),
            self._ended_modulus.eq(add.modulus),
        ]

    def _keep_digit(self, m):
        """Keeps the quotient's digits: the lowest words of the lower columns, or the last as a product."""
        m.submodules.digit = buffer = self._digit
        self._clearing(m, buffer)
        exact = self._add.valid & (self._add.fields.left == LeftWord.SUM)
        digits = Signal(range(DIGITS + 1))  # those that are lowest words
        with m.Switch(self._ended_modulus):
            for modulo, modulus in MODULI.items():
                with m.Case(modulo):
                    m.d.comb += digits.eq(DIGITS if modulus.sparse else _LAST)
        m.d.comb += [
            buffer.en.eq(exact | (self._ended & (self._ended_column < digits))),
            buffer.word.eq(Mux(exact, _LAST, self._ended_column)),
            buffer.data.eq(Mux(exact, self._product[:WORD_BITS], self._sum[:WORD_BITS])),
        ]

    def _finish(self, m):
        """The upper columns' words, those less m, and those less 2·m."""
        result = Signal()
        word = Signal(range(DIGITS))
        low, above = self._sum[:WORD_BITS], self._sum[WORD_BITS : WORD_BITS + 2]
        m.d.comb += [
            result.eq(self._ended & (self._ended_column >= DIGITS)),
            word.eq(self._ended_column),  # the columns are twice as many as the words
        ]
        choices, words = [], []
        for multiple in range(3):
            m.submodules[f"less_{multiple}"] = buffer = Buffer()
            self._clearing(m, buffer)
            difference, held = low, None
            if multiple:
                difference, held = self._less(m, multiple, result, word, low, above)
            m.d.comb += [
                buffer.en.eq(result),
                buffer.word.eq(word),
                buffer.data.eq(difference),
                buffer.read_word.eq(self.result_word),
            ]
            choices.append(held)
            words.append(buffer.read_data)
        m.d.comb += [
            self.finishing.eq(result & (word == _LAST)),
            self.result.eq(Mux(choices[2], words[2], Mux(choices[1], words[1], words[0]))),
        ]
        with m.If(result & (word == 0)):
            m.d.sync += self.finishing_tag.eq(self._tag)

    def _less(self, m, multiple, result, word, low, above):
        """A word less that of a multiple of m; and whether, with the last one, that is not negative."""
        constant = constant_word(m, self._ended_modulus, word, lambda modulus: multiple * modulus.value)
        difference = Signal(WORD_BITS, name=f"difference_{multiple}")
        fits = Signal(name=f"fits_{multiple}")  # nothing is borrowed
        fitted, held = Signal(name=f"fitted_{multiple}"), Signal(name=f"held_{multiple}")
        m.d.comb += Cat(difference, fits).eq(add_words(low, ~constant, fitted | (word == 0)))
        with m.If(result):
            m.d.sync += [
                fitted.eq(fits),
                held.eq(above + fits > multiple * MODULI[Modulo.P].value >> WORD_BITS * DIGITS),
            ]
        return difference, held


def _product(left, right):
    """The product of two words: of their halves, with the two in the middle added first."""
    half = WORD_BITS // 2
    low, high = left[:half] * right[:half], left[half:] * right[half:]
    middle = left[:half] * right[half:] + left[half:] * right[:half]
    return Cat(low[:half], (Cat(low[half:], high) + middle)[: WORD_BITS + half])
