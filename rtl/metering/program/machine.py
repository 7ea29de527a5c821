"""The whole program: its state, and the work of a sample set."""

from ..state import State, Wide, Word
from .background import window_ended
from .calibration import Calibration, lay_down_temperature, take_over_corrections
from .channels import Channel, take_in
from .energies import Cycle, Energies, Registers
from .events import Clipping, Events
from .fundamental import Fundamental
from .half_cycles import HalfValues, time_half_cycles
from .harmonics import Harmonics
from .neutral import Neutral, add_neutral_sample
from .phases import Phase, add_sample
from .pulses import Offered, PulseOutput, put_off_pulse, send_pulse
from .settings import Settings
from .windows import find_end_of_window

__all__ = ["Machine", "sample_set"]


class Machine(State):
    """State of the whole program, made for a set of `Constants` ``k``.

    ``now`` counts from the first sample set after power-on, ``position`` is its place in the rings, and
    ``odd`` is 1 for every second one. ``start`` is the running window's start as a place in the rings; the
    first window starts half a sample period before the first sample set, all of which is in it.

    Of the window that ended last: ``length``, ``ended_time``, ``ended_start``, ``synchronised``,
    how many of its ends are ``crossings``, and with those judged with another DC ``touched``, and the weights
    of its last interval, ``cut_a`` and ``cut_b``;
    ``until_background`` counts down the sample sets until the filters have all that they need of it. After
    power-on the background finds the channels' corrections, and nothing else.
    """

    now: Wide = 0
    position: Word = 0
    start: Word = 0
    sequence: Wide = 0
    at_crossing: Word = 0
    shortest: Word = 0
    longest: Word = 0
    last_length: Word = 0
    length: Word = 0
    ended_time: Wide = 0
    ended_start: Word = 0
    synchronised: Word = 0
    crossings: Word = 0
    touched: Word = 0
    after_crossing: Word = 0
    frequency: Word = 0
    cut_a: Word = 0
    cut_b: Word = 0
    until_background: Word = 1
    odd: Word = 0
    cycles: Word = 0
    unsettled: Word = 0
    source_changes: Word = 0
    calibration_broken: Word = 0
    half_bank: Word = 0
    half_late: Word = 0
    half_timed: Word = 0

    def __init__(self, k, parameters):
        super().__init__()
        self.registers = Registers(k)
        self.settings = Settings(parameters)
        self.calibration = Calibration(k, self.settings)
        self.channels = [Channel(k, lane, each) for lane, each in enumerate(self.settings.channels)]
        self.phases = [
            Phase(k, index, self.channels[index], self.channels[parameters.phases + index])
            for index in range(parameters.phases)
        ]
        self.halves = HalfValues(k)
        self.events = Events(k)
        self.clippings = [Clipping(k, lane) for lane in range(parameters.lanes)]
        self.neutrals = [Neutral(self.channels[-1])] * parameters.neutral
        self.fundamental = Fundamental()
        self.harmonics = [Harmonics(k, self.phases)] if parameters.harmonics else []
        self.position = k.ring - 1
        self.now = -(1 + k.latency) * k.sample
        self.longest = k.longest_window
        self.last_length = k.nominal_window
        time_half_cycles(self, k)
        self._measure_energies()

    def _measure_energies(self):
        """What energies and pulses need, and the registers, which also hold all sums."""
        registers, settings = self.registers, self.settings
        for phase, energies, no_load in zip(self.phases, registers.phases, settings.no_load, strict=True):
            phase.cycle, phase.energies, phase.no_load = Cycle(), energies, no_load
            registers.sums += [*phase.sums, phase.quadrature.sum_vi]
        for neutral in self.neutrals:
            for current in neutral.currents:
                registers.sums += [current.sum_i, current.sum_ii]
        self.netted = Cycle()
        self.gains = [Energies() for _ in range(1 + len(registers.vector))]
        self.offered = Offered(len(self.gains))
        self.pulse_outputs = [
            PulseOutput(index, *each)
            for index, each in enumerate(zip(registers.pulses, settings.pulses, strict=True))
        ]


def sample_set(m, k, lanes, out):
    """Take in one sample set: the work of every sample period.

    What is measured is the sample set ``k.latency`` periods ago, which the filters have made by now.
    """
    m.now = m.now + k.sample
    m.position = m.position + 1
    if m.position >= k.ring:
        m.position = 0
    take_over_corrections(m)
    for c in m.channels:
        take_in(m, k, c, lanes)
    if m.now >= 0:
        m.registers.age = m.registers.age + k.sample
        find_end_of_window(m, k, lanes)
        for p in m.phases:
            add_sample(m, k, p)
        for n in m.neutrals:
            add_neutral_sample(m, n)
        m.odd = 1 - m.odd
    if lanes[k.brown_out] > 0:
        for o in m.pulse_outputs:
            put_off_pulse(m, k, o)
        stop(m)
    else:
        for o in m.pulse_outputs:
            send_pulse(m, k, o, out)
    if m.until_background > 0:
        m.until_background = m.until_background - 1
        if m.until_background <= 0:
            lay_down_temperature(m, k, lanes)
            out.background(window_ended, m, k, out)


def stop(m):
    """No other sample set may come: have the window that ended last measured at once, as no mains cycle.

    Nor is the running window one, should it go on.
    """
    m.unsettled = 1
    if m.until_background > 0:
        m.until_background = 1
        m.synchronised = 0
