"""Points: a cycle resampled to 128, against the signal that was sampled, and its phasors."""

import numpy as np
import pytest

from rtl.metering.microcode import Port
from rtl.metering.parameters import POINTS
from rtl.metering.point_quantities import FIRST_POINT
from sim.compiled_model import values
from soc.config import preset

MADE_FOR = preset("polyphase").metering
RATE = float(MADE_FOR.sample_rate_hz)


def cycles(model, sets):
    """Points of every cycle: an array of lanes and points each, in units of full scale."""
    records = model.run(sets)
    found, points = [], np.zeros(MADE_FOR.lanes * POINTS)
    ports = records["port"].tolist(), records["address"].tolist(), values(records)
    for port, address, value in zip(*ports, strict=True):
        if port == Port.POINT.value and address >= FIRST_POINT:
            points[address - FIRST_POINT] = value / 2**27
        if port == Port.POINT_COMMIT.value:
            found.append(points.reshape(MADE_FOR.lanes, POINTS).copy())
    return found


def signals(frequency, seed, count=2500):
    """Harmonics up to the 50th on all lanes: the samples, and a function that gives one cycle's points."""
    rng = np.random.default_rng(seed)
    orders = np.arange(1, 51)
    amplitude = rng.uniform(0, 0.01, (MADE_FOR.lanes, 50))
    amplitude[:, 0] = rng.uniform(0.3, 0.6, MADE_FOR.lanes)
    angle = rng.uniform(0, 2 * np.pi, (MADE_FOR.lanes, 50))

    def at(turns):
        waves = [
            (amplitude[lane] * np.sin(2 * np.pi * np.outer(turns, orders) + angle[lane])).sum(1)
            for lane in range(MADE_FOR.lanes)
        ]
        return np.stack(waves)

    codes = np.round(at(frequency / RATE * np.arange(count)).T * 2**23).astype(np.int64)
    return codes, at


@pytest.mark.parametrize("frequency", [45.0, 50.0, 52.7, 65.0])
def test_points_are_the_signal_between_the_samples(frequency, compiled_model, sample_sets):
    codes, at = signals(frequency, seed=int(frequency))
    found = cycles(compiled_model(MADE_FOR), sample_sets(MADE_FOR, codes))
    assert len(found) > 5
    for points in found[-3:]:
        # Where the cycle begins is the crossing's: found by the phase of the first lane's fundamental.
        expected = at(np.arange(POINTS) / POINTS)
        turn = np.angle(np.fft.rfft(points[0])[1] / np.fft.rfft(expected[0])[1]) / (2 * np.pi)
        expected = at(turn + np.arange(POINTS) / POINTS)
        assert np.abs(points - expected).max() < 2e-4, f"repeat with seed {int(frequency)}"


def test_a_window_that_is_no_cycle_has_no_points(compiled_model, sample_sets):
    codes = np.zeros((1500, MADE_FOR.lanes), np.int64)
    assert cycles(compiled_model(MADE_FOR), sample_sets(MADE_FOR, codes)) == []
