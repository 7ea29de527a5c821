"""What is peculiar to running in another process: what cannot go there, and what may happen to it."""

import os
import signal
import subprocess

import pytest

from sim.backends import backend
from sim.backends import verilator as module
from sim.backends.verilator import SimulatorError
from soc.config import preset
from soc.errors import InputError
from soc.generated import registers
from sw.app.ops import Read, Wait

CONFIG = preset("single").with_changes(uart_baud=5_000_000, aes="none", p256="none")


class Strange(Exception):
    """Cannot be unpickled: its constructor wants more than it keeps."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def strange():
    yield Read(registers.sysinfo.base)
    raise Strange("this", "that")


def returns(what):
    yield Read(registers.sysinfo.base)
    return what if what != "function" else lambda: None


def dies():
    yield Read(registers.sysinfo.base)
    os._exit(3)


def endless():
    while True:
        yield Wait(0, 100_000)


def run(*arguments, **options):
    return backend("verilator").run(CONFIG, *arguments, **options)


def test_values_come_back_as_they_are():
    value = {"numbers": [1, 2.5, None], "bytes": b"\0\xff", ("a", 1): Read(4, 2)}
    assert run(returns, value).value == value


def test_an_exception_tells_where_it_came_from():
    with pytest.raises(SimulatorError, match=r"The scenario .*\.strange failed") as caught:
        run(strange)
    assert 'Strange("this", "that")' in "\n".join(caught.value.__notes__)


def test_a_result_that_cannot_come_back():
    with pytest.raises(Exception, match="pickle") as caught:
        run(returns, "function")
    assert "in the simulator's process" in "\n".join(caught.value.__notes__)


def test_what_cannot_go_there_is_refused():
    def local():
        yield Read(0)

    def of_main():
        yield Read(0)

    of_main.__module__ = "__main__"
    with pytest.raises(InputError, match="finds a scenario by its name: it must be a function of a module"):
        run(local)
    with pytest.raises(InputError, match=r"cannot run .*returns, since its arguments cannot be taken"):
        run(returns, lambda: None)


def test_a_simulator_that_dies_is_no_success():
    with pytest.raises(SimulatorError, match=r"ended without a result of .*dies"):
        run(dies)


def test_an_interrupt_ends_the_simulator(monkeypatch):
    started = []

    class Watched(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    def interrupt(step, fraction):
        if step == "Simulating":
            raise KeyboardInterrupt

    run(returns, 0)
    monkeypatch.setattr(module.subprocess, "Popen", Watched)
    with pytest.raises(KeyboardInterrupt):
        run(endless, progress=interrupt)
    assert "simulator" in str(started[-1].args)
    assert started[-1].returncode == -signal.SIGKILL


def test_a_missing_shared_library_of_python(monkeypatch):
    monkeypatch.setattr(module.find_libpython, "find_libpython", lambda: None)
    with pytest.raises(InputError, match="needs Python as a shared library"):
        run(returns, 0)


def test_a_test_that_failed_is_seen(tmp_path):
    """The process of cocotb ends with status 0 even then."""
    results = tmp_path / "results.xml"
    assert not module._passed(results)
    for case, passed in (("<testcase/>", True), ("<testcase><failure/></testcase>", False), ("", False)):
        results.write_text(f"<testsuites><testsuite>{case}</testsuite></testsuites>")
        assert module._passed(results) is passed
