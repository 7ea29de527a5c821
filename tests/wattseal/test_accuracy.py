"""The sub-command ``accuracy``: its JSON and plot, and what it refuses before the run."""

import json

import pytest

from bench.accuracy import Outcome, grid
from bench.mark import Row
from wattseal import accuracy as command
from wattseal.main import main

SHORT = ("accuracy", "--points", "3", "--seconds", "0.1", "--jobs", "1")


def test_writes_points_and_plot(capsys, tmp_path):
    out, plot = tmp_path / "accuracy.json", tmp_path / "accuracy.SVG"
    assert main([*SHORT, "--class", "0.5S", "--json", str(out), "--plot", str(plot)]) == 0
    written = json.loads(out.read_text())
    assert list(written) == ["worst_percent", "points"]
    assert len(written["points"]) == 3
    for point in written["points"]:
        assert list(point) == [
            "current_ratio",
            "power_factor",
            "frequency_hz",
            "error_percent",
            "limit_percent",
        ]
        assert abs(point["error_percent"]) <= written["worst_percent"] < 0.05
    assert "class 0.5S" in plot.read_text()
    shown = capsys.readouterr().out
    assert "Largest errors of active energy: engine model, preset single" in shown
    assert "Worst of 3 points" in shown
    assert f"Written: {out}" in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["accuracy.SVG", "accuracy.json"]


def test_png(tmp_path):
    plot = tmp_path / "accuracy.png"
    assert main([*SHORT, "--plot", str(plot)]) == 0
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_on_the_rtl(capsys):
    assert main(["accuracy", "--points", "1", "--seconds", "0.1", "--jobs", "1", "--engine", "rtl"]) == 0
    assert "engine rtl, preset single" in capsys.readouterr().out


def test_a_broken_limit_and_a_broken_mark_are_shown(capsys, monkeypatch):
    points = grid(current_ratios=(1.0, 0.02), lags_deg=(0.0, 60.0), frequencies_hz=(50.0,))
    errors = (0.12, -0.003, 0.3, 0.001)
    outcomes = [Outcome(point=at, error_percent=e) for at, e in zip(points, errors, strict=True)]
    monkeypatch.setattr(command, "accuracy", lambda *given, **named: iter(outcomes))
    monkeypatch.setattr(
        command, "marks", lambda *given, **named: [Row(name="Frequency", figure=2.0, mark=1.0, unit="mHz")]
    )
    assert main(["accuracy", "--marks"]) == 0
    shown = capsys.readouterr().out
    assert "+0.12000" in shown
    assert "0.1 NO" in shown
    assert "0.15 NO" in shown
    assert "0.01 NO" in shown
    assert "0.01 yes" in shown
    assert "1 mHz NO" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--class", "7"), "There is no class '7'; known are 0.1S, 0.2S, 0.5S"),
        (("--engine", "steam"), "There is no engine 'steam'; known are rtl,"),
        (("--preset", "huge"), "There is no preset 'huge'"),
        (("--jobs", "0"), "--jobs must be 1 or more, not 0"),
        (("--jobs", "x"), "argument --jobs: invalid int value: 'x'"),
        (("--points", "0"), "--points must be from 1 to 220, not 0"),
        (("--points", "1000"), "--points must be from 1 to 220, not 1000"),
        (("--seconds", "0"), "--seconds: must be a number from 0.1 to 3600, not '0'"),
        (("--plot", "plot.pdf"), "plot.pdf: a plot is .svg or .png"),
        (("--json", "no/x.json"), "does not exist"),
        (("--json", "fine.json", "--plot", "no/x.svg"), "does not exist"),
        (("--json", "a.svg", "--plot", "a.svg"), "is given for JSON and for the plot"),
    ],
)
def test_refuses_in_one_sentence_before_the_run(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "accuracy", None)
    status: object
    try:
        status = main(["accuracy", *arguments])
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
    assert not list(tmp_path.iterdir())
