"""The waveform buffer against a list of all sample sets, whatever the clocks of the two domains are."""

import random

import pytest
from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator

from rtl.metering.waveform_buffer import WaveformBuffer

HEADER = ("sequence", "cause", "time", "before", "missed")
SHAPES = [(1, 3, 5), (3, 4, 12), (7, 14, 2)]
"""Lanes, sets before, sets after."""

# Clocks of the metrology domain in one of the application domain.
RATIOS = [0.11, 24.576 / 50, 1.0, 1.3, 5.0, 14.0]


def sample(number, lane):
    """Sample of a lane in a set, of either sign, all 28 bits."""
    value = (number * 7_368_787 + lane * 104_729_117) % (1 << 28)
    return value - (1 << 27)


class Reference:
    """All captures as the contract has them, from the sets and triggers in their order."""

    def __init__(self, before, after):
        self.before, self.after = before, after
        self.number, self.begin, self.trigger = -1, 0, None
        self.missed, self.captures = 0, []

    def set(self):
        """A sample set; returns whether a capture is complete with it."""
        self.number += 1
        if self.trigger is None or self.number < self.trigger[0] + self.after - 1:
            return False
        number, cause, time = self.trigger
        header = (len(self.captures) + 1, cause, time, self.before, self.missed)
        first = number - self.before
        self.captures.append((header, range(first, first + self.before + self.after)))
        self.begin, self.trigger = self.number + 1, None
        return True

    def triggered(self, cause, time):
        """A trigger of the last set."""
        if self.trigger or self.number - self.begin < self.before:
            self.missed += 1
        else:
            self.trigger = self.number, cause, time


class Source:
    """Plays the engine: sample sets, and triggers that are sometimes too early and often too many."""

    def __init__(self, dut, shape, *, captures, seed, ratio, rate=0.2):
        self.dut, (self.lanes, before, after) = dut, shape
        self.reference = Reference(before, after)
        self.captures, self.rate = captures, rate
        self.shortest = max(self.lanes + 7, int(4 * ratio) + 1)
        self.rng = random.Random(seed)
        self.done = False

    async def run(self, ctx):
        dut, reference, rng = self.dut, self.reference, self.rng
        while len(reference.captures) < self.captures:
            complete = reference.set()
            number = reference.number
            await self._strobe(ctx, dut.set_stb, [sample(number, lane) for lane in range(self.lanes)])
            left = self.shortest - 1 + rng.choice((0, 0, 1, 40))
            # Whether a trigger counts that comes while the header is being written is not said.
            if rng.random() < self.rate and not complete:
                wait = rng.randrange(left)
                await ctx.tick("metrology").repeat(wait) if wait else None
                cause, time = rng.getrandbits(32), rng.getrandbits(64)
                reference.triggered(cause, time)
                ctx.set(dut.trigger_cause, cause)
                ctx.set(dut.trigger_time, time)
                await self._strobe(ctx, dut.trigger_stb)
                ctx.set(dut.trigger_time, 0)
                left -= wait + 1
            if left:
                await ctx.tick("metrology").repeat(left)
        self.done = True

    async def _strobe(self, ctx, port, lanes=None):
        if lanes:
            ctx.set(self.dut.lanes, lanes)
        ctx.set(port, 1)
        await ctx.tick("metrology")
        ctx.set(port, 0)


class Reader:
    """Reads registers by name."""

    def __init__(self, dut):
        self.bus = dut.bus
        self.places = {
            path[0]: (resource, start) for resource, path, (start, _) in dut.bus.memory_map.resources()
        }

    async def word(self, ctx, address):
        bus = self.bus
        ctx.set(bus.adr, address)
        ctx.set(bus.cyc, 1)
        ctx.set(bus.stb, 1)
        await ctx.tick()
        *_, ack, word = await ctx.tick().sample(bus.ack, bus.dat_r)
        assert ack
        ctx.set(bus.cyc, 0)
        ctx.set(bus.stb, 0)
        return word

    async def value(self, ctx, name, element=0):
        resource, start = self.places[name]
        words = -(-resource.width // 32)
        value = 0
        for index in range(words):
            value |= await self.word(ctx, start + words * element + index) << 32 * index
        if resource.signed and value >> 31:
            value -= 1 << 32
        return value

    async def capture(self, ctx, shape):
        """The header, and the samples of each lane."""
        header = [await self.value(ctx, name) for name in HEADER]
        lanes, before, after = shape
        return tuple(header), [
            [await self.value(ctx, f"lane{lane}", number) for number in range(before + after)]
            for lane in range(lanes)
        ]


def make(shape):
    lanes, before, after = shape
    return WaveformBuffer(lanes=lanes, before=before, after=after)


def simulate(dut, ratio, *testbenches, design=None):
    simulator = Simulator(design or dut)
    simulator.add_clock(1e-6, domain="metrology")
    simulator.add_clock(ratio * 1e-6, phase=0.3 * ratio * 1e-6, domain="sync")
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    simulator.run()


def assert_is(capture, expected, shape, where):
    header, lanes = capture
    assert header == expected[0], where
    for lane, samples in enumerate(lanes):
        assert samples == [sample(number, lane) for number in expected[1]], f"{where}, lane {lane}"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("captures", [1, 2, 5])
def test_the_last_capture_is_shown_whole(shape, captures):
    dut = make(shape)
    source = Source(dut, shape, captures=captures, seed=captures, ratio=0.7)
    reader = Reader(dut)
    shown = 0

    async def count(ctx):
        nonlocal shown
        async for *_, strobe in ctx.tick().sample(dut.shown_stb):
            shown += strobe
            if source.done and shown == captures:
                break
        found = await reader.capture(ctx, shape)
        assert_is(found, source.reference.captures[-1], shape, f"repeat with {shape}, seed {captures}")
        await ctx.tick().repeat(20)
        assert not ctx.get(dut.shown_stb)

    simulate(dut, 0.7, source.run, count)
    if captures == 5:
        assert source.reference.missed > 0, "no trigger ever came too early or too late"


@pytest.mark.parametrize(("ratio", "seed"), [*zip(RATIOS, range(6), strict=True), (5.0, 6), (5.0, 7)])
def test_what_the_same_sequence_word_encloses_is_of_one_capture(ratio, seed):
    shape = SHAPES[seed % len(SHAPES)]
    lanes, before, after = shape
    dut = make(shape)
    source = Source(dut, shape, captures=6 + int(6 * ratio), seed=seed, ratio=ratio, rate=0.6)
    reader = Reader(dut)
    rng = random.Random(seed)
    coherent, captures, torn = 0, set(), 0

    async def read(ctx):
        nonlocal coherent, torn
        while not source.done:
            sequence = await reader.value(ctx, "sequence")
            found = {}
            for _ in range(rng.choice((1, 2, 5, 12))):
                place = rng.randrange(lanes), rng.randrange(before + after)
                found[place] = await reader.value(ctx, f"lane{place[0]}", place[1])
            time = await reader.value(ctx, "time")
            if sequence != await reader.value(ctx, "sequence"):
                torn += sequence > 0
            elif sequence:
                where = f"repeat with ratio {ratio}, seed {seed}, capture {sequence}"
                header, numbers = source.reference.captures[sequence - 1]
                assert time == header[2], where
                for (lane, number), value in found.items():
                    assert value == sample(numbers[number], lane), f"{where}: lane {lane}, set {number}"
                coherent += 1
                captures.add(sequence)

    simulate(dut, ratio, source.run, read)
    assert coherent > 5
    assert len(captures) > 3
    if ratio >= 1:
        assert torn > 0, "no read ever met a change: the test proves nothing"


def test_a_trigger_before_the_bank_is_filled_is_missed_and_the_next_is_taken():
    shape = lanes, before, after = 2, 6, 2
    dut = make(shape)
    reader = Reader(dut)

    async def engine(ctx):
        for number in range(40):
            ctx.set(dut.lanes, [sample(number, lane) for lane in range(lanes)])
            ctx.set(dut.set_stb, 1)
            await ctx.tick("metrology")
            ctx.set(dut.set_stb, 0)
            await ctx.tick("metrology").repeat(20)
            ctx.set(dut.trigger_cause, number)
            ctx.set(dut.trigger_time, number)
            # Sets 0 to 7 are the first capture, 8 on go to the other bank: 14 is the first with six before.
            ctx.set(dut.trigger_stb, number in (5, 6, 7, 13, 14))
            await ctx.tick("metrology")
            ctx.set(dut.trigger_stb, 0)
            if number in (7, 13, 16):
                await ctx.tick().repeat(10)
                header, _ = found = await reader.capture(ctx, shape)
                first, missed = (0, 1) if number < 16 else (8, 3)
                assert header == (1 + (first > 0), first + 6, first + 6, before, missed), number
                assert_is(found, (header, range(first, first + before + after)), shape, f"set {number}")

    simulate(dut, 1.0, engine)


def test_nothing_on_the_bus_and_no_reset_changes_a_capture():
    shape = SHAPES[1]
    dut = make(shape)
    source = Source(dut, shape, captures=4, seed=1, ratio=0.5)
    reset = Signal()
    rng = random.Random(2)

    async def attacker(ctx):
        bus = dut.bus
        while not source.done:
            for signal in (bus.adr, bus.dat_w, bus.we, bus.sel, bus.cyc, bus.stb):
                ctx.set(signal, rng.getrandbits(len(signal)))
            ctx.set(reset, rng.random() < 0.2)
            await ctx.tick()
        for signal in (bus.cyc, bus.stb, bus.we, reset):
            ctx.set(signal, 0)
        await ctx.tick().repeat(40)
        found = await Reader(dut).capture(ctx, shape)
        assert_is(found, source.reference.captures[-1], shape, "repeat with seeds 1 and 2")

    simulate(dut, 0.5, source.run, attacker, design=ResetInserter({"sync": reset})(dut))


def test_the_memory_map_has_the_header_first_and_a_lane_at_each_multiple_of_the_sets():
    found = [
        (path[0], resource.count, start)
        for resource, path, (start, _) in make((3, 4, 12)).bus.memory_map.resources()
    ]
    header = [("sequence", 1, 0), ("cause", 1, 1), ("time", 1, 2), ("before", 1, 4), ("missed", 1, 5)]
    assert found == [*header, ("lane0", 16, 16), ("lane1", 16, 32), ("lane2", 16, 48)]


@pytest.mark.parametrize(
    ("shape", "error", "sentence"),
    [
        ((0, 4, 4), TypeError, "Number of lanes must be a positive integer, not 0"),
        ((2, 7, 1), ValueError, "Sets after must be at least 2, not 1"),
        ((2, 4, 5), ValueError, "Sets of a capture must be a power of two from 8 on, not 9 (= 4 + 5)"),
        ((2, 2, 2), ValueError, "Sets of a capture must be a power of two from 8 on, not 4 (= 2 + 2)"),
    ],
)
def test_refusals(shape, error, sentence):
    with pytest.raises(error) as caught:
        make(shape)
    assert str(caught.value) == sentence
