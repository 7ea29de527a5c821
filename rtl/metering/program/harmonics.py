"""Harmonics: windows of 10 or 12 cycles, folded into one, and their spectrum order by order.

The points of all cycles of a window are added up, point by point. The spectrum of the sum is every tenth or
twelfth line of that of the window: the harmonics. While one half of the memory is filled, the other one is
transformed, a few orders in every run of the background.
"""

from ..arithmetic import divide, dot, square_root
from ..microcode import Port
from ..state import Array, State, Wide, Word
from .trigonometry import angle, magnitude, wrapped

__all__ = ["Harmonics", "follow_harmonics"]


class Harmonics(State):
    """State of the window that is filled, and of the one that is transformed.

    ``cycles``, ``length`` and ``half`` are of the window that is filled: cycles and time so far, and where in
    a channel's part of ``folds`` it is; ``wanted`` is how many cycles it gets. What begins with ``ended`` is
    of the one that is transformed.

    ``channel`` and ``order`` are what is transformed next: all voltages and currents, phase by phase, voltage
    first; ``is_current`` tells the two apart. ``at`` is where the phase's quantities are, against phase 0.
    """

    sequence: Word = 0
    dropped: Word = 0
    cycles: Word = 0
    length: Word = 0
    half: Word = 0
    wanted: Word = 0
    ended_dropped: Word = 0
    ended_cycles: Word = 0
    ended_length: Word = 0
    ended_time: Wide = 0
    ended_half: Word = 0
    scale: Word = 0
    channel: Word = 0
    order: Word = 0
    is_current: Word = 0
    at: Word = 0
    reference: Word = 0
    v_turns: Word = 0
    fundamental: Word = 0
    distortion: Wide = 0

    def __init__(self, k, phases):
        super().__init__()
        self.channels = [c for p in phases for c in (p.v, p.i)]
        self.folds = Array(k.fold_words)
        # Phasors of the phase's voltage by order, and of the fundamental voltages by phase.
        self.x = Array(k.points // 2)
        self.y = Array(k.points // 2)
        self.v_x = Array(4)
        self.v_y = Array(4)
        self.wanted = k.few_cycles
        self.channel = len(self.channels)


def follow_harmonics(m, k, h, out):
    """Take in the cycle that ended, and go on with the window before."""
    if m.synchronised > 0:
        fold(k, h)
        h.cycles = h.cycles + 1
        h.length = h.length + m.length
        if h.cycles >= h.wanted:
            if h.wanted <= k.few_cycles and h.length < k.shortest_few:
                h.wanted = k.many_cycles
            else:
                end_harmonic_window(m, k, h, out)
    else:
        if h.cycles > 0:
            h.dropped = h.dropped + 1
        begin_harmonic_window(k, h)
    left = k.orders_a_cycle
    while left > 0 and h.channel < k.harmonic_channels:
        measure_order(k, h, out)
        left = left - 1
        h.order = h.order + 1
        if h.order > k.harmonics:
            end_channel(k, h, out)


def fold(k, h):
    """Add the cycle's points to those of the cycles before; the first one takes their place."""
    keep = 0
    if h.cycles > 0:
        keep = 1
    index = 0
    while index < k.points:
        at = h.half + index
        for number in range(len(h.channels)):
            place = at + number * k.fold_stride
            folded = h.folds[place]
            h.folds[place] = h.channels[number].points[index] + folded * keep
        index = index + 1


def begin_harmonic_window(k, h):
    """Begin the window that is filled anew."""
    h.cycles = 0
    h.length = 0
    h.wanted = k.few_cycles


def end_harmonic_window(m, k, h, out):
    """Have the window transformed that is complete, and fill the other half.

    Its number is sent before anything else of it: so a reader notices that what it reads is changed.
    """
    h.sequence = h.sequence + 1
    out.send(Port.HARMONIC, k.window_at["sequence"], h.sequence)
    h.ended_dropped = h.dropped
    h.ended_cycles = h.cycles
    h.ended_length = h.length
    h.ended_time = m.ended_time
    h.ended_half = h.half
    h.scale = k.scale_of_few
    if h.cycles > k.few_cycles:
        h.scale = k.scale_of_many
    h.half = k.points - h.half
    begin_harmonic_window(k, h)
    h.channel = 0
    h.order = 1
    h.is_current = 0
    h.at = 0


def measure_order(k, h, out):
    """Amplitude and angle of an order of a channel, and its active power once its current is known.

    As phasors of a sine: x is its part in phase with a sine from the window's start, y its part a quarter of
    a turn before that; both are RMS values.
    """
    first = h.channel * k.fold_stride + h.ended_half
    sine = dot(k.sine, h.folds, first, h.order) >> k.fold_shift
    cosine = dot(k.cosine, h.folds, first, h.order) >> k.fold_shift
    x = (sine * h.scale) >> k.scale_bits
    y = (cosine * h.scale) >> k.scale_bits
    amplitude = magnitude(x, y)
    turns = angle(x, y)
    if h.order <= 1:
        begin_channel(k, h, out, x, y, amplitude, turns)
    else:
        h.distortion = h.distortion + x * x + y * y
    place = h.at + h.order
    out.send(Port.HARMONIC, k.active_at + place, power(k, h, x, y))
    place = place + h.is_current * k.current_offset
    out.send(Port.HARMONIC, k.amplitude_at + place, amplitude)
    out.send(Port.HARMONIC, k.angle_at + place, wrapped(turns - h.order * h.reference))


def begin_channel(k, h, out, x, y, amplitude, turns):
    """Keep what is needed of the fundamental."""
    h.fundamental = amplitude
    h.distortion = 0
    if h.channel <= 0:
        h.reference = turns
    if h.is_current > 0:
        out.send(Port.HARMONIC, k.v_i_angle_at + h.at, wrapped(h.v_turns - turns))
    else:
        h.v_turns = turns
        phase = h.channel >> 1
        h.v_x[phase] = x
        h.v_y[phase] = y


def power(k, h, x, y):
    """Active power of the order, if it is the current's turn; else the voltage's phasor is kept."""
    active = 0
    if h.is_current > 0:
        v_x = h.x[h.order]
        v_y = h.y[h.order]
        active = (v_x * x + v_y * y) >> k.harmonic_power_bits
    else:
        h.x[h.order] = x
        h.y[h.order] = y
    return active


def end_channel(k, h, out):
    """Total harmonic distortion of the channel; then the next one, or the end of the window."""
    thd = ratio(k, square_root(h.distortion), h.fundamental)
    out.send(Port.HARMONIC, k.thd_at + h.at + h.is_current, thd)
    h.order = 1
    h.channel = h.channel + 1
    h.at = h.at + h.is_current * k.phase_stride
    h.is_current = 1 - h.is_current
    if h.channel >= k.harmonic_channels:
        show(k, h, out)


def ratio(k, part, whole):
    """How large the part is against the whole; as large as a word can show at most, 0 without a whole."""
    quotient: Wide = divide(part, whole, k.ratio_bits)
    if quotient > k.largest_word:
        quotient = k.largest_word
    return quotient


def show(k, h, out):
    """Send what is of the whole window, and show all of it."""
    high = h.ended_time >> k.time_low_bits
    at = k.window_at
    out.send(Port.HARMONIC, at["dropped"], h.ended_dropped)
    out.send(Port.HARMONIC, at["cycles"], h.ended_cycles)
    out.send(Port.HARMONIC, at["length"], h.ended_length)
    out.send(Port.HARMONIC, at["time"], h.ended_time - high * k.one_time_high)
    out.send(Port.HARMONIC, at["time_high"], high)
    frequency = divide(k.sample_rate * h.ended_cycles, h.ended_length, k.time_bits)
    out.send(Port.HARMONIC, at["frequency"], frequency)
    if k.three_phases > 0:
        measure_unbalance(k, h, out)
    out.send(Port.HARMONIC_COMMIT, 0, 0)


def measure_unbalance(k, h, out):
    """Symmetrical components of the fundamental voltages, three quarters of each, and their ratios."""
    x = h.v_x[0]
    y = h.v_y[0]
    x_1 = h.v_x[1]
    y_1 = h.v_y[1]
    x_2 = h.v_x[2]
    y_2 = h.v_y[2]
    zero = magnitude((x + x_1 + x_2) >> 2, (y + y_1 + y_2) >> 2)
    x_mean = (x * k.unity - x_1 * k.half - x_2 * k.half) >> k.sequence_shift
    y_mean = (y * k.unity - y_1 * k.half - y_2 * k.half) >> k.sequence_shift
    x_across = (y_2 * k.sine_of_third - y_1 * k.sine_of_third) >> k.sequence_shift
    y_across = (x_1 * k.sine_of_third - x_2 * k.sine_of_third) >> k.sequence_shift
    positive = magnitude(x_mean + x_across, y_mean + y_across)
    negative = magnitude(x_mean - x_across, y_mean - y_across)
    out.send(Port.HARMONIC, k.window_at["unbalance_negative"], ratio(k, negative, positive))
    out.send(Port.HARMONIC, k.window_at["unbalance_zero"], ratio(k, zero, positive))
