"""The simulated source of randomness: the words that are foretold, one taken at a time."""

from itertools import islice

import pytest
from amaranth.sim import Simulator

from sim.randomness import SEED, SimulatedRandomness, simulated_words


@pytest.mark.parametrize("seed", [1, SEED, (1 << 64) - 1])
def test_words_are_those_foretold(seed):
    source, taken = SimulatedRandomness(seed=seed), []

    async def bench(ctx):
        for step in range(400):
            ctx.set(source.random.words.ready, step % 3 != 0)
            ctx.set(source.broken, step % 7 == 0)
            await ctx.delay(1e-9)
            valid, word = ctx.get(source.random.words.valid), ctx.get(source.random.words.payload)
            assert valid == ctx.get(source.random.healthy) == (step % 7 != 0)
            if valid and step % 3:
                taken.append(word)
            await ctx.tick()

    simulator = Simulator(source)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(taken) > 200
    assert taken == list(islice(simulated_words(seed), len(taken)))
    assert len(set(taken)) > 200  # a state of few ones begins with zeros


def test_seeds_that_give_nothing_are_refused():
    with pytest.raises(ValueError, match="Seed must be 1 to 18446744073709551615, not 0"):
        SimulatedRandomness(seed=0)
