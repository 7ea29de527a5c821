"""The word receiver against a converter in Python, over back-pressure and line delays."""

import random
from itertools import pairwise

import pytest
from amaranth.sim import Simulator

from rtl.metering.word_receiver import WordReceiver


class Converter:
    """A converter on the serial lines: sends ``words`` of each lane, most significant bit first.

    It shifts when the bit clock falls, ``delay`` clocks late, and looks at the frame synchronisation when
    the bit clock rises. With ``error=True`` it misses one frame synchronisation in four.
    """

    def __init__(self, dut, words, *, word_bits, delay=0, error=False, seed=0):
        self.dut, self.words, self.word_bits = dut, words, word_bits
        self.delay, self.error, self.random = delay, error, random.Random(seed)
        self.sent = []
        self.frame_clocks = []

    async def run(self, ctx):
        dut = self.dut
        before, sync, clock, shift = 0, 0, 0, [0] * len(dut.data)
        pipeline = [0] * self.delay
        while True:
            await ctx.tick()
            clock += 1
            bit_clock = ctx.get(dut.bit_clock)
            if bit_clock and not before:
                sync = ctx.get(dut.frame_sync)
            if before and not bit_clock:
                shift = [word << 1 for word in shift]
                if sync:
                    self.frame_clocks.append(clock)
                    shift = self._next_words(shift)
            pipeline.append(sum((word >> self.word_bits - 1 & 1) << lane for lane, word in enumerate(shift)))
            ctx.set(dut.data, pipeline.pop(0))
            before = bit_clock

    def _next_words(self, shift):
        if self.error and self.random.random() < 0.25:
            self.sent.append(None)
            return shift
        self.sent.append(self.words[len(self.sent)])
        return list(self.sent[-1])


def words_for(count, lanes, word_bits, seed):
    rng = random.Random(seed)
    corners = [0, 1, -1, (1 << word_bits - 1) - 1, -(1 << word_bits - 1)]
    return [
        [rng.choice(corners) if rng.random() < 0.2 else rng.getrandbits(word_bits) for _ in range(lanes)]
        for _ in range(count)
    ]


def signed_words(words, word_bits):
    half = 1 << word_bits - 1
    return [((word + half) & (2 * half - 1)) - half for word in words]


def run(dut, converter, *, clocks, ready=lambda clock: True):
    """Sets received, in pairs with the clock at which each was taken, and ``lost`` at the end."""
    taken = []

    async def consumer(ctx):
        for clock in range(clocks):
            ctx.set(dut.samples.ready, bool(ready(clock)))
            valid, payload = ctx.get(dut.samples.valid), ctx.get(dut.samples.payload)
            if valid and ctx.get(dut.samples.ready):
                taken.append((clock, list(payload)))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(converter.run, background=True)
    simulator.add_testbench(consumer)
    lost = []

    async def watch(ctx):
        await ctx.tick().repeat(clocks - 1)
        lost.append(ctx.get(dut.lost))

    simulator.add_testbench(watch)
    simulator.run()
    return taken, lost[0]


CASES = {
    "seven lanes of 24 bits": {"word_bits": 24, "lanes": 7, "sample_clocks": 384, "frame_bits": 64},
    "25 MHz board": {"word_bits": 24, "lanes": 3, "sample_clocks": 3200, "frame_bits": 64},
    "bit clock of two clocks": {"word_bits": 16, "lanes": 2, "sample_clocks": 64, "frame_bits": 32},
    "word that fills its frame": {"word_bits": 28, "lanes": 1, "sample_clocks": 116, "frame_bits": 29},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("slowest", [False, True])
def test_words_arrive_in_step(case, slowest):
    made_for = CASES[case]
    half_period = made_for["sample_clocks"] // made_for["frame_bits"] // 2
    word_bits, period = made_for["word_bits"], made_for["sample_clocks"]
    dut = WordReceiver(**made_for)
    words = words_for(12, made_for["lanes"], word_bits, seed=1)
    converter = Converter(dut, words, word_bits=word_bits, delay=half_period - 1 if slowest else 0)
    taken, lost = run(dut, converter, clocks=6 * period)
    place = f"repeat with case {case!r}, slowest={slowest}, words_for(seed=1)"
    assert [sample for _, sample in taken] == [signed_words(w, word_bits) for w in words[: len(taken)]], place
    assert len(taken) >= 5, place
    assert lost == 0, place
    starts = converter.frame_clocks
    assert {after - before for before, after in pairwise(starts)} == {period}, place
    times = [clock for clock, _ in taken]
    assert {after - before for before, after in pairwise(times)} == {period}, place
    last_bit_rises = starts[0] + (2 * word_bits - 1) * half_period
    assert times[0] - last_bit_rises == 2, place


def test_a_line_that_is_too_late_is_not_read_right():
    made_for = CASES["seven lanes of 24 bits"]
    dut = WordReceiver(**made_for)
    words = words_for(6, 7, 24, seed=2)
    taken, _ = run(dut, Converter(dut, words, word_bits=24, delay=3), clocks=5 * 384)
    assert [sample for _, sample in taken] != [signed_words(w, 24) for w in words[: len(taken)]]


@pytest.mark.parametrize("seed", range(4))
def test_sets_that_cannot_be_taken_are_counted(seed):
    made_for = CASES["bit clock of two clocks"]
    period = made_for["sample_clocks"]
    dut = WordReceiver(**made_for)
    words = words_for(42, 2, 16, seed)
    rng = random.Random(seed)
    stall = [rng.random() < 0.6 for _ in range(40)]
    taken, lost = run(
        dut,
        Converter(dut, words, word_bits=16),
        clocks=40 * period,
        ready=lambda clock: not stall[clock // period],
    )
    place = f"repeat with seed {seed}"
    got = [sample for _, sample in taken]
    expected = [signed_words(w, 16) for w in words]
    position = -1
    for sample in got:
        position = expected.index(sample, position + 1)
    arrived = position + 1
    assert lost > 0, place
    # All that arrived is taken, lost, or still waiting.
    waiting = 39 - arrived
    assert arrived - len(got) <= lost <= arrived - len(got) + max(waiting, 0), place


def test_the_count_of_lost_sets_saturates():
    period = 10
    dut = WordReceiver(word_bits=4, lanes=1, sample_clocks=period, frame_bits=5)
    counts = []

    async def bench(ctx):
        await ctx.tick().until(dut.samples.valid)
        ctx.set(dut.lost, 0xFFFD)
        for _ in range(4):
            await ctx.tick().repeat(period)
            counts.append(ctx.get(dut.lost))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert counts == [0xFFFE, 0xFFFF, 0xFFFF, 0xFFFF]


def test_a_missed_frame_synchronisation_spoils_that_set_alone():
    period = 384
    dut = WordReceiver(**CASES["seven lanes of 24 bits"])
    words = words_for(30, 7, 24, seed=5)
    converter = Converter(dut, words, word_bits=24, error=True, seed=5)
    taken, lost = run(dut, converter, clocks=28 * period)
    assert lost == 0
    assert None in converter.sent
    for (_, sample), sent in zip(taken, converter.sent, strict=False):
        if sent is not None:
            assert sample == signed_words(sent, 24), "repeat with seed 5"


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"lanes": 0}, TypeError, "Number of lanes must be a positive integer, not 0"),
        ({"word_bits": "24"}, TypeError, "Word length must be a positive integer, not '24'"),
        (
            {"frame_bits": 24},
            ValueError,
            r"Frame length must be more than the word length \(= 24 bits\), not 24",
        ),
        (
            {"sample_clocks": 3072 + 64},
            ValueError,
            r"Sample period must be a multiple of twice the frame length \(= 128 clocks\), not 3136",
        ),
    ],
)
def test_impossible_parameters(changes, error, sentence):
    with pytest.raises(error, match=sentence):
        WordReceiver(**{"word_bits": 24, "lanes": 7, "sample_clocks": 3072, **changes})
