"""Phases: the sums over a window, and the quantities that come of them."""

from ..arithmetic import divide, square_root
from ..state import State, Wide, Word
from .channels import Sum, cut
from .half_cycles import HalfCycles
from .quadrature import Quadrature, cut_quadrature, lay_down_quadrature, turn

__all__ = ["Phase", "add_sample", "cut_sums", "lay_down_sums", "measure_phase"]


class Phase(State):
    """State of one phase: a voltage with a current.

    ``low`` and ``lower`` are the voltage after one and two low passes, ``level`` the same without its DC.
    ``rises`` tells of a rising crossing since the last sample set; ``armed`` and ``armed_above`` tell that
    the level was well below zero since the last rising one, and well above since the last falling one.
    ``is_source`` is 1 for the phase whose crossings end the windows. ``dc_change`` and ``next_is_source``
    come from the background and take effect at the next window's end.
    """

    low: Word = 0
    lower: Word = 0
    level: Word = 0
    level_before: Word = 0
    armed: Word = 0
    armed_above: Word = 0
    rises: Word = 0
    source_dc: Word = 0
    dc_change: Word = 0
    dc_far_off: Word = 0
    unproved: Word = 4
    is_source: Word = 0
    next_is_source: Word = 0
    sum_v: Sum
    sum_i: Sum
    sum_vv: Sum
    sum_ii: Sum
    sum_vi: Sum
    v_dc: Word = 0
    i_dc: Word = 0
    # The DC that is taken out of the window, and that of the last whole cycle.
    v_less: Word = 0
    i_less: Word = 0
    v_held: Word = 0
    i_held: Word = 0
    vrms: Word = 0
    irms: Word = 0
    # Integrals without DC of the window that ended.
    vv: Wide = 0
    ii: Wide = 0
    vi: Wide = 0
    # Half of each fundamental phasor.
    vc: Word = 0
    vs: Word = 0
    ic: Word = 0
    i_s: Word = 0
    active: Wide = 0
    reactive: Wide = 0
    reactive_time: Wide = 0
    v_squared_time: Wide = 0
    i_squared_time: Wide = 0
    v_dc_time: Wide = 0
    i_dc_time: Wide = 0

    def __init__(self, k, index, v, i):
        super().__init__()
        self.quadrature = Quadrature(k)
        self.half = HalfCycles(k)
        self.index = index
        self.name = f"phase{index}"
        self.v = v
        self.i = i
        self.sums = [self.sum_v, self.sum_i, self.sum_vv, self.sum_ii, self.sum_vi]
        self.is_source = self.next_is_source = int(index == 0)


def add_sample(m, k, p):
    """Add the newest sample to the phase's sums."""
    p.sum_v.total = p.sum_v.total + p.v.value
    p.sum_i.total = p.sum_i.total + p.i.value
    p.sum_vv.total = p.sum_vv.total + p.v.value * p.v.value
    p.sum_ii.total = p.sum_ii.total + p.i.value * p.i.value
    p.sum_vi.total = p.sum_vi.total + p.v.value * p.i.value
    turn(k, p, m.odd)


def lay_down_sums(p):
    """Keep the phase's sums at the window's end for the background."""
    for total in p.sums:
        total.then = total.total
    lay_down_quadrature(p.quadrature)


def cut_sums(m, k, p):
    """End the window's sums: of the interval between two samples the next window gets its share."""
    va = (m.cut_a * p.v.then_before) >> k.weight_bits
    vb = (m.cut_b * p.v.then) >> k.weight_bits
    ia = (m.cut_a * p.i.then_before) >> k.weight_bits
    ib = (m.cut_b * p.i.then) >> k.weight_bits
    cut(p.sum_v, va, 1, vb, 1)
    cut(p.sum_i, ia, 1, ib, 1)
    cut(p.sum_vv, va, p.v.then_before, vb, p.v.then)
    cut(p.sum_ii, ia, p.i.then_before, ib, p.i.then)
    cut(p.sum_vi, va, p.i.then_before, vb, p.i.then)
    cut_quadrature(m, k, p.quadrature)


def magnitude(k, x, y):
    """Root of the sum of two squares."""
    return square_root(x * x + y * y)


def choose_dc(m, p):
    """Take out the window's own means, or, if it is a part of a cycle, those of the last whole one."""
    p.v_less = p.v_dc
    p.i_less = p.i_dc
    if m.synchronised > 0:
        p.v_held = p.v_dc
        p.i_held = p.i_dc
    else:
        if m.touched > 0:
            p.v_less = p.v_held
            p.i_less = p.i_held


def measure_phase(m, k, p, out):
    """Quantities of one phase for the window that ended; DC is taken out by the window's moments."""
    p.v_dc = divide(p.sum_v.ended, m.length, k.time_bits + k.mean_bits)
    p.i_dc = divide(p.sum_i.ended, m.length, k.time_bits + k.mean_bits)
    # A sum of a window's samples fits in a word without its two lowest bits.
    total_v = p.sum_v.ended >> 2
    total_i = p.sum_i.ended >> 2
    choose_dc(m, p)
    # What the DC taken out leaves of them: nothing, if it is the window's own mean.
    rest_v = total_v - ((p.v_less * m.length) >> (k.time_bits + k.mean_bits + 2))
    rest_i = total_i - ((p.i_less * m.length) >> (k.time_bits + k.mean_bits + 2))
    p.vv = p.sum_vv.ended - ((p.v_less * total_v + p.v_less * rest_v) >> (k.mean_bits - 2))
    p.ii = p.sum_ii.ended - ((p.i_less * total_i + p.i_less * rest_i) >> (k.mean_bits - 2))
    p.vi = p.sum_vi.ended - ((p.i_less * total_v + p.v_less * rest_i) >> (k.mean_bits - 2))
    turned: Wide = p.quadrature.sum_vi.ended >> 6
    turned = turned - ((p.i_less * total_v + p.v_less * rest_i) >> (k.mean_bits - 2))
    power_bits = k.time_bits + 2 * k.mean_bits
    p.vrms = square_root(divide(p.vv, m.length, power_bits))
    p.irms = square_root(divide(p.ii, m.length, power_bits))
    p.active = divide(p.vi, m.length, power_bits)
    # Beside a power of a few units, the roots' rounding can make the quotient larger than one.
    factor: Wide = divide(divide(p.active, p.vrms, k.apparent_bits), p.irms, k.quotient_bits)
    if factor > k.unity:
        factor = k.unity
    if factor < -k.unity:
        factor = -k.unity
    # The product of two half phasors; half of the peak values is the RMS value over the root of two.
    reactive: Wide = p.vc * p.i_s - p.vs * p.ic
    p.reactive = reactive
    p.v_squared_time = p.v_squared_time + p.vv
    p.i_squared_time = p.i_squared_time + p.ii
    p.v_dc_time = p.v_dc_time + p.sum_v.ended
    p.i_dc_time = p.i_dc_time + p.sum_i.ended
    out[p.name, "vrms"] = p.vrms
    out[p.name, "irms"] = p.irms
    out[p.name, "active"] = p.active
    out[p.name, "reactive"] = reactive
    out[p.name, "reactive_budeanu"] = divide(turned, m.length, power_bits)
    out[p.name, "apparent"] = p.vrms * p.irms
    out[p.name, "apparent_vector"] = magnitude(
        k, p.active >> k.vector_bits, reactive >> k.reactive_vector_bits
    )
    out[p.name, "v_peak"] = p.v.peak
    out[p.name, "i_peak"] = p.i.peak
    out[p.name, "power_factor"] = factor
    out[p.name, "v_dc"] = p.v_dc
    out[p.name, "i_dc"] = p.i_dc
    out[p.name, "v_squared_time"] = p.v_squared_time
    out[p.name, "i_squared_time"] = p.i_squared_time
    out[p.name, "v_dc_time"] = p.v_dc_time
    out[p.name, "i_dc_time"] = p.i_dc_time
