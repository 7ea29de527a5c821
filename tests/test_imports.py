"""The rules of the house: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ("rtl", "soc", "sw", "sim", "bench", "prove", "wattseal")
FILES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))

# sw may see of soc only what is generated or declared once; sw/app further nothing but itself and these.
SW_MAY_IMPORT = ("soc.generated", "soc.formats")
APP_LIBRARY = ("struct", "enum", "dataclasses", "collections")

# Below rtl, a block may use rtl.bus, its own folder, and what is listed.
BESIDE = {"entropy": ("crypto",), "guard": ("crypto",), "metering": ("crypto",), "boot": ("crypto",)}
SOC_LIBRARY = "rtl/bus/soc_library.py"


def imported(path):
    """(line, absolute name) of everything that a file imports; of ``from a import b``, ``a.b``."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *((node.module,) if node.module else ())))
            for name in node.names:
                yield node.lineno, f"{module}.{name.name}"
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            argument = node.args[0] if node.args else None
            if isinstance(argument, ast.Constant):
                yield node.lineno, str(argument.value)


def _called(node):
    return getattr(node.func, "attr", getattr(node.func, "id", None))


def _within(name, packages):
    return any(name == package or name.startswith(package + ".") for package in packages)


def broken_rules(path):
    """Sentences on every import of the file that the rules forbid."""
    parts = path.relative_to(ROOT).parts
    for line, name in imported(path):
        top = name.split(".")[0]
        where = f"{path.relative_to(ROOT)}:{line}"
        if top in FLOORS and FLOORS.index(top) > FLOORS.index(parts[0]):
            yield f"{where}: {parts[0]} must not import {top}, which is above it"
        if top == "tests":
            yield f"{where}: nothing but a test imports a test"
        if parts[0] == "sw" and top in ("rtl", "soc") and not _within(name, SW_MAY_IMPORT):
            yield f"{where}: sw may import {' and '.join(SW_MAY_IMPORT)}, not {name}"
        if parts[:2] == ("sw", "app"):
            yield from _broken_app_rules(where, name)
        if parts[0] == "rtl" and top == "rtl" and len(parts) > 2:
            beside = ("bus", parts[1], *BESIDE.get(parts[1], ()))
            if not _within(name, [f"rtl.{folder}" for folder in beside]):
                yield f"{where}: rtl/{parts[1]} may import rtl/{', rtl/'.join(beside)}, not {name}"
        if top in ("luna_soc", "amaranth_soc") and path.relative_to(ROOT).as_posix() != SOC_LIBRARY:
            yield f"{where}: only {SOC_LIBRARY} imports {top}"


def _broken_app_rules(where, name):
    top = name.split(".")[0]
    if top not in FLOORS and top not in APP_LIBRARY:
        yield f"{where}: of the standard library sw/app may import {', '.join(APP_LIBRARY)}, not {name}"
    if top == "sw" and not _within(name, ("sw.app",)):
        yield f"{where}: sw/app may import itself, not {name}"


@pytest.mark.parametrize("floor", FLOORS)
def test_no_import_runs_upward_or_sideways(floor):
    files = [path for path in FILES if path.relative_to(ROOT).parts[0] == floor]
    assert files
    broken = [sentence for path in files for sentence in broken_rules(path)]
    assert not broken, "\n".join(broken)


def test_tests_take_the_library_from_the_same_place():
    broken = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line, name in imported(path)
        if name.split(".")[0] in ("luna_soc", "amaranth_soc")
    ]
    assert not broken


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("rtl/periph/x.py", "from soc.config import SocConfig", "rtl must not import soc, which is above it"),
        ("rtl/periph/x.py", "def f():\n    import sim.harness", "rtl must not import sim, which is above it"),
        (
            "rtl/periph/x.py",
            "from ..metering import model",
            "rtl/periph may import rtl/bus, rtl/periph, not rtl.metering.model",
        ),
        (
            "rtl/periph/x.py",
            "from luna_soc.gateware import y",
            "only rtl/bus/soc_library.py imports luna_soc",
        ),
        ("soc/x.py", "from tests import conftest", "nothing but a test imports a test"),
        ("sw/desk/x.py", "import rtl.bus", "sw may import soc.generated and soc.formats, not rtl.bus"),
        ("sw/desk/x.py", "from soc import chip", "sw may import soc.generated and soc.formats, not soc.chip"),
        (
            "sw/app/x.py",
            "import time",
            "of the standard library sw/app may import struct, enum, dataclasses, collections, not time",
        ),
        (
            "sw/app/x.py",
            "__import__('hashlib')",
            "of the standard library sw/app may import struct, enum, dataclasses, collections, not hashlib",
        ),
        ("sw/app/x.py", "from ..desk import signer", "sw/app may import itself, not sw.desk.signer"),
        (
            "sim/x.py",
            "from importlib import import_module\nimport_module('bench')",
            "sim must not import bench, which is above it",
        ),
    ],
)
def test_each_rule_finds_its_breach(tmp_path, monkeypatch, path, source, expected):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(source, encoding="utf-8")
    found = [sentence.split(": ", 1)[1] for sentence in broken_rules(file)]
    assert expected in found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("rtl/metering/x.py", "from ..crypto.sha256 import functions\nfrom rtl.bus import csr"),
        ("rtl/periph/x.py", "from .baud import BaudTick\nfrom amaranth import Module"),
        (
            "sw/app/x.py",
            "from dataclasses import dataclass\nfrom soc.generated import registers\nfrom . import ops",
        ),
        ("sw/desk/x.py", "import hashlib\nfrom sw.app import ops\nfrom soc.formats.registers import Field"),
        ("wattseal/x.py", "import bench.synth\nfrom sim import harness"),
    ],
)
def test_what_is_allowed_is_not_reported(tmp_path, monkeypatch, path, source):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(source, encoding="utf-8")
    assert list(broken_rules(file)) == []
