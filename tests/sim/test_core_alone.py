"""The metrology domain alone gives the model's bits, with settings and temperature, and counts its clocks."""

import numpy as np
import pytest

from rtl.metering.program.settings import DELAY_FRACTION, GAIN_FRACTION, LINEAR_FRACTION, Settings
from rtl.metering.state import fields
from sim.backends import backend
from sim.core_alone import CoreAlone
from sim.loads import LOADS, lanes
from sim.mains import Mains
from sim.meter import Analogue, CoreEngine, ModelEngine, measure
from soc.config import preset

CONFIG = preset("single")
SECONDS = 0.16


def calibrated():
    settings = Settings(CONFIG.metering)
    voltage, current, _ = settings.channels
    voltage.gain = round(1.01 * (1 << GAIN_FRACTION))
    voltage.linear = round(1e-4 * (1 << LINEAR_FRACTION))
    current.offset = 1000
    current.delay = round(2.3 * (1 << DELAY_FRACTION))
    current.regions[1].start = 1 << 28
    current.regions[1].gain = round(1.002 * (1 << GAIN_FRACTION))
    settings.crc = settings.computed_crc
    return [field.value for _, field in fields(settings)]


def household():
    pairs = lanes(LOADS["household"].load, Mains(), float(CONFIG.sample_rate_hz), SECONDS)
    return Analogue(source="household", lanes=pairs, start_s=0.0, seconds=SECONDS)


@pytest.mark.parametrize("words", [(), calibrated()], ids=["own settings", "calibrated"])
def test_core_gives_the_bits_of_the_model(words):
    measured = {}
    for kind in (CoreEngine, ModelEngine):
        engine = kind(backend("pysim"))
        engine.settings, engine.temperature_c = words, 33.0
        measured[kind] = measure(household(), engine=engine, config=CONFIG)
    core, model = (measured[kind].windows.records for kind in (CoreEngine, ModelEngine))
    assert len(core) == len(model) > 4
    for found, expected in zip(core, model, strict=True):
        assert dict(found) == dict(expected), f"window {expected['sequence']}"
    assert core[-1]["temperature"] == 33 << 8
    assert core[-1]["calibration_state"] == bool(words)
    assert core[-1]["calibration_changes"] == 0, "settings are there before the first sample set"


def test_clocks_of_each_set_and_of_the_background_are_counted():
    core = CoreAlone(CONFIG)
    before = core.cycles
    core.run(np.zeros((500, CONFIG.lanes), np.int64))
    core.run(np.zeros((100, CONFIG.lanes), np.int64))
    assert len(core.clocks) >= 599, "the last one may not have ended"
    assert min(core.clocks) > 0
    assert max(core.clocks) <= 1600
    assert core.background
    assert core.cycles - before >= sum(core.clocks)
