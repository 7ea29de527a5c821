"""Pulses of an output: when they come, and how even they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rtl.metering.microcode import Port
from rtl.metering.quantities import TIME_FRACTION

from .compiled_model import values
from .resample import FloatArray

__all__ = ["jitter", "pulse_times"]


_PULSE: Any = Port.PULSE  # an Amaranth enumeration


def pulse_times(sent: np.ndarray, output: int) -> FloatArray:
    """Times of an output's pulses in what was sent, in sample periods from the first sample set."""
    chosen = sent[(sent["port"] == _PULSE.value) & (sent["address"] == output)]
    fractions = np.array(values(chosen), float) / (1 << TIME_FRACTION)
    return chosen["set"] + fractions


def jitter(edges: npt.ArrayLike, period: float) -> float:
    """How far the spacings of edges are from their period: root of the mean square, relative to it."""
    return float(np.sqrt(np.mean((np.diff(np.asarray(edges, float)) / period - 1) ** 2)))
