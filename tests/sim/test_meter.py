"""The main job: an analogue signal through the chip, beside float64; the RTL gives the model's bits."""

from copy import copy
from dataclasses import asdict, replace

import numpy as np
import pytest

from rtl.metering.program.settings import GAIN_FRACTION, Settings
from rtl.metering.state import fields
from sim.backends import backend
from sim.loads import LOADS, lanes
from sim.mains import Mains
from sim.meter import Analogue, ModelEngine, RtlEngine, digitise, measure
from sim.readings import difference_percent
from soc.config import preset
from soc.errors import InputError

MODEL = ModelEngine(backend("pysim"))


def same(records, expected):
    return [dict(record) for record in records] == [dict(record) for record in expected]


def generated(load, *, seconds=0.3, phases=1, config=None, **mains):
    rate = float((config or preset("single")).sample_rate_hz)
    pairs = lanes(LOADS[load].load, Mains(phases=phases, **mains), rate, seconds)
    return Analogue(source=load, lanes=pairs, start_s=0.0, seconds=seconds)


@pytest.mark.parametrize("load", LOADS)
def test_every_load_within_two_hundredths_of_a_percent(load):
    measured = measure(generated(load, start_deg=30.0), engine=MODEL, config=preset("single"))
    readings, truth = measured.readings[0], measured.references[0]
    assert abs(readings.vrms_v / truth.vrms_v - 1) < 2e-4
    assert abs(readings.active_w - truth.active_w) <= 2e-4 * max(truth.apparent_va, 1e-3)
    assert readings.frequency_hz == pytest.approx(50, abs=0.01)


def calibrated(engine, config):
    """The engine with settings that differ from its own, and a temperature."""
    settings = Settings(config.metering)
    settings.channels[0].gain = round(1.01 * (1 << GAIN_FRACTION))
    settings.channels[0].linear = 1 << 20
    settings.crc = settings.computed_crc
    engine = copy(engine)
    engine.settings, engine.temperature_c = [field.value for _, field in fields(settings)], 40.0
    return engine


@pytest.mark.parametrize("is_calibrated", [False, True])
def test_rtl_gives_the_bits_of_the_model(is_calibrated):
    analogue, config = generated("household"), preset("single")
    engines = [RtlEngine(backend("verilator")), MODEL]
    if is_calibrated:
        engines = [calibrated(engine, config) for engine in engines]
    rtl, model = (measure(analogue, engine=engine, config=config) for engine in engines)
    assert same(rtl.windows.records, model.windows.records)
    assert rtl.windows.calibration()["state"] == ("calibrated" if is_calibrated else "not calibrated")
    assert rtl.windows.calibration()["changes"] == 0
    assert rtl.readings == model.readings
    assert rtl.run is not None
    assert rtl.run.sample_sets == len(rtl.samples.codes)


def test_three_phases_on_the_rtl():
    config = preset("polyphase")
    analogue = generated("inductive", phases=3, seconds=0.6, config=config)
    rtl = measure(analogue, engine=RtlEngine(backend("verilator")), config=config)
    model = measure(analogue, engine=MODEL, config=config)
    assert same(rtl.windows.records, model.windows.records)
    assert same(rtl.harmonics.records, model.harmonics.records)
    assert len(rtl.harmonics.records) == 1
    for readings, truth in zip(rtl.readings, rtl.references, strict=True):
        for name in ("active_w", "reactive_var"):
            assert difference_percent(name, readings, truth) == pytest.approx(0, abs=0.02)


def test_dead_voltage_gives_none_for_what_has_no_value():
    dead = Analogue(
        source="dead line",
        lanes=[(np.zeros_like, lambda t: np.sin(2 * np.pi * 50 * t))],
        start_s=0,
        seconds=0.2,
    )
    measured = measure(dead, engine=MODEL, config=preset("single"))
    readings = asdict(measured.readings[0])
    assert readings["frequency_hz"] is None
    assert readings["power_factor"] is None
    assert any(note.startswith("The first voltage has no zero crossings between") for note in measured.notes)
    assert {"no_voltage", "missing_neutral", "timed"} <= set(measured.windows.status()["seen"])
    phase = measured.as_dict()["quantities"]["phase0"]
    assert phase["angle"] is phase["active_fundamental"] is phase["reactive"] is None


@pytest.mark.parametrize("frequency", [30.0, 75.0, 80.0, 100.0, 120.0, 150.0, 400.0])
def test_mains_out_of_range_have_no_frequency(frequency):
    analogue = generated("heater", frequency_hz=frequency, seconds=0.5)
    measured = measure(analogue, engine=MODEL, config=preset("single"))
    assert measured.readings[0].frequency_hz is None
    assert measured.readings[0].reactive_var is None
    assert any("no zero crossings between 40 and 70 Hz" in note for note in measured.notes)
    assert measured.windows.status()["flags"] == ["frequency", "timed", "uncalibrated"]


def test_clipped_samples_are_told():
    measured = measure(generated("heater"), engine=MODEL, config=preset("single"), i_max=10.0)
    assert any("samples were clipped at full scale" in note for note in measured.notes)
    assert any(note.startswith("Current lane 1 was saturated") for note in measured.notes)
    assert measured.as_dict()["status"]["seen"] == [
        "saturated_current_phase0",
        "over_current",
        "uncalibrated",
    ]


def test_swapped_phases_are_told():
    config = preset("polyphase")
    analogue = generated("heater", phases=3, seconds=0.5, config=config)
    first, second, third = analogue.lanes
    swapped = replace(analogue, lanes=[first, third, second])
    measured = measure(swapped, engine=MODEL, config=config)
    assert any(note.startswith("The phases follow each other in reversed") for note in measured.notes)
    assert [event["kind"] for event in measured.as_dict()["events"]] == ["phase_sequence"]
    right = measure(analogue, engine=MODEL, config=config)
    assert right.windows.status() == {"flags": ["uncalibrated"], "seen": ["uncalibrated"]}


def test_a_missing_phase_and_a_reversed_current_are_told():
    config = preset("polyphase")
    first, second, (_, current) = generated("heater", phases=3, config=config, seconds=0.5).lanes
    reversed_one = second[0], lambda times: -second[1](times)
    lanes = [first, reversed_one, (np.zeros_like, current)]
    measured = measure(
        Analogue(source="odd", lanes=lanes, start_s=0.0, seconds=0.5), engine=MODEL, config=config
    )
    assert any(note.startswith("Voltage 3 was missing") for note in measured.notes)
    assert any(note.startswith("Current 2 was reversed") for note in measured.notes)
    found = measured.as_dict()["events"]
    assert {"missing_phase", "reversed_current"} <= {event["kind"] for event in found}


def test_dips_are_judged_by_the_declared_voltage():
    analogue = generated("heater", seconds=0.6)
    for declared_v, kinds in ((230.0, []), (300.0, ["dip"]), (190.0, ["swell"])):
        measured = measure(analogue, engine=MODEL, config=preset("single"), declared_v=declared_v)
        assert [event["kind"] for event in measured.as_dict()["events"]] == kinds
        said = f"Voltages were judged by a declared one of {declared_v:g} V; --declared gives another."
        assert (said in measured.notes) == bool(kinds)


def test_sixty_hertz_is_no_fault():
    measured = measure(generated("heater", frequency_hz=60.0), engine=MODEL, config=preset("single"))
    assert measured.windows.status()["seen"] == ["uncalibrated"]


def test_flaws_of_the_signal_are_told():
    flawed = replace(generated("heater"), flaws=("The recording is clipped.",))
    measured = measure(flawed, engine=MODEL, config=preset("single"))
    assert "The recording is clipped." in measured.as_dict()["notes"]


def test_standard_ranges_hold_the_signal():
    samples = digitise(generated("heater"), preset("single"), None, None)
    assert (samples.v_max, samples.i_max, samples.clipped) == (500.0, 25.0, 0)
    assert not samples.codes[:, 2].any(), "the neutral's lane has no signal"


def test_refuses_more_phases_than_the_chip_has():
    with pytest.raises(InputError, match="has 3 phases, the preset 'single' measures 1"):
        measure(generated("heater", phases=3), engine=MODEL, config=preset("single"))


def test_refuses_too_short_a_signal():
    with pytest.raises(InputError, match=r"hold 1 windows, but two are needed; give at least 0\.075 s"):
        measure(generated("heater", seconds=0.04, start_deg=-90), engine=MODEL, config=preset("single"))
