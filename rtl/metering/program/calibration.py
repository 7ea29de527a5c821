"""Calibration: the check of the settings, and the corrections that the channels get from them."""

from ..arithmetic import CRC_START, crc32
from ..state import State, Wide, Word
from .settings import DELAY_FRACTION, LINEAR_FRACTION, SQUARE_FRACTION, TEMPERATURE_FRACTION

__all__ = [
    "Calibration",
    "check_settings",
    "find_corrections",
    "lay_down_temperature",
    "take_over_corrections",
]

_WORDS_A_TURN = 8


class Calibration(State):
    """How the settings were found.

    ``state`` is 0 before calibration, 1 if the CRC is right, 2 if it is not. ``crc`` is that of the settings,
    ``changes`` counts how often it was another than before, ``checks`` is 1 from the first check on.
    ``temperature`` is the sensor's word, 1/256 °C.

    In the sample set in which ``until_taken`` gets 0, the corrections that the background has found take
    effect: the one after a window's end, and after power-on the last one before anything is measured.
    """

    state: Word = 0
    crc: Word = 0
    changes: Word = 0
    checks: Word = 0
    temperature: Word = 0
    until_taken: Word = 0

    def __init__(self, k, settings):
        super().__init__()
        self.until_taken = k.latency - 1
        covered = settings.covered
        whole = len(covered) // _WORDS_A_TURN * _WORDS_A_TURN
        self.turns = [covered[first : first + _WORDS_A_TURN] for first in range(0, whole, _WORDS_A_TURN)]
        self.others = covered[whole:]


# --- Foreground


def lay_down_temperature(m, k, lanes):
    """Keep the temperature for the background that starts."""
    m.calibration.temperature = lanes[k.temperature]


def take_over_corrections(m):
    """Correct all channels as the background has found."""
    calibration = m.calibration
    if calibration.until_taken > 0:
        calibration.until_taken = calibration.until_taken - 1
        if calibration.until_taken <= 0:
            for c in m.channels:
                c.gain = c.next_gain
                c.bias = c.next_bias
                c.first = c.next_first
                c.row = c.next_row
                c.following = c.next_following
                c.fraction = c.next_fraction
                c.rest = c.next_rest


# --- Background


def check_settings(m):
    """Compare the settings with their CRC, and with what they were."""
    found = m.calibration
    crc = CRC_START
    for t in found.turns:
        crc = after_four(after_four(crc, t[0], t[1], t[2], t[3]), t[4], t[5], t[6], t[7])
    for field in found.others:
        crc = crc32(crc, field.value)
    change = crc - found.crc
    if found.checks > 0 and change * change > 0:
        found.changes = found.changes + 1
    found.crc = crc
    found.checks = 1
    given = m.settings.crc
    wrong = crc - given
    found.state = 1
    m.calibration_broken = 0
    if wrong * wrong > 0:
        found.state = 0
        if given * given > 0:
            found.state = 2
            m.calibration_broken = 1


def after_four(before, a, b, c, d):
    """The CRC after four fields."""
    return crc32(crc32(crc32(crc32(before, a.value), b.value), c.value), d.value)


def show_calibration(m, out):
    """Quantities of the calibration."""
    out["calibration_state"] = m.calibration.state
    out["calibration_crc"] = m.calibration.crc
    out["calibration_changes"] = m.calibration.changes
    out["temperature"] = m.calibration.temperature
    for p in m.phases:
        out[p.name, "i_region"] = p.i.region
    for n in m.neutrals:
        out["neutral", "region"] = n.channel.region


def find_corrections(m, k):
    """Find what corrects the channels from the next window's end on, if the settings can be trusted.

    Otherwise what corrects them now goes on to.
    """
    if m.calibration.state > 0 and m.calibration_broken <= 0:
        for p in m.phases:
            choose_region(m, k, p.i, p.irms)
        for n in m.neutrals:
            # The neutral's RMS values have two bits less.
            choose_region(m, k, n.channel, n.measured.rms * 4)
        for c in m.channels:
            find_correction(m, k, c)


def choose_region(m, k, c, rms):
    """Choose the current's region: the last one whose start it reaches, or from above has not left."""
    nearly: Wide = rms + ((rms * m.settings.region_hysteresis) >> k.factor_bits)
    chosen = 0
    for r in c.settings.regions:
        reached: Wide = rms
        if r.number <= 0:
            c.region_gain = r.gain
            c.region_delay = r.delay
        else:
            if c.region >= r.number:
                reached = nearly
            if reached >= r.start:
                chosen = r.number
                c.region_gain = r.gain
                c.region_delay = r.delay
    c.region = chosen


def find_correction(m, k, c):
    """Find the channel's gain and bias, and where between its raw samples the corrected one lies."""
    s = c.settings
    warmer = m.calibration.temperature - m.settings.reference_temperature
    slope = s.linear + ((s.square * warmer) >> (SQUARE_FRACTION + TEMPERATURE_FRACTION - LINEAR_FRACTION))
    warm_gain = k.one_gain + ((slope * warmer) >> (LINEAR_FRACTION + TEMPERATURE_FRACTION - k.gain_bits))
    gain = (s.gain * warm_gain) >> k.gain_bits
    c.next_gain = (gain * c.region_gain) >> k.gain_bits
    raised = s.offset * k.partial_unit
    c.next_bias = -(raised * c.next_gain)
    ahead = -s.delay - c.region_delay
    rows = ahead >> (DELAY_FRACTION - k.row_bits)
    whole = ahead >> DELAY_FRACTION
    c.next_first = whole + c.undelayed
    c.next_row = (rows - whole * k.rows) * k.taps
    c.next_following = c.next_row + k.taps
    c.next_fraction = ahead - rows * k.one_row
    c.next_rest = k.one_row - c.next_fraction
