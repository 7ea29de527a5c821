"""Pieces of raw bits against a list of what was given."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.entropy.raw_buffer import RawBuffer

WORDS = 40
STEPS = 30_000


class Model:
    """A piece at a time: bits go in until it is full, words come out in their order."""

    def __init__(self):
        self.bits, self.taken = [], 0

    @property
    def filled(self):
        return len(self.bits) // 32

    def step(self, is_open, stb, value, read):
        """The word that the next cycle shows."""
        there = read and self.taken < self.filled
        word = 0
        if there:
            word = int("".join(map(str, self.bits[32 * self.taken : 32 * self.taken + 32])), 2)
        ended = self.filled == WORDS and self.taken == WORDS
        if stb and self.filled < WORDS:
            self.bits.append(value)
        self.taken += there
        if not is_open or ended:
            self.bits, self.taken = [], 0
        return word


def run(testbench, dut):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("seed", range(3))
def test_random_steps(seed):
    dut, model = RawBuffer(words=WORDS), Model()

    async def testbench(ctx):
        pick, pieces = random.Random(seed), 0
        for step in range(STEPS):
            reads = pick.random() < (0.0005, 0.01, 0.05)[seed]
            inputs = (pick.random() > 0.0002, pick.random() < 0.5, pick.getrandbits(1), reads)
            for port, value in zip((dut.open, dut.bits.stb, dut.bits.value, dut.read), inputs, strict=True):
                ctx.set(port, value)
            assert ctx.get(dut.level) == model.filled - model.taken, f"seed {seed}, step {step}"
            pieces += model.filled == WORDS and model.taken == WORDS
            there = model.taken < model.filled
            word = model.step(*inputs)
            await ctx.tick()
            assert ctx.get(dut.data) == (word if inputs[0] else 0), f"seed {seed}, step {step}"
            assert ctx.get(dut.missing) == (reads and not (there and inputs[0])), f"seed {seed}, step {step}"
        assert pieces >= (0, 3, 3)[seed]

    run(testbench, dut)


@pytest.mark.parametrize(("words", "error"), [(31, ValueError), (True - 1, ValueError), (64.0, TypeError)])
def test_sizes_that_are_none(words, error):
    with pytest.raises(error, match="Number of words must be"):
        RawBuffer(words=words)
