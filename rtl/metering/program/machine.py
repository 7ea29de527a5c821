"""The whole program: its state, and the work of a sample set."""

from ..state import State, Wide, Word
from .background import window_ended
from .channels import Channel, take_in
from .fundamental import Fundamental
from .harmonics import Harmonics
from .neutral import Neutral, add_neutral_sample
from .phases import Phase, add_sample
from .windows import find_end_of_window

__all__ = ["Machine", "sample_set"]


class Machine(State):
    """State of the whole program, made for a set of `Constants` ``k``.

    ``now`` counts from the first sample set after power-on, ``position`` is its place in the rings, and
    ``odd`` is 1 for every second one.
    ``age`` counts from the start of the running window; the first one starts half a sample period before the
    first sample set, all of which is in it. ``start`` is the window's start as a place in the rings.

    Of the window that ended last: ``length``, ``ended_time``, ``ended_start``, ``synchronised``,
    how many of its ends are ``crossings``, and the weights of its last interval, ``cut_a`` and ``cut_b``;
    ``until_background`` counts down the sample sets until the filters have all that they need of it.
    """

    now: Wide = 0
    position: Word = 0
    age: Word = 0
    start: Word = 0
    sequence: Wide = 0
    at_crossing: Word = 0
    shortest: Word = 0
    longest: Word = 0
    last_length: Word = 0
    length: Word = 0
    ended_time: Wide = 0
    ended_start: Word = 0
    synchronised: Word = 0
    crossings: Word = 0
    frequency: Word = 0
    cut_a: Word = 0
    cut_b: Word = 0
    until_background: Word = 0
    odd: Word = 0
    unsettled: Word = 0

    def __init__(self, k, parameters):
        super().__init__()
        names = [f"v{index}" for index in range(parameters.phases)]
        names += [f"i{index}" for index in range(parameters.phases)] + ["neutral"]
        self.channels = [Channel(k, lane, names[lane]) for lane in range(parameters.lanes)]
        self.phases = [
            Phase(k, index, self.channels[index], self.channels[parameters.phases + index])
            for index in range(parameters.phases)
        ]
        self.neutrals = [Neutral(self.channels[-1])] * parameters.neutral
        self.fundamental = Fundamental()
        self.harmonics = [Harmonics(k, self.phases)] if parameters.harmonics else []
        self.position = k.ring - 1
        self.now = -(1 + k.latency) * k.sample
        self.age = -k.sample // 2
        self.longest = k.longest_window
        self.last_length = k.nominal_window


def sample_set(m, k, lanes, out):
    """Take in one sample set: the work of every sample period.

    What is measured is the sample set ``k.latency`` periods ago, which the filters have made by now.
    """
    m.now = m.now + k.sample
    m.position = m.position + 1
    if m.position >= k.ring:
        m.position = 0
    for c in m.channels:
        take_in(m, k, c, lanes)
    if m.now >= 0:
        m.age = m.age + k.sample
        find_end_of_window(m, k, out)
        for p in m.phases:
            add_sample(m, k, p)
        for n in m.neutrals:
            add_neutral_sample(m, n)
        m.odd = 1 - m.odd
    if m.until_background > 0:
        m.until_background = m.until_background - 1
        if m.until_background <= 0:
            out.background(window_ended, m, k, out)
