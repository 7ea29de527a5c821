"""Simulated noise plays its samples, one for each that is taken."""

import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from rtl.entropy.jitter import REFERENCE
from sim.noise import SAMPLES, SimulatedNoise
from sim.ring_jitter import RingJitter


def played(dut, steps):
    """What is there in each clock; a step is (enable, take, stuck)."""
    seen = []

    async def bench(ctx):
        await ctx.tick()
        for enable, take, stuck in steps:
            ctx.set(dut.noise.enable, enable)
            ctx.set(dut.noise.take, take)
            ctx.set(dut.stuck, stuck)
            await ctx.delay(0)
            seen.append(ctx.get(dut.noise.rings))
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return seen


@pytest.mark.parametrize("count", [2, 5, 8])
def test_each_take_goes_on_by_one_and_the_end_joins_the_start(count):
    seed = 11 + count
    choose = random.Random(seed)
    samples = np.array([[choose.randrange(2) for _ in range(11)] for _ in range(count)])
    values = [sum(int(bit) << ring for ring, bit in enumerate(row)) for row in samples]
    steps = [(choose.random() < 0.9, choose.random() < 0.6, choose.random() < 0.2) for _ in range(200)]
    place, expected = 0, []
    for enable, take, stuck in steps:
        expected.append(values[place] if enable else 2**11 - 1)
        place = (place + (take and not stuck)) % count
    assert played(SimulatedNoise(samples=samples), steps) == expected, f"seed {seed}"


def test_plays_the_model_if_nothing_else_is_given():
    levels = RingJitter(REFERENCE, seed=7).samples(SAMPLES)
    seen = played(SimulatedNoise(seed=7), [(1, 1, 0)] * 100)
    assert [[value >> ring & 1 for ring in range(REFERENCE.rings)] for value in seen] == levels[:100].tolist()


@pytest.mark.parametrize("samples", [[[0, 1]], [[0, 2], [1, 1]], [0, 1, 1], [[], []]])
def test_samples_that_are_none_are_refused(samples):
    with pytest.raises(ValueError, match="Samples must be two or more rows of zeros and ones"):
        SimulatedNoise(samples=samples)
