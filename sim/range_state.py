"""What the cells of the compute engine can hold at a place of its program."""

from __future__ import annotations

from dataclasses import dataclass, field

from .intervals import Interval

__all__ = ["NOTHING", "State", "Sum"]

_ONE = 1 << 256
_ZERO = Interval(0, 0)
_DEPTH = 4


@dataclass(slots=True)
class Sum:
    """A value as a sum of multiples of cells, and what it differs from that by; all in units of 1 / _ONE."""

    terms: dict[int, int]
    rest: Interval

    @classmethod
    def of(cls, value: Interval) -> Sum:
        """A value of which no more is known."""
        return cls({}, value.scaled(_ONE))

    @classmethod
    def cell(cls, cell: int, factor: int = 1) -> Sum:
        return cls({cell: factor * _ONE}, _ZERO)

    def plus(self, other: Sum, sign: int) -> Sum:
        terms = dict(self.terms)
        for cell, factor in other.terms.items():
            total = terms.get(cell, 0) + sign * factor
            if total:
                terms[cell] = total
            else:
                del terms[cell]
        return Sum(terms, self.rest + other.rest.scaled(sign))

    def times(self, factor: int) -> Sum:
        """Times a number."""
        return Sum({cell: each * factor for cell, each in self.terms.items()}, self.rest.scaled(factor))

    def shifted(self, bits: int, value: Interval) -> Sum:
        """Rounded down, which gives ``value``."""
        lost = (1 << bits) - 1
        if not self.terms or any(factor & lost for factor in self.terms.values()):
            return Sum.of(value)
        low, high = self.rest >> bits
        return Sum(
            {cell: factor >> bits for cell, factor in self.terms.items()},
            Interval(low - _ONE + (_ONE >> bits), high + bool(self.rest.high & lost)),
        )


NOTHING = Sum({}, _ZERO)


@dataclass(slots=True)
class State:
    """What all cells can hold, and sums that some of them are known to be."""

    values: list[Interval]
    sums: dict[int, Sum]
    value: Interval = _ZERO
    sum: Sum = field(default_factory=lambda: Sum({}, _ZERO))

    def copy(self) -> State:
        return State(self.values[:], dict(self.sums), self.value, self.sum)

    def joined(self, other: State) -> State:
        values = [
            mine if mine is its else mine.join(its)
            for mine, its in zip(self.values, other.values, strict=True)
        ]
        sums = {cell: known for cell, known in self.sums.items() if other.sums.get(cell) is known}
        value = self.value.join(other.value)
        return State(values, sums, value, self.sum if self.sum is other.sum else Sum.of(value))

    def covers(self, other: State) -> bool:
        """Whether all that is possible in ``other`` is so here."""
        inside = all(
            its is mine or its.within(mine) for mine, its in zip(self.values, other.values, strict=True)
        )
        return inside and all(other.sums.get(cell) is known for cell, known in self.sums.items())

    def valued(self, its: Sum) -> Interval:
        """What a sum can be: by the ranges of its cells, or of what these are sums of."""
        low, high = _evaluated(self, its)
        for _ in range(_DEPTH):
            if not any(cell in self.sums for cell in its.terms):
                break
            its = _substituted(self, its)
            other = _evaluated(self, its)
            low, high = max(low, other.low), min(high, other.high)
        return _whole_numbers(low, high)

    def split(self) -> tuple[State | None, State | None]:
        """The state where the accumulator is negative, and where it is not; None if that cannot be."""
        low, high = self.value
        negative = self._narrowed(Interval(min(low, -1), -1)) if low < 0 else None
        other = self._narrowed(Interval(0, max(high, 0))) if high >= 0 else None
        return negative, other

    def _narrowed(self, to: Interval) -> State | None:
        state = self.copy()
        value = state.value.meet(to)
        if value is None:
            return None
        state.value = value
        known = [state.sum]
        if any(cell in state.sums for cell in state.sum.terms):
            known.append(_substituted(state, state.sum))
        for its in known:
            for cell in its.terms:
                if not state._narrow(cell, its, to):
                    return None
        return state

    def _narrow(self, cell: int, its: Sum, to: Interval) -> bool:
        """Narrow a cell by a sum with it whose range is known, and what depends on the cell."""
        old = self.values[cell]
        if not _narrow_cell(self, cell, its, to):
            return False
        new = self.values[cell]
        if new == old:
            return True
        for other, known in self.sums.items():
            if cell in known.terms:
                narrower = self.valued(known).meet(self.values[other])
                if narrower is None:
                    return False
                self.values[other] = narrower
        known = self.sums.get(cell, NOTHING)
        return all(_narrow_cell(self, other, known, new) for other in known.terms)


def _narrow_cell(state: State, cell: int, its: Sum, to: Interval) -> bool:
    """Narrow a cell alone; False if nothing is left of it."""
    factor = its.terms[cell]
    others = Sum({other: each for other, each in its.terms.items() if other != cell}, its.rest)
    low, high = to.scaled(_ONE) + -_evaluated(state, others)
    if factor < 0:
        factor, low, high = -factor, -high, -low
    new = state.values[cell].meet(Interval(-(-low // factor), high // factor))
    if new is None:
        return False
    state.values[cell] = new
    return True


def _evaluated(state: State, its: Sum) -> Interval:
    low, high = its.rest
    for cell, factor in its.terms.items():
        value = state.values[cell]
        ends = value.low * factor, value.high * factor
        low, high = low + min(ends), high + max(ends)
    return Interval(low, high)


def _substituted(state: State, its: Sum) -> Sum:
    """The same with the sums that its cells are known to be, but for cells that these sums are made of."""
    found = Sum({}, its.rest)
    parts = {part for cell in its.terms for part in state.sums.get(cell, NOTHING).terms}
    for cell, factor in its.terms.items():
        known = state.sums.get(cell)
        if known is None or cell in parts or any(each * factor % _ONE for each in known.terms.values()):
            found = found.plus(Sum({cell: factor}, _ZERO), 1)
        else:
            terms = {other: each * factor // _ONE for other, each in known.terms.items()}
            low, high = known.rest.scaled(factor)
            found = found.plus(Sum(terms, Interval(low // _ONE, -(-high // _ONE))), 1)
    return found


def _whole_numbers(low: int, high: int) -> Interval:
    """The whole numbers from ``low`` to ``high``, both in units of 1 / _ONE."""
    return Interval(-(-low // _ONE), high // _ONE)
