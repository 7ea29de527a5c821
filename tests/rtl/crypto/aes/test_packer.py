"""Byte strings in words of any size become whole words."""

import random

from amaranth.sim import Simulator

from rtl.crypto.aes.packer import Packer


def test_bytes_in_order_with_back_pressure():
    dut, rng = Packer(), random.Random(23)
    given = bytearray()

    async def collect(ctx):
        while True:
            ctx.set(dut.packed.ready, rng.random() < 0.6)
            *_, taken, word = await ctx.tick().sample(dut.packed.valid & dut.packed.ready, dut.packed.payload)
            if taken:
                given.extend(word.to_bytes(4, "big"))

    async def check(ctx):
        for step in range(30):
            sent = bytearray()
            for _ in range(rng.randrange(12)):
                part = rng.randbytes(rng.randrange(5))
                sent += part
                word = int.from_bytes(part.ljust(4, b"\x99"), "big")
                ctx.set(dut.words.payload, {"data": word, "bytes": len(part)})
                ctx.set(dut.words.valid, 1)
                await ctx.tick().until(dut.words.ready)
                ctx.set(dut.words.valid, 0)
                for _ in range(rng.randrange(2)):
                    await ctx.tick()
            ctx.set(dut.flush, 1)
            while not ctx.get(dut.empty):
                await ctx.tick()
            ctx.set(dut.flush, 0)
            assert bytes(given) == bytes(sent + bytes(-len(sent) % 4)), f"step {step}"
            given.clear()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(collect, background=True)
    simulator.add_testbench(check)
    simulator.run()


def test_what_is_left_can_be_forgotten():
    dut = Packer()

    async def check(ctx):
        ctx.set(dut.packed.ready, 1)
        ctx.set(dut.words.payload, {"data": 0x11223344, "bytes": 3})
        ctx.set(dut.words.valid, 1)
        await ctx.tick().until(dut.words.ready)
        ctx.set(dut.words.valid, 0)
        assert not ctx.get(dut.empty)
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        assert ctx.get(dut.empty)
        ctx.set(dut.words.payload, {"data": 0x55667788, "bytes": 4})
        ctx.set(dut.words.valid, 1)
        (word,) = await ctx.tick().sample(dut.packed.payload).until(dut.packed.valid)
        assert word == 0x55667788

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    simulator.run()
