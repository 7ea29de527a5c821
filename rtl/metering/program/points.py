"""Points: a cycle resampled to 128 points, and the fundamental that they show."""

from ..arithmetic import dot
from ..microcode import Port
from ..point_quantities import FIRST_POINT
from ..state import Wide

__all__ = ["clear_phasors", "resample", "sum_phasors"]


def resample(m, k, out):
    """Resample the cycle that ended, in all channels, to points that divide it evenly.

    ``at`` counts 128ths of the units of time.
    """
    m.cycles = m.cycles + 1
    if m.cycles >= k.cycles_wrap:
        m.cycles = 0
    out.send(Port.POINT, 0, m.cycles)
    at: Wide = m.ended_start * k.points
    index = 0
    for c in m.channels:
        c.peak = 0
    while index < k.points:
        whole = at >> (k.time_bits + k.point_bits)
        rows = at >> (k.time_bits + k.point_bits - k.row_bits)
        fraction = at - rows * k.one_row
        row = (rows - whole * k.rows) * k.taps
        following = row + k.taps
        first = whole - (k.taps // 2 - 1)
        rest = k.one_row - fraction
        for c in m.channels:
            early = dot(k.interpolate, c.ring, first, row) >> k.partial_bits
            late = dot(k.interpolate, c.ring, first, following) >> k.partial_bits
            point = (early * rest + late * fraction) >> (k.fraction_bits + 6)
            c.points[index] = point
            if point > c.peak:
                c.peak = point
            if point < -c.peak:
                c.peak = -point
            out.send(Port.POINT, FIRST_POINT + c.lane * k.points + index, point)
        at = at + m.length
        index = index + 1
    out.send(Port.POINT_COMMIT, 0, 0)


def sum_phasors(m, k):
    """Half of each phase's fundamental phasors: its mean product with cosine and sine."""
    for p in m.phases:
        p.vc = dot(k.cosine, p.v.points, 0, 1) >> k.phasor_shift
        p.vs = dot(k.sine, p.v.points, 0, 1) >> k.phasor_shift
        p.ic = dot(k.cosine, p.i.points, 0, 1) >> k.phasor_shift
        p.i_s = dot(k.sine, p.i.points, 0, 1) >> k.phasor_shift


def clear_phasors(m):
    """A window that is no mains cycle has no fundamental."""
    for p in m.phases:
        p.vc = 0
        p.vs = 0
        p.ic = 0
        p.i_s = 0
