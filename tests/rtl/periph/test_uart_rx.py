"""The receiver: bytes, tolerance, noise, broken frames."""

import random
from types import SimpleNamespace

import pytest

from rtl.periph.baud import FRACTION_BITS
from rtl.periph.uart_rx import Deserialiser

BIT_CLOCKS = 20


class Receiver:
    """A deserialiser, what it delivered, and the strobes that it gave."""

    def __init__(self, bit_clocks=BIT_CLOCKS):
        self.dut = Deserialiser()
        self.bytes = []
        self.strobes = {"frame_error": 0, "line_break": 0, "overrun": 0}
        self._divisor = round(bit_clocks / 8 * (1 << FRACTION_BITS))

    async def listen(self, ctx):
        """Takes every byte at once and counts strobes."""
        dut = self.dut
        ctx.set(dut.divisor, self._divisor)
        ctx.set(dut.bytes.ready, 1)
        sampled = (dut.bytes.valid, dut.bytes.payload, dut.frame_error, dut.line_break, dut.overrun)
        async for _, _, valid, payload, *strobes in ctx.tick().sample(*sampled):
            if valid:
                self.bytes.append(payload)
            for name, strobe in zip(self.strobes, strobes, strict=True):
                self.strobes[name] += strobe


@pytest.mark.parametrize("bit_clocks", [8, 8.7, 16, 20, 108.51])
def test_every_byte_back_to_back(simulate, peer, bit_clocks):
    receiver = Receiver(bit_clocks)
    line = peer(SimpleNamespace(rx=receiver.dut.rx), bit_clocks)
    sent = list(range(256)) if bit_clocks < 9 else [0x00, 0x55, 0xAA, 0xFF, 0x80, 0x01]

    async def send(ctx):
        await ctx.tick().repeat(5)
        for byte in sent:
            await line.send(ctx, byte)
        await ctx.tick().repeat(30)

    simulate(receiver.dut, send, background=[receiver.listen])
    assert receiver.bytes == sent
    assert receiver.strobes == {"frame_error": 0, "line_break": 0, "overrun": 0}


@pytest.mark.parametrize("percent", [-3, -1.5, 1.5, 3])
def test_tolerates_a_sender_that_is_off(simulate, peer, percent):
    receiver = Receiver()
    line = peer(SimpleNamespace(rx=receiver.dut.rx), BIT_CLOCKS * (1 + percent / 100))
    sent = [random.Random(1).randrange(256) for _ in range(60)]

    async def send(ctx):
        await ctx.tick().repeat(5)
        for byte in sent:
            await line.send(ctx, byte)
        await ctx.tick().repeat(30)

    simulate(receiver.dut, send, background=[receiver.listen])
    assert receiver.bytes == sent


@pytest.mark.parametrize("seed", range(3))
def test_one_disturbed_sample_a_bit_does_no_harm(simulate, peer, seed):
    receiver = Receiver(40)
    line = peer(SimpleNamespace(rx=receiver.dut.rx), 40)
    choose = random.Random(seed)
    sent = [choose.randrange(256) for _ in range(30)]

    async def send(ctx):
        await ctx.tick().repeat(5)
        for byte in sent:
            # The samples of bit k are at 40 k + 15, 20 and 25 clocks; a disturbance is shorter than 5.
            glitches = set()
            for bit in range(10):
                start = 40 * bit + choose.randrange(12, 26)
                glitches |= set(range(start, start + 3))
            await line.send(ctx, byte, glitches=glitches)
        await ctx.tick().repeat(60)

    simulate(receiver.dut, send, background=[receiver.listen])
    assert receiver.bytes == sent, f"seed {seed}"


def test_a_short_low_is_no_start_bit(simulate, peer):
    receiver = Receiver()
    line = peer(SimpleNamespace(rx=receiver.dut.rx), BIT_CLOCKS)

    async def send(ctx):
        await ctx.tick().repeat(5)
        for length in range(1, 9):
            ctx.set(receiver.dut.rx, 0)
            await ctx.tick().repeat(length)
            ctx.set(receiver.dut.rx, 1)
            await ctx.tick().repeat(BIT_CLOCKS)
        await line.send(ctx, 0x5A)
        await ctx.tick().repeat(30)

    simulate(receiver.dut, send, background=[receiver.listen])
    assert receiver.bytes == [0x5A]
    assert receiver.strobes["frame_error"] == 0


def test_a_frame_error_delivers_nothing_and_the_next_frame_is_received(simulate, peer):
    receiver = Receiver()
    line = peer(SimpleNamespace(rx=receiver.dut.rx), BIT_CLOCKS)

    async def send(ctx):
        await ctx.tick().repeat(5)
        for byte in (0x01, 0x80, 0xFF):
            await line.send(ctx, byte, stop=0)
            await ctx.tick().repeat(BIT_CLOCKS)
            await line.send(ctx, byte ^ 0x3C)
        await ctx.tick().repeat(30)

    simulate(receiver.dut, send, background=[receiver.listen])
    assert receiver.bytes == [0x3D, 0xBC, 0xC3]
    assert receiver.strobes == {"frame_error": 3, "line_break": 0, "overrun": 0}


@pytest.mark.parametrize("frames", [1, 3.4, 10])
def test_a_break_of_any_length_is_one_event(simulate, peer, frames):
    receiver = Receiver()
    line = peer(SimpleNamespace(rx=receiver.dut.rx), BIT_CLOCKS)

    async def send(ctx):
        await ctx.tick().repeat(5)
        ctx.set(receiver.dut.rx, 0)
        await ctx.tick().repeat(int(frames * 10 * BIT_CLOCKS))
        ctx.set(receiver.dut.rx, 1)
        await ctx.tick().repeat(3)
        await line.send(ctx, 0x77)
        await ctx.tick().repeat(30)

    simulate(receiver.dut, send, background=[receiver.listen])
    assert receiver.bytes == [0x77]
    assert receiver.strobes == {"frame_error": 0, "line_break": 1, "overrun": 0}


def test_a_line_that_is_low_from_the_start_is_waited_for(simulate, peer):
    receiver = Receiver()
    line = peer(SimpleNamespace(rx=receiver.dut.rx), BIT_CLOCKS)

    async def send(ctx):
        ctx.set(receiver.dut.rx, 0)
        await ctx.tick().repeat(400)
        ctx.set(receiver.dut.rx, 1)
        await ctx.tick().repeat(5)
        await line.send(ctx, 0x42)
        await ctx.tick().repeat(30)

    simulate(receiver.dut, send, background=[receiver.listen])
    assert receiver.bytes == [0x42]


def test_a_byte_is_held_and_the_next_is_an_overrun(simulate, peer):
    receiver = Receiver()
    dut = receiver.dut
    line = peer(SimpleNamespace(rx=dut.rx), BIT_CLOCKS)

    async def check(ctx):
        ctx.set(dut.divisor, BIT_CLOCKS * 32)
        await ctx.tick().repeat(5)
        await line.send(ctx, 0x11)
        assert (ctx.get(dut.bytes.valid), ctx.get(dut.bytes.payload)) == (1, 0x11)
        for byte in (0x22, 0x33):
            await line.send(ctx, byte)
            assert (ctx.get(dut.bytes.valid), ctx.get(dut.bytes.payload)) == (1, 0x11)
        ctx.set(dut.bytes.ready, 1)
        await ctx.tick()
        assert ctx.get(dut.bytes.valid) == 0
        await line.send(ctx, 0x44)
        assert ctx.get(dut.bytes.payload) == 0x44

    overruns = []

    async def watch(ctx):
        async for *_, overrun in ctx.tick().sample(dut.overrun):
            overruns.append(overrun)

    simulate(dut, check, background=[watch])
    assert sum(overruns) == 2


def test_latency_is_nine_and_five_eighths_of_a_bit(simulate, peer):
    receiver = Receiver()
    dut = receiver.dut
    line = peer(SimpleNamespace(rx=dut.rx), BIT_CLOCKS)
    edge_to_byte = []

    async def watch(ctx):
        ctx.set(dut.divisor, BIT_CLOCKS * 32)
        await ctx.tick().until(~dut.rx)
        for clock in range(1, 11 * BIT_CLOCKS):
            await ctx.tick()
            if ctx.get(dut.bytes.valid):
                edge_to_byte.append(clock)
                break

    async def send(ctx):
        await ctx.tick().repeat(10)
        await line.send(ctx, 0xFF)
        await ctx.tick().repeat(30)

    simulate(dut, watch, background=[send])
    assert edge_to_byte == [int(9.625 * BIT_CLOCKS) + 2]
