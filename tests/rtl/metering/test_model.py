"""The integer model: what its readings mean, and how windows follow the mains."""

from fractions import Fraction

import numpy as np
import pytest

from rtl.metering.model import MeteringModel
from rtl.metering.quantities import quantities
from soc.config import preset

SINGLE = preset("single").metering
POLYPHASE = preset("polyphase").metering
RATE = float(SINGLE.sample_rate_hz)
REGISTERS = {".".join(quantity.path): quantity.register for quantity in quantities(3)}


def value(path, window):
    """A quantity in units of full scale, samples and hertz."""
    return float(Fraction(window[path], 1 << REGISTERS[path].fraction_bits))


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
        expected = [".".join(quantity.path) for quantity in quantities(made_for.phases)]
        assert len(windows) == 3
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


@pytest.mark.parametrize("frequency", [45.0, 50.0, 61.3, 65.0])
@pytest.mark.parametrize("lag_deg", [0.0, 60.0, 90.0, -36.87, 150.0, 180.0, -120.0])
def test_readings_of_sines_and_their_signs(frequency, lag_deg):
    lag = np.radians(lag_deg)
    windows = run(words(sine(0.6, frequency, 2000), sine(0.4, frequency, 2000, lag=lag)))
    apparent = 0.6 * 0.4 / 2
    tolerance = 2e-4 * apparent
    for window in windows[1:]:
        assert window["synchronised"] == 1
        assert value("frequency", window) == pytest.approx(frequency, rel=1e-6)
        assert value("length", window) == pytest.approx(RATE / frequency, rel=1e-6)
        assert value("phase0.vrms", window) == pytest.approx(0.6 / 2**0.5, rel=1e-4)
        assert value("phase0.irms", window) == pytest.approx(0.4 / 2**0.5, rel=1e-4)
        assert value("phase0.apparent", window) == pytest.approx(apparent, rel=2e-4)
        assert value("phase0.active", window) == pytest.approx(apparent * np.cos(lag), abs=tolerance)
        assert value("phase0.reactive", window) == pytest.approx(apparent * np.sin(lag), abs=tolerance)
        assert value("phase0.power_factor", window) == pytest.approx(np.cos(lag), abs=2e-4)
        assert value("phase0.v_dc", window) == pytest.approx(0, abs=1e-5)
    if abs(np.cos(lag)) > 0.1:
        moved, still = ("import", "export") if np.cos(lag) > 0 else ("export", "import")
        energy = apparent * abs(np.cos(lag)) * value("time", windows[-1])
        # The first window, from the first sample set on, is not a whole cycle.
        assert value(f"phase0.energy_{moved}", windows[-1]) == pytest.approx(energy, rel=0.05)
        assert value(f"phase0.energy_{still}", windows[-1]) < 0.01 * energy


def test_integrals_are_the_sums_of_the_windows():
    windows = run(words(sine(0.6, 50.3, 4000, dc=0.01), sine(0.4, 50.3, 4000, lag=1.0, dc=-0.02)))
    pairs = [("v_dc_time", "v_dc", 1), ("i_dc_time", "i_dc", 1), ("reactive_time", "reactive", 1)]
    pairs += [("v_squared_time", "vrms", 2), ("i_squared_time", "irms", 2), ("energy_import", "active", 1)]
    for integral, mean, power in pairs:
        gained = value(f"phase0.{integral}", windows[-1]) - value(f"phase0.{integral}", windows[0])
        expected = sum(
            value(f"phase0.{mean}", window) ** power * value("length", window) for window in windows[1:]
        )
        assert gained == pytest.approx(expected, rel=1e-7), integral


@pytest.mark.parametrize("dc", [0.001, 0.1, -0.3])
def test_dc_on_both_lanes_changes_no_reading_but_its_own(dc):
    without = run(words(sine(0.5, 50.2, 4000), sine(0.4, 50.2, 4000, lag=1.0)))[-5:]
    shifted = run(words(sine(0.5, 50.2, 4000, dc=dc), sine(0.4, 50.2, 4000, lag=1.0, dc=-dc)))[-5:]
    for window, plain in zip(shifted, without, strict=True):
        assert value("phase0.v_dc", window) == pytest.approx(dc, abs=1e-4)
        assert value("phase0.i_dc", window) == pytest.approx(-dc, abs=1e-4)
        for name in ("frequency", "phase0.active", "phase0.reactive", "phase0.vrms", "phase0.irms"):
            assert value(name, window) == pytest.approx(value(name, plain), rel=3e-4), name


def test_a_constant_from_the_first_sample_set_on():
    windows = run(words(np.full(700, -0.3), np.full(700, 0.7)))
    for window in windows:
        assert value("phase0.v_dc", window) == pytest.approx(-0.3, abs=1e-7)
        assert value("phase0.i_dc", window) == pytest.approx(0.7, abs=1e-7)
        assert abs(value("phase0.active", window)) < 1e-8


# --- Windows


def test_a_dead_line_is_timed_with_the_nominal_cycle():
    windows = run(words(np.zeros(1000), sine(0.5, 50, 1000)))
    for window in windows[1:]:
        assert (window["synchronised"], window["frequency"]) == (0, 0)
        assert value("length", window) == RATE / SINGLE.nominal_hz
        assert window["phase0.vrms"] == window["phase0.apparent"] == window["phase0.power_factor"] == 0
        assert value("phase0.irms", window) == pytest.approx(0.5 / 2**0.5, rel=1e-3)


def test_a_line_that_dies_is_timed_with_its_last_cycle_and_found_again():
    alive = sine(0.5, 60.0, 800)
    windows = run(words(np.concatenate([alive, np.zeros(1000), alive])))
    flags = [window["synchronised"] for window in windows]
    first, last = flags.index(0, 1), len(flags) - 1 - flags[::-1].index(0)
    assert set(flags[1:first]) == set(flags[last + 1 :]) == {1}
    assert last + 1 < len(flags)
    for window in windows[first + 1 : last - 1]:
        # Timed windows end with a sample set.
        assert value("length", window) == np.ceil(RATE / 60.0)
    for window in windows[1:first] + windows[last + 1 :]:
        assert value("frequency", window) == pytest.approx(60.0, rel=1e-3)


@pytest.mark.parametrize("dc", [0.3, -0.3, 0.05, -0.05, 0.1, -0.1])
@pytest.mark.parametrize("dead", [0, 300])
def test_voltage_that_appears_on_dc_never_gives_a_false_frequency(dc, dead):
    for frequency in (45.0, 50.0, 65.0):
        for angle in np.arange(0, 2 * np.pi, 0.21):
            wave = np.concatenate([np.zeros(dead), sine(0.3, frequency, 2000, lag=angle, dc=dc)])
            found = [window for window in run(words(wave)) if window["synchronised"]]
            where = f"DC {dc} after {dead} sets, {frequency} Hz, {angle:.2f} rad"
            assert len(found) > 3, where
            for window in found:
                assert value("frequency", window) == pytest.approx(frequency, rel=0.01), where


def test_a_step_of_frequency_shows_in_the_window_that_it_is_in():
    angle = 2 * np.pi * np.cumsum(np.where(np.arange(4000) < 2000, 47.0, 53.0)) / RATE
    windows = run(words(0.5 * np.sin(angle), 0.5 * np.sin(angle)))[1:]
    readings = [value("frequency", window) for window in windows]
    between = [reading for reading in readings if 47.1 < reading < 52.9]
    assert all(window["synchronised"] for window in windows)
    assert len(between) <= 1
    assert readings[0] == pytest.approx(47.0, abs=1e-3)
    assert readings[-1] == pytest.approx(53.0, abs=1e-3)


@pytest.mark.parametrize(
    ("frequency", "found"), [(39.0, 0), (40.5, 1), (69.5, 1), (71.5, 0), (100.0, 0), (120.0, 0), (135.0, 0)]
)
def test_crossings_outside_the_range_give_timed_windows(frequency, found):
    windows = run(words(sine(0.5, frequency, 3000), sine(0.5, frequency, 3000)))[1:]
    assert {window["synchronised"] for window in windows} == {found}


def test_noise_about_zero_makes_no_crossing():
    rng = np.random.default_rng(3)
    quiet = rng.normal(0, 1e-4, 4000)
    assert not any(window["synchronised"] for window in run(words(quiet)))
    noisy = sine(0.5, 50.0, 4000) + rng.normal(0, 3e-3, 4000)
    windows = run(words(noisy))[1:]
    assert len(windows) == pytest.approx(24, abs=1)
    for window in windows:
        assert value("frequency", window) == pytest.approx(50.0, rel=0.01), "repeat with seed 3"


def test_phases_share_the_windows_of_the_first():
    made_for = POLYPHASE
    volts = [sine(0.5, 50.0, 2000, lag=2 * np.pi / 3 * phase) for phase in range(3)]
    amperes = [
        sine(0.1 * (phase + 1), 50.0, 2000, lag=2 * np.pi / 3 * phase + 0.5 * phase) for phase in range(3)
    ]
    for window in run(words(*volts, *amperes, made_for=made_for), made_for)[1:]:
        for phase in range(3):
            apparent = 0.05 * (phase + 1) / 2
            of_phase = f"phase{phase}"
            assert value(f"{of_phase}.active", window) == pytest.approx(
                apparent * np.cos(0.5 * phase), rel=3e-4
            )
            assert value(f"{of_phase}.reactive", window) == pytest.approx(
                apparent * np.sin(0.5 * phase), abs=3e-4 * apparent
            )
