"""C++ is compiled once for its content, and what cannot be compiled is said in one sentence."""

import multiprocessing
import re

import pytest

from sim import native
from soc.errors import InputError

SOURCE = 'extern "C" int times_three(int x) { return 3 * x; }'


def test_a_library_answers(tmp_path):
    assert native.library(SOURCE, "three", cache=tmp_path).times_three(14) == 42


def test_it_is_compiled_once_for_its_content(tmp_path, monkeypatch):
    native.library(SOURCE, "three", cache=tmp_path)
    monkeypatch.setattr(native, "_compile", lambda source, work: pytest.fail("compiled again"))
    assert native.library(SOURCE, "three", cache=tmp_path).times_three(1) == 3
    with pytest.raises(BaseException, match="compiled again"):
        native.library(SOURCE.replace("3", "4"), "three", cache=tmp_path)


def test_what_an_interrupted_compilation_left_is_not_used(tmp_path):
    def interrupted(work):
        (work / "half").touch()
        raise KeyboardInterrupt

    def whole(work):
        assert not (work / "half").exists()
        (work / "all").touch()

    folder = tmp_path / "cache" / "thing"
    with pytest.raises(KeyboardInterrupt):
        native.cached(folder, interrupted)
    assert not folder.exists()
    assert (native.cached(folder, whole) / "all").exists()


def _triple(cache):
    return native.library(SOURCE, "three", cache=cache).times_three(5)


def test_processes_that_want_the_same_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_triple, [tmp_path] * 4, chunksize=1) == [15] * 4
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_a_compiler_that_fails(tmp_path):
    with pytest.raises(InputError, match=r"^g\+\+ failed with status 1; its output is in (.*)\.$") as raised:
        native.library("int f() { return missing; }", "broken", cache=tmp_path)
    (log,) = re.findall(r"is in (.*)\.$", str(raised.value))
    with open(log) as text:
        assert "missing" in text.read()


def test_a_compiler_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(native.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"^A part of the simulation is compiled with g\+\+: install it\.$"):
        native.library(SOURCE, "three", cache=tmp_path)
