"""The source's ports: when samples are taken, when bits come, and what closes them at once."""

import numpy as np
import pytest

from rtl.entropy.cutoffs import START_UP_SAMPLES, admissible_cutoffs
from rtl.entropy.jitter import REFERENCE
from rtl.entropy.source import EntropySource, Failures, cutoff_layout
from sim.health_rtl import HealthRtl

RINGS = REFERENCE.rings
DIVIDER = 64


@pytest.fixture(scope="module")
def hardware():
    return HealthRtl(divider=DIVIDER)


def fair(seed, count):
    return np.random.default_rng(seed).integers(0, 2, (count, RINGS), np.uint8)


def opened(hardware, seed=1):
    """The block with healthy bits, in the clock after the judgement of a sample."""
    hardware.fresh()
    hardware.feed(fair(seed, START_UP_SAMPLES))
    hardware.block.tick()
    assert hardware.block.get("bits__healthy")
    return hardware.block


def feed_one(hardware, sample):
    """Samples are taken until one has been; the block is in the clock of its bit."""
    hardware.block.send("samples", [sample], 2 * DIVIDER)
    hardware.block.until("bits__stb", DIVIDER)


def test_a_sample_every_divider_and_its_bit_after_the_tests(hardware):
    hardware.fresh()
    block, takes, bits = hardware.block, [], []
    for clock in range(5 * DIVIDER):
        takes += [clock] * block.get("samples__ready")
        bits += [clock] * block.get("bits__stb")
        block.tick()
    assert takes == [DIVIDER * (count + 1) - 1 for count in range(5)]
    assert bits == [take + RINGS + EntropySource.LEAST_CLOCKS - 1 for take in takes[:4]]


def test_the_bit_is_the_exclusive_or_at_take(hardware):
    hardware.fresh()
    block = hardware.block
    for ring in range(RINGS):
        block.set("samples__payload", 0xFFFF_FFFF)  # rings go on between samples
        block.until("samples__ready", 2 * DIVIDER)
        block.set("samples__payload", 1 << ring)
        block.tick()
        block.set("samples__payload", 0xFFFF_FFFF)
        block.until("bits__stb", DIVIDER)
        assert block.get("bits__value") == 1, ring


def test_start_up_is_over_after_its_samples(hardware):
    hardware.fresh()
    verdicts = hardware.feed(fair(2, START_UP_SAMPLES + 3))
    assert [healthy for _, healthy, _ in verdicts] == [0] * START_UP_SAMPLES + [1] * 3
    assert not hardware.block.get("starting")


def test_healthy_is_low_in_the_clock_of_the_failing_bit(hardware):
    block = opened(hardware)
    hardware.load(REFUSED | {"repetition": 2})
    for count in range(40):
        feed_one(hardware, count % 2)
        assert block.get("bits__healthy") == (count == 0 or not block.get("failed")), count
        block.tick()
    hardware.load(REFUSED | {"repetition": 1})  # every bit is a repetition of itself
    block.tick(DIVIDER)
    feed_one(hardware, 1)
    assert block.get("failed")
    assert not block.get("bits__healthy")
    block.tick()
    assert not block.get("bits__healthy")
    assert block.get("starting")


REFUSED = {name: cutoffs[-1] for name, cutoffs in admissible_cutoffs(banks=8, lengths=4).items()}


@pytest.mark.parametrize("name", REFUSED)
def test_each_test_closes_the_source_and_names_itself(hardware, name):
    """With the least cut-off, which every source reaches, loaded while it runs."""
    opened(hardware)
    hardware.load(REFUSED | {name: 1})
    samples = fair(3, 600)
    if name == "silence":
        samples[100] = samples[99]
    if name == "lost":
        samples[:, 5] = 0
    failures = [failed for _, _, failed in hardware.feed(samples) if failed]
    assert failures
    assert set(failures) == {1 << list(Failures.as_shape().members).index(name)}


def test_restart_closes_at_once_and_opens_after_a_start_up(hardware):
    for delay in (0, 1, 20, DIVIDER - 2, DIVIDER - 1):
        block = opened(hardware)
        block.tick(delay)
        block.set("restart", 1)
        assert not block.get("bits__healthy"), delay
        block.tick()
        block.set("restart", 0)
        assert block.get("starting")
        block.recorded()
        verdicts = hardware.feed(fair(4, START_UP_SAMPLES + 4))
        opening = [healthy for _, healthy, _ in verdicts]
        # A sample that is under way is judged, but does not count.
        assert opening.index(1) in (START_UP_SAMPLES, START_UP_SAMPLES + 1), delay
        assert opening == sorted(opening), delay


def test_disabled_it_is_silent(hardware):
    block = opened(hardware)
    block.set("enable", 0)
    assert not block.get("bits__healthy")
    block.tick()
    block.set("enable", 1)
    assert not block.get("bits__healthy")
    block.set("enable", 0)
    block.tick(DIVIDER)  # a sample that was under way may still be judged
    block.recorded()
    block.tick(10 * DIVIDER)
    assert block.recorded() == []
    assert block.get("starting")
    block.set("enable", 1)
    block.tick(DIVIDER - block.cycles % DIVIDER)
    verdicts = hardware.feed(fair(5, START_UP_SAMPLES + 3))
    assert [healthy for _, healthy, _ in verdicts].index(1) == START_UP_SAMPLES


def test_cutoffs_fit_their_fields():
    layout = cutoff_layout(banks=8, lengths=4)
    loaded = layout.const(REFUSED)
    assert {name: loaded[name] for name in REFUSED} == REFUSED
    assert [name for name, _ in layout] == list(Failures.as_shape().members)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"banks": 8.0}, TypeError, "Number of banks must be an integer, not 8.0"),
        ({"divider": "64"}, TypeError, "Sampling divider must be an integer, not '64'"),
        ({"banks": 1}, ValueError, "must be 8 or more, not 4 \\(= 1 banks × 4\\)"),
        ({"divider": 34}, ValueError, "Sampling divider must be 35 or more for 32 rings, not 34"),
        ({"banks": 2, "divider": 18}, ValueError, "must be 19 or more for 8 rings, not 18"),
    ],
)
def test_wrong_parameters_are_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        EntropySource(**{"lengths": (3, 4, 5, 7), "banks": 8, "divider": 64} | parameters)
