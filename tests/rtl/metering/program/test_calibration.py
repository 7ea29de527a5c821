"""Calibration: every correction against float64, the CRC of the settings, and when what takes effect."""

from fractions import Fraction

import numpy as np
import pytest

from rtl.metering.compiler import compile_program
from rtl.metering.constants import Constants
from rtl.metering.microcode import Port
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import INPUTS, MeteringParameters
from rtl.metering.program.machine import Machine
from rtl.metering.program.settings import Settings
from rtl.metering.state import fields
from sim.compiled_model import values

RATE = 8000
FULL = 1 << 27
DELAY, GAIN, RMS = 1 << 27, 1 << 30, 1 << 33
SETTLED = 100
"""Sample sets from power-on after which nothing of it is in the filters."""
FINEST_DEG = 0.0006


def made_for(phases=1, lanes=3):
    return MeteringParameters(
        phases=phases,
        lanes=lanes,
        word_bits=24,
        sample_rate_hz=Fraction(RATE),
        nominal_hz=50,
        lowest_hz=40,
        highest_hz=70,
        crossing_threshold_log2=10,
    )


SINGLE = made_for()


def sealed(change, parameters=SINGLE):
    """Settings that ``change`` has changed, with their CRC."""
    settings = Settings(parameters)
    change(settings)
    settings.crc = settings.computed_crc
    return settings


def words(settings):
    return {path: field.value for path, field in fields(settings)}


def give(model, settings):
    for path, field in fields(model.machine.settings):
        field.value = words(settings)[path]


def codes(lanes):
    return np.clip(np.round(np.array(lanes) * (1 << 23)), -(1 << 23), (1 << 23) - 1).astype("i8").T


def samples(settings, lanes, temperature=0):
    """Calibrated samples of each lane, in parts of full scale, set by set."""
    model = MeteringModel(SINGLE)
    give(model, settings)
    inputs = np.zeros((1, len(INPUTS)), "i8")
    inputs[0, INPUTS.index("temperature")] = temperature
    taken = []
    for row in codes(lanes):
        model.sent(row[None], inputs)
        taken.append([channel.value / FULL for channel in model.machine.channels])
    return np.array(taken).T


def sine(amplitude, hz, count, late=0.0):
    return amplitude * np.sin(2 * np.pi * hz / RATE * (np.arange(count) - late))


def phasor(taken, hz):
    """Gain and delay in sample periods of a sine of amplitude 1/2 that was taken in."""
    turn = 2 * np.pi * hz / RATE * np.arange(len(taken))
    rows = np.stack([np.sin(turn), np.cos(turn), np.ones(len(taken))])[:, SETTLED:]
    factors = np.linalg.lstsq(rows.T, taken[SETTLED:], rcond=None)[0]
    late = -np.arctan2(factors[1], factors[0]) / (2 * np.pi * hz / RATE)
    return 2 * np.hypot(factors[0], factors[1]), late, factors[2]


# --- Settings and their CRC


@pytest.mark.parametrize(("phases", "lanes"), [(1, 2), (1, 3), (3, 7)])
def test_words_are_in_the_order_of_the_engines_cells(phases, lanes):
    parameters = made_for(phases, lanes)
    program = compile_program(parameters)
    settings = Machine(Constants(parameters), parameters).settings
    paths = [path for path in program.cells if path.startswith("settings.")]
    assert paths == [f"settings.{path}" for path, _ in fields(settings)]
    first = program.cells[paths[0]].address
    assert [program.cells[path].address for path in paths] == list(range(first, first + len(paths)))
    assert paths[0] == "settings.crc"


def test_every_word_is_covered():
    settings = Settings(SINGLE)
    seen = {settings.computed_crc}
    for number, field in enumerate(settings.covered):
        before, field.value = field.value, field.value ^ (1 << number % 35)
        seen.add(settings.computed_crc)
        field.value = before
    assert len(seen) == 1 + len(settings.covered)


def test_state_of_the_settings(meter):
    one = meter(1, 3)
    lanes = np.stack([sine(0.5, 50, 4000), sine(0.2, 50, 4000), sine(0.2, 50, 4000)])
    settings = sealed(
        lambda settings: setattr(settings.channels[1], "gain", round(1.1 * GAIN)), one.parameters
    )

    def last():
        window = one.windows(one.run(lanes))[-1]
        keys = ("calibration_state", "calibration_changes", "calibration_crc")
        return *(window[key] for key in keys), round(window["phase0.irms"] / RMS * 2**0.5, 4)

    untouched = Settings(one.parameters).computed_crc
    assert last() == (0, 0, untouched, 0.2)
    changes = list(words(settings).items())[::-1]
    assert changes[-1][0] == "crc"
    one.set(dict(changes[:-1]))
    assert last() == (0, 1, settings.crc, 0.2)
    one.set({"crc": settings.crc})
    assert last() == (1, 1, settings.crc, 0.22)
    one.set({"channels.1.gain": GAIN})
    assert last() == (2, 2, untouched, 0.22)
    assert one.model.get("calibration_broken") == 1
    one.set({"channels.1.gain": round(1.1 * GAIN)})
    assert last() == (1, 3, settings.crc, 0.22)
    assert one.model.get("calibration_broken") == 0
    one.set({"crc": settings.crc ^ 1})
    assert last() == (2, 3, settings.crc, 0.22)


# --- Corrections


@pytest.mark.parametrize("seed", range(3))
def test_gain_offset_and_temperature(seed):
    rng = np.random.default_rng(seed)
    given = {}

    def change(settings):
        settings.reference_temperature = round(rng.uniform(0, 50) * 256)
        for channel in settings.channels:
            channel.gain = round(rng.uniform(0.8, 1.25) * GAIN)
            channel.offset = round(rng.uniform(-1, 1) * FULL / 16)
            channel.linear = round(rng.uniform(-5e-4, 5e-4) * 2**32)
            channel.square = round(rng.uniform(-2e-6, 2e-6) * 2**40)

    settings = sealed(change)
    degrees = rng.uniform(-40, 85)
    given = samples(settings, [sine(0.5, 50, 500)] * 3, round(degrees * 256))
    warmer = round(degrees * 256) / 256 - settings.reference_temperature / 256
    for channel, taken in zip(settings.channels, given, strict=True):
        warm = 1 + channel.linear / 2**32 * warmer + channel.square / 2**40 * warmer**2
        gain, _, mean = phasor(taken, 50)
        expected = channel.gain / GAIN * warm
        assert gain == pytest.approx(expected, rel=1e-6), seed
        assert mean == pytest.approx(-channel.offset / FULL * expected, abs=1e-6), seed


@pytest.mark.parametrize("hz", [50, 850, 1700, 2500, 3450])
def test_delay_is_pure_and_flat(hz):
    delays = [-1.0, -0.37, 0.0, 0.004, 0.5, 0.996, 3.14159, 6.67, 7.0]
    latency = Constants(SINGLE).latency
    limit = 5e-5 if hz <= 2500 else 5e-4
    for three in zip(delays[::3], delays[1::3], delays[2::3], strict=True):

        def change(settings, three=three):
            for channel, delay in zip(settings.channels, three, strict=True):
                channel.delay = round(delay * DELAY)

        for delay, taken in zip(three, samples(sealed(change), [sine(0.5, hz, 340)] * 3), strict=True):
            gain, late, _ = phasor(taken, hz)
            period = RATE / hz
            off = (late - latency - delay + period / 2) % period - period / 2
            assert abs(gain - 1) < limit, (hz, delay)
            # 0.0006° at 50 Hz.
            assert abs(off) < FINEST_DEG / 360 * RATE / 50, (hz, delay)


def test_a_delay_has_steps_far_below_the_finest_needed():
    step = FINEST_DEG / 8 / 360 * RATE / 50

    def change(settings):
        for number, channel in enumerate(settings.channels):
            channel.delay = round((0.4 + number * step) * DELAY)

    late = [phasor(taken, 50)[1] for taken in samples(sealed(change), [sine(0.5, 50, 1000)] * 3)]
    assert np.diff(late) == pytest.approx(step, rel=0.01)


def test_settings_without_corrections_change_nothing(meter):
    rng = np.random.default_rng(5)
    lanes = np.clip(np.stack([sine(0.9, 50.3, 1500)] * 3) + rng.normal(0, 0.1, (3, 1500)), -1, 1)
    plain, one = meter(1, 3), meter(1, 3)
    one.set({"crc": Settings(one.parameters).computed_crc})
    windows, others = plain.windows(plain.run(lanes)), one.windows(one.run(lanes))
    for window, other in zip(windows, others, strict=True):
        assert {key for key in window if window[key] != other[key]} == {"calibration_state", "status"}


def test_the_first_measured_sample_is_corrected(meter):
    lanes = np.full((3, 600), 0.25)

    def change(settings):
        for channel in settings.channels:
            channel.gain, channel.offset = round(1.2 * GAIN), round(0.05 * FULL)

    one = meter(1, 3)
    one.set(words(sealed(change, one.parameters)))
    first = one.windows(one.run(lanes))[0]
    settled = one.windows(one.run(lanes))[0]
    # The filters start from an empty ring, with which only half a filter of samples can be wrong.
    for name in ("v_dc", "i_dc"):
        assert settled[f"phase0.{name}"] / RMS == pytest.approx(1.2 * 0.2, rel=1e-6)
        assert first[f"phase0.{name}"] / RMS == pytest.approx(1.2 * 0.2, rel=2e-2)


# --- Regions


def regions(settings):
    starts = (0, 0.01, 0.03, 0.1, 0.3)
    for channel in settings.channels[1:]:
        for region, start in zip(channel.regions, starts, strict=True):
            region.start = round(start * RMS)
            region.gain = round((1 + 0.01 * region.number) * GAIN)
            region.delay = round(0.05 * region.number * DELAY)


def test_regions_follow_the_current_with_hysteresis(meter):
    one = meter(1, 3)
    one.set(words(sealed(regions, one.parameters)))

    def region(rms):
        lanes = np.stack([sine(0.5, 50, 1600)] + [sine(rms * 2**0.5, 50, 1600)] * 2)
        window = one.windows(one.run(lanes))[-1]
        found = window["phase0.i_region"]
        assert window["neutral.region"] == found
        assert window["phase0.irms"] / RMS == pytest.approx(rms * (1 + 0.01 * found), rel=1e-4)
        return found

    steps = [(0.005, 0), (0.0096, 0), (0.0101, 1), (0.0096, 1), (0.0093, 0), (0.35, 4), (0.28, 4)]
    steps += [(0.272, 3), (0.285, 3), (0.31, 4), (0.05, 2), (0.029, 2), (0.0275, 1), (0.0, 0)]
    for rms, expected in steps:
        assert region(rms) == expected, rms


def test_a_regions_delay_comes_beside_the_channels():
    def change(settings):
        regions(settings)
        settings.channels[1].delay = round(0.3 * DELAY)

    taken = samples(sealed(change), [sine(0.5, 50, 1300)] * 3)
    own, other = (phasor(lane[900:], 50) for lane in taken[1:])
    assert own[0] == pytest.approx(1.04, rel=1e-5)
    assert own[1] - other[1] == pytest.approx(0.3, abs=1e-4)


# --- Bits


def extreme(rng, settings):
    """Settings at the ends of their ranges."""

    def pick(*ends):
        return ends[rng.integers(len(ends))]

    settings.reference_temperature = pick(0, 50 << 8)
    settings.region_hysteresis = pick(0, GAIN // 2)
    for channel in settings.channels:
        channel.offset = pick(-FULL // 16, FULL // 16)
        channel.gain = pick(round(0.8 * GAIN), round(1.25 * GAIN))
        channel.delay = pick(-DELAY, 0, 7 * DELAY)
        channel.linear = pick(-round(5e-4 * 2**32), round(5e-4 * 2**32))
        channel.square = pick(-round(2e-6 * 2**40), round(2e-6 * 2**40))
        for region in channel.regions:
            region.start = pick(0, round(0.5 * RMS)) if region.number else 0
            region.gain = pick(round(0.95 * GAIN), round(1.05 * GAIN))
            if -DELAY < channel.delay < 7 * DELAY:
                region.delay = pick(-DELAY // 4, DELAY // 4)


@pytest.mark.parametrize("seed", range(4))
def test_compiled_program_gives_the_models_bits_without_overflow(meter, seed):
    rng = np.random.default_rng(seed)
    one = meter(1, 3, most=[0, 4000][seed % 2], seed=seed)
    settings = sealed(lambda settings: extreme(rng, settings), one.parameters)
    one.set(words(settings))
    count = 1200
    square = np.where(sine(1, 50, count) >= 0, 1, -1)
    lanes = [square, square * rng.choice([-1, 1]), rng.choice([-1, 1], count)]
    temperature = int(rng.integers(-1 << 15, 1 << 15))
    sent = one.run(lanes, temperature=temperature)
    model = MeteringModel(one.parameters)
    give(model, settings)
    inputs = np.zeros((count, len(INPUTS)), "i8")
    inputs[:, INPUTS.index("temperature")] = temperature
    expected = [(port.value, address, value) for port, address, value in model.sent(codes(lanes), inputs)]
    got = list(zip(sent["port"].tolist(), sent["address"].tolist(), values(sent), strict=True))
    assert one.model.overflows == 0, (seed, one.model.overflow)
    assert one.model.get("calibration.state") == 1
    # Pulses come from the foreground: where they lie between what the background sends is a matter of time.
    for pulses in (False, True):
        ours, theirs = (
            [each for each in sent if (each[0] == Port.PULSE.value) is pulses] for sent in (got, expected)
        )
        assert ours == theirs[: len(ours)], seed
    assert len(got) > 0.9 * len(expected)
