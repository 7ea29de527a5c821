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
from typing import NamedTuple

from rtl.metering.arithmetic import CRC_BITS
from rtl.metering.microcode import JUMPS, Base, Destination, Instruction, Operation, Program, Term
from rtl.metering.parameters import WIDE_BITS, WORD_BITS
from rtl.metering.state import Word

from .intervals import Interval
from .range_state import State, Sum
from .range_tables import dot_sums, thresholds, weighted

__all__ = ["Finding", "Ranges", "Send"]

_WORD, _WIDE, _ZERO = Interval.of(WORD_BITS), Interval.of(WIDE_BITS), Interval(0, 0)
_CRC = Interval(0, (1 << CRC_BITS) - 1)
_BITS = {Destination.WORD: WORD_BITS, Destination.WIDE: WIDE_BITS}

_JOINS = 4
_NARROWINGS = 2
_WIDENINGS = 3
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
        self._thresholds = thresholds(program)
        self._dot_sums = [dot_sums(program, number) for number in range(len(program.shapes))]
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
        start = State(
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
        ends: list[State] = []
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

    def _block(self, at: int, state: State, ends: list[State]) -> None:
        """Follow instructions until others may come from elsewhere, or this run ends."""
        instructions = self._program.instructions
        while True:
            i, source = instructions[at], at
            after: list[tuple[int, State | None]]
            match i.operation:
                case Operation.END:
                    ends.append(state)
                    return
                case Operation.JUMP:
                    after = [(i.target, state)]
                case Operation.JUMP_IF_NEGATIVE | Operation.JUMP_IF_NOT_NEGATIVE:
                    negative, other = state.split()
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

    def _arrive(self, target: int, state: State, *, back: bool) -> None:
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

    def _instruction(self, at: int, i: Instruction, state: State) -> None:
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
    def _set(state: State, value: Interval) -> None:
        state.value, state.sum = value, Sum.of(value)

    def _store(self, at: int, i: Instruction, state: State) -> None:
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
        state.sum = Sum.cell(cell)

    def _cell(self, state: State, cell: int) -> Sum:
        value = state.values[cell]
        if value.low == value.high or cell in self._volatile[self._context]:
            return Sum.of(value)
        return Sum.cell(cell)

    def _product(self, state: State, i: Instruction) -> Sum:
        x, y = state.values[i.x], state.values[i.y]
        for factor, other in ((x, i.y), (y, i.x)):
            if factor.low == factor.high:
                if not factor.low:
                    return Sum({}, _ZERO)
                return self._cell(state, other).times(factor.low)
        return Sum.of(x.square if i.x == i.y else x * y)

    def _compute(self, at: int, i: Instruction, state: State) -> None:
        term = state.sum if i.term is Term.ACCUMULATOR else self._product(state, i)
        base = Sum({}, _ZERO)
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
        its = state.value if i.term is Term.ACCUMULATOR else state.valued(term)
        value = state.valued(total).meet(plain + (-its if i.negate else its))
        assert value is not None
        value = self._fit(at, "sum", value, WIDE_BITS)
        if i.shift:
            value = value >> i.shift
            total = total.shifted(i.shift, value)
        state.value, state.sum = value, total

    def _dot(self, at: int, i: Instruction, state: State) -> Interval:
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
        return weighted(elements, *worst)


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

    def __init__(self, entered: State, reached: tuple[dict, ...]):
        self._entered = self._state = self._stable = entered
        self.reached = reached
        self._turns = self._narrowed = 0

    def back(self, state: State, widest: Callable[[int, Interval, Interval], Interval]) -> State | None:
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


def _hull(found: Sequence[Interval]) -> Interval:
    return Interval(min(each.low for each in found), max(each.high for each in found))
