"""The memory of states, and moves between it and a chaining value in Python."""

import random

from rtl.crypto.sha256.contexts import ContextMemory, Place

WORDS = 10


class _Hash:
    """What the memory sees of the hash: eight words that shift, and a number of blocks."""

    def __init__(self, dut, state, blocks):
        self.dut, self.state, self.blocks = dut, state, blocks

    async def follow(self, ctx):
        dut = self.dut
        while True:
            ctx.set(dut.tail, self.state[7])
            ctx.set(dut.blocks, self.blocks)
            _, _, shift, data, load = await ctx.tick().sample(dut.shift, dut.shift_data, dut.blocks_load)
            if shift:
                self.state = [data, *self.state[:7]]
            if load & 1:
                self.blocks = self.blocks >> 32 << 32 | data
            if load & 2:
                self.blocks = self.blocks & 0xFFFF_FFFF | (data & 0x7F_FFFF) << 32


async def _move(ctx, dut, **move):
    """Do a move; returns the words that came out by their index, and the cycles after the strobe."""
    ctx.set(dut.move, {"store_en": "store" in move, "fetch_en": "fetch" in move, **move})
    ctx.set(dut.move_stb, 1)
    await ctx.tick()
    ctx.set(dut.move_stb, 0)
    out, cycles, moved = {}, 0, False
    while not moved:
        _, _, moved, result = await ctx.tick().sample(dut.moved, dut.out)
        cycles += 1
        if result.stb:
            assert result.index not in out
            out[result.index] = result.data
        assert cycles < 20
    await ctx.tick()
    return out, cycles


def _words(state, blocks):
    return dict(enumerate([*state, blocks & 0xFFFF_FFFF, blocks >> 32]))


def test_whole_states_move_both_ways(simulate):
    dut, rng = ContextMemory(users=3), random.Random(51)
    states = [([rng.getrandbits(32) for _ in range(8)], rng.getrandbits(55)) for _ in range(4)]
    chaining = _Hash(dut, *states[0])

    async def check(ctx):
        for user in range(3):
            ctx.set(dut.holder, user)
            out, cycles = await _move(ctx, dut, store=Place.RUNNING, whole=True)
            assert out == _words(*states[user])
            assert cycles == 10
            chaining.state, chaining.blocks = states[user + 1]
            await ctx.tick()
        for user in (1, 0, 2):
            ctx.set(dut.holder, user)
            await _move(ctx, dut, fetch=Place.RUNNING, whole=True)
            assert (chaining.state, chaining.blocks) == states[user], f"user {user}"

    simulate(dut, check, background=[chaining.follow])


def test_a_chaining_value_goes_out_while_another_comes_in(simulate):
    dut, rng = ContextMemory(users=2), random.Random(52)
    first, second = ([rng.getrandbits(32) for _ in range(8)] for _ in range(2))
    chaining = _Hash(dut, first, 7)

    async def check(ctx):
        ctx.set(dut.holder, 1)
        out, cycles = await _move(ctx, dut, store=Place.INNER)
        assert out == dict(enumerate(first))
        assert cycles == 8
        chaining.state = second
        await ctx.tick()
        out, _ = await _move(ctx, dut, store=Place.SCRATCH, fetch=Place.INNER)
        assert out == dict(enumerate(second))
        assert chaining.state == first
        assert chaining.blocks == 7
        for index in range(8):
            ctx.set(dut.read_index, index)
            await ctx.tick()
            assert ctx.get(dut.word) == second[index]

    simulate(dut, check, background=[chaining.follow])


def test_words_written_are_read(simulate):
    dut = ContextMemory(users=1)

    async def check(ctx):
        ctx.set(dut.write_place, Place.SCRATCH)
        for index in range(16):
            ctx.set(dut.write_index, index)
            ctx.set(dut.write_data, 0x1234_0000 + index)
            ctx.set(dut.write_en, 1)
            await ctx.tick()
        ctx.set(dut.write_en, 0)
        for index in range(16):
            ctx.set(dut.read_index, index)
            await ctx.tick()
            assert ctx.get(dut.word) == 0x1234_0000 + index

    simulate(dut, check)
