"""Addition, subtraction and selection modulo m, a word a clock."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .buffer import Buffer
from .moduli import DIGITS, MODULI, WORD_BITS, Modulo
from .signature import MAX_REGISTERS, Operation

__all__ = ["CompactAdder", "add_words", "constant_word"]

_LAST = DIGITS - 1


def add_words(left, right, carry):
    """The sum of two words and a carry, with the carry above it."""
    return (Cat(1, left) + Cat(carry, right))[1:]


def constant_word(m, modulus, word, constants):
    """A word of a number that depends on the modulus; ``constants`` tells it of each `Modulus`."""
    value = Signal(WORD_BITS)
    with m.Switch(Cat(word, modulus)):
        for name, of_modulus in MODULI.items():
            for index in range(DIGITS):
                with m.Case(index | name.value << (DIGITS - 1).bit_length()):
                    number = constants(of_modulus) >> index * WORD_BITS
                    m.d.comb += value.eq(number & ((1 << WORD_BITS) - 1))
    return value


class CompactAdder(wiring.Component):
    """Makes the sum, and the sum with m taken away or added; which of them holds is known at their end.

    Members
    -------
    valid : In(1)
        A word of both operands is there; words come in eight cycles without a gap, the lowest first.
    word, left, right : In
        The word's number, and the words.
    operation, modulus, condition, tag : In
        As in `Issue`, while words come; the tag comes back with the result.
    finishing : Out(1)
        The result can be read from the next cycle on, in the following eight.
    finishing_tag : Out
        The tag, while ``finishing``.
    result_word : In
        The word of the result to be read.
    result : Out(32)
        The word, in the same cycle.
    borrow : Out(1)
        A subtraction's left is less than its right; valid as long as the result.
    active : Out(1)
        Words are on their way.
    clear, clear_word : In
        Fills what is kept with constants, while everything else is held in reset.
    """

    valid: In(1)
    word: In(range(DIGITS))
    left: In(WORD_BITS)
    right: In(WORD_BITS)
    operation: In(Operation)
    modulus: In(Modulo)
    condition: In(1)
    tag: In(range(MAX_REGISTERS))
    finishing: Out(1)
    finishing_tag: Out(range(MAX_REGISTERS))
    result_word: In(range(DIGITS))
    result: Out(WORD_BITS)
    borrow: Out(1)
    active: Out(1)
    clear: In(1)
    clear_word: In(range(DIGITS))

    def elaborate(self, platform):
        m = Module()
        subtract, select = self.operation == Operation.SUBTRACT, self.operation == Operation.SELECT
        use_left, use_right = ~select | self.condition, ~select | ~self.condition
        augend = self.left & use_left.replicate(WORD_BITS)
        addend = (self.right & use_right.replicate(WORD_BITS)) ^ subtract.replicate(WORD_BITS)
        total, carry = Signal(WORD_BITS), Signal()
        carried = Mux(self.word == 0, subtract, carry)
        m.d.sync += Cat(total, carry).eq(add_words(augend, addend, carried))

        valid, word = Signal(), Signal.like(self.word)
        operation, modulus, tag = Signal(Operation), Signal(Modulo), Signal.like(self.tag)
        m.d.sync += [
            valid.eq(self.valid),
            word.eq(self.word),
            operation.eq(self.operation),
            modulus.eq(self.modulus),
            tag.eq(self.tag),
        ]
        subtracted, added = operation == Operation.SUBTRACT, operation == Operation.ADD
        constant = constant_word(m, modulus, word, lambda of_modulus: of_modulus.value)
        correction = constant ^ (~subtracted).replicate(WORD_BITS)
        corrected, corrected_carry, kept_carry = Signal(WORD_BITS), Signal(), Signal()
        carried = Mux(word == 0, ~subtracted, kept_carry)
        m.d.comb += Cat(corrected, corrected_carry).eq(add_words(total, correction, carried))
        m.d.sync += kept_carry.eq(corrected_carry)

        take_corrected = Signal()
        last = valid & (word == _LAST)
        with m.If(last):
            m.d.sync += [
                self.borrow.eq(subtracted & ~carry),
                take_corrected.eq((subtracted & ~carry) | (added & (carry | corrected_carry))),
            ]
        m.submodules.plain = plain = Buffer()
        m.submodules.corrected = other = Buffer()
        for buffer, data in ((plain, total), (other, corrected)):
            m.d.comb += [
                buffer.en.eq(valid),
                buffer.word.eq(word),
                buffer.data.eq(data),
                buffer.clear.eq(self.clear),
                buffer.clear_word.eq(self.clear_word),
                buffer.read_word.eq(self.result_word),
            ]
        m.d.comb += [
            self.result.eq(Mux(take_corrected, other.read_data, plain.read_data)),
            self.finishing.eq(last),
            self.finishing_tag.eq(tag),
            self.active.eq(self.valid | valid),
        ]
        return m
