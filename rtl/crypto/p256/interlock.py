"""Takes the arithmetic unit's instructions in order, each when it disturbs no other."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .signature import MAX_REGISTERS, Issue, Operation

__all__ = ["Interlock"]


class _Pending(data.Struct):
    """A register that is still to be written."""

    valid: 1
    target: range(MAX_REGISTERS)


class Interlock(wiring.Component):
    """Holds an instruction back while a register that it names is to be written, or what it needs is in use.

    Parameters
    ----------
    schedule : Schedule
        What the variant needs.

    Members
    -------
    issue : In(stream of Issue)
        The instructions.
    taken : Out(1)
        The instruction is taken in this cycle.
    freed : In({stb, target})
        From the next cycle on, the register may be named again.

    Raises
    ------
    ValueError
        If the multiplications modulo p and n do not end alike: the time from when another can be taken until
        the result is written must be the same.
    """

    def __init__(self, *, schedule):
        self._schedule = schedule
        tails = {schedule.multiplication[name] - cycles for name, cycles in schedule.interval.items()}
        if len(tails) != 1:
            raise ValueError(
                f"Multiplications of all moduli must end alike, not {tails} cycles after their passes"
            )
        (self._tail,) = tails
        freed = wiring.Signature({"stb": Out(1), "target": Out(range(MAX_REGISTERS))})
        super().__init__({"issue": In(stream.Signature(Issue)), "taken": Out(1), "freed": In(freed)})

    def elaborate(self, platform):
        m = Module()
        schedule, issue = self._schedule, self.issue.payload
        reading = Signal(range(schedule.reads))
        multiplying = Signal(range(max(schedule.interval.values())))  # until another can be taken
        writing = Signal(range(2 * schedule.writes))  # while an addition would write with the multiplication

        multiply = issue.operation == Operation.MULTIPLY
        queues = self._follow(m, multiply)
        waits = Cat(
            pending.valid & (pending.target == name)
            for queue in queues
            for pending in queue
            for name in (issue.target, issue.left, issue.right)
        ).any()
        in_use = Mux(multiply, multiplying, writing) != 0
        m.d.comb += [
            self.issue.ready.eq(~waits & ~in_use & (reading == 0)),
            self.taken.eq(self.issue.valid & self.issue.ready),
        ]
        for count in (reading, multiplying, writing):
            with m.If(count != 0):
                m.d.sync += count.eq(count - 1)
        with m.If(multiplying == schedule.addition + schedule.writes - self._tail):
            m.d.sync += writing.eq(2 * schedule.writes - 1)
        with m.If(self.taken):
            m.d.sync += reading.eq(schedule.reads - 1)
            with m.If(multiply), m.Switch(issue.modulus):
                for modulus, cycles in schedule.interval.items():
                    with m.Case(modulus):
                        m.d.sync += multiplying.eq(cycles - 1)
        return m

    def _follow(self, m, multiply):
        """Follows the registers that are still to be written: by additions, and by multiplications.

        Each queue has as many places as there can be such instructions; no register is in them twice.
        """
        schedule = self._schedule
        behind = schedule.usable - 1  # from the first cycle of writing until ``freed``
        additions = [
            Signal(_Pending, name=f"addition_{place}")
            for place in range(-(-(schedule.addition + behind) // schedule.reads))
        ]
        places = max(
            -(-(schedule.multiplication[name] + behind) // cycles)
            for name, cycles in schedule.interval.items()
        )
        multiplications = [Signal(_Pending, name=f"multiplication_{place}") for place in range(places)]
        for queue, enters in ((additions, ~multiply), (multiplications, multiply)):
            remaining = [
                pending.valid & ~(self.freed.stb & (self.freed.target == pending.target)) for pending in queue
            ]
            m.d.sync += [pending.valid.eq(valid) for pending, valid in zip(queue, remaining, strict=True)]
            with m.If(self.taken & enters):
                m.d.sync += [queue[0].valid.eq(1), queue[0].target.eq(self.issue.payload.target)]
                for place, valid in enumerate(remaining[:-1], 1):
                    m.d.sync += [
                        queue[place].valid.eq(valid),
                        queue[place].target.eq(queue[place - 1].target),
                    ]
        return additions, multiplications
