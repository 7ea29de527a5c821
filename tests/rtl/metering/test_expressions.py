"""What the compiler refuses, with the line and the reason."""

import importlib
import re
import sys

import pytest

from rtl.metering.compiler import CompileError
from soc.config import preset

TINY = preset("tiny").with_changes(word_bits=28).metering


def refused(sentence, text, *more, line=None):
    """A program of one statement, and the sentence that it is refused with, and for which line."""
    return pytest.param(text, sentence, more, line, id=text)


REFUSED = [
    refused("constant 68719476736 does not fit in a word of 36 bits", "m.a = m.a + (1 << 36)"),
    refused("the engine has no value `m.a if m.a > 0 else 1`", "m.a = m.a if m.a > 0 else 1"),
    refused("the engine has no value `m.a // 2`", "m.a = m.a // 2"),
    refused("more than one shifted or divided term; give one a name", "m.a = (m.a >> 1) + (m.b >> 1)"),
    refused("nothing positive in this sum; turn it round", "m.s = -(m.a >> 1) - m.s"),
    refused("there is no quantity 'phase0.heat'", "out['phase0', 'heat'] = m.a"),
    refused("the engine has nothing for `m.a += 1`", "m.a += 1"),
    refused("the engine cannot compare `m.a == 1`", "if m.a == 1: m.a = 2"),
    refused("the engine cannot compare `0 < m.a < 2`", "if 0 < m.a < 2: m.a = 2"),
    refused("the engine cannot compare `m.a > 0 or m.a < -3`", "if m.a > 0 or m.a < -3: m.a = 2"),
    refused("the engine cannot compare `m.a`", "while m.a: m.a = m.a - 1"),
    refused("`m.b` is not known when the chip is made", "m.a = m.a >> m.b"),
    refused("the engine has no value `nowhere`", "m.a = nowhere"),
    refused("the engine has no value `lanes`", "m.a = 2 + lanes"),
    refused("the engine has no value `out['time']`", "m.a = out['time']"),
    refused("`m.a` is not known when the chip is made", "for _ in m.a: m.a = 1"),
    refused(
        "this changes an argument of the call; give its value a name before",
        "helper(m.a)",
        "def helper(value):",
        "    value = value + 1",
    ),
    refused(
        "this changes an argument of the call; give its value a name before",
        "helper(m, m.a)",
        "def helper(m, value):",
        "    m.a = value + 1",
    ),
    refused(
        "the engine has nothing for `return value`",
        "m.a = helper(m.a)",
        "def helper(value):",
        "    if value > 0: return value",
        "    return 0",
        line=2,
    ),
    refused(
        "give `found` a value before the loop that may change it",
        "for n in (1, 2):\n        if m.a > n: found = n",
        line=4,
    ),
    refused(
        "the background cannot start the background",
        "out.background(helper, m, out)",
        "def helper(m, out):",
        "    out.background(helper, m, out)",
    ),
    refused(
        "the background has no sample set",
        "out.background(helper, lanes)",
        "def helper(lanes):",
        "    pass",
        line=5,
    ),
]


@pytest.mark.parametrize(("text", "sentence", "more", "line"), REFUSED)
def test_refusals_name_the_line(text, sentence, more, line, tmp_path, monkeypatch, small_program):
    lines = [*more, "", "def entry(m, k, lanes, out):", f"    {text}", ""]
    (tmp_path / "refused_program.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "refused_program", raising=False)
    refused_program = importlib.import_module("refused_program")
    line = line or len(more) or 3
    with pytest.raises(CompileError, match=f"^refused_program:{line}: {re.escape(sentence)}$"):
        small_program(TINY, refused_program.entry)
