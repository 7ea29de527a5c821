"""Channels: from a lane's raw samples to calibrated ones."""

from ..arithmetic import dot
from ..parameters import DELAY_RING, POINTS, RING
from ..state import Array, State, Wide, Word
from .events import count_clipped

__all__ = ["Channel", "Sum", "cut", "lay_down", "take_in"]


class Channel(State):
    """One lane: its correction, and its calibrated samples.

    ``first``, ``row`` and ``fraction`` say where between the raw samples the corrected one lies, ``gain`` and
    ``bias`` correct what is found there. ``following`` is the row after ``row``, ``rest`` what ``fraction``
    lacks to one. What starts with ``next_`` comes from the background. ``region`` is that of a current, with
    ``region_gain`` and ``region_delay``.

    ``value`` is the newest calibrated sample, ``before`` the one before; full scale is 2 ** 27, and filters
    and gain keep it below 2 ** 29. ``then`` and ``then_before`` are those at the last window's end.
    ``peak`` is the largest magnitude of the last cycle's points.
    """

    gain: Word = 0
    bias: Wide = 0
    first: Word = 0
    row: Word = 0
    following: Word = 0
    fraction: Word = 0
    rest: Word = 0
    next_gain: Word = 0
    next_bias: Wide = 0
    next_first: Word = 0
    next_row: Word = 0
    next_following: Word = 0
    next_fraction: Word = 0
    next_rest: Word = 0
    region: Word = 0
    region_gain: Word = 0
    region_delay: Word = 0
    value: Word = 0
    before: Word = 0
    then: Word = 0
    then_before: Word = 0
    peak: Word = 0

    def __init__(self, k, lane, settings):
        super().__init__()
        self.lane = lane
        self.settings = settings
        self.gain = self.next_gain = self.region_gain = k.one_gain
        self.undelayed = -k.latency - k.taps // 2 + 1
        self.first = self.next_first = self.undelayed
        self.following = self.next_following = k.taps
        self.rest = self.next_rest = k.one_row
        self.raw = Array(DELAY_RING)
        self.ring = Array(RING)
        self.points = Array(POINTS)


class Sum(State):
    """Integral of something: from power-on to now, likewise to the set after the window's end, to the last
    cut, and between the last two cuts.
    """

    total: Wide = 0
    then: Wide = 0
    cut: Wide = 0
    ended: Wide = 0


def take_in(m, k, c, lanes):
    """Take in the channel's new raw sample, and calibrate what the filters make of it and those before."""
    c.before = c.value
    raw = lanes[c.lane]
    count_clipped(m, m.clippings[c.lane], raw)
    c.raw[m.position] = raw
    first = m.position + c.first
    between = dot(k.interpolate, c.raw, first, c.row) >> k.partial_bits
    if c.fraction > 0:
        late = dot(k.interpolate, c.raw, first, c.following) >> k.partial_bits
        between = (between * c.rest + late * c.fraction) >> k.fraction_bits
    c.value = (c.bias + between * c.gain) >> (k.gain_bits + 6)
    c.ring[m.position] = c.value


def lay_down(c):
    """Keep the two samples at the window's end for the background."""
    c.then_before = c.before
    c.then = c.value


def cut(total, a, before, b, then):
    """Cut an integral between the two samples at the window's end.

    Under a straight line from g0 to g1 that is cut at the fraction f, the part behind the cut is
    (1 - f)² / 2 · g0 + (1 - f² ) / 2 · g1, and whole samples stand for two half intervals. The products
    ``a * before`` and ``b * then`` are (1 - f)² / 2 · g0 and f² / 2 · g1.
    """
    at_cut: Wide = total.then - (a * before - b * then)
    total.ended = at_cut - total.cut
    total.cut = at_cut
