"""Every key takes the same cycles: the exact model over all edges of the range and 10 000 random keys.

The keys go through the program together, a column of numbers wherever the model has a number. It is an error
if a jump is taken for one key and not for another, or if an instruction could wait for a register that the
digit of one key names and that of another one does not; what they have in common then are the cycles.
WATTSEAL_CONSTANT_TIME=all (``make constant-time``) takes them all, otherwise there are a few. The program
itself is looked at in `test_taint.py`, the RTL in `tests/sw/app/drivers/test_constant_time.py`.
"""

import hmac
import os
import random
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from rtl.crypto.p256 import model as model_module
from rtl.crypto.p256.arithmetic import MAX_REGISTERS, Operation, Result, Timing
from rtl.crypto.p256.curve import COLUMNS, P256, TABLES, TEETH, WINDOW
from rtl.crypto.p256.declarations import CONSTANTS, Constant, Operate, Status, point_rom
from rtl.crypto.p256.microcode import AREA_WORDS, Area, Condition, Request
from rtl.crypto.p256.model import Class, Model, Peers
from rtl.crypto.p256.moves import MOVE_CYCLES
from rtl.crypto.p256.program import Register
from rtl.crypto.p256.scalar import DIGIT_CYCLES, ROW_BITS, Digit

ALL = os.environ.get("WATTSEAL_CONSTANT_TIME") == "all"
RANDOM_KEYS = 10_000 if ALL else 5
CHUNK = 500
CURVE = ec.SECP256R1()
ALGORITHM = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
SLOT, TARGET = 3, 4
ENTRIES = 1 << TEETH - 1
WORD, NUMBER = (1 << 32) - 1, (1 << 256) - 1
USUAL_KEY = 0x1234_5678_9ABC_DEF0 << 190 | 0x0FED_CBA9_8765_4321


def _edges():
    """Both ends of the range, powers of two, runs of ones and zeros, and every digit in every window."""
    n, top = P256.n, 1 << P256.bits
    places = range(P256.bits)
    keys = [*range(1, 70), *(n - number for number in range(1, 70))]
    keys += [1 << place for place in places] + [n - (1 << place) for place in places]
    keys += [(1 << place) - 1 for place in places] + [n - (1 << place) + 1 for place in places]
    keys += [top - (1 << place) for place in places]  # ones above zeros
    keys += [(top - 1) // 2 ^ WORD << 32 * word for word in range(8)]  # a word of zeros
    keys += [int(digit * 64, 16) for digit in "123456789ABCDE"]
    keys += [sum(digit << 5 * window for window in range(51)) for digit in range(1, 32)]
    return sorted({key for key in keys if 0 < key < n})


def _keys():
    rng = random.Random("keys")
    edges = _edges() if ALL else [1, 2, 3, P256.n - 2, P256.n - 1, 1 << 255, (1 << 200) - 1]
    return [*edges, *(rng.randrange(1, P256.n) for _ in range(RANDOM_KEYS))]


KEYS = _keys()


# The model, with columns ------------------------------------------------------------------------------


def column(numbers):
    """Numbers of any size, one for each key."""
    made = np.empty(len(numbers), object)
    made[:] = numbers
    return made


def compute(operation, modulus, left, right, condition=False):
    """`arithmetic.compute` of columns."""
    borrow = False
    match operation:
        case Operation.MULTIPLY:
            value = left * right * modulus.radix_inverse % modulus.value
        case Operation.ADD:
            value = left + right
            value = value - (value >= modulus.value).astype(object) * modulus.value
        case Operation.SUBTRACT:
            borrow = (left < right).astype(bool)
            value = left - right + borrow.astype(object) * modulus.value
        case Operation.SELECT:
            value = np.where(condition, left, right)
    value = value & NUMBER
    return Result(value, (value == 0).astype(bool), borrow)


def _one_of(name):
    """A register by its number, or the table of which each key names an entry."""
    if not isinstance(name, np.ndarray):
        return name
    first = int(name[0]) // ENTRIES * ENTRIES
    # The name of a register beside a table's entry comes as a column, too.
    return range(first, first + ENTRIES) if first in Register.TABLE else int(name[0])


class LockstepTiming(Timing):
    """Refuses an instruction that would wait for some of the registers that digits name."""

    def take(self, operation, modulus, target, left, right, *, offered=0):
        names = [_one_of(name) for name in (target, left, right)]
        for first in names:
            if isinstance(first, range):
                assert all(self._usable.get(entry, 0) <= offered for entry in first)
        names = [name[0] if isinstance(name, range) else name for name in names]
        return super().take(operation, modulus, *names, offered=offered)


class Registers(list):
    """Columns; at a column of indices, each key has the entry of its own."""

    def __getitem__(self, name):
        table = name if isinstance(name, slice) else _one_of(name)
        if not isinstance(table, range):
            return super().__getitem__(table)
        entries = super().__getitem__(slice(table.start, table.stop))
        return np.choose(name.astype(int) - table.start, entries)

    def __setitem__(self, name, value):
        super().__setitem__(name if isinstance(name, slice) else _one_of(name), value)


class Lockstep(Model):
    """The model of many keys at the same time; ``keys`` are those of a slot, of a class."""

    def __init__(self, *, variant, count, rng, keys=None, drawn=(), **key_class):
        drawn = list(drawn)

        def random_words():
            return drawn.pop(0) if drawn else column([rng.getrandbits(32) for _ in range(count)])

        slots = {} if keys is None else {SLOT: (column(keys), Class(**key_class))}
        super().__init__(variant=variant, peers=Peers(keys=slots, random=random_words))
        self._count = count
        self._forget_registers()
        words = point_rom()
        self._points = column(
            [
                sum(word << 32 * place for place, word in enumerate(words[at : at + AREA_WORDS]))
                for at in range(0, len(words), AREA_WORDS)
            ]
        )

    def _forget_registers(self):
        self.registers = Registers([column([0] * self._count)] * MAX_REGISTERS)

    def number(self, area):
        first, value = area.value * AREA_WORDS, column([0] * self._count)
        for word in self.words[first : first + AREA_WORDS]:
            value = value << 32 | word
        return value

    def load(self, area, value):
        for word in range(AREA_WORDS):
            self.words[area.value * AREA_WORDS + word] = value >> 32 * (AREA_WORDS - 1 - word) & WORD

    def _holds(self, condition):
        answer = super()._holds(condition)
        if isinstance(answer, np.ndarray):
            assert answer.all() or not answer.any(), f"{condition.name} is not the same for all keys"
            return bool(answer[0])
        return answer

    def _do(self, request, area, register, argument):
        match request:
            case Request.CONSTANT:
                self.registers[register] = column([CONSTANTS[Constant(argument)]] * self._count)
            case Request.POINT:
                place = (2 * (self._table << TEETH - 1 | self._index)).astype(int)
                self.registers[register : register + 2] = self._points[place], self._points[place + 1]
            case Request.WIPE:
                cycles = super()._do(request, area, register, argument)
                self._forget_registers()
                return cycles
            case _:
                return super()._do(request, area, register, argument)
        return MOVE_CYCLES[request]

    def _digit(self, digit):
        area = Area.PUBLIC_SCALAR if digit == Digit.POINT else Area.SCALAR
        value, position = column([0] * self._count), self._position
        for number in range(TEETH):
            bit = position + number
            if digit == Digit.COMB:
                row, part = position // TABLES % (1 << ROW_BITS), position % TABLES + TABLES * number
                bit = row + COLUMNS // TABLES * part
            word = self.words[area.value * AREA_WORDS + (bit + 1 >> 5) % 16]
            value = value | (word >> (bit + 1) % 32 & 1) << number
        self._sign = value >= ENTRIES
        self._index = np.where(self._sign, value % ENTRIES, ENTRIES - 1 - value % ENTRIES)
        self._counted, self._flags[Condition.MORE] = None, position >= 0
        self._table = position % TABLES if digit == Digit.COMB else TABLES
        if digit != Digit.POINT:
            self._position -= 1 if digit == Digit.COMB else WINDOW
        return DIGIT_CYCLES

    def _bytes(self, area):
        return [number.to_bytes(32, "big") for number in self.number(area)]

    def _hash_key(self, area, argument):
        self._hmac_key = self._bytes(Area.HMAC_KEY)

    def _mac(self, area, messages):
        digests = map(hmac.digest, self._hmac_key, messages, ["sha256"] * self._count)
        self.load(area, column([int.from_bytes(digest, "big") for digest in digests]))

    def _seed(self, area, argument):
        parts = [self._bytes(each) for each in (Area.VALUE, Area.KEY, Area.HASHED, Area.RANDOM)]
        value, *rest = parts
        tags = [bytes([argument])] * self._count
        self._mac(area, [b"".join(each) for each in zip(value, tags, *rest, strict=True)])

    def _value(self, area, argument):
        self._mac(area, self._bytes(Area.VALUE))

    _externals: Any = Model._externals | {
        Request.HMAC_KEY: _hash_key,
        Request.HMAC_SEED: _seed,
        Request.HMAC_VALUE: _value,
    }


# Operations -------------------------------------------------------------------------------------------


def _points(keys):
    numbers = [ec.derive_private_key(key, CURVE).public_key().public_numbers() for key in keys]
    return [each.x for each in numbers], [each.y for each in numbers]


def _told(model, *areas):
    return tuple(list(model.number(area)) for area in areas)


def _generate(variant, rng, keys):
    words = [column([key >> 32 * place & WORD for key in keys]) for place in reversed(range(AREA_WORDS))]
    model = Lockstep(variant=variant, count=len(keys), rng=rng, drawn=words)
    assert model.run(Operate.GENERATE, target=TARGET) == Status.SUCCESS
    made, external = model.peers.results[TARGET]
    assert (list(made), external) == (keys, False)
    assert _told(model, Area.X, Area.Y) == _points(keys)
    return model.cycles


def _public(variant, rng, keys):
    model = Lockstep(variant=variant, count=len(keys), rng=rng, keys=keys)
    assert model.run(Operate.PUBLIC, slot=SLOT) == Status.SUCCESS
    assert _told(model, Area.X, Area.Y) == _points(keys)
    return model.cycles


def _sign(variant, rng, keys, *, unchecked=False):
    model = Lockstep(variant=variant, count=len(keys), rng=rng, keys=keys, unchecked=unchecked)
    special = (0, P256.n, NUMBER)
    digests = [rng.choice((*special, *(rng.getrandbits(256) for _ in range(5)))) for _ in keys]
    model.load(Area.DIGEST, column(digests))
    assert model.run(Operate.SIGN, slot=SLOT) == Status.SUCCESS
    for key, digest, r, s in zip(keys, digests, *_told(model, Area.R, Area.S), strict=True):
        public, signature = ec.derive_private_key(key, CURVE).public_key(), utils.encode_dss_signature(r, s)
        public.verify(signature, digest.to_bytes(32, "big"), ALGORITHM)
    return model.cycles


def _sign_unchecked(variant, rng, keys):
    return _sign(variant, rng, keys, unchecked=True)


def _agree(variant, rng, keys):
    peers = [rng.choice([1, P256.n - 1, key, rng.randrange(1, P256.n)]) for key in keys]
    xs, ys = _points(peers)
    model = Lockstep(variant=variant, count=len(keys), rng=rng, keys=keys, external=True, to_bus=True)
    model.load(Area.X, column(xs))
    model.load(Area.Y, column(ys))
    assert model.run(Operate.AGREE, slot=SLOT) == Status.SUCCESS
    secrets = _points([key * peer % P256.n for key, peer in zip(keys, peers, strict=True)])[0]
    assert _told(model, Area.SHARED) == (secrets,)
    return model.cycles


OPERATIONS = {
    "generate": _generate,
    "public": _public,
    "sign": _sign,
    "sign_unchecked": _sign_unchecked,
    "agree": _agree,
}


@pytest.fixture
def columns(monkeypatch):
    """Lets the model work with columns."""
    monkeypatch.setattr(model_module, "compute", compute)
    monkeypatch.setattr(model_module, "Timing", LockstepTiming)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("first", range(0, len(KEYS), CHUNK))
def test_every_key_takes_the_same_cycles(columns, variant, first, name):
    run, keys = OPERATIONS[name], KEYS[first : first + CHUNK]
    usual = run(variant, random.Random("usual"), [USUAL_KEY])
    assert run(variant, random.Random(f"{name} {first}"), keys) == usual, f"{len(keys)} keys from {first} on"


def test_it_is_the_model(columns, monkeypatch):
    """One key in columns takes the cycles of one key without, and a wrong key is seen."""
    column_cycles = _sign("row", random.Random(1), [USUAL_KEY])
    monkeypatch.undo()
    rng = random.Random(2)
    model = Model(
        variant="row", peers=Peers(keys={SLOT: (USUAL_KEY, Class())}, random=lambda: rng.getrandbits(32))
    )
    assert model.run(Operate.SIGN, slot=SLOT) == Status.SUCCESS
    assert model.cycles == column_cycles


def test_keys_that_go_different_ways_are_an_error(columns):
    model = Lockstep(variant="row", count=2, rng=random.Random(3), keys=[5, P256.n])
    with pytest.raises(AssertionError, match="BORROW is not the same for all keys"):
        model.run(Operate.PUBLIC, slot=SLOT)
