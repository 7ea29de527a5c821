"""Cut-offs and probabilities against the standard's table and against counting everything there is."""

import itertools
import math
import random
from fractions import Fraction

import pytest

from rtl.entropy.cutoffs import (
    DEFAULT_ALPHA,
    LAG_WINDOW,
    LAGS,
    LOST_ALPHA,
    NEAR,
    PROPORTION_WINDOW,
    RING_WINDOW,
    START_UP_SAMPLES,
    admissible_cutoffs,
    binomial_tail,
    default_cutoffs,
    lag_cutoff,
    lost_rings_cutoff,
    lost_rings_false_alarm,
    proportion_cutoff,
    proportion_false_alarm,
    repetition_cutoff,
    repetition_false_alarm,
    silence_cutoff,
    silence_false_alarm,
)
from rtl.entropy.jitter import ASSUMED_ENTROPY, REFERENCE

CHIP = {"banks": REFERENCE.banks, "lengths": len(REFERENCE.lengths)}


@pytest.mark.parametrize(
    ("h", "exponent", "repetition", "proportion"),
    [(0.5, 30, 61, 810), (0.5, 40, 81, 824), (1, 20, 21, 589)],
)
def test_the_table_of_the_standard(h, exponent, repetition, proportion):
    assert repetition_cutoff(h, 2.0**-exponent) == repetition
    assert proportion_cutoff(h, 2.0**-exponent) == proportion


@pytest.mark.parametrize("h", [0.1, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("exponent", [1, 20, 21, 30, 127])
def test_repetition_is_the_first_count_that_is_rare(h, exponent):
    # By whole numbers: 0.1 is a tenth, and 2^-30 to the tenth is no rounding matter.
    tenths = round(10 * h)
    run = next(count for count in itertools.count(1) if tenths * count >= 10 * exponent)
    assert repetition_cutoff(h, 2.0**-exponent) == 1 + run


def test_repetition_of_an_alpha_that_is_no_power_of_two():
    for h, alpha in [(0.5, 1e-9), (0.9, 3e-7), (0.25, 0.3)]:
        cutoff = repetition_cutoff(h, alpha)
        assert 2 ** (-h * (cutoff - 1)) <= alpha < 2 ** (-h * (cutoff - 2))


@pytest.mark.parametrize("cutoff", [2, 3, 5, 8, 11])
@pytest.mark.parametrize("h", [0.3, 1.0])
def test_repetition_false_alarms_by_counting_strings(cutoff, h):
    same, samples = 2.0**-h, 10
    alarm = 0.0
    for repeats in itertools.product((True, False), repeat=samples - 1):
        longest = max(len(list(group)) + 1 if held else 1 for held, group in itertools.groupby(repeats))
        if longest >= cutoff:
            alarm += math.prod(same if held else 1 - same for held in repeats)
    assert repetition_false_alarm(cutoff, h, samples) == pytest.approx(alarm, rel=1e-12)


@pytest.mark.parametrize("window", [8, 11])
@pytest.mark.parametrize("h", [0.2, 0.5, 1])
def test_proportion_by_counting_strings(window, h):
    likely = 2.0**-h
    weights = [0.0] * (window + 1)
    for bits in itertools.product((0, 1), repeat=window):
        weights[sum(bits)] += likely ** sum(bits) * (1 - likely) ** (window - sum(bits))
    for cutoff in range(window // 2 + 1, window + 1):
        both = sum(weight for ones, weight in enumerate(weights) if max(ones, window - ones) >= cutoff)
        assert proportion_false_alarm(cutoff, h, window) == pytest.approx(both, rel=1e-12)
    for alpha in (0.3, 0.05, 0.01):
        tail = [sum(weights[count:]) for count in range(window + 2)]
        expected = next(count for count in range(window + 2) if tail[count] <= alpha)
        if expected <= window:
            assert proportion_cutoff(h, alpha, window) == expected == lag_cutoff(h, alpha, window)
        else:
            with pytest.raises(ValueError, match="too short"):
                proportion_cutoff(h, alpha, window)


@pytest.mark.parametrize(("banks", "lengths"), [(1, 3), (3, 1), (2, 2), (3, 2)])
def test_lost_rings_by_counting_windows(banks, lengths):
    window = 11
    counts = range(window)
    chosen = itertools.product(counts, repeat=banks)
    tally = [0] * (banks + 1)
    for chain in chosen:
        lost = [chain[0] == 0] + [
            later == 0 or min((later - one) % window, (one - later) % window) <= NEAR
            for one, later in itertools.pairwise(chain)
        ]
        tally[sum(lost)] += 1
    exact = [Fraction(0)] * (banks * lengths + 1)
    for losses in itertools.product(range(banks + 1), repeat=lengths):
        exact[sum(losses)] += Fraction(math.prod(tally[lost] for lost in losses), window ** (banks * lengths))
    for cutoff in range(1, banks * lengths + 1):
        assert lost_rings_false_alarm(cutoff, banks, lengths, window) == float(sum(exact[cutoff:]))


def test_silence():
    assert silence_false_alarm(1, 1) == 0.5
    assert silence_false_alarm(3, 4) == pytest.approx(6**-4)
    assert silence_cutoff(2.0**-30, 32) == 2
    for rings in (4, 8):
        cutoff = silence_cutoff(2.0**-20, rings)
        assert silence_false_alarm(cutoff, rings) <= 2.0**-20 < silence_false_alarm(cutoff - 1, rings)


def test_silence_is_as_likely_as_rings_make_it():
    """Rings that advance by any fraction of a period, over many of them."""
    draws, quiet, rings, samples = random.Random(3), 0, 2, 3
    for _ in range(20_000):
        still = True
        for _ in range(rings):
            phase, step = draws.random(), draws.uniform(-0.5, 0.5)
            levels = {(phase + step * sample) % 1 < 0.5 for sample in range(samples + 1)}
            still &= len(levels) == 1
        quiet += still
    expected = 20_000 * silence_false_alarm(samples, rings)
    assert abs(quiet - expected) < 5 * math.sqrt(expected), (quiet, expected)


def test_false_alarms_of_all_tests_together():
    """At most one in a million windows of a start-up's length, of the worst source there may be."""
    cutoffs = default_cutoffs(**CHIP)
    h = ASSUMED_ENTROPY
    per_window = (
        repetition_false_alarm(cutoffs["repetition"], h, START_UP_SAMPLES)
        + proportion_false_alarm(cutoffs["proportion"], h) * START_UP_SAMPLES / PROPORTION_WINDOW
        + LAGS * START_UP_SAMPLES / LAG_WINDOW * binomial_tail(cutoffs["lag"], LAG_WINDOW, 2**-h)
        + START_UP_SAMPLES * silence_false_alarm(cutoffs["silence"], REFERENCE.rings)
        + START_UP_SAMPLES / RING_WINDOW * lost_rings_false_alarm(cutoffs["lost"], **CHIP)
    )
    assert per_window <= 1e-6


def test_defaults_are_what_they_are_computed_from():
    assert default_cutoffs(**CHIP) == {
        "repetition": 61,
        "proportion": 810,
        "lag": lag_cutoff(ASSUMED_ENTROPY, DEFAULT_ALPHA),
        "silence": silence_cutoff(DEFAULT_ALPHA, REFERENCE.rings),
        "lost": lost_rings_cutoff(LOST_ALPHA, **CHIP),
    }
    assert lost_rings_false_alarm(6, **CHIP) <= LOST_ALPHA < lost_rings_false_alarm(5, **CHIP)


@pytest.mark.parametrize(("banks", "lengths"), [(8, 4), (2, 4), (4, 2), (16, 4)])
def test_defaults_are_admissible(banks, lengths):
    ranges = admissible_cutoffs(banks=banks, lengths=lengths)
    cutoffs = default_cutoffs(banks=banks, lengths=lengths)
    assert list(ranges) == list(cutoffs)
    for name, cutoff in cutoffs.items():
        assert cutoff in ranges[name], name


def test_no_admissible_cutoff_lets_a_stuck_source_pass_a_start_up():
    ranges = admissible_cutoffs(**CHIP)
    assert ranges["repetition"][-1] <= START_UP_SAMPLES
    assert ranges["proportion"][-1] < PROPORTION_WINDOW
    assert ranges["lag"][-1] < LAG_WINDOW
    assert ranges["silence"][-1] < START_UP_SAMPLES
    assert ranges["lost"][-1] <= REFERENCE.rings // 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: repetition_cutoff(0, 0.1), "Min-entropy of a bit is from 0.01 to 1, not 0"),
        (lambda: repetition_cutoff(1e-300, 0.1), "from 0.01 to 1, not 1e-300"),
        (lambda: repetition_cutoff(1.01, 0.1), "from 0.01 to 1, not 1.01"),
        (lambda: repetition_cutoff(math.nan, 0.1), "not nan"),
        (lambda: proportion_cutoff(0.5, 0), "false alarm is from 2\\^-128 to 0.5, not 0"),
        (lambda: proportion_cutoff(0.5, 0.6), "not 0.6"),
        (lambda: proportion_cutoff(0.5, 0.1, 1), "Window must be from 2 to 65536, not 1"),
        (lambda: proportion_cutoff(0.01, 2.0**-30, 64), "A window of 64 bits is too short"),
        (lambda: proportion_false_alarm(512, 0.5), "Cut-off must be from 513 to 1024, not 512"),
        (lambda: repetition_false_alarm(1, 0.5, 10), "Cut-off must be from 2"),
        (lambda: binomial_tail(3, 2, 0.5), "Cut-off must be from 0 to 2, not 3"),
        (lambda: binomial_tail(1, 2, 1.5), "A probability is from 0 to 1, not 1.5"),
        (lambda: silence_cutoff(0.1, 3), "Number of rings must be from 4 to 1024, not 3"),
        (lambda: lost_rings_cutoff(0.1, 0, 4), "Number of banks must be from 1 to 64, not 0"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("window", [10.0, "1024"])
def test_a_window_that_is_no_number_is_refused(window):
    with pytest.raises(TypeError, match="Window must be an integer"):
        proportion_cutoff(0.5, 0.1, window)
