"""Both compression cores against the standard's algorithm in Python, and their budgets of cycles."""

import random

import pytest

from rtl.crypto.sha256.core_compact import CompactCore
from rtl.crypto.sha256.core_fast import FastCore

CORES = {"fast": FastCore, "compact": CompactCore}
ONE_BLOCK = {"fast": 68, "compact": 355}
EACH_BLOCK = {"fast": 65, "compact": 338}
INIT = {"fast": 0, "compact": 11}
BLOCKS = {"fast": 24, "compact": 6}


@pytest.fixture(params=sorted(CORES))
def name(request):
    return request.param


@pytest.fixture
def core(name):
    return CORES[name]()


async def _idle(ctx, core):
    """Cycles until the core is idle."""
    cycles = 0
    while not ctx.get(core.idle):
        await ctx.tick()
        cycles += 1
        assert cycles < 1000
    return cycles


async def _init(ctx, core):
    ctx.set(core.init, 1)
    await ctx.tick()
    ctx.set(core.init, 0)


async def _send(ctx, core, block, pauses=(0,), rng=random):
    """Send a block; returns the cycles from the first word taken."""
    cycles = None
    for at in range(0, len(block), 4):
        for _ in range(rng.choice(pauses)):
            await ctx.tick()
            cycles = cycles and cycles + 1
        ctx.set(core.words.payload, int.from_bytes(block[at : at + 4], "big"))
        ctx.set(core.words.valid, 1)
        taken = False
        while not taken:
            taken = ctx.get(core.words.ready)
            await ctx.tick()
            cycles = 1 if taken and cycles is None else cycles and cycles + 1
        ctx.set(core.words.valid, 0)
    return cycles


def _state(ctx, core):
    value = ctx.get(core.state)
    return tuple(value >> 32 * (7 - index) & 0xFFFF_FFFF for index in range(8))


async def _load(ctx, core, state):
    """Shift a state in; returns what came out, H0 first."""
    out = []
    for word in reversed(state):
        out.insert(0, ctx.get(core.state) & 0xFFFF_FFFF)
        ctx.set(core.shift, 1)
        ctx.set(core.shift_data, word)
        await ctx.tick()
    ctx.set(core.shift, 0)
    return tuple(out)


def test_blocks_from_the_initial_state(simulate, reference, core, name):
    async def check(ctx):
        rng = random.Random(21)
        await _init(ctx, core)
        await _idle(ctx, core)
        state = reference.initial
        assert _state(ctx, core) == state
        for number in range(BLOCKS[name]):
            block = rng.randbytes(64)
            await _send(ctx, core, block, (0, 0, 0, 1, 7, 80), rng)
            state = reference.compress(state, block)
            if rng.random() < 0.5:
                await _idle(ctx, core)
                assert _state(ctx, core) == state, f"block {number}"
        await _idle(ctx, core)
        assert _state(ctx, core) == state

    simulate(core, check)


def test_states_shift_in_and_out(simulate, reference, core):
    async def check(ctx):
        rng = random.Random(22)
        await _init(ctx, core)
        await _idle(ctx, core)
        held = reference.initial
        for _ in range(3):
            state = tuple(rng.getrandbits(32) for _ in range(8))
            assert await _load(ctx, core, state) == held
            block = rng.randbytes(64)
            await _send(ctx, core, block)
            await _idle(ctx, core)
            held = reference.compress(state, block)
            assert _state(ctx, core) == held

    simulate(core, check)


def test_init_forgets_the_state(simulate, reference, core, name):
    async def check(ctx):
        await _init(ctx, core)
        await _send(ctx, core, bytes(range(64)))
        await _idle(ctx, core)
        await _init(ctx, core)
        assert await _idle(ctx, core) == INIT[name]
        assert _state(ctx, core) == reference.initial

    simulate(core, check)


def test_words_may_follow_init_at_once(simulate, reference, core):
    async def check(ctx):
        block = bytes(range(64))
        await _init(ctx, core)
        await _send(ctx, core, block)
        await _idle(ctx, core)
        assert _state(ctx, core) == reference.compress(reference.initial, block)

    simulate(core, check)


def test_cycles_of_one_block(simulate, core, name):
    async def check(ctx):
        await _init(ctx, core)
        await _idle(ctx, core)
        cycles = await _send(ctx, core, bytes(64))
        assert cycles + await _idle(ctx, core) == ONE_BLOCK[name]

    simulate(core, check)


def test_cycles_of_each_block_of_many(simulate, core, name):
    async def check(ctx):
        await _init(ctx, core)
        await _idle(ctx, core)
        blocks = BLOCKS[name]
        cycles = await _send(ctx, core, bytes(64 * blocks))
        assert cycles + await _idle(ctx, core) == ONE_BLOCK[name] + (blocks - 1) * EACH_BLOCK[name]

    simulate(core, check)


def test_the_next_block_is_taken_while_rounds_run(simulate, core):
    async def check(ctx):
        await _init(ctx, core)
        await _idle(ctx, core)
        cycles = await _send(ctx, core, bytes(128))
        assert cycles <= 33
        ctx.set(core.words.valid, 1)
        assert not ctx.get(core.words.ready)

    simulate(core, check)
