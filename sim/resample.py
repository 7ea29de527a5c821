"""Band-limited resampling: a uniform recording as a signal that has a value at any time."""

__all__ = ["FLAT_TO", "BandLimited", "FloatArray", "Signal"]

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates, spline_filter1d
from scipy.signal import oaconvolve

FloatArray = npt.NDArray[np.floating]

Signal = Callable[[FloatArray], FloatArray]

FLAT_TO = 0.431
"""Highest frequency that passes unchanged, as a fraction of the slower of the two rates."""

_HALF_WIDTH = 64.0
_BETA = 11.0
_CUTOFF = 0.47
_GRID = 10.0
_SPLINE = 5
_GUARD = 40


class BandLimited:
    """A recording, band-limited as a converter of the chip's rate must have it, at any time.

    Let r be the slower of the recording's and the chip's rate. A sinc with its cut-off at 0.47 r, under a
    Kaiser window with β = 11 over ±64 / r seconds, carries the samples onto a grid of 10 r or more. The taps
    of each phase of that grid are divided by their sum, so that a constant stays exactly what it is. A
    quintic spline through the grid is the signal: the converter and the float64 reference evaluate the same
    one, wherever they need it.

    The gain is flat within 0.0005 % to 0.3125 r (2.5 kHz at 8 kS/s) and within 0.001 % to 0.431 r
    (3.45 kHz), and below 0.0005 % from r / 2 on, so that nothing folds back.

    Parameters
    ----------
    samples:
        Evenly spaced values, the first at time 0.
    rate_hz, chip_rate_hz:
        Rates of the recording and of the converter.
    periodic:
        Whether the recording follows itself without end. Otherwise it is continued beyond its ends by
        reflection in the point of the end sample, which keeps value and slope: within 64 / r seconds of an
        end the signal depends on that.

    Raises
    ------
    ValueError
        If there are fewer than two samples, a value is not finite, or a rate is not positive; when called,
        if a time lies more than 64 / r seconds outside a recording that is not periodic.
    """

    def __init__(
        self, samples: FloatArray, rate_hz: float, chip_rate_hz: float, periodic: bool = False
    ) -> None:
        samples = np.asarray(samples, dtype=np.float64)
        if samples.ndim != 1 or samples.size < 2:
            raise ValueError(f"Samples must be an array of two values or more, not of shape {samples.shape}")
        if not np.isfinite(samples).all():
            raise ValueError("Samples must be finite numbers")
        for rate in (rate_hz, chip_rate_hz):
            if not 0 < rate < math.inf:
                raise ValueError(f"Rates must be positive numbers of hertz, not {rate!r}")
        slower = min(rate_hz, chip_rate_hz)
        self._periodic = periodic
        self._period_s = samples.size / rate_hz
        self._span_s = (samples.size - 1) / rate_hz
        self._margin_s = _HALF_WIDTH / slower

        phases = max(1, math.ceil(_GRID * slower / rate_hz))
        stride = max(1, math.floor(phases * rate_hz / (_GRID * slower)))
        taps = math.ceil(self._margin_s * rate_hz)
        guard = math.ceil(_GUARD / phases * stride) + 1
        reach = guard + (0 if periodic else taps)
        padded = _extended(samples, reach + taps, periodic)
        grid = np.empty((samples.size + 2 * reach, phases))
        for phase in range(phases):
            kernel = _kernel(np.arange(-taps, taps + 1) + phase / phases, rate_hz, slower)
            grid[:, phase] = oaconvolve(padded, kernel, mode="valid")
        self._origin_s = -reach / rate_hz
        self._grid_rate_hz = phases * rate_hz / stride
        self._spline = spline_filter1d(grid.ravel()[::stride], order=_SPLINE, mode="mirror")

    @property
    def periodic(self) -> bool:
        """Whether the signal repeats without end."""
        return self._periodic

    @property
    def span_s(self) -> float:
        """Time of the recording's last sample."""
        return self._span_s

    def __call__(self, times_s: FloatArray) -> FloatArray:
        """Return the signal's value at each time."""
        times = np.asarray(times_s, dtype=np.float64)
        if self._periodic:
            times = np.mod(times, self._period_s)
        elif times.size and not (
            times.min() >= -self._margin_s and times.max() <= self._span_s + self._margin_s
        ):
            raise ValueError(
                f"Times must be from {-self._margin_s:g} to {self._span_s + self._margin_s:g} s, "
                f"not from {times.min():g} to {times.max():g} s"
            )
        where = (times - self._origin_s) * self._grid_rate_hz
        return map_coordinates(
            self._spline, where.reshape(1, -1), order=_SPLINE, mode="mirror", prefilter=False
        ).reshape(times.shape)


def _kernel(offsets: FloatArray, rate_hz: float, slower_hz: float) -> FloatArray:
    """Return normalised taps for offsets in samples of the recording."""
    position = offsets * (slower_hz / rate_hz)
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1.0 - (position / _HALF_WIDTH) ** 2)))
    window[np.abs(position) > _HALF_WIDTH] = 0.0
    taps = np.sinc(2 * _CUTOFF * position) * window
    return taps / taps.sum()


def _extended(samples: FloatArray, count: int, periodic: bool) -> FloatArray:
    if periodic:
        return np.pad(samples, count, mode="wrap")
    return np.pad(samples, count, mode="reflect", reflect_type="odd")
