"""Random words for the bus against a model: given once, void as soon as the source fails."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.entropy.random_words import WORDS, RandomWords

STEPS = 8000


def start(testbench, dut):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


async def fill(ctx, dut, first=1):
    """Fill with the words ``first``, ``first`` + 1 and so on."""
    ctx.set(dut.random.healthy, 1)
    ctx.set(dut.random.words.valid, 1)
    ctx.set(dut.fill, 1)
    await ctx.tick()
    ctx.set(dut.fill, 0)
    for word in range(WORDS):
        ctx.set(dut.random.words.payload, first + word)
        assert ctx.get(dut.random.words.ready)
        await ctx.tick()
    assert ctx.get(dut.full)
    assert not ctx.get(dut.busy)


async def read(ctx, dut, index):
    """The word, and whether it was missing."""
    ctx.set(dut.read, 1)
    ctx.set(dut.index, index)
    await ctx.tick()
    ctx.set(dut.read, 0)
    return ctx.get(dut.data), ctx.get(dut.missing)


def test_a_word_is_given_once():
    dut = RandomWords()

    async def testbench(ctx):
        await fill(ctx, dut)
        for index in (3, 0, 7, 1, 2, 6, 5, 4):
            assert await read(ctx, dut, index) == (1 + index, 0)
            assert await read(ctx, dut, index) == (0, 1)
        assert not ctx.get(dut.full)

    start(testbench, dut)


@pytest.mark.parametrize("cause", ["clear", "healthy"])
def test_void_words_are_gone_and_overwritten(cause):
    dut = RandomWords()

    async def testbench(ctx):
        await fill(ctx, dut, first=100)
        ctx.set(dut.clear, cause == "clear")
        ctx.set(dut.random.healthy, cause != "healthy")
        await ctx.tick()
        ctx.set(dut.clear, 0)
        assert not ctx.get(dut.full)
        assert ctx.get(dut.busy)
        assert await read(ctx, dut, 5) == (0, 1)
        await ctx.tick().until(~dut.busy)
        for index in range(WORDS):
            assert ctx.get(dut.memory.data[index]) == 0

    start(testbench, dut)


def test_the_word_on_its_way_is_void_too():
    dut = RandomWords()

    async def testbench(ctx):
        await fill(ctx, dut)
        assert await read(ctx, dut, 2) == (3, 0)
        ctx.set(dut.random.healthy, 0)
        assert ctx.get(dut.data) == 0
        assert ctx.get(dut.missing) == 1, "and it is told"

    start(testbench, dut)


@pytest.mark.parametrize("seed", range(3))
def test_random_steps(seed):
    """Each word of the source comes out at most once, and none that came before the source failed."""
    dut = RandomWords()

    async def testbench(ctx):
        pick = random.Random(seed)
        there, pending, left, clearing, shown, asked = [0] * WORDS, [0] * WORDS, 0, 0, 0, False
        filling, given, fills = False, 0, 0
        for step in range(STEPS):
            where = f"seed {seed}, step {step}"
            healthy = pick.random() > 0.004
            wants, clear, reads = (pick.random() < chance for chance in (0.05, 0.004, 0.2))
            index, valid, word = pick.randrange(WORDS), pick.random() < 0.5, pick.randrange(1, 1 << 32)
            for port, value in (
                (dut.random.healthy, healthy),
                (dut.random.words.valid, valid),
                (dut.random.words.payload, word),
                (dut.fill, wants and not clear),
                (dut.clear, clear),
                (dut.read, reads),
                (dut.index, index),
            ):
                ctx.set(port, value)
            assert ctx.get(dut.data) == (shown if healthy else 0), where
            assert ctx.get(dut.missing) == (asked and not (shown and healthy)), where
            assert ctx.get(dut.busy) == (filling or clearing > 0), where
            assert ctx.get(dut.random.words.ready) == (filling and healthy), where
            busy, void = filling or clearing > 0, clear or (not healthy and (filling or any(there)))
            shown = there[index] if reads and not void else 0
            asked = reads
            if shown:
                there[index] = 0
            if filling and healthy and valid:
                given += 1
                left -= 1
                pending[WORDS - 1 - left] = word
                if not left:
                    there, filling = pending, False
                    fills += 1
            elif clearing:
                clearing -= 1
            if wants and not clear and not busy:
                there, filling, left, pending = [0] * WORDS, True, WORDS, [0] * WORDS
            if void:
                there, filling, clearing = [0] * WORDS, False, WORDS
            await ctx.tick()
            assert ctx.get(dut.full) == all(there), where
        assert fills > 20
        assert given > 8 * fills

    start(testbench, dut)
