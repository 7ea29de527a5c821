"""Pulse outputs: edges at the instants that the metrology program computes, exact to a clock."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

__all__ = ["COUNT_BITS", "FRACTION_BITS", "PulseOutputs"]

FRACTION_BITS = 20
"""Bits of a pulse's place within a sample period."""

COUNT_BITS = 32
"""Bits of an output's count of pulses."""


class PulseOutputs(wiring.Component):
    """Pulse outputs of a meter.

    Once a sample set, the program decides for each output whether a pulse starts within that sample period,
    and where in it. The edge follows ``latency_clocks`` after the corresponding place of the period that
    begins with ``set_stb``, in whole clocks. So the edges are as even as the sets, and it does not matter
    when before ``latency_clocks`` - ``gap_clocks`` the program sends a pulse.

    Sets may come early, as in simulation. A pulse still waits when the next set comes; when the one after
    that comes, its time base is gone, and it is emitted at once: its edge follows the gap later. No pulse is
    lost, and none is doubled.

    An output is on for ``width_clocks`` or for half the time since the edge before, whichever is shorter; if
    it is still on ``gap_clocks`` before the next edge, it goes off then. Edges nearer than twice the gap are
    moved apart: the output is on and off for a gap each.

    Parameters
    ----------
    outputs : int
        Outputs.
    sample_clocks : int
        Clocks of a sample period at its nominal pace.
    width_clocks : int
        Longest time that an output is on.
    latency_clocks : int
        Clocks from a place in the sample period to its edge: by more than the gap longer than the engine's
        work on a set, and at most a sample period.
    gap_clocks : int
        Shortest time that an output is on or off.

    Members
    -------
    set_stb : In(1)
        The engine takes a sample set; the pulses sent from the next clock on belong to it. Two sets are at
        least 2 * ``gap_clocks`` + 2 clocks apart.
    pulse_stb : In(1)
        A pulse of output ``pulse_index`` starts within the sample period; once a set and output. A second one
        sends the first out at once.
    pulse_index : In(range(outputs))
        The output.
    pulse_fraction : In(20)
        Where in the sample period, in units of 2 ** -20 of it.
    pulses : Out(outputs)
        The outputs, from flip-flops.
    counts : Out(array of unsigned(32))
        Edges of each output since reset; wraps. Changes with the edge.

    Latency
    -------
    ``set_stb`` to the clock in which an output is on: ``latency_clocks`` + ⌊``pulse_fraction`` *
    ``sample_clocks`` / 2 ** 20⌋.

    Raises
    ------
    TypeError
        If a parameter is not a positive integer.
    ValueError
        If the latency is longer than a sample period, or the gap than the latency or the pulse width.
    """

    def __init__(self, *, outputs, sample_clocks, width_clocks, latency_clocks=2048, gap_clocks=256):
        named = {
            "Number of outputs": outputs,
            "Sample period": sample_clocks,
            "Pulse width": width_clocks,
            "Latency": latency_clocks,
            "Gap": gap_clocks,
        }
        for name, value in named.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise TypeError(f"{name} must be a positive integer, not {value!r}")
        if latency_clocks > sample_clocks:
            raise ValueError(
                f"Latency must be at most the sample period (= {sample_clocks} clocks), not {latency_clocks}"
            )
        for name, clocks in (("latency", latency_clocks), ("pulse width", width_clocks)):
            if gap_clocks >= clocks:
                raise ValueError(f"Gap must be less than the {name} (= {clocks} clocks), not {gap_clocks}")
        self._sample_clocks = sample_clocks
        self._width_clocks = width_clocks
        self._latency_clocks = latency_clocks
        self._gap_clocks = gap_clocks
        super().__init__(
            {
                "set_stb": In(1),
                "pulse_stb": In(1),
                "pulse_index": In(range(outputs)),
                "pulse_fraction": In(FRACTION_BITS),
                "pulses": Out(outputs),
                "counts": Out(data.ArrayLayout(unsigned(COUNT_BITS), outputs)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        before_gap = self._latency_clocks - self._gap_clocks
        now = Signal(range(before_gap + self._sample_clocks + 1))
        base, lead = Signal.like(now), Signal.like(now)
        parity = Signal()
        m.d.sync += now.eq(now + 1)
        with m.If(self.set_stb):
            # The output is a flip-flop: what it does in a clock is decided in the one before.
            m.d.sync += [base.eq(now + (before_gap - 1)), parity.eq(~parity)]

        # A product with a constant, from adders: as a product it would take multipliers.
        places = [place for place in range(bits_for(self._sample_clocks)) if self._sample_clocks >> place & 1]
        m.d.comb += lead.eq(base + (sum(self.pulse_fraction << place for place in places) >> FRACTION_BITS))
        for index in range(len(self.pulses)):
            sent = Signal(name=f"sent_{index}")
            m.d.comb += sent.eq(self.pulse_stb & (self.pulse_index == index))
            self._drive(m, index, self._due(m, index, now, lead, parity, sent))
        return m

    def _due(self, m, index, now, lead, parity, sent):
        """The pulses of the last two sets, a place each; returns how many have their edge a gap from now."""
        due = Signal(2, name=f"due_{index}")
        for place in range(2):
            waiting = Signal(name=f"waiting_{index}_{place}")
            until = Signal.like(now, name=f"until_{index}_{place}")
            here = sent & (parity == place)
            cut_short = self.set_stb & (parity != place)
            m.d.comb += due[place].eq(waiting & ((until == now) | cut_short | here))
            with m.If(due[place]):
                m.d.sync += waiting.eq(0)
            with m.If(here):
                m.d.sync += [waiting.eq(1), until.eq(lead)]
        return due[0] + due[1]

    def _drive(self, m, index, due):
        """One output: it is off for the gap before each edge, and then on for as long as it may."""
        width, gap = self._width_clocks, self._gap_clocks
        pulse, count = self.pulses[index], self.counts[index]
        owed = Signal(2, name=f"owed_{index}")
        leading = Signal(name=f"leading_{index}")
        age = Signal(range(2 * width + 1), init=2 * width, name=f"age_{index}")
        limit = Signal(range(width + 1), name=f"limit_{index}")
        held = Signal(range(gap + 1), init=gap, name=f"held_{index}")
        start, rise = Signal(name=f"start_{index}"), Signal(name=f"rise_{index}")
        m.d.comb += [
            start.eq(~leading & ((due != 0) | (owed != 0)) & (~pulse | (held == gap))),
            rise.eq(leading & (held == gap)),
        ]
        m.d.sync += [
            owed.eq(owed + due - rise),
            age.eq(Mux(age == 2 * width, age, age + 1)),
            held.eq(Mux(held == gap, held, held + 1)),
        ]
        with m.If(start | (age == limit)):
            m.d.sync += pulse.eq(0)
        with m.If(start):
            m.d.sync += [leading.eq(1), held.eq(1)]
        with m.If(rise):
            m.d.sync += [leading.eq(0), held.eq(1), pulse.eq(1)]
            m.d.sync += [count.eq(count + 1), limit.eq(age >> 1), age.eq(1)]
