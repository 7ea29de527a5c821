"""After an operation, and after a wipe, nothing that is kept in the unit depends on what was there before."""

import random

import pytest
from amaranth.sim import Simulator

from rtl.crypto.aes import Operation
from rtl.crypto.aes.unit import VARIANTS, Unit

LIMIT = 12_000


async def _command(ctx, unit, operation, **fields):
    ctx.set(unit.command.payload, {"operation": operation, **fields})
    ctx.set(unit.command.valid, 1)
    await ctx.tick().until(unit.command.ready)
    ctx.set(unit.command.valid, 0)


async def _words(ctx, unit, rng, sizes):
    for number, size in enumerate(sizes):
        ctx.set(
            unit.words.payload,
            {"data": rng.getrandbits(32), "bytes": size, "last": number == len(sizes) - 1},
        )
        ctx.set(unit.words.valid, 1)
        await ctx.tick().until(unit.words.ready)
        ctx.set(unit.words.valid, 0)


async def _idle(ctx, unit):
    for _ in range(LIMIT):
        if ctx.get(unit.command.ready):
            return
        await ctx.tick()
    raise AssertionError("busy for ever")


SCENARIOS = {
    "tag": (
        (Operation.HASHED_IV, [4, 4]),
        (Operation.AAD, [4, 2]),
        (Operation.ENCRYPT, [4] * 6),
        (Operation.TAG, []),
    ),
    "check": ((Operation.IV, [4] * 3), (Operation.DECRYPT, [4] * 5 + [1]), (Operation.CHECK, [4] * 4)),
    "cmac": ((Operation.MAC, [4] * 5 + [3]), (Operation.TAG, [])),
    "wrap": ((Operation.WRAP, [4] * 2),),
    "unwrap": ((Operation.UNWRAP, [4] * 4),),
    "wipe": (
        (Operation.IV, [4] * 3),
        (Operation.AAD, [4, 3]),
        (Operation.ENCRYPT, [4] * 7),
        (Operation.WIPE, []),
    ),
    "wire": ((Operation.IV, [4] * 3), (Operation.AAD, [4, 3]), (Operation.ENCRYPT, [4] * 7)),
}
SHORT = {"wrap", "unwrap", "check", "wire"}  # with a key of 128 bits


def _after(path, variant, scenario, kept, seed):
    """Everything kept after ``scenario`` with secrets of ``seed``."""
    unit, rng = Unit(variant=variant), random.Random(seed)

    async def check(ctx):
        ctx.set(unit.result.ready, 1)
        short = scenario in SHORT
        await _command(ctx, unit, Operation.KEY, short=short)
        await _words(ctx, unit, rng, [4] * (4 if short else 8))
        for operation, sizes in SCENARIOS[scenario]:
            await _command(ctx, unit, operation, final=1, turns=1)
            await _words(ctx, unit, rng, sizes)
        ctx.set(unit.words.payload, {})
        ctx.set(unit.command.payload, {})
        if scenario == "wire":
            ctx.set(unit.wipe, 1)
            await ctx.tick()
            ctx.set(unit.wipe, 0)
        await _idle(ctx, unit)
        assert not ctx.get(unit.wiping)
        await ctx.tick().repeat(2)

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    with simulator.write_vcd(str(path)):
        simulator.run()
    return kept(path)


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_no_secret_remains(tmp_path, kept, variant, scenario):
    first, second = (_after(tmp_path / f"{seed}.vcd", variant, scenario, kept, seed) for seed in (61, 62))
    assert len(first) > 300
    different = [name for name, value in first.items() if second[name] != value]
    assert not different


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_secrets_are_there_before(tmp_path, kept, variant, monkeypatch):
    """The check above would find what remains."""
    monkeypatch.setattr(Unit, "_wipe", _wipe_nothing)
    with pytest.raises(AssertionError, match="assert not"):
        test_no_secret_remains(tmp_path, kept, variant, "tag")


def _wipe_nothing(unit, m):
    for name in ("Wipe Registers", "Wipe Hash Key", "Wipe Cipher", "Wipe Block"):
        with m.State(name):
            m.next = "Idle"
    with m.State("Wipe Key"), m.If(unit._path.cipher.ready):
        m.next = "Idle"
