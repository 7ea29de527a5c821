"""The compiler: each form of the language against Python itself, on the engine; and what it refuses."""

from itertools import pairwise

import numpy as np
import pytest

from rtl.metering.arithmetic import CRC_START, crc32, divide, dot, square_root
from rtl.metering.compiler import compile_program
from rtl.metering.microcode import JUMPS, Base, Destination, Operation, Port
from rtl.metering.parameters import INPUTS
from rtl.metering.state import Dot, Wide
from soc.config import PRESETS, preset

TINY = preset("tiny").with_changes(word_bits=28).metering

# --- Forms: every one is run by Python and, compiled, by the engine


def sums(m, k, lanes, out):
    a = lanes[0]
    b = lanes[1]
    m.s = a * b + m.s - b * b - a + 5
    out.send(Port.QUANTITY, 0, m.s)
    m.t = -a * b - m.u + m.s
    m.u = m.t
    out.send(Port.QUANTITY, 1, m.u)
    out.send(Port.QUANTITY, 2, m.s + m.t - m.u - m.s)
    out.send(Port.QUANTITY, 3, -m.s)
    out.send(Port.QUANTITY, 4, 3 - a * (b + 7) + (a - b - 1) * 9)
    out.send(Port.QUANTITY, 5, -(a - b) - (3 - a * a))
    out.send(Port.QUANTITY, 6, k.sample * 2 - 1 + a)
    out["frequency"] = a
    out["time"] = -7


def shifts(m, k, lanes, out):
    a = lanes[0]
    b = lanes[1]
    out.send(Port.QUANTITY, 0, (a * b) >> 7)
    out.send(Port.QUANTITY, 1, ((a * b) >> 7) >> 3)
    out.send(Port.QUANTITY, 2, a * 3 - ((b * b) >> 11))
    m.s = a * b
    out.send(Port.QUANTITY, 3, m.s - ((a * a + b) >> 3))
    out.send(Port.QUANTITY, 4, ((a * a + b) >> 3) - m.s)
    out.send(Port.QUANTITY, 5, (m.s >> 34) + b * b)
    out.send(Port.QUANTITY, 6, -(m.s >> 20))
    out.send(Port.QUANTITY, 7, ((a >> 3) * (b >> 7)) >> 11)
    out.send(Port.QUANTITY, 8, a >> 0)
    out.send(Port.QUANTITY, 9, lanes[1] >> 3)


def stored(m, k, lanes, out):
    a = lanes[0]
    b = lanes[1]
    m.s = a * b
    out.send(Port.QUANTITY, 0, m.s)
    m.s = m.s + a
    m.t = b + m.s - a * a
    out.send(Port.QUANTITY, 1, m.t >> 3)
    m.u = m.s - b
    m.u = m.t - m.u
    out.send(Port.QUANTITY, 2, m.u)
    c = a + b
    d = c >> 1
    e = c + d
    out.send(Port.QUANTITY, 3, e + e)
    f = e - d
    if f >= 0:
        f = f + 1
    out.send(Port.QUANTITY, 4, f)
    if b < 0:
        f = 9
    else:
        f = 8
    out.send(Port.QUANTITY, 5, f + 1)
    n = 0
    g = a
    while n < 3:
        n = n + 1
        g = g + n
    out.send(Port.QUANTITY, 6, g)
    m.ring[n] = g
    n = n + 1
    out.send(Port.QUANTITY, 7, m.ring[n - 1] + n)


def comparisons(m, k, lanes, out):
    a = lanes[0]
    b = lanes[1]
    below = 0
    if a < b:
        below = 1
    out.send(Port.QUANTITY, 0, below)
    if a <= b:
        out.send(Port.QUANTITY, 1, 1)
    else:
        out.send(Port.QUANTITY, 1, -1)
    if a > b and a > 0 and b >= -5:
        out.send(Port.QUANTITY, 2, a)
    else:
        if a >= b:
            out.send(Port.QUANTITY, 2, b)
        else:
            out.send(Port.QUANTITY, 2, 0)
    if a * b >= b * b - 3:
        out.send(Port.QUANTITY, 3, 1)
    if k.sample > 3 and k.sample >= 4:
        out.send(Port.QUANTITY, 4, 1)
    if k.sample < 3:
        out.send(Port.QUANTITY, 4, 2)
    if k.large_dc > a:
        out.send(Port.QUANTITY, 5, 5)
    else:
        out.send(Port.QUANTITY, 5, 6)


def loops(m, k, lanes, out):
    left = lanes[0] >> 24
    total = 0
    while left > 0:
        inner = 3
        while inner > 0 and total < 60:
            total = total + left * inner
            inner = inner - 1
        left = left - 1
    out.send(Port.QUANTITY, 0, total)
    for part in m.parts:
        part.word = part.word + total
        out.send(Port.QUANTITY, part.number, part.word)
    count = 0
    for factor in (1, 2, 3):
        count = count + factor * total
    for bit in range(len(m.parts) + 1):
        count = count + (lanes[0] >> bit)
    out.send(Port.QUANTITY, 3, count)


def left_by_a_turn(m, k, lanes, out):
    """What one turn of a loop leaves to the next stays, whatever is called in between."""
    left = 3
    while left > 0:
        m.s = m.s + squared(lanes[0] + left)
        if left >= 3:
            kept = lanes[1] + left
        m.s = m.s + kept
        left = left - 1
    out.send(Port.QUANTITY, 0, m.s)


def squared(value):
    less = value >> 5
    return less * less


def calls(m, k, lanes, out):
    accumulate(m, lanes[0], 3)
    accumulate(m, lanes[1] * 2 - 1, k.sample)
    out.send(Port.QUANTITY, 0, m.s)
    both(m, lanes, out)
    out.send(Port.QUANTITY, 2, squared(lanes[0]) - m.s)
    out.send(Port.QUANTITY, 3, squared(squared(lanes[0]) >> 20) >> 3)


def accumulate(m, value, factor):
    """A call of a call; the product's variable is given back at its end."""
    product: Wide = value * factor
    negate_into(m, product)
    m.s = m.s + product


def negate_into(m, product):
    half = product >> 20
    m.t = m.t - half


def both(m, lanes, out):
    out.send(Port.QUANTITY, 1, m.t + lanes[0] * lanes[1])


def divisions(m, k, lanes, out):
    a = lanes[0]
    b = lanes[1]
    size = b
    if b < 0:
        size = -b
    quotient = divide(a, size, 7)
    out.send(Port.QUANTITY, 0, quotient)
    out.send(Port.QUANTITY, 1, divide(a * b, size + 1, 0))
    out.send(Port.QUANTITY, 2, divide(divide(a, 3, 20), 7, 3))
    out.send(Port.QUANTITY, 3, a + divide(b, 5, 20))
    out.send(Port.QUANTITY, 4, square_root(a * a + b * b))
    out.send(Port.QUANTITY, 5, square_root(a))
    out.send(Port.QUANTITY, 6, square_root(divide(a * a, size, 3)) >> 3)
    out.send(Port.QUANTITY, 7, divide(a, b * 0, 5))


def arrays(m, k, lanes, out):
    m.count = m.count + 1
    m.ring[m.count] = lanes[0]
    m.ring[m.count + 3] = m.ring[m.count - 2]
    m.a = lanes[1]
    m.long[lanes[1] >> 3] = lanes[0] - m.a
    for part in m.parts:
        part.own[part.number] = m.long[m.count]
        part.own[m.count] = part.own[part.number] - 5
        out.send(Port.QUANTITY, part.number, part.own[1])
    back = 0
    while back < 4:
        m.s = m.s + m.ring[m.count - back]
        back = back + 1
    out.send(Port.QUANTITY, 0, m.s)
    out.send(Port.QUANTITY, 3, m.ring[5] - m.s)


LINE = Dot((3, -1, 4, 1, -5, 9), 4)
CIRCLE = Dot((100, 71, 0, -71, -100, -71, 0, 71), 9, start=2)


def dot_products(m, k, lanes, out):
    m.count = m.count + 1
    m.ring[m.count] = lanes[0]
    m.long[m.count] = lanes[1]
    out.send(Port.QUANTITY, 0, dot(LINE, m.ring, m.count, 0))
    out.send(Port.QUANTITY, 1, dot(LINE, m.ring, m.count - 3, 2) >> 5)
    out.send(Port.QUANTITY, 2, dot(CIRCLE, m.long, m.count, 1) - m.count)
    order = 0
    while order < 5:
        out.send(Port.QUANTITY, order + 3, dot(CIRCLE, m.ring, 1, order))
        order = order + 1
    out.send(Port.QUANTITY, 9, dot(k.cosine, m.long, 0, 3))


def checksums(m, k, lanes, out):
    m.a = crc32(m.a, lanes[0])
    out.send(Port.QUANTITY, 0, m.a)
    m.b = crc32(crc32(CRC_START, lanes[1]), -lanes[0])
    out.send(Port.QUANTITY, 1, m.b)


def sent(m, k, lanes, out):
    m.count = 3
    for port in (Port.POINT, Port.PULSE, Port.ALERT, Port.HARMONIC):
        out.send(port, m.count, lanes[0])
        out.send(port, 4 * k.sample // k.sample + m.count, m.count)
        out.send(port, m.count * 2 - 1, -lanes[0])
    out.send(Port.HARMONIC_COMMIT, 0, 0)
    out.send(Port.QUANTITY, 0, lanes[k.magnet])
    out.send(Port.QUANTITY, 1, lanes[k.lost])


def background(m, k, lanes, out):
    m.a = lanes[0]
    if lanes[1] > 0:
        out.background(later, m, k, m.parts[0], out)
    out.send(Port.QUANTITY, 0, m.a)


def later(m, k, part, out):
    part.word = part.word + m.a
    out.send(Port.POINT, 0, part.word)


def hazards(m, k, lanes, out):
    m.a = lanes[0]
    m.b = m.a * m.a >> 27
    m.a = m.b * m.a >> 27
    m.s = m.a
    m.s = m.s + m.b
    m.t = m.s
    out.send(Port.QUANTITY, 0, m.s - m.t + m.a)
    m.c = lanes[1]
    m.count = divide(m.a, m.c * m.c >> 27, 20)
    m.ring[m.count] = m.c
    out.send(Port.QUANTITY, 1, m.ring[m.count] + m.count)
    counter = 3
    while counter > 0:
        counter = counter - 1
        m.a = counter
    out.send(Port.QUANTITY, 2, m.a + counter)


FORMS = [
    *(sums, shifts, stored, comparisons, loops, left_by_a_turn, calls, divisions),
    *(arrays, dot_products, checksums, sent, background, hazards),
]


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
    beside = rng.integers(-(2**35), 2**35, (count, len(INPUTS)))
    return free.astype(np.int64), beside


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_form_does_on_the_engine_what_python_does(form, small_program, simulate_engine):
    program, model = small_program(TINY, form)
    lanes, beside = inputs(seed=11)
    expected = model.sent(lanes, beside)
    run = simulate_engine(program, TINY.lanes, np.hstack([lanes, beside]))
    assert len(expected) >= len(lanes)
    for number, (got, want) in enumerate(zip(run.sent, expected, strict=True)):
        assert got == want, f"repeat with {form.__name__}, seed 11, value {number}"


# --- What is computed when the chip is made costs nothing


def nothing(m, k, lanes, out):
    """Only what is known when the chip is made."""
    bits = 2 * k.time_bits + 1
    if bits > 3:
        rest = bits - (1 << 3)
    for _part in m.parts:
        both_known = rest >> 1
    if both_known < 0 and k.sample > 0:
        m.a = both_known


def test_what_is_known_when_the_chip_is_made_takes_no_instruction(small_program):
    program, _ = small_program(TINY, nothing)
    assert [instruction.operation for instruction in program.instructions] == [Operation.END]


def at_hand(m, k, lanes, out):
    m.a = m.b * m.c
    m.s = m.a + m.b
    if m.s >= 0:
        m.s = m.s - m.c
    m.t = m.s


def test_what_the_accumulator_has_still_is_not_read_again(small_program):
    program, _ = small_program(TINY, at_hand)
    computing, jumping = Operation.COMPUTE, Operation.JUMP_IF_NEGATIVE
    # After the jump's end the sum is read, a clock after it was written.
    expected = [computing, computing, jumping, computing, computing, computing, Operation.END]
    assert [instruction.operation for instruction in program.instructions] == expected


def once(m, k, lanes, out):
    accumulate(m, 7 * m.a, 3)


def many_times(m, k, lanes, out):
    accumulate(m, 7 * m.a, 3)
    accumulate(m, 7 * m.a, 3)
    accumulate(m, 7 * m.a, 3)


def test_variables_of_calls_share_their_cells(small_program):
    one, three = (small_program(TINY, entry)[0] for entry in (once, many_times))
    assert (len(three.words), len(three.wides)) == (len(one.words), len(one.wides))


def constants(m, k, lanes, out):
    m.a = m.a * 12345 + 12345 - 6 * m.b
    m.b = -6 * m.a + ((1 << 35) - 1)


def test_a_constant_has_one_cell(small_program):
    words = small_program(TINY, constants)[0].words
    for value in (12345, 6, -6, (1 << 35) - 1):
        assert words.count(value) == 1, value


def in_front(m, k, lanes, out):
    product: Wide = m.a * m.b
    m.s = m.s + product
    m.c = lanes[0] >> 3
    out.background(behind, m, k, out)


def behind(m, k, out):
    product: Wide = m.c * m.c
    half = product >> 1
    m.t = m.t + half


def test_the_background_shares_no_variable_with_the_foreground(small_program):
    program, _ = small_program(TINY, in_front)
    (start,) = (each.target for each in program.instructions if each.operation is Operation.START)
    cells = {Destination.WORD: set(), Destination.WIDE: set()}
    front, back = dict(cells), {kind: set() for kind in cells}
    state = {(cell.kind.__name__.upper(), cell.address) for cell in program.cells.values()}
    for address, instruction in enumerate(program.instructions):
        if instruction.to is not Destination.NOWHERE:
            (back if address >= start else front)[instruction.to].add(instruction.target)
    for kind in cells:
        assert all((kind.name, address) in state for address in front[kind] & back[kind])


def test_paths_of_cells(small_program):
    cells = small_program(TINY, nothing)[0].cells
    assert {"a", "s", "parts.0.word", "parts.1.wide"} <= set(cells)
    assert len({(cell.kind, cell.address) for cell in cells.values()}) == len(cells)


def test_arrays_lie_apart_and_where_their_index_can_wrap(small_program):
    program, _ = small_program(TINY, arrays)
    places = {
        (each.target, each.length)
        for each in program.instructions
        if each.operation in (Operation.STORE, Operation.DOT)
    }
    assert sorted(length for _, length in places) == [2, 2, 8, 64]
    assert all(start % length == 0 for start, length in places)
    taken = [word for start, length in places for word in range(start, start + length)]
    assert len(set(taken)) == len(taken)
    assert max(taken) < program.array_words


# --- Hazards and jumps, in every program that is built


READS_X = (
    *(Operation.COMPUTE, Operation.DIVIDE, Operation.DOT),
    *(Operation.STORE, Operation.SEND, Operation.CRC),
)


def reads_and_writes(instruction):
    """Cells that an instruction reads and writes, each with its memory."""
    reads = set()
    if instruction.operation in READS_X:
        reads.add((Destination.WORD, instruction.x))
    if instruction.operation in (Operation.COMPUTE, Operation.DOT):
        reads.add((Destination.WORD, instruction.y))
    if instruction.operation is Operation.COMPUTE and instruction.base is Base.WIDE:
        reads.add((Destination.WIDE, instruction.z))
    return reads, {(instruction.to, instruction.target)}


PROGRAMS = {name: config.metering for name, config in PRESETS.items()}


@pytest.mark.parametrize("name", [*PROGRAMS, *(form.__name__ for form in FORMS)])
def test_no_cell_is_read_right_after_it_was_written(name, small_program):
    if name in PROGRAMS:
        program = compile_program(PROGRAMS[name])
    else:
        program, _ = small_program(TINY, next(form for form in FORMS if form.__name__ == name))
    code = program.instructions
    assert code[-1].operation is Operation.END
    for address, (before, after) in enumerate(pairwise(code)):
        if before.operation not in (Operation.JUMP, Operation.END):
            clash = reads_and_writes(before)[1] & reads_and_writes(after)[0]
            assert not clash, f"{name}: instruction {address + 1} ({after.line}) reads {clash} too early"
    for instruction in code:
        if instruction.operation in JUMPS:
            assert 0 <= instruction.target < len(code)
