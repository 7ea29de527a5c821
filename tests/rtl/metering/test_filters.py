"""The metrology program's filters: what they do to every frequency, and that they are always the same."""

import hashlib

import numpy as np
import pytest

from rtl.metering.filters import (
    CIC_ORDER,
    DECIMATION_TAPS,
    INTERPOLATION_PHASES,
    decimation_taps,
    interpolation_table,
)

FLAT, LAST, RATE = 2500, 3450, 8000


def decimation_gain(hertz, cic_decimation):
    """Gain of CIC decimator and filter together, 1 for a modulator at full scale that becomes 2 ** 27."""
    design = decimation_taps(cic_decimation)
    angle = 2 * np.pi * np.asarray(hertz, float) / (2 * RATE)
    places = np.arange(DECIMATION_TAPS) - (DECIMATION_TAPS - 1) / 2
    fir = np.cos(np.outer(angle, places)) @ np.array(design.taps, float)
    cic = np.sinc(angle / 2 / np.pi) / np.sinc(angle / 2 / np.pi / cic_decimation)
    return fir * cic**CIC_ORDER * cic_decimation**CIC_ORDER / 2 ** (design.shift + 27)


@pytest.mark.parametrize("cic_decimation", [64, 200, 256, 300])
def test_decimation_is_flat_and_lets_nothing_fold_back(cic_decimation):
    gain = np.abs(decimation_gain(np.arange(0, LAST + 1, 5), cic_decimation) - 1)
    assert max(gain[: FLAT // 5 + 1]) < 0.000_012
    assert max(gain) < 0.000_19
    assert max(np.abs(decimation_gain(np.arange(4550, 11_001, 5), cic_decimation))) < 10 ** (-93.5 / 20)


@pytest.mark.parametrize(("cic_decimation", "shift"), [(200, 28), (256, 29)])
def test_decimation_fits_in_words_and_has_the_right_gain(cic_decimation, shift):
    design = decimation_taps(cic_decimation)
    assert design.shift == shift
    assert design.taps == design.taps[::-1]
    assert all(abs(tap) < 1 << 25 for tap in design.taps)
    assert sum(design.taps) * cic_decimation**CIC_ORDER / 2**shift == pytest.approx(2**27, rel=2e-8)


def test_interpolation_is_a_pure_delay():
    """Amplitude and phase at every fraction, linear interpolation between the rows included."""
    table, phases = interpolation_table(), INTERPOLATION_PHASES
    rows = np.array([table.row(phase) for phase in range(phases + 1)]) / 2**table.coefficient_bits
    hertz = np.arange(0, LAST + 1, 25)
    angle = 2 * np.pi * hertz / RATE
    after_centre = np.arange(rows.shape[1]) - (rows.shape[1] // 2 - 1)
    responses = rows @ np.exp(1j * np.outer(after_centre, angle))
    for phase in range(phases):
        for fraction in (0, 0.25, 0.5, 0.75, 1):
            gain = (1 - fraction) * responses[phase] + fraction * responses[phase + 1]
            gain = gain * np.exp(-1j * angle * (phase + fraction) / phases)
            error = np.abs(np.abs(gain) - 1)
            assert max(error[hertz <= FLAT]) < 0.000_031, (phase, fraction)
            assert max(error) < 0.000_19, (phase, fraction)
            assert max(np.abs(np.angle(gain, deg=True))[hertz <= 60]) < 0.000_02, (phase, fraction)
            assert max(np.abs(np.angle(gain, deg=True))[hertz <= FLAT]) < 0.000_25, (phase, fraction)
            assert max(np.abs(np.angle(gain, deg=True))) < 0.0043, (phase, fraction)


def test_interpolation_above_the_band_never_amplifies():
    table = interpolation_table()
    angle = np.pi * np.arange(3450, 4001, 10) / (RATE / 2)
    for phase in range(INTERPOLATION_PHASES + 1):
        gain = np.exp(1j * np.outer(angle, np.arange(len(table.row(0))))) @ np.array(table.row(phase), float)
        assert max(abs(gain)) < 1.001 * 2**table.coefficient_bits


@pytest.mark.parametrize("coefficient_bits", [24, 26, 30])
def test_rows_of_the_interpolation(coefficient_bits):
    table = interpolation_table(coefficient_bits=coefficient_bits)
    for phase in range(INTERPOLATION_PHASES + 1):
        row = table.row(phase)
        assert sum(row) == 1 << coefficient_bits
        if phase != INTERPOLATION_PHASES // 2:  # there the sum's rest is on one side
            assert row == table.row(INTERPOLATION_PHASES - phase)[::-1]
        assert max(map(abs, row)) < 1.0001 * (1 << coefficient_bits)
        assert sum(map(abs, row)) < 2.51 * (1 << coefficient_bits)


def test_the_coefficients_are_the_same_everywhere():
    """Their digest: it changes with the design alone, never with the machine."""
    numbers = (decimation_taps(256), decimation_taps(200), interpolation_table())
    assert hashlib.sha256(repr(numbers).encode()).hexdigest()[:16] == "9b8b9b595c9532f4"


@pytest.mark.parametrize("cic_decimation", [1, 431])
def test_a_cic_decimator_that_does_not_fit(cic_decimation):
    sentence = (
        rf"^The CIC decimation must be at least 2, and to the power of 4 less than 2 \*\* 35, "
        rf"not {cic_decimation}$"
    )
    with pytest.raises(ValueError, match=sentence):
        decimation_taps(cic_decimation)
