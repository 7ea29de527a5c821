"""The block as a whole: the application and hardware users side by side, and what it tells of itself."""

import hashlib

import pytest

from rtl.crypto.sha256 import Command, Sha256

REGISTERS = {
    "identification": (0, 1),
    "version": (1, 1),
    "cause": (2, 1),
    "enable": (3, 1),
    "status": (4, 1),
    "operate": (5, 1),
    "data": (64, 16),
    "tail": (80, 1),
    "state": (96, 8),
    "length": (104, 2),
}


def test_the_memory_map():
    dut = Sha256(variant="fast")
    found = {name[0]: (start, end - start) for _, name, (start, end) in dut.bus.memory_map.resources()}
    assert found == REGISTERS


@pytest.mark.parametrize("hardware_users", [0, 1, 4])
def test_any_number_of_hardware_users(simulate, hardware_users):
    dut = Sha256(variant="fast", hardware_users=hardware_users)
    assert len(dut.users) == hardware_users

    async def check(ctx):
        for number, user in enumerate(dut.users):
            word = {"data": number << 24, "bytes": 1, "last": 1}
            ctx.set(user.message.payload, {"word": word, "first": 1, "command": Command.HASH})
            ctx.set(user.message.valid, 1)
            await ctx.tick().until(user.message.ready)
            ctx.set(user.message.valid, 0)
            (digest,) = await ctx.tick().sample(user.digest).until(user.done)
            assert digest.to_bytes(32, "big") == hashlib.sha256(bytes([number])).digest()
        await ctx.tick()

    simulate(dut, check)


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="Variant must be one of fast, compact, not 'huge'"):
        Sha256(variant="huge")
