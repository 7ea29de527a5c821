"""The health tests of the entropy source on arrays of samples, to the sample as the hardware does them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtl.entropy.cutoffs import (
    LAG_WINDOW,
    LAGS,
    NEAR,
    PROPORTION_WINDOW,
    RING_WINDOW,
    START_UP_SAMPLES,
    default_cutoffs,
)

__all__ = ["HealthTests", "Verdict"]

Samples = npt.NDArray[np.uint8]

_NEVER = 1 << 62
_FIRST_STRETCH = 2 * START_UP_SAMPLES


@dataclass(frozen=True)
class Verdict:
    """What comes of a run of samples.

    Parameters
    ----------
    failures : tuple of (int, frozenset of str)
        Each sample at which tests fail, and which.
    healthy : array of bool
        Whether each sample's bit may be used.
    """

    failures: tuple[tuple[int, frozenset[str]], ...]
    healthy: npt.NDArray[np.bool_]


class HealthTests:
    """All tests, from power-on.

    Parameters
    ----------
    banks, lengths : int
        Banks of rings, and rings of a bank.
    cutoffs : mapping of str to int
        Cut-off of each test by name; those that the hardware is made for if not given.
    """

    def __init__(self, *, banks: int = 8, lengths: int = 4, cutoffs: Mapping[str, int] | None = None):
        self.banks = banks
        self.lengths = lengths
        self.cutoffs = default_cutoffs(banks=banks, lengths=lengths) | dict(cutoffs or {})

    def judge(self, samples: Samples) -> Verdict:
        """Judge levels of rings (samples by rings), one start-up after the other."""
        failures = []
        healthy = np.zeros(len(samples), np.bool_)
        start = 0
        while (failure := self.first_failure(samples, start)) is not None:
            index, tests = failure
            failures.append((index, tests))
            healthy[start + START_UP_SAMPLES : index] = True
            start = index + 1
        healthy[start + START_UP_SAMPLES :] = True
        return Verdict(tuple(failures), healthy)

    def first_failure(self, samples: Samples, start: int = 0) -> tuple[int, frozenset[str]] | None:
        """The first sample at which tests fail, and which, if a start-up begins with sample ``start``."""
        stretch = _FIRST_STRETCH
        while True:  # a failure is often near, and samples far behind it need not be looked at
            end = min(start + stretch, len(samples))
            places = self._first_of_each(samples, start, end)
            first = min(places.values())
            if first < _NEVER:
                return start + first, frozenset(name for name, place in places.items() if place == first)
            if end == len(samples):
                return None
            stretch *= 8

    def _first_of_each(self, samples: Samples, start: int, end: int) -> dict[str, int]:
        """Where each test would fail first, counted from ``start``."""
        known = min(start, LAGS)
        bits = np.bitwise_xor.reduce(samples[start - known : end], axis=1)
        bits = np.concatenate([np.zeros(LAGS - known, np.uint8), bits])  # before power-on they were zero
        before = samples[start - 1 : start] if start else np.zeros((1, samples.shape[1]), np.uint8)
        levels = np.concatenate([before, samples[start:end]])
        changes = levels[1:] != levels[:-1]
        return {
            "repetition": self._repetition(bits[LAGS:]),
            "proportion": self._proportion(bits[LAGS:]),
            "lag": self._lag(bits),
            "silence": self._silence(changes),
            "lost": self._lost(changes),
        }

    def _repetition(self, bits: Samples) -> int:
        differs = np.concatenate([[False], bits[1:] != bits[:-1]])
        return _end_of_run(differs, self.cutoffs["repetition"], counts_break=True)

    def _silence(self, changes: npt.NDArray[np.bool_]) -> int:
        changed = np.array(changes.any(axis=1))
        changed[:1] = True  # the first sample of a start-up is compared with none
        return _end_of_run(changed, self.cutoffs["silence"], counts_break=False)

    def _proportion(self, bits: Samples) -> int:
        return min(_reached(bits == value, PROPORTION_WINDOW, self.cutoffs["proportion"]) for value in (0, 1))

    def _lag(self, bits: Samples) -> int:
        """Of bits with `LAGS` more in front."""
        count = len(bits) - LAGS
        return min(
            _reached(bits[LAGS:] == bits[LAGS - lag :][:count], LAG_WINDOW, self.cutoffs["lag"])
            for lag in range(1, LAGS + 1)
        )

    def lost_rings(self, changes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Rings lost in each whole window, from whether each ring changes at each sample."""
        windows = len(changes) // RING_WINDOW
        whole = changes[: windows * RING_WINDOW].reshape(windows, RING_WINDOW, self.banks, self.lengths)
        counts = whole.sum(axis=1)
        lost = counts % RING_WINDOW == 0
        lost[:, 1:] |= (counts[:, 1:] - counts[:, :-1] + NEAR) % RING_WINDOW <= 2 * NEAR
        return lost.sum(axis=(1, 2))

    def _lost(self, changes: npt.NDArray[np.bool_]) -> int:
        places = np.flatnonzero(self.lost_rings(changes) >= self.cutoffs["lost"])
        return int(places[0] + 1) * RING_WINDOW - 1 if len(places) else _NEVER


def _end_of_run(breaks: npt.NDArray[np.bool_], cutoff: int, *, counts_break: bool) -> int:
    """Where a run has ``cutoff`` elements. It lasts until the next break, which may be its own first one."""
    places = np.flatnonzero(breaks)
    starts = np.concatenate([[0], places if counts_break else places + 1])
    ends = np.concatenate([places, [len(breaks)]])
    long = np.flatnonzero(ends - starts >= cutoff)
    return int(starts[long[0]] + cutoff - 1) if len(long) else _NEVER


def _reached(events: npt.NDArray[np.bool_], window: int, cutoff: int) -> int:
    """Where the events of a window, counted from 0 in each, are as many as ``cutoff``."""
    short = -len(events) % window
    padded = np.concatenate([events, np.zeros(short, np.bool_)]).reshape(-1, window)
    places = np.flatnonzero(padded.sum(axis=1) >= cutoff)
    if not len(places):
        return _NEVER
    row = int(places[0])
    return row * window + int(np.flatnonzero(padded[row])[cutoff - 1])
