"""What the metrology program and its engine are made for, and the constants that follow from it."""

from dataclasses import dataclass
from fractions import Fraction
from math import pi

__all__ = ["LANE_BITS", "LONGEST_CYCLE", "WIDE_BITS", "WORD_BITS", "Constants", "MeteringParameters"]

LANE_BITS = 28
"""Bits of a lane's sample in the engine; input words are aligned to its top."""

WORD_BITS = 36
"""Bits of a factor: two 18-bit multipliers wide, and one block RAM wide."""

WIDE_BITS = 108
"""Bits of a sum: three block RAMs wide."""

LONGEST_CYCLE = (1 << WORD_BITS - LANE_BITS) - 3
"""Samples of the longest cycle: with two at its ends, their sum fits in a word."""


@dataclass(frozen=True, kw_only=True)
class MeteringParameters:
    """Parameters of the metering blocks.

    Parameters
    ----------
    phases : int
        Phases measured; phase *k* is voltage lane *k* with current lane *k*.
    lanes : int
        Input lanes, voltages first.
    word_bits : int
        Bits of an input word, signed.
    sample_rate_hz : Fraction
        Sample sets a second.
    nominal_hz, lowest_hz, highest_hz : int
        Mains frequency.
    crossing_threshold_log2 : int
        A crossing counts if the voltage has been below minus full scale / 2 ** this before.

    Raises
    ------
    ValueError
        If the longest window has so many samples that their sum does not fit in a word.
    """

    phases: int
    lanes: int
    word_bits: int
    sample_rate_hz: Fraction
    nominal_hz: int
    lowest_hz: int
    highest_hz: int
    crossing_threshold_log2: int

    def __post_init__(self):
        cycle = self.sample_rate_hz / self.lowest_hz
        if cycle > LONGEST_CYCLE:
            raise ValueError(
                f"A cycle of the lowest frequency must last at most {LONGEST_CYCLE} samples "
                f"(= {WORD_BITS} - {LANE_BITS} bits, and two at the ends), not {float(cycle):g}"
            )

    @property
    def history(self) -> int:
        """Sample sets that the history must hold: the longest window, and one on either side."""
        return int(self.sample_rate_hz / self.lowest_hz) + 4

    @property
    def alignment(self) -> int:
        """Bits by which an input word is shifted to the top of a lane."""
        return LANE_BITS - self.word_bits


class Constants:
    """Numbers that the metrology program uses, all integers.

    Times are in samples with ``time_bits`` fraction bits, phasors and angles have ``phasor_bits``, the
    weights of a split sample ``weight_bits``, window means and RMS values ``mean_bits`` behind a lane's
    least significant bit.
    """

    time_bits = 20
    weight_bits = 30
    phasor_bits = 34
    mean_bits = 7
    factor_bits = 30
    large_dc_log2 = 6
    dc_filter_bits = 3

    def __init__(self, parameters: MeteringParameters):
        rate = parameters.sample_rate_hz
        self.sample = 1 << self.time_bits
        self.sample_rate = round(rate * self.sample)
        self.nominal_window = round(rate / parameters.nominal_hz * self.sample)
        self.shortest_window = int(rate / parameters.highest_hz) * self.sample
        self.longest_window = (int(rate / parameters.lowest_hz) + 1) * self.sample
        self.half_mean = 1 << (self.mean_bits - 1)
        # 2π is held with 32 fraction bits; two means' product is shifted so that, times a length, it is
        # in lane units squared times samples; a power over two RMS values comes out with factor_bits.
        self.angle_bits = self.phasor_bits + self.time_bits - 32
        self.reactive_bits = 2 * self.mean_bits - 1 + self.time_bits
        self.apparent_bits = 24
        self.quotient_bits = self.factor_bits - self.apparent_bits
        self.threshold = 1 << (LANE_BITS - 1 - parameters.crossing_threshold_log2)
        self.large_dc = 1 << (LANE_BITS - 1 - self.large_dc_log2)
        self.unity = 1 << self.factor_bits
        self.one = 1 << self.phasor_bits
        self.two_pi = round(2 * pi * (1 << 32))
        self.minus_half = -self.one // 2
        # Taylor series of cosine and sine about 0: the angle of a sample is below 0.2 rad.
        self.cosine_4 = round(Fraction(self.one, 24))
        self.cosine_6 = -round(Fraction(self.one, 720))
        self.sine_3 = -round(Fraction(self.one, 6))
        self.sine_5 = round(Fraction(self.one, 120))
        self.sine_7 = -round(Fraction(self.one, 5040))
