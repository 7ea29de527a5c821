"""Quantities of windows into readings: units, intervals, what has no value."""

from fractions import Fraction

import numpy as np
import pytest

from rtl.metering.quantities import quantities
from sim.measured import Scale, Windows, register_of

SCALE = Scale(400.0, 20.0, Fraction(8000))
PATHS = [".".join(quantity.path) for quantity in quantities(1)]


def record(sequence, *, synchronised=1, time=None, **values):
    """A window of 160 samples that ends at 160 samples times its number."""
    full = dict.fromkeys(PATHS, 0)
    full |= {"sequence": sequence, "synchronised": synchronised, "length": 160 << 20}
    full["phase0.v_squared_time"] = sequence << 58
    full["time"] = (160 * sequence if time is None else time) << 20
    return full | {f"phase0.{name}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("path", "raw", "value"),
    [
        ("phase0.vrms", 1 << 34, 400.0),
        ("phase0.irms", 1 << 33, 10.0),
        ("phase0.active", -1 << 68, -8000.0),
        ("phase0.power_factor", 1 << 29, 0.5),
        ("phase0.energy_import", 1 << 54, 1.0),
        ("phase0.v_squared_time", 1 << 54, 20.0),
        ("frequency", 50 << 20, 50.0),
        ("time", 8000 << 20, 1.0),
    ],
)
def test_si_units(path, raw, value):
    assert SCALE.si(path, raw) == value


def test_every_quantity_has_a_register():
    assert all(register_of(path).name == f"quantities.{path}" for path in PATHS)


def test_interval_runs_from_first_crossing_to_last():
    records = [record(1, synchronised=0), record(2), record(3), record(4, synchronised=0)]
    windows = Windows(records, SCALE)
    assert windows.crossings
    assert windows.timed == 0
    np.testing.assert_allclose(windows.boundaries_s, [0.02, 0.04, 0.06])
    assert windows.readings()[0].frequency_hz == pytest.approx(50)


def test_energy_is_the_difference_over_the_interval():
    joule = 1 << 54
    records = [
        record(1, synchronised=0, energy_import=5 * joule, energy_export=joule),
        record(2, energy_import=5 * joule, energy_export=2 * joule),
        record(3, energy_import=9 * joule, energy_export=2 * joule),
    ]
    readings = Windows(records, SCALE).readings()[0]
    assert readings.energy_import_wh == pytest.approx(4 / 3600)
    assert readings.energy_export_wh == pytest.approx(1 / 3600)
    assert readings.active_w == pytest.approx(3 / 0.04)


def test_a_dead_line_has_no_frequency_and_no_power_factor():
    records = [record(number, synchronised=0, v_squared_time=0) for number in range(1, 4)]
    readings = Windows(records, SCALE).readings()[0]
    assert readings.frequency_hz is None
    assert readings.power_factor is None
    assert readings.reactive_var is None
    assert readings.vrms_v == 0.0


def test_a_phase_without_voltage_has_none_either():
    records = [record(number, v_squared_time=number << 30) for number in range(1, 4)]
    windows = Windows(records, SCALE, threshold_v=0.4)
    assert windows.crossings
    assert windows.readings()[0].frequency_hz is None


def test_timed_windows_within_the_interval_are_counted():
    records = [record(1), record(2), record(3, synchronised=0), record(4)]
    windows = Windows(records, SCALE)
    assert windows.timed == 1
    assert windows.synchronised.tolist() == [True, False, True]
    assert windows.readings()[0].frequency_hz == pytest.approx(50)


def test_limited_keeps_the_first_windows():
    windows = Windows([record(number) for number in range(1, 8)], SCALE).limited(3)
    np.testing.assert_allclose(windows.boundaries_s, [0.02, 0.04, 0.06, 0.08])


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        ([record(1)], "Two windows or more are needed, not 1"),
        ([record(1), record(3)], "Windows are missing between 1 and 3"),
    ],
)
def test_refuses_gaps(records, sentence):
    with pytest.raises(ValueError, match=sentence):
        Windows(records, SCALE)
