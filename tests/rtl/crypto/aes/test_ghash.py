"""GHASH against the definition, in every way that it is built."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.crypto.aes.ghash import Ghash

WAYS = [(1, False), (3, False), (13, False), (4, True), (12, True), (16, True)]


def product(a, b):
    """Product of two blocks (SP 800-38D, section 6.3)."""
    total, value = 0, b
    for bit in range(128):
        if a >> 127 - bit & 1:
            total ^= value
        value = value >> 1 ^ (0xE1 << 120) * (value & 1)
    return total


@pytest.mark.parametrize(("digit", "tables"), WAYS)
def test_hashes(digit, tables):
    dut, rng = Ghash(digit=digit, tables=tables), random.Random(digit)
    where = f"repeat with digit {digit}, tables {tables}"

    async def until_ready(ctx):
        clocks = 0
        while not ctx.get(dut.ready):
            await ctx.tick()
            clocks += 1
        return clocks

    async def load(ctx, block, *, run):
        ctx.set(dut.block, block)
        ctx.set(dut.load, 1)
        ctx.set(dut.run, run)
        await ctx.tick()
        ctx.set(dut.load, 0)

    async def check(ctx):
        for key in (rng.getrandbits(128), 1 << 127, 1, rng.getrandbits(128)):
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            ctx.set(dut.block, key)
            ctx.set(dut.set_key, 1)
            await ctx.tick()
            ctx.set(dut.set_key, 0)
            assert await until_ready(ctx) == (16 if tables else 0), where
            total = 0
            for number in range(rng.randrange(1, 5)):
                block = rng.getrandbits(128)
                await load(ctx, block, run=1)
                assert 1 + await until_ready(ctx) == -(-128 // digit), where
                total = product(total ^ block, key)
                if number % 2:
                    await ctx.tick().repeat(rng.randrange(1, 5))
            block = rng.getrandbits(128)
            await load(ctx, block, run=0)
            assert ctx.get(dut.operand) == total ^ block, where
            assert ctx.get(dut.ready)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    simulator.run()


@pytest.mark.parametrize("digit", [0, 65, "8"])
def test_an_impossible_digit_is_refused(digit):
    with pytest.raises(ValueError, match=f"Digit of GHASH must be from 1 to 64 bits, not {digit!r}"):
        Ghash(digit=digit)


def test_tables_need_whole_digits():
    with pytest.raises(ValueError, match="with tables must be a multiple of 4, not 13"):
        Ghash(digit=13, tables=True)
