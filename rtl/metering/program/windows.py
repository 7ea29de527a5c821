"""Windows: a window is one mains cycle, from one rising zero crossing of a voltage to the next.

The crossing lies between two samples; both windows share that interval, with the integrand taken as a
straight line, so that what one window does not get the next one gets, to the last bit.
"""

from ..arithmetic import divide
from .channels import lay_down
from .events import lay_down_inputs
from .half_cycles import lay_down_pieces, offer_cut, time_half_cycles, watch_half_cycle
from .neutral import lay_down_neutral
from .phases import lay_down_sums

__all__ = ["find_end_of_window"]


def find_end_of_window(m, k, lanes):
    """End the window at a rising crossing of the source voltage, or when its longest time is over.

    A crossing that comes too early for the highest mains frequency does not end the window, but then the
    window is no mains cycle, and not synchronised. One that comes too early in a timed window, while the
    background may still have the window before, shortens it, so that the next one is in time.
    """
    for p in m.phases:
        find_crossing(m, k, p)
        watch_half_cycle(m, k, p)
    ends = 0
    crossing = 0
    fraction = k.sample
    if m.registers.age >= m.longest:
        ends = 1
    for p in m.phases:
        if p.is_source * p.rises > 0:
            if m.registers.age >= m.shortest:
                rise = p.level - p.level_before
                fraction = divide(-p.level_before, rise, k.time_bits)
                crossing = 1
                ends = 1
            else:
                if m.at_crossing <= 0:
                    m.longest = m.registers.age + k.shortest_timed
                m.at_crossing = 0
    if ends > 0:
        end_window(m, k, lanes, crossing, fraction)


def find_crossing(m, k, p):
    """Look for a zero crossing of the phase's voltage since the last sample set.

    The voltage goes through two low passes of first order, after which the slopes of harmonics are smaller
    than their amplitudes: they make no crossings of their own, and bend the straight line between two samples
    little. It is late by the same time in every cycle, and what it shows right after power-on does not count.
    A rising one counts if the voltage was well below zero since the last one, a falling one if it was well
    above: noise about zero makes one crossing, not many.
    """
    p.rises = 0
    p.level_before = p.level
    p.low = p.low + p.v.value - (p.low >> k.low_pass_bits)
    p.lower = p.lower + ((p.low - p.lower) >> k.second_low_pass_bits)
    p.level = p.lower - p.source_dc * k.low_pass_gain
    if p.level >= 0:
        if p.level > k.threshold:
            p.armed_above = 1
        if p.level_before < 0 and p.armed > 0 and m.now >= k.settling:
            p.armed = 0
            p.rises = 1
            offer_cut(p)
    else:
        if p.level < -k.threshold:
            p.armed = 1
        if p.level_before >= 0 and p.armed_above > 0 and m.now >= k.settling:
            p.armed_above = 0
            offer_cut(p)


def end_window(m, k, lanes, crossing, fraction):
    """End the window that ``fraction`` of a sample period after the sample before the present one.

    What the background found out about the window before takes effect here.
    """
    rest = k.sample - fraction
    m.length = m.registers.age - rest
    m.registers.age = rest
    m.ended_start = m.start
    m.start = m.position * k.sample - rest
    m.ended_time = m.now - rest
    if m.unsettled > 0:
        m.at_crossing = 0
    m.synchronised = crossing * m.at_crossing
    m.crossings = crossing + m.at_crossing
    m.touched = crossing + m.after_crossing
    m.after_crossing = crossing
    m.at_crossing = crossing
    if m.unsettled > 0:
        m.at_crossing = 0
    m.unsettled = 0
    m.shortest = k.shortest_timed
    if crossing > 0:
        m.shortest = k.shortest_window
    if m.synchronised > 0:
        m.last_length = m.length
    m.longest = m.last_length
    if crossing > 0:
        m.longest = k.longest_window
    if m.source_changes > 0:
        # The next crossing is another phase's.
        m.at_crossing = 0
        m.shortest = k.shortest_timed
    m.source_changes = 0
    time_half_cycles(m, k)
    lay_down_inputs(m, k, lanes)
    weight_bits = 2 * k.time_bits + 1 - k.weight_bits
    m.cut_a = (rest * rest) >> weight_bits
    m.cut_b = (fraction * fraction) >> weight_bits
    for c in m.channels:
        lay_down(c)
    for n in m.neutrals:
        lay_down_neutral(n)
    for p in m.phases:
        lay_down_sums(p)
        lay_down_pieces(p)
        p.source_dc = p.source_dc + p.dc_change
        p.level = p.level - p.dc_change * k.low_pass_gain
        p.dc_change = 0
        p.is_source = p.next_is_source
    m.until_background = k.taps // 2 + 1
    m.calibration.until_taken = 1
