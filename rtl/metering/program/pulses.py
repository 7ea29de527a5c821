"""Pulses: the energy registers played back, a fixed time late, as pulses of a whole quantum each.

The background spreads the energy of the window that ended evenly over that window, finds the instants at
which another quantum is complete, and enters each in a calendar: a ring with an element for each sample set
to come. The foreground sends what the calendar has for the present set. The delay is as long as two of the
longest windows, so that an instant is entered, at the latest, when the window after has ended, before it
has come; and as it is constant, pulses keep the spacing that the power gives them.
"""

from ..arithmetic import divide
from ..microcode import Port
from ..parameters import RING
from ..state import Array, State, Wide, Word

__all__ = ["ENERGIES", "Offered", "PulseOutput", "plan_pulses", "put_off_pulse", "send_pulse"]

ENERGIES = (
    "active import",
    "active export",
    "active import and export",
    "reactive import (Q1 and Q2)",
    "reactive export (Q3 and Q4)",
    "apparent",
    "reactive Q1",
    "reactive Q2",
    "reactive Q3",
    "reactive Q4",
    "fundamental active import",
    "fundamental active export",
)
"""Energies that an output can show, by their number; with `VECTOR` more they are netted over the phases."""

VECTOR = 16
"""Offset of the energies with vector netting; with one phase they are the same as those without."""


class Offered(State):
    """The last window's energies for the pulse outputs, without and with their lowest 35 bits."""

    def __init__(self, sets):
        super().__init__()
        self.high = Array(VECTOR * sets)
        self.low = Array(VECTOR * sets)


class PulseOutput(State):
    """One output: its calendar, and the time in the next window before which it must not have a pulse.

    An element of the calendar is 0, or the pulse's place in the sample period less a period. ``resumed`` is 1
    from the first window after power-on that has a quantum.
    """

    earliest: Word = 0
    resumed: Word = 0

    def __init__(self, index, count, settings):
        super().__init__()
        self.index = index
        self.count = count
        self.settings = settings
        self.calendar = Array(RING)
        count.energy = settings.energy


def send_pulse(m, k, o, out):
    """Send the pulse of the present sample set, if there is one."""
    if o.calendar[m.position] < 0:
        out.send(Port.PULSE, o.index, o.calendar[m.position] + k.sample)
        o.count.sent = o.count.sent + 1
        o.calendar[m.position] = 0


def put_off_pulse(m, k, o):
    """With a brown-out, a pulse might not reach its pin: leave it to the next set, or to `plan_again`."""
    if o.calendar[m.position] < 0:
        o.calendar[m.position + 1] = -k.sample
        o.calendar[m.position] = 0


def plan_pulses(m, k):
    """Enter the pulses for the energies of the window that ended."""
    if len(m.pulse_outputs) > 0:
        for number in range(len(m.gains)):
            offer_energies(m, k, VECTOR * number, m.gains[number])
    for o in m.pulse_outputs:
        plan(m, k, o)


def offer_energies(m, k, first, g):
    """Lay down the energies that an output can show, in the order of `ENERGIES`."""
    both: Wide = g.active_import + g.active_export
    inductive: Wide = g.reactive_q1 + g.reactive_q2
    capacitive: Wide = g.reactive_q3 + g.reactive_q4
    offer(m, k, first, g.active_import)
    offer(m, k, first + 1, g.active_export)
    offer(m, k, first + 2, both)
    offer(m, k, first + 3, inductive)
    offer(m, k, first + 4, capacitive)
    offer(m, k, first + 5, g.apparent)
    offer(m, k, first + 6, g.reactive_q1)
    offer(m, k, first + 7, g.reactive_q2)
    offer(m, k, first + 8, g.reactive_q3)
    offer(m, k, first + 9, g.reactive_q4)
    offer(m, k, first + 10, g.fundamental_import)
    offer(m, k, first + 11, g.fundamental_export)


def offer(m, k, number, energy):
    """Lay down one energy."""
    high = energy >> 35
    m.offered.high[number] = high
    m.offered.low[number] = energy - high * k.half_word - high * k.half_word


def plan(m, k, o):
    """Enter one output's pulses for the window that ended.

    Times count from the window's start. What comes too fast for the output stays owed, and is entered as
    soon as may be, and so is what an output without a quantum has had when it is given one. Until then it has
    the energy that it had before.
    """
    r = o.count
    quantum: Wide = o.settings.quantum * o.settings.scale
    end = m.length * k.fine
    if quantum > 0:
        r.energy = o.settings.energy
        if o.resumed <= 0:
            plan_again(r)
            o.resumed = 1
        r.quantum = quantum
    number = r.energy
    high = m.offered.high[number]
    energy: Wide = m.offered.low[number]
    energy = energy + high * k.half_word + high * k.half_word
    # From the window's start to the next pulse; below 0 if one is owed.
    gap: Wide = quantum - r.beyond
    r.beyond = r.beyond + energy
    if quantum > 0:
        if gap <= energy:
            enter(m, k, o, end, gap, energy, quantum)
    o.earliest = o.earliest - end
    if o.earliest < 0:
        o.earliest = 0


def plan_again(r):
    """After power-on: pulses that were planned and not sent before are owed, of the quantum that they had."""
    while r.sent < r.planned:
        r.planned = r.planned - 1
        r.beyond = r.beyond + r.quantum


def enter(m, k, o, end, gap, energy, quantum):
    """Enter pulses from the energy ``gap`` on, at every further quantum, until ``energy`` or the end."""
    r = o.count
    # The same as words.
    whole: Wide = energy
    part: Wide = gap
    step: Wide = quantum
    while whole + step - part >= k.half_word:
        whole = whole >> 1
        part = part >> 1
        step = step >> 1
    whole_word = whole
    part_word = part
    step_word = step
    due: Wide = divide(part_word * m.length, whole_word, k.fine_bits)
    interval: Wide = divide(step_word * m.length, whole_word, k.fine_bits)
    base = m.start * k.fine + k.pulse_delay - end
    level: Wide = gap
    at: Wide = soonest(o, due)
    while level <= energy and at < end:
        place = base + at
        slot = place >> (k.time_bits + k.fine_bits)
        o.calendar[slot] = (place >> k.fine_bits) - slot * k.sample - k.sample
        r.planned = r.planned + 1
        r.beyond = r.beyond - quantum
        level = level + quantum
        o.earliest = at + k.pulse_spacing
        due = due + interval
        at = soonest(o, due)


def soonest(o, due):
    """When a pulse that is due can be."""
    at: Wide = due
    if due < o.earliest:
        at = o.earliest
    return at
