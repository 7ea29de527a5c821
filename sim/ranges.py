"""The ranges of all values of a program of the compute engine: abstract interpretation with intervals.

What a cell of the state can hold when a sample set begins, or the background, is found as the smallest set
of intervals (of those tried) that both map into themselves. Within a run values are followed instruction by
instruction. A value also keeps what it is a sum of, so that a difference of near values, or the same value
twice in a sum, is not taken for more than it is, and a comparison narrows all that it says something of.

The background may be interrupted by sample sets between any two instructions. Of what these write it
knows no more than what they leave, and what they read counts from the moment it is written.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from rtl.metering.arithmetic import CRC_BITS
from rtl.metering.microcode import JUMPS, Base, Destination, Instruction, Operation, Program, Term
from rtl.metering.parameters import WIDE_BITS, WORD_BITS
from rtl.metering.state import Word

from .intervals import Interval

__all__ = ["Finding", "Ranges", "Send"]

_ONE = 1 << 256
_WORD, _WIDE, _ZERO = Interval.of(WORD_BITS), Interval.of(WIDE_BITS), Interval(0, 0)
_CRC = Interval(0, (1 << CRC_BITS) - 1)
_BITS = {Destination.WORD: WORD_BITS, Destination.WIDE: WIDE_BITS}

_JOINS = 4
_NARROWINGS = 2
_WIDENINGS = 3
_DEPTH = 4
_SETTLINGS = 6
_ROUNDS = 60


class Finding(NamedTuple):
    """Something that does not fit: what it is, its range, and the range that it should have."""

    what: str
    found: Interval
    allowed: Interval


class Send(NamedTuple):
    """Values that an instruction sends, and the words that are added to its address."""

    offset: Interval
    value: Interval


@dataclass(slots=True)
class _Sum:
    """A value as a sum of multiples of cells, and what it differs from that by; all in units of 1 / _ONE."""

    terms: dict[int, int]
    rest: Interval

    @classmethod
    def of(cls, value: Interval) -> _Sum:
        """A value of which no more is known."""
        return cls({}, value.scaled(_ONE))

    @classmethod
    def cell(cls, cell: int, factor: int = 1) -> _Sum:
        return cls({cell: factor * _ONE}, _ZERO)

    def plus(self, other: _Sum, sign: int) -> _Sum:
        terms = dict(self.terms)
        for cell, factor in other.terms.items():
            total = terms.get(cell, 0) + sign * factor
            if total:
                terms[cell] = total
            else:
                del terms[cell]
        return _Sum(terms, self.rest + other.rest.scaled(sign))

    def times(self, factor: int) -> _Sum:
        """Times a number."""
        return _Sum({cell: each * factor for cell, each in self.terms.items()}, self.rest.scaled(factor))

    def shifted(self, bits: int, value: Interval) -> _Sum:
        """Rounded down, which gives ``value``."""
        lost = (1 << bits) - 1
        if not self.terms or any(factor & lost for factor in self.terms.values()):
            return _Sum.of(value)
        low, high = self.rest >> bits
        return _Sum(
            {cell: factor >> bits for cell, factor in self.terms.items()},
            Interval(low - _ONE + (_ONE >> bits), high + bool(self.rest.high & lost)),
        )


_NOTHING = _Sum({}, _ZERO)


@dataclass(slots=True)
class _State:
    """What all cells can hold, and sums that some of them are known to be."""

    values: list[Interval]
    sums: dict[int, _Sum]
    value: Interval = _ZERO
    sum: _Sum = field(default_factory=lambda: _Sum({}, _ZERO))

    def copy(self) -> _State:
        return _State(self.values[:], dict(self.sums), self.value, self.sum)

    def joined(self, other: _State) -> _State:
        values = [
            mine if mine is its else mine.join(its)
            for mine, its in zip(self.values, other.values, strict=True)
        ]
        sums = {cell: known for cell, known in self.sums.items() if other.sums.get(cell) is known}
        value = self.value.join(other.value)
        return _State(values, sums, value, self.sum if self.sum is other.sum else _Sum.of(value))

    def covers(self, other: _State) -> bool:
        """Whether all that is possible in ``other`` is so here."""
        inside = all(
            its is mine or its.within(mine) for mine, its in zip(self.values, other.values, strict=True)
        )
        return inside and all(other.sums.get(cell) is known for cell, known in self.sums.items())


class Ranges:
    """What the values of a program can be.

    Parameters
    ----------
    program : Program
        The program.
    inputs : sequence of Interval
        Every input of a sample set.
    given : mapping of int to Interval
        Cells of the state whose range is not to be found but is known; a wide cell's number is its address
        behind all words. What a run adds to it at most is in ``gains``.
    limits : mapping of int to Interval
        Ranges that the results of instructions are known to have, by address.
    caps : mapping of int to Interval
        Cells that are only written with such results, or constants: with the range of all of these.

    Attributes
    ----------
    state : list of Interval
        Every cell, whenever a sample set begins.
    results : dict of int to Interval
        Results of the instructions that are reached; before ``limits`` in ``unlimited``.
    arrays : dict of int to Interval
        Elements of each array, by its start.
    sends : dict of int to Send
        What is sent, by address of the instruction.
    findings : dict of int to Finding
        What does not fit, by address of the instruction.
    gains : dict of int to Interval
        What a run can add to a given cell below and above.
    """

    def __init__(
        self,
        program: Program,
        inputs: Sequence[Interval],
        given: Mapping[int, Interval],
        limits: Mapping[int, Interval],
        caps: Mapping[int, Interval],
    ):
        self._program, self._inputs, self._given, self._limits = program, inputs, given, limits
        self._caps = caps
        self._words = len(program.words)
        self._initial = [Interval(value, value) for value in (*program.words, *program.wides)]
        self._entries = [0, *(i.target for i in program.instructions if i.operation is Operation.START)]
        self._find_cells()
        self._thresholds = _thresholds(program)
        self._dot_sums = [_dot_sums(program, number) for number in range(len(program.shapes))]
        self.results: dict[int, Interval] = {}
        self.unlimited: dict[int, Interval] = {}
        self.sends: dict[int, Send] = {}
        self.findings: dict[int, Finding] = {}
        self.gains: dict[int, Interval] = {}
        self.arrays = dict.fromkeys(self._lengths, _ZERO)
        self.state = [given.get(cell, value) for cell, value in enumerate(self._initial)]
        self._changes: dict[object, int] = {}
        self._sweeps: dict[int, tuple] = {}
        self._settle()

    # --- Cells

    def cell(self, kind: type, address: int) -> int:
        """Number of a cell."""
        return address if kind is Word else self._words + address

    def _find_cells(self) -> None:
        """Sort out constants, what lasts, and what each of the two contexts reads and writes."""
        program = self._program
        lasting = {self.cell(each.kind, each.address) for each in program.cells.values()}
        split = self._entries[1] if len(self._entries) > 1 else len(program.instructions)
        jumps = [
            (at, i.target)
            for at, i in enumerate(program.instructions)
            if i.operation in JUMPS and i.operation is not Operation.START
        ]
        self._targets = {target for _, target in jumps}
        self._loop_heads = {target for at, target in jumps if target <= at}
        self._lengths: dict[int, int] = {}
        read: list[set[int]] = [set(), set()]
        written: list[set[int]] = [set(), set()]
        for address, i in enumerate(program.instructions):
            context = int(address >= split)
            if i.operation in (Operation.DOT, Operation.STORE):
                self._lengths[i.target] = i.length
            if i.to is not Destination.NOWHERE:
                written[context].add(self._destination(i))
            read[context] |= {i.x, i.y, self._words + i.z if i.base is Base.WIDE else i.x}
        stored = written[0] | written[1]
        self._reads = [
            sorted((reads | writes) & lasting) for reads, writes in zip(read, written, strict=True)
        ]
        self._writes = written
        self._constant = [cell not in stored | lasting for cell in range(len(self._initial))]
        self._kept = [cell in lasting for cell in range(len(self._initial))]
        self._volatile: list[set[int]] = [set(), written[0] & lasting]
        self._public: list[set[int]] = [set(), (written[1] & read[0] | written[0]) & lasting]

    def _destination(self, i: Instruction) -> int:
        return self.cell(Word, i.target) if i.to is Destination.WORD else self._words + i.target

    # --- From run to run

    def _settle(self) -> None:
        """Widen what lasts until nothing changes, then narrow it again."""
        for _ in range(_ROUNDS):
            before, arrays_before = self.state[:], dict(self.arrays)
            ends = self._run_both()
            self._take_over(ends, before, arrays_before)
            if self.state == before and self.arrays == arrays_before:
                break
        else:
            raise RuntimeError("The ranges of the program do not settle")
        for _ in range(_SETTLINGS):
            ends, before, arrays_before = self._run_both(), self.state[:], self.arrays
            for cell, value in enumerate(self._initial):
                if cell not in self._given and self._kept[cell]:
                    found = [end[cell] for end in ends] + [value]
                    self.state[cell] = _hull(found)
            self.arrays = dict(self._stored)
            if self.state == before and self.arrays == arrays_before:
                break
        self._run_both()

    def _run_both(self) -> list[list[Interval]]:
        self._stored = dict.fromkeys(self.arrays, _ZERO)
        self._published: dict[int, Interval] = {}
        self.findings.clear()
        ends = [self._swept(entry, context) for context, entry in enumerate(self._entries)]
        for cell, value in self._published.items():
            ends[-1][cell] = ends[-1][cell].join(value)
        for cell, its in self._given.items():
            low, high = _hull([end[cell] for end in ends])
            self.gains[cell] = Interval(min(0, low - its.low), max(0, high - its.high))
        return ends

    def _swept(self, entry: int, context: int) -> list[Interval]:
        """`_sweep`, if anything that the context reads has changed since the last time."""
        seen = [self.state[cell] for cell in self._reads[context]], dict(self.arrays)
        before = self._sweeps.get(context)
        if before is not None and before[0] == seen:
            _, ends, findings, stored, published = before
            self.findings |= findings
        else:
            outer = self.findings, self._stored, self._published
            self.findings, self._stored, self._published = {}, {}, {}
            ends = self._sweep(entry, context)
            findings, stored, published = self.findings, self._stored, self._published
            self._sweeps[context] = seen, ends, findings, stored, published
            self.findings, self._stored, self._published = outer
            self.findings |= findings
        for array, value in stored.items():
            self._stored[array] = self._stored[array].join(value)
        for cell, value in published.items():
            self._published[cell] = self._published.get(cell, value).join(value)
        # What the context does not write is as it was.
        written = self._writes[context]
        return [value if cell in written else self.state[cell] for cell, value in enumerate(ends)]

    def _take_over(
        self,
        ends: list[list[Interval]],
        before: list[Interval],
        arrays_before: Mapping[int, Interval],
    ) -> None:
        for cell, old in enumerate(before):
            if cell not in self._given and self._kept[cell]:
                new = _hull([old, *(end[cell] for end in ends)])
                self.state[cell] = self._wider(cell, old, new, self._whole(cell))
        for array, old in arrays_before.items():
            new = old.join(self._stored[array])
            self.arrays[array] = self._wider(("array", array), old, new, _WORD)

    def _wider(self, name: object, old: Interval, new: Interval, whole: Interval) -> Interval:
        """A wider range in place of an old one; after some, the whole."""
        if new == old:
            return new
        changes = self._changes[name] = self._changes.get(name, 0) + 1
        if changes <= _JOINS:
            return new
        return whole if changes > _JOINS + _WIDENINGS else self._widened(old, new)

    def _widest(self, cell: int, old: Interval, new: Interval) -> Interval:
        """The whole range, on the sides where it grows."""
        whole = self._whole(cell)
        return Interval(
            min(old.low, whole.low) if new.low < old.low else old.low,
            max(old.high, whole.high) if new.high > old.high else old.high,
        )

    def _widened(self, old: Interval, new: Interval) -> Interval:
        low, high = new
        if low < old.low:
            low = -self._thresholds[bisect_left(self._thresholds, -low)]
        if high > old.high:
            high = self._thresholds[bisect_left(self._thresholds, high)]
        return Interval(low, high)

    # --- One run

    def _sweep(self, entry: int, context: int) -> list[Interval]:
        """Run one context from its entry; returns what its cells can be at its end."""
        self._context = context
        start = _State(
            [
                value
                if self._kept[cell] or self._constant[cell]
                else (_WORD if cell < self._words else _WIDE)
                for cell, value in enumerate(self.state)
            ],
            {},
        )
        self._waiting = {entry: start}
        self._heads: dict[int, _Head] = {}
        self._again = -1
        ends: list[_State] = []
        while self._waiting:
            at = min(self._waiting)
            state = self._waiting.pop(at)
            if at in self._loop_heads and at != self._again:
                self._heads[at] = _Head(state, self._reached())
            self._again = -1
            self._block(at, state.copy(), ends)
        values = ends[0]
        for end in ends[1:]:
            values = values.joined(end)
        return values.values

    def _whole(self, cell: int) -> Interval:
        whole = self._caps.get(cell)
        return whole or (_WORD if cell < self._words else _WIDE)

    def _reached(self) -> tuple[dict, ...]:
        """What a further turn of a loop must not keep of the turn before."""
        return dict(self._waiting), dict(self._stored), dict(self._published), dict(self.findings)

    def _block(self, at: int, state: _State, ends: list[_State]) -> None:
        """Follow instructions until others may come from elsewhere, or this run ends."""
        instructions = self._program.instructions
        while True:
            i, source = instructions[at], at
            after: list[tuple[int, _State | None]]
            match i.operation:
                case Operation.END:
                    ends.append(state)
                    return
                case Operation.JUMP:
                    after = [(i.target, state)]
                case Operation.JUMP_IF_NEGATIVE | Operation.JUMP_IF_NOT_NEGATIVE:
                    negative, other = self._split(state)
                    jumps = i.operation is Operation.JUMP_IF_NEGATIVE
                    after = [(i.target, negative if jumps else other), (at + 1, other if jumps else negative)]
                case _:
                    self._instruction(at, i, state)
                    at += 1
                    if at not in self._targets:
                        continue
                    after = [(at, state)]
            for target, its in after:
                if its is not None:
                    self._arrive(target, its, back=target <= source)
            return

    def _arrive(self, target: int, state: _State, *, back: bool) -> None:
        if not back:
            there = self._waiting.get(target)
            self._waiting[target] = there.joined(state) if there else state
            return
        head = self._heads[target]
        another = head.back(state, self._widest)
        if another is not None:
            self._waiting, self._stored, self._published, self.findings = map(dict, head.reached)
            self._waiting[target] = another
            self._again = target

    # --- Instructions

    def _instruction(self, at: int, i: Instruction, state: _State) -> None:
        match i.operation:
            case Operation.COMPUTE:
                self._compute(at, i, state)
            case Operation.LANE:
                self._set(state, self._inputs[i.y])
            case Operation.DIVIDE:
                divisor = state.values[i.x]
                if divisor.low < 0:
                    self._find(at, "divisor", divisor, Interval(0, _WORD.high))
                quotient = state.value.quotient(Interval(max(0, divisor.low), max(0, divisor.high)), i.y)
                self._set(state, self._fit(at, "quotient", quotient, WIDE_BITS))
            case Operation.ROOT:
                self._set(state, state.value.root)
            case Operation.DOT:
                self._set(state, self._fit(at, "dot product", self._dot(at, i, state), WIDE_BITS))
            case Operation.CRC:
                self._set(state, _CRC)
            case Operation.STORE:
                value = self._limit(at, state.value)
                value = self._fit(at, "element", value, WORD_BITS)
                self._stored[i.target] = self._stored.get(i.target, value).join(value)
            case Operation.SEND:
                self.sends[at] = Send(state.values[i.x], self._limit(at, state.value))
        if i.operation in _RESULTS:
            limited = self._limit(at, state.value)
            if limited != state.value:
                state.value = limited
        if i.operation in _RESULTS and i.to is not Destination.NOWHERE:
            self._store(at, i, state)

    def _limit(self, at: int, value: Interval) -> Interval:
        self.unlimited[at] = value
        limit = self._limits.get(at)
        if limit is not None:
            value = value.meet(limit) or limit
        self.results[at] = value
        return value

    def _find(self, at: int, what: str, found: Interval, allowed: Interval) -> None:
        self.findings[at] = Finding(what, found, allowed)

    def _fit(self, at: int, what: str, value: Interval, bits: int) -> Interval:
        whole = Interval.of(bits)
        if value.within(whole):
            self.findings.pop(at, None)
            return value
        self._find(at, what, value, whole)
        return value.meet(whole) or whole

    @staticmethod
    def _set(state: _State, value: Interval) -> None:
        state.value, state.sum = value, _Sum.of(value)

    def _store(self, at: int, i: Instruction, state: _State) -> None:
        cell = self._destination(i)
        value = self._fit(at, "word" if cell < self._words else "sum", state.value, _BITS[i.to])
        for other in [other for other, its in state.sums.items() if cell in its.terms]:
            del state.sums[other]
        state.sums.pop(cell, None)
        if cell in self._public[self._context]:
            self._published[cell] = self._published.get(cell, value).join(value)
        if cell in self._volatile[self._context]:
            return
        state.values[cell] = value
        if state.sum.terms and cell not in state.sum.terms:
            state.sums[cell] = state.sum
        state.sum = _Sum.cell(cell)

    def _cell(self, state: _State, cell: int) -> _Sum:
        value = state.values[cell]
        if value.low == value.high or cell in self._volatile[self._context]:
            return _Sum.of(value)
        return _Sum.cell(cell)

    def _product(self, state: _State, i: Instruction) -> _Sum:
        x, y = state.values[i.x], state.values[i.y]
        for factor, other in ((x, i.y), (y, i.x)):
            if factor.low == factor.high:
                if not factor.low:
                    return _Sum({}, _ZERO)
                return self._cell(state, other).times(factor.low)
        return _Sum.of(x.square if i.x == i.y else x * y)

    def _compute(self, at: int, i: Instruction, state: _State) -> None:
        term = state.sum if i.term is Term.ACCUMULATOR else self._product(state, i)
        base = _Sum({}, _ZERO)
        if i.base is Base.ACCUMULATOR:
            base = state.sum
        elif i.base is Base.WIDE:
            base = self._cell(state, self._words + i.z)
        total = base.plus(term, -1 if i.negate else 1)
        plain = {
            Base.ZERO: _ZERO,
            Base.ACCUMULATOR: state.value,
            Base.WIDE: state.values[self._words + i.z] if i.base is Base.WIDE else _ZERO,
        }[i.base]
        its = state.value if i.term is Term.ACCUMULATOR else self._valued(state, term)
        value = self._valued(state, total).meet(plain + (-its if i.negate else its))
        assert value is not None
        value = self._fit(at, "sum", value, WIDE_BITS)
        if i.shift:
            value = value >> i.shift
            total = total.shifted(i.shift, value)
        state.value, state.sum = value, total

    def _valued(self, state: _State, its: _Sum) -> Interval:
        """What a sum can be: by the ranges of its cells, or of what these are sums of."""
        low, high = _evaluated(state, its)
        for _ in range(_DEPTH):
            if not any(cell in state.sums for cell in its.terms):
                break
            its = _substituted(state, its)
            other = _evaluated(state, its)
            low, high = max(low, other.low), min(high, other.high)
        return _whole_numbers(low, high)

    def _dot(self, at: int, i: Instruction, state: _State) -> Interval:
        shape, elements = self._program.shapes[i.z], self.arrays[i.target]
        argument = state.values[i.y]
        low, high = self._dot_sums[i.z]
        if shape.wraps:
            arguments: Sequence[int] = range(shape.wraps)
            if argument.high - argument.low < shape.wraps:
                arguments = [each % shape.wraps for each in range(argument.low, argument.high + 1)]
        else:
            room = Interval(0, len(high) - 1)
            if not argument.within(room):
                self._find(at, "place in the table", argument, room)
                argument = argument.meet(room) or room
            arguments = range(argument.low, argument.high + 1)
        worst = min(low[each] for each in arguments), max(high[each] for each in arguments)
        return _weighted(elements, *worst)

    # --- Comparisons

    def _split(self, state: _State) -> tuple[_State | None, _State | None]:
        """The state where the accumulator is negative, and where it is not; None if that cannot be."""
        low, high = state.value
        negative = self._narrowed(state, Interval(min(low, -1), -1)) if low < 0 else None
        other = self._narrowed(state, Interval(0, max(high, 0))) if high >= 0 else None
        return negative, other

    def _narrowed(self, state: _State, to: Interval) -> _State | None:
        state = state.copy()
        value = state.value.meet(to)
        if value is None:
            return None
        state.value = value
        known = [(state.sum, to)]
        if any(cell in state.sums for cell in state.sum.terms):
            known.append((_substituted(state, state.sum), to))
        for its, range_ in known:
            for cell in its.terms:
                if not self._narrow(state, cell, its, range_):
                    return None
        return state

    def _narrow(self, state: _State, cell: int, its: _Sum, to: Interval) -> bool:
        """Narrow a cell by a sum with it whose range is known, and what depends on the cell."""
        old = state.values[cell]
        if not _narrow_cell(state, cell, its, to):
            return False
        new = state.values[cell]
        if new == old:
            return True
        for other, known in state.sums.items():
            if cell in known.terms:
                narrower = self._valued(state, known).meet(state.values[other])
                if narrower is None:
                    return False
                state.values[other] = narrower
        known = state.sums.get(cell, _NOTHING)
        return all(_narrow_cell(state, other, known, new) for other in known.terms)


def _narrow_cell(state: _State, cell: int, its: _Sum, to: Interval) -> bool:
    """Narrow a cell alone; False if nothing is left of it."""
    factor = its.terms[cell]
    others = _Sum({other: each for other, each in its.terms.items() if other != cell}, its.rest)
    low, high = to.scaled(_ONE) + -_evaluated(state, others)
    if factor < 0:
        factor, low, high = -factor, -high, -low
    new = state.values[cell].meet(Interval(-(-low // factor), high // factor))
    if new is None:
        return False
    state.values[cell] = new
    return True


_RESULTS = (
    Operation.COMPUTE,
    Operation.LANE,
    Operation.DIVIDE,
    Operation.ROOT,
    Operation.DOT,
    Operation.CRC,
)


class _Head:
    """A loop's head: what comes in, and what its turns bring back."""

    def __init__(self, entered: _State, reached: tuple[dict, ...]):
        self._entered = self._state = self._stable = entered
        self.reached = reached
        self._turns = self._narrowed = 0

    def back(self, state: _State, widest: Callable[[int, Interval, Interval], Interval]) -> _State | None:
        """The state for another turn; None if this was the last."""
        whole = self._entered.joined(state)
        if self._state.covers(whole):
            self._stable = self._state
            self._narrowed += 1
            if self._narrowed > _NARROWINGS:
                return None
            self._state = whole
        elif self._narrowed:
            self._narrowed = _NARROWINGS
            self._state = self._stable
        else:
            self._turns += 1
            whole = self._state.joined(whole)
            if self._turns > 1:
                pairs = enumerate(zip(self._state.values, whole.values, strict=True))
                whole.values = [old if old is new else widest(cell, old, new) for cell, (old, new) in pairs]
            self._state = whole
        return self._state


# --- Sums


def _evaluated(state: _State, its: _Sum) -> Interval:
    low, high = its.rest
    for cell, factor in its.terms.items():
        value = state.values[cell]
        ends = value.low * factor, value.high * factor
        low, high = low + min(ends), high + max(ends)
    return Interval(low, high)


def _substituted(state: _State, its: _Sum) -> _Sum:
    """The same with the sums that its cells are known to be, but for cells that these sums are made of."""
    found = _Sum({}, its.rest)
    parts = {part for cell in its.terms for part in state.sums.get(cell, _NOTHING).terms}
    for cell, factor in its.terms.items():
        known = state.sums.get(cell)
        if known is None or cell in parts or any(each * factor % _ONE for each in known.terms.values()):
            found = found.plus(_Sum({cell: factor}, _ZERO), 1)
        else:
            terms = {other: each * factor // _ONE for other, each in known.terms.items()}
            low, high = known.rest.scaled(factor)
            found = found.plus(_Sum(terms, Interval(low // _ONE, -(-high // _ONE))), 1)
    return found


def _whole_numbers(low: int, high: int) -> Interval:
    """The whole numbers from ``low`` to ``high``, both in units of 1 / _ONE."""
    return Interval(-(-low // _ONE), high // _ONE)


def _hull(found: Sequence[Interval]) -> Interval:
    return Interval(min(each.low for each in found), max(each.high for each in found))


# --- The program's text


def _thresholds(program: Program) -> list[int]:
    """Where widening stops on its way: what the program compares with, and some powers of two."""
    bits = (*range(27, WORD_BITS, 2), *range(WORD_BITS - 1, 96, 12), *range(96, WIDE_BITS))
    found = {0} | {abs(word) + step for word in program.words for step in (-1, 0, 1)}
    found |= {(1 << each) - 1 for each in bits} | {1 << each for each in bits}
    return sorted({each for each in found if each >= 0} | {1 << 2 * WIDE_BITS})


def _weighted(elements: Interval, low: int, high: int) -> Interval:
    """Sum of products with table entries whose negative ones sum up to ``low``, the others to ``high``."""
    return Interval(
        high * elements.low + low * elements.high,
        high * elements.high + low * elements.low,
    )


def _dot_sums(program: Program, number: int) -> tuple[list[int], list[int]]:
    """Sums of the negative and of the positive entries that a dot product takes, by its argument."""
    shape, table = program.shapes[number], program.table
    if shape.wraps:
        rows = [
            [
                table[shape.table + (shape.start + step * argument) % shape.wraps]
                for step in range(shape.count)
            ]
            for argument in range(shape.wraps)
        ]
        low, high = ([sum(of(each, 0) for each in row) for row in rows] for of in (min, max))
        return low, high
    ends = sorted({each.table for each in program.shapes if each.table > shape.table} | {len(table)})
    own = table[shape.table : ends[0]]
    low, high = (_running([of(each, 0) for each in own], shape.count) for of in (min, max))
    return low, high


def _running(values: Sequence[int], count: int) -> list[int]:
    sums = [0, *accumulate(values)]
    return [high - low for low, high in zip(sums, sums[count:], strict=False)]
