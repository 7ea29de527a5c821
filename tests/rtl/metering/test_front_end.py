"""The front end: every set once, in order, with what belongs to it, and no further one after a brown-out."""

import random
import re

import numpy as np
import pytest
from amaranth.lib import data

from rtl.metering.front_end import FrontEnd
from rtl.metering.parameters import INPUTS, LANE_BITS, WORD_BITS
from sim.block import Block
from sim.decimation import Decimation
from sim.delta_sigma import DeltaSigma


def words_for(rng, count, lanes, word_bits):
    low, high = -(1 << word_bits - 1), (1 << word_bits - 1) - 1
    return [
        [rng.choice((low, high, 0, -1, rng.randint(low, high))) for _ in range(lanes)] for _ in range(count)
    ]


def source_of(dut, words, offer):
    """A source that offers each set for as long as it takes; ``offer()`` says whether it begins now."""

    async def source(ctx):
        for word in words:
            while not offer():
                await ctx.tick()
            ctx.set(dut.samples.payload, word)
            ctx.set(dut.samples.valid, 1)
            await ctx.tick().until(dut.samples.ready)
            ctx.set(dut.samples.valid, 0)

    return source


def engine_of(dut, count, work, taken):
    """An engine that works ``work()`` clocks on each set, and sees whether what it has been given stays."""

    async def engine(ctx):
        ctx.set(dut.engine_idle, 1)
        while len(taken) < count:
            *_, started, lanes, inputs = await ctx.tick().sample(dut.engine_start, dut.lanes, dut.inputs)
            if not started:
                continue
            ctx.set(dut.engine_idle, 0)
            given = list(lanes), list(inputs)
            for _ in range(work()):
                *_, again, lanes, inputs = await ctx.tick().sample(dut.engine_start, dut.lanes, dut.inputs)
                assert not again, "started while it works"
                assert (list(lanes), list(inputs)) == given, "changed while the engine works"
            ctx.set(dut.engine_idle, 1)
            taken.append(given[0])

    return engine


@pytest.mark.parametrize("word_bits", [16, 24, 28])
@pytest.mark.parametrize("seed", range(3))
def test_every_set_once_in_order_at_the_top_of_the_lanes(word_bits, seed, simulate):
    rng = random.Random(seed)
    lanes, count = rng.randint(1, 7), 60
    dut = FrontEnd(word_bits=word_bits, lanes=lanes)
    words = words_for(rng, count, lanes, word_bits)
    taken: list[list[int]] = []
    rate = rng.choice((0.02, 0.2, 1.0))
    simulate(
        dut,
        source_of(dut, words, lambda: rng.random() < rate),
        engine_of(dut, count, lambda: rng.choice((1, 2, 3, 20)), taken),
    )
    expected = [[word << LANE_BITS - word_bits for word in one] for one in words]
    assert taken == expected, f"repeat with seed {seed}, {word_bits} bits"


def test_a_set_is_with_an_idle_engine_in_the_next_clock(simulate):
    dut = FrontEnd(word_bits=24, lanes=2)

    async def bench(ctx):
        ctx.set(dut.engine_idle, 1)
        await ctx.tick().repeat(3)
        ctx.set(dut.samples.payload, [5, -6])
        ctx.set(dut.samples.valid, 1)
        assert ctx.get(dut.samples.ready) == 1
        assert ctx.get(dut.engine_start) == 0
        await ctx.tick()
        assert ctx.get(dut.samples.ready) == 0
        assert ctx.get(dut.engine_start) == 1
        assert list(ctx.get(dut.lanes)) == [5 << 4, -6 << 4]

    simulate(dut, bench)


PINS = {"magnet": 1, "cover_main": 0, "cover_terminal": 1}


def test_what_comes_with_a_set(simulate):
    """The inputs as they were when it was taken, pins two clocks before, until the next one is taken."""
    dut = FrontEnd(word_bits=24, lanes=1)

    async def bench(ctx):
        for round_ in range(4):
            pins = {name: value ^ round_ & 1 for name, value in PINS.items()}
            for name, value in pins.items():
                ctx.set(getattr(dut, name), value)
            await ctx.tick().repeat(2)
            ctx.set(dut.temperature, -300 - round_)
            ctx.set(dut.words_lost, 40_000 + round_)
            ctx.set(dut.samples.valid, 1)
            ctx.set(dut.engine_idle, 1)
            await ctx.tick()
            assert ctx.get(dut.engine_start)
            expected = {"temperature": -300 - round_, "brown_out": 0, "lost": 40_000 + round_, **pins}
            for change in range(5):
                assert dict(zip(INPUTS, ctx.get(dut.inputs), strict=True)) == expected, (round_, change)
                ctx.set(dut.temperature, change)
                ctx.set(dut.words_lost, change)
                for name in PINS:
                    ctx.set(getattr(dut, name), change & 1)
                ctx.set(dut.engine_idle, 0)
                await ctx.tick()

    simulate(dut, bench)


def test_after_a_brown_out_sets_wait_for_resume(simulate):
    dut = FrontEnd(word_bits=24, lanes=1)
    started: list[tuple[int, int]] = []

    async def engine(ctx):
        ctx.set(dut.engine_idle, 1)
        while True:
            *_, start, lanes, inputs = await ctx.tick().sample(dut.engine_start, dut.lanes, dut.inputs)
            ctx.set(dut.engine_idle, not start)
            if start:
                started.append((lanes[0] >> 4, inputs[INPUTS.index("brown_out")]))

    async def bench(ctx):
        ctx.set(dut.samples.valid, 1)

        async def clocks(count):
            for _ in range(count):
                *_, ready = await ctx.tick().sample(dut.samples.ready)
                if ready:
                    ctx.set(dut.samples.payload, [ctx.get(dut.samples.payload)[0] + 1])

        await clocks(20)
        assert not ctx.get(dut.held)
        ctx.set(dut.brown_out, 1)
        await clocks(20)
        assert ctx.get(dut.held)
        assert [brown_out for _, brown_out in started] == [0] * (len(started) - 1) + [1]
        count = len(started)
        ctx.set(dut.brown_out, 0)
        await clocks(20)
        assert ctx.get(dut.held)
        assert len(started) == count
        ctx.set(dut.resume, 1)
        await clocks(1)
        ctx.set(dut.resume, 0)
        await clocks(20)
        assert not ctx.get(dut.held)
        assert len(started) > count
        # A supply that is still low after it was resumed gives one set more.
        ctx.set(dut.brown_out, 1)
        await clocks(20)
        count = len(started)
        ctx.set(dut.resume, 1)
        await clocks(1)
        ctx.set(dut.resume, 0)
        await clocks(20)
        assert len(started) == count + 1
        assert [index for index, _ in started] == list(range(len(started)))

    simulate(dut, bench, background=[engine])


# --- Modulator bits, in compiled blocks

LANES, DECIMATION, DIVIDER = 3, 32, 16


class Meter:
    """A front end for bits, an engine that takes ``work`` clocks a set, and what it was given."""

    def __init__(self, work, **inputs):
        self.block = Block(
            FrontEnd(word_bits=24, lanes=LANES, modulator_divider=DIVIDER, cic_decimation=DECIMATION)
        )
        for name, value in inputs.items():
            self.block.set(name, value)
        self._work, self._busy = work, 0
        self.sets: list[list[int]] = []
        self.lost: list[int] = []
        self.saturated = 0

    def run(self, bits):
        """Bits of one modulator period after the other."""
        for packed in bits.tolist():
            self.block.set("bits", packed)
            for _ in range(DIVIDER):
                self._tick()

    def _tick(self):
        self.block.set("engine_idle", self._busy == 0)
        if self.block.get("engine_start"):
            self._busy = self._work + 1
            self._note()
        self._busy -= self._busy > 0
        self.block.tick()

    def _note(self):
        lanes = data.ArrayLayout(LANE_BITS, LANES).from_bits(self.block.get("lanes"))
        half = 1 << LANE_BITS - 1
        self.sets.append([(lane ^ half) - half for lane in lanes])
        self.saturated += self.block.get("saturated").bit_count()
        inputs = data.ArrayLayout(WORD_BITS, len(INPUTS)).from_bits(self.block.get("inputs"))
        self.lost.append(inputs[INPUTS.index("lost")])


def some_bits(sets, seed):
    rng = np.random.default_rng(seed)
    turns = np.arange(sets * 2 * DECIMATION // 16 + 40)[:, None] * rng.uniform(0.001, 0.02, LANES)
    bits = DeltaSigma(lanes=LANES, ratio=16).bits(0.9 * np.sin(2 * np.pi * turns))
    middle = len(bits) // 2
    bits[middle : middle + 4 * DECIMATION * 60] |= 1  # an overload of lane 0
    return bits[: sets * 2 * DECIMATION]


def test_sets_of_bits():
    bits = some_bits(200, seed=1)
    meter = Meter(work=900, use_bits=1)
    meter.run(bits)
    values = Decimation(lanes=LANES, cic_decimation=DECIMATION).samples(bits).values
    assert len(values) - len(meter.sets) <= 1
    assert meter.sets == values[: len(meter.sets)].tolist()
    assert meter.saturated > 0
    assert set(meter.lost) == {0}


def test_sets_of_bits_that_find_no_room_are_counted():
    bits = some_bits(60, seed=2)
    meter = Meter(work=5000, use_bits=1, words_lost=77)
    meter.run(bits)
    assert meter.lost == sorted(meter.lost)
    assert meter.lost[0] == 0
    assert meter.lost[-1] > 10


def test_words_are_taken_while_bits_go_by():
    meter = Meter(work=100, use_bits=0, samples__valid=1, samples__payload=5, words_lost=77)
    meter.run(some_bits(10, seed=3))
    assert set(map(tuple, meter.sets)) == {(5 << 4, 0, 0)}
    assert set(meter.lost) == {77}
    count = len(meter.sets)
    meter.block.set("use_bits", 1)
    meter.run(some_bits(10, seed=4))
    assert 9 <= len(meter.sets) - count <= 11, "sets of bits come at their pace, none from before"
    assert set(meter.lost[count + 1 :]) == {0}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"word_bits": 29}, "A sample word must have at most 28 bits, not 29"),
        (
            {"modulator_divider": 6},
            "Modulator divider and CIC decimation belong together, not 6 with None",
        ),
    ],
)
def test_what_cannot_be(changes, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        FrontEnd(**{"word_bits": 24, "lanes": 2, **changes})
