"""The benchmark of the simulation on small loads: its figures are complete and follow from its runs."""

import json

import pytest

from bench import simulation
from bench.simulation import Load, compare
from sim.backends import backend
from soc.config import preset
from wattseal import bench
from wattseal.main import main

CONFIG = preset("single").with_changes(uart_baud=5_000_000)
SMALL = {"verilator": Load(sets=200, accesses=40), "pysim": Load(sets=1, accesses=2)}


def test_every_figure_is_measured():
    speeds = compare(CONFIG, 2, lambda step, fraction: None, SMALL)
    assert [speed.backend for speed in speeds] == ["verilator", "pysim"]
    for speed in speeds:
        assert speed.runs == 2
        assert speed.cycles_per_s >= speed.cycles_per_s_median > 0
        assert 0 < speed.access_us <= speed.access_us_median
        assert 0 < speed.burst_us <= speed.burst_us_median
        assert speed.sets_per_s >= speed.sets_per_s_median > 0


def test_the_loads_are_what_they_say():
    samples = simulation._mains(50, CONFIG)
    assert samples.shape == (50, CONFIG.lanes)
    run = backend("verilator").run
    sleeping = run(CONFIG, simulation.asleep, samples=samples, hold_cycles=0)
    assert sleeping.sample_sets == 50
    assert sleeping.operations == 2
    assert run(CONFIG, simulation.single_accesses, 20).operations == 20
    assert run(CONFIG, simulation.window_reads, 20).operations == 20


def test_the_command_prints_and_writes(monkeypatch, tmp_path, capsys):
    measured = compare(CONFIG, 1, lambda step, fraction: None, SMALL)
    monkeypatch.setattr(bench, "compare", lambda config, runs, progress: measured)
    monkeypatch.setenv("COLUMNS", "120")
    path = tmp_path / "speed.json"
    assert main(["bench", "simulation", "--preset", "single", "--json", str(path)]) == 0
    written = json.loads(path.read_text())
    assert written["marks"] == {"cycles_per_s": 1_000_000, "access_us": 40}
    assert [each["backend"] for each in written["backends"]] == ["verilator", "pysim"]
    assert written["backends"][0]["access_us"] == measured[0].access_us
    assert "Access, 1 word" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--runs", "0"], "--runs must be 1 or more, not 0"),
        (["--preset", "huge"], "There is no preset 'huge'; known are polyphase, single, tiny"),
        (["--json", "/nowhere/speed.json"], "/nowhere/speed.json: the folder /nowhere does not exist"),
    ],
)
def test_bad_input(arguments, sentence, capsys):
    assert main(["bench", "simulation", *arguments]) == 2
    assert sentence in capsys.readouterr().err
