"""The campaign of the health tests, with fewer trials, and that it notices what it is for."""

import numpy as np
import pytest

from bench import entropy_detection, entropy_faults
from bench.entropy_detection import CASES, LIMIT, healthy, judge, missed_bias
from bench.entropy_faults import biased, free_lock, harmonic_lock, periodic, some_rings_stop
from rtl.entropy.cutoffs import LAG_WINDOW, LAGS, START_UP_SAMPLES, default_cutoffs
from rtl.entropy.jitter import REFERENCE
from sim.health_rtl import HealthRtl
from sim.health_tests import HealthTests

CUTOFFS = default_cutoffs(banks=REFERENCE.banks, lengths=len(REFERENCE.lengths))

# Shares of the sampled trials that are found in time, least and most, of faults that need not be.
FOUND = {
    "period 16, 6 % errors": (1, 1),
    "period 16, 9 % errors": (0.8, 1),
    "2 rings stop": (0, 0),
    "4 rings stop": (0, 0),
    "5 rings stop": (0, 0.5),
}


@pytest.fixture(scope="module")
def hardware():
    return HealthRtl()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case(case, hardware):
    outcome = judge(case.trials(True), hardware, every=20)
    assert outcome.trials >= 8
    assert outcome.in_hardware
    least, most = (1, 1) if case.mark else FOUND[case.name]
    found = outcome.trials - len(outcome.late)
    assert least * outcome.trials <= found <= most * outcome.trials, outcome.late
    assert bool(outcome.by) == bool(found)


def test_faults_that_need_not_be_found_are_those_without_a_mark():
    assert set(FOUND) == {case.name for case in CASES if not case.mark}


def test_healthy_rings_pass(hardware):
    assert healthy(40_000, hardware) == (0, 40_000)


def test_bias_is_missed_once_in_a_million_windows_at_most():
    assert missed_bias() <= 1e-6


def test_any_pattern_is_found_in_time_by_counting():
    """Whatever the pattern and wherever it begins: bits after its first period match, others may not."""
    for period in range(2, LAGS + 1):
        for place in range(LAG_WINDOW):
            matches = [after >= period for after in range(LIMIT)]
            first = sum(matches[: LAG_WINDOW - place])
            start = 0 if first >= CUTOFFS["lag"] else LAG_WINDOW - place
            found = np.cumsum(matches[start : start + LAG_WINDOW])
            assert found[-1] >= CUTOFFS["lag"], (period, place)
            assert start + np.searchsorted(found, CUTOFFS["lag"]) + 1 <= LIMIT, (period, place)


def test_a_source_that_hears_nothing_is_noticed(monkeypatch):
    deaf = dict.fromkeys(CUTOFFS, 1 << 20)
    monkeypatch.setattr(entropy_detection, "HealthTests", lambda: HealthTests(cutoffs=deaf))
    for case in CASES[:4]:
        outcome = judge(case.trials(True))
        assert len(outcome.late) == outcome.trials, case.name


def test_hardware_that_differs_is_noticed(hardware, monkeypatch):
    deaf = HealthTests(cutoffs={"lag": LAG_WINDOW})
    monkeypatch.setattr(hardware, "judge", deaf.judge)
    with pytest.raises(AssertionError, match="differ on pattern"):
        judge([periodic(5, 4, seed=1, errors=0.0, limit=LIMIT)], hardware)


def test_faults_are_what_they_say():
    trial = periodic(100, 5, seed=2, errors=0.0, limit=LIMIT)
    bits = np.bitwise_xor.reduce(trial.samples, axis=1)[trial.onset :]
    assert np.array_equal(bits[5:], bits[:-5])
    assert 0 < bits[:5].sum() < 5

    trial = biased(3, h=0.1)
    ones = np.bitwise_xor.reduce(trial.samples, axis=1)[trial.onset :].mean()
    assert max(ones, 1 - ones) == pytest.approx(2**-0.1, abs=0.03)

    trial = some_rings_stop(4, 6, limit=LIMIT)
    behind = trial.samples[trial.onset :]
    assert (behind == behind[0]).all(axis=0).sum() == 6


def test_a_lock_of_all_rings_leaves_no_frequency_of_their_own():
    for seed in range(8):
        trial = harmonic_lock(seed, 100, limit=LIMIT)
        window = trial.samples[trial.onset + 8 :][: LAG_WINDOW + 1]
        counts = (window[1:] != window[:-1]).sum(axis=0).reshape(REFERENCE.banks, -1)
        near = np.abs((np.diff(counts, axis=0) + 256) % 512 - 256) <= 1
        # A ring that is locked to the chip's clock may be sampled at an edge, and changes by noise then.
        assert near.sum() >= near.size - 4 * (seed % 2), trial.name


def test_a_weak_lock_leaves_entropy():
    entropies = [free_lock(seed, near=True, limit=LIMIT)[1] for seed in range(16)]
    assert max(entropies) == pytest.approx(REFERENCE.min_entropy())
    assert min(entropies) < 0.1


def test_onsets_cover_every_alignment():
    assert entropy_faults.ALIGNMENTS == START_UP_SAMPLES
    case = next(case for case in CASES if case.name == "period 7")
    assert {trial.onset for trial in case.trials(False)} == set(range(entropy_faults.ALIGNMENTS))


def test_a_mark_that_is_missed_ends_with_an_error(monkeypatch, capsys):
    rings = next(case for case in CASES if case.name == "2 rings stop")
    missed = entropy_detection.Case(name=rings.name, trials=rings.trials)
    monkeypatch.setattr(entropy_detection, "CASES", (missed,))
    monkeypatch.setattr(entropy_detection, "healthy", lambda count, hardware: (0, count))
    monkeypatch.setattr(entropy_detection, "_locks", lambda count, near: [])
    assert entropy_detection.main(["--quick"]) == 1
    assert "NOT" in capsys.readouterr().out
