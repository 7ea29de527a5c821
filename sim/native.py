"""C++ compiled once for its content, and the cache that compiled things share."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from soc.errors import InputError

__all__ = ["CACHE", "cached", "digest", "library", "run"]

CACHE = Path(__file__).parents[1] / "build" / "native"
_COMPILER = "g++"
_OPTIONS = ("-O2", "-std=c++17", "-shared", "-fPIC")
_SOURCE, _LIBRARY = "source.cpp", "library.so"


def library(source: str, name: str, *, cache: Path = CACHE) -> ctypes.CDLL:
    """The C++ text ``source`` as a library, compiled if it has not been before.

    Parameters
    ----------
    source : str
        C++17; what is called from Python is ``extern "C"``.
    name : str
        What its folder in the cache begins with.
    cache : Path
        Folder of the compiled libraries.

    Raises
    ------
    InputError
        If the compiler is missing or fails.
    """
    folder = cache / f"{name}-{digest(source, _COMPILER, *_OPTIONS)}"
    return ctypes.CDLL(str(cached(folder, lambda work: _compile(source, work)) / _LIBRARY))


def _compile(source: str, work: Path) -> None:
    if not shutil.which(_COMPILER):
        raise InputError(f"A part of the simulation is compiled with {_COMPILER}: install it.")
    (work / _SOURCE).write_text(source)
    run([_COMPILER, *_OPTIONS, _SOURCE, "-o", _LIBRARY], work)


def digest(*texts: str) -> str:
    """What a thing made from the texts is called."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]


def cached(folder: Path, make: Callable[[Path], None]) -> Path:
    """``folder``, filled by ``make`` if it is not there; complete whenever it is, whoever else wants it."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            work = folder.with_suffix(".part")
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            make(work)
            work.rename(folder)
    return folder


def run(command: Sequence[str], work: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a compiler in ``work``; raises `InputError` if it fails, and its output is in ``work`` / log."""
    with (work / "log").open("a") as log:
        status = subprocess.run(
            command, cwd=work, env={**os.environ, **(environment or {})}, stdout=log, stderr=log, check=False
        ).returncode
    if status:
        raise InputError(f"{command[0]} failed with status {status}; its output is in {work / 'log'}.")
