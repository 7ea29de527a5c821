"""Microcode of the compute engine, translated to C++."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rtl.metering.microcode import JUMPS, Base, Destination, Instruction, Operation, Program, Shape, Term
from rtl.metering.parameters import LANE_BITS, WIDE_BITS, WORD_BITS
from rtl.metering.state import Word

from .intervals import Interval

__all__ = ["source"]

_RUNTIME = Path(__file__).with_suffix(".cpp")
_CRC_POLYNOMIAL = 0xEDB88320
_CRC_MASK = 0xFFFFFFFF
_HALF_BITS = 64
_ENUMERATIONS: tuple[Any, ...] = (Operation, Base, Term, Destination)
_RESULTS = (
    Operation.COMPUTE,
    Operation.LANE,
    Operation.DIVIDE,
    Operation.ROOT,
    Operation.DOT,
    Operation.CRC,
)
_LEAVES = (Operation.JUMP, Operation.END)


_WORD, _WIDE, _NOTHING = Interval.of(WORD_BITS), Interval.of(WIDE_BITS), Interval(0, 0)


def source(program: Program, lanes: int, checks: Mapping[int, Interval] | None = None) -> str:
    """C++ that runs ``program`` with sample sets of ``lanes`` lanes; its interface ends `sim/microcode.cpp`.

    What an instruction computes, stores or sends counts as an overflow if it is not within ``checks``, by the
    instruction's address.

    Raises
    ------
    ValueError
        If the background would start itself, or an instruction reads an input that is not there.
    """
    starts = {each.target for each in program.instructions if each.operation is Operation.START}
    parts = [
        *_enumerations(),
        *_sizes(program),
        _RUNTIME.read_text(),
        "namespace {",
        *_contents(program),
        "void foreground(Model& m) {\nconst int position = 0;",
        *_Translation(program, lanes, {0}, "foreground", checks or {}).lines(),
        "}",
        "void background(Model& m, int position) {",
        *_Translation(program, lanes, starts, "background", checks or {}).lines(),
        "}\n}",
    ]
    return "\n".join(parts) + "\n"


def _enumerations() -> Iterator[str]:
    for each in _ENUMERATIONS:
        members = ", ".join(f"{member.name} = {member.value}" for member in each)
        yield f"enum class {each.__name__} {{ {members} }};"


def _sizes(program: Program) -> Iterator[str]:
    sizes = {
        "WORD_BITS": WORD_BITS,
        "WIDE_BITS": WIDE_BITS,
        "WORDS": len(program.words),
        "WIDES": len(program.wides),
        "ARRAY_WORDS": program.array_words,
        "TABLE_WORDS": len(program.table),
        "TABLE_DEPTH": _depth(program),
    }
    for name, value in sizes.items():
        yield f"constexpr int {name} = {value};"
    yield f"constexpr unsigned CRC_POLYNOMIAL = {_CRC_POLYNOMIAL};"


def _depth(program: Program) -> int:
    return 1 << max(0, len(program.table) - 1).bit_length()


def _contents(program: Program) -> Iterator[str]:
    padded = (*program.table, *[0] * (_depth(program) - len(program.table)))
    yield from _array("Word", "TABLE", map(_literal, padded))
    yield from _array("Word", "INITIAL_WORDS", map(_literal, program.words))
    yield from _array("Wide", "INITIAL_WIDES", map(_wide_literal, program.wides))
    yield from _array("Shape", "SHAPES", map(_aggregate, program.shapes or (Shape(0, 0),)))
    yield from _array("Instruction", "INSTRUCTIONS", map(_aggregate, program.instructions))


def _array(kind: str, name: str, elements: Iterable[str]) -> Iterator[str]:
    yield f"const {kind} {name}[] = {{{', '.join(elements)}}};"


def _literal(value: int) -> str:
    return f"Word({value})"


def _wide_literal(value: int) -> str:
    return f"wide({value >> _HALF_BITS}, {value & (1 << _HALF_BITS) - 1}u)"


def _aggregate(record: Instruction | Shape) -> str:
    """A record as the C++ structure of its name."""

    def text(value: Any) -> str:
        return f"{type(value).__name__}::{value.name}" if type(value) in _ENUMERATIONS else f"{value:d}"

    values = (getattr(record, field.name) for field in fields(record) if field.name != "line")
    return f"{{{', '.join(map(text, values))}}}"


class _Translation:
    """One context's part of a program, as the body of a function.

    What the accumulator can hold is followed from instruction to instruction: where 64 bits are enough, no
    more are computed, and what fits is not checked.
    """

    def __init__(
        self, program: Program, lanes: int, entries: set[int], context: str, checks: Mapping[int, Interval]
    ):
        self._program, self._lanes, self._entries, self._context = program, lanes, entries, context
        self._checks = checks
        written = {each.target for each in program.instructions if each.to is Destination.WORD}
        written |= {cell.address for cell in program.cells.values() if cell.kind is Word}
        self._constants = {
            address: value for address, value in enumerate(program.words) if address not in written
        }
        self._accumulator = _WIDE

    # --- Control flow

    def _follow(self, address: int) -> list[int]:
        """Where the program can go on after an instruction."""
        instruction = self._program.instructions[address]
        jump = [instruction.target] if instruction.operation in JUMPS else []
        if instruction.operation is Operation.START:
            jump = []
        return jump if instruction.operation in _LEAVES else [*jump, address + 1]

    def _blocks(self) -> list[list[int]]:
        """Addresses of what is reached, cut where it is jumped to and after jumps."""
        reached: set[int] = set()
        begins = set(self._entries)
        waiting = list(self._entries)
        while waiting:
            address = waiting.pop()
            if address not in reached:
                reached.add(address)
                after = self._follow(address)
                waiting.extend(after)
                if after != [address + 1]:
                    begins.update(after)
        blocks: list[list[int]] = []
        for address in sorted(reached):
            if address in begins:
                blocks.append([])
            blocks[-1].append(address)
        return blocks

    def lines(self) -> Iterator[str]:
        """The function's body."""
        yield "Wide a = 0;\nstd::int64_t n = 0;"
        cases = "".join(f"case {entry}: goto L{entry};\n" for entry in sorted(self._entries))
        yield f"switch (position) {{\n{cases}default: return;\n}}"
        for block in self._blocks():
            self._accumulator = _WIDE
            yield f"L{block[0]}: n += {len(block)};"
            for address in block:
                yield from self._instruction(address)

    # --- Instructions

    def _instruction(self, at: int) -> Iterator[str]:
        i = self._program.instructions[at]
        if i.operation in (Operation.STORE, Operation.SEND):
            yield from self._check(at)
        match i.operation:
            case Operation.COMPUTE:
                yield from self._compute(at, i)
            case Operation.LANE:
                self._accumulator = Interval.of(LANE_BITS if i.y < self._lanes else WORD_BITS)
                yield f"a = m.inputs[{self._input(i)}];"
            case Operation.DIVIDE:
                self._accumulator = _WIDE
                yield f"a = divide(m, {at}, a, {self._word(i.x)}, {i.y});"
            case Operation.ROOT:
                self._accumulator = Interval(0, 1 << WIDE_BITS // 2)
                yield "a = root(a);"
            case Operation.DOT:
                self._accumulator = _WIDE
                shape = f"Shape{_aggregate(self._program.shapes[i.z])}"
                array = f"{i.target}, {i.length}, {self._word(i.x)}"
                yield f"a = dot(m, {at}, {array}, {shape}, {self._word(i.y)});"
            case Operation.CRC:
                self._accumulator = Interval(0, _CRC_MASK)
                yield f"a = crc(a, {self._word(i.x)});"
            case _:
                yield self._effect(at, i)
        if i.operation in _RESULTS:
            yield from self._check(at)
        if i.to is Destination.WORD and i.operation in _RESULTS:
            yield f"m.words[{i.target}] = {self._fit(WORD_BITS, at, 'a', self._accumulator)};"
        elif i.to is Destination.WIDE and i.operation in _RESULTS:
            yield f"m.wides[{i.target}] = a;"

    def _check(self, at: int) -> Iterator[str]:
        its = self._checks.get(at)
        if its is not None:
            low, high = map(_wide_literal, its)
            yield f"if (__builtin_expect(a < {low} || a > {high}, 0)) overflow(m, {at});"

    def _effect(self, at: int, i: Instruction) -> str:
        match i.operation:
            case Operation.JUMP:
                return self._jump(at, i)
            case Operation.JUMP_IF_NEGATIVE:
                return f"if (a < 0) {self._jump(at, i)}"
            case Operation.JUMP_IF_NOT_NEGATIVE:
                return f"if (a >= 0) {self._jump(at, i)}"
            case Operation.STORE:
                return f"store(m, {at}, {i.target}, {i.length}, {self._word(i.x)}, a);"
            case Operation.SEND:
                return f"send(m, {i.z}, {i.target} + {self._word(i.x)}, a);"
            case Operation.START:
                if self._context == "background":
                    raise ValueError(f"{i.line or at}: the background cannot start itself")
                return f"start(m, {i.target});"
        return f"most(m.counters.{self._context}, n);\nreturn;"

    @staticmethod
    def _jump(at: int, i: Instruction) -> str:
        leave = f"if (endless(m, {at}, n)) return; " if i.target <= at else ""
        return f"{{ {leave}goto L{i.target}; }}"

    def _input(self, i: Instruction) -> int:
        inputs = self._lanes + len(self._program.inputs)
        if i.y >= inputs:
            raise ValueError(f"{i.line or 'LANE'} reads input {i.y}; a sample set has {inputs}")
        return i.y

    def _word(self, address: int) -> str:
        if address in self._constants:
            return _literal(self._constants[address])
        return f"m.words[{address}]"

    def _range(self, address: int) -> Interval:
        value = self._constants.get(address)
        return _WORD if value is None else Interval(value, value)

    def _compute(self, at: int, i: Instruction) -> Iterator[str]:
        base, base_range = {
            Base.ZERO: ("", _NOTHING),
            Base.ACCUMULATOR: ("a", self._accumulator),
            Base.WIDE: (f"m.wides[{i.z}]", _WIDE),
        }[i.base]
        x, y = self._range(i.x), self._range(i.y)
        ones = [each for each, its in ((i.y, x), (i.x, y)) if its == (1, 1)]
        if i.term is Term.ACCUMULATOR:
            factors, term_range = ["a"], self._accumulator
        else:
            factors, term_range = [self._word(each) for each in ones[:1] or (i.x, i.y)], x * y
        total = base_range + (-term_range if i.negate else term_range)
        narrow = all(each.fits(_HALF_BITS) for each in (base_range, term_range, total))
        cast = "Word" if narrow else "Wide"
        term = " * ".join(f"{cast}({factor})" for factor in factors)
        sign = "-" if i.negate else "+"
        text = (
            f"{cast}({base or 0})"
            if term_range == _NOTHING
            else f"{base and f'{cast}({base})'} {sign} {term}"
        )
        self._accumulator = (total if total.fits(WIDE_BITS) else _WIDE) >> i.shift
        shift = min(i.shift, _HALF_BITS - 1) if narrow else i.shift
        yield f"a = ({self._fit(WIDE_BITS, at, text, total)}) >> {shift};"

    @staticmethod
    def _fit(bits: int, at: int, text: str, its: Interval) -> str:
        return text if its.fits(bits) else f"fit<{bits}>(m, {at}, {text})"
