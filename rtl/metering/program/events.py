"""Events and status: what is out of order, since when, and how far."""

from ..microcode import Port
from ..parameters import LANE_BITS
from ..state import Array, State, Wide, Word
from ..status import EVENTS, FIRST_AT_ONCE, HALF_CYCLE_KINDS, MOST_PHASES, NUMBERS, WINDOW_EVENTS

__all__ = ["Clipping", "Events", "choose_source", "count_clipped", "judge", "lay_down_inputs", "observe"]

_ROWS = 64
_NEVER = -(1 << 34)
_COUNT = len(EVENTS)
_KINDS = len(HALF_CYCLE_KINDS)
_KIND_BITS = 2
_LARGEST = (1 << 35) - 1
_MOST_EVENTS = (1 << 32) - 1

# Whole samples since power-on in two words.
_PART_BITS = 30
_PART = 1 << _PART_BITS

_CLIP_BITS = 2 * (LANE_BITS - 1)

# A product of two RMS values as a word, and what brings an energy to the scale of the others.
_APPARENT_BITS = 35


class Clipping(State):
    """Clipped samples of a lane: all so far, likewise at the end of the last window and of two before."""

    count: Wide = 0
    then: Wide = 0
    before: Wide = 0
    long_before: Wide = 0

    def __init__(self, k, lane):
        super().__init__()
        phases = k.parameters.phases
        if lane < phases:
            self.number = NUMBERS["saturated_voltage"] + lane
        elif lane < 2 * phases:
            self.number = NUMBERS["saturated_current"] + lane - phases
        else:
            self.number = NUMBERS["saturated_neutral"]


class Events(State):
    """Events: an entry for each in every array, in the order of `EVENTS`.

    ``over`` is how far a value is beyond its threshold, in the direction in which it may not be, and
    ``hysteresis`` how far it must come back; ``active`` says whether the event is on, ``held`` for how many
    windows it should have changed. ``worst`` is the largest ``over`` of the event, ``extreme`` the value of
    that time. Times are in whole samples.

    ``magnet``, ``cover_main``, ``cover_terminal`` and ``lost`` are the inputs at the window's end. ``ended``
    counts the windows that ended, ``windows`` those that the background has measured.
    """

    magnet: Word = 0
    cover_main: Word = 0
    cover_terminal: Word = 0
    lost: Word = 0
    lost_before: Word = 0
    lost_long_before: Word = 0
    ended: Wide = 0
    windows: Wide = 0
    missed: Wide = 0
    status: Word = 0
    energy_estimated: Wide = 0
    clip_bias: Wide = 0

    def __init__(self, k):
        super().__init__()
        largest = (1 << LANE_BITS - 1) - (1 << k.parameters.alignment)
        self.clip_bias = (1 << _CLIP_BITS) - largest * largest
        self.over = Array(_ROWS)
        self.hysteresis = Array(_ROWS)
        self.value = Array(_ROWS)
        self.active = Array(_ROWS)
        self.held = Array(_ROWS)
        self.count = Array(_ROWS)
        self.start_high = Array(_ROWS)
        self.start_low = Array(_ROWS)
        self.duration = Array(_ROWS)
        self.worst = Array(_ROWS)
        self.extreme = Array(_ROWS)


# --- Foreground


def count_clipped(m, clipping, raw):
    """Count a raw sample at one of the ends of the range: no other reaches 2 ** 54 squared with the bias."""
    clipping.count = clipping.count + ((m.events.clip_bias + raw * raw) >> _CLIP_BITS)


def lay_down_inputs(m, k, lanes):
    """Keep what the background needs of the inputs at the window's end."""
    m.events.magnet = lanes[k.magnet]
    m.events.cover_main = lanes[k.cover_main]
    m.events.cover_terminal = lanes[k.cover_terminal]
    m.events.lost = lanes[k.lost]
    m.events.ended = m.events.ended + 1
    for c in m.clippings:
        c.then = c.count


# --- What a window shows


def observe(m, k):
    """How far each value of the window is beyond its threshold."""
    s = m.settings
    declared = s.declared_voltage
    hysteresis = (declared * s.hysteresis) >> k.factor_bits
    present = (declared * s.present) >> k.factor_bits
    highest = 0
    for p in m.phases:
        if p.vrms > highest:
            highest = p.vrms
    no_voltage = present - highest
    enter(m, NUMBERS["no_voltage"], no_voltage, highest, hysteresis)
    observe_frequency(m, k, no_voltage)
    observe_inputs(m)
    for p in m.phases:
        observe_phase(m, k, p)
    if k.parameters.phases >= MOST_PHASES:
        observe_three_phases(m, k, highest, hysteresis)
    else:
        observe_missing_neutral(m, k, no_voltage)
    for n in m.neutrals:
        # The neutral's RMS values have two bits less.
        difference = n.difference.rms
        margin = difference - (s.neutral_mismatch >> 2)
        enter(m, NUMBERS["neutral_mismatch"], margin, difference, s.neutral_mismatch >> 4)


def enter(m, number, over, value, hysteresis):
    """Enter what the window shows of event ``number``; of one without a value, ``over`` alone is entered."""
    m.events.over[number] = over
    m.events.value[number] = value
    m.events.hysteresis[number] = hysteresis


def observe_frequency(m, k, no_voltage):
    """Out of range, or voltage without mains cycles."""
    over = _NEVER
    value = m.frequency
    if m.synchronised > 0:
        over = m.settings.lowest_frequency - value
        above = value - m.settings.highest_frequency
        if above > over:
            over = above
    else:
        if no_voltage <= 0 and m.events.windows > 2 * k.windows_to_prove:
            over = 1
    enter(m, NUMBERS["frequency"], over, value, m.settings.frequency_hysteresis)


def observe_inputs(m):
    """Switches, lost sample sets, windows that the background missed, the calibration.

    Sample sets are lost, as samples are clipped, before the filters have made of them what is measured: they
    count for the window in which they came, and for the next one.
    """
    e = m.events
    e.over[NUMBERS["magnet"]] = e.magnet
    e.over[NUMBERS["cover_main"]] = e.cover_main
    e.over[NUMBERS["cover_terminal"]] = e.cover_terminal
    e.over[NUMBERS["lost"]] = e.lost - e.lost_long_before
    e.lost_long_before = e.lost_before
    e.lost_before = e.lost
    e.windows = e.windows + 1
    missed: Wide = e.ended - e.windows
    e.over[NUMBERS["overrun"]] = missed - e.missed
    e.missed = missed
    e.over[NUMBERS["calibration"]] = m.calibration_broken
    for c in m.clippings:
        e.over[c.number] = c.then - c.long_before
        c.long_before = c.before
        c.before = c.then


def observe_phase(m, k, p):
    """Active power that flows backwards."""
    power = p.active >> k.vector_bits
    reversed_by = -power - m.settings.reversed_power
    margin = m.settings.reversed_power >> 1
    enter(m, NUMBERS["reversed_current"] + p.index, reversed_by, power, margin)


def observe_three_phases(m, k, highest, hysteresis):
    """A phase without the others' voltage; the order of the phases, if none is missing."""
    limit = (m.settings.declared_voltage * m.settings.missing_phase) >> k.factor_bits
    lowest = highest
    for p in m.phases:
        over = _NEVER
        if highest >= limit:
            over = limit - p.vrms
        enter(m, NUMBERS["missing_phase"] + p.index, over, p.vrms, hysteresis)
        if p.vrms < lowest:
            lowest = p.vrms
    # Twice the area of the triangle of the phasors; an equilateral one of the declared voltage has five times
    # the limit.
    a = m.phases[0]
    b = m.phases[1]
    c = m.phases[2]
    area: Wide = a.vc * b.vs - a.vs * b.vc + b.vc * c.vs - b.vs * c.vc
    area = area + c.vc * a.vs - c.vs * a.vc
    over = _NEVER
    if lowest >= limit:
        order = area >> k.vector_bits
        over = -order - ((m.settings.declared_voltage * m.settings.declared_voltage) >> (k.vector_bits + 4))
    m.events.over[NUMBERS["phase_sequence"]] = over


def observe_missing_neutral(m, k, no_voltage):
    """Current without voltage: its energy is estimated with the declared voltage."""
    p = m.phases[0]
    over = _NEVER
    if no_voltage > 0:
        over = p.irms - m.settings.flowing_current
    enter(m, NUMBERS["missing_neutral"], over, p.irms, m.settings.flowing_current >> 2)
    if over > 0:
        apparent = (p.irms * m.settings.declared_voltage) >> _APPARENT_BITS
        active = (apparent * m.settings.estimated_power_factor) >> k.factor_bits
        time = m.length * (1 << (_APPARENT_BITS - 2 * k.mean_bits - k.time_bits))
        m.events.energy_estimated = m.events.energy_estimated + active * time


# --- Judgement


def judge(m, k, out):
    """Judge the window's events, then those of each half cycle in it; show all of them, and the status."""
    s = m.settings
    dip = (s.declared_voltage * s.dip) >> k.factor_bits
    swell = (s.declared_voltage * s.swell) >> k.factor_bits
    interruption = (s.declared_voltage * s.interruption) >> k.factor_bits
    voltage_hysteresis = (s.declared_voltage * s.hysteresis) >> k.factor_bits
    m.events.status = 0
    weight = 1
    last = WINDOW_EVENTS + m.halves.count * _KINDS
    n = 0
    while n < last:
        number = n
        windows = s.persistence
        when: Wide = m.ended_time - m.length
        over = m.events.over[n]
        value = m.events.value[n]
        hysteresis = m.events.hysteresis[n]
        if n >= FIRST_AT_ONCE:
            windows = 1
        if n >= WINDOW_EVENTS:
            half = (n - WINDOW_EVENTS) >> _KIND_BITS
            kind = n - WINDOW_EVENTS - half * _KINDS
            number = WINDOW_EVENTS + kind * MOST_PHASES + m.halves.phase[half]
            when = m.ended_time - m.halves.behind[half]
            value = m.halves.vrms[half]
            hysteresis = voltage_hysteresis
            over = dip - value
            if kind >= 1:
                over = value - swell
            if kind >= 2:
                over = interruption - value
            if kind >= 3:
                value = m.halves.irms[half]
                hysteresis = s.over_current_hysteresis
                over = value - s.over_current
        when = when >> k.time_bits
        judge_one(m, out, number, windows, when, over, value, hysteresis)
        if n < WINDOW_EVENTS:
            flag = m.events.active[n]
            if over > 0:
                flag = 1
            m.events.status = m.events.status + weight * flag
            weight = weight + weight
        n = n + 1
    m.halves.count = 0
    add_status(m, k)
    show(m, k, out)


def judge_one(m, out, number, windows, when, over, value, hysteresis):
    """Begin or end event ``number`` if it is time to; follow it while it is on."""
    e = m.events
    active = e.active[number]
    margin: Wide = over + hysteresis * active
    wanted = 0
    if margin > 0:
        wanted = 1
    change = wanted - active
    change = change * change
    held = e.held[number] + 1
    held = held * change
    changes = 0
    if change > 0 and held >= windows:
        changes = 1
        held = 0
        e.active[number] = wanted
        out.send(Port.ALERT, number, wanted)
        if wanted > 0:
            count = e.count[number] + 1
            if count <= _MOST_EVENTS:
                e.count[number] = count
            high = when >> _PART_BITS
            e.start_high[number] = high
            e.start_low[number] = when - high * _PART
            e.worst[number] = over - 1
    e.held[number] = held
    if active + changes > 0:
        start_high = e.start_high[number]
        duration: Wide = when - start_high * _PART
        duration = duration - e.start_low[number]
        if duration > _LARGEST:
            duration = _LARGEST
        e.duration[number] = duration
        worst = e.worst[number]
        if over > worst:
            e.worst[number] = over
            e.extreme[number] = value


def add_status(m, k):
    """The bits of the status beyond those of the window's events."""
    for kind in range(_KINDS):
        on = 0
        for p in m.phases:
            on = on + m.events.active[WINDOW_EVENTS + kind * MOST_PHASES + p.index]
        if on > 0:
            m.events.status = m.events.status + (1 << (WINDOW_EVENTS + kind))
    if m.synchronised <= 0:
        m.events.status = m.events.status + (1 << (WINDOW_EVENTS + _KINDS))
    for p in m.phases:
        m.events.status = m.events.status + p.is_source * (p.index << (WINDOW_EVENTS + _KINDS + 1))
    if m.calibration.state <= 0:
        m.events.status = m.events.status + (1 << (WINDOW_EVENTS + _KINDS + 3))


def show(m, k, out):
    """All events, the status, and the estimated energy."""
    e = m.events
    n = 0
    while n < _COUNT:
        start_high = e.start_high[n]
        start: Wide = start_high * _PART + e.start_low[n]
        out.send(Port.QUANTITY, k.addresses["events", "count"] + n, e.count[n])
        out.send(Port.QUANTITY, k.addresses["events", "start"] + n, start)
        out.send(Port.QUANTITY, k.addresses["events", "duration"] + n, e.duration[n])
        out.send(Port.QUANTITY, k.addresses["events", "extreme"] + n, e.extreme[n])
        n = n + 1
    out["status"] = e.status
    for p in m.phases:
        out[p.name, "vrms_half"] = p.half.vrms
        out[p.name, "irms_half"] = p.half.irms
    out["energy_estimated"] = e.energy_estimated


# --- Source of the crossings


def choose_source(m, k):
    """From the next window's end on windows follow the first phase with voltage; without any, as before.

    The present source may have a quarter less than the others must.
    """
    present = (m.settings.declared_voltage * m.settings.present) >> k.factor_bits
    chosen = -1
    for p in m.phases:
        least = present - p.is_source * (present >> 2)
        if chosen < 0 and p.vrms >= least:
            chosen = p.index
    m.source_changes = 0
    if chosen >= 0:
        for p in m.phases:
            p.next_is_source = 0
            if chosen >= p.index and chosen <= p.index:
                p.next_is_source = 1
                m.source_changes = 1 - p.is_source
