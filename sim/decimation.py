"""From modulator bits to 28-bit samples, in the integers of the CIC decimator and the decimation filter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtl.metering.filters import CIC_ORDER, decimation_taps
from rtl.metering.parameters import LANE_BITS

from .adc import Codes
from .delta_sigma import cic_values

__all__ = ["Decimation", "decimate"]

_LIMIT = 1 << LANE_BITS - 1
_CHUNK = 1 << 20


class Decimation:
    """The decimators of several lanes, which go on from call to call.

    Parameters
    ----------
    lanes : int
        Lanes, 1 to 8.
    cic_decimation : int
        Modulator periods of a CIC value; a sample takes two values.
    """

    def __init__(self, *, lanes: int, cic_decimation: int):
        self._lanes, self._decimation = lanes, cic_decimation
        self._filter = decimation_taps(cic_decimation)
        self._bits = np.empty(0, np.uint8)
        self._values = np.zeros((len(self._filter.taps) - 1, lanes), np.int64)

    def samples(self, bits: npt.NDArray[np.uint8]) -> Codes:
        """Go on with the bits, one byte a modulator period and bit k for lane k; samples by lanes."""
        chunks = (self._cic(bits[first : first + _CHUNK]) for first in range(0, len(bits), _CHUNK))
        values = np.concatenate([self._values, *chunks])
        codes = decimate(values, self._filter.taps, self._filter.shift)
        self._values = values[2 * len(codes.values) :]
        return codes

    def _cic(self, bits: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """The next values. One depends on the bits of ``CIC_ORDER`` sets, so the first ones are left out."""
        bits = np.concatenate([self._bits, bits])
        values = cic_values(bits, lanes=self._lanes, decimation=self._decimation)[CIC_ORDER:]
        self._bits = bits[len(values) * self._decimation :]
        return values


def decimate(values: npt.NDArray[np.int64], taps: Sequence[int], shift: int) -> Codes:
    """What the decimation filter makes of CIC values by lanes, the first ones being history.

    A sample for every two sets after the first ``len(taps) - 1``. The sums must fit in 64 bits.
    """
    count = max(0, (len(values) - len(taps) + 1) // 2)
    sums = np.full((count, values.shape[1]), 1 << shift - 1, np.int64)
    for k, tap in enumerate(taps):
        newest = len(taps) - k
        sums += tap * values[newest : newest + 2 * count : 2]
    rounded = sums >> shift
    samples = np.clip(rounded, -_LIMIT, _LIMIT - 1)
    return Codes(samples, int(np.count_nonzero(samples != rounded)))
