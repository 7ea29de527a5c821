"""The core's sequencer against a bus with random delays, errors and interrupts."""

import random

import pytest
from amaranth.sim import Simulator

from sim.sequencer import BUFFER_WORDS, Kind, Sequencer

PERIOD_S = 1e-6
HOLE = 0xF00


class Bench:
    """A sequencer, a memory that answers after random delays, and what a core does with them."""

    def __init__(self, *, core_cycles=0, seed=0, delays=(0, 1, 2, 3)):
        self.dut = Sequencer(core_cycles=core_cycles)
        self.memory = {}
        self.accesses = []  # (is_write, byte address)
        self._choose = random.Random(seed)
        self._delays = delays
        self._request = 0

    def run(self, testbench):
        simulator = Simulator(self.dut)
        simulator.add_clock(PERIOD_S)
        simulator.add_testbench(testbench)
        simulator.add_testbench(self._answer, background=True)
        simulator.run()

    async def _answer(self, ctx):
        bus = self.dut.bus
        while True:
            while not (ctx.get(bus.cyc) and ctx.get(bus.stb)):
                await ctx.tick()
            for _ in range(self._choose.choice(self._delays)):
                await ctx.tick()
            address, is_write = 4 * ctx.get(bus.adr), ctx.get(bus.we)
            self.accesses.append((bool(is_write), address))
            is_error = address == HOLE
            if is_write and not is_error:
                assert ctx.get(bus.sel) == 1
                self.memory[address] = ctx.get(bus.dat_w)
            ctx.set(bus.dat_r, self.memory.get(address, 0))
            ctx.set(bus.err if is_error else bus.ack, 1)
            await ctx.tick()
            ctx.set(bus.ack, 0)
            ctx.set(bus.err, 0)

    async def ask(self, ctx, kind, address, words=(), **fields):
        """One handshake; returns status, words read and the clocks that it took."""
        dut = self.dut
        for index, word in enumerate(words):
            ctx.set(dut.words_w[index], word)
        ctx.set(dut.command, {"kind": kind, "last": 0, "forever": 0, "continued": 0, **fields})
        ctx.set(dut.address, address)
        self._request ^= 1
        ctx.set(dut.request, self._request)
        clocks = 0
        while ctx.get(dut.status.done) != self._request:
            await ctx.tick()
            clocks += 1
            assert clocks < 1000
        return ctx.get(dut.status), list(ctx.get(dut.words_r)), clocks


@pytest.mark.parametrize("seed", range(6))
def test_random_accesses(seed):
    """Bursts of any length reach the memory in order, whatever the bus's delays."""
    bench = Bench(seed=seed)
    expected: dict[int, int] = {}

    async def testbench(ctx):
        choose = random.Random(f"core {seed}")
        for _ in range(60):
            count = choose.randint(1, BUFFER_WORDS)
            address = 4 * choose.randrange(64)
            addresses = [address + 4 * index for index in range(count)]
            bench.accesses.clear()
            if choose.random() < 0.5:
                words = [choose.getrandbits(32) for _ in range(count)]
                status, _, _ = await bench.ask(ctx, Kind.WRITE, address, words, last=count - 1)
                expected.update(zip(addresses, words, strict=True))
                assert bench.accesses == [(True, each) for each in addresses]
            else:
                status, words, _ = await bench.ask(ctx, Kind.READ, address, last=count - 1)
                assert words[:count] == [expected.get(each, 0) for each in addresses], f"seed {seed}"
                assert bench.accesses == [(False, each) for each in addresses]
            assert not status.error

    bench.run(testbench)
    assert bench.memory == expected


def test_an_error_ends_a_burst_where_it_is():
    bench = Bench()

    async def testbench(ctx):
        for kind in (Kind.READ, Kind.WRITE):
            for before in (0, 1, 15):
                bench.accesses.clear()
                status, _, _ = await bench.ask(
                    ctx, kind, HOLE - 4 * before, range(16), last=min(15, before + 2)
                )
                assert status.error
                assert status.position == before
                assert len(bench.accesses) == before + 1
                status, _, _ = await bench.ask(ctx, kind, 0, last=0)
                assert not status.error

    bench.run(testbench)


@pytest.mark.parametrize("core_cycles", [0, 1, 2, 25])
@pytest.mark.parametrize("delay", [0, 3])
def test_latency(core_cycles, delay):
    """The contract of the docstring, to the clock."""
    bench = Bench(core_cycles=core_cycles, delays=[delay])

    async def testbench(ctx):
        for count in (1, 2, 16):
            _, _, clocks = await bench.ask(ctx, Kind.READ, 0, last=count - 1)
            assert clocks == count * (delay + 1) + 1 + core_cycles
            _, _, clocks = await bench.ask(ctx, Kind.READ, 0, last=count - 1, continued=1)
            assert clocks == count * (delay + 1) + 1
        for cycles in (0, 1, 100):
            _, _, clocks = await bench.ask(ctx, Kind.WAIT, 0, [cycles])
            assert clocks == cycles + 2 + core_cycles

    bench.run(testbench)


def test_waits():
    bench = Bench()

    async def testbench(ctx):
        dut = bench.dut
        ctx.set(dut.irq, 0b1010)
        status, words, clocks = await bench.ask(ctx, Kind.WAIT, 0b0110, [50])
        assert (words[0], clocks, status.powered_off) == (0b0010, 2, 0)
        status, words, clocks = await bench.ask(ctx, Kind.WAIT, 0b0101, [50])
        assert (words[0], clocks, status.powered_off) == (0, 52, 0)
        ctx.set(dut.power_off, 1)
        for words, fields, ends in (([50], {}, 1), ([0], {}, 0), ([0], {"forever": 1}, 1)):
            status, read, clocks = await bench.ask(ctx, Kind.WAIT, 0b0101, words, **fields)
            assert (read[0], clocks, status.powered_off) == (0, 2, ends)
        status, words, _ = await bench.ask(ctx, Kind.WAIT, 0b0010, [50])
        assert (words[0], status.powered_off) == (0b0010, 0)

    bench.run(testbench)


def test_a_wait_without_limit_ends_with_the_interrupt():
    bench = Bench()

    async def interrupt(ctx):
        await ctx.tick().repeat(700)
        ctx.set(bench.dut.irq, 1 << 31)

    async def testbench(ctx):
        _, words, clocks = await bench.ask(ctx, Kind.WAIT, 1 << 31, [3], forever=1)
        assert words[0] == 1 << 31
        assert clocks == 701

    simulator = Simulator(bench.dut)
    simulator.add_clock(PERIOD_S)
    simulator.add_testbench(testbench)
    simulator.add_testbench(interrupt, background=True)
    simulator.run()


def test_refused():
    with pytest.raises(ValueError, match="Core cycles must be 0 or more, not -1"):
        Sequencer(core_cycles=-1)
    with pytest.raises(TypeError, match="Core cycles must be an integer, not 'x'"):
        Sequencer(core_cycles="x")
