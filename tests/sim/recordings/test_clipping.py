"""Flat tops of a clipped converter, told from rounded peaks and from currents that rest at zero."""

from pathlib import Path

import numpy as np
import pytest

from sim.recordings import Recording
from sim.recordings.clipping import clipped

TIMES = np.arange(4000) / 20_000
SINE = np.sin(2 * np.pi * 50.1 * TIMES)
CASES = [
    ("sine", SINE, False),
    ("coarse sine", np.round(SINE * 200) / 200, False),
    ("clipped sine", np.clip(SINE, -0.9, 0.9), True),
    ("clipped on one side", np.minimum(np.round(SINE * 2000), 1500), True),
    ("half wave", np.maximum(SINE, 0), False),
    ("phase-fired", np.where(SINE * np.gradient(SINE) < 0, SINE, 0), False),
    ("one flat top of three samples", np.where(np.arange(4000) // 3 == 33, 1.5, SINE), False),
    ("nothing", np.zeros(4000), False),
]


@pytest.mark.parametrize(("name", "current", "expected"), CASES, ids=[case[0] for case in CASES])
def test_clipped_channels_are_named(name, current, expected):
    recording = Recording(
        path=Path("some.csv"),
        voltage_v=SINE[None].copy(),
        current_a=current[None].astype(float),
        rate_hz=20_000.0,
        voltage_names=("u",),
        current_names=("i",),
    )
    found = clipped(recording)
    assert bool(found) is expected, found
    if expected:
        assert "samples of channel 'i' are in flat tops" in found[0]
