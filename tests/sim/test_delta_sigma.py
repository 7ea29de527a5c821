"""The modulators: the recursion bit by bit, and the whole chain of filters behind them."""

from fractions import Fraction

import numpy as np
import pytest

from rtl.metering.filters import CIC_ORDER, decimation_taps
from sim import delta_sigma
from sim.delta_sigma import FLAT_TO, STABLE_TO, DeltaSigma, cic_values

MODULATOR_HZ, RATIO = 4_096_000, 64
SETTLED = 100
"""Samples after which the filters know of nothing from before the start."""


def recursion(values, limit=32.0):
    """Bits of one lane, one value a period, in Python."""
    first = second = 0.0
    bits = []
    for value in values:
        bit = second >= 0
        fed_back = 1.0 if bit else -1.0
        first = min(limit, max(-limit, first + (value - fed_back)))
        second = min(limit, max(-limit, second + (first - 1.5 * fed_back)))
        bits.append(int(bit))
    return bits


def lane_of(bits, lane):
    return (bits >> lane & 1).tolist()


def test_the_recursion_bit_by_bit():
    rng = np.random.default_rng(1)
    signal = np.stack(
        [
            0.9 * np.sin(np.arange(5000) / 300),
            rng.uniform(-1, 1, 5000),
            np.full(5000, 1.3),
            np.where(np.arange(5000) < 2500, -1.5, 0.2),
        ],
        axis=1,
    )
    bits = DeltaSigma(lanes=4, ratio=1).bits(signal)
    assert len(bits) == 5000 - 24
    for lane in range(4):
        assert lane_of(bits, lane) == recursion(signal[: len(bits), lane].tolist())


@pytest.mark.parametrize("ratio", [3, Fraction(125, 4), Fraction(512, 7)])
def test_pieces_of_a_signal_are_as_the_whole(ratio):
    signal = 0.5 * np.sin(np.arange(1000)[:, None] / [20, 31])
    whole = DeltaSigma(lanes=2, ratio=ratio).bits(signal)
    pieces = DeltaSigma(lanes=2, ratio=ratio)
    parts = [pieces.bits(part) for part in np.split(signal, [1, 2, 10, 500, 501, 900])]
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert len(whole) == int(np.ceil((len(signal) - 24) * ratio))


@pytest.mark.parametrize("level", [-STABLE_TO, -0.3, 0.0, 1e-4, 0.7, STABLE_TO])
def test_a_constant(level):
    bits = DeltaSigma(lanes=1, ratio=1).bits(np.full(200_000, level))
    assert 2 * np.mean(bits) - 1 == pytest.approx(level, abs=2e-4)


def test_overload_ends_by_itself():
    signal = np.concatenate([np.full(20_000, 2.0), np.full(50_000, 0.25)])
    bits = DeltaSigma(lanes=1, ratio=1).bits(signal)
    assert all(bits[100:20_000])
    assert 2 * np.mean(bits[20_200:]) - 1 == pytest.approx(0.25, abs=1e-3)


def test_cic_values_are_moving_sums():
    bits = np.random.default_rng(2).integers(0, 1 << 3, 2000).astype(np.uint8)
    response = np.ones(1, np.int64)
    for _ in range(CIC_ORDER):
        response = np.convolve(response, np.ones(20, np.int64))
    values = cic_values(bits, lanes=3, decimation=20)
    for lane in range(3):
        sums = np.convolve(2 * (bits >> lane & 1).astype(np.int64) - 1, response)
        assert values[:, lane].tolist() == sums[19 : len(bits) : 20].tolist()


def chain(signal, cic_decimation=256):
    """Samples of a signal, full scale 1, through modulators, CIC decimator and decimation filter."""
    lanes = signal.shape[1]
    values = cic_values(
        DeltaSigma(lanes=lanes, ratio=RATIO).bits(signal), lanes=lanes, decimation=cic_decimation
    )
    design = decimation_taps(cic_decimation)
    windows = np.lib.stride_tricks.sliding_window_view(values, len(design.taps), axis=0)[::2]
    return (windows @ np.array(design.taps) >> design.shift)[SETTLED:] / 2**27


def tones(amplitudes, hertz, seconds=1.05):
    times = np.arange(int(seconds * MODULATOR_HZ / RATIO))[:, None] * RATIO / MODULATOR_HZ
    return np.array(amplitudes) * np.sin(2 * np.pi * np.array(hertz) * times + 0.3)


def error_percent(samples, amplitude):
    """Of the RMS value over a second."""
    return 100 * (np.sqrt(2 * np.mean(samples[:8000] ** 2)) / amplitude - 1)


@pytest.mark.parametrize(
    ("hertz", "limit"), [(50, 0.000_3), (1250, 0.001_3), (2500, 0.001_3), (3300, 0.019), (3450, 0.019)]
)
def test_gain_of_the_whole_chain(hertz, limit):
    (samples,) = chain(tones([0.8], [hertz])).T
    assert abs(error_percent(samples, 0.8)) < limit


def test_rms_at_a_thousandth():
    """0.8 of full scale is the peak of 1.2 In; and a sine a thousand times smaller."""
    amplitudes = [0.8, 0.8e-3]
    samples = chain(tones(amplitudes, [50, 50])).T
    for lane, amplitude, limit in zip(samples, amplitudes, (0.000_3, 0.002), strict=True):
        assert abs(error_percent(lane, amplitude)) < limit


@pytest.mark.parametrize("hertz", [4550, 5500, 8000, 11_000])
def test_what_folds_back_is_90_db_down(hertz):
    (samples,) = chain(tones([0.8], [hertz])).T
    spectrum = np.abs(np.fft.rfft(samples[:8000] - np.mean(samples[:8000]))) / 4000
    assert max(spectrum[:3451]) < 0.8 * 10 ** (-90 / 20)


def test_the_interpolator_is_flat_to_its_limit():
    """Without the modulators: its table at every phase, and half-way between rows."""
    rows = delta_sigma._table()
    phases, taps = len(rows) - 1, rows.shape[1]
    angle = 2 * np.pi * np.linspace(0, FLAT_TO, 200)
    responses = rows @ np.exp(1j * np.outer(np.arange(taps) - (taps // 2 - 1), angle))
    for fraction in (0, 0.5):
        between = (1 - fraction) * responses[:-1] + fraction * responses[1:]
        delays = (np.arange(phases)[:, None] + fraction) / phases
        assert np.max(np.abs(between * np.exp(-1j * angle * delays) - 1)) < 5e-6


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lanes": 9}, "There must be 1 to 8 modulators, not 9"),
        ({"ratio": Fraction(1, 2)}, "The modulators must be at least as fast as their signal, not 1/2 times"),
    ],
)
def test_what_cannot_be(changes, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        DeltaSigma(**{"lanes": 1, "ratio": 64, **changes})
