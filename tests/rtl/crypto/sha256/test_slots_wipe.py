"""What a wipe leaves of keys from slots, in the unit and the key store together: nothing."""

import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from rtl.bus import LifecycleState
from rtl.crypto.sha256 import Sha256
from rtl.crypto.sha256.registers import Operation
from rtl.guard.keystore import KeyStore

BUSY = 1  # in the status of the unit
DERIVE_IN_SERVICE = 1 << 1 | 7 << 10
DEFINE, LOAD, ERASE = 0, 1, 3


class _Joined(wiring.Component):
    def __init__(self):
        self.sha256 = Sha256(variant="fast", slots=2)
        self.store = KeyStore(slots=2, users=1)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.sha256, m.submodules.store = self.sha256, self.store
        connect(m, self.sha256.key, self.store.keys[0])
        connect(m, self.sha256.result, self.store.results[0])
        m.d.comb += self.store.lifecycle.eq(LifecycleState.OPERATION)
        return m


def _after_wipe(path, kept, registers, moment, seed, *, wiped=True, erased=False):
    dut, rng = _Joined(), random.Random(seed)
    sha, keys = registers(dut.sha256.bus), registers(dut.store.bus)

    async def derive(ctx):
        for slot in (0, 1):
            await keys.write(ctx, "select", slot)
            await keys.write(ctx, "policy", DERIVE_IN_SERVICE)
            await keys.write(ctx, "operate", DEFINE)
        await keys.write(ctx, "select", 0)
        await keys.write(ctx, "operate", LOAD)
        await keys.write(ctx, "data", rng.getrandbits(256))
        await sha.write(ctx, "operate", Operation.KEY_DERIVE.value)
        await ctx.tick().repeat(200)
        await sha.write(ctx, "operate", Operation.HMAC.value)
        await sha.write(ctx, "operate", Operation.APPEND.value)
        await sha.write(ctx, "operate", Operation.FINISH_SLOT.value | 1 << 8)

    async def check(ctx):
        await ctx.tick().repeat(20)
        await derive(ctx)
        await ctx.tick().repeat(moment)
        for slot in (0, 1) if erased else ():
            await keys.write(ctx, "select", slot)
            await keys.write(ctx, "operate", ERASE)
            await ctx.tick().repeat(20)
        while erased and await sha.read(ctx, "status") & BUSY:
            await ctx.tick()
        for signal in (dut.sha256.wipe, dut.store.wipe):
            ctx.set(signal, wiped)
        await ctx.tick()
        for signal in (dut.sha256.wipe, dut.store.wipe):
            ctx.set(signal, 0)
        await keys.write(ctx, "select", 1)  # the last word on each bus
        await sha.write(ctx, "tail", 0)
        while ctx.get(dut.sha256.wiping) or ctx.get(dut.store.wiping):
            await ctx.tick()
        await ctx.tick().repeat(5)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(check)
    with simulator.write_vcd(str(path)):
        simulator.run()
    return kept(path)


# Into the hash, the outer hash, the digest on its way, and after it.
@pytest.mark.parametrize("moment", [1, 60, 150, 164, 178, 200])
def test_nothing_remains_after_a_wipe(tmp_path, kept, registers, moment):
    first, second = (
        _after_wipe(tmp_path / f"{seed}.vcd", kept, registers, moment, seed) for seed in (97, 98)
    )
    assert not [name for name, value in first.items() if second[name] != value]


def test_nothing_remains_after_the_slots_are_erased(tmp_path, kept, registers):
    """That of the key and the one that the digest went to."""
    first, second = (
        _after_wipe(tmp_path / f"{seed}.vcd", kept, registers, 350, seed, wiped=False, erased=True)
        for seed in (97, 98)
    )
    assert not [name for name, value in first.items() if second[name] != value]


def test_the_comparison_sees_a_key_that_is_left(tmp_path, kept, registers):
    first, second = (
        _after_wipe(tmp_path / f"{seed}.vcd", kept, registers, 200, seed, wiped=False) for seed in (97, 98)
    )
    assert [name for name, value in first.items() if second[name] != value]
