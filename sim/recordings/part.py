"""The part of a recording that is measured, and the rule by which a recording may be repeated."""

__all__ = ["Ends", "Part", "ends", "part"]

import math
from dataclasses import dataclass

import numpy as np

from sim.recordings.fundamental import count_cycles, fit_fundamental
from sim.recordings.recording import LEAST_SECONDS, Recording
from sim.resample import BandLimited, FloatArray
from soc.errors import InputError

_FIT_CYCLES = 8
_MARGIN_CYCLES = 3


@dataclass(frozen=True)
class Ends:
    """How the end of a recording fits its start.

    ``cycles`` is the nearest whole number of mains cycles in the recording, ``excess_samples`` what it is
    longer than these, in samples. ``reason`` says why the ends do not fit, and is empty if they do.
    """

    frequency_hz: float | None
    cycles: int
    excess_samples: float
    reason: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """A stretch of a recording's time, with the recording repeated where it is longer.

    Parameters
    ----------
    recording:
        Where the samples come from.
    start_s, seconds:
        Start, counted from the recording's first sample, and length of the signal to feed to the chip. A
        repeated recording is fed three cycles longer than its repetitions, so that as many windows fit
        between crossings as the repetitions have cycles.
    repetitions:
        Whole repetitions to average over; 0 where the recording is not repeated.
    cycles:
        Mains cycles of one repetition; 0 where the recording is not repeated.
    """

    recording: Recording
    start_s: float
    seconds: float
    repetitions: int = 0
    cycles: int = 0

    @property
    def repeated(self) -> bool:
        """Whether the recording follows itself without end."""
        return self.repetitions > 0

    @property
    def end_s(self) -> float:
        """End of the signal, counted from the recording's first sample."""
        return self.start_s + self.seconds

    def lanes(self, chip_rate_hz: float) -> tuple[tuple[BandLimited, BandLimited], ...]:
        """Return voltage and current of each phase as band-limited signals of the recording's time."""
        recording = self.recording
        return tuple(
            (
                BandLimited(voltage, recording.rate_hz, chip_rate_hz, periodic=self.repeated),
                BandLimited(current, recording.rate_hz, chip_rate_hz, periodic=self.repeated),
            )
            for voltage, current in zip(recording.voltage_v, recording.current_a, strict=True)
        )

    def whole(self, boundaries_s: FloatArray) -> FloatArray:
        """Keep the window boundaries that enclose whole repetitions; all of them if nothing is repeated.

        Raises
        ------
        InputError
            If the windows do not fill one repetition.
        """
        if not self.repeated:
            return boundaries_s
        windows = min((len(boundaries_s) - 1) // self.cycles, self.repetitions) * self.cycles
        if windows <= 0:
            raise InputError(
                f"{self.recording.path}: {max(0, len(boundaries_s) - 1)} windows do not fill a repetition of "
                f"{self.cycles} cycles; one window a cycle is needed"
            )
        return boundaries_s[: windows + 1]


def part(recording: Recording, start_s: float | None = None, seconds: float | None = None) -> Part:
    """Choose what is measured: all of a recording, a part of it, or more than it holds.

    Without ``seconds`` the part ends with the recording. With more than the recording still holds, the
    recording as a whole is repeated if its ends fit; then the part covers as many whole repetitions as
    ``seconds`` hold, at least one.

    Raises
    ------
    InputError
        If the start lies outside the recording, less than 50 ms are asked for, or more is asked for than
        the recording holds and its ends do not fit.
    """
    start = 0.0 if start_s is None else start_s
    duration = recording.duration_s
    if not 0 <= start < duration:
        raise InputError(
            f"{recording.path}: --start {start:g} lies outside the recording; "
            f"it must be from 0 to {duration:.6g} s"
        )
    slack = 0.5 / recording.rate_hz
    wanted = duration - start if seconds is None else seconds
    if not LEAST_SECONDS <= wanted < math.inf:
        raise InputError(
            f"{recording.path}: {wanted:.6g} s from --start {start:g} on are too short; at least "
            f"{LEAST_SECONDS:g} s are needed"
        )
    if start + wanted <= duration + slack:
        return Part(recording=recording, start_s=start, seconds=min(wanted, recording.span_s - start))
    fit = ends(recording)
    if fit.reason:
        raise InputError(
            f"{recording.path}: holds {duration - start:.6g} s from --start {start:g} on, {wanted:g} s were "
            f"asked for, and it cannot be repeated: {fit.reason}"
        )
    repetitions = max(1, int((wanted + slack) / duration))
    feed = repetitions * duration + _MARGIN_CYCLES * duration / fit.cycles
    return Part(recording=recording, start_s=start, seconds=feed, repetitions=repetitions, cycles=fit.cycles)


def ends(recording: Recording) -> Ends:
    """Judge whether a recording can follow itself.

    Its ends fit if the fundamental of the first voltage, fitted to up to 8 cycles at either end, is in the
    same phase at the start and one interval after the last sample, within one sample; and if no lane jumps
    at the seam by more than twice the largest step between neighbours elsewhere in that lane.
    """
    rate = recording.rate_hz
    voltage = recording.voltage_v[0]
    rough = fit_fundamental(voltage[: min(voltage.size, int(_FIT_CYCLES * rate / 50))], rate)
    if rough is None:
        return Ends(None, 0, 0.0, "its voltage has no mains frequency")
    length = min(voltage.size, round(_FIT_CYCLES * rate / rough.frequency_hz))
    head, tail = fit_fundamental(voltage[:length], rate), fit_fundamental(voltage[-length:], rate)
    if head is None or tail is None:
        return Ends(None, 0, 0.0, "its voltage has no mains frequency at one of its ends")
    frequency = (head.frequency_hz + tail.frequency_hz) / 2
    cycles = round(count_cycles(voltage, rate, frequency))
    turn = (tail.angle(length / rate) - head.angle(0.0)) / (2 * np.pi)
    excess = (turn - round(turn)) * rate / frequency
    reason = ""
    if cycles < 1:
        reason = "it holds less than one mains cycle"
    elif abs(excess) > 1:
        more = "longer" if excess > 0 else "shorter"
        reason = (
            f"its ends do not fit, as it is {abs(excess):.2f} samples {more} than whole cycles of "
            f"{frequency:.4f} Hz (at most one sample)"
        )
    else:
        names = (*recording.voltage_names, *recording.current_names)
        lanes = (*recording.voltage_v, *recording.current_a)
        for name, lane in zip(names, lanes, strict=True):
            jump, largest = abs(float(lane[0] - lane[-1])), float(np.abs(np.diff(lane)).max())
            if jump > 2 * largest:
                reason = (
                    f"its ends do not fit, as '{name}' jumps by {jump:.4g} from the last to the first sample "
                    f"(at most {2 * largest:.4g}, twice its largest step elsewhere)"
                )
                break
    return Ends(frequency, cycles, excess, reason)
