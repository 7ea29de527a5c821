"""Every health test in hardware against the reference on arrays, to the sample, and at its border."""

import numpy as np
import pytest

from rtl.entropy.cutoffs import LAG_WINDOW, LAGS, PROPORTION_WINDOW, RING_WINDOW, START_UP_SAMPLES
from rtl.entropy.jitter import REFERENCE
from sim.health_rtl import HealthRtl
from sim.health_tests import HealthTests
from sim.ring_jitter import Conditions, RingJitter

RINGS = REFERENCE.rings
EVERY_CUTOFF = {"repetition": 401, "proportion": 1005, "lag": 510, "silence": 127, "lost": 16}  # the greatest


@pytest.fixture(scope="module")
def hardware():
    return HealthRtl()


def with_bits(samples, bits, start=0):
    """Samples whose raw bits are these, from ``start`` on: one ring gives way."""
    stretch = samples[start : start + len(bits)]
    stretch[:, 0] ^= np.bitwise_xor.reduce(stretch, axis=1) ^ bits
    return samples


def fair(seed, count, rings=RINGS):
    return np.random.default_rng(seed).integers(0, 2, (count, rings), np.uint8)


def both(hardware, samples, cutoffs, why):
    """The verdict of the hardware, which the reference shares."""
    verdict, expected = hardware.judge(samples, cutoffs), HealthTests(cutoffs=cutoffs).judge(samples)
    assert verdict.failures == expected.failures, why
    assert np.array_equal(verdict.healthy, expected.healthy), why
    return verdict


def run_of(length):
    """Bits that alternate in pairs, as no test of these cut-offs minds, with one run."""
    return np.concatenate(
        [np.resize([1, 1, 0, 0], 400), np.ones(length, np.uint8), np.resize([0, 1, 1], 300)]
    )


def proportion_of(ones):
    """A window with so many ones, well spread, and one like it of zeros behind."""
    place = np.arange(PROPORTION_WINDOW)
    bits = ((place + 1) * ones // PROPORTION_WINDOW - place * ones // PROPORTION_WINDOW).astype(np.uint8)
    return np.concatenate([bits, 1 - bits])


@pytest.mark.parametrize("cutoff", [2, 3, 21, 61, 401])
def test_repetition_at_the_border(hardware, cutoff):
    loose = EVERY_CUTOFF | {"repetition": cutoff, "lag": 511, "proportion": 1023}
    for length in (cutoff - 1, cutoff):
        bits = run_of(length) if cutoff > 2 else np.resize([0, 1], 600)
        if cutoff == 2 and length == 2:
            bits[300] = bits[299]
        verdict = both(hardware, with_bits(fair(cutoff, len(bits)), bits.astype(np.uint8)), loose, length)
        failing = [index for index, tests in verdict.failures if "repetition" in tests]
        expected = [300] if cutoff == 2 else [400 + cutoff - 1]
        assert failing == ([] if length < cutoff else expected), length


@pytest.mark.parametrize("cutoff", [589, 810, 824, 1005])
def test_proportion_at_the_border(hardware, cutoff):
    loose = EVERY_CUTOFF | {"proportion": cutoff, "lag": 511}
    for ones in (cutoff - 1, cutoff):
        bits = proportion_of(ones)
        verdict = both(hardware, with_bits(fair(cutoff, len(bits)), bits), loose, ones)
        names = {name for _, tests in verdict.failures for name in tests}
        assert names == (set() if ones < cutoff else {"proportion"}), ones


@pytest.mark.parametrize("lag", range(1, LAGS + 1))
@pytest.mark.parametrize("cutoff", [300, 422])
def test_each_lag_at_the_border(hardware, lag, cutoff):
    """Exactly so many bits of a window equal the one a lag before, and fewer any other."""
    draws = np.random.default_rng(100 * lag + cutoff)
    for equal in (cutoff - 1, cutoff):
        same = np.zeros(2 * LAG_WINDOW, np.uint8)
        same[LAG_WINDOW + draws.permutation(LAG_WINDOW)[:equal]] = 1
        same[:LAG_WINDOW] = draws.integers(0, 2, LAG_WINDOW)
        bits = np.zeros(LAGS + len(same), np.uint8)  # zeros before power-on
        for index, held in enumerate(same):
            bits[LAGS + index] = bits[LAGS + index - lag] ^ 1 ^ held
        cutoffs = EVERY_CUTOFF | {"lag": cutoff}
        verdict = both(hardware, with_bits(fair(lag, len(same)), bits[LAGS:]), cutoffs, equal)
        assert bool(verdict.failures) == (equal == cutoff), (lag, equal)


@pytest.mark.parametrize("cutoff", [1, 2, 3, 50, 127])
def test_silence_at_the_border(hardware, cutoff):
    cutoffs = EVERY_CUTOFF | {"silence": cutoff, "lag": 511, "proportion": 1023}
    for silent in (cutoff - 1, cutoff):
        samples = np.resize(np.array([[0], [1], [1], [0]], np.uint8), (700, RINGS)) ^ fair(1, 1)
        samples[:, 1] = np.arange(700) % 2  # some ring changes
        samples[300 : 300 + silent + 1] = samples[300]
        samples[300 + silent + 1, 1] = 1 - samples[300, 1]
        verdict = both(hardware, samples, cutoffs, silent)
        silences = [index for index, tests in verdict.failures if "silence" in tests]
        assert silences[:1] == ([] if silent < cutoff else [300 + cutoff]), silent


def counted(counts):
    """A window in which each ring, by bank and length, changes so many times."""
    places = np.arange(RING_WINDOW)
    changes = [
        (places + 1) * count // RING_WINDOW - places * count // RING_WINDOW for count in counts.ravel()
    ]
    return np.cumsum(np.stack(changes, axis=1), axis=0).astype(np.uint8) & 1


DISTINCT = 20 + 11 * np.arange(RINGS).reshape(8, 4)


@pytest.mark.parametrize(
    ("name", "lost", "change"),
    [
        ("all free", 0, {}),
        ("stopped in the first bank", 1, {(0, 0): 0}),
        ("changes at every sample", 1, {(3, 2): 512}),
        ("all but one", 0, {(3, 2): 511}),
        ("one change", 0, {(3, 2): 1}),
        ("as the one before", 1, {(4, 1): int(DISTINCT[3, 1])}),
        ("one less", 1, {(4, 1): int(DISTINCT[3, 1]) - 1}),
        ("one more", 1, {(4, 1): int(DISTINCT[3, 1]) + 1}),
        ("two more", 0, {(4, 1): int(DISTINCT[3, 1]) + 2}),
        ("as the one two before", 0, {(5, 1): int(DISTINCT[3, 1])}),
        ("across the end of the count", 1, {(2, 3): 511, (3, 3): 0}),
        ("near it", 1, {(0, 3): 1, (1, 3): 2}),
        ("the last bank and the next length's first", 0, {(7, 0): 300, (0, 1): 300}),
        ("three alike", 2, {(1, 0): 200, (2, 0): 200, (3, 0): 200}),
        ("a length", 7, {(bank, 2): 100 for bank in range(8)}),
        ("all stopped but one", 31, {(bank, n): 0 for bank in range(8) for n in range(4) if bank + n}),
    ],
)
def test_lost_rings_at_the_border(hardware, name, lost, change):
    counts = DISTINCT.copy()
    for ring, count in change.items():
        counts[ring] = count
    samples = counted(counts)
    assert HealthTests().lost_rings(np.diff(samples, axis=0, prepend=0) != 0).tolist() == [lost]
    for cutoff in {max(1, lost), min(lost + 1, RINGS - 1)}:
        cutoffs = EVERY_CUTOFF | {"lost": cutoff, "lag": 511, "proportion": 1023}
        verdict = both(hardware, samples, cutoffs, cutoff)
        fails = [index for index, tests in verdict.failures if "lost" in tests]
        assert fails == ([RING_WINDOW - 1] if lost >= cutoff else []), (name, cutoff)


def disturb(draws, samples, seed):
    """Something that befalls the rings at a random time, for a random time."""
    start, end = sorted(int(place) for place in draws.integers(0, len(samples), 2))
    stretch = samples[start:end]
    match seed % 6:
        case 1:
            with_bits(samples, (draws.random(end - start) < draws.uniform(0.5, 1)).astype(np.uint8), start)
        case 2:
            stretch[:] = (
                np.resize(stretch[: draws.integers(1, LAGS + 2)], stretch.shape) if end > start else 0
            )
        case 3:
            stretch[:] = stretch[:1]
        case 4:
            stretch[:, 1::4] = stretch[:, 1:2]
        case 5:
            conditions = Conditions(
                lock_hz=draws.uniform(50e6, 260e6), lock_strength=draws.uniform(0.01, 0.4)
            )
            model = RingJitter(REFERENCE, seed=seed)
            samples[:] = model.samples(len(samples), {start: conditions, end: Conditions()})
    return samples


@pytest.mark.parametrize("seed", range(24))
def test_random_streams(hardware, seed):
    """Healthy, biased, periodic, stuck, locked streams under random cut-offs."""
    draws = np.random.default_rng(seed)
    limits = {
        "repetition": (2, 30),
        "proportion": (513, 700),
        "lag": (257, 400),
        "silence": (1, 6),
        "lost": (1, 12),
    }
    cutoffs = {name: int(draws.integers(*limit)) for name, limit in limits.items() if draws.random() < 0.4}
    samples = disturb(draws, fair(seed, 3000), seed)
    both(hardware, samples, cutoffs, f"seed {seed}")


def test_a_healthy_source_passes(hardware):
    samples = RingJitter(REFERENCE, seed=11).samples(20_000)
    verdict = both(hardware, samples, {}, "seed 11")
    assert verdict.failures == ()
    assert np.flatnonzero(verdict.healthy)[0] == START_UP_SAMPLES
    assert verdict.healthy[START_UP_SAMPLES:].all()


def test_another_source():
    """Fewer rings than lags, and numbers that are no powers of two."""
    lengths, banks = (3, 5, 7), 3
    hardware = HealthRtl(lengths=lengths, banks=banks)
    for seed in range(4):
        draws = np.random.default_rng(seed)
        samples = fair(seed, 2500, banks * len(lengths))
        samples[700:1900, 1 :: len(lengths)] = samples[700:1900, 1:2]
        cutoffs = {"lost": int(draws.integers(1, banks + 1)), "repetition": int(draws.integers(8, 20))}
        reference = HealthTests(banks=banks, lengths=len(lengths), cutoffs=cutoffs)
        verdict, expected = hardware.judge(samples, cutoffs), reference.judge(samples)
        assert verdict.failures == expected.failures, seed
        assert np.array_equal(verdict.healthy, expected.healthy), seed
