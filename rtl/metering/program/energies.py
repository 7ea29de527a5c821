"""Energies: what each window adds to them, and the registers that outlive a power cut.

An energy is in units of lane² · sample, the unit of a sum of products of samples. Nothing is rounded to a
coarser count, so no residue is lost from one window to the next.
"""

from ..arithmetic import square_root
from ..state import State, Wide

__all__ = ["Cycle", "Energies", "PulseCount", "Registers", "count_energies"]


class Energies(State):
    """Energy registers of a phase, or of all phases. They only grow."""

    active_import: Wide = 0
    active_export: Wide = 0
    reactive_q1: Wide = 0
    reactive_q2: Wide = 0
    reactive_q3: Wide = 0
    reactive_q4: Wide = 0
    apparent: Wide = 0
    fundamental_import: Wide = 0
    fundamental_export: Wide = 0
    harmonic_import: Wide = 0
    harmonic_export: Wide = 0


class Cycle(State):
    """Energies of one window; positive is import, or inductive. Below the no-load threshold they are 0."""

    active: Wide = 0
    reactive: Wide = 0
    apparent: Wide = 0
    fundamental: Wide = 0
    harmonic: Wide = 0


class PulseCount(State):
    """A pulse output's pulses ``planned`` and ``sent``, and the energy ``beyond`` the last one planned.

    ``energy`` is the number of the energy that it shows, and ``quantum`` that of the pulses planned.
    """

    energy: Wide = 0
    quantum: Wide = 0
    beyond: Wide = 0
    planned: Wide = 0
    sent: Wide = 0


class Registers(State):
    """What outlives a power cut, in contiguous wide cells.

    ``age`` counts from the start of the running window. With it and the ``sums`` (of which `Machine` adds
    all that there are) the window that a cut interrupts goes on after it, and loses nothing. ``arithmetic``
    sums the phases' registers, ``vector`` nets the phases in each window; one phase has neither.
    """

    age: Wide = 0

    def __init__(self, k):
        super().__init__()
        made_for = k.parameters
        self.age = -k.sample // 2
        self.phases = [Energies() for _ in range(made_for.phases)]
        self.arithmetic = [Energies()] * (made_for.phases > 1)
        self.vector = [Energies()] * (made_for.phases > 1)
        self.pulses = [PulseCount() for _ in range(made_for.pulse_outputs)]
        self.sums = []


def count_energies(m, k, out):
    """Add the energies of the window that ended to the registers, and show these."""
    for gain in m.gains:
        clear(gain)
    for p in m.phases:
        find_cycle(m, k, p)
        register(p.energies, p.cycle)
        register(m.gains[0], p.cycle)
        show(out, p.name, p.energies)
        out[p.name, "reactive_time"] = p.reactive_time
    for total in m.registers.arithmetic:
        add(total, m.gains[0])
        show(out, "total", total)
    for total in m.registers.vector:
        net(m, k, m.netted)
        register(m.gains[1], m.netted)
        add(total, m.gains[1])
        show(out, "vector", total)


def find_cycle(m, k, p):
    """Energies of one phase; what is below the no-load threshold is dropped, residue and all.

    A window that is no mains cycle has no fundamental, and so no harmonics.
    """
    c = p.cycle
    power: Wide = p.vc * p.ic + p.vs * p.i_s
    c.fundamental = over_window(m, k, power, k.fundamental_energy_bits)
    c.harmonic = p.vi - c.fundamental
    if m.synchronised <= 0:
        c.harmonic = 0
    c.active = p.vi
    least: Wide = p.no_load.active * m.length
    if p.vi < least and p.vi + least > 0:
        c.active = 0
        c.fundamental = 0
        c.harmonic = 0
    c.reactive = over_window(m, k, p.reactive, k.fundamental_energy_bits)
    p.reactive_time = p.reactive_time + c.reactive
    least = p.no_load.reactive * m.length
    if c.reactive < least and c.reactive + least > 0:
        c.reactive = 0
    power = p.vrms * p.irms
    c.apparent = over_window(m, k, power, k.apparent_energy_bits)
    least = p.no_load.apparent * m.length
    if c.apparent < least:
        c.apparent = 0


def over_window(m, k, power, bits):
    """Product of a power below 2 ** 70 and the window's length, without its lowest ``bits``."""
    high = power >> 35
    low = power - high * k.half_word - high * k.half_word
    length = m.length * (1 << 35 - bits)
    return ((low * m.length) >> bits) + high * length


def register(r, c):
    """Add a window's energies to registers, by their signs; quadrants as in IEC 62053-24."""
    if c.active >= 0:
        r.active_import = r.active_import + c.active
    else:
        r.active_export = r.active_export - c.active
    if c.reactive >= 0:
        if c.active >= 0:
            r.reactive_q1 = r.reactive_q1 + c.reactive
        else:
            r.reactive_q2 = r.reactive_q2 + c.reactive
    else:
        if c.active >= 0:
            r.reactive_q4 = r.reactive_q4 - c.reactive
        else:
            r.reactive_q3 = r.reactive_q3 - c.reactive
    r.apparent = r.apparent + c.apparent
    if c.fundamental >= 0:
        r.fundamental_import = r.fundamental_import + c.fundamental
    else:
        r.fundamental_export = r.fundamental_export - c.fundamental
    if c.harmonic >= 0:
        r.harmonic_import = r.harmonic_import + c.harmonic
    else:
        r.harmonic_export = r.harmonic_export - c.harmonic


def net(m, k, t):
    """Sum of all phases' energies of the window; apparent is the root of active² + reactive²."""
    t.active = 0
    t.reactive = 0
    t.fundamental = 0
    t.harmonic = 0
    for p in m.phases:
        t.active = t.active + p.cycle.active
        t.reactive = t.reactive + p.cycle.reactive
        t.fundamental = t.fundamental + p.cycle.fundamental
        t.harmonic = t.harmonic + p.cycle.harmonic
    active: Wide = t.active
    if active < 0:
        active = -active
    reactive: Wide = t.reactive
    if reactive < 0:
        reactive = -reactive
    scale = 1
    while active + reactive >= k.half_word:
        active = active >> 1
        reactive = reactive >> 1
        scale = scale * 2
    x = active
    y = reactive
    root = square_root(x * x + y * y)
    t.apparent = root * scale


def clear(r):
    """Set all registers to 0."""
    r.active_import = 0
    r.active_export = 0
    r.reactive_q1 = 0
    r.reactive_q2 = 0
    r.reactive_q3 = 0
    r.reactive_q4 = 0
    r.apparent = 0
    r.fundamental_import = 0
    r.fundamental_export = 0
    r.harmonic_import = 0
    r.harmonic_export = 0


def add(r, gain):
    """Add what other registers hold."""
    r.active_import = r.active_import + gain.active_import
    r.active_export = r.active_export + gain.active_export
    r.reactive_q1 = r.reactive_q1 + gain.reactive_q1
    r.reactive_q2 = r.reactive_q2 + gain.reactive_q2
    r.reactive_q3 = r.reactive_q3 + gain.reactive_q3
    r.reactive_q4 = r.reactive_q4 + gain.reactive_q4
    r.apparent = r.apparent + gain.apparent
    r.fundamental_import = r.fundamental_import + gain.fundamental_import
    r.fundamental_export = r.fundamental_export + gain.fundamental_export
    r.harmonic_import = r.harmonic_import + gain.harmonic_import
    r.harmonic_export = r.harmonic_export + gain.harmonic_export


def show(out, name, r):
    """Show registers as quantities."""
    out[name, "energy_import"] = r.active_import
    out[name, "energy_export"] = r.active_export
    out[name, "energy_q1"] = r.reactive_q1
    out[name, "energy_q2"] = r.reactive_q2
    out[name, "energy_q3"] = r.reactive_q3
    out[name, "energy_q4"] = r.reactive_q4
    out[name, "energy_apparent"] = r.apparent
    out[name, "energy_fundamental_import"] = r.fundamental_import
    out[name, "energy_fundamental_export"] = r.fundamental_export
    out[name, "energy_harmonic_import"] = r.harmonic_import
    out[name, "energy_harmonic_export"] = r.harmonic_export
