"""The neutral's current: measured, computed from the phases, and how far the two are apart."""

from ..arithmetic import divide, square_root
from ..state import State, Wide, Word
from .channels import Sum, cut

__all__ = ["Neutral", "add_neutral_sample", "cut_neutral", "lay_down_neutral", "measure_neutral"]


class Current(State):
    """A current of which the RMS value is wanted: its newest two samples, the same at the window's end."""

    value: Word = 0
    before: Word = 0
    then: Word = 0
    then_before: Word = 0
    sum_i: Sum
    sum_ii: Sum
    rms: Word = 0


class Neutral(State):
    """The neutral's channel ``c``, the sum of the phases' currents, and the difference of the two."""

    measured: Current
    computed: Current
    difference: Current

    def __init__(self, channel):
        super().__init__()
        self.channel = channel
        self.currents = [self.measured, self.computed, self.difference]


def add_neutral_sample(m, n):
    """Take in the newest sample set."""
    for c in n.currents:
        c.before = c.value
    n.measured.value = n.channel.value
    total: Wide = 0
    for p in m.phases:
        total = total + p.i.value
    n.computed.value = total
    n.difference.value = n.channel.value - n.computed.value
    for c in n.currents:
        c.sum_i.total = c.sum_i.total + c.value
        c.sum_ii.total = c.sum_ii.total + c.value * c.value


def lay_down_neutral(n):
    """Keep what the background needs of the window that ends."""
    for c in n.currents:
        c.sum_i.then = c.sum_i.total
        c.sum_ii.then = c.sum_ii.total
        c.then = c.value
        c.then_before = c.before


def cut_neutral(m, k, n):
    """End the window's sums."""
    for c in n.currents:
        a = (m.cut_a * c.then_before) >> k.weight_bits
        b = (m.cut_b * c.then) >> k.weight_bits
        cut(c.sum_i, a, 1, b, 1)
        cut(c.sum_ii, a, c.then_before, b, c.then)


def measure_neutral(m, k, n, out):
    """RMS values without DC."""
    for c in n.currents:
        # The sum of three phases has two bits more than a lane, and the sum of a window fits without four.
        dc = divide(c.sum_i.ended, m.length, k.time_bits + k.mean_bits - 2)
        total = c.sum_i.ended >> 4
        ii: Wide = c.sum_ii.ended - ((dc * total) >> (k.mean_bits - 6))
        c.rms = square_root(divide(ii, m.length, k.time_bits + 2 * (k.mean_bits - 2)))
    out["neutral", "irms"] = n.measured.rms
    out["neutral", "irms_computed"] = n.computed.rms
    out["neutral", "irms_difference"] = n.difference.rms
