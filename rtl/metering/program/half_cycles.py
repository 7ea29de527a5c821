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
_SHARE_BITS = 23
_SHARE = 1 << _SHARE_BITS

_PHASES = 4
_PLACES = _PHASES * 2 * PIECES


class HalfCycles(State):
    """Half cycles of a phase.

    The foreground's: the sums ``vv`` and ``ii`` at the last cut; ``left``, the sample sets until it cuts
    without a crossing; ``close``, how many of these a crossing must wait for; ``mark``, which tells a cut
    without a crossing; ``began``, 1 after the first cut; ``count``, the pieces of the
    running window, and ``ended``, those of the last one.

    The background's: the newest values, ``vrms`` and ``irms``.
    """

    vv: Wide = 0
    ii: Wide = 0
    left: Word = 0
    close: Word = 0
    mark: Word = 0
    began: Word = 0
    count: Word = 0
    ended: Word = 0
    vrms: Word = 0
    irms: Word = 0

    def __init__(self, k):
        super().__init__()
        self.left = 3 * k.nominal_window // (4 * k.sample)
        self.close = self.left
        self.mark = _TIMED


class Pieces(State):
    """Pieces of two windows, of all phases, that the foreground hands over.

    Of each the sums of the sample sets since the last cut, high and low part, the place of the newest sample
    set in the rings, with a mark if there was no crossing, and the levels of the two samples about the cut.
    """

    def __init__(self):
        super().__init__()
        self.v_high = Array(_PLACES)
        self.v_low = Array(_PLACES)
        self.i_high = Array(_PLACES)
        self.i_low = Array(_PLACES)
        self.place = Array(_PLACES)
        self.level_before = Array(_PLACES)
        self.level = Array(_PLACES)


class LastPieces(State):
    """What the background keeps of each phase's last piece.

    ``at`` is the place of the cut, ``v_rest`` and ``i_rest`` are the next piece's shares in the sums up to
    it; ``length`` and sums are those of the piece; ``refused`` tells how many pieces there were since the
    last value, ``unjudged`` how long they were. ``ended``, ``vrms`` and ``irms`` are as in `HalfCycles`.
    """

    def __init__(self):
        super().__init__()
        self.ended = Array(_PHASES)
        self.at = Array(_PHASES)
        self.v_rest = Array(_PHASES)
        self.i_rest = Array(_PHASES)
        self.length = Array(_PHASES)
        self.v_high = Array(_PHASES)
        self.v_low = Array(_PHASES)
        self.i_high = Array(_PHASES)
        self.i_low = Array(_PHASES)
        self.refused = Array(_PHASES)
        self.unjudged = Array(_PHASES)
        self.vrms = Array(_PHASES)
        self.irms = Array(_PHASES)


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
        self.pieces = Pieces()
        self.last = LastPieces()
        self.phase = Array(_RECORDS)
        self.vrms = Array(_RECORDS)
        self.irms = Array(_RECORDS)
        self.behind = Array(_RECORDS)
        self.cycle = self.window = k.nominal_window


def offer_cut(p):
    """Take the crossing just found for a cut, unless it is one of several about zero."""
    h = p.half
    if h.left <= h.close:
        h.left = 0
        h.mark = 0


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
        given = m.halves.pieces
        entry = m.half_bank + h.count + p.index * 2 * PIECES
        v_high = vv >> _PART_BITS
        given.v_high[entry] = v_high
        i_high = ii >> _PART_BITS
        given.i_high[entry] = i_high
        given.v_low[entry] = vv - v_high * _PART
        given.i_low[entry] = ii - i_high * _PART
        given.place[entry] = m.position * k.sample + h.mark
        given.level_before[entry] = p.level_before
        given.level[entry] = p.level
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


def measure_half_cycles(m, k):
    """Values of the half cycles that ended in the window, phase by phase, in order."""
    last = m.halves.last
    for p in m.phases:
        last.ended[p.index] = p.half.ended
    phase = 0
    while phase < k.parameters.phases:
        ended = last.ended[phase]
        n = 0
        while n < ended:
            measure_piece(m, k, phase, phase * (2 * PIECES) + PIECES - m.half_bank + n)
            n = n + 1
        phase = phase + 1
    for p in m.phases:
        p.half.vrms = last.vrms[p.index]
        p.half.irms = last.irms[p.index]


def measure_piece(m, k, phase, entry):
    """The value that a piece completes.

    It is over this piece and the last one if the two are a cycle. Otherwise a crossing came too early or too
    late: then it is over this piece alone if that is half a cycle, or was cut without a crossing; else there
    is no value, but for the last of many such pieces, which is of no mains. There is none in the first
    windows after power-on either.
    """
    given = m.halves.pieces
    last = m.halves.last
    mark = given.place[entry]
    timed = mark >> _TIMED_BITS
    place = mark - timed * _TIMED - k.sample
    whole = place >> k.time_bits
    following = whole + 1
    v_before = 0
    v = 0
    i_before = 0
    i = 0
    for p in m.phases:
        if phase >= p.index and phase <= p.index:
            v_before = p.v.ring[whole]
            v = p.v.ring[following]
            i_before = p.i.ring[whole]
            i = p.i.ring[following]
    fraction = 0
    if timed <= 0:
        level_before = given.level_before[entry]
        change = given.level[entry] - level_before
        fraction = divide(magnitude_of(level_before), magnitude_of(change), k.time_bits)
    place = place + fraction
    rest = k.sample - fraction
    weight_bits = 2 * k.time_bits + 1 - k.weight_bits
    a = (rest * rest) >> weight_bits
    b = (fraction * fraction) >> weight_bits
    v_rest = share(k, a, v_before, b, v)
    i_rest = share(k, a, i_before, b, i)
    v_change = last.v_rest[phase] - v_rest
    i_change = last.i_rest[phase] - i_rest
    v_high = given.v_high[entry]
    i_high = given.i_high[entry]
    vv: Wide = given.v_low[entry] + v_high * _PART + v_change * _SHARE
    ii: Wide = given.i_low[entry] + i_high * _PART + i_change * _SHARE
    at = last.at[phase]
    length = place - at
    behind = m.start - at
    if length < 0:
        length = length + k.ring * k.sample
    if behind < 0:
        behind = behind + k.ring * k.sample
    both = length + last.length[phase]
    tolerance = m.halves.cycle >> 4
    off_both = magnitude_of(both - m.halves.cycle)
    off = magnitude_of(2 * length - m.halves.cycle)
    refused = last.refused[phase]
    whole_cycle = 0
    if off_both <= tolerance:
        whole_cycle = 1
    if refused >= _MOST_REFUSED:
        whole_cycle = 1
    span = length
    v_sum: Wide = vv
    i_sum: Wide = ii
    valid = whole_cycle
    if off <= tolerance:
        valid = 1
    if whole_cycle > 0:
        span = both
        v_high = last.v_high[phase]
        i_high = last.i_high[phase]
        v_sum = vv + v_high * _PART + last.v_low[phase]
        i_sum = ii + i_high * _PART + last.i_low[phase]
    else:
        if timed > 0:
            # What is missing may have gone at any time since the last crossing.
            valid = 1
            behind = behind - (length >> 1)
    # Pieces without a value are before the first value that shows what happened in them.
    unjudged = last.unjudged[phase]
    behind = behind + unjudged
    unjudged = unjudged + length
    refused = refused + 1
    if valid > 0:
        unjudged = 0
        refused = 0
    last.unjudged[phase] = unjudged
    last.refused[phase] = refused
    last.at[phase] = place
    last.v_rest[phase] = v_rest
    last.i_rest[phase] = i_rest
    last.length[phase] = length
    v_high = vv >> _PART_BITS
    i_high = ii >> _PART_BITS
    last.v_high[phase] = v_high
    last.i_high[phase] = i_high
    last.v_low[phase] = vv - v_high * _PART
    last.i_low[phase] = ii - i_high * _PART
    if valid > 0 and m.events.windows > 2 * k.windows_to_prove:
        vrms = square_root(divide(v_sum, span, k.time_bits + 2 * k.mean_bits))
        irms = square_root(divide(i_sum, span, k.time_bits + 2 * k.mean_bits))
        last.vrms[phase] = vrms
        last.irms[phase] = irms
        m.halves.phase[m.halves.count] = phase
        m.halves.vrms[m.halves.count] = vrms
        m.halves.irms[m.halves.count] = irms
        m.halves.behind[m.halves.count] = behind
        m.halves.count = m.halves.count + 1


def share(k, a, before, b, after):
    """What of the sample before a cut belongs behind it, less what of the one after belongs before it."""
    early = (a * before) >> k.weight_bits
    late = (b * after) >> k.weight_bits
    return (early * before - late * after) >> _SHARE_BITS
