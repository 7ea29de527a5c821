"""The compiler: each form of the language against Python itself, on the engine; and what it refuses."""

import importlib
import re
import sys
from itertools import pairwise

import numpy as np
import pytest

from rtl.metering.arithmetic import divide, square_root
from rtl.metering.compiler import CompileError, compile_program
from rtl.metering.microcode import JUMPS, Base, Operation
from rtl.metering.model import MeteringModel
from rtl.metering.state import Wide
from soc.config import PRESETS, preset

TINY = preset("tiny").with_changes(word_bits=28).metering

# --- Forms: every one is run by Python and, compiled, by the engine


def sums(m, k, history, out):
    lanes = history[0]
    a = lanes[0]
    b = lanes[1]
    m.now = a * b + m.now - b * b - a + 5
    out["time"] = m.now
    m.sum_c = -a * b - m.sum_s + m.now
    m.sum_s = m.sum_c
    out["length"] = m.sum_s
    out["frequency"] = m.now + m.sum_c - m.sum_s - m.now
    out["synchronised"] = -m.now
    out["phase0", "vrms"] = 3 - a * (b + 7) + (a - b - 1) * 9
    out["phase0", "irms"] = -(a - b) - (3 - a * a)
    out["phase0", "active"] = k.sample * 2 - 1 + a
    out["phase0", "reactive"] = a
    out["phase0", "apparent"] = -7
    out.commit()


def shifts(m, k, history, out):
    lanes = history[0]
    a = lanes[0]
    b = lanes[1]
    out["time"] = (a * b) >> 7
    out["length"] = ((a * b) >> 7) >> 3
    out["frequency"] = a * 3 - ((b * b) >> 11)
    m.now = a * b
    out["synchronised"] = m.now - ((a * a + b) >> 3)
    out["phase0", "vrms"] = ((a * a + b) >> 3) - m.now
    out["phase0", "irms"] = (m.now >> 34) + b * b
    out["phase0", "active"] = -(m.now >> 20)
    out["phase0", "reactive"] = ((a >> 3) * (b >> 7)) >> 11
    out["phase0", "apparent"] = a >> 0
    out["phase0", "v_dc"] = lanes[1] >> 3
    out.commit()


def comparisons(m, k, history, out):
    lanes = history[0]
    a = lanes[0]
    b = lanes[1]
    below = 0
    if a < b:
        below = 1
    out["time"] = below
    if a <= b:
        out["length"] = 1
    else:
        out["length"] = -1
    if a > b and a > 0 and b >= -5:
        out["frequency"] = a
    else:
        if a >= b:
            out["frequency"] = b
        else:
            out["frequency"] = 0
    if a * b >= b * b - 3:
        out["synchronised"] = 1
    else:
        out["synchronised"] = 0
    if k.sample > 3 and k.sample >= 4:
        out["phase0", "vrms"] = 1
    if k.sample < 3:
        out["phase0", "vrms"] = 2
    if k.large_dc > a:
        out["phase0", "irms"] = 5
    else:
        out["phase0", "irms"] = 6
    out.commit()


def loops(m, k, history, out):
    lanes = history[0]
    left = lanes[0] >> 24
    total = 0
    while left > 0:
        inner = 3
        while inner > 0 and total < 60:
            total = total + left * inner
            inner = inner - 1
        left = left - 1
    out["time"] = total
    for p in m.phases:
        p.v_dc = p.v_dc + total
        out[p.name, "v_dc"] = p.v_dc
    count = 0
    for factor in (1, 2, 3):
        count = count + factor * total
    out["length"] = count
    out.commit()


def calls(m, k, history, out):
    lanes = history[0]
    accumulate(m, lanes[0], 3)
    accumulate(m, lanes[1] * 2 - 1, k.sample)
    out["time"] = m.now
    both(m, history, out)
    out.commit()


def accumulate(m, value, factor):
    """A call of a call; the product's variable is given back at its end."""
    product: Wide = value * factor
    negate_into(m, product)
    m.now = m.now + product


def negate_into(m, product):
    half = product >> 20
    m.sum_c = m.sum_c - half


def both(m, history, out):
    lanes = history[0]
    out["length"] = m.sum_c + lanes[0] * lanes[1]


def divisions(m, k, history, out):
    lanes = history[0]
    a = lanes[0]
    b = lanes[1]
    size = b
    if b < 0:
        size = -b
    quotient = divide(a, size, 7)
    out["time"] = quotient
    out["length"] = divide(a * b, size + 1, 0)
    out["frequency"] = divide(divide(a, 3, 20), 7, 3)
    out["synchronised"] = a + divide(b, 5, 20)
    out["phase0", "vrms"] = square_root(a * a + b * b)
    out["phase0", "irms"] = square_root(a)
    out["phase0", "active"] = square_root(divide(a * a, size, 3)) >> 3
    out["phase0", "reactive"] = divide(a, b * 0, 5)
    out.commit()


def recalls(m, k, history, out):
    m.age = m.age + 1
    back = 0
    while back < 4:
        lanes = history[back]
        m.now = m.now + lanes[0] * lanes[1]
        back = back + 1
    past = history[2]
    out["time"] = m.now
    out["length"] = past[0]
    last = history[199]
    out["frequency"] = last[1]
    newest = history[0]
    both_lanes = newest[1] * 3
    out["synchronised"] = last[0] - both_lanes
    out.commit()


def hazards(m, k, history, out):
    lanes = history[0]
    m.age = lanes[0]
    m.rest = m.age * m.age >> 27
    m.age = m.rest * m.age >> 27
    m.now = m.age
    m.now = m.now + m.rest
    m.sum_c = m.now
    out["time"] = m.now - m.sum_c + m.age
    m.length = lanes[1]
    m.sets = divide(m.age, m.length * m.length >> 27, 20)
    back = 2
    past = history[back]
    out["length"] = past[0] + m.sets
    counter = 3
    while counter > 0:
        counter = counter - 1
        m.level = counter
    out["frequency"] = m.level + counter
    out.commit()


FORMS = [sums, shifts, comparisons, loops, calls, divisions, recalls, hazards]


def inputs(seed, count=24):
    """Equal lanes, corners and random values of every size."""
    rng = np.random.default_rng(seed)
    top = 2**27
    corners = np.array([0, 1, -1, 5, -5, 6, top - 1, -top])
    free = np.where(
        rng.random((count, 2)) < 0.4,
        rng.choice(corners, (count, 2)),
        rng.integers(-top, top, (count, 2)) >> rng.integers(0, 24, (count, 2)),
    )
    free[::6, 1] = free[::6, 0]
    return free.astype(np.int64)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_form_does_on_the_engine_what_python_does(form, monkeypatch, run_engine):
    monkeypatch.setattr("rtl.metering.model.sample_set", form)
    samples = inputs(seed=11)
    expected = MeteringModel(TINY).run(samples)
    windows, _ = run_engine(TINY, samples, compile_program(TINY, form))
    assert len(windows) == len(samples)
    seen: dict[str, int] = {}
    for lanes, want, got in zip(samples.tolist(), expected, windows, strict=True):
        seen.update(got)
        assert seen == want, f"repeat with {form.__name__}, seed 11, lanes {lanes}"


# --- What is computed when the chip is made costs nothing


def nothing(m, k, history, out):
    """Only what is known when the chip is made."""
    bits = 2 * k.time_bits + 1
    if bits > 3:
        rest = bits - (1 << 3)
    for _p in m.phases:
        both_known = rest >> 1
    if both_known < 0 and k.sample > 0:
        m.age = both_known


def test_what_is_known_when_the_chip_is_made_takes_no_instruction():
    program = compile_program(TINY, nothing)
    assert [instruction.operation for instruction in program.instructions] == [Operation.END]


def once(m, k, history, out):
    accumulate(m, 7 * m.age, 3)


def many_times(m, k, history, out):
    accumulate(m, 7 * m.age, 3)
    accumulate(m, 7 * m.age, 3)
    accumulate(m, 7 * m.age, 3)


def test_variables_of_calls_share_their_cells():
    one, three = compile_program(TINY, once), compile_program(TINY, many_times)
    assert (len(three.words), len(three.wides)) == (len(one.words), len(one.wides))


def constants(m, k, history, out):
    m.age = m.age * 12345 + 12345 - 6 * m.rest
    m.rest = -6 * m.age + ((1 << 35) - 1)


def test_a_constant_has_one_cell():
    words = compile_program(TINY, constants).words
    for value in (12345, 6, -6, (1 << 35) - 1):
        assert words.count(value) == 1, value


# --- Hazards and jumps, in every program that is built


def reads_and_writes(instruction):
    """Cells that an instruction reads and writes, each with its memory."""
    reads = set()
    if instruction.operation is Operation.COMPUTE:
        reads |= {("word", instruction.x), ("word", instruction.y)}
        if instruction.base is Base.WIDE:
            reads.add(("wide", instruction.z))
    if instruction.operation in (Operation.DIVIDE, Operation.RECALL):
        reads.add(("word", instruction.x))
    writes = {("word", instruction.target)} if instruction.to_word else set()
    return reads, writes | ({("wide", instruction.target)} if instruction.to_wide else set())


PROGRAMS = {name: config.metering for name, config in PRESETS.items()}


@pytest.mark.parametrize("name", [*PROGRAMS, *(form.__name__ for form in FORMS)])
def test_no_cell_is_read_right_after_it_was_written(name):
    if name in PROGRAMS:
        program = compile_program(PROGRAMS[name])
    else:
        program = compile_program(TINY, next(form for form in FORMS if form.__name__ == name))
    code = program.instructions
    assert code[-1].operation is Operation.END
    for address, (before, after) in enumerate(pairwise(code)):
        if before.operation not in (Operation.JUMP, Operation.END):
            clash = reads_and_writes(before)[1] & reads_and_writes(after)[0]
            assert not clash, f"{name}: instruction {address + 1} ({after.line}) reads {clash} too early"
    for instruction in code:
        if instruction.operation in JUMPS:
            assert 0 <= instruction.target < len(code)


# --- What the compiler refuses


def refused(sentence, text, *more):
    """A program of one statement, and the sentence that it is refused with."""
    return pytest.param(text, sentence, more, id=text)


REFUSED = [
    refused("constant 68719476736 does not fit in a word of 36 bits", "m.age = m.age + (1 << 36)"),
    refused("the engine has no value `m.age if m.age > 0 else 1`", "m.age = m.age if m.age > 0 else 1"),
    refused("the engine has no value `m.age // 2`", "m.age = m.age // 2"),
    refused("more than one shifted or divided term; give one a name", "m.age = (m.age >> 1) + (m.rest >> 1)"),
    refused("nothing positive in this sum; turn it round", "m.now = -(m.age >> 1) - m.now"),
    refused("abs(m.age) has no value; only divide and square_root have", "m.age = abs(m.age)"),
    refused("there is no quantity 'phase0.heat'", "out['phase0', 'heat'] = m.age"),
    refused("the engine has nothing for `m.age += 1`", "m.age += 1"),
    refused("the engine has nothing for `return m.age`", "return m.age"),
    refused("the engine cannot compare `m.age == 1`", "if m.age == 1: m.age = 2"),
    refused("the engine cannot compare `0 < m.age < 2`", "if 0 < m.age < 2: m.age = 2"),
    refused("the engine cannot compare `m.age > 0 or m.age < -3`", "if m.age > 0 or m.age < -3: m.age = 2"),
    refused("the engine cannot compare `m.age`", "while m.age: m.age = m.age - 1"),
    refused("`m.rest` is not known when the chip is made", "m.age = m.age >> m.rest"),
    refused("the engine has no value `nowhere`", "m.age = nowhere"),
    refused("the engine has no value `history[1]`", "m.age = 2 + history[1]"),
    refused("the engine has no value `out['time']`", "m.age = out['time']"),
    refused("`m.age` is not known when the chip is made", "for _ in m.age: m.age = 1"),
    refused(
        "this changes an argument of the call; give its value a name before",
        "helper(m.age)",
        "def helper(value):",
        "    value = value + 1",
    ),
    refused(
        "this changes an argument of the call; give its value a name before",
        "helper(m, m.age)",
        "def helper(m, value):",
        "    m.age = value + 1",
    ),
    refused(
        "another sample set was recalled in the place of this one",
        "helper(m, history)",
        "def helper(m, history):",
        "    one = history[1]",
        "    two = history[2]",
        "    m.age = two[0]",
        "    m.age = one[0]",
    ),
]


@pytest.mark.parametrize(("text", "sentence", "more"), REFUSED)
def test_refusals_name_the_line(text, sentence, more, tmp_path, monkeypatch):
    lines = [*more, "", "def entry(m, k, history, out):", f"    {text}", ""]
    (tmp_path / "refused_program.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "refused_program", raising=False)
    refused_program = importlib.import_module("refused_program")
    line = len(more) or 3
    with pytest.raises(CompileError, match=f"^refused_program:{line}: {re.escape(sentence)}$"):
        compile_program(TINY, refused_program.entry)
