"""The pulse outputs against a reference of absolute times, and how even their edges are."""

import random
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from math import sqrt

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.metering.pulse_outputs import FRACTION_BITS, PulseOutputs
from sim.block import Block
from sim.pulses import jitter

SMALL = {"sample_clocks": 96, "latency_clocks": 64, "width_clocks": 150, "gap_clocks": 5}
REAL = {"sample_clocks": 3072, "latency_clocks": 2048, "width_clocks": 983_040, "gap_clocks": 256}
CLOCK_HZ = 24_576_000
UNITY = 1 << FRACTION_BITS


class Output:
    """One output as its contract has it, told in absolute clocks."""

    def __init__(self, *, sample_clocks, latency_clocks, width_clocks, gap_clocks):
        self.period, self.latency, self.width, self.gap = (
            sample_clocks,
            latency_clocks,
            width_clocks,
            gap_clocks,
        )
        self.waiting = []  # of (set, clock of the edge)
        self.sets, self.taken = 0, 0
        self.owed = 0
        self.level, self.count = 0, 0
        self.edge, self.next_edge, self.off_at = -(10**9), None, None

    def clock(self, t, new_set, fraction):
        """What comes in clock ``t``; afterwards ``level`` and ``count`` are those of the next one."""
        if fraction is not None:
            self._emit(lambda number, _: number == self.sets)
            self.waiting.append((self.sets, self.taken + self.latency + fraction * self.period // UNITY))
        self._emit(lambda _, at: at == t + 1 + self.gap)
        if new_set:
            self._emit(lambda number, _: number == self.sets - 1)
            self.sets, self.taken = self.sets + 1, t
        if t + 1 == self.next_edge:
            self.off_at = t + 1 + min(self.width, (t + 1 - self.edge) // 2)
            self.edge, self.next_edge, self.level = t + 1, None, 1
            self.owed, self.count = self.owed - 1, self.count + 1
        elif self.owed and self.next_edge is None and (not self.level or t + 1 >= self.edge + self.gap):
            self.next_edge, self.level = t + 1 + self.gap, 0
        elif t + 1 == self.off_at:
            self.level = 0

    def _emit(self, chosen):
        self.owed += sum(chosen(*pulse) for pulse in self.waiting)
        self.waiting = [pulse for pulse in self.waiting if not chosen(*pulse)]


def compare(steps, parameters, outputs, where):
    """Runs (new set, index or None, fraction) of every clock on the block and on the reference."""
    block = Block(PulseOutputs(outputs=outputs, **parameters))
    references = [Output(**parameters) for _ in range(outputs)]
    for t, (new_set, index, fraction) in enumerate(steps):
        block.set("set_stb", new_set)
        block.set("pulse_stb", index is not None)
        if index is not None:
            block.set("pulse_index", index)
            block.set("pulse_fraction", fraction)
        for number, reference in enumerate(references):
            reference.clock(t, new_set, fraction if index == number else None)
        block.tick()
        levels = sum(reference.level << number for number, reference in enumerate(references))
        assert block.get("pulses") == levels, f"{where}, clock {t + 1}"
        counts = sum(reference.count << 32 * number for number, reference in enumerate(references))
        assert block.get("counts") == counts, f"{where}, clock {t + 1}"
    return references


def random_steps(rng, sets, distance, outputs, rate):
    """Sets ``distance()`` clocks apart; pulses of some outputs at random places after each."""
    sent = [0] * outputs
    steps = []
    for _ in range(sets):
        clocks = [[False, None, 0] for _ in range(distance())]
        clocks[0][0] = True
        for place in rng.sample(range(1, min(len(clocks), 40)), outputs):
            index = rng.randrange(outputs)
            if all(clock[1] != index for clock in clocks) and rng.random() < rate:
                clocks[place][1:] = index, rng.choice((0, 1, UNITY - 1, rng.randrange(UNITY)))
                sent[index] += 1
        steps += clocks
    return steps, sent


PACES = {
    "nominal": lambda rng: 96,
    "slow": lambda rng: rng.choice((96, 97, 150, 400)),
    "early": lambda rng: rng.choice((12, 13, 20, 33, 50, 95)),
    "mixed": lambda rng: rng.choice((12, 12, 30, 96, 96, 96, 200)),
}


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_the_block_does_what_the_reference_does(pace, rate):
    for outputs, seed in ((3, 0), (3, 1)):
        rng = random.Random(f"{pace} {rate} {seed}")
        steps, sent = random_steps(rng, 200, lambda rng=rng: PACES[pace](rng), outputs, rate)
        steps += [[False, None, 0]] * 600
        where = f"repeat with pace {pace}, rate {rate}, {outputs} outputs, seed {seed}"
        references = compare(steps, SMALL, outputs, where)
        assert [reference.count for reference in references] == sent, f"{where}: a pulse lost or doubled"


class WithComplement(wiring.Component):
    """One output, and its complement, so that compiled code waits for either edge."""

    set_stb: In(1)
    pulse_stb: In(1)
    pulse_fraction: In(FRACTION_BITS)
    high: Out(1)
    low: Out(1)
    count: Out(32)

    def __init__(self, **parameters):
        self._parameters = parameters
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.outputs = outputs = PulseOutputs(outputs=1, **self._parameters)
        m.d.comb += [
            outputs.set_stb.eq(self.set_stb),
            outputs.pulse_stb.eq(self.pulse_stb),
            outputs.pulse_fraction.eq(self.pulse_fraction),
            self.high.eq(outputs.pulses),
            self.low.eq(~outputs.pulses),
            self.count.eq(outputs.counts[0]),
        ]
        return m


class Meter:
    """One output of real size, driven as by the engine: sets at their pace, a pulse within their work."""

    def __init__(self, **parameters):
        self.block = Block(WithComplement(**{**REAL, **parameters}))
        self.edges, self.falls = [], []
        self._level = 0

    def wait(self, clocks):
        """Lets clocks pass, and takes down when the output changes."""
        end = self.block.cycles + clocks
        while (left := end - self.block.cycles) > 0:
            with suppress(TimeoutError):
                self.block.until("low" if self._level else "high", left)
            level = self.block.get("high")
            if level != self._level:
                (self.edges if level else self.falls).append(self.block.cycles)
                self._level = level

    def strobe(self, port):
        self.block.set(port, 1)
        self.wait(1)
        self.block.set(port, 0)

    def sample_set(self, fraction=None, clocks=3072, work=700):
        """A sample set of so many clocks, and a pulse in it if there is a fraction."""
        self.strobe("set_stb")
        self.wait(work)
        if fraction is not None:
            self.block.set("pulse_fraction", fraction)
            self.strobe("pulse_stb")
        self.wait(clocks - 1 - work - (fraction is not None))

    def constant_rate(self, period, sets, clocks=3072):
        """Pulses every ``period`` sample periods, a fraction of which is rounded as the engine has it."""
        next_pulse, sent = period / 3, 0
        for number in range(sets):
            fraction = None
            if next_pulse < number + 1:
                fraction = int((next_pulse - number) * UNITY)
                next_pulse, sent = next_pulse + period, sent + 1
            self.sample_set(fraction, clocks)
        return sent


def test_the_edge_is_where_the_program_wants_it():
    """Whatever the moment within the latency at which the pulse is sent."""
    rng = random.Random(3)
    meter = Meter(width_clocks=1000)
    for fraction in (0, 1, UNITY // 3, UNITY // 2, UNITY - 1, *(rng.randrange(UNITY) for _ in range(10))):
        work = rng.choice((0, 1, 500, 1600))
        taken = meter.block.cycles
        meter.sample_set(fraction, work=work)
        meter.sample_set()
        assert meter.edges.pop() == taken + 2048 + fraction * 3072 // UNITY, f"fraction {fraction}, {work=}"
        assert not meter.edges


@pytest.mark.parametrize("milliseconds", [0.5, 0.7, 3.0])
def test_jitter_at_a_constant_rate_is_below_a_ten_thousandth_of_the_period(milliseconds):
    """A rate that has no ratio to the clock; samples at their nominal pace."""
    clocks = milliseconds * 1e-3 * CLOCK_HZ + sqrt(2)
    period = Fraction(clocks / 3072)
    meter = Meter()
    pulses = meter.constant_rate(period, sets=int(60 * period))
    assert len(meter.edges) >= pulses - 2 > 50
    assert jitter(meter.edges, clocks) * clocks <= 0.5 + 0.01
    assert jitter(meter.edges, clocks) < 1e-4


def test_an_output_is_on_for_its_width_or_half_its_period():
    for width, period in ((1000, 4.3), (983_040, 4.3), (983_040, 1.0)):
        meter = Meter(width_clocks=width)
        meter.constant_rate(Fraction(period), sets=60)
        on = [fall - edge for edge, fall in zip(meter.edges, meter.falls, strict=False)][1:]
        halves = {min(width, clocks // 2) for clocks in (int(3072 * period), int(3072 * period) + 1)}
        assert on
        assert set(on) <= halves, f"width {width}, period {period}"


@pytest.mark.parametrize("clocks", [1000, 1024, 2000, 3071])
def test_early_sets_lose_no_pulse_and_double_none(clocks):
    for period in (1.0, 1.37, 4.0, 6.3):
        meter = Meter()
        sent = meter.constant_rate(Fraction(period), sets=80, clocks=clocks)
        meter.wait(12_000)
        where = f"period {period}"
        assert meter.block.get("count") == len(meter.edges) == sent, where
        changes = sorted(meter.edges + meter.falls)
        assert min(later - change for change, later in pairwise(changes)) >= 256, where


def test_a_rate_that_rises_suddenly_keeps_its_edges():
    meter = Meter()
    for number in range(200):
        meter.sample_set(UNITY // 2 if number in (2, 102, 106, 110) else None)
    origin = 2048 + 1536
    assert meter.edges == [origin + 3072 * number for number in (2, 102, 106, 110)]
    # The second, a hundred sets after the first, is still on when the third comes: it ends the gap before.
    assert meter.falls[1:3] == [meter.edges[2] - 256, meter.edges[3] - (meter.edges[3] - meter.edges[2]) // 2]


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"outputs": 0}, TypeError, "Number of outputs must be a positive integer, not 0"),
        ({"gap_clocks": 1.5}, TypeError, "Gap must be a positive integer, not 1.5"),
        (
            {"latency_clocks": 3073},
            ValueError,
            "Latency must be at most the sample period (= 3072 clocks), not 3073",
        ),
        ({"gap_clocks": 2048}, ValueError, "Gap must be less than the latency (= 2048 clocks), not 2048"),
        ({"width_clocks": 256}, ValueError, "Gap must be less than the pulse width (= 256 clocks), not 256"),
    ],
)
def test_refusals(changes, error, sentence):
    with pytest.raises(error) as caught:
        PulseOutputs(**{"outputs": 4, **REAL, **changes})
    assert str(caught.value) == sentence
