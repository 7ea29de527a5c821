"""Recordings whose converter was clipped: flat tops that no voltage or current has by itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .recording import Recording

__all__ = ["clipped"]

_LEAST_RUN = 3
_LEAST = 2 * _LEAST_RUN
_STEPS = 4
_NEAR_ZERO = 0.05


def clipped(recording: Recording) -> tuple[str, ...]:
    """A sentence for each channel that was clipped: samples in a row at its largest or smallest value.

    A rounded peak comes there in steps of the converter; a clipped one jumps there. A value near zero is
    none that a converter clips at.
    """
    names = [*recording.voltage_names, *recording.current_names]
    channels = [*recording.voltage_v, *recording.current_a]
    found = []
    for name, values in zip(names, channels, strict=True):
        count = _flat(values) + _flat(-values)
        if count >= _LEAST:
            found.append(
                f"The recording is clipped: {count} samples of channel {name!r} are in flat tops; readings "
                "are of the clipped signal."
            )
    return tuple(found)


def _flat(values: npt.NDArray[np.float64]) -> int:
    """Samples in flat tops at the largest value."""
    top, span = values.max(), np.ptp(values)
    if span == 0 or abs(top) <= _NEAR_ZERO * span:
        return 0
    step = np.percentile(np.diff(np.unique(values)), 25)
    padded = np.concatenate([[False], values == top, [False]])
    starts, ends = np.flatnonzero(padded[1:] > padded[:-1]), np.flatnonzero(padded[1:] < padded[:-1])
    total = 0
    for start, end in zip(starts, ends, strict=True):
        inside = start > 0 and end < len(values)
        if inside and end - start >= _LEAST_RUN:
            jump = top - max(values[start - 1], values[end])
            total += int(end - start) * bool(jump > _STEPS * step)
    return total
