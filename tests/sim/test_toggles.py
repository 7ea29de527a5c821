"""What is counted is what Amaranth's simulator says of the registers."""

import random

import numpy as np
import pytest
from amaranth import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from sim.block import Block
from sim.toggles import Toggles

CLOCKS = 60


class _Inner(wiring.Component):
    """A register of two parts that are written apart, one of which no port shows."""

    def __init__(self):
        super().__init__({"data": In(40), "clear": In(1)})
        self.parts = Signal(70)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.parts[:40].eq(self.data)
        with m.If(self.data[0]):
            m.d.sync += self.parts[40:].eq(self.parts[:30] ^ self.data[:30])
        return ResetInserter(self.clear)(m)


class Sample(wiring.Component):
    """Registers of several kinds, and a memory with a registered and an unregistered read port."""

    def __init__(self):
        super().__init__({"data": In(40), "clear": In(1), "parity": Out(1)})
        self.inner = _Inner()
        self.bit, self.kept = Signal(), Signal(33, init=0x1_0000_0003)
        self.registered, self.direct = Signal(12), Signal(12)

    @property
    def state(self):
        """What must be counted."""
        return self.inner.parts, self.bit, self.kept, self.registered, self.direct

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        m.submodules.memory = memory = Memory(shape=12, depth=8, init=range(100, 108))
        write, direct = memory.write_port(), memory.read_port(domain="comb")
        registered = memory.read_port()
        m.d.comb += [
            inner.data.eq(self.data),
            inner.clear.eq(self.clear),
            write.en.eq(self.data[1]),
            write.addr.eq(self.data[2:5]),
            write.data.eq(self.data[5:17]),
            direct.addr.eq(self.kept[:3]),
            registered.addr.eq(self.data[17:20]),
            registered.en.eq(self.data[20]),
            self.registered.eq(registered.data),
            self.direct.eq(direct.data),
            self.parity.eq(
                self.kept.xor() ^ self.bit ^ inner.parts.xor() ^ self.direct.xor() ^ self.registered.xor()
            ),
        ]
        m.d.sync += self.bit.eq(~self.bit)
        with m.If(self.data[-1]):
            m.d.sync += self.kept.eq(self.kept + self.data)
        return m


@pytest.fixture(scope="module")
def block():
    return Toggles(Sample())


def _inputs(seed):
    rng = random.Random(seed)
    return [(rng.getrandbits(40), rng.random() < 0.1) for _ in range(CLOCKS)]


def _expected(inputs):
    """The same counts by Amaranth's simulator."""
    dut, counts = Sample(), []

    async def bench(ctx):
        # The memory's unregistered port shows before the inputs change, as after the edge.
        before = [ctx.get(signal) for signal in dut.state]
        for data, clear in inputs:
            ctx.set(dut.data, data)
            ctx.set(dut.clear, clear)
            await ctx.tick()
            after = [ctx.get(signal) for signal in dut.state]
            counts.append(sum((old ^ new).bit_count() for old, new in zip(before, after, strict=True)))
            before = after

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return counts


@pytest.mark.parametrize("seed", range(5))
def test_every_bit_of_state_counts_once(block, seed):
    fresh, inputs = block.fresh(), _inputs(seed)
    fresh.count()
    for data, clear in inputs:
        fresh.set("data", data)
        fresh.set("clear", clear)
        fresh.tick()
    counts = fresh.counted().tolist()
    assert counts == _expected(inputs), f"seed {seed}"
    assert max(counts) > 40


def test_the_state_is_the_registers(block):
    assert block.state_bits == sum(len(signal) for signal in Sample().state)


def test_counting_begins_anew(block):
    fresh = block.fresh()
    fresh.tick(7)
    fresh.count()
    assert fresh.counted().size == 0
    fresh.tick(3)
    assert fresh.counted().tolist() == [1, 1, 1], "the bit alone changes"
    assert fresh.counted().size == 0
    fresh.set("data", (1 << 40) - 1)
    fresh.count()
    fresh.tick()
    assert fresh.counted().size == 1
    assert fresh.counted().dtype == np.uint32


def test_the_block_does_what_it_does_without_counting(block):
    plain, counting = Block(Sample()), block.fresh()
    for data, clear in _inputs(9):
        for each in (plain, counting):
            each.set("data", data)
            each.set("clear", clear)
            each.tick()
        assert plain.get("parity") == counting.get("parity")


class Gate(wiring.Component):
    """Nothing but logic."""

    def __init__(self):
        super().__init__({"left": In(1), "result": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.result.eq(~self.left)
        return m


def test_a_block_without_state_is_refused():
    with pytest.raises(ValueError, match="has no flip-flop and no memory"):
        Toggles(Gate())
