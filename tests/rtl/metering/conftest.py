"""What tests of the metering blocks share: the compute engine fed with sample sets, and a small state."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest
from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from rtl.metering.compiler import compile_program
from rtl.metering.engine import ComputeEngine
from rtl.metering.microcode import Port
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import INPUTS, LANE_BITS, WIDE_BITS, WORD_BITS
from rtl.metering.quantities import paths
from rtl.metering.state import Array, State, Wide, Word
from sim.block import Block
from sim.compiled_model import CompiledModel, values

LIMIT = 1 << 20
NEVER = LIMIT - 1
"""A pace at which the background is never interrupted."""

_EVENT = ("is_sent", "port", "address", "value", "set_ended", "taken", "clocks")


class Feeder(wiring.Component):
    """The engine with sample sets in front: the next one is taken as soon as the engine is idle, and its
    background rests or ``pace`` clocks have passed since the last one was.

    ``event`` is high when ``set_ended``, ``clocks`` after its start, or when the engine sends a value, or
    when a set is ``taken``, ``clocks`` after the last one.
    """

    def __init__(self, program, lanes):
        self._engine = engine = ComputeEngine(program=program, lanes=lanes)
        super().__init__(
            {
                "sets": In(stream.Signature(engine.lanes.shape().size + engine.inputs.shape().size)),
                "pace": In(range(LIMIT)),
                "event": Out(1),
                "is_sent": Out(1),
                "port": Out(Port.as_shape()),
                "address": Out(len(engine.sent_adr)),
                "value": Out(WIDE_BITS),
                "set_ended": Out(1),
                "taken": Out(1),
                "clocks": Out(range(LIMIT)),
                "overruns": Out(16),
                "rests": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.engine = engine = self._engine
        held, busy, taken = Signal(self.sets.payload.shape()), Signal(), self.taken
        m.d.comb += [
            self.sets.ready.eq(engine.idle & ~engine.start & (engine.resting | (self.clocks >= self.pace))),
            taken.eq(self.sets.valid & self.sets.ready),
            Cat(engine.lanes.as_value(), engine.inputs.as_value()).eq(held),
            self.set_ended.eq(busy & engine.idle),
            self.is_sent.eq(engine.sent_stb),
            self.event.eq(taken | self.set_ended | self.is_sent),
            self.port.eq(engine.sent_port.as_value()),
            self.address.eq(engine.sent_adr),
            self.value.eq(engine.sent_value),
            self.overruns.eq(engine.overruns),
            self.rests.eq(engine.resting & ~engine.start),
        ]
        m.d.sync += [busy.eq(~engine.idle), self.clocks.eq(self.clocks + 1), engine.start.eq(taken)]
        with m.If(taken):
            m.d.sync += [held.eq(self.sets.payload), self.clocks.eq(0)]
        return m


@dataclass
class Run:
    """What an engine did: values in the order in which they were sent, clocks of each sample set from its
    start to its end, and clocks from its start to that of the next one.
    """

    sent: list[tuple[Port, int, int]] = field(default_factory=list)
    clocks: list[int] = field(default_factory=list)
    spacing: list[int] = field(default_factory=list)
    overruns: int = 0

    def add(self, is_sent, port, address, value, set_ended, taken, clocks):
        if is_sent:
            self.sent.append((Port(port), address, value - (value >> WIDE_BITS - 1 << WIDE_BITS)))
        if set_ended:
            self.clocks.append(clocks)
        if taken:
            self.spacing.append(clocks)


def _payloads(sets, lanes):
    """Sample sets as the feeder takes them."""
    widths = [LANE_BITS] * lanes + [WORD_BITS] * (sets.shape[1] - lanes)
    starts = np.cumsum([0, *widths])[:-1].tolist()
    return [
        sum((value & (1 << width) - 1) << at for value, width, at in zip(each, widths, starts, strict=True))
        for each in sets.tolist()
    ]


_blocks: dict[tuple[bytes, int], Block] = {}


def _run_compiled(program, lanes, sets, pace=3072):
    key = program.identification, lanes
    if key not in _blocks:
        _blocks[key] = Block(Feeder(program, lanes))
    block = _blocks[key].fresh()
    block.set("pace", pace)
    block.watch("event", _EVENT)
    run = Run()
    block.send("sets", _payloads(sets, lanes), LIMIT)
    block.until("rests", LIMIT)
    block.tick()
    for event in block.recorded():
        run.add(*event)
    run.overruns = block.get("overruns")
    return run


def _run_simulated(program, lanes, sets, pace=NEVER):
    feeder, run = Feeder(program, lanes), Run()
    event = [getattr(feeder, name) for name in _EVENT]

    async def feed(ctx):
        ctx.set(feeder.pace, pace)
        ctx.set(feeder.sets.valid, 1)
        for payload in _payloads(sets, lanes):
            ctx.set(feeder.sets.payload, payload)
            await ctx.tick().until(feeder.sets.ready)
        ctx.set(feeder.sets.valid, 0)
        await ctx.tick().until(feeder.rests)
        run.overruns = ctx.get(feeder.overruns)

    async def record(ctx):
        async for *_, happens, value in ctx.tick().sample(feeder.event, Cat(event)):
            if happens:
                fields = []
                for each in event:
                    fields.append(value & (1 << len(each)) - 1)
                    value >>= len(each)
                run.add(*fields)

    simulator = Simulator(feeder)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed)
    simulator.add_testbench(record, background=True)
    simulator.run()
    return run


@pytest.fixture(scope="session")
def run_engine():
    """Runs the engine compiled by Verilator: ``run_engine(program, lanes, sets, pace=3072)`` gives a `Run`.

    ``sets`` has a row a sample set: the lanes, then the program's other inputs.
    """
    return _run_compiled


@pytest.fixture(scope="session")
def simulate_engine():
    """Runs the engine in Amaranth's simulator: ``simulate_engine(program, lanes, sets, pace=NEVER)``."""
    return _run_simulated


def _sets(made_for, codes, inputs=None):
    beside = np.zeros((len(codes), len(INPUTS)), np.int64) if inputs is None else inputs
    return np.hstack([codes << made_for.alignment, beside])


@pytest.fixture(scope="session")
def sample_sets():
    """Sample sets for the engine from input words: ``sample_sets(made_for, codes, inputs=None)``."""
    return _sets


class Part(State):
    """A state that `Scratch` has several of."""

    word: Word = 0
    wide: Wide = 0

    def __init__(self, number):
        super().__init__()
        self.number = number
        self.own = Array(2)


class Scratch(State):
    """State of small programs: words, wides, arrays, and states within."""

    a: Word = 0
    b: Word = 0
    c: Word = 0
    count: Word = 0
    s: Wide = 0
    t: Wide = 0
    u: Wide = 0

    def __init__(self, k, parameters):
        super().__init__()
        self.ring = Array(8)
        self.long = Array(64)
        self.parts = [Part(1), Part(2)]


@pytest.fixture
def small_program(monkeypatch):
    """A program on `Scratch`, and its integer model: ``small_program(made_for, entry, lag=0)``."""

    def make(made_for, entry, lag=0):
        monkeypatch.setattr("rtl.metering.model.Machine", Scratch)
        monkeypatch.setattr("rtl.metering.model.sample_set", entry)
        return compile_program(made_for, entry, Scratch), MeteringModel(made_for, lag)

    return make


@cache
def _compiled(made_for):
    program = compile_program(made_for)
    return program, CompiledModel(program, made_for.lanes)


def _measure(made_for, codes, inputs=None, **options):
    """Windows of the compiled model: quantities by their path. No value of it may outgrow its cell."""
    model = _compiled(made_for)[1].fresh(**options)
    records = model.run(_sets(made_for, codes, inputs))
    path_of = paths(made_for)
    ports = Port.QUANTITY.value, Port.QUANTITY_COMMIT.value
    records = records[np.isin(records["port"], ports)]
    windows, record = [], {}
    columns = records["port"].tolist(), records["address"].tolist(), values(records)
    for port, address, value in zip(*columns, strict=True):
        if port == Port.QUANTITY.value:
            record[path_of[address]] = value
        else:
            windows.append(record)
            record = {}
    assert model.overflows == 0, f"{model.overflows} values do not fit, first at {model.overflow}"
    assert model.overruns == 0
    return windows


@pytest.fixture(scope="session")
def measure():
    """Windows for input words: ``measure(made_for, codes, inputs=None)`` gives quantities by their path."""
    return _measure


@pytest.fixture(scope="session")
def compiled_model():
    """A fresh `CompiledModel` of the metrology program: ``compiled_model(made_for)``."""
    return lambda made_for: _compiled(made_for)[1].fresh()
