"""Of a program of the compute engine: where widening stops, and the sums of its tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from rtl.metering.microcode import Program
from rtl.metering.parameters import WIDE_BITS, WORD_BITS

from .intervals import Interval

__all__ = ["dot_sums", "thresholds", "weighted"]


def thresholds(program: Program) -> list[int]:
    """Where widening stops on its way: what the program compares with, and some powers of two."""
    bits = (*range(27, WORD_BITS, 2), *range(WORD_BITS - 1, 96, 12), *range(96, WIDE_BITS))
    found = {0} | {abs(word) + step for word in program.words for step in (-1, 0, 1)}
    found |= {(1 << each) - 1 for each in bits} | {1 << each for each in bits}
    return sorted({each for each in found if each >= 0} | {1 << 2 * WIDE_BITS})


def weighted(elements: Interval, low: int, high: int) -> Interval:
    """Sum of products with table entries whose negative ones sum up to ``low``, the others to ``high``."""
    return Interval(
        high * elements.low + low * elements.high,
        high * elements.high + low * elements.low,
    )


def dot_sums(program: Program, number: int) -> tuple[list[int], list[int]]:
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
