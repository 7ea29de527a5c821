"""Quantities of a phase: sines, their signs, DC, and their integrals."""

from fractions import Fraction

import numpy as np
import pytest

from rtl.metering.quantities import quantities
from soc.config import preset

SINGLE = preset("single").metering
POLYPHASE = preset("polyphase").metering
RATE = float(SINGLE.sample_rate_hz)
REGISTERS = {".".join(quantity.path): quantity.register for quantity in quantities(POLYPHASE)}


def value(path, window):
    """A quantity in units of full scale, samples and hertz."""
    return float(Fraction(window[path], 1 << REGISTERS[path].fraction_bits))


def sine(amplitude, frequency, count, *, lag=0.0, dc=0.0):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(count) / RATE - lag) + dc


def words(*lanes, made_for=SINGLE):
    """Sample sets of the lanes, which are in units of full scale; absent lanes are zero."""
    samples = np.zeros((len(lanes[0]), made_for.lanes))
    samples[:, : len(lanes)] = np.stack(lanes, 1)
    full = 2 ** (made_for.word_bits - 1)
    return np.clip(np.round(samples * full), -full, full - 1).astype(np.int64)


def settled(windows):
    """Windows from the first mains cycle that was found on."""
    return windows[[window["synchronised"] for window in windows].index(1) :]


@pytest.mark.parametrize("frequency", [45.0, 50.0, 61.3, 65.0])
@pytest.mark.parametrize("lag_deg", [0.0, 60.0, 90.0, -36.87, 150.0, 180.0, -120.0])
def test_readings_of_sines_and_their_signs(frequency, lag_deg, measure):
    lag = np.radians(lag_deg)
    codes = words(sine(0.6, frequency, 2000), sine(0.4, frequency, 2000, lag=lag))
    windows = settled(measure(SINGLE, codes))
    apparent = 0.6 * 0.4 / 2
    tolerance = 2e-4 * apparent
    assert len(windows) > 6
    for window in windows:
        assert window["synchronised"] == 1
        assert value("frequency", window) == pytest.approx(frequency, rel=1e-6)
        assert value("length", window) == pytest.approx(RATE / frequency, rel=1e-6)
        assert value("phase0.vrms", window) == pytest.approx(0.6 / 2**0.5, rel=1e-4)
        assert value("phase0.irms", window) == pytest.approx(0.4 / 2**0.5, rel=1e-4)
        assert value("phase0.apparent", window) == pytest.approx(apparent, rel=2e-4)
        assert value("phase0.active", window) == pytest.approx(apparent * np.cos(lag), abs=tolerance)
        assert value("phase0.reactive", window) == pytest.approx(apparent * np.sin(lag), abs=tolerance)
        assert value("phase0.power_factor", window) == pytest.approx(np.cos(lag), abs=2e-4)
        assert value("phase0.v_dc", window) == pytest.approx(0, abs=1e-5)
    if abs(np.cos(lag)) > 0.1:
        moved, still = ("import", "export") if np.cos(lag) > 0 else ("export", "import")
        first, last = windows[0], windows[-1]
        energy = apparent * abs(np.cos(lag)) * (value("time", last) - value("time", first))
        gained, lost = (
            value(f"phase0.energy_{way}", last) - value(f"phase0.energy_{way}", first)
            for way in (moved, still)
        )
        assert gained == pytest.approx(energy, rel=1e-3)
        assert lost == 0


def test_integrals_are_the_sums_of_the_windows(measure):
    windows = measure(SINGLE, words(sine(0.6, 50.3, 4000, dc=0.01), sine(0.4, 50.3, 4000, lag=1.0, dc=-0.02)))
    pairs = [("v_dc_time", "v_dc", 1), ("i_dc_time", "i_dc", 1), ("reactive_time", "reactive", 1)]
    pairs += [("v_squared_time", "vrms", 2), ("i_squared_time", "irms", 2), ("energy_import", "active", 1)]
    for integral, mean, power in pairs:
        gained = value(f"phase0.{integral}", windows[-1]) - value(f"phase0.{integral}", windows[0])
        expected = sum(
            value(f"phase0.{mean}", window) ** power * value("length", window) for window in windows[1:]
        )
        assert gained == pytest.approx(expected, rel=1e-7), integral


@pytest.mark.parametrize("dc", [0.001, 0.1, -0.3])
def test_dc_on_both_lanes_changes_no_reading_but_its_own(dc, measure):
    without = measure(SINGLE, words(sine(0.5, 50.2, 4000), sine(0.4, 50.2, 4000, lag=1.0)))[-5:]
    shifted = measure(SINGLE, words(sine(0.5, 50.2, 4000, dc=dc), sine(0.4, 50.2, 4000, lag=1.0, dc=-dc)))[
        -5:
    ]
    for window, plain in zip(shifted, without, strict=True):
        assert value("phase0.v_dc", window) == pytest.approx(dc, abs=1e-4)
        assert value("phase0.i_dc", window) == pytest.approx(-dc, abs=1e-4)
        for name in ("frequency", "phase0.active", "phase0.reactive", "phase0.vrms", "phase0.irms"):
            assert value(name, window) == pytest.approx(value(name, plain), rel=3e-4), name


def test_a_constant_from_the_first_sample_set_on(measure):
    windows = measure(SINGLE, words(np.full(700, -0.3), np.full(700, 0.7)))
    for window in windows:
        assert value("phase0.v_dc", window) == pytest.approx(-0.3, abs=1e-7)
        assert value("phase0.i_dc", window) == pytest.approx(0.7, abs=1e-7)
        assert abs(value("phase0.active", window)) < 1e-8


def test_phases_share_the_windows_of_the_first(measure):
    made_for = POLYPHASE
    volts = [sine(0.5, 50.0, 2000, lag=2 * np.pi / 3 * phase) for phase in range(3)]
    amperes = [
        sine(0.1 * (phase + 1), 50.0, 2000, lag=2 * np.pi / 3 * phase + 0.5 * phase) for phase in range(3)
    ]
    for window in settled(measure(made_for, words(*volts, *amperes, made_for=made_for))):
        for phase in range(3):
            apparent = 0.05 * (phase + 1) / 2
            of_phase = f"phase{phase}"
            assert value(f"{of_phase}.active", window) == pytest.approx(
                apparent * np.cos(0.5 * phase), rel=3e-4
            )
            assert value(f"{of_phase}.reactive", window) == pytest.approx(
                apparent * np.sin(0.5 * phase), abs=3e-4 * apparent
            )
