"""Montgomery multiplication with a row of multipliers: 256 × 32 bits a clock."""

from amaranth import Array, C, Cat, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from .moduli import BITS, DIGITS, MODULI, WORD_BITS, Modulo
from .signature import MAX_REGISTERS

__all__ = ["RowMultiplier", "carry_save"]

_HALF = WORD_BITS // 2
_ROW_BITS = BITS + WORD_BITS
_SUM_BITS = _ROW_BITS + 2
_CUTS = (95, 190)  # where the carry of the sum waits for the next step
_MASK = (1 << _SUM_BITS) - 1


class _Pass(enum.Enum, shape=3):
    """What the row multiplies in a clock, and what becomes of it."""

    OPERAND = 0  # left by the next digit of right; the sum moves a digit down
    QUOTIENT = 1  # the digit of the quotient in the sum by what it carries
    SETTLE = 2  # nothing: only the waiting carries of the sum go in
    INVERSE = 3  # the lowest digit of the sum by Montgomery's constant
    FOLD = 4  # what is above 2^_ROW_BITS by what that is, modulo m, one digit below
    MODULUS = 5  # the exact digit of the quotient by m


def _slow_passes():
    """The passes of a multiplication whose quotient has to be multiplied, in order.

    Each digit of the quotient but the last is that of the multiple of m that ends in −1, so that it can be
    used as soon as it is there. Through that the sum grows to up to twice 2^_ROW_BITS; it is folded below
    that before the last, exact digit, after which it is below 2·m.
    """
    passes = [_Pass.OPERAND, _Pass.OPERAND]
    for _ in range(DIGITS - 2):
        passes += [_Pass.QUOTIENT, _Pass.OPERAND]
    return [*passes, _Pass.QUOTIENT, *[_Pass.SETTLE] * 3, _Pass.INVERSE, _Pass.FOLD, _Pass.MODULUS]


_PASSES = {True: [_Pass.OPERAND] * DIGITS, False: _slow_passes()}
_STEPS = len(_PASSES[False])


def carry_save(*rows):
    """Three numbers of one width as a sum and a carry that add up to the same, modulo that width."""
    first, second, third = rows
    carry = (first & second) | (third & (first | second))
    return (first ^ second ^ third), Cat(C(0, 1), carry)[: len(first)]


class RowMultiplier(wiring.Component):
    """Montgomery multiplication in [0, m), a digit of 32 bits a pass.

    A sum takes in left · digit in each step and moves down by a digit. Modulo p the digit of the quotient is
    the sum's lowest one, and what it carries is added at some words and, inverted, at others; the constants
    of the inversions add up to one that goes in at the start and is taken away at the end. Modulo n the row
    multiplies the quotient's digits, too. The long carry of the sum is cut in two places: the carry there
    waits for the next step, in places that are empty then.

    Parameters
    ----------
    None.

    Members
    -------
    start : In(1)
        Begins a multiplication with what is at the other inputs. Given not before the one before it is
        through its passes, as `Schedule.interval` tells.
    modulus, tag, left, right : In
        The modulus; a number that comes back with the result; the factors, one of them in [0, m).
    done : Out(1)
        High for a cycle with the result.
    active : Out(1)
        A multiplication runs.
    result : Out(256)
        left · right / 2^256 mod m, while ``done``.
    done_tag : Out
        The tag, while ``done``.

    Latency
    -------
    From ``start`` to ``done``: 11 cycles modulo p, 24 modulo n. The next ``start`` can come 8 and 21 cycles
    after it.
    """

    start: In(1)
    modulus: In(Modulo)
    tag: In(range(MAX_REGISTERS))
    left: In(BITS)
    right: In(BITS)
    done: Out(1)
    active: Out(1)
    result: Out(BITS)
    done_tag: Out(range(MAX_REGISTERS))

    def __init__(self):
        super().__init__()
        # The pass that multiplies.
        self._running = Signal()
        self._step = Signal(range(_STEPS))
        self._pass = Signal(_Pass)
        self._last = Signal()
        self._modulus = Signal(Modulo)
        self._tag = Signal.like(self.tag)
        self._left = Signal(BITS)
        self._right = Signal(BITS)
        self._factor = Signal(BITS)  # what the row multiplies
        self._digit = Signal(WORD_BITS)
        # The pass whose rows are added.
        self._adding = Signal()
        self._adding_first = Signal()
        self._adding_last = Signal()
        self._adding_pass = Signal(_Pass)
        self._adding_modulus = Signal(Modulo)
        self._adding_tag = Signal.like(self.tag)
        self._rows = [Signal(_ROW_BITS, name=f"row_{number}") for number in range(2)]
        self._total = Signal(_SUM_BITS)  # the sum as it will be
        self._sum = Signal(_SUM_BITS)
        self._waiting = Signal(len(_CUTS))  # carries that belong to the bits at the cuts
        # The result.
        self._final_modulus = Signal(Modulo)
        self._candidates = [Signal(BITS + 2, name=f"candidate_{number}") for number in range(2)]

    def elaborate(self, platform):
        m = Module()
        self._sequence(m)
        self._multiply(m)
        self._accumulate(m)
        self._finish(m)
        return m

    def _sequence(self, m):
        """Steps through the passes of a multiplication, and loads what the next one multiplies."""
        fast = Array(int(modulus.sparse is not None) for modulus in MODULI.values())[self._modulus.as_value()]
        last, upcoming = Signal(), Signal(_Pass)
        for is_fast, passes in _PASSES.items():
            with m.If(fast == int(is_fast)):
                m.d.comb += last.eq(self._step == len(passes) - 1)
                with m.Switch(self._step):
                    for step, kind in enumerate(passes[1:]):
                        with m.Case(step):
                            m.d.comb += upcoming.eq(kind)
        with m.If(self._running):
            m.d.sync += [self._step.eq(self._step + 1), self._pass.eq(upcoming), self._running.eq(~last)]
            self._load(m, upcoming)
        with m.If(self.start):
            m.d.sync += [
                self._running.eq(1),
                self._step.eq(0),
                self._pass.eq(_Pass.OPERAND),
                self._modulus.eq(self.modulus),
                self._tag.eq(self.tag),
                self._left.eq(self.left),
                self._right.eq(self.right >> WORD_BITS),
                self._factor.eq(self.left),
                self._digit.eq(self.right),
            ]
        m.d.comb += self._last.eq(last)

    def _load(self, m, upcoming):
        """Loads the factor and the digit of the pass that comes next."""
        with m.Switch(upcoming):
            with m.Case(_Pass.OPERAND):
                m.d.sync += [
                    self._factor.eq(self._left),
                    self._digit.eq(self._right),
                    self._right.eq(self._right >> WORD_BITS),
                ]
            with m.Case(_Pass.QUOTIENT):
                m.d.sync += [self._factor.eq(self._constant("carried")), self._digit.eq(self._total)]
            with m.Case(_Pass.SETTLE):
                m.d.sync += self._digit.eq(0)
            with m.Case(_Pass.INVERSE):
                m.d.sync += [self._factor.eq(self._constant("inverse")), self._digit.eq(self._total)]
            with m.Case(_Pass.FOLD):  # no carry has been waiting since the second pass that settled
                m.d.sync += [
                    self._factor.eq(self._constant("complement") << WORD_BITS),
                    self._digit.eq(self._sum[_ROW_BITS:]),
                ]
            with m.Case(_Pass.MODULUS):
                low = [row[:WORD_BITS] for row in self._rows]
                m.d.sync += [self._factor.eq(self._constant("value")), self._digit.eq(low[0] + low[1])]

    def _multiply(self, m):
        """Factor times digit, as two rows."""
        products = [[], [], [], []]  # no two of a list overlap
        for place in range(0, BITS, _HALF):
            odd = place // _HALF % 2
            for half in range(2):
                product = self._factor[place : place + _HALF] * self._digit.word_select(half, _HALF)
                products[odd + 2 * half].append(product)
        low_even, low_odd, high_even, high_odd = (Cat(*row) for row in products)
        rows = [Signal(_ROW_BITS) for _ in range(4)]
        m.d.comb += [
            rows[0].eq(low_even),
            rows[1].eq(low_odd << _HALF),
            rows[2].eq(high_even << _HALF),
            rows[3].eq(high_odd << WORD_BITS),
        ]
        m.d.sync += Cat(self._rows).eq(Cat(carry_save(*carry_save(*rows[:3]), rows[3])))

    def _constant(self, name):
        """A constant of the modulus in work, if its quotient has to be multiplied; otherwise anything."""
        modulos = [modulo for modulo, modulus in MODULI.items() if modulus.sparse is None]
        constant = C(getattr(MODULI[modulos[0]], name), BITS)
        for modulo in modulos[1:]:
            constant = Mux(self._modulus == modulo, C(getattr(MODULI[modulo], name), BITS), constant)
        return constant

    def _carried(self, modulus, *, moved):
        """What is added besides the rows: the quotient's digit, where it needs no product, and the carries.

        ``moved`` tells that the sum moves down by a digit. Without ``modulus`` the digit is added whatever
        the modulus is.
        """
        bits = [C(0, 1)] * _SUM_BITS
        for name, constants in MODULI.items():
            for word, sign in constants.sparse or ():
                for bit in range(WORD_BITS):
                    digit = self._sum[bit] if sign > 0 else ~self._sum[bit]
                    place = word * WORD_BITS + bit
                    bits[place] = digit if modulus is None else bits[place] | (digit & (modulus == name))
        for cut, carry in zip(_CUTS, self._waiting, strict=True):
            bits[cut] = bits[cut] | (carry & ~moved)
            bits[cut - WORD_BITS] = bits[cut - WORD_BITS] | (carry & moved)
        return Cat(bits)

    def _accumulate(self, m):
        """Adds the rows to the sum, which moves down by a digit with each of left's products."""
        moved = self._adding_pass == _Pass.OPERAND
        fold = self._adding_pass == _Pass.FOLD
        start = Array(_offset(modulus) for modulus in MODULI.values())[self._adding_modulus.as_value()]
        base, carried = Signal(_SUM_BITS), Signal(_SUM_BITS)
        kept = Cat(self._sum[:_ROW_BITS], self._sum[_ROW_BITS:] & ~fold.replicate(_SUM_BITS - _ROW_BITS))
        with m.If(self._adding_first):
            m.d.comb += base.eq(start)
        with m.Else():
            m.d.comb += [
                base.eq(Mux(moved, self._sum >> WORD_BITS, kept)),
                carried.eq(self._carried(self._adding_modulus, moved=moved)),
            ]
        rows = [Signal(_SUM_BITS, name=f"addend_{number}") for number in range(2)]
        m.d.comb += [addend.eq(row) for addend, row in zip(rows, self._rows, strict=True)]
        first, second = carry_save(*carry_save(base, *rows), carried)
        carries = []
        for low, high in zip((0, *_CUTS), (*_CUTS, _SUM_BITS), strict=True):
            part = Signal(high - low + 1, name=f"part_{low}")
            m.d.comb += [part.eq(first[low:high] + second[low:high]), self._total[low:high].eq(part)]
            carries.append(part[-1])
        with m.If(self._adding & (self._adding_pass != _Pass.INVERSE)):
            m.d.sync += [self._sum.eq(self._total), self._waiting.eq(Cat(carries[:-1]))]
        m.d.sync += [
            self._adding.eq(self._running),
            self._adding_first.eq(self._step == 0),
            self._adding_last.eq(self._running & self._last),
            self._adding_pass.eq(self._pass),
            self._adding_modulus.eq(self._modulus),
            self._adding_tag.eq(self._tag),
        ]

    def _finish(self, m):
        """The sum and the sum less m, of which one is the result."""
        finishing, tag = Signal(), Signal.like(self.tag)
        m.d.sync += [
            finishing.eq(self._adding_last),
            tag.eq(self._adding_tag),
            self._final_modulus.eq(self._adding_modulus),
            self.done.eq(finishing),
            self.done_tag.eq(tag),
        ]
        width = BITS + 2
        base, carried = Signal(width), Signal(width)
        m.d.comb += [
            base.eq(self._sum >> WORD_BITS),
            carried.eq(self._carried(None, moved=C(1, 1))),
        ]
        for number, candidate in enumerate(self._candidates):
            constants = [(-_excess(name) - number * name.value) % (1 << width) for name in MODULI.values()]
            constant = Array(constants)[self._final_modulus.as_value()]
            zeros = min((value & -value).bit_length() - 1 for value in constants if value)
            high = carry_save(*(row[zeros:] for row in (base, carried, C(0, width) | constant)))
            first, second = (Cat(row[:zeros], top) for row, top in zip((base, carried), high, strict=True))
            m.d.sync += candidate.eq(first + second)
        whole, less = self._candidates
        m.d.comb += [
            self.result.eq(Mux(less[-1], whole, less)),
            self.active.eq(self._running | self._adding | finishing | self.done),
        ]


def _offset(modulus):
    """What the sum holds too much because digits to be subtracted are added inverted."""
    return sum(1 << (word + 1) * WORD_BITS for word, sign in modulus.sparse or () if sign < 0)


def _excess(modulus):
    """What the result holds too much.

    Of a modulus whose quotient is multiplied, the last digit in the sum is zero, but added inverted as well.
    """
    if modulus.sparse is not None:
        return _offset(modulus)
    (words,) = (other.sparse for other in MODULI.values() if other.sparse is not None)
    return sum((1 << WORD_BITS) - 1 << word * WORD_BITS for word, sign in words if sign < 0)
