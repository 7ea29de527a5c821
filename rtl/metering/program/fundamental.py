"""The fundamental of one mains cycle: angles, and the powers that come of it."""

from ..arithmetic import divide
from ..microcode import Port
from ..state import Array, State, Wide, Word
from .trigonometry import angle, magnitude, wrapped

__all__ = ["Fundamental", "measure_fundamental"]


class Fundamental(State):
    """Half of each fundamental phasor, ``x`` and ``y``: of phase *n*, voltage 2 n, current 2 n + 1.

    Angles are those of a sine at the window's start; ``reference`` is that of phase 0's voltage. What begins
    with ``v`` is of the voltage measured last.
    """

    reference: Word = 0
    v_x: Word = 0
    v_y: Word = 0
    v: Word = 0
    v_turns: Word = 0

    def __init__(self):
        super().__init__()
        self.x, self.y = Array(8), Array(8)


def measure_fundamental(m, k, f, out):
    """Show the fundamental's quantities of all phases; all are 0 for a window that is no mains cycle."""
    for index in range(len(m.phases)):
        keep_phasors(m.phases[index], f, 2 * index)
        out[m.phases[index].name, "active_harmonic"] = active_harmonic(m, m.phases[index])
    which = 0
    at = 0
    is_current = 0
    while which < 2 * len(m.phases):
        x = f.x[which]
        y = f.y[which]
        half_peak = magnitude(x, y)
        turns = angle(x, y)
        if which <= 0:
            f.reference = turns
        if is_current > 0:
            show_powers(k, f, x, y, half_peak, at, out)
            out.send(Port.QUANTITY, k.addresses["phase0", "angle"] + at, wrapped(f.v_turns - turns))
            at = at + k.quantities_of_phase
        else:
            f.v_x = x
            f.v_y = y
            f.v = half_peak
            f.v_turns = turns
            out.send(Port.QUANTITY, k.addresses["phase0", "v_angle"] + at, wrapped(turns - f.reference))
        is_current = 1 - is_current
        which = which + 1


def keep_phasors(p, f, which):
    """Lay the phasors of a phase where a loop finds them."""
    f.x[which] = p.vs
    f.y[which] = p.vc
    f.x[which + 1] = p.i_s
    f.y[which + 1] = p.ic


def active_harmonic(m, p):
    """Active power less eight times the product of half phasors, which then has the same fraction."""
    harmonic: Wide = 0
    if m.synchronised > 0:
        harmonic = p.vc * p.ic + p.vs * p.i_s
        harmonic = harmonic + harmonic
        harmonic = harmonic + harmonic
        harmonic = harmonic + harmonic
        harmonic = p.active - harmonic
    return harmonic


def show_powers(k, f, x, y, i, at, out):
    """Powers of the phase whose current is given; products of two half phasors, as the reactive power."""
    active: Wide = f.v_x * x + f.v_y * y
    factor: Wide = divide(divide(active, f.v, k.apparent_bits), i, k.quotient_bits)
    # The magnitudes are rounded down.
    if factor > k.unity:
        factor = k.unity
    if factor < -k.unity:
        factor = -k.unity
    out.send(Port.QUANTITY, k.addresses["phase0", "active_fundamental"] + at, active)
    out.send(Port.QUANTITY, k.addresses["phase0", "apparent_fundamental"] + at, f.v * i)
    out.send(Port.QUANTITY, k.addresses["phase0", "power_factor_fundamental"] + at, factor)
