"""The back-end ``verilator``: the chip's Verilog compiled by Verilator, under cocotb."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cocotb_tools.config
import find_libpython
import numpy as np

from soc.errors import InputError

from .base import Backend, Progress, Result, Run
from .compiled import CACHE, half_period, simulator
from .task import DIRECTORY, OUTCOME, PROGRESS, TASK, Outcome, Task

__all__ = ["SimulatorError", "VerilatorBackend"]

_ROOT = Path(__file__).parent.parent.parent


class SimulatorError(Exception):
    """The simulator's process ended without saying what became of the scenario."""


class VerilatorBackend(Backend):
    """Runs the compiled chip in a process of its own, cycle for cycle.

    The scenario crosses into that process by its name and its pickled arguments: it must be a function of
    a module, and what it returns or raises must be picklable.

    Parameters
    ----------
    cache : Path
        Where compiled simulators are kept.
    """

    name = "verilator"
    features = frozenset({"samples", "console", "cycles"})

    def __init__(self, cache: Path = CACHE) -> None:
        self._cache = cache

    def _run(self, run: Run, progress: Progress) -> Result:
        task = _task(run)
        executable = simulator(run.config, progress, self._cache)
        progress("Starting the simulator", None)
        with tempfile.TemporaryDirectory(prefix="wattseal-") as name:
            directory = Path(name)
            (directory / TASK).write_bytes(pickle.dumps(task))
            _simulate(executable, _files(run, directory), directory, progress)
            return _result(run, directory)


def _task(run: Run) -> Task:
    scenario = run.scenario
    module, name = scenario.__module__, scenario.__qualname__
    if getattr(sys.modules.get(module), name, None) is not scenario:
        raise InputError(
            f"The back-end 'verilator' cannot run {run.title}, since it runs in another process and finds a "
            f"scenario by its name: it must be a function of a module."
        )
    if module == "__main__":
        raise InputError(
            f"The back-end 'verilator' cannot run {run.title}, since another process cannot import the main "
            f"program: the scenario must be in a module."
        )
    try:
        arguments = pickle.dumps(run.arguments)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InputError(
            f"The back-end 'verilator' cannot run {run.title}, since its arguments cannot be taken to "
            f"another process ({error})."
        ) from None
    return Task(
        module=module,
        file=getattr(sys.modules[module], "__file__", None),
        name=name,
        arguments=arguments,
        hold=run.hold,
        sets=len(run.samples) if run.samples is not None else None,
        clock_fs=2 * half_period(run.config.application_hz),
        cycles_limit=run.cycles_limit,
    )


def _files(run: Run, directory: Path) -> list[str]:
    """Write the files that stand for the outside world; returns the arguments that name them."""
    arguments = [f"+sent={directory / 'sent'}", f"+temperature={run.temperature}"]
    if run.samples is not None:
        words = np.asarray(run.samples)[:, ::-1].astype(">i4")
        (directory / "samples").write_bytes(words.tobytes())
        arguments.append(f"+samples={directory / 'samples'}")
    if run.samples_wait:
        arguments.append("+samples_wait")
    if run.console_input:
        (directory / "received").write_bytes(run.console_input)
        arguments.append(f"+received={directory / 'received'}")
    return arguments


def _simulate(executable: Path, arguments: list[str], directory: Path, progress: Progress) -> None:
    reports, progress_end = os.pipe()
    environment = {
        **os.environ,
        "COCOTB_LOG_LEVEL": "WARNING",
        "COCOTB_REWRITE_ASSERTION_FILES": "",
        "COCOTB_RESULTS_FILE": str(directory / "results.xml"),
        "COCOTB_TEST_MODULES": "sim.backends.cocotb_entry",
        "COCOTB_TOPLEVEL": "tb",
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "GPI_USERS": f"{_libpython()};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path]),
        "TOPLEVEL_LANG": "verilog",
        DIRECTORY: str(directory),
        PROGRESS: str(progress_end),
    }
    with (directory / "log").open("w") as log, os.fdopen(reports) as reports_file:
        try:
            process = subprocess.Popen(
                [executable, *arguments],
                cwd=directory,
                env=environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                pass_fds=[progress_end],
                start_new_session=True,
            )
        finally:
            os.close(progress_end)
        try:
            for line in reports_file:
                fraction = float(line)
                progress("Simulating", fraction if fraction >= 0 else None)
            process.wait()
        finally:
            process.kill()
            process.wait()


def _libpython() -> str:
    path: str | None = find_libpython.find_libpython()
    if path is None:
        raise InputError(
            "The back-end 'verilator' needs Python as a shared library (libpython), which this Python "
            "comes without: install its development package, or choose the back-end 'pysim'."
        )
    return path


def _result(run: Run, directory: Path) -> Result:
    if not (directory / OUTCOME).exists() or not _passed(directory / "results.xml"):
        log = (directory / "log").read_text(errors="replace").strip()
        raise SimulatorError(
            f"The simulator ended without a result of {run.title}; the end of its output:\n{log[-2000:]}"
        )
    outcome: Outcome = pickle.loads((directory / OUTCOME).read_bytes())
    if outcome.limited:
        raise run.exhausted
    if outcome.value is None:
        raise _error(run, outcome)
    return Result(
        value=pickle.loads(outcome.value),
        application_cycles=outcome.application_cycles,
        metrology_cycles=outcome.metrology_cycles,
        operations=outcome.operations,
        sample_sets=outcome.sample_sets,
        console=(directory / "sent").read_bytes(),
        wall_s=outcome.wall_s,
    )


def _passed(results: Path) -> bool:
    """Whether cocotb says that its test passed; its process ends with status 0 either way."""
    if not results.exists():
        return False
    root = ElementTree.parse(results).getroot()
    return root.find(".//testcase") is not None and all(
        root.find(f".//{tag}") is None for tag in ("failure", "error")
    )


def _error(run: Run, outcome: Outcome) -> BaseException:
    """The scenario's own exception, with where it came from."""
    error: Any = None
    if outcome.error is not None:
        error = pickle.loads(outcome.error)
    else:
        error = SimulatorError(f"The scenario {run.title} failed.")
    error.add_note(f"In {run.title}, in the simulator's process:\n{outcome.trace.rstrip()}")
    return error
