"""Windows follow the mains, nothing between two of them is lost, and no value outgrows its cell."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from rtl.metering.model import MeteringModel
from rtl.metering.parameters import LONGEST_CYCLE
from rtl.metering.quantities import quantities
from soc.config import preset

SINGLE = preset("single").metering
POLYPHASE = preset("polyphase").metering
RATE = float(SINGLE.sample_rate_hz)
REGISTERS = {".".join(quantity.path): quantity.register for quantity in quantities(POLYPHASE)}


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


def settled(windows):
    """Windows from the first mains cycle that was found on."""
    return windows[[window["synchronised"] for window in windows].index(1) :]


def test_a_dead_line_is_timed_with_the_nominal_cycle(measure):
    windows = measure(SINGLE, words(np.zeros(1000), sine(0.5, 50, 1000)))
    for window in windows[1:]:
        assert (window["synchronised"], window["frequency"]) == (0, 0)
        assert value("length", window) == RATE / SINGLE.nominal_hz
        assert window["phase0.vrms"] == window["phase0.apparent"] == window["phase0.power_factor"] == 0
        assert value("phase0.irms", window) == pytest.approx(0.5 / 2**0.5, rel=1e-3)


def test_a_line_that_dies_is_timed_with_its_last_cycle_and_found_again(measure):
    alive = sine(0.5, 60.0, 1600)
    windows = settled(measure(SINGLE, words(np.concatenate([alive, np.zeros(2000), alive]))))
    flags = [window["synchronised"] for window in windows]
    first, last = flags.index(0), len(flags) - 1 - flags[::-1].index(0)
    assert first > 4
    assert last + 4 < len(flags)
    assert not any(flags[first : last + 1])
    timed = [value("length", window) for window in windows[first:last]]
    # Timed windows end with a sample set.
    assert timed.count(np.ceil(RATE / 60.0)) > 8
    for window in windows[:first] + windows[last + 1 :]:
        assert value("frequency", window) == pytest.approx(60.0, rel=1e-3)


@pytest.mark.parametrize("dc", [0.3, -0.3, 0.05, -0.05, 0.1, -0.1])
@pytest.mark.parametrize("dead", [0, 300])
def test_voltage_that_appears_on_dc_gives_no_false_frequency_for_long(dc, dead, measure):
    """None from power-on; on a dead line at most one, while the low pass before the crossings settles."""
    for frequency in (45.0, 50.0, 65.0):
        for angle in np.arange(0, 2 * np.pi, 0.21):
            wave = np.concatenate([np.zeros(dead), sine(0.3, frequency, 4000, lag=angle, dc=dc)])
            found = settled(measure(SINGLE, words(wave)))
            where = f"DC {dc} after {dead} sets, {frequency} Hz, {angle:.2f} rad"
            readings = [value("frequency", window) for window in found if window["synchronised"]]
            assert len(readings) > 10, where
            false = [reading for reading in readings if abs(reading - frequency) > 0.01 * frequency]
            assert len(false) <= (1 if dead else 0), where
            assert readings[-1] == pytest.approx(frequency, rel=2e-3), where


def test_a_step_of_frequency_shows_in_the_window_that_it_is_in(measure):
    angle = 2 * np.pi * np.cumsum(np.where(np.arange(4000) < 2000, 47.0, 53.0)) / RATE
    windows = measure(SINGLE, words(0.5 * np.sin(angle), 0.5 * np.sin(angle)))
    windows = settled(windows)
    readings = [value("frequency", window) for window in windows]
    between = [reading for reading in readings if 47.1 < reading < 52.9]
    assert all(window["synchronised"] for window in windows)
    assert len(between) <= 1
    assert readings[0] == pytest.approx(47.0, abs=1e-3)
    assert readings[-1] == pytest.approx(53.0, abs=5e-3)


@pytest.mark.parametrize(
    ("frequency", "found"), [(39.0, 0), (40.5, 1), (69.5, 1), (73.0, 0), (100.0, 0), (120.0, 0), (135.0, 0)]
)
def test_crossings_outside_the_range_give_timed_windows(frequency, found, measure):
    windows = measure(SINGLE, words(sine(0.5, frequency, 3000), sine(0.5, frequency, 3000)))[4:]
    share = sum(window["synchronised"] for window in windows) / len(windows)
    # Just outside, DC that is taken out of a timed window can move a crossing into the range.
    assert abs(share - found) < 0.1


def test_noise_about_zero_makes_no_crossing(measure):
    rng = np.random.default_rng(3)
    quiet = rng.normal(0, 1e-4, 4000)
    assert not any(window["synchronised"] for window in measure(SINGLE, words(quiet)))
    noisy = sine(0.5, 50.0, 4000) + rng.normal(0, 3e-3, 4000)
    windows = settled(measure(SINGLE, words(noisy)))
    assert len(windows) == pytest.approx(23, abs=1)
    for window in windows:
        assert value("frequency", window) == pytest.approx(50.0, rel=0.01), "repeat with seed 3"


# --- Signals that go to the limits, in units of full scale, for all lanes


def tone(frequency, phase, count, rate=RATE):
    return np.sin(2 * np.pi * frequency * np.arange(count) / rate + phase)


def steady(made_for, count=700):
    """Sines, squares and pulses of full scale at every frequency that decides something; DC."""
    rate = float(made_for.sample_rate_hz)
    lanes = np.arange(made_for.lanes)
    for frequency in (1, 10, 39.8, 40, 40.2, 50, 69.8, 70, 70.2, 100, 140, rate / 2):
        for angle in (0.0, np.pi / 2, np.pi, 2 * np.pi / 3):
            waves = np.stack([tone(frequency, 0.1 + angle * lane, count, rate) for lane in lanes], 1)
            name = f"{frequency} Hz, {angle:.1f} rad"
            yield f"sine {name}", waves
            yield f"clipped {name}", 1.5 * waves
            yield f"square {name}", np.sign(waves)
            yield f"positive {name}", np.where(waves > 0, 1.0, -0.002 + 0.5 * (lanes % 2))
    for signs in (0 * lanes + 1, 0 * lanes - 1, (-1) ** lanes):
        yield f"DC {signs}", np.tile(signs * 1.0, (1300, 1))


def course(made_for, seed):
    """Random segments: every kind of signal, its start and its end, amplitudes down to a unit."""
    rng = np.random.default_rng(seed)
    lanes, segments = made_for.lanes, []
    for _ in range(12):
        count = int(rng.integers(1, 420))
        amplitude = 10 ** rng.uniform(-8, 0, lanes)
        dc = rng.choice([0, 0, 1, -1, 0.5, -0.3, 1e-3, 1e-7], lanes)
        wave = np.stack([tone(rng.uniform(30, 90), rng.uniform(0, 6), count) for _ in range(lanes)], 1)
        segments.append(
            (
                wave * amplitude + dc,
                np.sign(wave) * amplitude + dc,
                rng.normal(0, 1, (count, lanes)) * amplitude + dc,
                np.tile(dc, (count, 1)),
                rng.choice([-1.0, 1.0], (count, lanes)),
                np.zeros((count, lanes)),
            )[rng.integers(6)]
        )
    return np.concatenate(segments)


def short_windows(made_for, seed):
    """A timed window and a crossing right after it, anywhere between two samples; also right at the start."""
    rng = np.random.default_rng(seed)
    unit = 2.0 ** (1 - made_for.word_bits)
    small = np.array([-1, 1, 0, 0.5, -0.5, -1 / 1024 - unit, -unit, unit, 2 * unit, 1e-5, -1e-5])
    runs = []
    for _ in range(6):
        start = rng.choice(small, (int(rng.integers(1, 5)), made_for.lanes))
        shape = int(rng.choice([56, 57, 150, 160, 201, 202])), made_for.lanes
        below = np.full(shape, rng.choice([-unit, -0.1]))
        below[:, made_for.phases :] = rng.choice([-1.0, 1.0])
        runs += [start, below, rng.choice(small, (int(rng.integers(1, 60)), made_for.lanes))]
    return np.concatenate(runs)


def codes(made_for, waves):
    """Input words of waves in units of full scale."""
    full = 2 ** (made_for.word_bits - 1)
    return np.clip(np.round(waves * full), -full, full - 1).astype(np.int64)


LONG = replace(SINGLE, sample_rate_hz=Fraction(LONGEST_CYCLE * SINGLE.lowest_hz))
MAKERS = [course, short_windows]


@pytest.mark.parametrize("made_for", [SINGLE, POLYPHASE, LONG], ids=["single", "polyphase", "longest cycle"])
def test_full_scale_signals_fit(made_for, compiled_model, sample_sets):
    """One after the other: so their steps, and what the filters keep, are in it too."""
    model = compiled_model(made_for)
    for name, waves in steady(made_for):
        model.run(sample_sets(made_for, codes(made_for, waves)))
        assert model.overflows == 0, f"{name}: {model.overflow}"


@pytest.mark.parametrize("made_for", [SINGLE, POLYPHASE], ids=["single", "polyphase"])
@pytest.mark.parametrize("make", MAKERS)
def test_random_signals_fit_and_no_power_factor_is_above_one(make, made_for, measure):
    for seed in range(20):
        windows = measure(made_for, codes(made_for, make(made_for, seed)))
        where = f"repeat with {make.__name__}, seed {seed}"
        assert len(windows) > 3, where
        one = 1 << REGISTERS["phase0.power_factor"].fraction_bits
        for phase in range(made_for.phases):
            assert max(abs(window[f"phase{phase}.power_factor"]) for window in windows) <= one, where


# --- Conservation: of the calibrated samples, which the windows are made of


def stepped(made_for, samples):
    """A model after each sample set: the model, its windows of that set, and phase 0's calibrated samples."""
    model = MeteringModel(made_for)
    machine = model.machine
    phase = machine.phases[0]
    for one in samples[:, None]:
        windows = model.run(one)
        # The first sample sets only fill the filters.
        yield model, windows, (phase.v.value, phase.i.value) if machine.now >= 0 else None


SUMS = {
    "sum_v": lambda v, i: v,
    "sum_i": lambda v, i: i,
    "sum_vv": lambda v, i: v * v,
    "sum_ii": lambda v, i: i * i,
    "sum_vi": lambda v, i: v * i,
}


@pytest.mark.parametrize("make", MAKERS)
def test_windows_and_the_running_rest_make_the_whole_to_the_last_bit(make):
    for seed in range(3):
        ended, whole = Counter(), Counter()
        for model, windows, taken in stepped(SINGLE, codes(SINGLE, make(SINGLE, seed))):
            phase = model.machine.phases[0]
            for name, integrand in SUMS.items():
                whole[name] += integrand(*taken) if taken else 0
                ended[name] += getattr(phase, name).ended if windows else 0
        for name in SUMS:
            total = getattr(phase, name)
            assert total.total == whole[name], f"repeat with {make.__name__}, seed {seed}: {name}"
            assert ended[name] == total.cut, f"repeat with {make.__name__}, seed {seed}: {name}"


def integral(values, end):
    """Integral of a straight line through ``values`` from half a sample before the first one to ``end``."""
    whole = int(end)
    rest = end - whole
    area = Fraction(sum(values[:whole])) + Fraction(values[whole], 2)
    if rest:
        area += rest * values[whole] + rest * rest * (values[whole + 1] - values[whole]) / 2
    return area


@pytest.mark.parametrize("make", MAKERS)
def test_sums_of_a_window_are_the_integrals_between_its_ends(make):
    """Against exact fractions, for every window; the ends' times count without a gap."""
    largest = {"sum_v": 28, "sum_i": 28, "sum_vv": 56, "sum_ii": 56, "sum_vi": 56}
    for seed in range(3):
        values_of, before, last = [], -(1 << 19), dict.fromkeys(SUMS, Fraction(0))
        for model, windows, taken in stepped(SINGLE, codes(SINGLE, make(SINGLE, seed))):
            values_of += [taken] if taken else []
            for window in windows:
                where = f"repeat with {make.__name__}, seed {seed}: window {window['sequence']}"
                assert window["time"] - before == window["length"], where
                before, end = window["time"], Fraction(window["time"], 1 << 20)
                for name, integrand in SUMS.items():
                    area = integral([integrand(*each) for each in values_of], end)
                    ended = getattr(model.machine.phases[0], name).ended
                    limit = 2 ** largest[name] * (Fraction(window["length"], 1 << 20) + 1) / 10**8
                    assert abs(ended - (area - last[name])) <= limit + 2, f"{where}: {name}"
                    last[name] = area
