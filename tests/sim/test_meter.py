"""The main job: an analogue signal through the chip, beside float64; the RTL gives the model's bits."""

from dataclasses import asdict

import numpy as np
import pytest

from sim.backends import backend
from sim.loads import LOADS, lanes
from sim.mains import Mains
from sim.meter import Analogue, ModelEngine, RtlEngine, digitise, measure
from sim.readings import difference_percent
from soc.config import preset
from soc.errors import InputError

MODEL = ModelEngine(backend("pysim"))


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


@pytest.mark.parametrize(("back_end", "seconds"), [("verilator", 0.3), ("pysim", 0.045)])
def test_rtl_gives_the_bits_of_the_model(back_end, seconds):
    analogue, config = generated("household", seconds=seconds), preset("single")
    rtl = measure(analogue, engine=RtlEngine(backend(back_end)), config=config)
    model = measure(analogue, engine=MODEL, config=config)
    assert rtl.windows.records == model.windows.records
    assert rtl.readings == model.readings
    assert rtl.run is not None
    assert rtl.run.sample_sets == len(rtl.samples.codes)


def test_three_phases_on_the_rtl():
    config = preset("polyphase")
    analogue = generated("inductive", phases=3, seconds=0.2, config=config)
    rtl = measure(analogue, engine=RtlEngine(backend("verilator")), config=config)
    model = measure(analogue, engine=MODEL, config=config)
    assert rtl.windows.records == model.windows.records
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
    assert measured.notes[-1].startswith("The first voltage has no zero crossings between 40 and 70 Hz")


@pytest.mark.parametrize("frequency", [30.0, 75.0, 80.0, 100.0, 120.0, 150.0, 400.0])
def test_mains_out_of_range_have_no_frequency(frequency):
    analogue = generated("heater", frequency_hz=frequency, seconds=0.5)
    measured = measure(analogue, engine=MODEL, config=preset("single"))
    assert measured.readings[0].frequency_hz is None
    assert measured.readings[0].reactive_var is None
    assert any("no zero crossings between 40 and 70 Hz" in note for note in measured.notes)


def test_clipped_samples_are_told():
    measured = measure(generated("heater"), engine=MODEL, config=preset("single"), i_max=10.0)
    assert any("samples were clipped at full scale" in note for note in measured.notes)


def test_standard_ranges_hold_the_signal():
    samples = digitise(generated("heater"), preset("single"), None, None)
    assert (samples.v_max, samples.i_max, samples.clipped) == (500.0, 25.0, 0)
    assert not samples.codes[:, 2].any(), "the neutral's lane has no signal"


def test_refuses_more_phases_than_the_chip_has():
    with pytest.raises(InputError, match="has 3 phases, the preset 'single' measures 1"):
        measure(generated("heater", phases=3), engine=MODEL, config=preset("single"))


def test_refuses_too_short_a_signal():
    with pytest.raises(InputError, match=r"hold 1 windows, but two are needed; give at least 0\.075 s"):
        measure(generated("heater", seconds=0.02, start_deg=-90), engine=MODEL, config=preset("single"))
