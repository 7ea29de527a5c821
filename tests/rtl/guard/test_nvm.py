"""The non-volatile memory: words that outlive resets, torn words, and regions that do not meet."""

import random

import pytest
from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator

from rtl.guard.nvm import Nvm, NvmRegion, Region

ALL = 0xFFFF_FFFF


class Owner:
    """The owner of a region, at its port."""

    def __init__(self, port, domain="sync"):
        self.port, self.domain = port, domain

    async def ask(self, ctx, adr, data=None):
        """Read, or write ``data``; returns (clocks from the one that took it, error, word read)."""
        port = self.port
        request = {"adr": adr, "write": data is not None, "data": data or 0}
        ctx.set(port.request.payload, request)
        ctx.set(port.request.valid, 1)
        await ctx.tick(self.domain).until(port.request.ready)
        ctx.set(port.request.valid, 0)
        clocks = 1
        while not ctx.get(port.done):
            assert not ctx.get(port.error)
            await ctx.tick(self.domain)
            clocks += 1
        return clocks, ctx.get(port.error), ctx.get(port.data)

    async def contents(self, ctx, words):
        return [(await self.ask(ctx, adr))[2] for adr in range(words)]


def simulate(dut, *testbenches, clocks=(("sync", 1e-6),)):
    simulator = Simulator(dut)
    for domain, period in clocks:
        simulator.add_clock(period, domain=domain)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("write_clocks", [2, 3, 4, 9])
@pytest.mark.parametrize("words", [2, 11, 16])
def test_words_and_their_clocks(words, write_clocks):
    dut = NvmRegion(words=words, write_clocks=write_clocks)
    owner, rng = Owner(dut.port), random.Random(words)
    model = [0] * words
    reach = 1 << len(dut.port.request.payload.adr)

    async def bench(ctx):
        for step in range(200):
            where = f"repeat with words {words}, write_clocks {write_clocks}, step {step}"
            for _ in range(rng.choice((0, 0, 1, 4))):
                await ctx.tick()
                assert not ctx.get(dut.port.done), where
            adr, data = rng.randrange(reach), rng.choice((None, rng.getrandbits(32)))
            clocks, error, word = await owner.ask(ctx, adr, data)
            assert error == (adr >= words), where
            assert clocks == (write_clocks if data is not None and not error else 1), where
            if not error and data is not None:
                model[adr] = data
            elif not error:
                assert word == model[adr], where
        assert await owner.contents(ctx, words) == model

    simulate(dut, bench)


def test_requests_follow_each_other_without_a_gap():
    dut = NvmRegion(words=4, write_clocks=3)
    taken = []

    async def bench(ctx):
        ctx.set(dut.port.request.payload, {"adr": 1, "write": 1, "data": 5})
        ctx.set(dut.port.request.valid, 1)
        for clock in range(12):
            if ctx.get(dut.port.request.ready):
                taken.append(clock)
            await ctx.tick()
        await ctx.tick().repeat(3)
        ctx.set(dut.port.request.payload, {"adr": 1, "write": 0})
        for _ in range(5):
            await ctx.tick()
            assert ctx.get(dut.port.done)
            assert ctx.get(dut.port.data) == 5

    simulate(dut, bench)
    assert taken == [0, 3, 6, 9]


async def cut_a_write(ctx, dut, clock, tear, new, off):
    """Write ``new`` to word 3, taken in clock 0, and cut the power in ``clock`` for ``off`` clocks."""
    ctx.set(dut.torn, tear)
    ctx.set(dut.port.request.payload, {"adr": 3, "write": 1, "data": new})
    ctx.set(dut.port.request.valid, 1)
    for _ in range(clock):
        await ctx.tick()
        ctx.set(dut.port.request.valid, 0)
    ctx.set(dut.power, 0)
    await ctx.tick().repeat(off)
    ctx.set(dut.port.request.valid, 0)
    ctx.set(dut.power, 1)


@pytest.mark.parametrize("write_clocks", [2, 4, 7])
def test_a_cut_tears_the_word_being_written_and_no_other(write_clocks):
    dut = NvmRegion(words=5, write_clocks=write_clocks, tears=True)
    owner, rng = Owner(dut.port), random.Random(write_clocks)

    async def bench(ctx):
        for clock in range(write_clocks + 2):
            for tear in (0, ALL, *(rng.getrandbits(32) for _ in range(8))):
                where = f"write_clocks {write_clocks}, cut in clock {clock}, torn {tear:#x}"
                expected, new = [rng.getrandbits(32) for _ in range(5)], rng.getrandbits(32)
                for adr, word in enumerate(expected):
                    await owner.ask(ctx, adr, word)
                await ctx.tick()
                await cut_a_write(ctx, dut, clock, tear, new, rng.choice((1, 3)))
                assert not ctx.get(dut.port.done), where
                if 0 < clock < write_clocks:
                    expected[3] ^= (expected[3] ^ new) & tear
                elif clock:
                    expected[3] = new
                assert await owner.contents(ctx, 5) == expected, where

    simulate(dut, bench)


def test_a_reset_without_a_power_cut_leaves_a_word_whole():
    region = NvmRegion(words=4, write_clocks=4)
    reset = Signal()
    owner = Owner(region.port)

    async def bench(ctx):
        for clock in range(1, 4):
            await owner.ask(ctx, 2, 0x1234)
            ctx.set(region.port.request.payload, {"adr": 2, "write": 1, "data": ALL})
            ctx.set(region.port.request.valid, 1)
            for _ in range(clock):
                await ctx.tick()
                ctx.set(region.port.request.valid, 0)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            assert (await owner.ask(ctx, 2))[2] == (0x1234 if clock < 3 else ALL), f"clock {clock}"

    simulate(ResetInserter(reset)(region), bench)


@pytest.mark.parametrize("period", [0.13e-6, 1.7e-6])
def test_regions_do_not_meet(period):
    """Two owners in two clock domains, each with all addresses of its port."""
    regions = {"metrology": Region(words=11, domain="metrology"), "anchor": Region(words=6)}
    dut = Nvm(regions=regions)

    def live(name, seed):
        region, rng = regions[name], random.Random(seed)
        owner, model = Owner(getattr(dut, name), region.domain), [0] * region.words

        async def bench(ctx):
            for _ in range(300):
                adr = rng.randrange(1 << len(owner.port.request.payload.adr))
                data = rng.choice((None, rng.getrandbits(32)))
                _, error, word = await owner.ask(ctx, adr, data)
                assert error == (adr >= region.words)
                if data is not None and not error:
                    model[adr] = data
                elif not error:
                    assert word == model[adr], f"repeat with seed {seed}, region {name!r}"
            assert await owner.contents(ctx, region.words) == model

        return bench

    simulate(dut, live("metrology", 1), live("anchor", 2), clocks=(("sync", 1e-6), ("metrology", period)))


def test_a_cut_reaches_all_regions():
    dut = Nvm(regions={"one": Region(words=2), "two": Region(words=3)}, tears=True)

    async def bench(ctx):
        ctx.set(dut.torn, 0x0F0F_0F0F)
        for port in (dut.one, dut.two):
            ctx.set(port.request.payload, {"adr": 1, "write": 1, "data": ALL})
            ctx.set(port.request.valid, 1)
        await ctx.tick()
        for port in (dut.one, dut.two):
            ctx.set(port.request.valid, 0)
        ctx.set(dut.power, 0)
        await ctx.tick()
        ctx.set(dut.power, 1)
        assert await Owner(dut.one).contents(ctx, 2) == [0, 0x0F0F_0F0F]
        assert await Owner(dut.two).contents(ctx, 3) == [0, 0x0F0F_0F0F, 0]

    simulate(dut, bench)


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: NvmRegion(words=1), ValueError, "Number of words must be 2 or more, not 1"),
        (
            lambda: NvmRegion(words=4, write_clocks=1),
            ValueError,
            "Clocks of a write must be 2 or more, not 1",
        ),
        (
            lambda: NvmRegion(words=4, write_clocks=2.5),
            TypeError,
            "Clocks of a write must be an integer, not 2.5",
        ),
        (lambda: Nvm(regions={}), ValueError, "Non-volatile memory must have 1 region or more, not 0"),
    ],
)
def test_refusals(make, error, sentence):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == sentence
