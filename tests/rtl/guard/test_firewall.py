"""The firewall: what goes through, what does not, and that nothing lasts for ever."""

import random

import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from rtl.bus import wishbone
from rtl.guard.firewall import Firewall, Region

ADDR_WIDTH = 7
TIMEOUT = 12
REGIONS = [
    Region(0, 3, True, False),
    Region(3, 4, False, True),
    Region(4, 11, True, True),
    Region(11, 12, True, True),
    Region(32, 96, True, False),
    Region(127, 128, False, True),
]


class Target(wiring.Component):
    """Answers an access after ``delay`` cycles with ``ack``, or ``err``, or, if ``mute``, never.

    It reads as the complement of the address, and counts the accesses that it sees.
    """

    def __init__(self):
        bus = wishbone.Signature(addr_width=ADDR_WIDTH, data_width=32, granularity=32, features={"err"})
        super().__init__({"bus": In(bus), "delay": In(4), "fails": In(1), "mute": In(1)})
        self.seen = Signal(16)
        self.wrote = Signal(32)
        self.last = Signal(ADDR_WIDTH)

    def elaborate(self, platform):
        m = Module()
        waited = Signal(4)
        answers = self.bus.cyc & self.bus.stb & (waited == self.delay) & ~self.mute
        m.d.comb += [
            self.bus.ack.eq(answers & ~self.fails),
            self.bus.err.eq(answers & self.fails),
            self.bus.dat_r.eq(~self.bus.adr),
        ]
        m.d.sync += waited.eq(0)
        with m.If(self.bus.cyc & self.bus.stb & ~answers):
            m.d.sync += waited.eq(waited + 1)
        with m.If(answers):
            m.d.sync += [self.seen.eq(self.seen + 1), self.last.eq(self.bus.adr)]
            with m.If(self.bus.we):
                m.d.sync += self.wrote.eq(self.bus.dat_w)
        return m


class Bench(wiring.Component):
    """Firewall and target."""

    def __init__(self, regions=REGIONS):
        self.firewall = Firewall(addr_width=ADDR_WIDTH, regions=regions, timeout=TIMEOUT)
        self.target = Target()
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.firewall = self.firewall
        m.submodules.target = self.target
        wiring.connect(m, self.firewall.target, self.target.bus)
        return m


def allows(word, write):
    return any(
        region.start <= word < region.end and (region.writable if write else region.readable)
        for region in REGIONS
    )


@pytest.fixture
def bench():
    return Bench()


def test_every_address_in_both_directions(bench, simulate, initiator):
    core = initiator(bench.firewall.core)

    async def check(ctx):
        seen = 0
        for word in range(1 << ADDR_WIDTH):
            for write in (False, True):
                answer, value, cycles = await core.access(ctx, word, word * 3 if write else None)
                await ctx.tick()
                where = f"word {word}, write {write}"
                if allows(word, write):
                    seen += 1
                    assert (answer, cycles) == ("ack", 1), where
                    assert ctx.get(bench.target.last) == word, where
                    if write:
                        assert ctx.get(bench.target.wrote) == word * 3, where
                    else:
                        assert value == ~word & 0x7F, where
                else:
                    assert (answer, cycles) == ("err", 1), where
                assert ctx.get(bench.target.seen) == seen, where

    simulate(bench, check)


def test_a_refused_access_leaves_the_target_idle(bench, simulate, initiator):
    core = initiator(bench.firewall.core)
    strobes = []

    async def watch(ctx):
        async for *_, cyc, stb in ctx.tick().sample(bench.target.bus.cyc, bench.target.bus.stb):
            strobes.append(cyc | stb)

    async def check(ctx):
        for word, data in ((12, None), (31, 1), (0, 1), (3, None), (127, None)):
            assert (await core.access(ctx, word, data))[0] == "err"

    simulate(bench, check, background=[watch])
    assert len(strobes) > 5
    assert not any(strobes)


@pytest.mark.parametrize("delay", [0, 1, 5, TIMEOUT - 1])
@pytest.mark.parametrize("fails", [0, 1])
def test_the_answer_comes_one_cycle_later_than_the_target_gives_it(bench, simulate, initiator, delay, fails):
    core = initiator(bench.firewall.core)

    async def check(ctx):
        ctx.set(bench.target.delay, delay)
        ctx.set(bench.target.fails, fails)
        answer, _, cycles = await core.access(ctx, 5)
        assert (answer, cycles) == ("err" if fails else "ack", delay + 1)

    simulate(bench, check)


def test_a_target_that_never_answers_is_given_up(bench, simulate, initiator):
    core = initiator(bench.firewall.core)

    async def check(ctx):
        ctx.set(bench.target.mute, 1)
        for word, data in ((5, None), (5, 7), (40, None)):
            assert (await core.access(ctx, word, data))[::2] == ("err", TIMEOUT)
        ctx.set(bench.target.mute, 0)
        answer, value, cycles = await core.access(ctx, 40)
        assert (answer, value, cycles) == ("ack", ~40 & 0x7F, 1)

    simulate(bench, check)


def test_what_was_checked_is_what_goes_on(bench, simulate):
    core, target = bench.firewall.core, bench.target

    async def check(ctx):
        ctx.set(target.delay, 4)
        for signal, value in ((core.adr, 5), (core.we, 0), (core.cyc, 1), (core.stb, 1)):
            ctx.set(signal, value)
        await ctx.tick()
        for signal, value in ((core.adr, 0), (core.we, 1), (core.dat_w, 0xBAD)):
            ctx.set(signal, value)
        await ctx.tick().until(core.ack)
        assert (ctx.get(target.last), ctx.get(target.wrote)) == (5, 0)

    simulate(bench, check)


def test_a_withdrawn_access_ends_but_is_not_answered(bench, simulate):
    core, target = bench.firewall.core, bench.target

    async def check(ctx):
        ctx.set(target.delay, 6)
        ctx.set(core.adr, 40)
        ctx.set(core.cyc, 1)
        ctx.set(core.stb, 1)
        await ctx.tick().repeat(2)
        ctx.set(core.stb, 0)
        await ctx.tick()
        ctx.set(core.stb, 1)
        ctx.set(core.adr, 41)
        for _ in range(8):
            await ctx.tick()
            assert ctx.get(core.ack) == 0
        assert ctx.get(target.seen) == 1
        await ctx.tick().until(core.ack)
        assert ctx.get(core.dat_r) == ~41 & 0x7F
        await ctx.tick()
        assert (ctx.get(target.seen), ctx.get(target.last)) == (2, 41)

    simulate(bench, check)


@pytest.mark.parametrize("seed", range(4))
def test_random_accesses_against_the_list_of_regions(bench, simulate, initiator, seed):
    core = initiator(bench.firewall.core)
    steps = random.Random(seed)

    async def check(ctx):
        for step in range(300):
            word = steps.randrange(1 << ADDR_WIDTH)
            data = steps.choice((None, steps.randrange(1 << 32)))
            delay, mute = steps.randrange(8), steps.random() < 0.05
            ctx.set(bench.target.delay, delay)
            ctx.set(bench.target.mute, mute)
            answer, value, cycles = await core.access(ctx, word, data)
            where = f"seed {seed}, step {step}: word {word}, data {data}, delay {delay}, mute {mute}"
            if not allows(word, data is not None):
                assert (answer, cycles) == ("err", 1), where
            elif mute:
                assert (answer, cycles) == ("err", TIMEOUT), where
            else:
                assert (answer, cycles) == ("ack", delay + 1), where
                if data is None:
                    assert value == ~word & 0x7F, where
            if steps.random() < 0.5:
                await ctx.tick().repeat(steps.randrange(1, 4))

    simulate(bench, check)


def test_a_region_may_be_the_whole_space(simulate, initiator):
    bench = Bench([Region(0, 1 << ADDR_WIDTH, True, True)])
    core = initiator(bench.firewall.core)

    async def check(ctx):
        for word in (0, 1, 64, 127):
            assert (await core.access(ctx, word, 1))[0] == "ack"

    simulate(bench, check)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: Firewall(
                addr_width=4, regions=[Region(0, 5, True, True), Region(4, 8, True, False)], timeout=1
            ),
            "Region 0x4..0x8 overlaps region 0x0..0x5",
        ),
        (
            lambda: Firewall(addr_width=4, regions=[Region(8, 17, True, True)], timeout=1),
            "Region 0x8..0x11 must end at 0x10 or before (= 4 address bits)",
        ),
        (
            lambda: Firewall(addr_width=4, regions=[], timeout=0),
            "Time-out must be a positive integer, not 0",
        ),
        (
            lambda: Firewall(addr_width=0, regions=[], timeout=1),
            "Address width must be a positive integer, not 0",
        ),
        (
            lambda: Region(4, 4, True, True),
            "Region must start at 0 or later and end behind its start, not 0x4..0x4",
        ),
        (lambda: Region(4, 5, False, False), "Region must be readable or writable, not 0x4..0x5"),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == sentence
