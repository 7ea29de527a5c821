"""The background: what is made of a window after it has ended."""

from ..arithmetic import divide
from ..microcode import Port
from .calibration import check_settings, find_corrections, show_calibration
from .energies import count_energies
from .events import choose_source, judge, observe
from .fundamental import measure_fundamental
from .half_cycles import follow_cycle, magnitude_of, measure_half_cycles
from .harmonics import follow_harmonics
from .neutral import cut_neutral, measure_neutral
from .phases import cut_sums, measure_phase
from .points import clear_phasors, resample, sum_phasors
from .pulses import plan_pulses

__all__ = ["window_ended"]


def window_ended(m, k, out):
    """The whole background: of a window that ended last there is none yet right after power-on."""
    check_settings(m)
    if m.length > 0:
        measure_window(m, k, out)
    find_corrections(m, k)


def measure_window(m, k, out):
    """Measure the window that ended last, and show its quantities."""
    for p in m.phases:
        cut_sums(m, k, p)
    for n in m.neutrals:
        cut_neutral(m, k, n)
    for p in m.phases:
        follow_dc(m, k, p)
    if m.synchronised > 0:
        resample(m, k, out)
        sum_phasors(m, k)
    else:
        clear_phasors(m)
    m.sequence = m.sequence + 1
    frequency = 0
    rocof = 0
    if m.synchronised > 0:
        frequency = divide(k.sample_rate, m.length, k.time_bits)
        if m.frequency > 0:
            change = frequency - m.frequency
            rocof = divide(change * k.whole_rate, m.length, k.time_bits)
    m.frequency = frequency
    out["sequence"] = m.sequence
    out["time"] = m.ended_time
    out["length"] = m.length
    out["frequency"] = frequency
    out["rocof"] = rocof
    for p in m.phases:
        measure_phase(m, k, p, out)
    measure_fundamental(m, k, m.fundamental, out)
    count_energies(m, k, out)
    for n in m.neutrals:
        measure_neutral(m, k, n, out)
    observe(m, k)
    follow_cycle(m)
    measure_half_cycles(m, k)
    judge(m, k, out)
    choose_source(m, k)
    show_calibration(m, out)
    out["synchronised"] = m.synchronised
    out.send(Port.QUANTITY_COMMIT, 0, 0)
    plan_pulses(m, k)
    for h in m.harmonics:
        follow_harmonics(m, k, h, out)


def follow_dc(m, k, p):
    """Judge crossings of the next windows without DC: follow the mean of mains cycles slowly.

    If it is far off, and was so in the window before, crossings so far were none: it is taken over at once,
    and neither the window that ended nor the one that runs is synchronised. A window in which the voltage
    stepped is alone with its mean, and leaves no trace. The mean is taken over at once too from a window
    without crossings, but that is no whole number of cycles: what it gives is good enough to find crossings,
    and has a few windows' time to do so. The mean of any other window says nothing.
    """
    change = divide(p.sum_v.ended, m.length, k.time_bits) - p.source_dc
    p.dc_change = 0
    if p.unproved > 0:
        p.unproved = p.unproved - 1
    if m.crossings <= 0 and p.unproved <= 0:
        p.dc_change = change
        p.unproved = k.windows_to_prove
    if m.synchronised > 0:
        size = magnitude_of(change)
        if size <= k.large_dc:
            p.dc_change = change >> k.dc_filter_bits
        else:
            apart = magnitude_of(change - p.dc_far_off)
            if apart <= k.large_dc:
                take_over(m, k, p, change)
    p.dc_far_off = change


def take_over(m, k, p, change):
    """Take over the mean at once; the windows are those of the source."""
    p.dc_change = change
    p.unproved = k.windows_to_prove
    if p.is_source > 0:
        m.unsettled = 1
        m.synchronised = 0
