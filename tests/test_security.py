"""Invariants: tags in the design, the page on security, and the proofs and tests that it names agree."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from prove.proofs import PROOFS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAME = r"[A-Z]+\.[A-Z_]+"
TAG = re.compile(rf"# SEC_CM: ({NAME})\b")
ROW = re.compile(rf"^\| `({NAME})` \|", re.MULTILINE)
SECTION = re.compile(rf"^## `({NAME})`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = dict(SECTION.findall(PAGE))


def tagged(folders=("rtl", "soc")):
    """The files that uphold each invariant, by the tags in them."""
    files = defaultdict(set)
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for name in TAG.findall(path.read_text(encoding="utf-8")):
                files[name].add(path.relative_to(ROOT).as_posix())
    return dict(files)


@cache
def functions(path):
    """The names of the functions of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def named(pattern, name):
    """What of the invariant's section the pattern captures."""
    return re.findall(pattern, SECTIONS[name], re.MULTILINE | re.DOTALL)


def test_every_tag_is_one():
    """A word behind ``SEC_CM`` that is no name would be overlooked."""
    for path in [*(ROOT / "rtl").rglob("*.py"), *(ROOT / "soc").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert text.count("SEC_CM") == len(TAG.findall(text)), path


def test_the_page_has_what_the_design_has():
    rows = ROW.findall(PAGE)
    assert sorted(rows) == sorted(tagged()), "tags, and rows of docs/security.md"
    assert rows == list(SECTIONS), "rows and sections of docs/security.md"


@pytest.mark.parametrize("name", SECTIONS)
def test_the_files_named_are_those_with_the_tag(name):
    (paragraph,) = named(r"^Upheld in (.*?)\n\n", name)
    assert set(re.findall(r"`([^`]+)`", paragraph)) == tagged()[name]


@pytest.mark.parametrize("name", SECTIONS)
def test_what_shows_it_is_there(name):
    shown = named(r"`(tests/[^`]+\.py)::(\w+)`", name)
    assert shown, "no test shows it"
    for path, function in shown:
        assert (ROOT / path).is_file(), path
        assert function in functions(path), f"{path} has no {function}"
    assert len(named("`tests/", name)) == len(shown), "a test is named by file and function"


def test_every_proof_is_named_where_it_belongs():
    claimed = {
        (name, proof)
        for name in SECTIONS
        for line in named(r"^- Proofs?\b[^:]*:([^\n]*)", name)
        for proof in re.findall(rf"`({NAME}(?:/\w+)?)`", line)
    }
    assert claimed == {(proof.name.partition("/")[0], proof.name) for proof in PROOFS}


def test_campaigns_are_targets_of_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"`make ([\w-]+)`", PAGE)
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
