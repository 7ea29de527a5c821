"""The command: help that teaches, errors of one sentence with status 2, files whole or not at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rtl.metering.constants import Constants
from sim.loads import LOADS
from wattseal.main import COMMANDS, main

SHARED = Path(__file__).parents[3] / "shared" / "data" / "waveforms"


@pytest.fixture
def recording(tmp_path):
    """A generated recording as CSV: 0.3 s of a lagging load at 10 kS/s."""
    import numpy as np

    times = np.arange(3000) / 10_000
    volts = 325 * np.sin(2 * np.pi * 50 * times - 0.5)
    amperes = 7 * np.sin(2 * np.pi * 50 * times - 1.5)
    rows = [f"{t:.6f},{v:.6f},{i:.6f}" for t, v, i in zip(times, volts, amperes, strict=True)]
    path = tmp_path / "load.csv"
    path.write_text("Time (s),Voltage (V),Current (A)\n" + "\n".join(rows) + "\n")
    return path


def refused(capsys, *arguments):
    """The one sentence on standard error with which the command refuses the arguments."""
    status: object
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    assert status == 2, captured.err
    lines = [line for line in captured.err.splitlines() if not line.endswith("…")]
    assert len(lines) == 1, captured.err
    return lines[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"wattseal {command}" in capsys.readouterr().out


def test_starts_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "wattseal", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("wattseal ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "wattseal: the following arguments are required: COMMAND"),
        (("frob",), "invalid choice: 'frob'"),
        (("run", "--backend", "abacus"), "There is no back-end 'abacus'; known are verilator, pysim"),
        (("run", "--load", "toaster"), "There is no load 'toaster'; known are heater"),
        (("run", "--preset", "huge"), "There is no preset 'huge'; known are polyphase, single, tiny"),
        (("run", "--phases", "2"), "--phases must be 1 or 3, not 2"),
        (
            ("run", "--phases", "3", "--preset", "single"),
            "has 3 phases, the preset 'single' measures 1; choose fewer channels",
        ),
        (("run", "--seconds", "-1"), "--seconds: must be a number from 0.01 to 3600, not '-1'"),
        (("run", "--seconds", "0.01"), "two are needed; give at least"),
        (("run", "--segment", "2"), "--segment does not go with a generated load"),
        (("run", "--waveform", "x.csv", "--load", "heater"), "--load does not go with --waveform"),
        (("run", "--waveform", "missing.csv"), "missing.csv: does not exist"),
        (("run", "--seconds", "1e300"), "--seconds: must be a number from 0.01 to 3600, not '1e300'"),
        (("run", "--frequency", "1e5"), "--frequency: must be a number from 1 to 1000"),
        (("run", "--side", "primary"), "--side does not go with a generated load"),
        (("meter", "x.csv", "--v-max", "1e300"), "--v-max: must be a number from 0.001 to 1e+07"),
        (("meter", "x.csv", "--engine", "model", "--backend", "pysim"), "--backend does not go with"),
        (("meter", "x.csv", "--engine", "core", "--backend", "pysim"), "--backend does not go with"),
        (("meter",), "the following arguments are required: FILE"),
        (("meter", "missing.csv"), "missing.csv: does not exist"),
        (("meter", "x.csv", "--engine", "steam"), "There is no engine 'steam'; known are rtl, core, model"),
        (("build", "--board", "breadboard"), "breadboard"),
        (("regs", "--preset", "huge"), "There is no preset 'huge'"),
    ],
)
def test_refuses_in_one_sentence(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(capsys, *arguments)
    assert not list(tmp_path.rglob("report*")), "nothing half written"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Time (s),Voltage (V)\n0,1\n0.001,2\n", "current"),
        ("", "load.csv"),
        (
            "Time (s),V (V),I (A)\n"
            + "".join(f"{k / 1000},1,{'nan' if k == 70 else 2}\n" for k in range(99)),
            "line 72",
        ),
    ],
)
def test_refuses_a_broken_recording(text, sentence, capsys, tmp_path):
    path, out = tmp_path / "load.csv", tmp_path / "readings.json"
    path.write_text(text)
    message = refused(capsys, "meter", path, "--out", out)
    assert str(path) in message
    assert sentence in message
    assert not out.exists()


def test_refuses_an_output_that_cannot_be_written(recording, capsys, tmp_path):
    message = refused(
        capsys, "meter", recording, "--engine", "model", "--out", tmp_path / "no" / "readings.json"
    )
    assert f"the folder {tmp_path / 'no'} does not exist" in message
    assert "is a folder" in refused(capsys, "meter", recording, "--engine", "model", "--out", tmp_path)


@pytest.mark.parametrize("engine", ["model", "rtl"])
def test_meter_writes_readings(engine, recording, capsys, tmp_path):
    out = tmp_path / "readings.json"
    assert main(["meter", str(recording), "--engine", engine, "--out", str(out)]) == 0
    written = json.loads(out.read_text())
    assert written["engine"] == engine
    (phase,) = written["phases"]
    reference = phase.pop("reference")
    assert list(phase) == list(reference)
    assert phase["active_w"] == pytest.approx(reference["active_w"], rel=2e-4)
    assert phase["power_factor"] == pytest.approx(0.5403, abs=1e-4)
    start, end = written["interval_s"]
    assert 0 < start < 0.05
    assert (end - start) / 0.02 == pytest.approx(round((end - start) / 0.02), abs=1e-3)
    assert written["status"] == {"flags": ["uncalibrated"], "seen": ["uncalibrated"]}
    assert written["events"] == []
    assert written["calibration"]["state"] == "not calibrated"
    assert written["harmonics"] is None
    assert written["quantities"]["phase0"]["power_factor_fundamental"] == pytest.approx(0.5403, abs=1e-4)
    shown = capsys.readouterr().out
    assert "Full scale: 500 V and 10 A peak." in shown
    assert "Active power" in shown
    assert "Fundamental active power P1, W" in shown
    assert "Reactive Q1, varh" in shown
    assert "--preset polyphase does" in shown


def test_meter_shows_harmonics_and_phases_side_by_side(recording, capsys):
    arguments = ["--engine", "model", "--preset", "polyphase", "--seconds", "0.6", "--temperature", "-10"]
    assert main(["meter", str(recording), *arguments]) == 0
    shown = capsys.readouterr().out
    assert "THD of current, %" in shown
    assert "windows of 10 or 12 cycles" in shown
    assert "-10" in next(line for line in shown.splitlines() if "Temperature" in line)


def test_run_writes_a_report(capsys, tmp_path):
    assert main(["run", "--load", "dimmer", "--seconds", "0.2", "--out", str(tmp_path / "report")]) == 0
    assert "Active power" in capsys.readouterr().out
    page = (tmp_path / "report" / "report.html").read_text()
    data = json.loads((tmp_path / "report" / "report.json").read_text())
    assert page.count("<svg") == 3
    assert data["simulation"]["sample_sets"] == 1601 + Constants.tail_sets
    assert LOADS["dimmer"].load is not None
    assert data["phases"][0]["active_w"] == pytest.approx(
        data["phases"][0]["reference"]["active_w"], rel=2e-4
    )


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="there are no recordings beside the checkout, in ../shared/data/waveforms"
)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ev_charging/nissan_leaf/waveform_1.csv", ()),
        ("ev_charging/nissan_leaf/waveform_9.csv", ()),
        ("appliances_230v_50hz/halogen_lamp_dimmed.npz", ("--start", "1", "--seconds", "0.3")),
        ("appliances_adc_codes/induction.npz", ("--seconds", "0.3")),
        (
            "three_phase_fault/ymz.cfg",
            ("--segment", "1", "--voltage", "1,2,3", "--current", "9,10,11"),
        ),
    ],
)
def test_meter_reads_recorded_mains(name, options, capsys, tmp_path):
    out = tmp_path / "readings.json"
    assert main(["meter", str(SHARED / name), "--engine", "model", "--out", str(out), *options]) == 0
    for phase in json.loads(out.read_text())["phases"]:
        truth = phase["reference"]
        assert phase["active_w"] == pytest.approx(truth["active_w"], abs=2e-4 * truth["apparent_va"] + 1e-6)
        assert (phase["frequency_hz"] is None) == (truth["frequency_hz"] is None)
