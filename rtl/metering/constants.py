"""The integers that the metrology program computes with, from what it is made for."""

from math import isqrt

from .filters import ALL_PASS_BITS, ALL_PASS_FACTORS, INTERPOLATION_TAPS, circle, interpolation_table
from .harmonic_quantities import (
    HARMONIC_POWER_FRACTION,
    RATIO_FRACTION,
    TIME_LOW_BITS,
    harmonic_addresses,
    phase_stride,
)
from .parameters import DELAY_RING, INPUTS, LANE_BITS, POINTS, RING, WORD_BITS, MeteringParameters
from .quantities import FACTOR_FRACTION, MEAN_FRACTION, PHASOR_FRACTION, TIME_FRACTION, addresses
from .state import Dot

__all__ = ["Constants"]


class Constants:
    """Numbers that the metrology program uses, all integers.

    Times are in samples with ``time_bits`` fraction bits, the weights of a split sample have ``weight_bits``,
    window means and RMS values ``mean_bits`` behind a lane's least significant bit.
    """

    time_bits = TIME_FRACTION
    weight_bits = 30
    mean_bits = MEAN_FRACTION
    factor_bits = FACTOR_FRACTION
    gain_bits = 30
    phasor_bits = PHASOR_FRACTION
    shortest_timed_sets = 56
    windows_to_prove = 5
    tail_sets = INTERPOLATION_TAPS + 8
    cycles_wrap = 1 << 32
    low_pass_bits = 4
    second_low_pass_bits = 2
    large_dc_log2 = 6
    dc_filter_bits = 3
    ring = RING
    delay_ring = DELAY_RING
    points = POINTS
    point_bits = 7
    taps = INTERPOLATION_TAPS

    # Factors of the all-pass chains, with turn_bits; what passes has three bits more than a sample.
    turn_bits = ALL_PASS_BITS
    turn_guard = 8
    turn_i, turn_v = ALL_PASS_FACTORS[::2], ALL_PASS_FACTORS[1::2]

    def __init__(self, parameters: MeteringParameters):
        rate = parameters.sample_rate_hz
        self.parameters = parameters
        self.addresses = addresses(parameters)
        self.quantities_of_phase = sum(path[0] == "phase0" for path in self.addresses)
        self.sample = 1 << self.time_bits
        self.sample_rate = round(rate * self.sample)
        self.whole_rate = round(rate)
        self.nominal_window = round(rate / parameters.nominal_hz * self.sample)
        # Two samples less: a crossing of noise may come a little early.
        self.shortest_window = (int(rate / parameters.highest_hz) - 2) * self.sample
        # Time for the background of a timed window.
        self.shortest_timed = self.shortest_timed_sets * self.sample
        self.longest_window = (int(rate / parameters.lowest_hz) + 1) * self.sample
        self.apparent_bits = 24
        self.quotient_bits = self.factor_bits - self.apparent_bits
        # Levels are as large as the low pass makes them.
        self.low_pass_gain = 1 << self.low_pass_bits
        self.settling = 16 * self.low_pass_gain * self.sample
        self.threshold = 1 << (LANE_BITS - 1 - parameters.crossing_threshold_log2 + self.low_pass_bits)
        self.large_dc = 1 << (LANE_BITS - 1 - self.large_dc_log2)
        self.unity = 1 << self.factor_bits
        self.one_gain = 1 << self.gain_bits
        self._filters()
        self._energies()
        self.harmonics = parameters.harmonics
        if self.harmonics:
            self._harmonics(parameters)
        for number, name in enumerate(INPUTS):
            setattr(self, name, parameters.lanes + number)

    def _energies(self):
        """Energies, and the pulses made of them."""
        self.half_word = 1 << WORD_BITS - 2
        # A power times a length has these bits behind the unit of an energy.
        self.fundamental_energy_bits = 2 * self.phasor_bits - 1 + self.time_bits
        self.apparent_energy_bits = 2 * self.mean_bits + self.time_bits
        # Times of pulses are finer than others; the delay is longer than two windows.
        self.fine_bits = 4
        self.fine = 1 << self.fine_bits
        self.pulse_delay = (2 * self.longest_window + 4 * self.sample) * self.fine
        self.pulse_spacing = 2 * self.sample * self.fine

    def _filters(self):
        """Interpolation between samples, and the circle."""
        table = interpolation_table()
        self.rows = table.phases
        self.row_bits = (table.phases - 1).bit_length()
        self.fraction_bits = self.time_bits
        self.one_row = 1 << self.fraction_bits
        # A row's sum of products keeps six bits behind the lane's least significant one.
        self.partial_bits = table.coefficient_bits - 6
        self.partial_unit = 1 << 6
        rows = tuple(entry for phase in range(table.phases + 1) for entry in table.row(phase))
        self.interpolate = Dot(rows, self.taps)
        # The sample that the phase correction makes lies this far back, and can be earlier by one.
        self.latency = self.taps // 2 + 1
        self.phasor_shift = self.factor_bits + self.point_bits - self.phasor_bits
        # A mean reactive power times a window's length, without what a word cannot hold.
        self.reactive_bits = 35
        # Active and reactive power as words of the same scale: the largest is 2 ** 34.
        self.vector_bits = 36
        self.reactive_vector_bits = self.vector_bits - 2 * (self.mean_bits - self.phasor_bits) - 1
        # A product with the stride h is with the cosine of order h; a quarter of the circle back, its sine.
        self.cosine = Dot(circle(POINTS, self.factor_bits), POINTS, start=0)
        self.sine = Dot(circle(POINTS, self.factor_bits), POINTS, start=3 * POINTS // 4)

    def _harmonics(self, parameters):
        """Windows of 10 or 12 cycles, and where their quantities are."""
        self.few_cycles, self.many_cycles = 10, 12
        # Of both, the one nearer to 200 ms: 22 cycles are as long as twice that.
        self.shortest_few = round(parameters.sample_rate_hz * 2 / 11 * self.sample)
        self.harmonic_channels = 2 * parameters.phases
        # A window is transformed in nine cycles, before the next one is complete.
        self.orders_a_cycle = -(-self.harmonic_channels * self.harmonics // 9)
        self.fold_stride = 2 * self.points
        self.fold_words = self.fold_stride << (self.harmonic_channels - 1).bit_length()
        # A product sum keeps two bits behind the lane's least significant one, and is half of the sum of the
        # cycles' peak values; the scale makes it their mean RMS value, with ``mean_bits``.
        self.fold_shift = self.factor_bits + self.point_bits - 2
        self.scale_bits = 33
        self.scale_of_few, self.scale_of_many = (
            isqrt(1 << 2 * (self.scale_bits + self.mean_bits - 2) + 1) // cycles
            for cycles in (self.few_cycles, self.many_cycles)
        )
        self.harmonic_power_bits = 2 * (LANE_BITS - 1 + self.mean_bits) - HARMONIC_POWER_FRACTION
        self.ratio_bits = RATIO_FRACTION
        self.largest_word = (1 << WORD_BITS - 1) - 1
        self.time_low_bits = TIME_LOW_BITS
        self.one_time_high = 1 << TIME_LOW_BITS
        # Sine and cosine of a third of a turn; sums of three are divided by four to fit in a word.
        self.three_phases = int(parameters.phases == 3)
        self.half = self.unity // 2
        self.sine_of_third = isqrt(3 * self.half**2)
        self.sequence_shift = self.factor_bits + 2
        self._harmonic_addresses(parameters)

    def _harmonic_addresses(self, parameters):
        """Where quantities of a window and of phase 0 are; an order's are counted from 1."""
        found = harmonic_addresses(parameters)
        self.window_at = {path[0]: address for path, address in found.items() if len(path) == 1}
        phase = {path[1]: address for path, address in found.items() if path[0] == "phase0"}
        self.amplitude_at = phase["v_amplitude"] - 1
        self.angle_at = phase["v_angle"] - 1
        self.active_at = phase["active"] - 1
        self.thd_at = phase["thd_v"]
        self.v_i_angle_at = phase["angle"]
        self.current_offset = phase["i_amplitude"] - phase["v_amplitude"]
        self.phase_stride = phase_stride(parameters)
