from pathlib import Path

import numpy as np
import pytest

from sim.recordings.timebase import fit_rate
from soc.errors import InputError


def _fit(times: np.ndarray, resolution: float) -> float:
    return fit_rate(Path("f"), times, resolution, lambda index: f"row {index}")


@pytest.mark.parametrize("resolution", [0.0, 1e-9, 1e-5, 1e-4, 1e-3])
def test_rounded_times(resolution):
    times = 0.123 + np.arange(8000) * 32.503e-6
    if resolution:
        times = np.rint(times / resolution) * resolution
    assert _fit(times, resolution) * 32.503e-6 == pytest.approx(1, abs=max(1e-9, 0.5 * resolution))


def test_a_missing_sample_among_rounded_times():
    times = np.rint(np.delete(np.arange(4000), 2500) * 3.2503) * 1e-5
    with pytest.raises(InputError, match=r"^f: row 2500 is \d+ µs after the sample before it"):
        _fit(times, 1e-5)


def test_jitter_is_refused_and_small_jitter_is_not():
    random = np.random.default_rng(7)
    times = np.arange(2000) * 1e-4
    assert _fit(times + random.uniform(-4e-6, 4e-6, 2000), 0.0) == pytest.approx(1e4, rel=1e-4)
    with pytest.raises(InputError, match="samples must be evenly spaced"):
        _fit(times + random.uniform(-4e-5, 4e-5, 2000), 0.0)


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        (
            [0.0, 1.0, np.nan],
            "f: the time at row 2 is nan s; it must be a number, at most 1e+12 s",
        ),
        ([0.0, np.inf], "f: the time at row 1 is inf s; it must be a number, at most 1e+12 s"),
        ([-1e308, 1e308], "f: the time at row 0 is -1e+308 s; it must be a number, at most 1e+12 s"),
        (
            [0.0, 5e-324, 1e-323],
            "f: the times from row 0 on rise by 4.94066e-324 s a sample; at least 1e-12 s are needed",
        ),
    ],
)
def test_times_that_are_none(times, sentence):
    with pytest.raises(InputError) as caught:
        _fit(np.array(times), 0.0)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("times", [np.zeros(100), -np.arange(100.0)])
def test_times_must_rise(times):
    with pytest.raises(
        InputError, match=r"^f: the times do not rise from row 0 on; each sample needs a later"
    ):
        _fit(times, 0.0)
