"""Runs a proof: from a harness in Amaranth to the solver's verdict."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from amaranth import Elaboratable, Signal
from amaranth.back import rtlil

from soc import tools
from soc.errors import InputError

__all__ = ["Harness", "Proof", "Verdict", "run"]

_SCRIPT = """
[options]
mode {mode}
depth {depth}
timeout {timeout}

[engines]
smtbmc yices

[script]
read_rtlil top.il
prep -top top
memory_map
opt -full

[files]
top.il
"""


class Harness(Elaboratable):
    """A design with assertions about it: every port of ``ports`` is an input that may have any value.

    The reset is one of them, so that what is proved holds across resets.
    """

    ports: Sequence[Signal] = ()


@dataclass(frozen=True)
class Proof:
    """Something that is proved.

    Parameters
    ----------
    name : str
        Name of the invariant, and after a slash what of it.
    claim : str
        What is proved, in a sentence.
    harness : callable
        Makes the harness.
    depth : int
        Cycles from reset in which no assertion can fail, and the length of the run of good cycles after
        which, from any state, none can in the next: together they are the proof by induction.
    """

    name: str
    claim: str
    harness: Callable[[], Harness]
    depth: int = 2


@dataclass(frozen=True)
class Verdict:
    """How a proof ended.

    ``holds``: it is proved, without bound if by induction. ``place`` is the line of the assertion that
    fails, ``trace`` the counterexample's waveform (VCD) if there is one.
    """

    holds: bool
    place: str = ""
    trace: str = ""


def run(proof: Proof, *, cycles: int = 0, timeout: int = 600) -> Verdict:
    """Prove by induction, or, with ``cycles``, only that no assertion fails in so many cycles from reset.

    Raises
    ------
    InputError
        If a tool is missing, fails, or takes more than ``timeout`` seconds.
    """
    harness = proof.harness()
    text = rtlil.convert(harness, name="top", ports=harness.ports)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "top.il").write_text(text)
        mode, depth = ("bmc", cycles) if cycles else ("prove", proof.depth)
        (folder / "proof.sby").write_text(_SCRIPT.format(mode=mode, depth=depth, timeout=timeout))
        command = [tools.find("sby"), "-f", "proof.sby"]
        for tool in ("yosys", "smtbmc"):
            command[1:1] = [f"--{tool}", tools.find({"smtbmc": "yosys-smtbmc"}.get(tool, tool))]
        solver = Path(tools.find("yices-smt2")).parent  # smtbmc looks for it in PATH alone
        environment = {**os.environ, "PATH": os.pathsep.join((str(solver), os.environ.get("PATH", "")))}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        return _verdict(proof, folder / "proof", done.stdout)


def _verdict(proof, folder, output):
    status = (folder / "status").read_text().split()[0] if (folder / "status").exists() else "ERROR"
    lines = output.splitlines()
    if status == "PASS":
        return Verdict(True)
    if status in ("FAIL", "UNKNOWN"):
        failed = [line.split(": ", 2)[-1] for line in lines if "Assert failed" in line]
        traces = sorted(folder.rglob("trace*.vcd"))
        trace = traces[0].read_text(errors="replace") if traces else ""
        return Verdict(False, failed[0] if failed else "", trace)
    reason = next((line for line in lines if "ERROR" in line), lines[-1] if lines else "no output")
    raise InputError(f"The proof {proof.name} did not run: {reason.strip()}")
