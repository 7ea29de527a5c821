"""Counters never come twice: cuts at every clock of a reservation, torn words, and broken copies."""

import random

import pytest
from amaranth import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from rtl.crypto.aes.iv_source import NVM_WORDS, IvSource
from rtl.guard.nvm import NvmRegion
from sim.block import Block

ALL = 0xFFFF_FFFF
LIMIT = 200


class Powered(wiring.Component):
    """A source and its region; only the region outlives a power cut. The test can write to the region."""

    def __init__(self):
        self.held, self.adr, self.write, self.word = Signal(), Signal(3), Signal(), Signal(32)
        self.source, self.region = IvSource(), NvmRegion(words=NVM_WORDS, write_clocks=3, tears=True)
        super().__init__({"writes": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.source = ResetInserter(~self.region.power)(self.source)
        m.submodules.region = self.region
        self.port = self.region.port
        with m.If(self.held):
            m.d.comb += [
                self.port.request.valid.eq(self.write),
                self.port.request.payload.adr.eq(self.adr),
                self.port.request.payload.write.eq(1),
                self.port.request.payload.data.eq(self.word),
            ]
        with m.Else():
            connect_requests(m, self.source.nvm, self.port)
        m.d.comb += self.writes.eq(self.port.request.valid & self.port.request.payload.write)
        return m


def connect_requests(m, owner, port):
    m.d.comb += [
        port.request.valid.eq(owner.request.valid),
        port.request.payload.eq(owner.request.payload),
        owner.request.ready.eq(port.request.ready),
        owner.done.eq(port.done),
        owner.error.eq(port.error),
        owner.data.eq(port.data),
    ]


class Owner:
    """Asks for counters, and cuts the power."""

    def __init__(self, ctx, dut):
        self.ctx, self.dut, self.source = ctx, dut, dut.source

    async def ask(self, *, cut=None, torn=0):
        """The next counter; None if the power is cut first, or if there is none."""
        ctx, source, region = self.ctx, self.source, self.dut.region
        ctx.set(source.ask, 1)
        for clock in range(LIMIT):
            if clock == cut:
                ctx.set(region.torn, torn)
                await self.power_cycle()
                return None
            given, failed = ctx.get(source.given), ctx.get(source.failed)
            if given or failed:
                ctx.set(source.ask, 0)
                await ctx.tick()
                return await self._counter() if given else None
            await ctx.tick()
        raise AssertionError("no answer")

    async def _counter(self):
        """Both words; power is there."""
        words = []
        for lower in (0, 1):
            self.ctx.set(self.source.lower, lower)
            await self.ctx.tick()
            words.append(self.ctx.get(self.source.word))
        return words[0] << 32 | words[1]

    async def power_cycle(self):
        ctx, region = self.ctx, self.dut.region
        ctx.set(self.source.ask, 0)
        ctx.set(region.power, 0)
        await ctx.tick().repeat(3)
        ctx.set(region.power, 1)

    async def write(self, adr, word):
        """Write a word to the region, as an attacker or the age would."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.held, 1)
        ctx.set(dut.adr, adr)
        ctx.set(dut.word, word)
        ctx.set(dut.write, 1)
        await ctx.tick().until(dut.port.request.ready)
        ctx.set(dut.write, 0)
        await ctx.tick().until(dut.port.done)
        ctx.set(dut.held, 0)

    async def write_bound(self, bound):
        """Both copies say that counters from ``bound`` times 65536 on were never given."""
        words = bound << 16 & ALL, bound >> 16
        for adr in range(NVM_WORDS):
            word = words[adr >> 1 & 1]
            await self.write(adr, word ^ ALL if adr & 1 else word)
        await self.power_cycle()


def simulate(scenario):
    dut = Powered()

    async def check(ctx):
        await scenario(ctx, Owner(ctx, dut))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    simulator.run()


def test_counters_count_and_jump_at_power_on():
    async def scenario(ctx, owner):
        assert [await owner.ask() for _ in range(5)] == [0, 1, 2, 3, 4]
        await owner.power_cycle()
        assert [await owner.ask() for _ in range(2)] == [1 << 16, (1 << 16) + 1]

    simulate(scenario)


@pytest.mark.parametrize("first", [0, 0xFFFF_FFFE, 0x1234_FFFF_FFFF])
def test_no_counter_comes_twice_whenever_the_power_is_cut(first):
    rng = random.Random(first)

    async def scenario(ctx, owner):
        if first:
            await owner.write_bound(first)
        highest, cut = -1, 0
        while cut < 70:  # behind the last clock of reading the region and of a reservation
            for torn in (0, ALL, rng.getrandbits(32)):
                where = f"repeat with first {first:#x}, cut {cut}, torn {torn:#x}"
                counter = await owner.ask(cut=cut, torn=torn)
                if counter is None:
                    counter = await owner.ask()
                assert counter is not None, where
                assert counter > highest, where
                assert counter < highest + (3 << 16) or highest < 0, where
                highest = counter
                await owner.power_cycle()
            cut += 1
        assert highest >> 16 >= first

    simulate(scenario)


@pytest.mark.parametrize("seed", range(40, 46))
def test_a_cut_upon_a_cut(seed):
    """A copy torn in one reservation, from blank memory on, and cuts in the ones that follow."""
    rng = random.Random(seed)

    async def scenario(ctx, owner):
        highest = -1
        for step in range(60):
            await owner.power_cycle()
            counter = await owner.ask(cut=rng.randrange(20, 65), torn=rng.getrandbits(32))
            if counter is not None:
                assert counter > highest, f"seed {seed}, step {step}"
                highest = counter
        counter = await owner.ask()
        assert counter is not None, f"seed {seed}"
        assert counter > highest, f"seed {seed}"

    simulate(scenario)


@pytest.mark.parametrize("copy", [0, 4])
@pytest.mark.parametrize("adr", range(4))
def test_one_broken_copy_is_no_harm(copy, adr):
    async def scenario(ctx, owner):
        assert await owner.ask() == 0
        await owner.write(copy + adr, 0x0102_0304)
        await owner.power_cycle()
        assert await owner.ask() == 1 << 16
        assert not ctx.get(owner.source.broken)

    simulate(scenario)


def test_two_broken_copies_end_it_for_ever():
    async def scenario(ctx, owner):
        assert await owner.ask() == 0
        for adr in (1, 6):
            await owner.write(adr, 0x0102_0304)
        for _ in range(3):
            await owner.power_cycle()
            assert await owner.ask() is None
            assert ctx.get(owner.source.broken)
            assert await owner.ask() is None

    simulate(scenario)


def test_the_last_counters_are_the_last():
    async def scenario(ctx, owner):
        await owner.write_bound((1 << 48) - 2)
        assert await owner.ask() == (1 << 64) - (2 << 16)
        await owner.power_cycle()
        for _ in range(2):
            assert await owner.ask() is None
            assert not ctx.get(owner.source.broken)

    simulate(scenario)


class Alone(wiring.Component):
    """A source and its region, which can be lost: then whatever is read of it is blank."""

    def __init__(self):
        self.source = IvSource()
        super().__init__(
            {
                "ask": In(1),
                "lost": In(1),
                "given": Out(1),
                "failed": Out(1),
                "broken": Out(1),
                "word": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.source = source = self.source
        m.submodules.region = region = NvmRegion(words=NVM_WORDS)
        connect_requests(m, source.nvm, region.port)
        m.d.comb += [
            source.nvm.data.eq(region.port.data & ~self.lost.replicate(32)),
            source.ask.eq(self.ask),
            source.lower.eq(1),
            self.failed.eq(source.failed),
            self.broken.eq(source.broken),
            self.word.eq(source.word),
        ]
        m.d.sync += self.given.eq(source.given)
        return m


@pytest.fixture(scope="module")
def alone():
    return Block(Alone())


def test_a_block_of_counters_is_used_up(alone):
    """The 65536 counters of a reservation, and the next reservation, in the compiled simulation."""
    block = alone.fresh()
    block.watch("given", ["word"])
    block.set("ask", 1)
    block.tick(140_000)
    counters = [counter for (counter,) in block.recorded()]
    assert len(counters) > 1 << 16
    assert counters == list(range(len(counters)))


def test_no_counter_comes_twice_when_its_memory_is_lost(alone):
    """What is read when a reservation is used up is no bound that was given away already."""
    block = alone.fresh()
    block.watch("given", ["word"])
    block.set("ask", 1)
    block.tick(1_000)
    block.set("lost", 1)
    block.until("failed", 140_000)
    counters = [counter for (counter,) in block.recorded()]
    assert counters == list(range(1 << 16))
    block.tick(1_000)
    assert block.get("failed")
    assert block.get("broken")
    assert not block.recorded()
