"""The block alone, with a hash unit and simulated rings: alert, closing in the clock, lifecycle, wipe."""

import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus import AlertSignature, LifecycleState, RandomSignature, csr
from rtl.crypto.sha256.unit import Unit
from rtl.entropy.entropy import Entropy
from rtl.entropy.jitter import JitterModel
from rtl.entropy.registers import Operation, Outcome
from sim.block import Block
from sim.noise import SimulatedNoise

MODEL = JitterModel()
SAMPLE = MODEL.divider
SEEDED = 4000 * SAMPLE  # clocks that are enough until random words can be had


class Rig(wiring.Component):
    """The block with what it needs; ``stale`` is high if its user sees something that must not be."""

    def __init__(self):
        self.block = Entropy(lengths=MODEL.lengths, banks=MODEL.banks, divider=SAMPLE, users=1)
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=7, data_width=32)),
                "random": Out(RandomSignature()),
                "alert": Out(AlertSignature()),
                "lifecycle": In(16),
                "wipe": In(1),
                "wiping": Out(1),
                "stuck": In(1),
                "fails": Out(1),
                "stale": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.block = block = self.block
        m.submodules.unit = unit = Unit(variant="fast", users=2)
        m.submodules.noise = noise = SimulatedNoise(model=MODEL)
        connect(m, block.noise, noise.noise)
        connect(m, block.hash, unit.users[1])
        connect(m, block.users[0], flipped(self.random))
        connect(m, block.alert, flipped(self.alert))
        m.d.comb += [
            block.bus.addr.eq(self.bus.addr),
            block.bus.r_stb.eq(self.bus.r_stb),
            block.bus.w_stb.eq(self.bus.w_stb),
            block.bus.w_data.eq(self.bus.w_data),
            self.bus.r_data.eq(block.bus.r_data),
            block.lifecycle.eq(self.lifecycle),
            block.wipe.eq(self.wipe),
            self.wiping.eq(block.wiping),
            noise.stuck.eq(self.stuck),
            self.fails.eq(block.source.bits.stb & block.source.failed.as_value().any()),
            # What must never be: a word or a healthy source in the clock of a failure.
            self.stale.eq(self.fails & (self.random.words.valid | self.random.healthy)),
        ]
        return m


class Driven:
    """The compiled rig, and its registers by name."""

    def __init__(self, block, registers):
        self.block, self.registers = block, registers
        self.block.set("random__words__ready", 0)
        self.block.set("lifecycle", LifecycleState.OPERATION.value)

    def read(self, name, word=0):
        for port, value in (("addr", self.registers[name] + word), ("r_stb", 1)):
            self.block.set(f"bus__{port}", value)
        self.block.tick()
        self.block.set("bus__r_stb", 0)
        return self.block.get("bus__r_data")

    def write(self, name, value):
        for port, driven in (("addr", self.registers[name]), ("w_data", value), ("w_stb", 1)):
            self.block.set(f"bus__{port}", driven)
        self.block.tick()
        self.block.set("bus__w_stb", 0)

    def operate(self, operation, limit=SEEDED):
        """Do an operation; returns the outcome and the clocks until ``busy`` is low again."""
        self.write("operate", operation.value)
        self.block.tick(2)
        for clocks in range(2, limit, 2):
            status = self.read("status")
            if not status & 1:
                return Outcome(status >> 8), clocks
            self.block.tick()
        raise TimeoutError(operation)

    def ready(self):
        """Clocks until the user's first word, from here on."""
        return self.block.until("random__words__valid", SEEDED)


@pytest.fixture(scope="module")
def compiled():
    rig = Rig()
    registers = {name[0]: start for _, name, (start, _) in rig.block.bus.memory_map.resources()}
    return Block(rig), registers


@pytest.fixture
def driven(compiled):
    block, registers = compiled
    return Driven(block.fresh(), registers)


def test_the_alert_is_low_until_a_test_fails_and_high_until_the_source_is_healthy(driven):
    block = driven.block
    driven.ready()
    assert (block.get("alert__p"), block.get("alert__n")) == (0, 1)
    block.set("stuck", 1)
    block.until("fails", 10 * SAMPLE)
    block.tick()
    assert (block.get("alert__p"), block.get("alert__n")) == (1, 0)
    block.tick(100 * SAMPLE)
    assert block.get("alert__p")
    block.set("stuck", 0)
    driven.ready()
    assert (block.get("alert__p"), block.get("alert__n")) == (0, 1)


@pytest.mark.parametrize("seed", range(12))
def test_no_word_comes_in_the_clock_of_a_failure_or_after_it(driven, seed):
    """Whatever the generator does when the rings get stuck: words are taken without end meanwhile."""
    block, pick = driven.block, random.Random(seed)
    block.watch("stale", ["fails"])
    driven.ready()
    block.set("random__words__ready", 1)
    block.tick(pick.randrange(2000, 40_000))
    block.set("stuck", 1)
    block.until("fails", 10 * SAMPLE)
    assert not block.get("random__words__valid")
    assert not block.get("random__healthy")
    assert block.recorded() == [], f"seed {seed}: something in the clock of a failure"
    block.watch("random__words__valid", ["fails"])
    block.tick(300 * SAMPLE)
    assert block.recorded() == [], f"seed {seed}: a word after the failure"


def test_a_wipe_closes_it_at_once_and_it_opens_again(driven):
    block = driven.block
    driven.ready()
    assert driven.operate(Operation.GENERATE)[0] == Outcome.SUCCESS
    block.set("wipe", 1)
    assert not block.get("random__words__valid")
    assert not block.get("random__healthy")
    block.tick()
    block.set("wipe", 0)
    assert block.get("wiping")
    assert [driven.read("random", word) for word in range(8)] == [0] * 8
    for _ in range(4000):
        if not block.get("wiping"):
            break
        block.tick()
    assert not block.get("wiping")
    driven.ready()


@pytest.mark.parametrize("state", [*LifecycleState, 0])
def test_raw_bits_are_for_manufacturing_only(driven, state):
    block = driven.block
    block.set("lifecycle", getattr(state, "value", state))
    opens = state == LifecycleState.MANUFACTURING
    outcome, _ = driven.operate(Operation.OPEN_RAW)
    assert outcome == (Outcome.SUCCESS if opens else Outcome.LIFECYCLE)
    block.tick(70 * SAMPLE)
    level = driven.read("raw_level")
    assert level == ((1 << 16) + 2 if opens else 0)
    block.set("lifecycle", LifecycleState.INSTALLATION.value)
    block.tick(2)
    assert driven.read("raw_level") == 0, "another state ends it"
    block.set("lifecycle", LifecycleState.MANUFACTURING.value)
    block.tick(70 * SAMPLE)
    assert driven.read("raw_level") == 0, "and it is not open again by itself"
    driven.ready()


def test_clocks_of_operations(driven):
    """Those of the page."""
    driven.ready()
    driven.block.tick(1000)  # until all that is kept ready is there
    outcome, clocks = driven.operate(Operation.GENERATE)
    assert outcome == Outcome.SUCCESS
    assert clocks <= 14
    outcome, clocks = driven.operate(Operation.GENERATE_FRESH)
    assert outcome == Outcome.SUCCESS
    assert 640 * SAMPLE < clocks < 670 * SAMPLE
    outcome, clocks = driven.operate(Operation.TEST)
    assert outcome == Outcome.SUCCESS
    assert 1024 * SAMPLE <= clocks < 1027 * SAMPLE
    assert driven.operate(Operation.GENERATE)[0] == Outcome.CLOSED
