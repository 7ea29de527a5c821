"""The transmitter: the shape of its frames."""

import random
from types import SimpleNamespace

import pytest

from rtl.periph.baud import FRACTION_BITS
from rtl.periph.uart_tx import Serialiser


@pytest.mark.parametrize("bit_clocks", [8, 9.25, 16, 54.25])
def test_bytes_with_random_pauses(simulate, peer, bit_clocks):
    dut = Serialiser()
    line = peer(SimpleNamespace(tx=dut.tx), bit_clocks)
    choose = random.Random(bit_clocks)
    sent = [choose.randrange(256) for _ in range(40)]
    received = []

    async def offer(ctx):
        ctx.set(dut.divisor, round(bit_clocks / 8 * (1 << FRACTION_BITS)))
        for byte in sent:
            ctx.set(dut.bytes.payload, byte)
            ctx.set(dut.bytes.valid, 1)
            await ctx.tick().until(dut.bytes.ready)
            ctx.set(dut.bytes.valid, 0)
            await ctx.tick().repeat(choose.choice((0, 0, 3, 200)) + 1)

    async def receive(ctx):
        received.extend([await line.receive(ctx) for _ in sent])

    simulate(dut, offer, receive)
    assert received == sent


def test_bits_have_their_length_and_frames_follow_each_other(simulate):
    dut = Serialiser()
    levels = []

    async def check(ctx):
        ctx.set(dut.divisor, 512)
        ctx.set(dut.bytes.payload, 0x55)
        ctx.set(dut.bytes.valid, 1)
        for _ in range(2 * 161 + 1):
            await ctx.tick()
            levels.append(ctx.get(dut.tx))

    simulate(dut, check)
    changes = [clock for clock in range(1, len(levels)) if levels[clock] != levels[clock - 1]]
    assert levels[0] == 0, "the start bit begins one cycle after the byte was taken"
    assert changes[:9] == [16 * bit for bit in range(1, 10)]
    assert changes[9] == 161, "a frame takes ten bits and a cycle"


def test_idle_line_is_high(simulate):
    dut = Serialiser()

    async def check(ctx):
        ctx.set(dut.divisor, 256)
        for _ in range(50):
            assert (ctx.get(dut.tx), ctx.get(dut.bytes.ready)) == (1, 1)
            await ctx.tick()

    simulate(dut, check)
