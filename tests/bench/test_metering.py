"""The benchmark of the metering on tiny runs: figures follow from what ran, and the command shows them."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from bench import metering
from bench.metering import Clocks, ModelSpeed, RtlSpeed, model_speed, rtl_speed
from bench.synth import Utilisation
from soc.config import preset
from wattseal import bench
from wattseal.main import main

TINY = preset("tiny")
BUDGETS = Path(metering.__file__).with_name("budgets.toml")


def test_speeds_are_measured():
    rtl = rtl_speed(TINY, 0.02)
    assert rtl.one > 0
    assert rtl.two > 0
    model = model_speed(TINY, points=3, seconds=0.1, jobs=1)
    assert model.meter_seconds in (0.3, pytest.approx(1.2), pytest.approx(2.1), pytest.approx(3.0))
    assert model.speed > rtl.one


def test_clocks_of_a_signal_that_does_all_at_the_same_time():
    found = metering.clocks(TINY, 0.15, (50.0,))
    assert [each.signal for each in found] == ["sines", "all at the same time"]
    for each in found:
        assert 0 < each.set_usual <= each.set_worst <= metering.MARKS["clocks"]
        assert each.window_worst > each.set_worst
        assert 0 < each.share < 1
        assert each.overruns == 0
    assert found[1].set_worst > found[0].set_worst


@pytest.mark.slow
@pytest.mark.parametrize("name", ["polyphase", "single"])
def test_the_worst_signals_are_within_their_budgets(name):
    budgets = tomllib.loads(BUDGETS.read_text())["metering"]
    found = metering.clocks(preset(name), 0.3, (50.0,))
    assert max(each.set_worst for each in found) <= budgets[f"sample_set_{name}"], found
    assert max(each.window_worst for each in found) <= budgets[f"window_{name}"], found
    assert max(each.overruns for each in found) == 0


def test_signals_fit_their_lanes():
    config = preset("polyphase")
    for make in (metering._sines, metering._together):
        codes = metering._codes(make(config, 0.1, 50.0), config)
        assert codes.shape == (800, config.lanes)
        assert np.abs(codes).max() <= 1 << 23


@pytest.mark.parametrize("synth", [False, True])
def test_the_command_prints_and_writes(synth, monkeypatch, tmp_path, capsys):
    def rtl(config, seconds, progress):
        return RtlSpeed(preset=config.name, meter_seconds=seconds, one=0.1, two=0.19, cpu=0.1, load=0.5)

    model = ModelSpeed(preset="single", points=200, jobs=2, meter_seconds=1.0, speed=38.0, cpu=30.0, load=0.5)
    clocks = Clocks(
        signal="sines",
        frequency_hz=50.0,
        set_usual=900,
        set_worst=1234,
        window_worst=100_000,
        share=0.5,
        overruns=0,
    )
    monkeypatch.setattr(metering, "rtl_speed", rtl)
    monkeypatch.setattr(metering, "model_speed", lambda config, seconds, progress: model)
    monkeypatch.setattr(metering, "clocks", lambda *given: [clocks])
    used = Utilisation(lut4=8000, ff=3000, dsp=16, ebr=60, mhz=30.0)
    monkeypatch.setattr(metering, "area", lambda config: used)
    monkeypatch.setenv("COLUMNS", "140")
    path = tmp_path / "metering.json"
    assert main(["bench", "metering", "--json", str(path), *(["--synth"] if synth else [])]) == 0
    shown = capsys.readouterr().out
    assert "times the RTL: 200" in shown
    assert "1234" in shown
    assert ("8000" in shown) == synth
    written = json.loads(path.read_text())
    assert written["marks"] == metering.MARKS
    assert [each["preset"] for each in written["rtl"]] == ["single", "polyphase"]
    assert written["clocks"][0]["set_worst"] == 1234
    assert (written["area"] is not None) == synth


def test_bad_input(capsys):
    assert main(["bench", "metering", "--json", "/nowhere/metering.json"]) == 2
    assert "the folder /nowhere does not exist" in capsys.readouterr().err
    assert bench.metering is metering
