"""The sampling rate that a column of times shows, and the check that it is even."""

__all__ = ["fit_rate"]

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sim.resample import FloatArray
from soc.errors import InputError

_STEP_SLACK = 0.25
_DRIFT_SLACK = 0.1
_LATEST_S = 1e12
_LEAST_STEP_S = 1e-12


def fit_rate(path: Path, times_s: FloatArray, resolution_s: float, place: Callable[[int], str]) -> float:
    """Fit one rate to the times of all samples.

    The times may be rounded to steps as coarse as the sampling interval or coarser: the least-squares line
    through n of them is good to about ``resolution_s / n**1.5`` a step all the same.

    Parameters
    ----------
    path:
        The file, for the sentence of an error.
    times_s:
        Times of all samples in seconds, two or more.
    resolution_s:
        The step to which the file rounds its times.
    place:
        Names a row in the file's own terms.

    Raises
    ------
    InputError
        If a time is no number or beyond 1e12 s, the common step is below 1e-12 s, or a time does not follow
        its predecessor by that step within the rounding and a quarter of a step, or leaves the fitted line
        by more than the rounding and a tenth of a step.
    """
    far = ~(np.abs(times_s) <= _LATEST_S)
    if far.any():
        index = int(np.argmax(far))
        raise InputError(
            f"{path}: the time at {place(index)} is {times_s[index]:g} s; it must be a number, "
            f"at most {_LATEST_S:g} s"
        )
    steps = np.diff(times_s)
    typical = float(np.median(steps))
    close = np.abs(steps - typical) <= resolution_s + _STEP_SLACK * abs(typical)
    step = float(steps[close].mean())
    if step <= 0:
        raise InputError(
            f"{path}: the times do not rise from {place(0)} on; each sample needs a later time than the one "
            f"before"
        )
    if step < _LEAST_STEP_S:
        raise InputError(
            f"{path}: the times from {place(0)} on rise by {step:g} s a sample; "
            f"at least {_LEAST_STEP_S:g} s are needed"
        )
    uneven = np.abs(steps - step) > resolution_s + _STEP_SLACK * step
    if uneven.any():
        index = int(np.argmax(uneven)) + 1
        raise InputError(
            f"{path}: {place(index)} is {steps[index - 1] * 1e6:.6g} µs after the sample before it, where "
            f"the others are {step * 1e6:.6g} µs apart; samples must be evenly spaced"
        )
    index_axis = np.arange(times_s.size) - (times_s.size - 1) / 2
    middle = float(times_s.mean())
    slope = float(index_axis @ (times_s - middle) / (index_axis @ index_axis))
    residual = np.abs(times_s - middle - slope * index_axis)
    worst = int(np.argmax(residual))
    if residual[worst] > resolution_s + _DRIFT_SLACK * slope:
        raise InputError(
            f"{path}: the time at {place(worst)} is {residual[worst] * 1e6:.6g} µs off an even spacing of "
            f"{slope * 1e6:.6g} µs; the rate must not change within a recording"
        )
    return 1.0 / slope
