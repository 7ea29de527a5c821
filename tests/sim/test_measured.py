"""Quantities of windows into readings: units, intervals, what has no value."""

from fractions import Fraction

import numpy as np
import pytest

from rtl.metering.harmonic_quantities import harmonic_quantities
from rtl.metering.quantities import quantities
from sim.measured import HarmonicWindows, Scale, Windows, register_of
from soc.config import preset

SCALE = Scale(400.0, 20.0, Fraction(8000))
QUANTITIES = quantities(preset("single").metering)
ARRAYS = {".".join(quantity.path): quantity.register.count for quantity in QUANTITIES}
PATHS = list(ARRAYS)


def record(sequence, *, synchronised=1, time=None, **values):
    """A window of 160 samples that ends at 160 samples times its number."""
    full = {path: 0 if count == 1 else [0] * count for path, count in ARRAYS.items()}
    full |= {"sequence": sequence, "synchronised": synchronised, "length": 160 << 20}
    full["phase0.v_squared_time"] = sequence << 58
    full["time"] = (160 * sequence if time is None else time) << 20
    return full | {name if name in PATHS else f"phase0.{name}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("path", "raw", "value"),
    [
        ("phase0.vrms", 1 << 33, 400.0),
        ("phase0.irms", 1 << 32, 10.0),
        ("phase0.active", -1 << 66, -8000.0),
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


# --- Every quantity


def test_energies_are_in_watt_hours_and_of_the_interval():
    hour = 3600 << 54
    records = [record(number, energy_q1=number * hour, energy_estimated=hour) for number in (1, 2, 3)]
    tree = Windows(records, SCALE).quantities()
    assert tree["phase0"]["energy_q1"] == pytest.approx(2.0)
    assert tree["energy_estimated"] == 0.0


def test_means_peaks_and_states():
    records = [
        record(1),
        record(2, vrms=3 << 30, v_peak=1 << 26, i_region=1, frequency=49 << 20),
        record(3, vrms=4 << 30, v_peak=1 << 25, i_region=2, frequency=51 << 20),
    ]
    tree = Windows(records, SCALE).quantities()
    phase = tree["phase0"]
    assert phase["vrms"] == pytest.approx(25.0 * 12.5**0.5 * 2, rel=1e-12)
    assert phase["v_peak"] == 200.0
    assert phase["i_region"] == 2
    assert tree["frequency"] == pytest.approx(50.0)
    assert tree["sequence"] == 3


def test_angles_and_power_factors_are_those_of_the_mean_powers():
    one = 1 << 63
    powers = {"apparent": 2 << 66, "apparent_fundamental": 2 * one}
    records = [
        record(1),
        record(2, active=1 << 66, active_fundamental=one, reactive=0, **powers),
        record(3, active=1 << 66, active_fundamental=one, reactive=2 * one, **powers),
    ]
    phase = Windows(records, SCALE).quantities()["phase0"]
    assert phase["power_factor"] == 0.5
    assert phase["power_factor_fundamental"] == 0.5
    assert phase["angle"] == pytest.approx(1 / 8)


def test_what_has_no_value_is_none():
    dead = Windows([record(number, synchronised=0, v_squared_time=0) for number in (1, 2, 3)], SCALE)
    tree = dead.quantities()
    for name in ("frequency", "rocof"):
        assert tree[name] is None
    phase = tree["phase0"]
    names = ("reactive", "active_fundamental", "active_harmonic", "power_factor", "angle", "v_angle")
    assert {name: phase[name] for name in names} == dict.fromkeys(names)
    assert phase["vrms_half"] is None, "there are none in the first ten windows"
    assert phase["vrms"] == 0.0
    assert tree["neutral"]["irms"] is None


def test_timed_windows_do_not_count_for_the_fundamental():
    one = 1 << 63
    records = [
        record(1),
        record(2, active_fundamental=one, frequency=50 << 20),
        record(3, synchronised=0),
        record(4, active_fundamental=one, frequency=50 << 20),
    ]
    tree = Windows(records, SCALE).quantities()
    assert tree["frequency"] == 50.0
    assert tree["phase0"]["active_fundamental"] == pytest.approx(SCALE.si("phase0.active_fundamental", one))


def test_status_calibration_and_events_by_name():
    count = [0] * ARRAYS["events.count"]
    start, duration, extreme = count.copy(), count.copy(), count.copy()
    count[24], start[24], duration[24], extreme[24] = 2, 800, 400, 1 << 32
    last = {"events.count": count, "events.start": start, "events.duration": duration}
    records = [
        record(1, status=1),
        record(2, status=1 << 18 | 1 << 29),
        record(3, status=1 << 24, calibration_state=2, calibration_changes=1, calibration_crc=10)
        | last
        | {"events.extreme": extreme},
    ]
    windows = Windows(records, SCALE)
    assert windows.status() == {"flags": ["dip"], "seen": ["saturated_voltage_phase0", "dip"]}
    assert windows.calibration() == {"state": "broken", "crc": "0x0000000a", "changes": 1}
    dip = {"kind": "dip", "phase": 0, "count": 2, "start_s": 5.1, "duration_s": 0.05}
    assert windows.events(5.0) == [dip | {"extreme": 200.0, "unit": "V"}]


# --- Harmonics


def harmonic_record(ended, **values):
    full = {
        ".".join(quantity.path): 0 if quantity.register.count == 1 else [0] * quantity.register.count
        for quantity in harmonic_quantities(preset("polyphase").metering)
    }
    return full | {"time": ended << 20, **{f"phase0.{name}": value for name, value in values.items()}}


def test_harmonics_are_means_of_the_windows_of_the_interval():
    amplitudes = [[1 << 33, number << 32, *[0] * 48] for number in (0, 1, 7)]
    records = [
        harmonic_record(ended, v_amplitude=given, thd_v=1)
        for ended, given in zip((1600, 3200, 4800), amplitudes, strict=True)
    ]
    tree = HarmonicWindows(records, SCALE, np.array([0.1, 0.5]), phases=1).quantities()
    assert tree is not None
    assert tree["windows"] == 2
    assert "phase1" not in tree
    phase = tree["phase0"]
    assert phase["v_amplitude"][:2] == pytest.approx([400.0, 200 * 0.5**0.5])
    assert phase["thd_v"] == pytest.approx(0.5 * 0.5**0.5)
    assert phase["thd_i"] is None
    assert phase["v_angle"][:3] == [0.0, 0.0, None]
    assert phase["angle"] is None
    assert tree["unbalance_negative"] is None, "one phase has none"


def test_no_harmonics_without_a_window():
    assert HarmonicWindows([], SCALE, np.array([0.0, 1.0])).quantities() is None
