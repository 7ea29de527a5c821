"""The padding against its definition, under random back-pressure."""

import random

import pytest

from rtl.crypto.sha256.padder import Padder

PAUSES = (0, 0, 0, 1, 4)


async def _send(ctx, dut, words, rng):
    for data, count, last in words:
        for _ in range(rng.choice(PAUSES)):
            await ctx.tick()
        ctx.set(dut.message.payload, {"data": data, "bytes": count, "last": last})
        ctx.set(dut.message.valid, 1)
        await ctx.tick().until(dut.message.ready)
        ctx.set(dut.message.valid, 0)


async def _receive(ctx, dut, count, rng):
    """The next ``count`` words as bytes; each must be at the place in its block that ``index`` tells."""
    data = b""
    for number in range(count):
        for _ in range(rng.choice(PAUSES)):
            await ctx.tick()
        ctx.set(dut.words.ready, 1)
        word, index = await ctx.tick().sample(dut.words.payload, dut.index).until(dut.words.valid)
        ctx.set(dut.words.ready, 0)
        assert index == number % 16
        data += word.to_bytes(4, "big")
    return data


def test_every_length(simulate, reference):
    dut, seed = Padder(), 1
    rng = random.Random(seed)
    messages = [rng.randbytes(length) for length in range(201)]
    rng.shuffle(messages)

    async def send(ctx):
        for message in messages:
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            await _send(ctx, dut, reference.message_words(message), rng)
            await ctx.tick().until(~dut.padding)

    async def receive(ctx):
        for message in messages:
            expected = message + reference.padding(len(message))
            received = await _receive(ctx, dut, len(expected) // 4, rng)
            assert received == expected, f"seed {seed}, length {len(message)}"

    simulate(dut, send, receive)


def test_an_end_without_bytes_ends_what_was_there(simulate, reference):
    dut = Padder()
    rng = random.Random(3)

    async def send(ctx):
        for count in (0, 1, 13, 14, 15, 16, 20):
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            words = [(0x0101_0101, 4, False)] * count
            await _send(ctx, dut, [*words, (0xFFFF_FFFF, 0, True)], rng)
            await ctx.tick().until(~dut.padding)

    async def receive(ctx):
        for count in (0, 1, 13, 14, 15, 16, 20):
            expected = b"\x01" * 4 * count + reference.padding(4 * count)
            received = await _receive(ctx, dut, len(expected) // 4, rng)
            assert received == expected, f"{count} words before the end"

    simulate(dut, send, receive)


@pytest.mark.parametrize("blocks", [0, 1, 0xFFFF_FFFF, (1 << 55) - 2])
def test_the_length_counts_the_blocks_before(simulate, reference, blocks):
    dut = Padder()
    rng = random.Random(4)
    message = rng.randbytes(64 + 9)

    async def send(ctx):
        for half in range(2):
            ctx.set(dut.blocks_load, 1 << half)
            ctx.set(dut.blocks_data, blocks >> 32 * half & 0xFFFF_FFFF)
            await ctx.tick()
        ctx.set(dut.blocks_load, 0)
        await _send(ctx, dut, reference.message_words(message), rng)

    async def receive(ctx):
        expected = message + reference.padding(9, blocks_before=blocks + 1)
        assert await _receive(ctx, dut, 32, rng) == expected
        assert ctx.get(dut.blocks) == blocks + 1

    simulate(dut, send, receive)


def test_restart_begins_after_one_block_if_asked(simulate):
    dut = Padder()

    async def check(ctx):
        for blocks in (1, 0):
            ctx.set(dut.restart, 1)
            ctx.set(dut.restart_blocks, blocks)
            await ctx.tick()
            assert ctx.get(dut.blocks) == blocks

    simulate(dut, check)


def test_masked_has_the_message_s_bytes_only(simulate):
    dut = Padder()

    async def check(ctx):
        for count in range(5):
            ctx.set(dut.message.payload, {"data": 0xFFFF_FFFF, "bytes": count, "last": 1})
            assert ctx.get(dut.masked) == int.from_bytes(b"\xff" * count + bytes(4 - count), "big")
        ctx.set(dut.message.payload, {"data": 0xFFFF_FFFF, "bytes": 0, "last": 0})
        assert ctx.get(dut.masked) == 0xFFFF_FFFF
        await ctx.tick()

    simulate(dut, check)
