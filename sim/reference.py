"""Readings computed in float64 from the analogue signals: the truth that the chip is held against."""

__all__ = ["reference"]

from dataclasses import dataclass

import numpy as np

from sim.readings import Readings
from sim.resample import FloatArray, Signal

_PANEL_S = 125e-6
_NODES = 8
_CHUNK = 1 << 20
_ROUNDING = 1e-12


def reference(
    voltage: Signal,
    current: Signal,
    boundaries_s: FloatArray,
    *,
    crossings: bool = True,
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
    crossings:
        Whether the windows are mains cycles. On a dead line they are not: frequency, fundamental reactive
        power and power factor then have no value.
    panel_s:
        Longest panel; shorter ones for signals with parts above 4 kHz.

    Raises
    ------
    ValueError
        If there are fewer than two boundaries, they do not rise, or the panel is not positive.
    """
    bounds = np.asarray(boundaries_s, dtype=np.float64)
    if bounds.ndim != 1 or bounds.size < 2 or not (np.diff(bounds) > 0).all():
        raise ValueError("Boundaries must be two or more rising times")
    if not panel_s > 0:
        raise ValueError(f"A panel must last a positive time, not {panel_s!r}")
    windows = _windows(voltage, current, bounds, panel_s)
    lengths = np.diff(bounds)
    share = lengths / lengths.sum()

    vrms, irms = float(np.sqrt(share @ windows.v_square)), float(np.sqrt(share @ windows.i_square))
    active = float(share @ windows.active)
    apparent = vrms * irms
    energies = windows.active * lengths / 3600
    return Readings(
        vrms_v=vrms,
        irms_a=irms,
        active_w=active,
        reactive_var=float(share @ windows.reactive) if crossings else None,
        apparent_va=apparent,
        power_factor=active / apparent if crossings and apparent > 0 else None,
        frequency_hz=lengths.size / float(bounds[-1] - bounds[0]) if crossings else None,
        energy_import_wh=float(energies[energies > 0].sum()),
        energy_export_wh=float(np.abs(energies[energies < 0]).sum()),
        v_dc=float(share @ windows.v_mean),
        i_dc=float(share @ windows.i_mean),
    )


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
    panels = int(np.ceil(np.diff(bounds).max() / panel_s))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    turn = ((nodes + 1) / 2 + np.arange(panels)[:, None]).ravel() / panels
    weight = np.tile(weights / 2 / panels, panels)
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
