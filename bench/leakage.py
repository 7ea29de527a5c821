"""First-order leakage of simulated toggles: Welch's t-test of fixed against random inputs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bench.leakage_targets import Encryption, Multiplication, ScalarMultiplication
from sim.backends.base import Progress

__all__ = ["CASES", "THRESHOLD", "Case", "Leakage", "Moments", "measure"]

THRESHOLD = 4.5
"""Of |t|, as usual in this test (Goodwill and others, 2011; ISO/IEC 17825)."""

_BATCH = 100


class Target(Protocol):
    """What is measured."""

    state_bits: int

    def trace(self, rng: random.Random, *, fixed: bool) -> npt.NDArray[np.uint32]:
        """Toggles of each clock of one run, with the fixed input or a random one."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is measured, with one trace for each ``share`` traces of the short cases."""

    name: str
    title: str
    make: Callable[[], Target]
    share: int = 1


CASES = (
    Case(
        name="p256-row-product",
        title="P-256 row: a product, operand fixed or random",
        make=lambda: Multiplication(variant="row"),
    ),
    Case(
        name="p256-compact-product",
        title="P-256 compact: a product, operand fixed or random",
        make=lambda: Multiplication(variant="compact"),
    ),
    Case(
        name="p256-row-product-blinded",
        title="P-256 row: a product, operand times a random factor",
        make=lambda: Multiplication(variant="row", blinded=True),
    ),
    Case(
        name="aes-fast-block",
        title="AES fast: a block, fixed or random, under one key",
        make=lambda: Encryption(variant="fast"),
    ),
    Case(
        name="aes-compact-block",
        title="AES compact: a block, fixed or random, under one key",
        make=lambda: Encryption(variant="compact"),
    ),
    Case(
        name="p256-row-public",
        title="P-256 row: public key of a fixed or random private key",
        make=lambda: ScalarMultiplication(variant="row"),
        share=20,
    ),
    Case(
        name="p256-row-agree",
        title="P-256 row: shared secret of a fixed or random private key and one point",
        make=lambda: ScalarMultiplication(variant="row", agreement=True),
        share=20,
    ),
)


class Moments:
    """Sums over traces of two classes, exact in integers, and what follows from them."""

    def __init__(self) -> None:
        self._counts = np.zeros(2, np.int64)
        self._sums: Any = 0
        self._squares: Any = 0

    def add(self, traces: npt.NDArray[np.uint32], fixed: npt.NDArray[np.bool_]) -> None:
        """Add traces, one a row; ``fixed`` tells the class of each."""
        values = traces.astype(np.int64)
        classes = np.stack([fixed, ~fixed]).astype(np.int64)
        self._counts = self._counts + classes.sum(axis=1)
        self._sums = self._sums + classes @ values
        self._squares = self._squares + classes @ values**2

    def __add__(self, other: Moments) -> Moments:
        both = Moments()
        both._counts = self._counts + other._counts
        both._sums, both._squares = self._sums + other._sums, self._squares + other._squares
        return both

    def t(self) -> npt.NDArray[np.float64]:
        """Welch's t of each clock; 0 where no trace differs from another.

        Raises
        ------
        ValueError
            If a class has fewer than two traces.
        """
        if self._counts.min() < 2:
            raise ValueError(f"Each class must have 2 traces or more, not {self._counts.min()}")
        counts = self._counts[:, None]
        means = self._sums / counts
        spreads = counts * self._squares - self._sums**2  # the variance times n · (n − 1), exactly
        errors = (spreads / (counts**2 * (counts - 1))).sum(axis=0)
        difference = means[0] - means[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(difference == 0, 0.0, difference / np.sqrt(errors))


@dataclass(frozen=True, kw_only=True)
class Leakage:
    """What the test says of a case.

    ``largest`` is the largest |t|, of the clock ``at``, counted from 0. ``above`` counts the clocks of which
    |t| exceeds the threshold, and ``confirmed`` those of which it does in both halves of the traces, with
    the same sign; ``last`` is the last of these. ``t`` has a value for each clock.
    """

    name: str
    title: str
    traces: int
    clocks: int
    state_bits: int
    largest: float
    at: int
    above: int
    confirmed: int
    last: int | None
    t: npt.NDArray[np.float64]

    def figures(self) -> dict[str, Any]:
        """Everything but the curve."""
        return {name: value for name, value in vars(self).items() if name != "t"}


def measure(
    traces: int,
    *,
    cases: tuple[Case, ...] = CASES,
    seed: int = 1,
    progress: Progress = lambda step, fraction: None,
) -> Iterator[Leakage]:
    """Measure the cases, with ``traces`` traces of the short ones.

    Fixed and random traces follow each other at random. A case with so few traces left that its classes
    would be empty takes 20.
    """
    for case in cases:
        progress(f"Compiling: {case.title}", None)
        target = case.make()
        halves = _halves(case, target, max(20, traces // case.share), seed, progress)
        yield _judge(case, target, halves)


def _halves(
    case: Case, target: Target, traces: int, seed: int, progress: Progress
) -> tuple[Moments, Moments, int]:
    """Moments of the first and the second half of the traces, and how many there are."""
    rng, halves, done, length = random.Random(f"{seed} {case.name}"), (Moments(), Moments()), 0, None
    while done < traces:
        progress(case.title, done / traces)
        number = min(_BATCH, traces - done, traces // 2 - done if done < traces // 2 else _BATCH)
        fixed = np.array([rng.random() < 0.5 for _ in range(number)])
        batch = [target.trace(rng, fixed=bool(each)) for each in fixed]
        lengths = {len(trace) for trace in batch} | ({length} if length else set())
        if len(lengths) != 1:
            raise AssertionError(f"{case.title}: the number of clocks depends on the input: {lengths}")
        (length,) = lengths
        halves[done >= traces // 2].add(np.stack(batch), fixed)
        done += number
    return (*halves, traces)


def _judge(case: Case, target: Target, halves: tuple[Moments, Moments, int]) -> Leakage:
    first, second, traces = halves
    t, parts = (first + second).t(), (first.t(), second.t())
    least = np.minimum(*(part * np.sign(parts[0]) for part in parts))
    confirmed = np.flatnonzero(least > THRESHOLD)
    return Leakage(
        name=case.name,
        title=case.title,
        traces=traces,
        clocks=len(t),
        state_bits=target.state_bits,
        largest=float(np.abs(t).max()),
        at=int(np.abs(t).argmax()),
        above=int((np.abs(t) > THRESHOLD).sum()),
        confirmed=len(confirmed),
        last=int(confirmed[-1]) if len(confirmed) else None,
        t=t,
    )
