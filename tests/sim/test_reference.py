import math
from typing import Any

import numpy as np
import pytest

from sim.reference import mains_frequency, reference, sine_power
from sim.resample import BandLimited, FloatArray, Signal


def _sines(frequency: float, dc: float, *terms: tuple[int, float, float]) -> Signal:
    def signal(times: FloatArray) -> FloatArray:
        angle = 2 * np.pi * frequency * times
        return dc + sum(peak * np.sin(order * angle + phase) for order, peak, phase in terms)

    return signal


@pytest.mark.parametrize("frequency", [45.0, 50.03, 64.9])
@pytest.mark.parametrize("lag", [0.0, 1.0, -0.6, math.acos(0.25), 2.5, math.pi])
def test_against_analytic_values(frequency, lag):
    voltage = _sines(frequency, 3.0, (1, 325.0, 0.2), (3, 20.0, 0.5), (47, 2.0, 1.0))
    current = _sines(frequency, -0.2, (1, 7.0, 0.2 - lag), (3, 3.0, 0.1), (47, 0.5, 0.0))
    boundaries = 0.0123 + np.arange(51) / frequency
    readings = reference(voltage, current, boundaries)
    active = (325 * 7 * math.cos(lag) + 20 * 3 * math.cos(0.4) + 2 * 0.5 * math.cos(1.0)) / 2
    vrms, irms = math.sqrt((325**2 + 20**2 + 2**2) / 2), math.sqrt((7**2 + 3**2 + 0.5**2) / 2)
    tight: dict[str, Any] = {"rel": 1e-11, "abs": 1e-8}
    assert readings.active_w == pytest.approx(active, **tight)
    assert readings.reactive_var == pytest.approx(325 * 7 / 2 * math.sin(lag), **tight)
    assert readings.vrms_v == pytest.approx(vrms, **tight)
    assert readings.irms_a == pytest.approx(irms, **tight)
    assert readings.apparent_va == pytest.approx(vrms * irms, **tight)
    assert readings.power_factor == pytest.approx(active / (vrms * irms), **tight)
    assert readings.v_dc == pytest.approx(3.0, **tight)
    assert readings.i_dc == pytest.approx(-0.2, **tight)
    energy = active * 50 / frequency / 3600
    assert readings.energy_import_wh == pytest.approx(max(energy, 0), **tight)
    assert readings.energy_export_wh == pytest.approx(max(-energy, 0), **tight)


@pytest.mark.parametrize("frequency", [45.0, 50.0, 64.9])
@pytest.mark.parametrize("lag", [0.0, 75.5, -60.0, 180.0])
@pytest.mark.parametrize(("start", "end"), [(0.0123, 1.0123), (0.01, 0.0173), (0.0, 9.7)])
def test_closed_form_of_sines(frequency, lag, start, end):
    """Also where the interval is no whole number of cycles; the reference then has DC to take off."""
    voltage = _sines(frequency, 0.0, (1, 230 * math.sqrt(2), math.radians(20)))
    current = _sines(frequency, 0.0, (1, 5 * math.sqrt(2), math.radians(20 - lag)))
    closed = sine_power(230, 5, lag, frequency_hz=frequency, start_deg=20.0, interval_s=(start, end))
    integrated = reference(voltage, current, np.array([start, end]), panel_s=1e-4)
    dc = integrated.v_dc * integrated.i_dc
    assert closed == pytest.approx(integrated.active_w + dc, rel=1e-11, abs=1e-8)


def test_inductive_import_is_positive():
    boundaries = np.arange(11) / 50
    coil = reference(_sines(50, 0, (1, 325, 0)), _sines(50, 0, (1, 7, -np.pi / 2)), boundaries)
    assert coil.reactive_var == pytest.approx(325 * 7 / 2)
    assert coil.active_w == pytest.approx(0, abs=1e-9)


def test_windows_of_different_length_and_sign():
    """A current that changes its direction imports and exports; means are weighted by time."""
    boundaries = np.array([0.0, 0.02, 0.04, 0.06, 0.08])
    turned = np.array([1.0, 1.0, -0.5, 2.0])

    def current(times):
        return turned[np.minimum((times / 0.02).astype(int), 3)] * np.sin(100 * np.pi * times)

    readings = reference(lambda times: 100 * np.sin(100 * np.pi * times), current, boundaries)
    window_wh = 50 * 0.02 / 3600
    assert readings.energy_import_wh == pytest.approx(4 * window_wh, rel=1e-12)
    assert readings.energy_export_wh == pytest.approx(0.5 * window_wh, rel=1e-12)
    assert readings.active_w == pytest.approx(50 * 3.5 / 4, rel=1e-12)
    assert readings.irms_a == pytest.approx(math.sqrt(np.mean(turned**2) / 2), rel=1e-12)

    stretched = reference(
        lambda times: np.where(times < 0.03, 1.0, 5.0), current, np.array([0.0, 0.03, 0.04])
    )
    assert stretched.v_dc == pytest.approx((3 * 1 + 1 * 5) / 4)
    assert stretched.vrms_v == pytest.approx(0, abs=1e-12)


def test_dc_is_removed_window_by_window():
    """A mean that moves from window to window is DC in each, not power."""

    def staircase(times):
        return np.floor(times / 0.02 + 1e-9)

    readings = reference(staircase, staircase, np.arange(11) * 0.02)
    assert (readings.active_w, readings.vrms_v) == (0.0, 0.0)
    assert readings.v_dc == pytest.approx(4.5)


@pytest.mark.parametrize("frequency", [42.0, 50.03, 64.9])
def test_frequency_is_that_of_the_signal(frequency):
    """Not that of the windows: half a cycle more of these does not change it."""
    voltage = _sines(frequency, 3.0, (1, 325.0, 0.0), (3, 20.0, 0.5), (7, 100.0, 1.0))
    for cycles in (20, 20.2):
        end = cycles / frequency
        assert mains_frequency(voltage, 0.0, end) == pytest.approx(frequency, rel=2e-3)
    plain = _sines(frequency, 3.0, (1, 325.0, 0.2))
    start = -0.2 / (2 * np.pi * frequency)
    assert mains_frequency(plain, start, start + 50 / frequency) == pytest.approx(frequency, rel=1e-6)
    assert mains_frequency(np.zeros_like, 0.0, 1.0) is None


def test_what_has_no_value():
    boundaries = np.arange(11) / 50
    quiet = reference(_sines(50, 0.1, (1, 325, 0)), lambda times: np.full_like(times, 0.011), boundaries)
    assert quiet.power_factor is None
    assert (quiet.irms_a, quiet.active_w, quiet.energy_export_wh) == (0.0, 0.0, 0.0)
    assert quiet.i_dc == pytest.approx(0.011)

    noise = np.random.default_rng(1).normal(0, 0.05, 4000)
    dead = reference(
        BandLimited(noise, 20_000, 8000),
        BandLimited(noise[::-1], 20_000, 8000),
        np.array([0.01, 0.19]),
        synchronised=np.array([False]),
    )
    assert (dead.frequency_hz, dead.reactive_var, dead.power_factor) == (None, None, None)
    assert dead.vrms_v > 0


def test_integration_of_a_band_limited_recording():
    """Against a hundred times finer panels: white noise over the whole band, between arbitrary times."""
    random = np.random.default_rng(4)
    voltage, current = (BandLimited(random.normal(size=8000), 20_000, 8000) for _ in range(2))
    boundaries = np.array([0.0101, 0.03137, 0.0512, 0.0777, 0.31])
    coarse = reference(voltage, current, boundaries)
    fine = reference(voltage, current, boundaries, panel_s=1.25e-6)
    assert coarse.active_w == pytest.approx(fine.active_w, abs=1e-7 * fine.apparent_va)
    assert coarse.reactive_var == pytest.approx(fine.reactive_var, abs=1e-7 * fine.apparent_va)
    assert coarse.vrms_v == pytest.approx(fine.vrms_v, rel=1e-7)
    assert coarse.v_dc == pytest.approx(fine.v_dc, abs=1e-7 * fine.vrms_v)


def test_many_windows_are_taken_in_pieces():
    voltage, current = _sines(50, 0, (1, 325, 0)), _sines(50, 0, (1, 7, -1))
    long = reference(voltage, current, np.arange(1501) / 50)
    assert long.active_w == pytest.approx(325 * 7 / 2 * math.cos(1), rel=1e-10)


@pytest.mark.parametrize(
    "boundaries", [[], [0.0], [0.0, 0.0], [0.0, 0.02, 0.01], [0.0, math.nan], [[0.0, 1.0]]]
)
def test_boundaries_must_rise(boundaries):
    with pytest.raises(ValueError, match="Boundaries must be two or more rising times"):
        reference(np.sin, np.sin, np.array(boundaries))


def test_panels_must_last():
    with pytest.raises(ValueError, match="A panel must last a positive time, not 0"):
        reference(np.sin, np.sin, np.array([0.0, 1.0]), panel_s=0)
