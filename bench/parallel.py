"""The same work for many tasks, in this process or in several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TypeVar

from sim.backends.base import Progress
from soc.errors import InputError

__all__ = ["each"]

Task = TypeVar("Task")
Done = TypeVar("Done")

_PAUSE_S = 0.1


def each(
    work: Callable[[Task], Done],
    tasks: Sequence[Task],
    *,
    jobs: int = 1,
    progress: Progress = lambda step, fraction: None,
    step: str = "Measuring",
) -> Generator[Done, None, None]:
    """Do ``work`` on each task, in order; its function and its tasks must be picklable for ``jobs`` > 1.

    An exception of one ends all; an interruption ends what the processes do, and leaves none behind.
    """
    if jobs == 1:
        for number, task in enumerate(tasks):
            progress(step, number / len(tasks))
            yield work(task)
        return
    # Spawned, not forked: the parent has threads, of its progress bar and of numerical libraries.
    context = multiprocessing.get_context("spawn")
    workers = max(1, min(jobs, len(tasks)))
    executor = ProcessPoolExecutor(workers, context, partial(signal.signal, signal.SIGINT, _stop))
    try:
        progress(step, 0.0)
        # The processes start with interruptions ignored, until they know what to do with one.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        results = executor.map(partial(_endable, work), tasks)
        signal.signal(signal.SIGINT, before)
        for number, done in enumerate(results, start=1):
            progress(step, number / len(tasks))
            yield done
    except BrokenProcessPool:
        _end(executor)
        raise InputError(f"One of {workers} processes was killed from outside; give fewer jobs.") from None
    except BaseException:
        _end(executor)
        raise
    executor.shutdown()


def _end(executor: ProcessPoolExecutor) -> None:
    """End all processes; another interruption meanwhile would leave some behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    executor.shutdown(wait=False, cancel_futures=True)
    # One that is only starting does not listen yet.
    while processes := multiprocessing.active_children():
        for process in processes:
            with suppress(ProcessLookupError):
                if process.pid:
                    os.kill(process.pid, signal.SIGINT)
        time.sleep(_PAUSE_S)
    executor.shutdown()
    signal.signal(signal.SIGINT, before)


class _Worker:
    """State of a worker's process."""

    busy = False


def _stop(number: int, frame: FrameType | None) -> None:
    """End this process, a task first: it may have started others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _Worker.busy:
        raise KeyboardInterrupt
    os._exit(1)


def _endable(work: Callable[[Task], Done], task: Task) -> Done:
    _Worker.busy = True
    try:
        return work(task)
    except KeyboardInterrupt:
        os._exit(1)
    finally:
        _Worker.busy = False
