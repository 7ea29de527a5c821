"""The sub-command ``regs``."""

import argparse
import json

import pytest

from soc.config import PRESETS
from soc.errors import InputError
from soc.registers import FORMATS
from wattseal import regs


def run(*words):
    parser = argparse.ArgumentParser()
    regs.add(parser.add_subparsers())
    arguments = parser.parse_args(["regs", *words])
    return arguments.run(arguments)


@pytest.mark.parametrize("name", FORMATS)
def test_prints_each_format(capsys, name):
    assert run("--format", name) == 0
    assert capsys.readouterr().out == FORMATS[name](PRESETS["polyphase"])


def test_preset_and_file(tmp_path, capsys):
    out = tmp_path / "map.json"
    assert run("--format", "json", "--preset", "tiny", "--out", str(out)) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(out.read_text(encoding="utf-8"))["name"] == "tiny"


def test_write_makes_the_tracked_files(tmp_path, capsys, monkeypatch):
    files = {tmp_path / "a.md": "one\n", tmp_path / "b.svd": "two\n"}
    monkeypatch.setattr(regs, "tracked_files", lambda: files)
    assert run("--write") == 0
    assert {path: path.read_text(encoding="utf-8") for path in files} == files
    assert capsys.readouterr().out == "".join(f"{path}\n" for path in files)


@pytest.mark.parametrize("option", [("--preset", "tiny"), ("--format", "c"), ("--out", "file")])
def test_write_goes_alone(option):
    with pytest.raises(InputError) as caught:
        run("--write", *option)
    sentence = "--write takes no other option: it makes every file, for preset polyphase."
    assert str(caught.value) == sentence


def test_unknown_preset():
    with pytest.raises(InputError, match="There is no preset 'huge'; known are polyphase, single, tiny"):
        run("--preset", "huge")


def test_a_place_that_cannot_be_written(tmp_path):
    place = tmp_path / "missing" / "map.md"
    with pytest.raises(InputError) as caught:
        run("--out", str(place))
    folder = place.parent
    assert (
        str(caught.value) == f"{place}: the folder {folder} does not exist; create it or give another path."
    )
