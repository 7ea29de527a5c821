"""The kernel: several coroutines take turns on the one bus."""

from collections import deque
from dataclasses import dataclass

from .ops import BusError, Read, Wait, Write

__all__ = ["Kernel", "Task", "Until"]


@dataclass(frozen=True)
class Until:
    """What a task yields to sleep until another task has made ``condition()`` true.

    Answered with ``None`` by the kernel; it costs no bus time. The condition is a function without
    arguments that looks at the firmware's own variables.
    """

    condition: object


@dataclass(eq=False)
class Task:
    """A coroutine that the kernel runs.

    ``essential`` says that the others are of no use without it. ``ended`` says that it has run to its
    end; then ``result`` is what it returned, or ``error`` the exception that ended it.
    """

    name: str
    coroutine: object
    essential: bool = False
    ended: bool = False
    result: object = None
    error: Exception | None = None


@dataclass(eq=False)
class _Sleeper:
    """A task that waits for interrupt lines, until a time of the kernel's clock."""

    task: Task
    mask: int
    deadline: int | None


class Kernel:
    """Cooperative kernel.

    Tasks run in turns of one operation each, in the order in which they became ready. Tasks that wait are
    grouped into one `Wait` with the union of their masks and the nearest of their deadlines; while others
    are ready, the interrupts of the sleeping ones are looked at once in ``poll_every`` operations. What
    runs when depends on the answers of the bus alone.

    Parameters
    ----------
    clock : function
        Called without arguments, gives a coroutine that reads the number of application clocks since
        reset; deadlines are counted by it.
    clock_step : int
        Clocks by which the clock may be late; no task is woken before the time that it asked for.
    tasks_limit : int
        Most tasks that may run at a time.
    poll_every : int
        Operations of ready tasks between two looks at the interrupts of sleeping ones.

    Attributes
    ----------
    reports : deque of Task
        Tasks that have ended, oldest first; whoever reads a report takes it out. The oldest is dropped
        when there are more than ``tasks_limit``.
    """

    def __init__(self, *, clock, clock_step=1, tasks_limit=16, poll_every=16):
        if tasks_limit < 1:
            raise ValueError(f"Limit of tasks must be 1 or more, not {tasks_limit}")
        if poll_every < 1:
            raise ValueError(f"Operations between two polls must be 1 or more, not {poll_every}")
        self._clock = clock
        self._clock_step = clock_step
        self._tasks_limit = tasks_limit
        self._poll_every = poll_every
        self._running = None
        self._ready: deque = deque()  # of (task, answer to its last operation)
        self._sleepers = []
        self._conditions = []  # of (task, condition)
        self._time = None  # of the clock, None once an operation has passed since
        self._operations = 0  # since the last look at the interrupts
        self.reports: deque[Task] = deque(maxlen=tasks_limit)

    @property
    def tasks(self):
        """The tasks that have not ended."""
        running = [self._running] if self._running else []
        ready = [task for task, _ in self._ready]
        asleep = [sleeper.task for sleeper in self._sleepers]
        return running + ready + asleep + [task for task, _ in self._conditions]

    def start(self, name, coroutine, *, essential=False):
        """Add a task; it runs when its turn comes. Returns the `Task`.

        An exception that ends an ``essential`` task ends the kernel too; of others it is reported.

        Raises `RuntimeError` if there are ``tasks_limit`` tasks already.
        """
        if len(self.tasks) >= self._tasks_limit:
            raise RuntimeError(
                f"Task {name!r} is one more than the {self._tasks_limit} that may run at a time"
            )
        task = Task(name, coroutine, essential)
        self._ready.append((task, None))
        return task

    def run(self):
        """Coroutine that runs all tasks until the last has ended.

        An exception thrown into it, or closing it, closes every task. Raises what ended an essential task,
        and `RuntimeError` if all tasks left wait for one another.
        """
        try:
            while True:
                self._check_conditions()
                if self._ready:
                    yield from self._turn(*self._ready.popleft())
                    if self._sleepers and self._ready and self._operations >= self._poll_every:
                        yield from self._sleep(poll=True)
                elif self._sleepers:
                    yield from self._sleep()
                elif self._conditions:
                    names = ", ".join(task.name for task, _ in self._conditions)
                    raise RuntimeError(f"Every task left waits for another: {names}")
                else:
                    return
        finally:
            for task in self.tasks:
                task.coroutine.close()

    def _turn(self, task, answer):
        """Give ``task`` its answer and perform the operation that it yields next."""
        self._running = task
        try:
            if isinstance(answer, Exception):
                operation = task.coroutine.throw(answer)
            else:
                operation = task.coroutine.send(answer)
        except StopIteration as stop:
            self._end(task, stop.value, None)
        except Exception as error:
            self._end(task, None, error)
            if task.essential:
                raise
        else:
            yield from self._dispatch(task, operation)
        self._running = None

    def _end(self, task, result, error):
        task.ended, task.result, task.error = True, result, error
        self.reports.append(task)

    def _dispatch(self, task, operation):
        if isinstance(operation, Until):
            self._conditions.append((task, operation.condition))
        elif isinstance(operation, Wait) and operation.cycles != 0:
            deadline = None
            if operation.cycles is not None:
                deadline = (yield from self._now()) + operation.cycles + self._clock_step - 1
            self._sleepers.append(_Sleeper(task, operation.mask, deadline))
        elif isinstance(operation, (Read, Write, Wait)):
            try:
                answer = yield from self._perform(operation)
            except BusError as error:
                answer = error
            self._ready.append((task, answer))
        else:
            self._ready.append((task, TypeError(f"A task yields operations, not {operation!r}")))

    def _perform(self, operation):
        self._operations += 1
        self._time = None
        return (yield operation)

    def _now(self):
        """Time of the clock, read again only if an operation has passed since the last reading."""
        if self._time is None:
            time = yield from self._clock()
            self._time = time
        return self._time

    def _check_conditions(self):
        still_false = []
        for task, condition in self._conditions:
            try:
                if condition():
                    self._ready.append((task, None))
                else:
                    still_false.append((task, condition))
            except Exception as error:
                self._ready.append((task, error))
        self._conditions = still_false

    def _sleep(self, poll=False):
        """Sleep until a sleeper can go on, or with ``poll`` only look, and wake those that can."""
        mask = 0
        for sleeper in self._sleepers:
            mask |= sleeper.mask
        deadlines = [sleeper.deadline for sleeper in self._sleepers if sleeper.deadline is not None]
        time = (yield from self._now()) if deadlines else 0
        cycles = max(0, min(deadlines) - time) if deadlines else None
        if poll:
            cycles = 0
        causes = (yield from self._perform(Wait(mask, cycles))) if mask or cycles else 0
        self._operations = 0
        if not causes and deadlines and not poll:
            time = max(time, min(deadlines))
            self._time = time
        still_asleep = []
        for sleeper in self._sleepers:
            if causes & sleeper.mask:
                self._ready.append((sleeper.task, causes & sleeper.mask))
            elif sleeper.deadline is not None and sleeper.deadline <= time:
                self._ready.append((sleeper.task, 0))
            else:
                still_asleep.append(sleeper)
        self._sleepers = still_asleep
