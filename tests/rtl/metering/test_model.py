"""The integer model: what it takes, and what it gives."""

import numpy as np
import pytest

from rtl.metering.model import MeteringModel
from rtl.metering.parameters import INPUTS
from rtl.metering.quantities import paths
from soc.config import preset

SINGLE = preset("single").metering
RATE = float(SINGLE.sample_rate_hz)


def sine(amplitude, frequency, count, *, lag=0.0, dc=0.0):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(count) / RATE - lag) + dc


def words(*lanes, made_for=SINGLE):
    """Sample sets of the lanes, which are in units of full scale; absent lanes are zero."""
    samples = np.zeros((len(lanes[0]), made_for.lanes))
    samples[:, : len(lanes)] = np.stack(lanes, 1)
    full = 2 ** (made_for.word_bits - 1)
    return np.clip(np.round(samples * full), -full, full - 1).astype(np.int64)


def run(samples, made_for=SINGLE):
    return MeteringModel(made_for).run(samples)


def test_each_window_has_every_quantity_and_no_other():
    for name in ("tiny", "single", "polyphase"):
        made_for = preset(name).metering
        windows = run(words(sine(0.5, 50, 600), made_for=made_for), made_for)
        expected = paths(made_for)
        assert len(windows) >= 3
        for window in windows:
            assert sorted(window) == sorted(expected)


def test_the_parts_in_which_samples_come_make_no_difference():
    rng = np.random.default_rng(7)
    samples = words(sine(0.7, 49, 1500), rng.uniform(-1, 1, 1500))
    whole = run(samples)
    model, parts = MeteringModel(SINGLE), []
    for part in np.split(samples, np.sort(rng.integers(0, 1500, 40))):
        parts += model.run(part)
    assert parts == whole


def test_words_of_fewer_bits_lie_at_the_top_of_a_lane():
    short = preset("single").with_changes(word_bits=16).metering
    samples = words(sine(0.6, 51, 900), sine(0.3, 51, 900, lag=1.0), made_for=short)
    assert run(samples, short) == run(samples << 8, SINGLE)


@pytest.mark.parametrize("name", ["single", "polyphase"])
def test_results_do_not_depend_on_when_the_background_runs(name):
    made_for = preset(name).metering
    rng = np.random.default_rng(8)
    wave = sine(0.7, 62.0, 900) + rng.normal(0, 1e-3, 900)
    samples = words(
        *[wave * (lane + 1) / made_for.lanes for lane in range(made_for.lanes)], made_for=made_for
    )
    beside = rng.integers(0, 2, (900, len(INPUTS)))
    at_once = MeteringModel(made_for).run(samples, beside)
    for lag in (1, 13, 30):
        late = MeteringModel(made_for, lag).run(samples, beside)
        assert len(late) >= len(at_once) - 1 > 2
        assert late == at_once[: len(late)], f"lag of {lag} sample sets"


def test_a_background_that_is_too_late_is_found():
    with pytest.raises(AssertionError, match="the background was to start before it had ended"):
        MeteringModel(SINGLE, lag=300).run(words(sine(0.7, 62.0, 900)))
