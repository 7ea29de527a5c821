"""Readings computed in float64 from the analogue signals: the truth that the chip is held against."""

__all__ = ["checked_boundaries", "mains_frequency", "quadrature", "reference", "sine_power"]

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.readings import Readings
from sim.recordings.fundamental import fit_fundamental
from sim.resample import FloatArray, Signal

_PANEL_S = 125e-6
_NODES = 8
_RISE_POINTS = 1001
_CHUNK = 1 << 20
_ROUNDING = 1e-12


def reference(
    voltage: Signal,
    current: Signal,
    boundaries_s: FloatArray,
    *,
    synchronised: npt.NDArray[np.bool_] | None = None,
    frequency_hz: float | None = None,
    panel_s: float = _PANEL_S,
) -> Readings:
    """Measure voltage and current over gapless windows.

    Each window is cut into panels of at most ``panel_s``, and each panel integrated with the Gauss-Legendre
    rule of 8 nodes, exact for polynomials to degree 15. The fastest product of two signals below 4 kHz turns
    once in a default panel; the rule's error for that is below 1e-9. So integrals run from any time to any
    other, without a grid that the boundaries would have to meet.

    Per window: the means, the mean squares and the mean product without them, and the phasors of the
    fundamental, whose period is the window. The interval's quantities are means over the windows, weighted
    with their lengths; energy counts as import or export by the sign of each window's energy.

    Parameters
    ----------
    voltage, current:
        The band-limited analogue signals in volts and amperes.
    boundaries_s:
        n + 1 rising times that enclose n windows, such as the zero crossings that the chip used.
    synchronised:
        Which of the windows are mains cycles; all of them by default. The fundamental reactive power is a
        mean over these. Without any it has no value, nor has the power factor.
    frequency_hz:
        Frequency of the voltage over the interval, measured on the signal itself: the windows are the
        chip's, and would only give the chip's frequency back. None if there is none.
    panel_s:
        Longest panel; shorter ones for signals with parts above 4 kHz.

    Raises
    ------
    ValueError
        If there are fewer than two boundaries, they do not rise, or the panel is not positive.
    """
    bounds = checked_boundaries(boundaries_s)
    cycles = np.ones(bounds.size - 1, bool) if synchronised is None else np.asarray(synchronised, bool)
    if cycles.shape != (bounds.size - 1,):
        raise ValueError(f"{bounds.size - 1} windows need as many flags, not {cycles.size}")
    if not panel_s > 0:
        raise ValueError(f"A panel must last a positive time, not {panel_s!r}")
    windows = _windows(voltage, current, bounds, panel_s)
    lengths = np.diff(bounds)
    share = lengths / lengths.sum()

    vrms, irms = float(np.sqrt(share @ windows.v_square)), float(np.sqrt(share @ windows.i_square))
    active = float(share @ windows.active)
    apparent = vrms * irms
    energies = windows.active * lengths / 3600
    any_cycle = bool(cycles.any())
    return Readings(
        vrms_v=vrms,
        irms_a=irms,
        active_w=active,
        reactive_var=_mean(windows.reactive[cycles], share[cycles]) if any_cycle else None,
        apparent_va=apparent,
        power_factor=active / apparent if any_cycle and apparent > 0 else None,
        frequency_hz=frequency_hz,
        energy_import_wh=float(energies[energies > 0].sum()),
        energy_export_wh=float(np.abs(energies[energies < 0]).sum()),
        v_dc=float(share @ windows.v_mean),
        i_dc=float(share @ windows.i_mean),
    )


def checked_boundaries(boundaries_s: FloatArray) -> FloatArray:
    """Return the boundaries as an array; raises `ValueError` unless they are two or more rising times."""
    bounds = np.asarray(boundaries_s, dtype=np.float64)
    if bounds.ndim != 1 or bounds.size < 2 or not (np.diff(bounds) > 0).all():
        raise ValueError("Boundaries must be two or more rising times")
    return bounds


def quadrature(bounds: FloatArray, panel_s: float = _PANEL_S) -> tuple[FloatArray, FloatArray]:
    """Return where to evaluate a window, as fractions of it, and the weights of a mean over it."""
    panels = int(np.ceil(np.diff(bounds).max() / panel_s))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    turn = ((nodes + 1) / 2 + np.arange(panels)[:, None]).ravel() / panels
    return turn, np.tile(weights / 2 / panels, panels)


def _mean(values: FloatArray, weights: FloatArray) -> float:
    return float(np.average(values, weights=weights))


def sine_power(
    vrms_v: float,
    irms_a: float,
    lag_deg: float,
    *,
    frequency_hz: float,
    start_deg: float,
    interval_s: tuple[float, float],
) -> float:
    """Mean active power of a sine of voltage and a lagging one of current, in closed form.

    Parameters
    ----------
    vrms_v, irms_a, lag_deg, frequency_hz:
        Of the sines.
    start_deg:
        Angle of the voltage at time 0.
    interval_s:
        Where the mean is taken, from any time to any other.
    """
    start, end = interval_s
    turn = 2 * math.pi * frequency_hz
    lag, offset = math.radians(lag_deg), math.radians(start_deg)
    swing = math.sin(2 * (turn * end + offset) - lag) - math.sin(2 * (turn * start + offset) - lag)
    return vrms_v * irms_a * (math.cos(lag) - swing / (2 * turn * (end - start)))


def mains_frequency(voltage: Signal, start_s: float, end_s: float) -> float | None:
    """Frequency of a voltage: whole cycles between its first and its last rising crossing of an interval.

    How many cycles these are follows from a fit of the fundamental, so that neither harmonics nor the
    chip's own count can lead astray. None without a fundamental.
    """
    samples = voltage(np.arange(start_s, end_s, _PANEL_S))
    fit = fit_fundamental(samples, 1 / _PANEL_S)
    if fit is None:
        return None
    mean = float(samples.mean())
    period_s = 1 / fit.frequency_hz
    first = _rise(voltage, mean, start_s, start_s + np.linspace(-0.02, 1, _RISE_POINTS) * period_s)
    last = _rise(voltage, mean, end_s, end_s + np.linspace(-1, 0.02, _RISE_POINTS) * period_s)
    if first is None or last is None or last <= first:
        return None
    return round((last - first) * fit.frequency_hz) / (last - first)


def _rise(voltage: Signal, mean: float, near_s: float, times: FloatArray) -> float | None:
    """The rising crossing of the mean within ``times`` that is nearest to ``near_s``."""
    values = voltage(times) - mean
    rises = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    if not rises.size:
        return None
    part = values[rises] / (values[rises] - values[rises + 1])
    crossings = times[rises] + part * (times[1] - times[0])
    return float(crossings[np.argmin(np.abs(crossings - near_s))])


@dataclass(frozen=True, eq=False)
class _Windows:
    """Moments of each window; squares and products are about the window's means."""

    v_mean: FloatArray
    i_mean: FloatArray
    v_square: FloatArray
    i_square: FloatArray
    active: FloatArray
    reactive: FloatArray


def _windows(voltage: Signal, current: Signal, bounds: FloatArray, panel_s: float) -> _Windows:
    turn, weight = quadrature(bounds, panel_s)
    phasor = np.exp(-2j * np.pi * turn) * weight

    count = bounds.size - 1
    moments = np.empty((6, count))
    step = max(1, _CHUNK // turn.size)
    for first in range(0, count, step):
        edges = bounds[first : first + step + 1]
        times = edges[:-1, None] + np.diff(edges)[:, None] * turn
        v, i = voltage(times.ravel()).reshape(times.shape), current(times.ravel()).reshape(times.shape)
        v_mean, i_mean = v @ weight, i @ weight
        v, i = _centred(v, v_mean), _centred(i, i_mean)
        moments[:, first : first + step] = (
            v_mean,
            i_mean,
            v**2 @ weight,
            i**2 @ weight,
            (v * i) @ weight,
            2 * ((v @ phasor) * np.conj(i @ phasor)).imag,
        )
    return _Windows(*moments)


def _centred(values: FloatArray, mean: FloatArray) -> FloatArray:
    """Take the mean off each window; what is left of a constant is rounding, and becomes zero."""
    centred = values - mean[:, None]
    centred[np.abs(centred).max(axis=1) <= _ROUNDING * np.abs(mean)] = 0.0
    return centred
