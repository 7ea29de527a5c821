"""The front end: order, alignment and patience under random back-pressure; no set refused in real time."""

import random

import pytest

from rtl.metering.compiler import compile_program
from rtl.metering.front_end import FrontEnd
from soc.config import preset


def words_for(rng, count, lanes, word_bits):
    low, high = -(1 << word_bits - 1), (1 << word_bits - 1) - 1
    return [
        [rng.choice((low, high, 0, -1, rng.randint(low, high))) for _ in range(lanes)] for _ in range(count)
    ]


def source_of(dut, words, offer):
    """A source that offers each set for as long as it takes; ``offer(clock)`` says when it may begin."""

    async def source(ctx):
        clock = 0
        for word in words:
            while not offer(clock):
                await ctx.tick()
                clock += 1
            ctx.set(dut.samples.payload, word)
            ctx.set(dut.samples.valid, 1)
            ready = False
            while not ready:
                *_, ready = await ctx.tick().sample(dut.samples.ready)
                clock += 1
            ctx.set(dut.samples.valid, 0)

    return source


def engine_of(dut, count, work, taken):
    """An engine that works ``work()`` clocks on each set, and sees whether the lanes stay."""

    async def engine(ctx):
        ctx.set(dut.engine_idle, 1)
        while len(taken) < count:
            *_, started, lanes = await ctx.tick().sample(dut.engine_start, dut.lanes)
            if not started:
                continue
            ctx.set(dut.engine_idle, 0)
            lanes = list(lanes)
            for _ in range(work()):
                *_, again, now = await ctx.tick().sample(dut.engine_start, dut.lanes)
                assert not again, "started while it works"
                assert list(now) == lanes, "lanes changed while the engine works"
            ctx.set(dut.engine_idle, 1)
            taken.append(lanes)

    return engine


@pytest.mark.parametrize("word_bits", [16, 24, 28])
@pytest.mark.parametrize("seed", range(3))
def test_every_set_once_in_order_at_the_top_of_the_lanes(word_bits, seed, simulate):
    rng = random.Random(seed)
    lanes, count = rng.randint(1, 7), 60
    dut = FrontEnd(word_bits=word_bits, lanes=lanes, queue=rng.choice((2, 3, 8)))
    words = words_for(rng, count, lanes, word_bits)
    taken: list[list[int]] = []
    rate = rng.choice((0.02, 0.2, 1.0))
    simulate(
        dut,
        source_of(dut, words, lambda clock: rng.random() < rate),
        engine_of(dut, count, lambda: rng.choice((1, 2, 3, 20)), taken),
    )
    expected = [[word << 28 - word_bits for word in one] for one in words]
    assert taken == expected, f"repeat with seed {seed}, {word_bits} bits"


def test_a_set_reaches_an_idle_engine_two_clocks_later(simulate):
    dut = FrontEnd(word_bits=24, lanes=2)

    async def bench(ctx):
        ctx.set(dut.engine_idle, 1)
        await ctx.tick().repeat(3)
        ctx.set(dut.samples.payload, [5, -6])
        ctx.set(dut.samples.valid, 1)
        assert ctx.get(dut.samples.ready) == 1
        await ctx.tick()
        ctx.set(dut.samples.valid, 0)
        assert ctx.get(dut.engine_start) == 0
        await ctx.tick()
        assert ctx.get(dut.engine_start) == 1
        assert list(ctx.get(dut.lanes)) == [5 << 4, -6 << 4]

    simulate(dut, bench)


@pytest.mark.parametrize("queue", [2, 8])
def test_a_full_queue_refuses_and_forgets_nothing(queue, simulate):
    dut = FrontEnd(word_bits=24, lanes=1, queue=queue)
    accepted = []

    async def bench(ctx):
        ctx.set(dut.samples.valid, 1)
        for _ in range(queue + 10):
            ctx.set(dut.samples.payload, [len(accepted)])
            *_, ready = await ctx.tick().sample(dut.samples.ready)
            if ready:
                accepted.append(len(accepted))
        assert accepted == list(range(queue))
        ctx.set(dut.samples.valid, 0)
        ctx.set(dut.engine_idle, 1)
        started = []
        for _ in range(4 * queue):
            *_, start, lanes = await ctx.tick().sample(dut.engine_start, dut.lanes)
            ctx.set(dut.engine_idle, not start)
            if start:
                started.append(lanes[0] >> 4)
        assert started == accepted

    simulate(dut, bench)


# --- Real time: sample sets come at their pace, and the end of a window takes several periods

QUEUE = 8
PACES = {
    "3072 clocks": preset("polyphase"),
    "3200 clocks": preset("polyphase").with_changes(
        metrology_hz=25_000_000, modulator_divider=8, cic_decimation=200
    ),
}
USUAL = 63
"""Clocks of a sample set inside a window, three phases; tests/rtl/metering/test_engine.py holds it."""
HANDOVER = 2
"""Clocks from the end of one sample set to the start of the next."""


def unfinished(pace, work):
    """Most sample sets that have come and are not done, if one comes every ``pace`` clocks."""
    free, ends, most = 0, [], 0
    for index, clocks in enumerate(work):
        free = max(free, index * pace) + clocks + HANDOVER
        ends.append(free)
        most = max(most, sum(end > index * pace for end in ends))
    return most


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("hertz", [40, 42.5, 45, 50, 60, 65, 70])
def test_the_queue_covers_the_end_of_a_window(pace, hertz, longest_run):
    """By calculation: three phases, the longest way through the program, windows one after the other."""
    config = PACES[pace]
    rest, turn = longest_run(compile_program(config.metering))
    sets = int(config.sample_rate_hz / hertz) + 1
    window = [USUAL] * (sets - 1) + [rest + sets * turn]
    assert sum(window) < 0.1 * sets * config.sample_clocks
    assert unfinished(config.sample_clocks, 3 * window) <= 5 < QUEUE
    # A timed window and a crossing right after it: neither has a fundamental.
    timed = [USUAL] * (sets - 1) + [rest, rest]
    assert unfinished(config.sample_clocks, timed + window) <= 5 < QUEUE


@pytest.mark.parametrize("pace", PACES)
def test_no_set_is_refused_at_the_nominal_pace(pace, longest_run, simulate):
    config = PACES[pace]
    rest, turn = longest_run(compile_program(config.metering))
    longest = rest + turn * (int(config.sample_rate_hz / config.lowest_hz) + 2)
    work = [USUAL, rest, rest, *[USUAL] * 4, longest, *[USUAL] * 8]
    dut = FrontEnd(word_bits=24, lanes=7, queue=QUEUE)
    done = []

    async def source(ctx):
        for index in range(len(work)):
            ctx.set(dut.samples.payload, [index] * 7)
            ctx.set(dut.samples.valid, 1)
            *_, ready = await ctx.tick().sample(dut.samples.ready)
            assert ready, f"set {index} refused"
            ctx.set(dut.samples.valid, 0)
            waiting.append(index + 1 - len(done))
            await ctx.tick().repeat(config.sample_clocks - 1)

    async def engine(ctx):
        ctx.set(dut.engine_idle, 1)
        for clocks in work:
            lanes = (await ctx.tick().sample(dut.lanes).until(dut.engine_start))[0]
            done_index = lanes[0] >> 4
            assert done_index == len(done)
            ctx.set(dut.engine_idle, 0)
            await ctx.tick().repeat(clocks)
            ctx.set(dut.engine_idle, 1)
            done.append(done_index)

    waiting: list[int] = []
    simulate(dut, source, engine)
    assert len(done) == len(work)
    assert max(waiting) == unfinished(config.sample_clocks, work)


def test_a_word_longer_than_a_lane():
    with pytest.raises(ValueError, match=r"^A sample word must have at most 28 bits, not 29$"):
        FrontEnd(word_bits=29, lanes=2)
