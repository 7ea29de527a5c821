"""The compute engine: its clocks, its two threads, its ports; small programs."""

import numpy as np
import pytest

from rtl.metering.arithmetic import crc32, divide, dot, square_root
from rtl.metering.engine import ComputeEngine
from rtl.metering.microcode import Port
from rtl.metering.parameters import INPUTS, WIDE_BITS, WORD_BITS
from rtl.metering.state import Wide
from soc.config import preset

TINY = preset("tiny").with_changes(word_bits=28).metering

# --- Clocks of instructions: a program, and what its foreground takes


def nothing(m, k, lanes, out):
    """Nothing but the end."""


def straight(m, k, lanes, out):
    m.a = m.b * m.c
    m.s = m.s + m.b
    m.t = m.t - m.c


def waiting(m, k, lanes, out):
    m.a = m.b * m.c
    m.b = m.a * 3
    m.s = m.s + m.c
    m.t = m.s + m.c


def passing(m, k, lanes, out):
    if m.b >= 0:
        m.t = m.t - m.c
    m.u = m.u - m.c


def jumping(m, k, lanes, out):
    if m.b < 0:
        m.t = m.t - m.c
    m.u = m.u - m.c


def looping(m, k, lanes, out):
    count = 3 * k.points // k.points
    while m.count < count:
        m.count = m.count + 1


def dividing(m, k, lanes, out):
    m.a = divide(m.b, k.sample, 7)


def dividing_by_nothing(m, k, lanes, out):
    m.a = divide(lanes[0], m.c, 7)


def dividing_words(m, k, lanes, out):
    m.a = divide(lanes[0], k.sample, 7)


def dividing_wides(m, k, lanes, out):
    m.s = k.sample << 13
    m.s = divide((lanes[0] - 1) * k.one_gain, k.sample, 7)


def root(m, k, lanes, out):
    m.a = square_root(m.b)


def multiplying_arrays(m, k, lanes, out):
    m.s = dot(k.interpolate, m.long, m.a, m.b)


def reading(m, k, lanes, out):
    m.a = m.ring[m.b]


def writing(m, k, lanes, out):
    m.ring[m.b] = m.a


def taking(m, k, lanes, out):
    m.a = lanes[0]


def sending(m, k, lanes, out):
    out.send(Port.ALERT, m.a, m.s)


def summing(m, k, lanes, out):
    m.a = crc32(m.a, m.b)


ENDS = 4
"""The END, and the two stages before it."""

CLOCKS = {
    "nothing": (nothing, 0),
    "three sums": (straight, 3),
    # The factor is read a clock later; the term is in the accumulator still.
    "two sums, read right after they are written": (waiting, 4 + 1),
    "comparison, jump that is not taken, two sums": (passing, 2 + 2),
    "comparison, jump that is taken, a sum": (jumping, 2 + 2 + 1),
    # Comparison, jump, sum, jump back; and the last comparison, right behind the sum's write, and jump.
    "loop of three turns": (looping, 3 * (3 + 1 + 1 + 3) - 1 + 1 + (2 + 3)),
    "division of 0": (dividing, 1 + (1 + WIDE_BITS // 3 + 7 + 1) + 1),
    "division by 0": (dividing_by_nothing, 1 + (1 + 1) + 1),
    "division of a word": (dividing_words, 1 + (1 + WIDE_BITS // 3 + 7 + 1) + 1),
    "root of 0": (root, 1 + (1 + WIDE_BITS // 6 + 1) + 1),
    "dot product": (multiplying_arrays, 1 + 40 + 1),
    "read of an array": (reading, 2 + 1),
    "write of an array": (writing, 1 + 1),
    "sample": (taking, 1),
    "sending": (sending, 1 + 1),
    "CRC": (summing, 1 + 1 + 1),
}


@pytest.mark.parametrize("case", CLOCKS)
def test_clocks_of_instructions(case, small_program, simulate_engine):
    entry, expected = CLOCKS[case]
    program, _ = small_program(TINY, entry)
    run = simulate_engine(program, TINY.lanes, np.zeros((1, TINY.lanes + len(INPUTS)), np.int64))
    assert run.clocks == [expected + ENDS]


# --- Two threads: a background of every operation, interrupted everywhere


def counting(m, k, lanes, out):
    """Every sample set changes what a background must not see; every sixteenth starts one."""
    m.count = m.count + 1
    m.s = m.s + lanes[0] * lanes[1]
    m.ring[m.count] = lanes[0]
    if m.count >= 16:
        m.count = 0
        m.a = lanes[0] >> 3
        m.b = lanes[1] >> 9
        m.t = m.s
        out.background(working, m, k, out)


def working(m, k, out):
    """Every operation but the sample's; it depends on nothing but what was laid down for it."""
    size = m.b
    if m.b < 0:
        size = -m.b
    quotient = divide(m.a, size, 5)
    m.u = m.u + quotient - m.t
    root = square_root(m.t - m.u) >> 9
    index = 0
    while index < 3:
        m.long[index] = root + index * m.a
        index = index + 1
    product: Wide = dot(k.cosine, m.long, index - 3, 5)
    m.c = crc32(m.c, m.long[1])
    out.send(Port.POINT, index + 8, product + quotient)
    out.send(Port.HARMONIC, 2, m.c)
    out["time"] = m.u
    out.send(Port.QUANTITY_COMMIT, 0, 0)


def noise(seed, count):
    """Sample sets of random lanes and inputs, small and large."""
    rng = np.random.default_rng(seed)
    lanes = rng.integers(-(2**27), 2**27, (count, TINY.lanes)) >> rng.integers(0, 27, (count, TINY.lanes))
    return np.hstack([lanes, rng.integers(-(2**35), 2**35, (count, len(INPUTS)))])


def test_a_background_is_interrupted_between_any_two_instructions(small_program, run_engine):
    """With every spacing of the sample sets, from the closest to the one that lets it rest."""
    program, model = small_program(TINY, counting)
    sets = noise(5, 16 * 8)
    expected = model.sent(sets[:, : TINY.lanes], sets[:, TINY.lanes :])
    undisturbed = run_engine(program, TINY.lanes, sets, pace=1 << 19)
    assert len(expected) == 4 * 8
    assert undisturbed.sent == expected
    longest = max(undisturbed.spacing)
    seen = set()
    for pace in range(1, longest + 1):
        run = run_engine(program, TINY.lanes, sets, pace=pace)
        if run.overruns == 0:
            assert run.sent == expected, f"repeat with a pace of {pace} clocks"
            seen |= set(run.clocks)
    # The foreground waits for nothing, for an instruction, and for the whole of a dot product.
    shortest = min(undisturbed.clocks)
    assert seen >= {shortest, shortest + 3, shortest + 4}
    assert max(seen) > shortest + 128


def overrunning(m, k, lanes, out):
    m.a = lanes[0]
    out.background(slow, m, k, out)


def slow(m, k, out):
    first = m.a
    out.send(Port.POINT, 0, first)
    m.b = divide(m.a, k.sample, 100)
    m.b = divide(m.a, k.sample, 100)
    out.send(Port.POINT, 1, m.a)


def test_a_start_before_the_background_has_ended_is_counted_and_ignored(small_program, simulate_engine):
    program, _ = small_program(TINY, overrunning)
    sets = noise(6, 9)
    run = simulate_engine(program, TINY.lanes, sets, pace=150)
    starts = [address for _, address, _ in run.sent]
    assert starts == [0, 1] * (len(starts) // 2)
    assert run.overruns == len(sets) - len(starts) // 2
    assert run.overruns > 3


# --- What is sent


def sending_everything(m, k, lanes, out):
    m.a = 3
    for port in (Port.QUANTITY, Port.HARMONIC, Port.POINT, Port.PULSE, Port.ALERT):
        out.send(port, 7, lanes[0] * lanes[1])
        out.send(port, m.a, -lanes[0])
        out.send(port, 8 + m.a, lanes[k.magnet])
    for port in (Port.QUANTITY_COMMIT, Port.HARMONIC_COMMIT, Port.POINT_COMMIT):
        out.send(port, 0, 0)
    lost = lanes[k.lost]
    out["frequency"] = lanes[k.temperature] - lost


def test_every_port_and_every_kind_of_address(small_program, simulate_engine):
    program, model = small_program(TINY, sending_everything)
    sets = noise(7, 12)
    run = simulate_engine(program, TINY.lanes, sets)
    assert run.sent == model.sent(sets[:, : TINY.lanes], sets[:, TINY.lanes :])
    assert {port for port, _, _ in run.sent} == set(Port)
    assert {address for _, address, _ in run.sent} >= {0, 3, 7, 11}


# --- Cells from outside, while the engine rests


def accumulating(m, k, lanes, out):
    m.s = m.s + lanes[0]
    m.t = m.t - m.s
    m.parts[1].wide = m.parts[1].wide + 1
    out.send(Port.QUANTITY, 0, m.s + m.a)
    out.send(Port.QUANTITY, 1, m.t - m.parts[1].wide)


def sent_value(value):
    return value - (value >> WIDE_BITS - 1 << WIDE_BITS)


def test_cells_are_read_and_written_while_the_engine_rests(small_program, simulate):
    program, model = small_program(TINY, accumulating)
    dut = ComputeEngine(program=program, lanes=TINY.lanes)
    paths = [path for path, cell in program.cells.items() if cell.kind is Wide]
    new = {path: (-1) ** number * (1 << WIDE_BITS - 3) // (3 + number) for number, path in enumerate(paths)}

    def of_model(path):
        *owners, name = path.split(".")
        state = model.machine
        for owner in owners:
            state = state[int(owner)] if owner.isdigit() else getattr(state, owner)
        return state, name

    async def run(ctx, value):
        ctx.set(dut.lanes[0], value)
        ctx.set(dut.start, 1)
        found = []
        for _ in range(60):
            await ctx.tick()
            ctx.set(dut.start, 0)
            if ctx.get(dut.sent_stb):
                found.append(ctx.get(dut.sent_value))
        assert ctx.get(dut.resting)
        assert found == [value for _, _, value in model.sent(np.array([[value, 0]]))]

    async def bench(ctx):
        for value in (5, -(2**27), 77):
            await run(ctx, value)
        for path in paths:
            ctx.set(dut.cell_adr, program.cells[path].address)
            await ctx.tick()
            assert ctx.get(dut.cell_r) == getattr(*of_model(path)), path
        for path, value in new.items():
            ctx.set(dut.cell_adr, program.cells[path].address)
            ctx.set(dut.cell_w, value)
            ctx.set(dut.cell_we, 1)
            await ctx.tick()
            setattr(*of_model(path), value)
        ctx.set(dut.cell_we, 0)
        for path, value in new.items():
            ctx.set(dut.cell_adr, program.cells[path].address)
            await ctx.tick()
            assert ctx.get(dut.cell_r) == value, path
        ctx.set(dut.word_adr, program.cells["a"].address)
        ctx.set(dut.word_w, -(1 << WORD_BITS - 1))
        ctx.set(dut.word_we, 1)
        await ctx.tick()
        ctx.set(dut.word_we, 0)
        model.machine.a = -(1 << WORD_BITS - 1)
        for value in (0, -3):
            await run(ctx, value)

    simulate(dut, bench)
