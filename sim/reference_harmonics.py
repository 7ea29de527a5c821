"""Harmonics and the powers of IEEE 1459 in float64, from the analogue signals.

A *phasor* is complex: its magnitude is the RMS value of a harmonic, its angle that of a sine at the window's
start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sim.reference import checked_boundaries, quadrature
from sim.resample import FloatArray, Signal

__all__ = [
    "HIGHEST_ORDER",
    "Harmonics",
    "Powers",
    "angle_deg",
    "crossings",
    "half_cycle_rms",
    "harmonics",
    "peak",
    "phasors",
    "powers",
    "relative_angle_deg",
    "rms",
    "sequences",
    "summed",
    "unbalance",
]

ComplexArray = npt.NDArray[np.complexfloating]

HIGHEST_ORDER = 50

_CHUNK = 1 << 20
_DENSE_HZ = 128_000.0
_HALVINGS = 60


def phasors(
    signal: Signal, boundaries_s: FloatArray, *, cycles: int = 1, highest_order: int = HIGHEST_ORDER
) -> ComplexArray:
    """Return the phasors of orders 1 to ``highest_order``, an array of a row a window and a column an order.

    Parameters
    ----------
    signal:
        The band-limited analogue signal.
    boundaries_s:
        n + 1 rising times that enclose n windows.
    cycles:
        Cycles of the fundamental in a window: 10 or 12 for the windows of IEC 61000-4-7.
    highest_order:
        Of the harmonics.
    """
    bounds = checked_boundaries(boundaries_s)
    turn, weight = quadrature(bounds)
    orders = np.arange(1, highest_order + 1)
    kernel = 1j * np.sqrt(2) * weight[:, None] * np.exp(-2j * np.pi * cycles * turn[:, None] * orders)
    count = bounds.size - 1
    found = np.empty((count, highest_order), np.complex128)
    step = max(1, _CHUNK // turn.size)
    for first in range(0, count, step):
        edges = bounds[first : first + step + 1]
        found[first : first + step] = _values(signal, edges, turn) @ kernel
    return found


def rms(signal: Signal, boundaries_s: FloatArray, *, dc: bool = False) -> FloatArray:
    """Return the RMS value of each window, without that of its mean unless ``dc``."""
    bounds = checked_boundaries(boundaries_s)
    turn, weight = quadrature(bounds)
    values = _values(signal, bounds, turn)
    if not dc:
        values = values - (values @ weight)[:, None]
    return np.sqrt(values**2 @ weight)


def half_cycle_rms(signal: Signal, crossings_s: FloatArray, *, dc: bool = False) -> FloatArray:
    """Return Urms½ (IEC 61000-4-30): the RMS of the cycle that follows each zero crossing but the last two.

    ``crossings_s`` are the signal's crossings in both directions, see `crossings`.
    """
    times = checked_boundaries(crossings_s)
    found = np.empty(max(0, times.size - 2))
    for first in (0, 1):
        whole = times[first::2]
        if whole.size > 1:
            found[first::2] = rms(signal, whole, dc=dc)
    return found


def crossings(signal: Signal, start_s: float, end_s: float, *, level: float = 0.0) -> FloatArray:
    """Return the times within an interval at which a signal passes a level, in either direction."""
    times = np.linspace(start_s, end_s, int(np.ceil((end_s - start_s) * _DENSE_HZ)) + 1)
    values = signal(times) - level
    passed = np.flatnonzero(np.signbit(values[:-1]) != np.signbit(values[1:]))
    low, high, below = times[passed], times[passed + 1], values[passed]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        same = np.signbit(signal(middle) - level) == np.signbit(below)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return (low + high) / 2


def peak(signal: Signal, boundaries_s: FloatArray) -> FloatArray:
    """Return the largest magnitude in each window, from dense values and a parabola through the highest."""
    bounds = checked_boundaries(boundaries_s)
    found = np.empty(bounds.size - 1)
    for window, (start, end) in enumerate(pairwise(bounds)):
        step = 1 / _DENSE_HZ
        values = np.abs(signal(np.arange(start - step, end + 2 * step, step)))
        top = 1 + int(np.argmax(values[1:-1]))
        before, at, after = values[top - 1 : top + 2]
        curve = before - 2 * at + after
        found[window] = at - (after - before) ** 2 / (8 * curve) if curve < 0 else at
    return found


def summed(signals: Sequence[Signal]) -> Signal:
    """Return the sum of signals: of all phases' currents, it is the computed neutral current."""

    def total(times_s: FloatArray) -> FloatArray:
        return np.sum([signal(times_s) for signal in signals], axis=0)

    return total


def angle_deg(of: ComplexArray, from_: ComplexArray) -> FloatArray:
    """Return by how many degrees a phasor leads another one, above −180° to 180°."""
    return np.degrees(np.angle(of * np.conj(from_)))


def relative_angle_deg(harmonic: ComplexArray, fundamental: ComplexArray) -> FloatArray:
    """Return the angles of harmonics at the rising zero crossing of a fundamental, above −180° to 180°.

    ``harmonic`` has its orders from 1 on in the last axis; ``fundamental`` has one phasor a window.
    """
    orders = np.arange(1, harmonic.shape[-1] + 1)
    turned = np.exp(-1j * orders * np.angle(fundamental)[..., None])
    return np.degrees(np.angle(harmonic * turned))


def sequences(fundamentals: Sequence[complex]) -> tuple[complex, complex, complex]:
    """Return the zero, positive and negative sequence of three phasors."""
    turn = np.exp(2j * np.pi / 3)
    a, b, c = fundamentals
    return (a + b + c) / 3, (a + turn * b + turn**2 * c) / 3, (a + turn**2 * b + turn * c) / 3


def unbalance(fundamentals: Sequence[complex]) -> float:
    """Return the ratio of negative to positive sequence (IEC 61000-4-30); infinite without the latter."""
    _, positive, negative = sequences(fundamentals)
    return abs(negative) / abs(positive) if positive else float("inf")


@dataclass(frozen=True, eq=False)
class Harmonics:
    """Phasors of voltage and current in each window, orders from 1 on in the last axis."""

    v: ComplexArray
    i: ComplexArray

    @property
    def active_w(self) -> FloatArray:
        """Active power of each order."""
        return (self.v * np.conj(self.i)).real

    @property
    def reactive_var(self) -> FloatArray:
        """Reactive power of each order, positive for an inductive import."""
        return (self.v * np.conj(self.i)).imag

    @property
    def thd_v(self) -> FloatArray:
        """Total harmonic distortion of the voltage as a ratio, of orders 2 on."""
        return _distortion(self.v)

    @property
    def thd_i(self) -> FloatArray:
        """Total harmonic distortion of the current as a ratio, of orders 2 on."""
        return _distortion(self.i)


def harmonics(
    voltage: Signal,
    current: Signal,
    boundaries_s: FloatArray,
    *,
    cycles: int = 1,
    highest_order: int = HIGHEST_ORDER,
) -> Harmonics:
    """Return the phasors of voltage and current; see `phasors`."""
    return Harmonics(
        *(
            phasors(signal, boundaries_s, cycles=cycles, highest_order=highest_order)
            for signal in (voltage, current)
        )
    )


@dataclass(frozen=True, kw_only=True)
class Powers:
    """Powers of one phase over an interval (IEEE 1459-2010, 3.1.2); voltage and current without their DC.

    Parameters
    ----------
    vrms_v, irms_a, active_w, apparent_va:
        V, I, P, and S = V · I.
    fundamental_v, fundamental_a:
        V1 and I1.
    fundamental_active_w, fundamental_reactive_var, fundamental_apparent_va:
        P1, Q1, and S1 = V1 · I1.
    harmonic_active_w:
        PH = P − P1.
    harmonic_v, harmonic_a:
        VH and IH, all that is neither fundamental nor DC.
    vector_apparent_va:
        √(P² + Q1²).
    nonfundamental_va:
        SN = √(S² − S1²).
    current_distortion_var, voltage_distortion_var, harmonic_apparent_va:
        DI = V1 · IH, DV = VH · I1, SH = VH · IH.
    budeanu_var:
        Budeanu's reactive power: the sum of Vh · Ih · sin θh over the orders.
    """

    vrms_v: float
    irms_a: float
    active_w: float
    apparent_va: float
    fundamental_v: float
    fundamental_a: float
    fundamental_active_w: float
    fundamental_reactive_var: float
    fundamental_apparent_va: float
    harmonic_active_w: float
    harmonic_v: float
    harmonic_a: float
    vector_apparent_va: float
    nonfundamental_va: float
    current_distortion_var: float
    voltage_distortion_var: float
    harmonic_apparent_va: float
    budeanu_var: float

    @property
    def power_factor(self) -> float | None:
        """P / S; None without apparent power."""
        return self.active_w / self.apparent_va if self.apparent_va else None

    @property
    def fundamental_power_factor(self) -> float | None:
        """PF1 = P1 / S1; None without apparent power of the fundamental."""
        if not self.fundamental_apparent_va:
            return None
        return self.fundamental_active_w / self.fundamental_apparent_va


def powers(
    voltage: Signal,
    current: Signal,
    boundaries_s: FloatArray,
    *,
    cycles: int = 1,
    highest_order: int = HIGHEST_ORDER,
) -> Powers:
    """Return the powers of windows that are mains cycles, or a whole number of cycles each.

    The squares and the powers are means over the windows, weighted with their lengths.

    Parameters
    ----------
    voltage, current:
        The band-limited analogue signals.
    boundaries_s, cycles:
        See `phasors`.
    highest_order:
        Up to which Budeanu's sum runs.
    """
    bounds = checked_boundaries(boundaries_s)
    share = np.diff(bounds) / (bounds[-1] - bounds[0])
    found = harmonics(voltage, current, bounds, cycles=cycles, highest_order=highest_order)
    turn, weight = quadrature(bounds)
    v, i = (_values(signal, bounds, turn) for signal in (voltage, current))
    v, i = (each - (each @ weight)[:, None] for each in (v, i))

    vrms, irms = (float(np.sqrt(share @ (each**2 @ weight))) for each in (v, i))
    v1, i1 = (float(np.sqrt(share @ np.abs(each[:, 0]) ** 2)) for each in (found.v, found.i))
    vh, ih = (max(0.0, all_**2 - first**2) ** 0.5 for all_, first in ((vrms, v1), (irms, i1)))
    active, p1 = float(share @ ((v * i) @ weight)), float(share @ found.active_w[:, 0])
    q1 = float(share @ found.reactive_var[:, 0])
    return Powers(
        vrms_v=vrms,
        irms_a=irms,
        active_w=active,
        apparent_va=vrms * irms,
        fundamental_v=v1,
        fundamental_a=i1,
        fundamental_active_w=p1,
        fundamental_reactive_var=q1,
        fundamental_apparent_va=v1 * i1,
        harmonic_active_w=active - p1,
        harmonic_v=vh,
        harmonic_a=ih,
        vector_apparent_va=float(np.hypot(active, q1)),
        nonfundamental_va=max(0.0, (vrms * irms) ** 2 - (v1 * i1) ** 2) ** 0.5,
        current_distortion_var=v1 * ih,
        voltage_distortion_var=vh * i1,
        harmonic_apparent_va=vh * ih,
        budeanu_var=float(share @ found.reactive_var.sum(axis=1)),
    )


def _values(signal: Signal, bounds: FloatArray, turn: FloatArray) -> FloatArray:
    """A signal at fractions of each window, a row a window."""
    times = bounds[:-1, None] + np.diff(bounds)[:, None] * turn
    return signal(times.ravel()).reshape(times.shape)


def _distortion(found: ComplexArray) -> FloatArray:
    return np.sqrt((np.abs(found[..., 1:]) ** 2).sum(axis=-1)) / np.abs(found[..., 0])
