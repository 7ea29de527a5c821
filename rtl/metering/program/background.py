"""The background: what is made of a window after it has ended."""

from ..arithmetic import divide
from ..microcode import Port
from .phases import measure_phase
from .points import clear_phasors, resample, sum_phasors

__all__ = ["window_ended"]


def window_ended(m, k, out):
    """Measure the window that ended last, and show its quantities."""
    if m.synchronised > 0:
        resample(m, k, out)
        sum_phasors(m, k)
    else:
        clear_phasors(m)
    for p in m.phases:
        follow_dc(m, k, p)
    m.sequence = m.sequence + 1
    frequency = 0
    if m.synchronised > 0:
        frequency = divide(k.sample_rate, m.length, k.time_bits)
    out["sequence"] = m.sequence
    out["time"] = m.ended_time
    out["length"] = m.length
    out["frequency"] = frequency
    for p in m.phases:
        measure_phase(m, k, p, out)
    out["synchronised"] = m.synchronised
    out.send(Port.QUANTITY_COMMIT, 0, 0)


def follow_dc(m, k, p):
    """Judge crossings of the next windows without DC: follow the mean of whole windows slowly.

    If it is far off, crossings so far were none: it is taken over at once, and neither the window that ended
    nor the one that runs is synchronised.
    """
    dc = divide(p.sum_v.ended, m.length, k.time_bits)
    p.dc_change = dc - p.source_dc
    if p.dc_change <= k.large_dc and p.dc_change >= -k.large_dc and m.synchronised > 0:
        p.dc_change = p.dc_change >> k.dc_filter_bits
    else:
        if p.dc_change > k.large_dc:
            m.unsettled = p.is_source
            m.synchronised = m.synchronised * (1 - p.is_source)
        if p.dc_change < -k.large_dc:
            m.unsettled = p.is_source
            m.synchronised = m.synchronised * (1 - p.is_source)
