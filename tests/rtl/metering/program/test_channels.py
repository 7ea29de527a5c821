"""Channels: what the filter in front of the sums does to a lane, as it is after power-on."""

import numpy as np
import pytest

from rtl.metering.model import MeteringModel
from soc.config import preset

MADE_FOR = preset("single").metering
ALIGN = MADE_FOR.alignment


def calibrated(codes):
    """Calibrated samples of the first channel, from the first that is measured on."""
    model = MeteringModel(MADE_FOR)
    machine, found = model.machine, []
    for code in codes.tolist():
        model.run(np.array([[code] + [0] * (MADE_FOR.lanes - 1)]))
        if machine.now >= 0:
            found.append(machine.channels[0].value)
    return np.array(found)


def test_without_correction_a_sample_passes_as_it_is_and_late_by_the_filters():
    rng = np.random.default_rng(1)
    codes = rng.integers(-(2**23), 2**23, 300)
    found = calibrated(codes)
    latency = MeteringModel(MADE_FOR).constants.latency
    assert len(found) == len(codes) - latency
    # A row's coefficients are rounded, and so is what the row without a delay makes of other samples.
    assert np.abs(found - (codes[: len(found)] << ALIGN)).max() <= 2**27 / 10**4


@pytest.mark.parametrize("frequency", [10.0, 50.0, 400.0, 2000.0, 2500.0])
def test_the_band_of_the_harmonics_passes_flat(frequency):
    angle = 2 * np.pi * frequency * np.arange(600) / 8000
    codes = np.round(0.9 * 2**23 * np.sin(angle)).astype(np.int64)
    found = calibrated(codes)[50:]
    reference = (codes << ALIGN)[50 : 50 + len(found)]
    assert np.dot(found, reference) / np.dot(reference, reference) == pytest.approx(1, rel=2e-5)


def test_full_scale_stays_below_twice_full_scale():
    rng = np.random.default_rng(2)
    codes = rng.choice([-(2**23), 2**23 - 1], 1500)
    assert np.abs(calibrated(codes)).max() < 2**29
