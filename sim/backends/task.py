"""What goes into the simulator's process and what comes back, as files in the run's directory."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIRECTORY", "OUTCOME", "PROGRESS", "TASK", "Outcome", "Task"]

DIRECTORY = "WATTSEAL_RUN"
"""Environment variable: the run's directory."""
PROGRESS = "WATTSEAL_PROGRESS"
"""Environment variable: number of the pipe for progress."""
TASK = "task.pickle"
OUTCOME = "outcome.pickle"


@dataclass(frozen=True)
class Task:
    """A run in the form that goes into the simulator's process.

    The scenario is the function ``name`` of ``module``, which lies in ``file``. ``arguments`` are pickled on
    their own, since they may be of types of that module. ``sets`` is the number of sample sets, None
    without samples; ``clock_fs`` the period of the application clock in femtoseconds.
    """

    module: str
    file: str | None
    name: str
    arguments: bytes
    hold: int
    sets: int | None
    clock_fs: int
    cycles_limit: int | None


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    ``value`` is the pickle of what the scenario returned, None if it did not return: then it was
    ``limited``, or raised ``error`` (pickled, None where that cannot be) with the traceback ``trace``.
    """

    value: bytes | None = None
    error: bytes | None = None
    trace: str = ""
    limited: bool = False
    application_cycles: int = 0
    metrology_cycles: int = 0
    operations: int = 0
    sample_sets: int = 0
    wall_s: float = 0.0
