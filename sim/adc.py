"""A converter from volts or amperes to signed codes, ideal unless asked, and its standard ranges."""

__all__ = ["CURRENT_RANGES_A", "VOLTAGE_RANGES_V", "Adc", "Codes", "standard_range"]

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.resample import FloatArray, Signal
from soc.errors import InputError


def _series(first: float, decades: int) -> tuple[float, ...]:
    return tuple(first * step * 10.0**decade for decade in range(decades) for step in (1, 2.5, 5))


VOLTAGE_RANGES_V = _series(100.0, 4)
CURRENT_RANGES_A = _series(1.0, 5)


@dataclass(frozen=True, eq=False)
class Codes:
    """Converted samples, and how many of them were clipped at the ends of the range."""

    values: npt.NDArray[np.int64]
    clipped: int


@dataclass(frozen=True, kw_only=True)
class Adc:
    """One lane's converter.

    The code of a value x is ``x / full_scale · 2^(width−1)``, rounded to nearest with ties to even, and
    clipped to the signed range of ``width`` bits: plus full scale itself is one code too much.

    Parameters
    ----------
    full_scale:
        Peak volts or amperes of the range.
    width:
        Bits of a code, sign included.
    gain:
        Factor on the input, ideally 1.
    offset:
        Added to the input after the gain, in volts or amperes.
    delay_s:
        Time by which the input is late; a phase error of 360° · frequency · delay_s.
    noise_lsb:
        Root mean square of white Gaussian noise, in codes.
    seed:
        Seed of the noise: the same seed gives the same noise in every call.

    Raises
    ------
    TypeError
        If the width is no integer.
    ValueError
        If the full scale is not positive, the width not from 2 to 53, or the noise negative.
    """

    full_scale: float
    width: int = 24
    gain: float = 1.0
    offset: float = 0.0
    delay_s: float = 0.0
    noise_lsb: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.full_scale < math.inf:
            raise ValueError(f"Full scale must be a positive number, not {self.full_scale!r}")
        if not isinstance(self.width, int):
            raise TypeError(f"Width must be an integer, not {self.width!r}")
        if not 2 <= self.width <= 53:
            raise ValueError(f"Width must be from 2 to 53 bits, not {self.width}")
        if not 0 <= self.noise_lsb < math.inf:
            raise ValueError(f"Noise must be a number of codes, zero or positive, not {self.noise_lsb!r}")

    @property
    def lsb(self) -> float:
        """Volts or amperes of one code."""
        return self.full_scale / 2.0 ** (self.width - 1)

    def convert(self, signal: Signal, times_s: FloatArray) -> Codes:
        """Sample a signal at the given times.

        The signal must already be band-limited to half the sampling rate.
        """
        times = np.asarray(times_s, dtype=np.float64)
        values = (signal(times - self.delay_s) * self.gain + self.offset) / self.lsb
        if self.noise_lsb:
            values = values + np.random.default_rng(self.seed).normal(0.0, self.noise_lsb, values.shape)
        rounded = np.rint(values)
        top = 2.0 ** (self.width - 1)
        clipped = int(np.count_nonzero((rounded < -top) | (rounded > top - 1)))
        return Codes(np.clip(rounded, -top, top - 1).astype(np.int64), clipped)


def standard_range(peak: float, ranges: Sequence[float], unit: str) -> float:
    """Return the smallest of the ranges that holds a peak without clipping at 24 bits.

    Raises
    ------
    InputError
        If the peak is beyond the largest range.
    """
    for full_scale in ranges:
        if peak <= full_scale * (1 - 2.0**-23):
            return full_scale
    raise InputError(
        f"a peak of {peak:.6g} {unit} is beyond the largest range, {ranges[-1]:g} {unit}; "
        f"give a full scale with {'--v-max' if unit == 'V' else '--i-max'}"
    )
