"""When the arithmetic unit takes an instruction and when it has ended, to the cycle."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from .moduli import DIGITS, Modulo
from .signature import Operation

__all__ = ["SCHEDULES", "VARIANTS", "Schedule", "Times", "Timing"]


class Times(NamedTuple):
    """Cycles of an instruction.

    ``taken`` is the cycle in which the unit takes it, ``usable`` the first in which one that names its target
    can be taken, ``ended`` the first in which its flags are valid and, if no other runs, the unit is idle.
    """

    taken: int
    usable: int
    ended: int


@dataclass(frozen=True)
class Schedule:
    """What a variant needs, in cycles counted from the one in which an instruction is taken.

    Parameters
    ----------
    reads : int
        Cycles until another instruction can be taken.
    writes : int
        Cycles in which a result is written.
    addition : int
        When an ``ADD``, ``SUBTRACT`` or ``SELECT`` begins to write.
    multiplication : dict of Modulo to int
        The same of a ``MULTIPLY``.
    interval : dict of Modulo to int
        When the next ``MULTIPLY`` can be taken.
    usable : int
        From the first cycle of writing until an instruction that names the target can be taken.
    ended : int
        From the first cycle of writing until the end.
    """

    reads: int
    writes: int
    addition: int
    multiplication: dict[Any, int]
    interval: dict[Any, int]
    usable: int
    ended: int


SCHEDULES = {
    "row": Schedule(
        reads=1,
        writes=1,
        addition=4,
        multiplication={Modulo.P: 12, Modulo.N: 25},
        interval={Modulo.P: 8, Modulo.N: 21},
        usable=1,
        ended=2,
    ),
    "compact": Schedule(
        reads=DIGITS,
        writes=DIGITS,
        addition=10,
        multiplication={Modulo.P: 72, Modulo.N: 140},
        interval={Modulo.P: 67, Modulo.N: 135},
        usable=1,
        ended=DIGITS,
    ),
}
VARIANTS = tuple(SCHEDULES)
"""Names of the variants."""


class Timing:
    """Tells when each instruction of a sequence is taken and ends. It never depends on operands.

    Parameters
    ----------
    variant : str
        ``row`` or ``compact``.

    Attributes
    ----------
    cycle : int
        The first cycle in which another instruction could be taken if nothing else held it up.
    idle : int
        The first cycle in which the unit is idle if no more instructions come.

    Raises
    ------
    ValueError
        If there is no such variant.
    """

    def __init__(self, *, variant: str):
        if variant not in SCHEDULES:
            raise ValueError(
                f"Variant of the arithmetic unit must be one of {', '.join(VARIANTS)}, not {variant!r}"
            )
        self.schedule = SCHEDULES[variant]
        self.cycle = 0
        self.idle = 0
        self._multiplier_free = 0
        self._writes: list[int] = []  # first cycles of writing that additions have to keep away from
        self._usable: dict[int, int] = {}

    def take(
        self,
        operation: Operation,
        modulus: Modulo,
        target: int,
        left: int,
        right: int,
        *,
        offered: int = 0,
    ) -> Times:
        """Account for the next instruction, which is offered from cycle ``offered`` on."""
        schedule, usable = self.schedule, self._usable
        registers = usable.get(target, 0), usable.get(left, 0), usable.get(right, 0)
        cycle = max(offered, self.cycle, *registers)
        if operation == Operation.MULTIPLY:
            cycle = max(cycle, self._multiplier_free)
            writes = cycle + schedule.multiplication[modulus]
            self._multiplier_free = cycle + schedule.interval[modulus]
            self._writes = [first for first in self._writes if first + schedule.writes > cycle]
            self._writes.append(writes)
        else:
            writes = self._addition_writes(cycle + schedule.addition)
            cycle = writes - schedule.addition
        self.cycle = cycle + schedule.reads
        usable[target] = writes + schedule.usable
        times = Times(cycle, usable[target], writes + schedule.ended)
        self.idle = max(self.idle, times.ended)
        return times

    def _addition_writes(self, writes: int) -> int:
        """The first cycle from ``writes`` on in which an addition may begin to write."""
        length, moved = self.schedule.writes, True
        while moved:
            moved = False
            for first in self._writes:
                if -length < writes - first < length:
                    writes, moved = writes + 1, True
        return writes
