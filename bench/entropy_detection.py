"""What the entropy source's health tests detect, how soon, and what not.

``python -m bench.entropy_detection`` prints a table. Every trial is judged by the tests on arrays
(`sim.health_tests`), and some of each case by the compiled hardware too, which must say the same of every
sample. ``--quick`` makes fewer trials.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.entropy_faults import (
    ALIGNMENTS,
    Trial,
    biased,
    free_lock,
    harmonic_lock,
    periodic,
    rings_stop,
    some_rings_stop,
    stuck_bit,
)
from rtl.entropy.cutoffs import (
    LAGS,
    PROPORTION_WINDOW,
    binomial_tail,
    default_cutoffs,
)
from rtl.entropy.jitter import REFERENCE
from sim.health_rtl import HealthRtl
from sim.health_tests import HealthTests
from sim.ring_jitter import RingJitter
from soc.errors import InputError

__all__ = ["CASES", "LIMIT", "Case", "Outcome", "healthy", "judge", "main", "missed_bias"]

LIMIT = 1024
"""Samples from its onset within which a periodic pattern and an injection lock must be found."""

_CUTOFFS = default_cutoffs(banks=REFERENCE.banks, lengths=len(REFERENCE.lengths))
_HEALTHY_PIECE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something that the tests are to find.

    Parameters
    ----------
    name : str
        What it is.
    trials : callable
        Makes trials: all of them, or, with True, a sample.
    mark : bool
        Whether every trial must be found in time.
    """

    name: str
    trials: Callable[[bool], Iterable[Trial]]
    mark: bool = True


@dataclass
class Outcome:
    """What came of the trials of a case.

    ``late`` are those that were found after their limit or not at all; ``latest`` is the most samples that it
    took, of those found in time; ``by`` counts the tests that failed first. ``in_hardware`` trials were
    judged by the hardware too.
    """

    trials: int = 0
    late: list[str] = field(default_factory=list)
    latest: int = 0
    limit: int = 0
    by: Counter[str] = field(default_factory=Counter)
    in_hardware: int = 0


def _stuck(quick: bool) -> Iterator[Trial]:
    for value in (0, 1):
        for onset in range(0, ALIGNMENTS, 37 if quick else 1):
            yield stuck_bit(onset, value, limit=_CUTOFFS["repetition"])


def _stopped(quick: bool) -> Iterator[Trial]:
    for onset in range(1, ALIGNMENTS, 37 if quick else 1):
        yield rings_stop(onset, limit=_CUTOFFS["silence"])


def _biased(quick: bool) -> Iterator[Trial]:
    for seed in range(20 if quick else 1000):
        yield biased(seed, h=0.1)


def _periodic(period: int, errors: float = 0.0) -> Callable[[bool], Iterator[Trial]]:
    def trials(quick: bool) -> Iterator[Trial]:
        for onset in range(period if quick else 0, ALIGNMENTS, 97 if quick else 1):
            yield periodic(onset, period, seed=onset, errors=errors, limit=LIMIT)

    return trials


def _locked(quick: bool) -> Iterator[Trial]:
    for onset in range(0, ALIGNMENTS, 97 if quick else 1):
        yield harmonic_lock(onset, onset, limit=LIMIT)


def _some_stop(rings: int) -> Callable[[bool], Iterator[Trial]]:
    def trials(quick: bool) -> Iterator[Trial]:
        for seed in range(8 if quick else 100):
            yield some_rings_stop(seed, rings, limit=LIMIT)

    return trials


CASES = (
    Case(name="raw bit stuck at 0 or 1", trials=_stuck),
    Case(name="all rings stop", trials=_stopped),
    Case(name="biased to H = 0.1", trials=_biased),
    *(Case(name=f"period {period}", trials=_periodic(period)) for period in range(2, LAGS + 1)),
    Case(name="period 2, 3 % errors", trials=_periodic(2, 0.03)),
    Case(name="period 16, 3 % errors", trials=_periodic(16, 0.03)),
    Case(name="period 16, 6 % errors", trials=_periodic(16, 0.06), mark=False),
    Case(name="period 16, 9 % errors", trials=_periodic(16, 0.09), mark=False),
    Case(name="injection lock of all rings", trials=_locked),
    *(
        Case(name=f"{rings} rings stop", trials=_some_stop(rings), mark=rings >= _CUTOFFS["lost"])
        for rings in (2, 4, 5, 6, 8, 16)
    ),
)


def judge(trials: Iterable[Trial], hardware: HealthRtl | None = None, every: int = 50) -> Outcome:
    """Judge trials; every so many, from the first on, in hardware too."""
    outcome, tests = Outcome(), HealthTests()
    for number, trial in enumerate(trials):
        found = tests.first_failure(trial.samples)
        took = math.inf if found is None else found[0] - trial.onset + 1
        outcome.trials += 1
        outcome.limit = max(outcome.limit, trial.limit)
        if not 0 < took <= trial.limit or found is None:
            outcome.late.append(trial.name)
        else:
            outcome.latest = max(outcome.latest, int(took))
            outcome.by.update(found[1])
        if hardware and number % every == 0:
            outcome.in_hardware += 1
            _compare(trial, hardware, tests)
    return outcome


def _compare(trial: Trial, hardware: HealthRtl, tests: HealthTests) -> None:
    verdict, expected = hardware.judge(trial.samples), tests.judge(trial.samples)
    if verdict.failures != expected.failures or not np.array_equal(verdict.healthy, expected.healthy):
        raise AssertionError(f"Hardware and reference differ on {trial.name}")


def healthy(samples: int, hardware: HealthRtl | None = None) -> tuple[int, int]:
    """Failures in so many samples of healthy rings, of another chip each million; and samples in hardware.

    The hardware judges the first chip's samples.
    """
    failures = in_hardware = 0
    for seed, start in enumerate(range(0, samples, _HEALTHY_PIECE)):
        piece = RingJitter(REFERENCE, seed=seed).samples(min(_HEALTHY_PIECE, samples - start))
        failures += len(HealthTests().judge(piece).failures)
        if hardware and not start:
            in_hardware = len(piece)
            _compare(Trial("healthy rings, seed 0", piece, 0, 0), hardware, HealthTests())
    return failures, in_hardware


def missed_bias(h: float = 0.1) -> float:
    """Probability that independent bits of min-entropy ``h`` pass two windows of adaptive proportion."""
    rare = PROPORTION_WINDOW - _CUTOFFS["proportion"] + 1  # of the other value, from which on a window passes
    return binomial_tail(rare, PROPORTION_WINDOW, 1 - 2.0**-h) ** 2


@dataclass(frozen=True)
class _Lock:
    """A lock of some rings: min-entropy that the free ones give, and whether it was found in time."""

    entropy: float
    found: bool


def _locks(count: int, *, near: bool) -> list[_Lock]:
    """Injected signals of any frequency and strength; ``near``: of a frequency of ten megahertz or more."""
    locks = []
    for seed in range(count):
        trial, entropy = free_lock(seed, near=near, limit=LIMIT)
        locks.append(_Lock(entropy, bool(judge([trial]).latest)))
    return locks


def _show(console: Console, hardware: HealthRtl, quick: bool) -> bool:
    """Print the table of all cases; whether every mark is kept."""
    table = Table("case", "trials", "in hardware", "found in time", "latest sample", "limit", "found by")
    kept = True
    for case in CASES:
        console.print(f"   {case.name}", style="dim")
        outcome = judge(case.trials(quick), hardware)
        found = outcome.trials - len(outcome.late)
        missed = case.mark and outcome.late
        kept &= not missed
        table.add_row(
            case.name,
            str(outcome.trials),
            str(outcome.in_hardware),
            f"{found} ({100 * found / outcome.trials:.4g} %)"
            + (f", NOT {outcome.late[0]}" if missed else ""),
            str(outcome.latest or "–"),
            str(outcome.limit),
            ", ".join(name for name, _ in outcome.by.most_common()),
        )
    console.print(table)
    return kept


def _show_locks(console: Console, count: int) -> None:
    borders = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    table = Table("min-entropy that free rings give", *("10 MHz to 300 MHz", "1 MHz to 10 MHz"))
    groups = [_locks(count, near=near) for near in (True, False)]
    for low, high in itertools.pairwise(borders):
        cells = []
        for locks in groups:
            inside = [lock.found for lock in locks if low <= lock.entropy < high]
            cells.append(f"{sum(inside)} of {len(inside)}")
        table.add_row(f"{low} to {high}", *cells)
    console.print("Partial locks, by what is left:")
    console.print(table)


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign; 0 if every mark is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer trials of each case")
    quick = parser.parse_args(arguments).quick
    console, hardware = Console(width=150), HealthRtl()
    kept = _show(console, hardware, quick)
    _show_locks(console, 60 if quick else 250)
    count = 100_000 if quick else 10_000_000
    failures, in_hardware = healthy(count, hardware)
    console.print(
        f"Healthy rings: {failures} failures in {count} samples, {in_hardware} of them in hardware too."
    )
    console.print(f"Bias to H = 0.1 passes both windows of proportion with probability {missed_bias():.2g}.")
    return int(not kept or failures > 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
