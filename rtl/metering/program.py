"""The metrology program: what the meter measures, as integer arithmetic.

This text has two readers. Python runs it as it stands: that is the integer model. The compiler turns the
same text into the microcode of the compute engine. Both give the same bits.

A *word* (36 bits) can be a factor, a *wide* value (108 bits) is a sum. Annotations say which a field or
variable is; a variable without one is a word. A product takes two words; ``>>`` rounds down.

A window is one mains cycle, from one rising zero crossing of the first phase's voltage to the next. The
crossing lies between two samples; both windows share that interval, with the integrand taken as a
straight line, so that what one window does not get the next one gets, to the last bit.
"""

from .arithmetic import divide, square_root
from .state import State, Wide, Word

__all__ = ["Machine", "sample_set"]


class Sum(State):
    """Integral over a window: of the one that runs, and of the one that ended last."""

    running: Wide = 0
    ended: Wide = 0


class Phase(State):
    """State of one phase."""

    v: Word = 0
    i: Word = 0
    v_before: Word = 0
    i_before: Word = 0
    v_dc: Word = 0
    sum_v: Sum
    sum_i: Sum
    sum_vv: Sum
    sum_ii: Sum
    sum_vi: Sum
    sum_vc: Wide = 0
    sum_vs: Wide = 0
    sum_ic: Wide = 0
    sum_is: Wide = 0
    energy_import: Wide = 0
    energy_export: Wide = 0
    reactive_time: Wide = 0
    v_squared_time: Wide = 0
    i_squared_time: Wide = 0
    v_dc_time: Wide = 0
    i_dc_time: Wide = 0

    def __init__(self, index, phases):
        super().__init__()
        self.name = f"phase{index}"
        self.v_lane = index
        self.i_lane = phases + index


class Machine(State):
    """State of the whole program, made for a set of `Constants` ``k``.

    ``now`` counts from the first sample set after power-on, ``age`` from the start of the running window (the
    first one starts half a sample period before the first sample set, all of which is in it);
    ``sets`` is the number of sample sets in it, ``rest`` the time from its start to the first of them.
    ``cosine`` and ``sine`` are the reference of the fundamental, which turns by ``cosine_step`` and
    ``sine_step`` a sample.
    """

    now: Wide = 0
    age: Word = 0
    sets: Word = 0
    rest: Word = 0
    length: Word = 0
    sequence: Wide = 0
    level: Word = 0
    level_before: Word = 0
    source_dc: Word = 0
    settled: Word = 0
    armed: Word = 0
    at_crossing: Word = 0
    shortest: Word = 0
    longest: Word = 0
    last_length: Word = 0
    cosine: Word = 0
    sine: Word = 0
    cosine_before: Word = 0
    sine_before: Word = 0
    cosine_step: Word = 0
    sine_step: Word = 0
    sum_c: Wide = 0
    sum_s: Wide = 0

    def __init__(self, k, phases):
        super().__init__()
        self.phases = [Phase(index, phases) for index in range(phases)]
        self.now = -k.sample
        self.age = -k.sample // 2
        self.longest = k.longest_window
        self.last_length = k.nominal_window


def sample_set(m, k, history, out):
    """Take in one sample set, ``history[0]``: the work of every sample period."""
    m.now = m.now + k.sample
    m.age = m.age + k.sample
    lanes = history[0]
    for p in m.phases:
        p.v_before = p.v
        p.i_before = p.i
        p.v = lanes[p.v_lane]
        p.i = lanes[p.i_lane]
    find_end_of_window(m, k, history, out)
    m.sets = m.sets + 1
    for p in m.phases:
        p.sum_v.running = p.sum_v.running + p.v
        p.sum_i.running = p.sum_i.running + p.i
        p.sum_vv.running = p.sum_vv.running + p.v * p.v
        p.sum_ii.running = p.sum_ii.running + p.i * p.i
        p.sum_vi.running = p.sum_vi.running + p.v * p.i


def find_end_of_window(m, k, history, out):
    """End the window at a rising crossing of the first voltage, or when its longest time is over.

    A crossing counts if the voltage was well below zero since the last one (noise about zero makes one
    crossing, not many). One that comes too early for the highest mains frequency does not end the window,
    but then the window is no mains cycle, and not synchronised.
    """
    m.level_before = m.level
    m.level = m.phases[0].v - m.source_dc
    if m.level < -k.threshold:
        m.armed = 1
    ends = 0
    crossing = 0
    fraction = k.sample
    if m.age >= m.longest:
        ends = 1
    if m.level_before < 0 and m.level >= 0 and m.armed > 0:
        m.armed = 0
        if m.age >= m.shortest:
            rise = m.level - m.level_before
            fraction = divide(-m.level_before, rise, k.time_bits)
            crossing = 1
            ends = 1
        else:
            m.at_crossing = 0
    if ends > 0:
        end_window(m, k, history, out, crossing, fraction)


def end_window(m, k, history, out, crossing, fraction):
    """End the window that ``fraction`` of a sample period after the sample before the present one."""
    rest = k.sample - fraction
    m.length = m.age - rest
    m.age = rest
    synchronised = crossing * m.at_crossing
    m.at_crossing = crossing
    m.shortest = crossing * k.shortest_window
    if synchronised > 0:
        m.last_length = m.length
    m.longest = m.last_length
    if crossing > 0:
        m.longest = k.longest_window
    weight_bits = 2 * k.time_bits + 1 - k.weight_bits
    a = (rest * rest) >> weight_bits
    b = (fraction * fraction) >> weight_bits
    split_sums(m, k, a, b)
    m.sequence = m.sequence + 1
    out["sequence"] = m.sequence
    out["time"] = m.now - rest
    out["length"] = m.length
    clear_phasors(m)
    frequency = 0
    if synchronised > 0:
        frequency = divide(k.sample_rate, m.length, k.time_bits)
        sum_phasors(m, k, history, a, b)
    out["frequency"] = frequency
    for p in m.phases:
        measure_phase(m, k, p, out)
    if crossing <= synchronised:
        follow_dc(m, k, crossing)
    out["synchronised"] = synchronised * m.at_crossing
    m.sets = 0
    m.rest = rest
    out.commit()


def follow_dc(m, k, crossing):
    """Judge crossings of the next windows without DC: follow the mean of whole windows slowly.

    After timed windows the first mean is taken over at once. If it is large, the crossings so far were
    none, and neither the window that ended nor the one that starts is synchronised.
    """
    change = ((m.phases[0].v_dc + k.half_mean) >> k.mean_bits) - m.source_dc
    m.settled = m.settled * crossing
    if m.settled > 0:
        change = change >> k.dc_filter_bits
    else:
        if change > k.large_dc:
            m.at_crossing = 0
        if change < -k.large_dc:
            m.at_crossing = 0
    m.settled = crossing
    m.source_dc = m.source_dc + change
    m.level = m.level - change


def split_sums(m, k, a, b):
    """Share the interval between two samples: the next window gets ``a`` of one less ``b`` of the other.

    Under a straight line from g0 to g1 that is cut at the fraction f, the part behind the cut is
    (1 - f)² / 2 · g0 + (1 - f² ) / 2 · g1, and whole samples stand for two half intervals.
    """
    for p in m.phases:
        va = (a * p.v_before) >> k.weight_bits
        vb = (b * p.v) >> k.weight_bits
        ia = (a * p.i_before) >> k.weight_bits
        ib = (b * p.i) >> k.weight_bits
        split(p.sum_v, va, 1, vb, 1)
        split(p.sum_i, ia, 1, ib, 1)
        split(p.sum_vv, va, p.v_before, vb, p.v)
        split(p.sum_ii, ia, p.i_before, ib, p.i)
        split(p.sum_vi, va, p.i_before, vb, p.i)


def split(total, a, before, b, now):
    """Cut one integral: what the window that starts takes over, the one that ends gives up."""
    carry: Wide = a * before - b * now
    total.ended = total.running - carry
    total.running = carry


def measure_phase(m, k, p, out):
    """Quantities of one phase for the window that ended; DC is taken out by the window's moments."""
    total_v = p.sum_v.ended
    total_i = p.sum_i.ended
    p.v_dc = divide(p.sum_v.ended, m.length, k.time_bits + k.mean_bits)
    i_dc = divide(p.sum_i.ended, m.length, k.time_bits + k.mean_bits)
    vv: Wide = p.sum_vv.ended - ((p.v_dc * total_v) >> k.mean_bits)
    ii: Wide = p.sum_ii.ended - ((i_dc * total_i) >> k.mean_bits)
    vi: Wide = p.sum_vi.ended - ((p.v_dc * total_i) >> k.mean_bits)
    power_bits = k.time_bits + 2 * k.mean_bits
    vrms = square_root(divide(vv, m.length, power_bits))
    irms = square_root(divide(ii, m.length, power_bits))
    active: Wide = divide(vi, m.length, power_bits)
    # Beside a power of a few units, the roots' rounding can make the quotient larger than one.
    factor: Wide = divide(divide(active, vrms, k.apparent_bits), irms, k.quotient_bits)
    if factor > k.unity:
        factor = k.unity
    if factor < -k.unity:
        factor = -k.unity
    total_c = m.sum_c >> k.mean_bits
    total_s = m.sum_s >> k.mean_bits
    # Half of each fundamental phasor: its mean product with the reference.
    phasor_bits = k.phasor_bits - k.mean_bits - k.time_bits
    vc = divide((p.sum_vc - p.v_dc * total_c) >> phasor_bits, m.length, 0)
    vs = divide((p.sum_vs - p.v_dc * total_s) >> phasor_bits, m.length, 0)
    ic = divide((p.sum_ic - i_dc * total_c) >> phasor_bits, m.length, 0)
    i_s = divide((p.sum_is - i_dc * total_s) >> phasor_bits, m.length, 0)
    reactive: Wide = vc * i_s - vs * ic
    reactive_word = reactive >> k.reactive_bits
    if vi >= 0:
        p.energy_import = p.energy_import + vi
    else:
        p.energy_export = p.energy_export - vi
    p.reactive_time = p.reactive_time + reactive_word * m.length
    p.v_squared_time = p.v_squared_time + vv
    p.i_squared_time = p.i_squared_time + ii
    p.v_dc_time = p.v_dc_time + total_v
    p.i_dc_time = p.i_dc_time + total_i
    out[p.name, "vrms"] = vrms
    out[p.name, "irms"] = irms
    out[p.name, "active"] = active
    out[p.name, "reactive"] = reactive
    out[p.name, "apparent"] = vrms * irms
    out[p.name, "power_factor"] = factor
    out[p.name, "v_dc"] = p.v_dc
    out[p.name, "i_dc"] = i_dc
    out[p.name, "energy_import"] = p.energy_import
    out[p.name, "energy_export"] = p.energy_export
    out[p.name, "reactive_time"] = p.reactive_time
    out[p.name, "v_squared_time"] = p.v_squared_time
    out[p.name, "i_squared_time"] = p.i_squared_time
    out[p.name, "v_dc_time"] = p.v_dc_time
    out[p.name, "i_dc_time"] = p.i_dc_time


def clear_phasors(m):
    """Start the sums of the fundamental anew; a window without crossings has none."""
    m.sum_c = 0
    m.sum_s = 0
    for p in m.phases:
        p.sum_vc = 0
        p.sum_vs = 0
        p.sum_ic = 0
        p.sum_is = 0


def sum_phasors(m, k, history, a, b):
    """Correlate the window that ended with its own fundamental, now that its length is known.

    The samples are taken from the history: the last before the window, those in it, the first after it. The
    outer ones have the weights of an interval that is cut, ``a`` and ``b`` at the window's end.
    """
    weight_bits = 2 * k.time_bits + 1 - k.weight_bits
    angle = divide(k.two_pi, m.length, k.angle_bits)
    lead = k.sample - m.rest
    turn(m, k, (angle * lead) >> k.time_bits)
    m.cosine = m.cosine_step
    m.sine = -m.sine_step
    turn(m, k, angle)

    before = m.sets + 1
    add_weighted(m, k, history, before, (m.rest * m.rest) >> weight_bits, m.cosine, m.sine)
    advance(m, k)
    add_weighted(m, k, history, m.sets, -((lead * lead) >> weight_bits), m.cosine, m.sine)
    back = m.sets
    while back > 0:
        add_sample(m, history, back, m.cosine, m.sine)
        advance(m, k)
        back = back - 1
    add_weighted(m, k, history, 1, -a, m.cosine_before, m.sine_before)
    add_weighted(m, k, history, 0, b, m.cosine, m.sine)


def turn(m, k, angle):
    """Cosine and sine of a small angle, by Taylor's series about 0."""
    square = (angle * angle) >> k.phasor_bits
    cosine = ((square * k.cosine_6) >> k.phasor_bits) + k.cosine_4
    cosine = ((square * cosine) >> k.phasor_bits) + k.minus_half
    m.cosine_step = ((square * cosine) >> k.phasor_bits) + k.one
    sine = ((square * k.sine_7) >> k.phasor_bits) + k.sine_5
    sine = ((square * sine) >> k.phasor_bits) + k.sine_3
    sine = ((square * sine) >> k.phasor_bits) + k.one
    m.sine_step = (angle * sine) >> k.phasor_bits


def advance(m, k):
    """Turn the reference by one sample."""
    m.cosine_before = m.cosine
    m.sine_before = m.sine
    m.cosine = (m.cosine_before * m.cosine_step - m.sine_before * m.sine_step) >> k.phasor_bits
    m.sine = (m.sine_before * m.cosine_step + m.cosine_before * m.sine_step) >> k.phasor_bits


def add_weighted(m, k, history, back, weight, cosine, sine):
    """Add a sample set that stands for a part of an interval."""
    c = (weight * cosine) >> k.weight_bits
    s = (weight * sine) >> k.weight_bits
    add_sample(m, history, back, c, s)


def add_sample(m, history, back, cosine, sine):
    """Add the sample set ``back`` periods ago, times the reference."""
    lanes = history[back]
    m.sum_c = m.sum_c + cosine
    m.sum_s = m.sum_s + sine
    for p in m.phases:
        v = lanes[p.v_lane]
        i = lanes[p.i_lane]
        p.sum_vc = p.sum_vc + v * cosine
        p.sum_vs = p.sum_vs + v * sine
        p.sum_ic = p.sum_ic + i * cosine
        p.sum_is = p.sum_is + i * sine
