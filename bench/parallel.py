"""The same work for many tasks, in this process or in several."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from sim.backends.base import Progress

__all__ = ["each"]

Task = TypeVar("Task")
Done = TypeVar("Done")


def each(
    work: Callable[[Task], Done],
    tasks: Sequence[Task],
    *,
    jobs: int = 1,
    progress: Progress = lambda step, fraction: None,
    step: str = "Measuring",
) -> Iterator[Done]:
    """Do ``work`` on each task, in order; its function and its tasks must be picklable for ``jobs`` > 1.

    An exception of one ends all; an interruption leaves no process behind.
    """
    if jobs == 1:
        for number, task in enumerate(tasks):
            progress(step, number / len(tasks))
            yield work(task)
        return
    # Spawned, not forked: the parent has threads, of its progress bar and of numerical libraries.
    executor = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _leave_interruptions)
    try:
        progress(step, 0.0)
        for number, done in enumerate(executor.map(work, tasks), start=1):
            progress(step, number / len(tasks))
            yield done
    finally:
        executor.shutdown(cancel_futures=True)


def _leave_interruptions() -> None:
    """The parent is interrupted too, and ends its processes itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
