"""The sub-command ``build``: what it prints, and its exit status."""

import argparse

import pytest

from rtl.bus import LifecycleState
from soc.boards import BOARDS
from soc.build import STEPS
from soc.errors import InputError
from soc.utilisation import Clock, Cost, Utilisation
from wattseal import build

SYNTHESISED = Utilisation({"metrology": Cost(3000, 1200, 4, 16), "timer": Cost(500, 400)}, None, {}, {})


def placed(achieved):
    return Utilisation(
        SYNTHESISED.blocks,
        Cost(83640, 83640, 156, 208),
        {"application": Clock(50.0, 83.1), "metrology": Clock(25.0, achieved)},
        {"metrology": {"application": 111.0, "metrology": achieved}, "timer": {"application": 83.1}},
    )


def run(*words):
    parser = argparse.ArgumentParser()
    build.add(parser.add_subparsers())
    arguments = parser.parse_args(["build", *words])
    return arguments.run(arguments)


@pytest.fixture
def result(monkeypatch):
    """Replaces the build by one that gives what is asked for; returns what it was called with."""
    calls = []

    def give(utilisation):
        def built(board, folder, *, place, progress):
            calls.append((board.name, folder.as_posix(), place))
            for step in STEPS if place else STEPS[:2]:
                progress(step, "")
                progress(step, "Info: a line of the tool")
            return utilisation

        monkeypatch.setattr(build, "build", built)
        return calls

    return give


def test_a_build(result, capsys):
    calls = result(placed(34.0))
    assert run("--board", "ulx3s-85f") == 0
    assert calls == [("ulx3s-85f", "build/boards/ulx3s-85f", True)]
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines]
    assert [row[0] for row in rows if row and row[-1] == "s"] == [
        "Elaborate:",
        "Synthesise:",
        "Place",
        "Pack",
    ]
    assert ["metrology", "3000", "1200", "4", "16", "111.0", "34.0"] in rows
    assert ["timer", "500", "400", "0", "0", "83.1"] in rows
    assert ["in", "all", "3500", "1600", "4", "16"] in rows
    assert ["device", "83640", "83640", "156", "208"] in rows
    assert ["application", "50", "83.1", "holds"] in rows
    assert lines[-1] == "All files are in build/boards/ulx3s-85f."


def test_the_lifecycle_state(monkeypatch):
    states = []

    def built(board, folder, *, place, progress):
        states.append(board.config.lifecycle)
        return SYNTHESISED

    monkeypatch.setattr(build, "build", built)
    for words in ((), ("--lifecycle", "manufacturing")):
        assert run("--board", "ulx3s-85f", "--no-pnr", *words) == 0
    assert states == [LifecycleState.OPERATION, LifecycleState.MANUFACTURING]


def test_a_missed_clock_is_told_and_gives_status_1(result, capsys):
    result(placed(24.9))
    assert run("--board", "ulx3s-85f", "--out", "elsewhere") == 1
    printed = capsys.readouterr()
    assert ["metrology", "25", "24.9", "missed"] in [line.split() for line in printed.out.splitlines()]
    assert printed.err == "wattseal: the metrology clock is missed, so there is no bitstream in elsewhere.\n"


def test_without_place_and_route(result, capsys):
    calls = result(SYNTHESISED)
    assert run("--board", "icebreaker", "--no-pnr") == 0
    assert calls == [("icebreaker", "build/boards/icebreaker", False)]
    out = capsys.readouterr().out
    assert "Place and route" not in out
    assert "MHz" not in out
    assert "LUT4 is an estimate, and there is no clock before place and route." in " ".join(out.split())


def test_the_list_of_boards(capsys):
    assert run("--list") == 0
    out = capsys.readouterr().out
    assert [name for name in BOARDS if name in out] == list(BOARDS)


def test_an_unknown_board(capsys):
    with pytest.raises(InputError, match="There is no board 'foo'"):
        run("--board", "foo")
    with pytest.raises(SystemExit):
        run()
    assert "one of the arguments --board --list is required" in capsys.readouterr().err
