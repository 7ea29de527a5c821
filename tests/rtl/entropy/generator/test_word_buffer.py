"""The buffer against a queue in Python: words once, in order, and zeros where they were."""

import random
from collections import deque

import pytest

from rtl.entropy.word_buffer import WordBuffer

WORDS = 16


@pytest.mark.parametrize("seed", range(4))
def test_words_come_once_and_in_order(simulate, seed):
    dut, rng, demand = WordBuffer(), random.Random(seed), (0.1, 0.5, 1, 0.8)[seed]

    async def check(ctx):
        expected, index, digest, cleared = deque(), None, {}, 99
        for step in range(3000):
            where = f"seed {seed}, step {step}"
            clear = rng.random() < 0.004
            if index is None and not clear and cleared > WORDS and ctx.get(dut.free) and rng.random() < 0.2:
                index, digest = 7, {}
            word = rng.getrandbits(32) | 1
            writes = index is not None and not clear
            ctx.set(dut.write, {"stb": writes, "index": index or 0, "data": word})
            ctx.set(dut.clear, clear)
            ctx.set(dut.words.ready, rng.random() < demand)
            _, _, valid, ready, given = await ctx.tick().sample(
                dut.words.valid, dut.words.ready, dut.words.payload
            )
            if valid and ready:
                assert expected, where
                assert given == expected.popleft(), where
            if writes:
                digest[index] = word
                index -= 1
                if index < 0:
                    expected.extend(digest[place] for place in range(8))
                    index = None
            cleared += 1
            if clear:
                expected.clear()
                index, cleared = None, 0
        ctx.set(dut.write.stb, 0)
        ctx.set(dut.clear, index is not None)  # a digest that was begun
        ctx.set(dut.words.ready, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        await ctx.tick().repeat(60)
        assert ctx.get(dut.empty)
        assert all(ctx.get(dut.memory.data[place]) == 0 for place in range(WORDS)), f"seed {seed}"

    simulate(dut, check)


def test_a_word_comes_a_cycle(simulate):
    dut = WordBuffer()

    async def check(ctx):
        ctx.set(dut.words.ready, 1)
        for index in range(7, -1, -1):
            ctx.set(dut.write, {"stb": 1, "index": index, "data": 100 + index})
            assert not ctx.get(dut.words.valid)
            await ctx.tick()
        ctx.set(dut.write.stb, 0)
        await ctx.tick()
        for index in range(8):
            assert ctx.get(dut.words.valid)
            assert ctx.get(dut.words.payload) == 100 + index
            await ctx.tick()
        assert not ctx.get(dut.words.valid)

    simulate(dut, check)
