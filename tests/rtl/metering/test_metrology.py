"""The metrology domain as a whole: samples in, values over the buses, and nothing back through the wall."""

from dataclasses import replace
from functools import cache, reduce
from itertools import islice
from operator import xor

import numpy as np
import pytest
from amaranth import Cat, ClockDomain, ClockSignal, DomainRenamer, EnableInserter, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.guard.nvm import Nvm, Region
from rtl.metering.compiler import compile_program
from rtl.metering.metrology import Metrology
from rtl.metering.microcode import Port
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import WIDE_BITS
from rtl.metering.state import fields
from sim.block import Block
from soc.config import preset

MADE_FOR = replace(preset("tiny").metering, harmonics=3)
CAPTURE_SETS = 16
SETS = 5400
DIP = range(1200, 1700)
LIMIT = 200_000
COMMIT_TO_WRITE = 60
"""Clocks from a commit to the next write to a memory; test_quantity_memory.py builds on it."""

MEMORIES = {"quantities": Port.QUANTITY, "harmonics": Port.HARMONIC, "points": Port.POINT}
COMMITS = {"quantities": Port.QUANTITY_COMMIT, "harmonics": Port.HARMONIC_COMMIT, "points": Port.POINT_COMMIT}
EVENT = ("clock", "sent_port", "sent_adr", "sent_value")
DIGEST_BITS = 64
NOISE = [0x9E3779B97F4A7C15 * (2 * word + 1) & (1 << 64) - 1 for word in range(6)]


class Wall(wiring.Component):
    """Both sides of the wall: the metrology domain has every clock, the application every second one.

    With ``attack`` the application's clocks come at random, it is reset at random, and its buses have random
    traffic. ``digest`` changes with all that the metrology domain does in a clock, and keeps it.
    """

    def __init__(self):
        self.inside = Metrology(MADE_FOR, capture_sets=CAPTURE_SETS)
        members = self.inside.signature.members
        self.buses = [*MEMORIES, "capture"]
        super().__init__(
            {
                "samples": members["samples"],
                **{name: members[name] for name in ("bus", *self.buses)},
                "irq": Out(1),
                "attack": In(1),
                "ticks": Out(1),
                "clock": Out(32),
                "digest": Out(DIGEST_BITS),
                "set_stb": Out(1),
                "sent_stb": Out(1),
                "sent_port": Out(Port.as_shape()),
                "sent_adr": Out(16),
                "sent_value": Out(WIDE_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        inside, core = self.inside, self.inside._core
        m.domains.app = ClockDomain()
        noise = iter(self._noise(m))

        def some(width):
            return Cat(*islice(noise, width))

        odd = Signal()
        m.d.sync += [odd.eq(~odd), self.clock.eq(self.clock + 1)]
        m.d.comb += [
            ClockSignal("app").eq(ClockSignal("sync")),
            ResetSignal("app").eq(self.attack & (some(5) == 0)),
            self.ticks.eq(odd),
        ]
        with m.If(self.attack):
            m.d.comb += self.ticks.eq(some(1))
        renamed = DomainRenamer({"metrology": "sync", "sync": "app"})(inside)
        m.submodules.inside = EnableInserter({"app": self.ticks})(renamed)
        m.submodules.memory = memory = Nvm(regions={"metrology": Region(words=inside.nvm_words)})
        connect(m, inside.nvm, memory.metrology)
        connect(m, flipped(self.samples), inside.samples)
        for name in ("bus", *self.buses):
            inner, outer = getattr(inside, name), getattr(self, name)
            for member, each in inside.signature.members[name].signature.members.items():
                driven, shown = getattr(inner, member), getattr(outer, member)
                if each.flow is Out:
                    m.d.comb += shown.eq(driven)
                else:
                    m.d.comb += driven.eq(shown)
                    with m.If(self.attack):
                        m.d.comb += driven.eq(some(len(driven)))
        self._watch(m, inside, core)
        return m

    def _watch(self, m, inside, core):
        seen = Cat(
            *(core.set_stb, core.samples.ready, core.sent_stb, core.sent_port, core.sent_adr),
            *(core.sent_value, core.lanes.as_value(), core.pulses, core.modulator_clock, core.saves),
            *(inside.nvm.request.valid, inside.nvm.request.payload.as_value(), core.resting),
        )
        parts = [seen[at : at + DIGEST_BITS] for at in range(0, len(seen), DIGEST_BITS)]
        folded = reduce(xor, parts)
        turned = Cat(self.digest[1:], self.digest[0] ^ self.digest[1] ^ self.digest[3] ^ self.digest[4])
        m.d.sync += self.digest.eq(turned ^ folded)
        m.d.comb += [
            self.irq.eq(inside.irq),
            self.set_stb.eq(core.set_stb),
            self.sent_stb.eq(core.sent_stb),
            self.sent_port.eq(core.sent_port),
            self.sent_adr.eq(core.sent_adr),
            self.sent_value.eq(core.sent_value),
        ]

    def _noise(self, m):
        """Bits that are others in every clock."""
        words = [Signal(64, init=value, name=f"noise_{index}") for index, value in enumerate(NOISE)]
        for word in words:
            first = word ^ (word << 13)[:64]
            second = first ^ (first >> 7)
            m.d.sync += word.eq(second ^ (second << 17)[:64])
        return Cat(words)


@cache
def compiled():
    """The compiled `Wall`, and the `Metrology` that it was made of."""
    wall = Wall()
    return Block(wall), wall.inside


class Rig:
    """Both sides of the wall from power-on."""

    def __init__(self):
        block, self.inside = compiled()
        self.block = block.fresh()
        self.block.watch("sent_stb", EVENT)
        self.events, self.trace = [], []
        self._registers = {
            "_".join(str(part) for part in name): place
            for _, name, place in self.inside.bus.memory_map.resources()
        }

    def send(self, sets):
        """Give sample sets; the trace is noted after each."""
        mask = (1 << MADE_FOR.word_bits) - 1
        for row in sets.tolist():
            words = [(word & mask) << MADE_FOR.word_bits * lane for lane, word in enumerate(row)]
            self.block.send("samples", [sum(words)], LIMIT)
            self.note()

    def note(self):
        self.trace.append((self.block.cycles, self.block.get("digest")))
        self.events += self.block.recorded()

    def rest(self, clocks=LIMIT):
        for _ in range(0, clocks, 1000):
            self.block.tick(1000)
            self.note()

    def _tick(self):
        """A clock of the application."""
        self.block.until("ticks", 2)
        self.block.tick()

    def read(self, name, part=0):
        """A register, or one of its words."""
        start, end = self._registers[name]
        value = 0
        for address in range(start, end):
            self.block.set("bus__addr", address)
            self.block.set("bus__r_stb", 1)
            self._tick()
            self.block.set("bus__r_stb", 0)
            value |= self.block.get("bus__r_data") << 32 * (address - start)
        return value

    def write(self, name, value):
        start, end = self._registers[name]
        for address in range(start, end):
            self.block.set("bus__addr", address)
            self.block.set("bus__w_data", value >> 32 * (address - start) & 0xFFFF_FFFF)
            self.block.set("bus__w_stb", 1)
            self._tick()
        self.block.set("bus__w_stb", 0)
        self._tick()

    def write_setting(self, place, value):
        while self.read("lock") >> 3 & 1:  # the queue is full
            self._tick()
        self.write("setting", value & (1 << 36) - 1 | place << 48)

    def lock(self):
        self.write("lock", 1)
        while not self.read("lock") >> 1 & 1:
            self._tick()

    def word(self, name, address):
        """A word of a memory."""
        self.block.set(f"{name}__adr", address)
        self.block.set(f"{name}__cyc", 1)
        self.block.set(f"{name}__stb", 1)
        self._tick()
        assert self.block.get(f"{name}__ack")
        value = self.block.get(f"{name}__dat_r")
        self.block.set(f"{name}__stb", 0)
        self._tick()
        return value

    def memory(self, name):
        """All values that a memory shows, as numbers, in the order of the engine's addresses."""
        memory = self.inside._windows[name]
        values = []
        for _, _, (start, end) in memory.bus.memory_map.resources():
            for first in range(start, end, memory.words):
                value = sum(self.word(name, first + word) << 32 * word for word in range(memory.words))
                bits = 32 * memory.words
                values.append(value - (value >> bits - 1 << bits))
        return values

    def sent(self, *ports):
        """What was sent to ``ports``, in order."""
        return [
            (Port(port), address, value - (value >> WIDE_BITS - 1 << WIDE_BITS))
            for _, port, address, value in self.events
            if Port(port) in ports
        ]


def line():
    """Words of a line with a dip."""
    rng = np.random.default_rng(4)
    angle = 2 * np.pi * 50.7 * np.arange(SETS) / float(MADE_FOR.sample_rate_hz)
    lanes = np.stack([0.65 * np.sin(angle), 0.4 * np.sin(angle - 1)], 1) + rng.normal(0, 1e-4, (SETS, 2))
    lanes[DIP] *= 0.5
    return np.round(lanes * (1 << MADE_FOR.word_bits - 1)).astype(np.int64)


CHANGED = {"pulses.0.quantum": 1 << 26, "pulses.1.quantum": 1 << 27, "channels.0.gain": (1 << 30) + 12345}
PLACES = {path: place for place, (path, _) in enumerate(fields(MeteringModel(MADE_FOR).machine.settings))}


@pytest.fixture(scope="module")
def expected():
    """What the model sends."""
    model = MeteringModel(MADE_FOR)
    places = dict(fields(model.machine.settings))
    for path, value in CHANGED.items():
        places[path].value = value
    return model.sent(line())


def shown(sent, name):
    """Contents of a memory at each of its commits, of two banks that are written in turn."""
    banks, commits = [{}, {}], []
    for port, address, value in sent:
        if port is MEMORIES[name]:
            banks[0][address] = value
        elif port is COMMITS[name]:
            banks.reverse()
            commits.append(dict(banks[1]))
    return commits


def locked():
    """A rig with the changed settings, locked."""
    rig = Rig()
    for path, value in CHANGED.items():
        rig.write_setting(PLACES[path], value)
    rig.write_setting(PLACES["dip"] + 10_000, 1)  # there is none: it is thrown away
    rig.lock()
    return rig


@pytest.fixture(scope="module")
def undisturbed():
    """What the domain does without an application."""
    rig = locked()
    rig.send(line())
    rig.rest()
    return rig


def test_what_is_sent_is_what_the_model_says(expected, undisturbed):
    for name, port in MEMORIES.items():
        ports = port, COMMITS[name]
        wanted = [each for each in expected if each[0] in ports]
        assert undisturbed.sent(*ports) == wanted, name
    assert undisturbed.sent(Port.PULSE) == [each for each in expected if each[0] is Port.PULSE]
    assert {port for port, *_ in expected} == set(Port)


def test_no_traffic_and_no_reset_of_the_application_is_felt(expected, undisturbed):
    """Clock by clock, settings and locks written at random among the traffic, after the lock."""
    rig = locked()
    rig.block.set("attack", 1)
    rig.send(line())
    rig.rest()
    differing = [place for place, each in enumerate(undisturbed.trace) if rig.trace[place] != each]
    assert not differing, f"first at clock {undisturbed.trace[differing[0]][0]}"
    assert rig.events == undisturbed.events
    rig.block.set("attack", 0)
    for _ in range(10):
        rig._tick()
    for name in MEMORIES:
        commits = shown(expected, name)
        if commits:
            values = rig.memory(name)
            assert values == [commits[-1].get(address, 0) for address in range(len(values))], name


def test_a_setting_after_the_lock_is_thrown_away(undisturbed):
    rig = locked()
    for place in (PLACES["channels.0.gain"], PLACES["pulses.0.quantum"]):
        rig.write_setting(place, 3)
    rig.send(line()[:800])
    found, wanted = ([tuple(rest) for _, *rest in each.events] for each in (rig, undisturbed))
    assert len(found) > 100
    assert found == wanted[: len(found)]


def test_the_sequence_is_written_first_and_not_soon_after_a_commit(undisturbed):
    for name, port in MEMORIES.items():
        committed, gaps = None, []
        for clock, sent_port, address, _ in undisturbed.events:
            if sent_port == COMMITS[name].value:
                committed = clock
            elif sent_port == port.value and committed is not None:
                assert address == 0, name
                gaps.append(clock - committed)
                committed = None
        assert gaps, name
        assert min(gaps) >= COMMIT_TO_WRITE, name


def test_an_application_that_waits_for_interrupts_sees_every_commit(expected):
    rig = locked()
    causes = list(rig.inside._bank.causes)
    rig.write("enable", (1 << len(causes)) - 1)
    seen = {name: [] for name in causes}
    sets = line()
    for start in [*range(0, SETS, 8), SETS]:
        part = sets[start : start + 8]
        rig.send(part)
        if not len(part):
            rig.rest()
        while rig.block.get("irq"):
            cause = rig.read("cause")
            rig.write("cause", cause)
            for place, name in enumerate(causes):
                if cause >> place & 1:
                    memory = {"window": "quantities"}.get(name, name)
                    seen[name].append(rig.memory(memory) if memory in MEMORIES else None)
    for name in MEMORIES:
        found = seen["window" if name == "quantities" else name]
        commits = shown(expected, name)
        assert found == [[each.get(address, 0) for address in range(len(found[0]))] for each in commits], name
    assert seen["alert"]
    assert seen["capture"]
    _check_capture(rig, sets, expected)


def _check_capture(rig, sets, expected):
    """The capture that is shown last is of the samples round the set of its alert."""
    places = {name[0]: place for _, name, place in rig.inside.capture.memory_map.resources()}
    header = {
        name: sum(rig.word("capture", at) << 32 * part for part, at in enumerate(range(*places[name])))
        for name in ("sequence", "cause", "time", "before")
    }
    assert header["sequence"] >= 1
    assert header["before"] == CAPTURE_SETS // 4
    assert header["cause"] in {
        address for port, address, value in expected if port is Port.ALERT and value & 1
    }
    first = header["time"] - header["before"]
    for lane in range(MADE_FOR.lanes):
        start, end = places[f"lane{lane}"]
        found = [rig.word("capture", address) for address in range(start, end)]
        wanted = (sets[first : first + CAPTURE_SETS, lane] << MADE_FOR.alignment) & (1 << 32) - 1
        assert [word - (word >> 31 << 32) for word in found] == [
            int(word) - (int(word) >> 31 << 32) for word in wanted
        ]


def test_nothing_was_kept_at_the_first_power_on():
    rig = Rig()
    rig.rest(5000)
    assert rig.read("restore") == 0


def test_identification_is_that_of_the_program():
    inside = compiled()[1]
    assert inside.identification == compile_program(MADE_FOR).identification
