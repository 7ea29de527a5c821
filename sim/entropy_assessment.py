"""Min-entropy of raw bits by the ten estimators of SP 800-90B (2018), section 6.3, for a binary source."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .native import library

__all__ = ["ESTIMATORS", "LEAST_BITS", "STANDARD_BITS", "Estimate", "assess"]

Bits = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]

STANDARD_BITS = 1_000_000
"""Samples in a row that the standard asks for (section 3.1.1)."""

LEAST_BITS = 7_000
"""Fewer bits are not assessed: the compression estimate leaves the first 6000 out."""

_Z = 2.576  # of the upper end of a confidence interval of 99 %
_SOURCE = Path(__file__).with_suffix(".cpp")
_BYTES = np.ctypeslib.ndpointer(np.uint8, flags="C_CONTIGUOUS")
_INTEGERS = np.ctypeslib.ndpointer(np.int64, flags="C_CONTIGUOUS")
_DOUBLES = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")


@dataclass(frozen=True)
class Estimate:
    """What one estimator says: its name, its section in the standard, and bits of min-entropy a raw bit."""

    name: str
    section: str
    min_entropy: float


def assess(
    bits: Bits, progress: Callable[[str, float | None], None] = lambda step, fraction: None
) -> list[Estimate]:
    """All estimates; the assessment is the smallest one.

    Parameters
    ----------
    bits : array of 0 and 1
        Raw bits in the order in which they came.
    progress : callable
        Called with the name of each estimator before it starts, and the fraction that is done.

    Raises
    ------
    ValueError
        If there are fewer than `LEAST_BITS`.
    """
    if len(bits) < LEAST_BITS:
        raise ValueError(f"There must be {LEAST_BITS} bits or more, not {len(bits)}")
    bits = np.ascontiguousarray(bits, np.uint8)
    estimates = []
    for index, (name, (section, estimator)) in enumerate(ESTIMATORS.items()):
        progress("Assessing", index / len(ESTIMATORS))
        estimates.append(Estimate(name, section, min(max(estimator(bits), 0.0), 1.0)))
    return estimates


def _upper(probability: float, count: int) -> float:
    """Upper end of the confidence interval of a probability that was found in ``count`` samples."""
    return min(1.0, probability + _Z * math.sqrt(probability * (1 - probability) / (count - 1)))


def _most_common_value(bits: Bits) -> float:
    ones = int(bits.sum()) / len(bits)
    return -math.log2(_upper(max(ones, 1 - ones), len(bits)))


def _collision(bits: Bits) -> float:
    """From the mean time until a value comes again, which is 2 or 3: X = 2 + 2 p (1 − p), solved for p."""
    text = bits.tobytes()
    place, twos, threes, end = 0, 0, 0, len(text)
    while place + 1 < end:
        if text[place] == text[place + 1]:
            twos, place = twos + 1, place + 2
        elif place + 2 < end:
            threes, place = threes + 1, place + 3
        else:
            break
    count = twos + threes
    mean = (2 * twos + 3 * threes) / count
    deviation = math.sqrt(max(0.0, (4 * twos + 9 * threes - count * mean**2) / (count - 1)))
    lower = max(2.0, mean - _Z * deviation / math.sqrt(count))
    return 1.0 if lower >= 2.5 else -math.log2(0.5 + math.sqrt(1.25 - lower / 2))


def _markov(bits: Bits) -> float:
    """The likeliest string of 128 bits of a first-order Markov chain: one of these six."""
    pairs = np.bincount(2 * bits[:-1] + bits[1:], minlength=4).reshape(2, 2)
    first = np.bincount(bits, minlength=2) / len(bits)
    after = pairs / np.maximum(pairs.sum(axis=1, keepdims=True), 1)
    with np.errstate(divide="ignore"):
        start, step = np.log2(first), np.log2(after)
    strings = (
        [(start[value], ((value, value, 127),)) for value in (0, 1)]
        + [(start[value], ((value, 1 - value, 64), (1 - value, value, 63))) for value in (0, 1)]
        + [(start[value], ((value, 1 - value, 1), (1 - value, 1 - value, 126))) for value in (0, 1)]
    )
    likeliest = max(begins + sum(times * step[a, b] for a, b, times in moves) for begins, moves in strings)
    return min(1.0, -float(likeliest) / 128)


def _compression(bits: Bits) -> float:
    """From how long ago each block of 6 bits came last (Maurer's universal statistic)."""
    width, first, scale = 6, 1000, 0.5907
    blocks = bits[: len(bits) // width * width].reshape(-1, width) @ (1 << np.arange(width)[::-1])
    order = np.argsort(blocks, kind="stable")
    last = np.zeros(
        len(blocks), np.int64
    )  # place, from 1, of the block that was the same; 0 if there is none
    same = blocks[order[1:]] == blocks[order[:-1]]
    last[order[1:][same]] = order[:-1][same] + 1
    ages = np.log2((np.arange(1, len(blocks) + 1) - last)[first:])
    mean, count = float(ages.mean()), len(ages)
    deviation = scale * math.sqrt(max(0.0, float((ages**2).sum()) / (count - 1) - mean**2))
    lower = mean - _Z * deviation / math.sqrt(count)

    values = 1 << width
    length = np.arange(1, len(blocks) + 1)
    logs, ends = np.log2(length), (len(blocks) - np.maximum(length, first)).clip(0)
    starts = logs * (length > first)

    def part(p: float) -> float:
        if not 0 < p < 1:
            return 0.0
        falling = np.exp((length - 1) * math.log1p(-p))
        return float((falling * (p * p * logs * ends + p * starts)).sum()) / count

    def expected(p: float) -> float:
        return part(p) + (values - 1) * part((1 - p) / (values - 1))

    low, high = 1 / values, 1.0
    if expected(low) <= lower:
        return 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if expected(middle) > lower:
            low = middle
        else:
            high = middle
    return -math.log2(high) / width


@cache
def _native() -> ctypes.CDLL:
    loaded = library(_SOURCE.read_text(encoding="utf-8"), "entropy_assessment")
    loaded.tuples.argtypes = [_BYTES, ctypes.c_int64, _INTEGERS, _DOUBLES]
    loaded.tuples.restype = ctypes.c_int64
    for predictor in ("most_common_in_window", "lag", "markov_models", "dictionary"):
        getattr(loaded, predictor).argtypes = [_BYTES, ctypes.c_int64, _INTEGERS]
        getattr(loaded, predictor).restype = None
    return loaded


class _Tuples:
    """Repetitions of tuples in the bits that were asked about last."""

    def __init__(self, bits: Bits):
        self.most = np.empty(len(bits) + 2, np.int64)
        self.pairs = np.empty(len(bits) + 2, np.float64)
        self.longest = int(_native().tuples(bits, len(bits), self.most, self.pairs))

    @property
    def common(self) -> int:
        """The longest tuples of which one comes 35 times or more; its counts fall with the length."""
        return int(np.searchsorted(-self.most[1:], -34.5))


def _t_tuple(bits: Bits) -> float:
    tuples = _Tuples(bits)
    lengths = np.arange(1, tuples.common + 1)
    found = tuples.most[lengths] / (len(bits) - lengths + 1)
    return -math.log2(_upper(float(np.max(found ** (1 / lengths))), len(bits)))


def _longest_repeated_substring(bits: Bits) -> float:
    tuples = _Tuples(bits)
    lengths = np.arange(tuples.common + 1, tuples.longest + 1)
    if not len(lengths):
        return 1.0
    places = len(bits) - lengths + 1.0
    found = tuples.pairs[lengths] / (places * (places - 1) / 2)
    return -math.log2(_upper(float(np.max(found ** (1 / lengths))), len(bits)))


def _predictor(name: str) -> Callable[[Bits], float]:
    def estimate(bits: Bits) -> float:
        result = np.empty(3, np.int64)
        getattr(_native(), name)(bits, len(bits), result)
        made, right, longest = map(int, result)
        overall = right / made
        bound = _upper(overall, made) if right else 1 - 0.01 ** (1 / made)
        return -math.log2(max(bound, _local(made, longest + 1), 0.5))

    return estimate


def _local(made: int, run: int) -> float:
    """The chance of a right prediction with which no run of ``run`` comes in ``made`` with 99 % (6.3.7).

    After Feller: with x a root of 1 − x + q p^run x^(run + 1) near 1, there is no such run with probability
    (1 − p x) / ((run + 1 − run x) q) · x^−(made + 1).
    """
    if run > made:
        return 1.0

    def log_none(p: float) -> float:
        q, x = 1 - p, 1.0
        for _ in range(10):
            exponent = math.log(q) + run * math.log(p) + (run + 1) * math.log(x)
            x = 1 + math.exp(min(exponent, 700.0))
            if (run + 1) - run * x <= 0 or p * x >= 1:
                return -math.inf
        return math.log((1 - p * x) / ((run + 1 - run * x) * q)) - (made + 1) * math.log(x)

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if log_none(middle) > math.log(0.99):
            low = middle
        else:
            high = middle
    return high


ESTIMATORS: dict[str, tuple[str, Callable[[Bits], float]]] = {
    "Most common value": ("6.3.1", _most_common_value),
    "Collision": ("6.3.2", _collision),
    "Markov": ("6.3.3", _markov),
    "Compression": ("6.3.4", _compression),
    "t-tuple": ("6.3.5", _t_tuple),
    "Longest repeated substring": ("6.3.6", _longest_repeated_substring),
    "Most common in window": ("6.3.7", _predictor("most_common_in_window")),
    "Lag": ("6.3.8", _predictor("lag")),
    "Markov models with counting": ("6.3.9", _predictor("markov_models")),
    "LZ78Y": ("6.3.10", _predictor("dictionary")),
}
"""The estimators by name, with their section."""
