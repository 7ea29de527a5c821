"""Second-order ΔΣ modulators: the bits that the front end takes in, of any band-limited signal."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtl.metering.filters import CIC_ORDER

from .native import library
from .resample import FloatArray

__all__ = ["FLAT_TO", "STABLE_TO", "DeltaSigma", "cic_values"]

STABLE_TO = 0.9
"""Largest magnitude of a signal, against full scale, that is modulated without overload."""

FLAT_TO = 0.4
"""Highest frequency of a signal that is interpolated within 0.0005 %, as a fraction of its rate."""

_SOURCE = Path(__file__).with_suffix(".cpp")
_TAPS, _PHASES, _BETA = 48, 512, 12.0
_LIMIT = 32.0
_LANES = 8
_DOUBLES = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
_INTEGERS = np.ctypeslib.ndpointer(np.int64, flags="C_CONTIGUOUS")
_BYTES = np.ctypeslib.ndpointer(np.uint8, flags="C_CONTIGUOUS")


class DeltaSigma:
    """Modulators of several lanes, in step.

    A period's bit is 1 if s2 is not negative, and fed back as y = ±1: with the input x, ``s1 += x - y`` and
    then ``s2 += s1 - 1.5 y``. Full scale is 1: a constant x has a fraction (1 + x) / 2 of ones. As with any
    modulator of one bit the gain depends a little on amplitude and frequency: at 3.2 kHz and 4.096 MHz it is
    within 0.002 % up to 0.8 of full scale.

    Beyond `STABLE_TO` the two sums grow and are held at ±32. The bits are then no longer those of the signal,
    and come back to it by themselves.

    The signal comes as samples of a rate of its own and is interpolated to the modulators' (48 taps of a sinc
    under a Kaiser window with β = 12): it must hold nothing above `FLAT_TO` of its rate. Its first value is
    taken to have been there for ever.

    Parameters
    ----------
    lanes : int
        Modulators, 1 to 8.
    ratio : Fraction or int
        The modulators' rate divided by the signal's.

    Raises
    ------
    ValueError
        If there are more than 8 lanes, or the modulators are slower than the signal.
    """

    def __init__(self, *, lanes: int, ratio: Fraction | int):
        if not 1 <= lanes <= _LANES:
            raise ValueError(f"There must be 1 to {_LANES} modulators, not {lanes}")
        if ratio < 1:
            raise ValueError(f"The modulators must be at least as fast as their signal, not {ratio} times")
        self._ratio = Fraction(ratio)
        self._state = np.zeros((lanes, 2))
        self._place = np.zeros(2, np.int64)
        self._signal: FloatArray | None = None

    def bits(self, signal: FloatArray) -> npt.NDArray[np.uint8]:
        """Go on with the signal (samples by lanes); returns one byte a period, bit k for lane k.

        The first bit of all belongs to the first sample. The last 24 samples are kept until others follow.
        """
        lanes = len(self._state)
        samples = np.asarray(signal, np.float64).reshape(-1, lanes)
        if self._signal is None:
            self._signal = np.repeat(samples[:1], _TAPS // 2 - 1, axis=0)
        samples = np.concatenate([self._signal, samples])
        room = int((len(samples) + 1) * self._ratio) + 1
        bits = np.empty(room, np.uint8)
        count = _modulate()(
            np.ascontiguousarray(samples.T),
            len(samples),
            lanes,
            _table(),
            _PHASES,
            _TAPS,
            self._ratio.numerator,
            self._ratio.denominator,
            _LIMIT,
            self._place,
            self._state,
            bits,
        )
        used = min(int(self._place[0]), len(samples))
        self._place[0] -= used
        self._signal = samples[used:]
        return bits[:count].copy()


def cic_values(bits: npt.NDArray[np.uint8], *, lanes: int, decimation: int) -> npt.NDArray[np.int64]:
    """What the CIC decimator makes of the bits from its reset on: values of each set by lanes."""
    values = np.empty((len(bits) // decimation, lanes), np.int64)
    for lane in range(lanes):
        sums = 2 * (bits >> lane & 1).astype(np.int64) - 1
        for _ in range(CIC_ORDER):
            np.cumsum(sums, out=sums)
        last = sums[decimation - 1 :: decimation]
        for _ in range(CIC_ORDER):
            last = np.diff(last, prepend=0)
        values[:, lane] = last
    return values


@cache
def _table() -> FloatArray:
    """Rows of the interpolator, one for each phase, and one more for interpolation between rows."""
    times = np.arange(_TAPS) - (_TAPS // 2 - 1) - np.arange(_PHASES + 1)[:, None] / _PHASES
    window = np.i0(_BETA * np.sqrt(np.maximum(0, 1 - (2 * times / _TAPS) ** 2)))
    rows = np.where(times == np.rint(times), times == 0, np.sinc(times)) * window
    return np.ascontiguousarray(rows / rows.sum(axis=1, keepdims=True))


@cache
def _modulate() -> Callable[..., int]:
    function = library(_SOURCE.read_text(), "delta_sigma").delta_sigma_bits
    number, count = ctypes.c_int, ctypes.c_int64
    function.argtypes = [
        *(_DOUBLES, count, number, _DOUBLES, number, number, count, count, ctypes.c_double),
        *(_INTEGERS, _DOUBLES, _BYTES),
    ]
    function.restype = count
    return function
