"""Channels: from a lane's raw samples to calibrated ones."""

from ..arithmetic import dot
from ..parameters import DELAY_RING, POINTS, RING
from ..state import Array, State, Wide, Word

__all__ = ["Channel", "Sum", "cut", "lay_down", "take_in"]


class Channel(State):
    """One lane: its correction, and its calibrated samples.

    ``gain`` and ``bias`` correct the raw sample; ``first``, ``row`` and ``fraction`` say where between the
    raw samples the corrected one lies. ``value`` is the newest calibrated sample, ``before`` the one before;
    full scale is 2 ** 27, and filters and gain keep it below 2 ** 29. ``then`` and
    ``then_before`` are those at the last window's end. ``following`` is the row after ``row``, ``rest`` what
    ``fraction`` lacks to one. ``peak`` is the largest magnitude of the last cycle's points.
    """

    gain: Word = 0
    bias: Wide = 0
    first: Word = 0
    row: Word = 0
    following: Word = 0
    fraction: Word = 0
    rest: Word = 0
    value: Word = 0
    before: Word = 0
    then: Word = 0
    then_before: Word = 0
    peak: Word = 0

    def __init__(self, k, lane, name):
        super().__init__()
        self.lane = lane
        self.name = name
        self.gain = k.one_gain
        self.first = -k.latency - k.taps // 2 + 1
        self.following = k.taps
        self.rest = k.one_row
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
    """Calibrate the channel's new raw sample: offset and gain, then a delay by a part of a sample period."""
    c.before = c.value
    raw = lanes[c.lane]
    c.raw[m.position] = (c.bias + raw * c.gain) >> k.gain_bits
    first = m.position + c.first
    early = dot(k.interpolate, c.raw, first, c.row) >> k.partial_bits
    late = dot(k.interpolate, c.raw, first, c.following) >> k.partial_bits
    c.value = (early * c.rest + late * c.fraction) >> (k.fraction_bits + 6)
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
