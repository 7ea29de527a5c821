"""What the metrology program and its engine are made for."""

from dataclasses import dataclass
from fractions import Fraction

__all__ = [
    "DELAY_RING",
    "INPUTS",
    "LANE_BITS",
    "LONGEST_CYCLE",
    "POINTS",
    "RING",
    "WIDE_BITS",
    "WORD_BITS",
    "MeteringParameters",
]

LANE_BITS = 28
"""Bits of a lane's sample in the engine; input words are aligned to its top."""

WORD_BITS = 36
"""Bits of a factor: two 18-bit multipliers wide, and one block RAM wide."""

WIDE_BITS = 108
"""Bits of a sum: three block RAMs wide."""

INPUTS = ("temperature", "magnet", "cover_main", "cover_terminal", "brown_out", "lost")
"""What the program can read beside the lanes of a sample set."""

POINTS = 128
"""Points of a cycle after resampling."""

RING = 512
"""Calibrated samples of a lane that are kept: the cycle that ended, and the one that runs."""

DELAY_RING = 64
"""Samples of a lane before the phase correction that are kept."""

LONGEST_CYCLE = (RING - DELAY_RING) // 2
"""Samples of the longest cycle: two of them, and what the filters need beside them, are in a ring."""


@dataclass(frozen=True, kw_only=True)
class MeteringParameters:
    """Parameters of the metering blocks.

    Parameters
    ----------
    phases : int
        Phases measured; phase *k* is voltage lane *k* with current lane *k*.
    lanes : int
        Input lanes, voltages first; a current lane more than there are phases is the neutral's.
    word_bits : int
        Bits of an input word, signed.
    sample_rate_hz : Fraction
        Sample sets a second.
    nominal_hz, lowest_hz, highest_hz : int
        Mains frequency.
    crossing_threshold_log2 : int
        A crossing counts if the voltage has been below minus full scale / 2 ** this before.
    harmonics : int
        Highest order measured, at most 50; 0 for none.
    rogowski : bool
        Currents come from Rogowski coils, and are integrated.
    pulse_outputs : int
        Pulse outputs, at most 4.

    Raises
    ------
    ValueError
        If a cycle of the lowest frequency, with what the filters need beside it, is longer than the longest
        ring, there are more harmonics than the points of a cycle can show, or too many pulse outputs.
    """

    phases: int
    lanes: int
    word_bits: int
    sample_rate_hz: Fraction
    nominal_hz: int
    lowest_hz: int
    highest_hz: int
    crossing_threshold_log2: int
    harmonics: int = 0
    rogowski: bool = False
    pulse_outputs: int = 2

    def __post_init__(self):
        cycle = self.sample_rate_hz / self.lowest_hz
        if cycle > LONGEST_CYCLE:
            raise ValueError(
                f"A cycle of the lowest frequency must last at most {LONGEST_CYCLE} samples "
                f"(= half of a ring of {RING} less {DELAY_RING}), not {float(cycle):g}"
            )
        if not 0 <= self.harmonics <= 50:
            raise ValueError(f"The highest order must be from 0 to 50, not {self.harmonics}")
        if not 0 <= self.pulse_outputs <= 4:
            raise ValueError(f"The pulse outputs must be from 0 to 4, not {self.pulse_outputs}")

    @property
    def alignment(self) -> int:
        """Bits by which an input word is shifted to the top of a lane."""
        return LANE_BITS - self.word_bits

    @property
    def neutral(self) -> bool:
        """Whether the neutral's current is measured."""
        return self.lanes > 2 * self.phases
