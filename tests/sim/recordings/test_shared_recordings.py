"""Recordings of real mains and loads, where a folder `shared/data/waveforms` stands beside the checkout."""

from pathlib import Path
from typing import Any

import comtrade
import numpy as np
import pytest

from sim.recordings import part, read_recording
from sim.recordings.part import ends
from sim.reference import mains_frequency, reference
from soc.errors import InputError

WAVEFORMS = Path(__file__).parents[4] / "shared" / "data" / "waveforms"

pytestmark = pytest.mark.skipif(
    not WAVEFORMS.is_dir(), reason="there are no recordings beside the checkout, in ../shared/data/waveforms"
)

CARS = ("bmw_ix_xdrive50", "ford_mustang", "nissan_leaf")
FAULT: dict[str, Any] = {"voltage": ["1", "2", "3"], "current": ["9", "10", "11"]}


@pytest.mark.parametrize("car", CARS)
def test_cars(car):
    """A car's file holds about 8 cycles of 60 Hz; only the first one's ends do not fit together."""
    paths = sorted((WAVEFORMS / "ev_charging" / car).glob("waveform_*.csv"))
    assert len(paths) >= 3
    for path in paths:
        recording = read_recording(path)
        assert recording.voltage_v.shape == (1, 4096), path
        stated = 1e6 / float(path.read_text().split("\n")[3].split(",")[1])
        assert recording.rate_hz == pytest.approx(stated, rel=2e-5), path
        judged = ends(recording)
        if path.name == "waveform_9.csv":
            assert judged.reason == "its voltage has no mains frequency"
            continue
        assert judged.frequency_hz is not None, path
        assert abs(judged.frequency_hz - 60) < 0.06, path
        cycles = judged.cycles + judged.excess_samples * judged.frequency_hz / recording.rate_hz
        if path.name == "waveform_1.csv":
            assert cycles == pytest.approx(7.9915, abs=5e-4), path
            assert "samples shorter than whole cycles" in judged.reason, path
        else:
            assert cycles == pytest.approx(8.0, abs=5e-4), path
            assert not judged.reason, path


def test_the_dead_line():
    recording = read_recording(WAVEFORMS / "ev_charging/nissan_leaf/waveform_9.csv")
    assert np.abs(recording.voltage_v).max() < 0.2
    chosen = part(recording)
    ((voltage, current),) = chosen.lanes(8000.0)
    readings = reference(voltage, current, np.array([0.0, chosen.end_s]), synchronised=np.array([False]))
    assert readings.frequency_hz is readings.power_factor is readings.reactive_var is None
    assert readings.vrms_v < 0.1


def test_a_repeated_car_agrees_with_its_samples():
    recording = read_recording(WAVEFORMS / "ev_charging/nissan_leaf/waveform_7.csv")
    chosen = part(recording, None, 1.0)
    assert (chosen.cycles, chosen.repetitions) == (8, 7)
    cycle = recording.duration_s / 8
    boundaries = chosen.whole(0.1 * cycle + cycle * np.arange(int(chosen.end_s / cycle)))
    ((voltage, current),) = chosen.lanes(8000.0)
    readings = reference(voltage, current, boundaries)
    volts, amperes = recording.voltage_v[0], recording.current_a[0]
    raw = float(np.mean(volts * amperes) - np.mean(volts) * np.mean(amperes))
    assert readings.active_w == pytest.approx(raw, rel=2e-4)
    rise = int(np.flatnonzero((volts[:-1] < 0) & (volts[1:] >= 0))[0]) / recording.rate_hz
    frequency = mains_frequency(voltage, rise, rise + 7 * recording.duration_s)
    assert frequency == pytest.approx(59.995, abs=0.002)


@pytest.mark.parametrize("car", CARS)
def test_the_recorders_log_is_no_waveform(car):
    with pytest.raises(
        InputError, match=r"charging_profile\.csv: no line holds numbers only \(line 2 is '2023"
    ):
        read_recording(WAVEFORMS / "ev_charging" / car / "charging_profile.csv")


@pytest.mark.parametrize("name", ["halogen_lamp_dimmed", "laptop_smps", "refrigerator"])
def test_appliances(name):
    recording = read_recording(WAVEFORMS / "appliances_230v_50hz" / f"{name}.npz")
    assert (recording.samples, recording.rate_hz) == (80_000, 20_000.0)
    assert 300 < np.abs(recording.voltage_v).max() < 360
    assert ends(recording).frequency_hz == pytest.approx(50, abs=0.1)


@pytest.mark.parametrize("name", ["desktop", "fridge", "induction", "laptop"])
def test_converter_codes(name):
    recording = read_recording(WAVEFORMS / "appliances_adc_codes" / f"{name}.npz")
    assert (recording.samples, recording.rate_hz) == (19_200, 6400.0)
    assert 210 < np.sqrt(np.mean(recording.voltage_v**2)) < 260
    assert ends(recording).frequency_hz == pytest.approx(50, abs=0.05)


def test_the_fault_against_another_reader():
    path = WAVEFORMS / "three_phase_fault" / "ymz.cfg"
    other = comtrade.Comtrade(use_numpy_arrays=True, use_double_precision=True)
    other.load(str(path), encoding="gbk")
    for segment, records in ((1, slice(0, 1120)), (3, slice(1256, 2376))):
        recording = read_recording(path, segment=segment, **FAULT)
        assert recording.rate_hz == 4000
        assert recording.voltage_names[0] == "220kV母线Ⅰ_Ua"
        np.testing.assert_allclose(recording.voltage_v, [other.analog[k][records] for k in (0, 1, 2)])
        np.testing.assert_allclose(recording.current_a, [other.analog[k][records] for k in (8, 9, 10)])
        assert ends(recording).frequency_hz == pytest.approx(50, abs=0.05)


def test_the_fault_by_name_and_in_primary_values():
    path = WAVEFORMS / "three_phase_fault" / "ymz.dat"
    names: dict[str, Any] = {"voltage": "220kV母线Ⅰ_Ua", "current": "220kVhyx_212开关_Ia"}
    written = read_recording(path, segment=1, **names)
    primary = read_recording(path, segment=1, scale="primary", **names)
    np.testing.assert_allclose(primary.voltage_v, 2200 * written.voltage_v)
    line_to_line = np.abs(primary.voltage_v[0, :400]).max() * np.sqrt(3 / 2)
    assert line_to_line == pytest.approx(220e3, rel=0.06)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {},
            "its rate changes; choose a segment with --segment (1: 4000 samples per second, records 1 to",
        ),
        ({"segment": 2} | FAULT, "the rate of the segment is 200 samples per second, too slow for mains"),
        (
            {"segment": 1},
            "30 channels could be the voltage and 27 the current; choose with --voltage and --curr",
        ),
        ({"segment": 9}, "has no segment 9; there are 1: 4000 samples per second"),
    ],
)
def test_what_the_fault_needs(options, sentence):
    path = WAVEFORMS / "three_phase_fault" / "ymz.cfg"
    with pytest.raises(InputError) as caught:
        read_recording(path, **options)
    assert str(caught.value).startswith(f"{path}: {sentence}")
