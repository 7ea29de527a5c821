"""The metrology domain as a whole: samples in, quantities over the bus, and nothing back through the wall."""

import random
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator

from rtl.metering.compiler import compile_program
from rtl.metering.metrology import Metrology
from rtl.metering.model import MeteringModel
from rtl.metering.quantities import WORDS_PER_QUANTITY, quantities
from soc.config import preset

# Few samples in a cycle make windows short.
MADE_FOR = replace(preset("tiny").metering, sample_rate_hz=Fraction(2560))
PATHS = [".".join(quantity.path) for quantity in quantities(MADE_FOR.phases)]
SETS = 120
COMMIT_TO_WRITE = 60
"""Clocks from a commit to the first quantity of the next window; test_quantity_memory.py builds on it."""


def sample_sets(count):
    """A line that is dead until a timed window ends, crosses zero right then, and goes on with noise."""
    rng = np.random.default_rng(4)
    angle = 2 * np.pi * 50.7 * (np.arange(count) - 65.5) / float(MADE_FOR.sample_rate_hz)
    lanes = np.stack([0.7 * np.sin(angle), 0.4 * np.sin(angle - 1)], 1) + rng.normal(0, 1e-3, (count, 2))
    lanes[:60] = 0
    lanes[60:66] *= 0.3
    return np.round(lanes * 2**23).astype(np.int64)


class Domain:
    """The metrology domain in simulation, and what is seen of it on its own side of the wall."""

    def __init__(self):
        self.dut = Metrology(MADE_FOR)
        self.reset = Signal()
        self.strobes = []
        self.ready = []
        self.done = False

    async def _source(self, ctx):
        samples = self.dut.samples
        for words in self._sets.tolist():
            ctx.set(samples.payload, words)
            ctx.set(samples.valid, 1)
            ready = False
            while not ready:
                *_, ready = await ctx.tick("metrology").sample(samples.ready)
            ctx.set(samples.valid, 0)
        while len(self.commits) < self._windows:
            await ctx.tick("metrology")
        for _ in range(200):
            await ctx.tick("metrology")
        self.done = True

    async def _watch(self, ctx):
        out, clock = self.dut._memory, 0
        signals = (out.quantity_stb, out.commit_stb, out.quantity_adr, out.quantity, self.dut.samples.ready)
        async for *_, strobe, commit, address, value, ready in ctx.tick("metrology").sample(*signals):
            clock += 1
            self.ready.append(ready)
            if strobe or commit:
                self.strobes.append((clock, None) if commit else (clock, address, value))

    @property
    def commits(self):
        """Clocks of the commits."""
        return [strobe[0] for strobe in self.strobes if strobe[1] is None]

    def run(self, sets, windows, *cores):
        """Feed ``sets`` as fast as they are taken, until ``windows`` have ended."""
        self._sets, self._windows = sets, windows
        simulator = Simulator(ResetInserter({"sync": self.reset})(self.dut))
        simulator.add_clock(1e-6, domain="metrology")
        simulator.add_clock(2.03e-6, domain="sync")
        for core in cores:
            simulator.add_testbench(partial(core, domain=self))
        simulator.add_testbench(self._source)
        simulator.add_testbench(self._watch, background=True)
        simulator.run()


async def read_quantities(ctx, bus):
    """Every quantity, as two's complement numbers."""
    found = {}
    for place, path in enumerate(PATHS):
        value = 0
        for word in range(WORDS_PER_QUANTITY):
            ctx.set(bus.adr, WORDS_PER_QUANTITY * place + word)
            ctx.set(bus.cyc, 1)
            ctx.set(bus.stb, 1)
            await ctx.tick()
            *_, ack, data = await ctx.tick().sample(bus.ack, bus.dat_r)
            assert ack
            value |= data << 32 * word
        found[path] = value - (1 << 128) if value >> 127 else value
    ctx.set(bus.cyc, 0)
    ctx.set(bus.stb, 0)
    return found


@pytest.fixture(scope="module")
def expected():
    """The model's windows."""
    windows = MeteringModel(MADE_FOR).run(sample_sets(SETS))
    assert len(windows) == 3
    assert [window["synchronised"] for window in windows] == [0, 0, 1]
    return windows


@pytest.fixture(scope="module")
def undisturbed(expected):
    """What the domain does without an application."""
    domain = Domain()
    domain.run(sample_sets(SETS), len(expected))
    return domain


def test_core_that_sleeps_on_the_interrupt_reads_every_window(expected, undisturbed, registers):
    found = []

    async def core(ctx, domain):
        bank = registers(domain.dut.bus)
        assert await bank.read(ctx, "identification") == int.from_bytes(b"METR", "big")
        await bank.write(ctx, "enable", window=1)
        while len(found) < len(expected):
            while not ctx.get(domain.dut.irq):
                await ctx.tick()
            await bank.write(ctx, "cause", window=1)
            assert not ctx.get(domain.dut.irq)
            found.append(await read_quantities(ctx, domain.dut.quantities))

    domain = Domain()
    domain.run(sample_sets(SETS), len(expected), core)
    assert found == expected
    assert domain.strobes == undisturbed.strobes


def test_engine_writes_what_the_model_says(expected, undisturbed):
    windows: list[dict[str, int]] = []
    record: dict[str, int] = {}
    for _, *strobe in undisturbed.strobes:
        if strobe == [None]:
            windows.append(dict(record))
        else:
            record[PATHS[strobe[0]]] = strobe[1]
    assert windows == expected


def test_sequence_is_written_first_and_not_soon_after_a_commit(undisturbed):
    for before, after in zip(undisturbed.strobes, undisturbed.strobes[1:], strict=False):
        if before[1] is None:
            assert PATHS[after[1]] == "sequence"
            assert after[0] - before[0] >= COMMIT_TO_WRITE


def test_no_traffic_and_no_reset_of_the_application_is_felt(expected, undisturbed):
    """Clock by clock: the same strobes with the same values, the same sample sets taken."""
    rng = random.Random(8)
    last = {}

    async def attacker(ctx, domain):
        csr, memory = domain.dut.bus, domain.dut.quantities
        ports = [csr.addr, csr.r_stb, csr.w_stb, csr.w_data]
        ports += [memory.adr, memory.dat_w, memory.we, memory.sel, memory.cyc, memory.stb]
        while not domain.done:
            for port in ports:
                ctx.set(port, rng.getrandbits(len(port)))
            ctx.set(domain.reset, rng.random() < 0.05)
            await ctx.tick()
        for port in (csr.r_stb, csr.w_stb, memory.we, memory.cyc, memory.stb, domain.reset):
            ctx.set(port, 0)
        for _ in range(5):
            await ctx.tick()
        last.update(await read_quantities(ctx, memory))

    domain = Domain()
    domain.run(sample_sets(SETS), len(expected), attacker)
    assert domain.strobes == undisturbed.strobes, "repeat with seed 8"
    assert domain.ready[: len(undisturbed.ready)] == undisturbed.ready
    assert last == expected[-1]


def test_identification_is_that_of_the_program():
    assert Metrology(MADE_FOR).identification == compile_program(MADE_FOR).identification
