"""The block cipher both ways, its known answers and its clocks."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.crypto.aes.cipher import Cipher
from rtl.crypto.aes.cipher_compact import CompactCipher

CIPHERS = {"fast": Cipher, "compact": CompactCipher}
PLAIN = bytes.fromhex("00112233445566778899aabbccddeeff")
# FIPS 197, appendices C.1 and C.3: the key counts up from 0.
KNOWN = {16: "69c4e0d86a7b0430d8cdb78070b4c55a", 32: "8ea2b7ca516745bfeafc49904b496089"}
# From the last word of a key to ``ready``, and from the first columns taken to the last ones given.
CLOCKS = {
    ("fast", 16): (11, 10, 178),
    ("fast", 32): (14, 14, 254),
    ("compact", 16): (82, 43, 715),
    ("compact", 32): (106, 59, 1019),
}


class User:
    """The user of a cipher, in Amaranth's simulator."""

    def __init__(self, ctx, dut):
        self.ctx, self.port, self.columns = ctx, dut.port, dut.columns

    async def until_ready(self):
        clocks = 0
        while not self.ctx.get(self.port.ready):
            await self.ctx.tick()
            clocks += 1
        return clocks

    async def key(self, key):
        """Load a key; returns the clocks until it is expanded."""
        ctx, port = self.ctx, self.port
        ctx.set(port.short, len(key) == 16)
        ctx.set(port.key_stb, 1)
        for at in range(0, len(key), 4):
            ctx.set(port.key_word, int.from_bytes(key[at : at + 4], "big"))
            await ctx.tick()
        ctx.set(port.key_stb, 0)
        return 1 + await self.until_ready()

    async def block(self, block, *, decrypt=0, pause=0):
        """Encrypt or decrypt; returns the result, and the clocks from the first columns to the last ones."""
        ctx, port, size = self.ctx, self.port, 4 * self.columns
        ctx.set(port.decrypt, decrypt)
        await ctx.tick()
        ctx.set(port.start, 1)
        ctx.set(port.room, pause == 0)
        result, clocks, at = b"", -1, 0
        while len(result) < 16:
            part = block[at : at + size] if at < 16 else bytes(size)
            ctx.set(port.source, int.from_bytes(part, "big"))
            at += size * ctx.get(port.take)
            if ctx.get(port.give):
                result += ctx.get(port.result).to_bytes(size, "big")
            assert ctx.get(port.given) == (len(result) == 16)
            await ctx.tick()
            clocks += 1
            if at == 16:
                ctx.set(port.start, 0)
            if clocks == pause:
                ctx.set(port.room, 1)
        return result, clocks


def simulate(variant, scenario):
    dut = CIPHERS[variant]()

    async def check(ctx):
        user = User(ctx, dut)
        await user.until_ready()
        await scenario(ctx, user)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    simulator.run()


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("variant", sorted(CIPHERS))
def test_known_answers_and_clocks(variant, size):
    async def scenario(ctx, user):
        known = bytes.fromhex(KNOWN[size])
        expands = await user.key(bytes(range(size)))
        result, forwards = await user.block(PLAIN)
        assert result == known
        result, backwards = await user.block(known, decrypt=1)
        assert result == PLAIN
        assert (expands, forwards, backwards) == CLOCKS[variant, size]

    simulate(variant, scenario)


@pytest.mark.parametrize("variant", sorted(CIPHERS))
def test_random_keys_blocks_and_pauses(variant, reference):
    rng = random.Random(17)

    async def scenario(ctx, user):
        for step in range(8):
            key = rng.randbytes(rng.choice((16, 32)))
            await user.key(key)
            for _ in range(2):
                block, decrypt = rng.randbytes(16), step % 4 == 3
                pause = rng.choice((0, 0, 70))
                result, _ = await user.block(block, decrypt=decrypt, pause=pause)
                expected = reference.decrypt_block if decrypt else reference.encrypt_block
                assert result == expected(key, block), f"step {step}, decrypt {decrypt}, pause {pause}"

    simulate(variant, scenario)


@pytest.mark.parametrize("variant", sorted(CIPHERS))
def test_a_block_can_be_given_up_at_any_clock(variant):
    key = bytes(range(16))
    columns = CIPHERS[variant].columns

    async def scenario(ctx, user):
        await user.key(key)
        for clock in range(4 // columns, 4 // columns + 8):
            ctx.set(user.port.room, 0)
            ctx.set(user.port.start, 1)
            await ctx.tick()
            ctx.set(user.port.start, 0)
            await ctx.tick().repeat(clock)
            ctx.set(user.port.abort, 1)
            await ctx.tick()
            ctx.set(user.port.abort, 0)
            result, _ = await user.block(PLAIN)
            assert result.hex() == KNOWN[16], f"given up after {clock} clocks"

    simulate(variant, scenario)
