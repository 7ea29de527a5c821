"""The metering core on the real memory: what it sends is the model's, at any pace, and over power cuts."""

import random
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from amaranth import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.bus import NvmPortSignature
from rtl.guard.nvm import Nvm, Region
from rtl.metering.core import MeteringCore
from rtl.metering.microcode import Port
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import INPUTS, WIDE_BITS, WORD_BITS
from rtl.metering.power_fail import Restored
from rtl.metering.pulse_outputs import FRACTION_BITS
from rtl.metering.state import fields
from sim.block import Block
from soc.config import preset

CONFIG = preset("tiny")
MADE_FOR = CONFIG.metering
SAMPLE_CLOCKS = CONFIG.sample_clocks
WINDOW = 158  # sample sets of a cycle, about
TAIL = 150_000  # clocks in which the background ends, and a save
EVENT = ("clock", "set_stb", "resting", "rising", "sent_stb", "sent_port", "sent_adr", "sent_value")
PINS = ("temperature", "magnet", "cover_main", "cover_terminal", "brown_out")
PULSE_LATENCY = 2 * SAMPLE_CLOCKS // 3
SHORTEST_SET = 2 * 128 + 2  # clocks; what the pulse outputs rely on
SMALL_QUANTUM = 1 << 26  # a pulse each 8 V A sample of full scale


class Meter(wiring.Component):
    """The core with its memory. With ``bench`` it is in reset, and the memory is the bench's.

    With ``nominal`` sets come at the nominal pace at most.
    """

    def __init__(self):
        self.core = core = MeteringCore(MADE_FOR, sample_clocks=SAMPLE_CLOCKS)
        self._passed = [name for name, member in core.signature.members.items() if member.is_port]
        members = core.signature.members
        super().__init__(
            {
                **{name: members[name] for name in self._passed},
                "samples": members["samples"],
                "bench": In(1),
                "nvm": In(NvmPortSignature(words=core.nvm_words)),
                "nominal": In(1),
                "event": Out(1),
                "clock": Out(32),
                "rising": Out(MADE_FOR.pulse_outputs),
                "save_done": Out(1),
                "restore_done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.core = ResetInserter(self.bench)(core)
        m.submodules.memory = memory = Nvm(regions={"metrology": Region(words=core.nvm_words)})
        for name in self._passed:
            inner, outer = getattr(core, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if core.signature.members[name].flow is In else outer.eq(inner)
        with m.If(self.bench):
            wiring.connect(m, wiring.flipped(self.nvm), memory.metrology)
        with m.Else():
            wiring.connect(m, core.nvm, memory.metrology)

        since = Signal(range(SAMPLE_CLOCKS))
        due = Signal()
        before = Signal.like(self.pulses)
        m.d.comb += [
            due.eq(~self.nominal | (since == SAMPLE_CLOCKS - 1)),
            core.samples.payload.eq(self.samples.payload),
            core.samples.valid.eq(self.samples.valid & due),
            self.samples.ready.eq(core.samples.ready & due),
            self.rising.eq(self.pulses & ~before),
            self.event.eq(self.set_stb | self.sent_stb | self.rising.any()),
            self.save_done.eq(core._store.save_done),
            self.restore_done.eq(core._store.restore_done),
        ]
        m.d.sync += [before.eq(self.pulses), self.clock.eq(self.clock + 1)]
        with m.If(core.samples.valid & core.samples.ready):
            m.d.sync += since.eq(0)
        with m.Elif(since != SAMPLE_CLOCKS - 1):
            m.d.sync += since.eq(since + 1)
        return m


@cache
def compiled():
    """The compiled `Meter`, and the core that it was made of."""
    meter = Meter()
    return Block(meter), meter.core


class Rig:
    """A `Meter` from power-on, with ``memory`` in its memory."""

    def __init__(self, memory=None):
        block, self.core = compiled()
        self.block = block.fresh()
        self.words = self.core.nvm_words
        self.block.set("bench", 1)
        self.block.tick()
        if memory:
            self._write(memory)
        self.block.set("bench", 0)
        self.block.until("restore_done", TAIL)
        self.block.watch("event", EVENT)
        self.events = []

    def send(self, sets, pins=None):
        """Give sample sets, with other inputs beside the first of them until the next call."""
        for name, value in (pins or {}).items():
            self.block.set(name, value & (1 << self.block.ports[name]) - 1)
        self.block.tick(4)
        mask = (1 << MADE_FOR.word_bits) - 1
        payloads = [
            sum((word & mask) << MADE_FOR.word_bits * lane for lane, word in enumerate(row))
            for row in sets.tolist()
        ]
        self.block.send("samples", payloads, TAIL)
        self.collect()

    def rest(self):
        """Until the background rests."""
        self.block.tick(2)
        self.block.until("setting_ready", TAIL)
        self.collect()

    def collect(self):
        self.events += [dict(zip(EVENT, values, strict=True)) for values in self.block.recorded()]

    def sent(self):
        """What was sent to each port, in order."""
        return by_port(
            (Port(event["sent_port"]), event["sent_adr"], signed(event["sent_value"]))
            for event in self.events
            if event["sent_stb"]
        )

    def taken(self):
        """The events in which a set was taken."""
        return [event for event in self.events if event["set_stb"]]

    def write_setting(self, place, value):
        self.block.set("setting_adr", place)
        self.block.set("setting", value & (1 << WORD_BITS) - 1)
        self.block.set("setting_valid", 1)
        self.block.until("setting_ready", TAIL)
        self.block.tick()
        self.block.set("setting_valid", 0)

    def _request(self):
        return self.core.nvm.request.payload.shape()

    def _write(self, memory):
        at = {name: self._request()[name].offset for name in ("adr", "write", "data")}
        words = [adr << at["adr"] | 1 << at["write"] | word << at["data"] for adr, word in enumerate(memory)]
        self.block.send("nvm__request", words, TAIL)
        self.block.until("nvm__done", TAIL)

    def cut(self):
        """Cut the power; returns what the memory holds."""
        self.block.set("bench", 1)
        self.block.tick()
        self.block.set("nvm__request__valid", 1)
        words = []
        for adr in range(self.words):
            self.block.set("nvm__request__payload", adr << self._request()["adr"].offset)
            self.block.tick()
            words.append(self.block.get("nvm__data"))
        return words


def signed(value):
    return value - (value >> WIDE_BITS - 1 << WIDE_BITS)


def by_port(sent):
    """Values for each port; alerts in the order of their addresses, as they come from both threads."""
    ports = {port: [] for port in Port}
    for port, address, value in sent:
        ports[port].append((address, value))
    ports[Port.ALERT].sort(key=lambda alert: alert[0])
    return ports


def line(count, seed=1, ratio=0.4):
    """Words of a distorted line with noise."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * 50.7 * (np.arange(count) - 30.3) / float(MADE_FOR.sample_rate_hz)
    volts = 0.7 * np.sin(angle) + 0.02 * np.sin(5 * angle)
    amperes = ratio * (np.sin(angle - 1) + 0.2 * np.sin(3 * angle))
    lanes = np.stack([volts, amperes], 1) + rng.normal(0, 1e-4, (count, 2))
    return np.round(lanes * (1 << MADE_FOR.word_bits - 1)).astype(np.int64)


def beside(count, pins=None):
    """The model's other inputs."""
    return np.tile([(pins or {}).get(name, 0) for name in INPUTS], (count, 1)).astype(np.int64)


def settings_of(model):
    """The model's settings by their places."""
    return [field for _, field in fields(model.machine.settings)]


def set_pulses(rig, model, quantum=SMALL_QUANTUM):
    """Make the pulses of all outputs more frequent, in both."""
    places = {path: place for place, (path, _) in enumerate(fields(model.machine.settings))}
    for output in range(MADE_FOR.pulse_outputs):
        place = places[f"pulses.{output}.quantum"]
        rig.write_setting(place, quantum)
        settings_of(model)[place].value = quantum


def test_values_out_are_the_models_for_sets_and_inputs_in():
    rng = random.Random(3)
    rig, model = Rig(), MeteringModel(MADE_FOR)
    set_pulses(rig, model)
    expected, sets = [], line(12 * WINDOW)
    for part in np.array_split(sets, 7):
        pins = {name: rng.getrandbits(1) for name in PINS[1:4]} | {"temperature": rng.randrange(-9000, 9000)}
        rig.send(part, pins)
        expected += model.sent(part, beside(len(part), pins))
    rig.rest()
    found, wanted = rig.sent(), by_port(expected)
    assert len(wanted[Port.QUANTITY_COMMIT]) >= 10
    assert len(wanted[Port.PULSE]) > 5
    for port in Port:
        assert found[port] == wanted[port], f"{port}; repeat with seed 3"


def test_a_set_waits_for_the_background_but_not_longer_than_a_sample_period():
    rig = Rig()
    rig.send(line(3 * WINDOW))
    gaps = [(after["clock"] - before["clock"], after["resting"]) for before, after in pairwise(rig.taken())]
    assert all(resting or SAMPLE_CLOCKS - 8 <= gap <= SAMPLE_CLOCKS for gap, resting in gaps)
    assert {resting for _, resting in gaps} == {0, 1}
    assert max(gap for gap, _ in gaps) <= SAMPLE_CLOCKS
    assert min(gap for gap, _ in gaps) >= SHORTEST_SET


def test_pulses_come_where_the_program_has_them():
    rig, model = Rig(), MeteringModel(MADE_FOR)
    set_pulses(rig, model, SMALL_QUANTUM >> 2)
    rig.block.set("nominal", 1)
    rig.send(line(8 * WINDOW))
    rig.block.tick(2 * SAMPLE_CLOCKS)
    rig.collect()
    expected, found = [], []
    start = None
    for event in rig.events:
        if event["set_stb"]:
            start = event["clock"]
        if event["sent_stb"] and event["sent_port"] == Port.PULSE.value:
            place = signed(event["sent_value"]) * SAMPLE_CLOCKS >> FRACTION_BITS
            expected.append((start + PULSE_LATENCY + place, event["sent_adr"]))
        found += [
            (event["clock"], output)
            for output in range(MADE_FOR.pulse_outputs)
            if event["rising"] >> output & 1
        ]
    assert len(expected) > 20
    assert found == sorted(expected)


def test_settings_are_written_while_the_background_rests_and_hold_from_the_next_set_on():
    rng = random.Random(5)
    rig, model = Rig(), MeteringModel(MADE_FOR)
    expected = []
    paths = [path for path, _ in fields(model.machine.settings)]
    for part in np.array_split(line(10 * WINDOW, seed=5), 6):
        rig.send(part)
        expected += model.sent(part)
        for place in rng.sample(range(len(paths)), 5):
            value = rng.randrange(1, 1 << 28)
            rig.write_setting(place, value)
            settings_of(model)[place].value = value
    rig.rest()
    found, wanted = rig.sent(), by_port(expected)
    for port in Port:
        assert found[port] == wanted[port], f"{port}; repeat with seed 5"


def cut_model(sets, place):
    """A model that has had the brown-out with set ``place``; its values, and its registers by path."""
    model = MeteringModel(MADE_FOR)
    inputs = beside(place + 1)
    inputs[place, INPUTS.index("brown_out")] = 1
    expected = model.sent(sets[: place + 1], inputs)
    return model, expected


@pytest.mark.parametrize("place", [5, 3 * WINDOW, 4 * WINDOW + 3, 4 * WINDOW + 20, 4 * WINDOW + 90])
def test_a_brown_out_loses_nothing(place):
    sets = line(place + 1 + 5 * WINDOW, seed=place)
    model, expected = cut_model(sets, place)
    rig = Rig()
    assert Restored(rig.block.get("restored")) is Restored.NONE
    rig.send(sets[:place])
    rig.send(sets[place : place + 1], {"brown_out": 1})
    rig.block.until("save_done", TAIL)
    rig.collect()
    assert rig.sent() == by_port(expected)
    # Nothing is taken until the supply is back.
    rig.block.set("samples__valid", 1)
    rig.block.tick(2 * SAMPLE_CLOCKS)
    rig.collect()
    rig.block.set("samples__valid", 0)
    assert len(rig.taken()) == place + 1
    assert rig.block.get("saves") == 1
    assert rig.block.get("held")

    after = Rig(rig.cut())
    assert not after.block.get("held")
    assert Restored(after.block.get("restored")) is Restored.FROM_A
    assert after.block.get("restored_complete")
    assert not after.block.get("restored_lost")
    fresh = MeteringModel(MADE_FOR)
    for old, new in zip(fields(model.machine.registers), fields(fresh.machine.registers), strict=True):
        new[1].value = old[1].value
    assert any(field.value for _, field in fields(model.machine.registers))
    after.send(sets[place + 1 :])
    after.rest()
    assert after.sent() == by_port(fresh.sent(sets[place + 1 :]))


def test_without_a_power_cut_it_goes_on_after_a_brown_out_and_saves_again():
    place = 2 * WINDOW + 40
    sets = line(6 * WINDOW, seed=9)
    model, expected = cut_model(sets, place)
    rig = Rig()
    rig.send(sets[:place])
    rig.send(sets[place : place + 1], {"brown_out": 1})
    rig.block.until("save_done", TAIL)
    rig.send(sets[place + 1 : -1], {"brown_out": 0})
    expected += model.sent(sets[place + 1 : -1])
    assert rig.block.get("saves") == 1
    rig.send(sets[-1:], {"brown_out": 1})
    inputs = beside(1, {"brown_out": 1})
    expected += model.sent(sets[-1:], inputs)
    rig.block.until("save_done", TAIL)
    rig.collect()
    assert rig.sent() == by_port(expected)
    assert rig.block.get("saves") == 2
