"""From a formula to instructions: in which order, and in which registers."""

import random
from dataclasses import dataclass, field

from .arithmetic import Modulo, Operation, Timing

__all__ = ["Step", "Value", "schedule"]

_TRIALS = 60
_ISSUE_CYCLES = 2  # that the sequencer needs for an instruction at least


@dataclass(eq=False)
class Value:
    """A value of a formula: what is in ``register`` before, or what an operation makes of two others."""

    register: int | None = None
    operation: Operation | None = None
    operands: tuple["Value", ...] = ()
    users: list["Value"] = field(default_factory=list, repr=False)

    def _with(self, other, operation):
        result = Value(operation=operation, operands=(self, other))
        for operand in dict.fromkeys((self, other)):
            operand.users.append(result)
        return result

    def __add__(self, other):
        return self._with(other, Operation.ADD)

    def __sub__(self, other):
        return self._with(other, Operation.SUBTRACT)

    def __mul__(self, other):
        return self._with(other, Operation.MULTIPLY)


@dataclass(frozen=True)
class Step:
    """An instruction of a block without branches."""

    operation: Operation
    target: int
    left: int
    right: int


class _Full(Exception):
    """There were not enough registers for this order."""


def schedule(results, *, temporaries, variant):
    """Order a formula's operations and give their values registers, so that it soon ends.

    The order is the best of some that are tried: of the operations that could be taken first, the one that
    the most depends on, with a little chance.

    Parameters
    ----------
    results : dict of int to Value
        What is to be in which register in the end.
    temporaries : iterable of int
        Registers that may be used besides those of the results.
    variant : str
        Of the arithmetic unit, whose timing counts.

    Raises
    ------
    ValueError
        If the registers are not enough.
    """
    best, best_time = None, None
    for trial in range(_TRIALS):
        noise = random.Random(trial) if trial else None
        try:
            steps, time = _Scheduling(results, temporaries, variant, noise).run()
        except _Full:
            continue
        if best_time is None or time < best_time:
            best, best_time = steps, time
    if best is None:
        raise ValueError(f"A formula needs more than the {len(set(temporaries))} temporary registers")
    return best


class _Scheduling:
    """One attempt."""

    def __init__(self, results, temporaries, variant, noise):
        self._results = results
        self._noise = noise
        self._timing = Timing(variant=variant)
        self._at = {}  # register of each value
        self._lives = {}  # value in each register
        self._left = {}  # of each value, its users that have not been taken
        self._usable = {}
        self._wanted = {}  # the register that a value should end in
        for register, value in results.items():
            self._wanted.setdefault(value, register)
        self._weights = {}
        self._waiting = []
        for value in results.values():
            self._enter(value)
        self._free = (set(temporaries) | set(results)) - set(self._lives)
        # A value that the results do not need is not changed unless it is in a register of theirs.
        self._owned = set(temporaries) | set(results)
        self._steps = []

    def _enter(self, value):
        if value in self._left:
            return
        self._left[value] = len(value.users)
        if value.operation is None:
            self._at[value] = value.register
            self._lives[value.register] = value
            return
        for operand in value.operands:
            self._enter(operand)
        self._waiting.append(value)

    def _weight(self, value):
        """Cycles from a value's beginning to the end of all that depends on it."""
        if value not in self._weights:
            behind = max((self._weight(user) for user in value.users if user in self._left), default=0)
            schedule = self._timing.schedule
            multiplies = value.operation == Operation.MULTIPLY
            own = schedule.multiplication[Modulo.P] if multiplies else schedule.addition
            own += schedule.usable
            if self._noise:
                own += self._noise.random() * schedule.interval[Modulo.P]
            self._weights[value] = behind + own
        return self._weights[value]

    def _is_kept(self, value):
        return self._left[value] > 0 or value in self._wanted

    def run(self):
        """All operations. Returns the steps, and when the last one has ended."""
        now = 0
        while self._waiting:
            candidates = [
                (self._start(value, now), -self._weight(value), position)
                for position, value in enumerate(self._waiting)
                if all(operand in self._at for operand in value.operands) and self._has_room(value)
            ]
            if not candidates:
                raise _Full
            position = min(candidates)[2]
            now = self._take(self._waiting.pop(position), now)
        for register, value in self._results.items():
            if self._at[value] != register:
                raise _Full
        return self._steps, self._timing.idle

    def _start(self, value, now):
        ready = max(self._usable.get(operand, 0) for operand in value.operands)
        if value.operation == Operation.MULTIPLY:
            ready = max(ready, self._multiplier)
        return max(ready, now)

    _multiplier = 0

    def _releases(self, value):
        """Registers that hold nothing any more once ``value`` is taken."""
        return {
            self._at[operand]
            for operand in value.operands
            if self._left[operand] == 1 and operand not in self._wanted and self._at[operand] in self._owned
        }

    def _has_room(self, value):
        wanted = self._wanted.get(value)
        available = self._free | self._releases(value)
        return wanted in available if wanted is not None else bool(available)

    def _take(self, value, now):
        left, right = (self._at[operand] for operand in value.operands)
        self._free |= self._releases(value)
        for operand in dict.fromkeys(value.operands):
            self._left[operand] -= 1
        wanted = self._wanted.get(value)
        if wanted is None:
            # Registers of results last, so that results find them free.
            wanted = min(self._free, key=lambda register: (register in self._results, register))
        self._free.discard(wanted)
        self._at[value] = wanted
        self._steps.append(Step(value.operation, wanted, left, right))
        times = self._timing.take(value.operation, Modulo.P, wanted, left, right, offered=now)
        self._usable[value] = times.usable
        if value.operation == Operation.MULTIPLY:
            self._multiplier = times.taken + self._timing.schedule.interval[Modulo.P]
        return times.taken + _ISSUE_CYCLES
