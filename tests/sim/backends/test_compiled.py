"""The cache of compiled simulators: by content, safe against others and against interruptions."""

import threading
import time

import pytest

from sim.backends import compiled
from soc.config import preset
from soc.errors import InputError

CONFIG = preset("tiny")


@pytest.fixture
def making(monkeypatch):
    """Replaces what takes long, and holds the sources still; returns a list that gets an entry each time."""
    made = []

    def make(config, work, progress):
        assert list(work.iterdir()) == []
        time.sleep(0.2)
        (work / "simulator").write_text(config.name)
        made.append(config)

    monkeypatch.setattr(compiled, "source_revision", lambda: bytes(32))
    monkeypatch.setattr(compiled, "_elaborate", lambda config, work, progress: None)
    monkeypatch.setattr(compiled, "_make", make)
    return made


def silent(step, fraction):
    pass


def test_made_once_for_a_content(making, tmp_path):
    first = compiled.simulator(CONFIG, silent, tmp_path)
    assert compiled.simulator(CONFIG, silent, tmp_path) == first
    assert first.read_text() == "tiny"
    other = compiled.simulator(CONFIG.with_changes(uart_fifo_depth=32), silent, tmp_path)
    assert other != first
    assert len(making) == 2


def test_content_follows_the_sources(monkeypatch):
    contents = set()
    for revision in (bytes(32), bytes(range(32)), bytes(32)):
        monkeypatch.setattr(compiled, "source_revision", lambda revision=revision: revision)
        contents.add(compiled._content(CONFIG))
    assert len(contents) == 2


def test_sources_that_change_meanwhile_are_not_kept(making, tmp_path, monkeypatch):
    revisions = iter([bytes([number]) for number in (1, 2, 2, 2)])
    monkeypatch.setattr(compiled, "source_revision", lambda: next(revisions))
    assert compiled.simulator(CONFIG, silent, tmp_path).read_text() == "tiny"
    assert len(making) == 1
    always = iter(range(10, 256))
    monkeypatch.setattr(compiled, "source_revision", lambda: bytes([next(always)]))
    with pytest.raises(InputError, match="The sources of the chip keep changing"):
        compiled.simulator(CONFIG, silent, tmp_path)
    assert len(making) == 1


def test_concurrent_processes_make_it_once(making, tmp_path):
    found, steps = [], []

    def want():
        found.append(compiled.simulator(CONFIG, lambda step, fraction: steps.append(step), tmp_path))

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(making) == 1
    assert len(set(found)) == 1
    assert "Waiting for another process that compiles the same simulator" in steps


def test_what_an_interruption_leaves_is_not_used(making, tmp_path, monkeypatch):
    def interrupted(config, work, progress):
        (work / "simulator").write_text("half of it")
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(compiled, "_make", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compiled.simulator(CONFIG, silent, tmp_path)
    assert compiled.simulator(CONFIG, silent, tmp_path).read_text() == "tiny"


def test_missing_tools_are_named(making, tmp_path, monkeypatch):
    cached = compiled.simulator(CONFIG, silent, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compiled.simulator(CONFIG, silent, tmp_path) == cached
    with pytest.raises(InputError, match=r"needs g\+\+ \(a C\+\+ compiler\), make .*, perl .*: install"):
        compiled.simulator(CONFIG, silent, tmp_path / "other")


def test_a_tool_that_fails_is_told_with_its_reason(tmp_path):
    steps = []
    command = ["sh", "-c", "echo 'before'; echo 'tool: error: no space left'; exit 3"]
    with pytest.raises(InputError, match=r"^Compiling failed with status 3: tool: error: no space left; the"):
        compiled._call(command, tmp_path, lambda step, fraction: steps.append(step), "Compiling")
    assert steps == ["Compiling"]
    with pytest.raises(InputError, match="failed with status 1: no reason is given"):
        compiled._call(["sh", "-c", ": > log; exit 1"], tmp_path, silent, "Compiling")


def test_progress_counts_objects(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.cpp").touch()
    fractions = []
    command = ["sh", "-c", "touch 0.o 1.o 2.o 3.o 4.o; sleep 0.5"]
    compiled._call(command, tmp_path, lambda step, fraction: fractions.append(fraction), "Making", tmp_path)
    assert fractions[0] is None
    assert fractions[-1] == 0.5


def test_half_a_period():
    assert compiled.half_period(50_000_000) == 10_000_000
    assert compiled.half_period(24_576_000) == 20_345_052
