"""A wrong known answer, and what ends service: closed at once, everything forgotten, and a new start."""

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator

from rtl.bus import RandomSignature
from rtl.crypto.sha256.unit import Unit
from rtl.entropy.generator import Generator
from rtl.entropy.signature import BitSignature

PARAMETERS = {"variant": "fast", "raw_bits": 320, "request_blocks": 5, "reseed_interval": 3}
LIMIT = 20_000
TEST_RESULTS = 14 * 8  # words that the hash unit gives in the self-test
CLOSING_LIMIT = 1000  # clocks from a closing to everything being forgotten, nobody else at the hash unit


@pytest.fixture
def block(generator_on_hash):
    return generator_on_hash(**PARAMETERS)


def _fault(block, number):
    """Let one bit of the hash unit's result be wrong, in the word of that number."""
    for _ in range(number):
        block.until("result", LIMIT)
        block.tick()
    block.until("result", LIMIT)
    block.set("fault", 1)
    block.tick()
    block.set("fault", 0)


@pytest.mark.parametrize("part", range(4))
def test_one_wrong_bit_anywhere_in_the_self_test_is_found(generator_on_hash, part):
    for number in range(part, TEST_RESULTS, 4):
        block = generator_on_hash(**PARAMETERS)
        _fault(block, number)
        block.until("failed", LIMIT)
        block.set("take", 1)
        for _ in range(20):
            block.tick(500)
            assert block.get("failed"), f"word {number}"
            assert not block.get("open"), f"word {number}"
            assert not block.get("ready"), f"word {number}"


def test_after_the_self_test_a_wrong_bit_is_none_of_its(block):
    _fault(block, TEST_RESULTS)
    block.until("open", LIMIT)
    assert not block.get("failed")


def test_a_wipe_tries_the_self_test_again(block):
    _fault(block, 50)
    block.until("failed", LIMIT)
    for name in ("reseed", "hold", "wipe_hash"):
        block.set(name, 1)
        block.tick(3)
        block.set(name, 0)
    block.set("healthy", 0)
    block.tick(10)
    block.set("healthy", 1)
    block.tick(LIMIT)
    assert block.get("failed")
    block.set("wipe", 1)
    block.tick()
    block.set("wipe", 0)
    assert not block.get("failed")
    _fault(block, 70)
    block.until("failed", LIMIT)
    block.set("wipe", 1)
    block.tick()
    block.set("wipe", 0)
    block.until("open", LIMIT)


@pytest.mark.parametrize("name", ["healthy", "wipe", "hold", "wipe_hash"])
@pytest.mark.parametrize("after", [0, 3, 60, 150, 170, 400, 700, 1000])
def test_closed_at_once_and_again_in_service_later(block, traced, name, after):
    block.until("open", LIMIT)
    block.set("take", after > 0)
    block.tick(after)
    traced(block)
    normal = int(name == "healthy")
    block.set(name, 1 - normal)
    if name != "wipe_hash":
        assert not block.get("open")
        assert not block.get("valid")
    block.tick(1)
    block.set(name, normal)
    block.until("closed", CLOSING_LIMIT)
    block.until("open", LIMIT)
    last = [clock.random for clock in traced(block) if clock.given]
    block.set("take", 1)
    block.tick(300)
    first = [clock.random for clock in traced(block) if clock.given]
    assert len(first) >= 8
    assert not set(first) & set(last)


def test_hold_keeps_it_closed(block):
    block.until("open", LIMIT)
    block.set("hold", 1)
    block.tick(LIMIT)
    assert not block.get("open")
    block.set("hold", 0)
    block.until("open", LIMIT)


@pytest.mark.parametrize("after", range(0, 9000, 271))
def test_wiping_ends_whenever_it_begins(block, after):
    block.set("take", 1)
    block.tick(after)
    block.set("wipe", 1)
    block.tick()
    block.set("wipe", 0)
    clocks = 0
    while block.get("wiping"):
        assert not block.get("open")
        block.tick()
        clocks += 1
        assert clocks < CLOSING_LIMIT
    block.until("open", LIMIT)


class _OnHash(wiring.Component):
    """The generator and a hash unit of its own, both wiped together."""

    bits: In(BitSignature())
    random: Out(RandomSignature())
    wipe: In(1)
    wiping: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.generator = generator = Generator(raw_bits=320)
        m.submodules.unit = unit = Unit(variant="fast", users=1)
        connect(m, generator.hash, unit.users[0])
        connect(m, flipped(self.bits), generator.bits)
        connect(m, generator.random, flipped(self.random))
        m.d.comb += [
            generator.wipe.eq(self.wipe),
            unit.wipe.eq(self.wipe),
            self.wiping.eq(generator.wiping | unit.wiping),
        ]
        return m


def _after_wipe(path, kept, noise):
    """Everything kept after service with bits made by ``noise``, and a wipe; and what was given out."""
    dut, words = _OnHash(), []

    async def check(ctx):
        ctx.set(dut.bits.healthy, 1)
        ctx.set(dut.bits.stb, 1)
        ctx.set(dut.random.words.ready, 1)
        state = noise
        for _ in range(5700):
            state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
            ctx.set(dut.bits.value, state >> 63)
            _, _, valid, word = await ctx.tick().sample(dut.random.words.valid, dut.random.words.payload)
            if valid:
                words.append(word)
        ctx.set(dut.bits.stb, 0)
        ctx.set(dut.bits.value, 0)
        ctx.set(dut.wipe, 1)
        await ctx.tick()
        ctx.set(dut.wipe, 0)
        await ctx.tick().until(~dut.wiping)
        ctx.set(dut.bits.healthy, 0)
        await ctx.tick().repeat(60)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    with simulator.write_vcd(str(path)):
        simulator.run()
    return kept(path), words


@pytest.mark.slow
def test_after_a_wipe_nothing_kept_depends_on_what_was_before(tmp_path, kept):
    first, second = (_after_wipe(tmp_path / f"{seed}.vcd", kept, seed) for seed in (1, 2))
    assert len(first[1]) > 8
    assert not set(first[1]) & set(second[1])
    assert first[0] == second[0]
