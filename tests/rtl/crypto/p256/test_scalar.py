"""Scalars and their digits against plain numbers, and the time that they take."""

import random

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.crypto.p256.curve import COLUMNS, P256, TABLES, TEETH, WINDOW
from rtl.crypto.p256.microcode import Area
from rtl.crypto.p256.scalar import (
    BLIND_CYCLES,
    DIGIT_CYCLES,
    POSITION_BITS,
    Blind,
    Digit,
    Scalar,
    blinded_words,
)
from rtl.crypto.p256.store import Store, StoreSignature
from sim.block import Block

LIMIT = 2000
_RUN = (1 << 200) - 1
EDGES = [0, 1, 2, 3, P256.n - 1, P256.n - 2, P256.n, (1 << 256) - 1, 1 << 255, _RUN, 0xFFFF_FFFF << 224]
_FACTOR_BITS = P256.blinding_bits
_FACTORS = [0, 1, (1 << _FACTOR_BITS) - 1, (1 << _FACTOR_BITS) - 2, 0x1234_5678_9ABC_DEF0]
_BITS = P256.scalar_bits


class _Bench(wiring.Component):
    def __init__(self):
        super().__init__(
            {
                "window": In(StoreSignature()),
                "blind": In(1),
                "digit": In(1),
                "area": In(Area),
                "argument": In(2),
                "load": In(1),
                "position": In(POSITION_BITS),
                "clear": In(1),
                "idle": Out(1),
                "index": Out(TEETH - 1),
                "sign": Out(1),
                "table": Out(range(TABLES + 1)),
                "more": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.store = store = Store(users=2)
        m.submodules.scalar = scalar = Scalar()
        connect(m, flipped(self.window), store.ports[0])
        connect(m, scalar.store, store.ports[1])
        m.d.comb += [
            scalar.blind_start.eq(self.blind),
            scalar.digit_start.eq(self.digit),
            scalar.area.eq(self.area),
            scalar.argument.eq(self.argument),
            scalar.position_load.eq(self.load),
            scalar.position.eq(self.position),
            scalar.clear.eq(self.clear),
            self.idle.eq(~scalar.busy),
            self.index.eq(scalar.index),
            self.sign.eq(scalar.sign),
            self.table.eq(scalar.table),
            self.more.eq(scalar.more),
        ]
        return m


class _Scalars:
    def __init__(self, block):
        self.block = block

    def load(self, area, words):
        for place, word in enumerate(words):
            self.block.set("window__write_adr", 8 * area.value + place)
            self.block.set("window__write_data", word)
            self.block.set("window__write_en", 1)
            self.block.tick()
        for name in ("adr", "data", "en"):
            self.block.set(f"window__write_{name}", 0)

    def words(self, area, count):
        words = []
        for place in range(count):
            self.block.set("window__read_adr", 8 * area.value + place)
            self.block.tick()
            words.append(self.block.get("window__read_data"))
        self.block.set("window__read_adr", 0)
        return words

    def _start(self, name, argument):
        self.block.set("argument", argument.value)
        self.block.set(name, 1)
        self.block.tick()
        self.block.set(name, 0)
        return self.block.until("idle", LIMIT)

    def blind(self, number, factor, blind, area=Area.KEY):
        """Make a scalar; returns its words and how long it took."""
        self.load(area, [number >> 32 * (7 - place) & 0xFFFF_FFFF for place in range(8)])
        top, *words = (factor >> 32 * place & 0xFFFF_FFFF for place in reversed(range(P256.factor_words)))
        self.load(Area.RANDOM, [top << -_FACTOR_BITS % 32, *words])
        self.block.set("area", area.value)
        cycles = self._start("blind", blind)
        target = Area.PUBLIC_SCALAR if blind == Blind.PUBLIC_POINT else Area.SCALAR
        return self.words(target, P256.scalar_words), cycles

    def digit(self, digit):
        """Read a digit: (its value, table, if there are more)."""
        assert self._start("digit", digit) == DIGIT_CYCLES
        number = 2 * self.block.get("index") + 1
        return number if self.block.get("sign") else -number

    def position(self, value):
        self.block.set("position", value)
        self.block.set("load", 1)
        self.block.tick()
        self.block.set("load", 0)


@pytest.fixture(scope="module")
def compiled():
    return Block(_Bench())


@pytest.fixture
def scalars(compiled):
    return _Scalars(compiled.fresh())


def _signs(words):
    """The signs, which begin with the second bit."""
    return sum(word << 32 * place for place, word in enumerate(words)) >> 1


def _signed(words):
    """The number that signs stand for."""
    signs = _signs(words)
    return lambda bits: 2 * signs + 1 - (1 << bits)


@pytest.mark.parametrize("blind", Blind)
def test_scalars_are_odd_representatives(scalars, blind):
    rng = random.Random(blind.value)
    numbers = [*EDGES, *(rng.getrandbits(256) for _ in range(8))]
    for number in numbers:
        for factor in [*_FACTORS, rng.getrandbits(_FACTOR_BITS)]:
            words, cycles = scalars.blind(number, factor, blind)
            said = f"{number:#x} with {factor:#x}"
            assert words == blinded_words(number, factor, blind), said
            assert cycles == BLIND_CYCLES[blind], said
            # Bits 2·c − 1 of c, 340 of them or, unblinded, 260.
            bits = _BITS if blind == Blind.SECRET else 260
            value = _signed(words)(bits)
            assert value % 2 == 1
            assert value % P256.n == number % P256.n, said
            if blind == Blind.SECRET:
                assert (value - number) // P256.n >> 1 == factor >> 1, said


def test_windows_are_the_scalar(scalars):
    for seed in range(4):
        rng = random.Random(seed)
        number, factor = rng.getrandbits(256), rng.getrandbits(_FACTOR_BITS)
        scalars.blind(number, factor, Blind.SECRET)
        scalars.position(_BITS - WINDOW)
        total = 0
        for _ in range(_BITS // WINDOW):
            total = 32 * total + scalars.digit(Digit.BASE)
            assert scalars.block.get("table") == TABLES
            assert scalars.block.get("more")
        assert total % P256.n == number % P256.n, f"seed {seed}"
        scalars.digit(Digit.BASE)
        assert not scalars.block.get("more")


def test_columns_are_the_scalar(scalars):
    for seed in range(4):
        rng = random.Random(seed)
        number, factor = rng.getrandbits(256), rng.getrandbits(_FACTOR_BITS)
        words, _ = scalars.blind(number, factor, Blind.SECRET)
        signs = _signs(words)
        scalars.position(COLUMNS - 1)
        total = 0
        for row in reversed(range(COLUMNS // TABLES)):
            for table in reversed(range(TABLES)):
                digit = scalars.digit(Digit.COMB)
                assert scalars.block.get("table") == table
                column = row + table * COLUMNS // TABLES
                bits = [signs >> column + COLUMNS * tooth & 1 for tooth in range(TEETH)]
                assert digit == sum((2 * bit - 1) << tooth for tooth, bit in enumerate(bits))
                total += sum((2 * bit - 1) << column + COLUMNS * tooth for tooth, bit in enumerate(bits))
        assert total % P256.n == number % P256.n, f"seed {seed}"


def _columns(number, rng, count):
    """How often each column has each digit, in ``count`` scalars of a number."""
    data = b""
    for _ in range(count):
        words = blinded_words(number, rng.getrandbits(_FACTOR_BITS), Blind.SECRET)
        data += b"".join(word.to_bytes(4, "little") for word in words)
    scalars = np.frombuffer(data, np.uint8).reshape(count, -1)
    bits = np.unpackbits(scalars, axis=1, bitorder="little")[:, 1 : _BITS + 1]
    digits = (1 << np.arange(TEETH)) @ bits.reshape(count, TEETH, COLUMNS)
    return np.stack([np.bincount(digits[:, column], minlength=1 << TEETH) for column in range(COLUMNS)])


@pytest.mark.parametrize("number", [1, P256.n - 2, 0x5F2D << 239 | 0xACE5, (1 << 255) + 2])
def test_digits_of_a_number_are_as_often_as_all_others(number):
    """Blinding leaves no column of the comb a digit that tells of the number: chi-squared of each."""
    count, values = 20_000, 1 << TEETH
    often = _columns(number, random.Random(f"columns of {number}"), count)
    often[-1] = often[-1].reshape(2, -1).sum(axis=0).repeat(2) / 2  # its top sign is always 1
    squares = ((often - count / values) ** 2).sum(axis=1) / (count / values)
    # With 31 degrees of freedom, 85 is exceeded once in a million times.
    assert squares.max() < 85, f"column {squares.argmax()}, chi-squared {squares.max():.0f}"


def test_two_scalars_side_by_side(scalars):
    """Those of a verification: a digit of the point's leaves the position to that of the base point's."""
    base, point = 12345, P256.n - 7
    scalars.blind(base, 0, Blind.PUBLIC_BASE)
    scalars.blind(point, 0, Blind.PUBLIC_POINT)
    scalars.position(255)
    totals = [0, 0]
    for _ in range(52):
        totals[1] = 32 * totals[1] + scalars.digit(Digit.POINT)
        totals[0] = 32 * totals[0] + scalars.digit(Digit.BASE)
    assert [total % P256.n for total in totals] == [base, point]


def test_a_digit_can_be_forgotten(scalars):
    scalars.blind(P256.n - 1, 77, Blind.SECRET)
    scalars.position(_BITS - WINDOW)
    scalars.digit(Digit.BASE)
    scalars.block.set("clear", 1)
    scalars.block.tick()
    assert (scalars.block.get("sign"), scalars.block.get("table")) == (0, 0)
