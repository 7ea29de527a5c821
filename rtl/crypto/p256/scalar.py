"""Scalars: made odd and blinded in the store, and read digit by digit."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from .curve import COLUMNS, P256, TABLES, TEETH, WINDOW
from .microcode import AREA_WORDS, Area
from .store import StoreSignature, address, scalar_address

__all__ = ["BLIND_CYCLES", "DIGIT_CYCLES", "ROW_BITS", "Blind", "Digit", "Scalar", "blinded_words"]

_WORDS = P256.scalar_words
_LAST = _WORDS - 1
_WORD_MASK = 0xFFFF_FFFF
_PUBLIC_TOP = -(-(P256.bits + 1) // WINDOW) * WINDOW  # top bit of a scalar that is not blinded
POSITION_BITS = 10
ROW_BITS = (COLUMNS // TABLES - 1).bit_length()
"""Bits of the position of a column that are its row, above those of its table."""


class Blind(enum.Enum, shape=2):
    """Which scalar is made: the secret one, blinded, or one of a verification, with its factor's name."""

    SECRET = 0
    PUBLIC_BASE = 1
    PUBLIC_POINT = 3


class Digit(enum.Enum, shape=2):
    """Which digit is read, and what the position does then.

    ``BASE``: a window of the scalar; the position goes down by a window. ``COMB``: a column, down by one.
    ``POINT``: a window of the verification's other scalar; the position stays.
    """

    BASE = 0
    COMB = 1
    POINT = 2


def blinded_words(number, random, blind):
    """What `Scalar` makes of a number, with ``random`` as its factor: its odd representative's signs."""
    factor = (random >> 1 << 1 if blind == Blind.SECRET else 0) | (1 ^ number & 1)
    total = number + factor % (1 << P256.blinding_bits) * P256.n
    total |= 1 << (P256.scalar_bits if blind == Blind.SECRET else _PUBLIC_TOP)
    return [total >> 32 * word & _WORD_MASK for word in range(_WORDS)]


_LOAD, _ADD = 3 + 1, 2 * _WORDS + 1
BLIND_CYCLES = {
    Blind.SECRET: P256.factor_words * _LOAD + P256.blinding_bits * _WORDS + _ADD,
    Blind.PUBLIC_BASE: _LOAD + _WORDS + _ADD,
    Blind.PUBLIC_POINT: _LOAD + _WORDS + _ADD,
}
"""Cycles that `Scalar` is busy with each."""

DIGIT_CYCLES = TEETH + 1
"""Cycles that it is busy with a digit."""


class Scalar(wiring.Component):
    """Makes a number k into a scalar k + r·n that is odd, and reads its digits.

    The factor r is random except for its lowest bit, which makes the scalar odd. It is so wide that it
    reaches every bit of the scalar: n is 2^256 − 2^224 + 2^192 − δ with δ about 2^126, and r·δ must be
    random at bit 192, too, where the lowest bit of r stands once more. An odd number of L bits is Σ s_i·2^i
    with all s_i 1 or −1: s_i is bit i + 1 of the number, with a 1 set above the top one. A digit of five of
    these is never 0. The time does not depend on k or r. On the port, words of k follow random ones, and
    random ones follow them.

    Members
    -------
    blind_start, digit_start : In(1)
        Begins, while not busy, with ``area`` and ``argument`` (`Blind`, `Digit`) of the same cycle.
    area : In(Area)
        Where the number is. Its factor comes from the first words of the area ``RANDOM``.
    argument : In(2)
        Which of them.
    position_load, position : In
        Sets the position.
    clear : In(1)
        Forgets the digit.
    busy : Out(1)
        From the cycle after the start until the end; the last word is written in the cycle after it.
    index, sign, table : Out
        The digit: place in a table, 1 for positive, and which table it is for.
    more : Out(1)
        The digit's position was not negative.
    store : Out(StoreSignature)
        To the store.

    Latency
    -------
    `BLIND_CYCLES` and `DIGIT_CYCLES`.
    """

    def __init__(self):
        super().__init__(
            {
                "blind_start": In(1),
                "digit_start": In(1),
                "area": In(Area),
                "argument": In(2),
                "position_load": In(1),
                "position": In(POSITION_BITS),
                "clear": In(1),
                "busy": Out(1),
                "index": Out(TEETH - 1),
                "sign": Out(1),
                "table": Out(range(TABLES + 1)),
                "more": Out(1),
                "store": Out(StoreSignature()),
            }
        )
        self._area = Signal(Area)
        self._argument = Signal(2)
        self._target = Signal(Area)
        self._count = Signal(5)
        self._word = Signal(range(_WORDS))  # of the word that was read last
        self._factor = Signal(32)  # a word of it
        self._part = Signal(range(P256.factor_words))  # which, from the top one on
        self._steps = Signal(range(32))
        self._first = Signal()
        self._fresh = Signal()
        self._doubled = Signal()  # what the doubling carries
        self._carry = Signal()
        self._total = Signal(33)
        self._held = Signal(32)
        self._write_en = Signal()  # of the store, a cycle ahead
        self._write_adr = Signal.like(self.store.write_adr)
        self._write_data = Signal(32)
        self._position = Signal(POSITION_BITS)
        self._digit = Signal(TEETH)

    def elaborate(self, platform):
        m = Module()
        point = Signal()
        m.d.comb += [
            point.eq(self._argument[1]),
            self._target.eq(Mux(point, Area.PUBLIC_SCALAR.value, Area.SCALAR.value)),
        ]
        with m.FSM() as fsm:
            with m.State("Idle"):
                m.d.sync += [
                    self._count.eq(0),
                    self._fresh.eq(0),
                    self._part.eq(0),
                    self._first.eq(1),
                    self._factor.eq(0),
                    self._argument.eq(self.argument),
                    self._area.eq(self.area),
                ]
                with m.If(self.blind_start):
                    m.next = "Load"
                with m.Elif(self.digit_start):
                    m.next = "Read Digit"
            self._load(m)
            self._multiply(m)
            self._add(m)
            self._read_digit(m)
        self._adder(m, fsm.ongoing("Add"))
        m.d.sync += [
            self.store.write_en.eq(self._write_en),
            self.store.write_adr.eq(self._write_adr),
            self.store.write_data.eq(self._write_data),
        ]
        digit = self._digit
        m.d.comb += [
            self.busy.eq(~fsm.ongoing("Idle")),
            self.sign.eq(digit[-1]),
            self.index.eq(digit[:-1] ^ (~digit[-1]).replicate(TEETH - 1)),
        ]
        with m.If(self.position_load):
            m.d.sync += self._position.eq(self.position)
        with m.If(self.clear):
            m.d.sync += [digit.eq(0), self.table.eq(0)]
        return m

    def _load(self, m):
        """A word of the factor; the lowest bit is as the number wants it."""
        data, public = self.store.read_data, self._argument[0]
        top, lowest = self._part == 0, self._part == P256.factor_words - 1
        steps = Mux(public, 0, Mux(top, (P256.blinding_bits - 1) % 32, 31))
        with m.State("Load"):
            m.d.sync += self._count.eq(self._count + 1)
            with m.If(self._count[0]):
                m.d.comb += self.store.read_adr.eq(address(self._area, Const(AREA_WORDS - 1, 3)))
                m.d.sync += self._factor.eq(data)
            with m.Else():
                m.d.comb += self.store.read_adr.eq(address(Area.RANDOM, self._part))
            with m.If(self._count[1]):
                # All bits of a public scalar's factor but the lowest are 0: it is the only one that counts.
                with m.If(public):
                    m.d.sync += self._factor[-1].eq(~data[0])
                with m.Elif(lowest):
                    m.d.sync += self._factor[0].eq(~data[0])
                m.d.sync += [self._steps.eq(steps), self._count.eq(0)]
                m.next = "Multiply"

    def _adder(self, m, adds):
        """The one adder: of twice the product and the order if the bit is set, or of product and number."""
        data, order, bit = self.store.read_data, Signal(32), self._factor[-1]
        with m.Switch(Cat(self._word[:3], self._word[3] | ~bit)):
            for word in range(AREA_WORDS):
                with m.Case(word):
                    m.d.comb += order.eq(P256.n >> 32 * word & _WORD_MASK)
        beyond = self._count[1:] > AREA_WORDS  # of the number; what was read is one word behind
        product = Mux(self._first, 0, data)
        left = Mux(adds, self._held, Cat(self._doubled, product)[:32])
        right = Mux(adds, Mux(beyond, 0, data), order)
        m.d.comb += self._total.eq(_sum(left, right, self._carry))

    def _multiply(self, m):
        """Horner's rule, word by word."""
        store, last = self.store, self._word == _LAST
        with m.State("Multiply"):
            m.d.comb += store.read_adr.eq(scalar_address(self._target, self._count))
            m.d.sync += [self._word.eq(self._count), self._fresh.eq(1)]
            m.d.sync += self._count.eq(Mux(self._count == _LAST, 0, self._count + 1))
            with m.If(self._fresh):
                m.d.comb += [
                    self._write_en.eq(1),
                    self._write_adr.eq(scalar_address(self._target, self._word)),
                    self._write_data.eq(self._total),
                ]
                m.d.sync += [
                    self._doubled.eq(store.read_data[-1] & ~self._first & ~last),
                    self._carry.eq(self._total[32] & ~last),
                ]
                with m.If(last):
                    m.d.sync += [
                        self._factor.eq(self._factor.rotate_left(1)),
                        self._first.eq(0),
                        self._steps.eq(self._steps - 1),
                    ]
                    with m.If(self._steps == 0):
                        m.d.sync += [self._count.eq(0), self._fresh.eq(0), self._part.eq(self._part + 1)]
                        m.next = "Load"
                        with m.If(self._argument[0] | (self._part == P256.factor_words - 1)):
                            m.next = "Add"

    def _add(self, m):
        """The number is added, in two cycles a word, and the last sign is set."""
        store, word, public = self.store, self._count[1:], self._argument[0]
        with m.State("Add"):
            m.d.sync += self._count.eq(self._count + 1)
            with m.If(self._count[0]):
                # Above the number something else is read: another word of it would be followed by a constant.
                with m.If(word < AREA_WORDS):
                    m.d.comb += store.read_adr.eq(address(self._area, ~word))
                m.d.sync += self._held.eq(store.read_data)
            with m.Else():
                with m.If(word != 0):
                    m.d.comb += [
                        self._write_en.eq(1),
                        self._write_adr.eq(scalar_address(self._target, word - 1)),
                        self._write_data.eq(self._total),
                    ]
                    m.d.sync += self._carry.eq(self._total[32])
                    for top, holds in ((_PUBLIC_TOP, public), (P256.scalar_bits, ~public)):
                        with m.If(holds & (word == top // 32 + 1)):
                            m.d.comb += self._write_data[top % 32].eq(1)
                with m.If(word == _WORDS):
                    m.d.sync += [self._held.eq(0), self._carry.eq(0)]
                    m.next = "Idle"
                with m.Else():
                    m.d.comb += store.read_adr.eq(scalar_address(self._target, word))

    def _read_digit(self, m):
        """Five signs of the scalar, the lowest first."""
        position, digit, comb = self._position, self._digit, self._argument[0]
        tables = (TABLES - 1).bit_length()
        # Columns are read in an order in which the doublings are as few as can be.
        row, part = position[tables : tables + ROW_BITS], Cat(position[:tables], self._count[:3])
        bit, place = Signal(POSITION_BITS), Signal(5)
        with m.State("Read Digit"):
            # The lowest bit is no sign.
            first = Mux(comb, _times(part, COLUMNS // TABLES), position)
            m.d.comb += bit.eq(_sum(first, Mux(comb, row, self._count), Const(1, 1)))
            m.d.comb += self.store.read_adr.eq(scalar_address(self._target, bit[5:9]))
            m.d.sync += [self._count.eq(self._count + 1), place.eq(bit[:5])]
            with m.If(self._count != 0):
                m.d.sync += digit.eq(Cat(digit[1:], self.store.read_data.bit_select(place, 1)))
            with m.If(self._count == TEETH):
                m.d.sync += [self.table.eq(Mux(comb, position[:tables], TABLES)), self.more.eq(~position[-1])]
                with m.If(~self._argument[1]):
                    m.d.sync += position.eq(position - Mux(comb, 1, WINDOW))
                m.next = "Idle"


def _sum(left, right, carry):
    """Sum with a carry, in a way of which the tools make one adder."""
    return (Cat(Const(1, 1), left) + Cat(carry, right))[1:]


def _times(value, factor):
    """Product with a constant, in a way of which the tools make no multiplier."""
    total = Const(0, 1)
    for place in range(factor.bit_length()):
        if factor >> place & 1:
            total = total + (value << place)
    return total
