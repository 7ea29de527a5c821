"""Half cycles: RMS values over one cycle, refreshed every half cycle, of each phase by its own crossings.

The foreground cuts the running sums of squares at the phase's crossings, rising and falling, and hands the
pieces over; the background makes RMS values of them once the window has ended. Without a crossing for three
quarters of a cycle, half cycles are timed by the length of the last cycle.
"""

from ..arithmetic import divide, square_root
from ..state import Array, State, Wide, Word

__all__ = [
    "HalfCycles",
    "HalfValues",
    "follow_cycle",
    "lay_down_pieces",
    "magnitude_of",
    "measure_half_cycles",
    "offer_cut",
    "time_half_cycles",
    "watch_half_cycle",
]

PIECES = 8
"""Pieces that a phase can have in a window."""

_RECORDS = 32
_MOST_REFUSED = 3

# A piece's sum is cut in two words; a cut without a crossing has a mark beyond all places in the rings.
_PART_BITS = 34
_PART = 1 << _PART_BITS
_TIMED_BITS = 30
_TIMED = 1 << _TIMED_BITS


class HalfCycles(State):
    """Half cycles of a phase.

    The foreground's: the sums ``vv`` and ``ii`` at the last cut; ``left``, the sample sets until it cuts
    without a crossing; ``close``, how many of these a crossing must wait for; ``mark``, where after the
    sample before this one the next cut is; ``count``, the pieces of the running window, and ``ended``, those
    of the last one. A piece is the sums of the sample sets since the last cut, high and low part, and the
    place of the cut in the rings.

    The background's: place ``at`` and shares ``v_rest``, ``i_rest`` of the last cut, length and sums of the
    last piece, how many pieces were ``refused`` since the last value and how long they were, ``unjudged``,
    and the newest values.
    """

    vv: Wide = 0
    ii: Wide = 0
    left: Word = 0
    close: Word = 0
    mark: Word = 0
    began: Word = 0
    count: Word = 0
    ended: Word = 0
    at: Word = 0
    v_rest: Wide = 0
    i_rest: Wide = 0
    length: Word = 0
    unjudged: Word = 0
    refused: Word = 0
    vv_last: Wide = 0
    ii_last: Wide = 0
    vrms: Word = 0
    irms: Word = 0

    def __init__(self, k):
        super().__init__()
        self.v_high = Array(2 * PIECES)
        self.v_low = Array(2 * PIECES)
        self.i_high = Array(2 * PIECES)
        self.i_low = Array(2 * PIECES)
        self.place = Array(2 * PIECES)
        self.left = 3 * k.nominal_window // (4 * k.sample)
        self.close = self.left
        self.mark = _TIMED


class HalfValues(State):
    """Values of the window that ended, of all phases: what events are judged by.

    ``behind`` is how long before the window's end the newest half cycle of a value began. ``cycle`` is the
    length of a mains cycle, ``window`` that of the last window that may be one.
    """

    count: Word = 0
    cycle: Word = 0
    window: Word = 0

    def __init__(self, k):
        super().__init__()
        self.cycle = self.window = k.nominal_window
        self.phase = Array(_RECORDS)
        self.vrms = Array(_RECORDS)
        self.irms = Array(_RECORDS)
        self.behind = Array(_RECORDS)


def offer_cut(k, p):
    """Take the crossing just found for a cut, unless it is one of several about zero."""
    h = p.half
    if h.left <= h.close:
        h.left = 0
        # A cut at the newest sample is one unit before it.
        h.mark = p.crossing - (p.crossing >> k.time_bits)


def watch_half_cycle(m, k, p):
    """Cut the phase's sums if it is time to; the newest sample set is not in them yet."""
    h = p.half
    h.left = h.left - 1
    if h.left < 0:
        hand_over_piece(m, k, p)


def hand_over_piece(m, k, p):
    """Cut: a piece more for the background, and new deadlines."""
    h = p.half
    vv: Wide = p.sum_vv.total - h.vv
    ii: Wide = p.sum_ii.total - h.ii
    h.vv = p.sum_vv.total
    h.ii = p.sum_ii.total
    # The sums may have begun before power-on.
    if h.began > 0:
        entry = m.half_bank + h.count
        v_high = vv >> _PART_BITS
        i_high = ii >> _PART_BITS
        h.v_high[entry] = v_high
        h.i_high[entry] = i_high
        h.v_low[entry] = vv - v_high * _PART
        h.i_low[entry] = ii - i_high * _PART
        h.place[entry] = m.position * k.sample + h.mark
        h.count = h.count + 1
    h.began = 1
    if h.mark < _TIMED:
        h.left = m.half_late
        h.close = m.half_late - 3 * k.shortest_window // (8 * k.sample)
    else:
        h.left = m.half_timed
        h.close = m.half_timed
    h.mark = _TIMED


def time_half_cycles(m, k):
    """Sample sets to the next cut without a crossing, after one and after one without."""
    m.half_late = (3 * m.halves.cycle) >> (k.time_bits + 2)
    m.half_timed = (m.halves.cycle >> (k.time_bits + 1)) - 1
    m.half_bank = PIECES - m.half_bank


def lay_down_pieces(p):
    """Keep the number of pieces at the window's end for the background."""
    p.half.ended = p.half.count
    p.half.count = 0


def follow_cycle(m):
    """Take over the length of a cycle that the one before confirms: a voltage step makes a wrong one."""
    if m.synchronised > 0:
        change = magnitude_of(m.length - m.halves.window)
        if change <= m.length >> 4:
            m.halves.cycle = m.length
        m.halves.window = m.length


def magnitude_of(x):
    """A number without its sign."""
    size = x
    if size < 0:
        size = -size
    return size


def measure_half_cycles(m, k, p):
    """Values of the phase's half cycles that ended in the window, in order."""
    h = p.half
    n = 0
    while n < h.ended:
        measure_piece(m, k, p, PIECES - m.half_bank + n)
        n = n + 1


def measure_piece(m, k, p, entry):
    """The value that a piece completes.

    It is over this piece and the last one if the two are a cycle. Otherwise a crossing came too early or too
    late: then it is over this piece alone if that is half a cycle, or was cut without a crossing; else there
    is no value, but for the last of many such pieces, which is of no mains. There is none in the first
    windows after power-on either.
    """
    h = p.half
    mark = h.place[entry]
    timed = mark >> _TIMED_BITS
    place = mark - timed * _TIMED - k.sample
    whole = place >> k.time_bits
    fraction = place - whole * k.sample
    rest = k.sample - fraction
    weight_bits = 2 * k.time_bits + 1 - k.weight_bits
    a = (rest * rest) >> weight_bits
    b = (fraction * fraction) >> weight_bits
    following = whole + 1
    v_before = p.v.ring[whole]
    v = p.v.ring[following]
    i_before = p.i.ring[whole]
    i = p.i.ring[following]
    va = (a * v_before) >> k.weight_bits
    vb = (b * v) >> k.weight_bits
    ia = (a * i_before) >> k.weight_bits
    ib = (b * i) >> k.weight_bits
    v_rest: Wide = va * v_before - vb * v
    i_rest: Wide = ia * i_before - ib * i
    v_high = h.v_high[entry]
    i_high = h.i_high[entry]
    vv: Wide = h.v_low[entry] + v_high * _PART + h.v_rest - v_rest
    ii: Wide = h.i_low[entry] + i_high * _PART + h.i_rest - i_rest
    length = place - h.at
    behind = m.start - h.at
    if length < 0:
        length = length + k.ring * k.sample
    if behind < 0:
        behind = behind + k.ring * k.sample
    h.at = place
    h.v_rest = v_rest
    h.i_rest = i_rest
    both = length + h.length
    tolerance = m.halves.cycle >> 4
    off_both = magnitude_of(both - m.halves.cycle)
    off = magnitude_of(2 * length - m.halves.cycle)
    whole_cycle = 0
    if off_both <= tolerance:
        whole_cycle = 1
    if h.refused >= _MOST_REFUSED:
        whole_cycle = 1
    span = length
    v_sum: Wide = vv
    i_sum: Wide = ii
    valid = whole_cycle
    if off <= tolerance:
        valid = 1
    if whole_cycle > 0:
        span = both
        v_sum = vv + h.vv_last
        i_sum = ii + h.ii_last
    else:
        if timed > 0:
            # What is missing may have gone at any time since the last crossing.
            valid = 1
            behind = behind - (length >> 1)
    # Pieces without a value are before the first value that shows what happened in them.
    behind = behind + h.unjudged
    h.unjudged = h.unjudged + length
    h.refused = h.refused + 1
    h.length = length
    h.vv_last = vv
    h.ii_last = ii
    if valid > 0:
        h.unjudged = 0
        h.refused = 0
    if valid > 0 and m.events.windows > 2 * k.windows_to_prove:
        h.vrms = square_root(divide(v_sum, span, k.time_bits + 2 * k.mean_bits))
        h.irms = square_root(divide(i_sum, span, k.time_bits + 2 * k.mean_bits))
        m.halves.phase[m.halves.count] = p.index
        m.halves.vrms[m.halves.count] = h.vrms
        m.halves.irms[m.halves.count] = h.irms
        m.halves.behind[m.halves.count] = behind
        m.halves.count = m.halves.count + 1
