"""The unit in Python: runs the microprogram on integers and counts the cycles that the hardware takes."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from .arithmetic import MAX_REGISTERS, MODULI, Modulo, Operation, Timing, compute
from .curve import COLUMNS, P256, TABLES, TEETH, WINDOW
from .declarations import Status, point_rom
from .microcode import (
    AREA_WORDS,
    ASYNCHRONOUS,
    Area,
    ArithmeticWord,
    Condition,
    Control,
    Kind,
    Other,
    Request,
    RequestWord,
    Select,
)
from .moves import MOVE_CYCLES
from .program import program
from .scalar import BLIND_CYCLES, DIGIT_CYCLES, ROW_BITS, Blind, Digit, blinded_words

__all__ = ["Class", "Model", "Peers"]

_ROM = None
_WIPE_CYCLES = {"row": MAX_REGISTERS + 6, "compact": AREA_WORDS * MAX_REGISTERS + 6}
_HMACS = (Request.HMAC_SEED, Request.HMAC_VALUE, Request.HMAC_AGAIN)


def _rom():
    """The table memory as numbers of 256 bits."""
    global _ROM
    if _ROM is None:
        words = point_rom()
        _ROM = [
            sum(word << 32 * place for place, word in enumerate(words[first : first + AREA_WORDS]))
            for first in range(0, len(words), AREA_WORDS)
        ]
    return _ROM


@dataclass(frozen=True)
class Class:
    """What the key store says of a key."""

    external: bool = False
    to_bus: bool = False
    template: bool = False
    unchecked: bool = False


@dataclass
class Peers:
    """What surrounds the unit, and how long it takes.

    Parameters
    ----------
    keys : dict of int to (int, Class)
        The slots that are not empty.
    random : callable
        Gives a random word; None when there is no randomness any more.
    healthy : bool
        There is randomness when the operation begins.
    cycles : dict of Request to int
        How long the unit is busy with each request to another block.
    first_hmac : int
        Cycles more of the first HMAC after its key.
    results : dict of int to (int, bool)
        The keys that came into slots, and if they are external.
    """

    keys: dict
    random: Callable[[], int | None]
    healthy: bool = True
    cycles: dict = field(default_factory=dict)
    first_hmac: int = 0
    results: dict = field(default_factory=dict)

    def result(self, slot, value, external):
        """Put a key into a slot; returns whether that is done."""
        if slot in self.keys or slot in self.results:
            return False
        self.results[slot] = (value, external)
        return True


class Model:
    """Model of the unit.

    Parameters
    ----------
    variant : str
        Of the arithmetic unit.
    peers : Peers
        What surrounds it.
    """

    def __init__(self, *, variant, peers):
        self._program = [_decoded(*line) for line in program(variant=variant).lines()]
        self.variant = variant
        self.peers = peers
        self.words = [0] * 128
        self.registers = [0] * MAX_REGISTERS
        self.cycles = 0

    def number(self, area):
        """The number in an area."""
        first = area.value * AREA_WORDS
        return int.from_bytes(
            b"".join(w.to_bytes(4, "big") for w in self.words[first : first + AREA_WORDS]), "big"
        )

    def load(self, area, value):
        """Put a number into an area."""
        data = value.to_bytes(4 * AREA_WORDS, "big")
        first = area.value * AREA_WORDS
        for word in range(AREA_WORDS):
            self.words[first + word] = int.from_bytes(data[4 * word : 4 * word + 4], "big")

    def run(self, operation, *, slot=0, target=0, to_slot=False, template=None):
        """Do an operation; returns its status. ``cycles`` is how long it took."""
        self._timing = Timing(variant=self.variant)
        self._slot, self._target, self._template = slot, target, template
        self._flags = {Condition.ALWAYS: True, Condition.TO_SLOT: to_slot}
        self._flags[Condition.TEMPLATE] = template is not None
        self._class = Class()
        self._pc, self._stack, self._repeat, self._free = operation.value, [], 0, 0
        self._hmac_key = None
        self._index, self._counted, self._mark, self._new_key = 0, None, False, False
        self._position, self._sign, self._table, self._status = 0, False, 0, Status.SUCCESS
        now = 2
        while now is not None:
            shape, fields = self._program[self._pc]
            now = self._steps[shape](self, fields, now)
        return self._status

    def _arithmetic(self, instruction, now):
        operation, modulo, target, left, right, indexed, by_zero = instruction
        condition = False
        if indexed:
            now = max(now, self._free + 1)
            index = self._index if self._counted is None else self._counted
            target |= index * ("target" in indexed)
            left |= index * ("left" in indexed)
            right |= index * ("right" in indexed)
        if operation == Operation.SELECT:
            now = max(now, self._timing.idle if by_zero else self._free)
            condition = self._flags.get(Condition.ZERO, False) if by_zero else self._sign
        modulus, registers = MODULI[modulo], self.registers
        for _ in range(self._repeat + 1):
            times = self._timing.take(operation, modulo, target, left, right, offered=now)
            result = compute(operation, modulus, registers[left], registers[right], condition)
            registers[target] = result.value
            now = times.taken + 1
        if operation != Operation.MULTIPLY:
            self._flags[Condition.ZERO], self._flags[Condition.BORROW] = result.zero, result.borrow
        self._repeat = 0
        self._pc += 1
        return now + 1

    def _request(self, fields, now):
        request = fields["request"]
        now = max(now, self._free)
        if request in MOVE_CYCLES or request == Request.WIPE:
            now = max(now, self._timing.idle)
        self._refused = False
        cycles = self._do(request, fields["area"], fields["register"], fields["argument"])
        self._flags[Condition.REFUSED] = self._refused
        self._free = now + 1 + cycles
        self._pc += 1
        if request in ASYNCHRONOUS:
            return now + 2
        return self._free + 1

    def _do(self, request, area, register, argument):
        """Do a request; returns how long it takes."""
        if request in self._externals:
            if request == Request.HASH_WIPE and self._hmac_key is None:
                return 1
            self._externals[request](self, area, argument)
            return self.peers.cycles.get(request, 0) + self._fetch(request)
        match request:
            case Request.PUT:
                self.registers[register] = self.number(area)
            case Request.FETCH:
                self.load(area, self.registers[register])
            case Request.CONSTANT:
                self.registers[register] = _rom()[2 * (TABLES + 1) * (1 << TEETH - 1) + argument]
            case Request.POINT:
                place = 2 * (self._table << TEETH - 1 | self._index)
                self.registers[register : register + 2] = _rom()[place : place + 2]
            case Request.WIPE:
                self.registers = [0] * MAX_REGISTERS
                return _WIPE_CYCLES[self.variant]
            case Request.FILL:
                first = area.value * AREA_WORDS
                self.words[first : first + register * AREA_WORDS] = [0x0101_0101 * argument] * (
                    register * AREA_WORDS
                )
                return MOVE_CYCLES[request] * register
            case Request.RANDOM:
                return self._random(area, argument)
            case Request.BLIND:
                return self._blind(area, Blind(argument))
            case Request.DIGIT:
                return self._digit(Digit(argument))
        return MOVE_CYCLES[request]

    def _fetch(self, request):
        """The hash unit fetches a new key's values with the first HMAC."""
        first, self._new_key = self._new_key, request == Request.HMAC_KEY
        return self.peers.first_hmac if first and request in _HMACS else 0

    def _random(self, area, odd):
        value = 0
        for taken in range(AREA_WORDS):
            word = self.peers.random()
            if word is None:
                self._refused = True
                return taken + 1
            value = value << 32 | word
        self.load(area, (value & ~(1 << 255)) | 1 if odd else value)
        return MOVE_CYCLES[Request.RANDOM]

    def _blind(self, area, blind):
        first = Area.RANDOM.value * AREA_WORDS
        random = self.words[first] >> -P256.blinding_bits % 32
        for word in self.words[first + 1 : first + P256.factor_words]:
            random = random << 32 | word
        place = (Area.PUBLIC_SCALAR if blind == Blind.PUBLIC_POINT else Area.SCALAR).value * AREA_WORDS
        self.words[place : place + P256.scalar_words] = blinded_words(self.number(area), random, blind)
        return BLIND_CYCLES[blind]

    def _digit(self, digit):
        area = Area.PUBLIC_SCALAR if digit == Digit.POINT else Area.SCALAR
        value, position = 0, self._position
        for number in range(TEETH):
            bit = position + number
            if digit == Digit.COMB:
                row, part = position // TABLES % (1 << ROW_BITS), position % TABLES + TABLES * number
                bit = row + COLUMNS // TABLES * part
            word = self.words[area.value * AREA_WORDS + (bit + 1 >> 5) % 16]
            value |= (word >> (bit + 1) % 32 & 1) << number
        self._sign = bool(value >> TEETH - 1)
        low = value % (1 << TEETH - 1)
        self._index = low if self._sign else (1 << TEETH - 1) - 1 - low
        self._counted = None
        self._table = position % TABLES if digit == Digit.COMB else TABLES
        self._flags[Condition.MORE] = position >= 0
        if digit != Digit.POINT:
            self._position -= 1 if digit == Digit.COMB else WINDOW
        return DIGIT_CYCLES

    def _key(self, area, argument):
        answer = self.peers.keys.get(self._slot)
        if answer is None:
            self._refused = True
            return
        value, self._class = answer
        self.load(area, value)

    def _result(self, area, argument):
        external = self._class.external and area == Area.SHARED
        self._refused = not self.peers.result(self._target, self.number(area), external)

    def _digest(self, area, argument):
        self.load(area, self._template)

    def _hash_key(self, area, argument):
        self._hmac_key = self.number(Area.HMAC_KEY).to_bytes(32, "big")

    def _mac(self, area, message):
        digest = hmac.new(self._hmac_key, message, hashlib.sha256).digest()
        self.load(area, int.from_bytes(digest, "big"))

    def _seed(self, area, argument):
        value, *rest = (
            self.number(each).to_bytes(32, "big") for each in (Area.VALUE, Area.KEY, Area.HASHED, Area.RANDOM)
        )
        self._mac(area, value + bytes([argument]) + b"".join(rest))

    def _value(self, area, argument):
        self._mac(area, self.number(Area.VALUE).to_bytes(32, "big"))

    def _again(self, area, argument):
        self._mac(area, self.number(Area.VALUE).to_bytes(32, "big") + b"\0")

    def _forget(self, area, argument):
        self._hmac_key = None

    _externals = {
        Request.KEY: _key,
        Request.RESULT: _result,
        Request.TEMPLATE: _digest,
        Request.HMAC_KEY: _hash_key,
        Request.HMAC_SEED: _seed,
        Request.HMAC_VALUE: _value,
        Request.HMAC_AGAIN: _again,
        Request.HASH_WIPE: _forget,
    }

    def _holds(self, condition):
        match condition:
            case Condition.LAST_INDEX:
                return self._counted == (1 << TEETH - 1) - 1
            case Condition.MARKED:
                return self._mark
            case Condition.HEALTHY:
                return self.peers.healthy
            case Condition.TEMPLATE_KEY:
                return self._class.template
            case Condition.UNCHECKED:
                return self._class.unchecked
            case Condition.TO_BUS:
                return self._class.external and self._class.to_bus
        return self._flags.get(condition, False)

    def _control(self, fields, now):
        value, condition = fields["value"], fields["condition"]
        self._pc, goes = self._pc + 1, None
        match fields["control"]:
            case Control.JUMP:
                if condition in (Condition.ZERO, Condition.BORROW):
                    now = max(now, self._timing.idle)
                elif condition == Condition.MORE:
                    now = max(now, self._free)
                if self._holds(condition) != fields["negate"]:
                    goes = value
            case Control.CALL:
                self._stack.append(self._pc)
                goes = value
            case Control.RETURN:
                goes = self._stack.pop()
            case Control.POSITION:
                self._position = value
            case Control.INDEX:
                self._counted = value
            case Control.STEP:
                self._counted += 1
            case Control.REPEAT:
                self._repeat = value
            case Control.OTHER:
                match Other(condition.value):
                    case Other.MARK:
                        self._mark = bool(value)
                    case Other.STATUS:
                        self._status = Status(value)
                    case Other.END:
                        self.cycles = now + 1
                        return None
        if goes is None:
            return now + 2
        self._pc = goes
        return now + 3

    _steps = {Kind.ARITHMETIC: _arithmetic, Kind.REQUEST: _request, Kind.CONTROL: _control}


class _Arithmetic(NamedTuple):
    """An arithmetic instruction; ``indexed`` has the names of the registers that the index is added to."""

    operation: Operation
    modulus: Modulo
    target: int
    left: int
    right: int
    indexed: tuple[str, ...]
    by_zero: bool


def _decoded(shape, fields):
    """An instruction as the model takes it: its kind, and its fields or an `_Arithmetic`."""
    if shape is ArithmeticWord:
        indexed = tuple(name for name in ("target", "left", "right") if fields[f"{name}_indexed"])
        values = (fields[name] for name in ("operation", "modulus", "target", "left", "right"))
        return Kind.ARITHMETIC, _Arithmetic(*values, indexed, fields["select"] == Select.ZERO)
    return Kind.REQUEST if shape is RequestWord else Kind.CONTROL, fields
