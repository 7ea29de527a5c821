"""``wattseal calibrate``: from runs to a file that ``wattseal meter`` takes, and what is refused."""

import json
import math

import numpy as np
import pytest

from soc.formats.calibration import decode
from wattseal.main import main

REFERENCE = "volts=230,amperes=10,lag_deg=60"


def recording(path, *, gain=1.0, late_deg=0.0, offset=0.0, seconds=1.0, amperes=10.0):
    """230 V and a current that lags by 60°, seen by a current sensor with errors."""
    times = np.arange(round(seconds * 10_000)) / 10_000
    turn = 2 * np.pi * 50 * times
    volts = 230 * math.sqrt(2) * np.sin(turn)
    current = gain * amperes * math.sqrt(2) * np.sin(turn - np.radians(60 + late_deg)) + offset
    rows = [f"{t:.6f},{v:.9f},{i:.9f}" for t, v, i in zip(times, volts, current, strict=True)]
    path.write_text("Time (s),Voltage (V),Current (A)\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def calibrate(tmp_path, capsys):
    """Run the command; returns its status, what it wrote of errors, and the calibration or None."""

    def run(*arguments):
        out = tmp_path / "calibration.json"
        out.unlink(missing_ok=True)
        status = main(["calibrate", *map(str, arguments), "--out", str(out)])
        error = capsys.readouterr().err.strip()
        return status, error, decode(out.read_text(), "written") if out.exists() else None

    return run


def corrections(calibration):
    words = calibration.settings.channels[1]
    return words.gain / 2**30, words.delay / 2**27 * 2.25, words.offset / 2**27 * calibration.i_max


def test_recordings(calibrate, tmp_path):
    full = recording(tmp_path / "full.csv", gain=1.01, late_deg=0.5, offset=0.3)
    light = recording(tmp_path / "light.csv", gain=1.02, late_deg=0.7, amperes=1.0, offset=0.3)
    status, error, found = calibrate(full, "--reference", REFERENCE)
    assert (status, error) == (0, "")
    assert corrections(found) == pytest.approx((1 / 1.01, -0.5, 0.3), abs=1e-5)
    assert (found.preset, found.v_max, found.i_max) == ("single", 500, 25)
    status, error, found = calibrate(
        full, light, "--reference", REFERENCE, "--reference", "volts=230,amperes=1,watts=115"
    )
    assert (status, error) == (0, "")
    regions = found.settings.channels[1].regions
    assert (regions[1].gain - regions[0].gain) / 2**30 == pytest.approx(1 / 1.01 - 1 / 1.02, rel=0.02)


def test_run_file(calibrate, tmp_path):
    recording(tmp_path / "full.csv", gain=0.99)
    runs = tmp_path / "runs.toml"
    runs.write_text(
        'preset = "polyphase"\nv_max = 400\n[[run]]\nrecording = "full.csv"\ncurrents = ["neutral"]\n'
        "volts = 230\namperes = 10\nlag_deg = 60\nstart = 0.2\nseconds = 0.5\n"
    )
    status, error, found = calibrate(runs, "--i-max", "50")
    assert (status, error) == (0, "")
    assert (found.preset, found.v_max, found.i_max) == ("polyphase", 400, 50)
    assert found.settings.channels[6].gain / 2**30 == pytest.approx(1 / 0.99, rel=1e-6)


def test_simulated_sensors(calibrate):
    sensor = "current1:gain=1.01,phase_deg=0.5,offset=0.1"
    status, error, found = calibrate("--simulate", sensor, "--reference", REFERENCE)
    assert (status, error) == (0, "")
    assert corrections(found) == pytest.approx((1 / 1.01, -0.5, 0.1), abs=1e-5)
    three = "volts=230/231/229,amperes=10,lag_deg=60,lead_deg=0/-120/120,seconds=0.2"
    status, error, found = calibrate("--simulate", "voltage2:phase_deg=0.3", "--reference", three)
    assert found.preset == "polyphase"
    delays = [channel.delay / 2**27 * 2.25 for channel in found.settings.channels]
    assert delays[1] == pytest.approx(-0.3, abs=1e-4)
    assert delays[4] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "There are 0 recordings and 0 times --reference; give one for each, or a run file."),
        (("--reference", REFERENCE), "There are 0 recordings and 1 times --reference"),
        (("--simulate", "current1", "--reference", REFERENCE), "--simulate must be CHANNEL:ERRORS"),
        (("--simulate", "current2:gain=1", "--reference", REFERENCE), "there is no such channel"),
        (("--simulate", "current1:gian=1", "--reference", REFERENCE), "no key 'gian'; known are gain"),
        (("--simulate", "current1:gain=x", "--reference", REFERENCE), "gain must be a number"),
        (("--simulate", "current1:gain=1.5", "--reference", REFERENCE), "gain must be from 0.8 to 1.25"),
        (("--simulate", "current1:gain=1"), "there is no run"),
        (("--simulate", "current1:gain=1", "--reference", "volts"), "--reference must be KEY=VALUE"),
        (("--simulate", "current1:gain=1", "--reference", "volts=230"), "amperes is missing"),
        (("--simulate", "current1:gain=1", "--reference", "volts=230,amperes=1"), "either lag_deg or watts"),
        (("--simulate", "current1:gain=1", "--reference", "volts=0,amperes=1,lag_deg=0"), "more than 0"),
        (("--simulate", "current1:gain=1", "--reference", "volts=9,amperes=1,watts=9"), "give lag_deg"),
        (("--simulate", "current1:gain=1", "--reference", f"{REFERENCE},current=1"), "with recordings only"),
        (("--simulate", "current1:gain=1", "--reference", f"{REFERENCE},x=1"), "there is no key 'x'"),
        (("--simulate", "current1:gain=1", "--reference", f"{REFERENCE},currents=a"), "has no current 'a'"),
        (("--simulate", "current1:gain=1", "--reference", REFERENCE, "--preset", "x"), "no preset 'x'"),
        (("--simulate", "current1:gain=1", "--reference", REFERENCE, "--i-max", "1"), "current1 is clipped"),
        (("missing.toml",), "missing.toml: cannot be read"),
        (("missing.csv", "--reference", REFERENCE), "missing.csv: does not exist"),
    ],
)
def test_refused(calibrate, arguments, sentence):
    status, error, found = calibrate(*arguments)
    assert (status, found) == (2, None)
    assert sentence in error
    assert "\n" not in error


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "is no TOML"),
        ("", "there is no run"),
        ("run = 1", "there is no run"),
        ("runs = 1", "there is no key 'runs'"),
        ("simulate = 1\n[[run]]", "simulate must hold tables"),
        ("[[run]]\nvolts = 1", "needs either a recording or a simulated sensor"),
        ("[[run]]\nrecording = 3", "run 1: recording must be a file name, not 3"),
        ("preset = 1\n[simulate.current1]\n[[run]]\nvolts = 1", "preset must be a name, not 1"),
        ("[simulate.current1]\n[[run]]\nvolts = []", "volts must be one or more numbers"),
        ("[simulate.current1]\n[[run]]\nvolts = [1, 2]\namperes = [1, 2, 3]", "amperes must be 2 numbers"),
        ('[simulate.current1]\n[[run]]\nvolts = "1"', "volts must be a number"),
        ("[simulate.current1]\n[[run]]\nvolts = 1\namperes = 1\nlag_deg = 0\nseconds = 0", "from 0.05 to 60"),
    ],
)
def test_run_file_refused(calibrate, tmp_path, text, sentence):
    runs = tmp_path / "runs.toml"
    runs.write_text(text)
    status, error, found = calibrate(runs)
    assert (status, found) == (2, None)
    assert error.startswith(f"wattseal: {runs}")
    assert sentence in error


def test_the_meter_takes_the_file(calibrate, tmp_path, capsys):
    file = recording(tmp_path / "full.csv", gain=1.01, late_deg=0.5, offset=0.3)
    assert calibrate(file, "--reference", REFERENCE)[0] == 0
    out, written = tmp_path / "calibration.json", tmp_path / "readings.json"
    meter = ["meter", str(file), "--calibration", str(out)]
    assert main([*meter, "--engine", "model", "--out", str(written)]) == 0
    capsys.readouterr()
    phase = json.loads(written.read_text())["phases"][0]
    assert phase["active_w"] == pytest.approx(1150, rel=2e-5)
    assert phase["irms_a"] == pytest.approx(10, rel=2e-5)
    assert json.loads(written.read_text())["calibration"]["state"] == "calibrated"
    assert json.loads(written.read_text())["quantities"]["temperature"] == 23.0

    def refused(*arguments):
        assert main([*meter, *arguments]) == 2
        error = capsys.readouterr().err.strip().splitlines()
        assert len(error) == 1
        return error[0]

    assert "is for --i-max 25.0, not 10.0" in refused("--engine", "model", "--i-max", "10")
    assert "--declared does not go with it" in refused("--engine", "model", "--declared", "230")
    out.write_text(out.read_text().replace('"crc": "0x', '"crc": "0y'))
    assert "but that of the values is" in refused("--engine", "model")
    out.unlink()
    assert "cannot be read" in refused("--engine", "model")
