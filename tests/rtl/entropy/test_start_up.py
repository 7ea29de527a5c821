"""The start-up clock by clock against a model of it, under random requests and failures."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.entropy.cutoffs import START_UP_SAMPLES
from rtl.entropy.start_up import StartUp

CLOCKS_A_SAMPLE = 3


class Model:
    """What `StartUp` is to say, from the samples that were taken whole since the last bad clock."""

    def __init__(self):
        self.good = 0
        self.whole = True  # the first sample needs no ``take``

    def clock(self, *, enable, restart, take, stb, failed):
        """Whether bits are healthy in a clock with these inputs."""
        bad = restart or not enable or (stb and failed)
        healthy = self.good >= START_UP_SAMPLES and not bad
        self.good += stb and self.whole
        self.whole |= take
        if bad:
            self.good, self.whole = 0, False
        return healthy


def run(steps):
    """Compare ``healthy`` in each clock; returns in how many it was high."""
    dut, model, high = StartUp(), Model(), 0

    async def bench(ctx):
        nonlocal high
        for clock, step in enumerate(steps):
            for name, value in step.items():
                ctx.set(getattr(dut, name), value)
            expected = model.clock(**step)
            assert ctx.get(dut.healthy) == expected, f"clock {clock}: {step}"
            high += expected
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-8)
    sim.add_testbench(bench)
    sim.run()
    return high


def sample_clocks(count, events=None):
    """Clocks of samples: taken, in work, judged; ``events`` changes the inputs of some clocks."""
    for clock in range(CLOCKS_A_SAMPLE * count):
        phase = clock % CLOCKS_A_SAMPLE
        step = {"enable": 1, "restart": 0, "take": int(phase == 0), "stb": int(phase == 2), "failed": 0}
        yield step | (events or {}).get(clock, {})


def test_healthy_after_a_whole_start_up():
    assert run(sample_clocks(START_UP_SAMPLES)) == 0
    assert run(sample_clocks(START_UP_SAMPLES + 2)) == 2 * CLOCKS_A_SAMPLE


@pytest.mark.parametrize("phase", range(CLOCKS_A_SAMPLE))
@pytest.mark.parametrize("event", [{"restart": 1}, {"enable": 0}, {"failed": 1}], ids=str)
@pytest.mark.parametrize("sample", [START_UP_SAMPLES - 1, START_UP_SAMPLES + 1])
def test_one_event_closes_until_a_whole_start_up_later(phase, event, sample):
    if "failed" in event and phase != 2:
        event |= {"stb": 0}  # no sample, no failure
    clocks = CLOCKS_A_SAMPLE * sample + phase
    run(sample_clocks(2 * START_UP_SAMPLES + 8, {clocks: event}))


@pytest.mark.parametrize("seed", range(3))
def test_random_events(seed):
    draws = random.Random(seed)
    rare = [
        {"restart": 1},
        {"enable": 0, "take": 0},
        {"failed": 1},
    ]
    count = 5 * START_UP_SAMPLES
    events = {draws.randrange(CLOCKS_A_SAMPLE * count): draws.choice(rare) for _ in range(5)}
    run(sample_clocks(count, events))
