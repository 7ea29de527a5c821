"""Deriving a calibration: sensors' errors are found, and a calibrated meter is as one with ideal sensors."""

import math
from itertools import pairwise

import numpy as np
import pytest

from sim.backends import backend
from sim.calibration import Pair, Reference, Run, Sensor, derive, simulated
from sim.meter import ModelEngine
from soc.config import preset
from soc.errors import InputError

SINGLE, POLYPHASE = preset("single"), preset("polyphase")
V_MAX, I_MAX = 500.0, 100.0
DEGREES = 2.25
"""A sample period at 50 Hz."""


def run(sensors, amperes, lag_deg=60.0, *, config=SINGLE, temperature_c=23.0, seconds=0.4, volts=230.0):
    """A run of sines; a current for each phase."""
    references = {
        (f"voltage{phase}", f"current{phase}"): Reference(
            volts=volts, amperes=amperes, lag_deg=lag_deg, lead_deg=-120.0 * (phase - 1)
        )
        for phase in range(1, 1 + config.phases)
    }
    return simulated(
        config,
        sensors,
        references,
        v_max=V_MAX,
        i_max=I_MAX,
        frequency_hz=50.0,
        seconds=seconds,
        temperature_c=temperature_c,
        source=f"{amperes} A",
    )


def derived(runs, config=SINGLE):
    return derive(runs, config, v_max=V_MAX, i_max=I_MAX)


def channel(found, name):
    return next(each for each in found.calibration.settings.channels if each.name == name)


@pytest.mark.parametrize("seed", range(4))
def test_errors_of_sensors_are_found(seed):
    rng = np.random.default_rng(seed)
    names = [f"{kind}{phase}" for kind in ("voltage", "current") for phase in (1, 2, 3)]
    sensors = {
        name: Sensor(
            gain=rng.uniform(0.9, 1.1), offset=rng.uniform(-2, 2), phase_deg=rng.uniform(-3, 3), noise_lsb=0.5
        )
        for name in names
    }
    found = derived([run(sensors, 20.0, rng.uniform(-90, 90), config=POLYPHASE)], POLYPHASE)
    for name, sensor in sensors.items():
        words = channel(found, name)
        scale = V_MAX if name.startswith("v") else I_MAX
        assert words.gain / 2**30 == pytest.approx(1 / sensor.gain, rel=1e-6), (seed, name)
        assert words.offset / 2**27 * scale == pytest.approx(sensor.offset, abs=1e-3), (seed, name)
    delays = [channel(found, name).delay / 2**27 + sensors[name].phase_deg / DEGREES for name in names]
    assert np.ptp(delays) < 0.0001 / DEGREES, seed
    assert min(channel(found, name).delay for name in names) >= -(1 << 27)
    assert max(found.phase_deg.values()) == 0


def test_temperatures_give_coefficients():
    sensors = {"current1": Sensor(gain=1.02, linear=2e-4, square=-1e-6)}
    runs = [run(sensors, 20.0, temperature_c=celsius) for celsius in (-20.0, 23.0, 60.0)]
    words = channel(derived(runs), "current1")
    for warmer in (-43.0, 0.0, 37.0):
        true = 1 / (1.02 * (1 + 2e-4 * warmer - 1e-6 * warmer**2))
        own = words.gain / 2**30 * (1 + words.linear / 2**32 * warmer + words.square / 2**40 * warmer**2)
        assert own == pytest.approx(true, rel=2e-6)
    assert channel(derived(runs[1:]), "current1").square == 0
    assert channel(derived(runs[1:2]), "current1").linear == 0


def test_currents_give_regions():
    levels = ((0.05, 1.02, 0.3), (0.5, 1.01, 0.2), (5.0, 1.0, 0.1), (20.0, 0.99, 0.0), (50.0, 0.98, 0.0))
    runs = [run({"current1": Sensor(gain=gain, phase_deg=late)}, amperes) for amperes, gain, late in levels]
    words = channel(derived(runs[::-1]), "current1")
    for (amperes, gain, late), region in zip(levels, words.regions, strict=True):
        assert words.gain / 2**30 * region.gain / 2**30 == pytest.approx(1 / gain, rel=1e-5)
        assert (words.delay + region.delay) / 2**27 == pytest.approx(-late / DEGREES, abs=1e-3)
        assert region.start / 2**33 * I_MAX < amperes
    starts = [region.start / 2**33 * I_MAX for region in words.regions[1:]]
    assert starts == pytest.approx([math.sqrt(a[0] * b[0]) for a, b in pairwise(levels)])
    more = [*runs, run({}, 0.4), run({}, 0.2)]
    assert len({region.start for region in channel(derived(more), "current1").regions}) == 5


def test_what_is_never_shown_stays_uncorrected():
    words = channel(derived([run({"current1": Sensor(phase_deg=4.5)}, 20.0)]), "neutral")
    assert (words.gain, words.offset) == (1 << 30, 0)
    # Every channel is made later so that the late one has not to be earlier than it can.
    assert words.delay == pytest.approx(1 << 27, rel=1e-5)


@pytest.mark.parametrize(
    ("sensors", "sentence"),
    [
        ({"voltage1": Sensor(gain=1.3)}, "voltage1.gain must be from 0.8 to 1.25, not 0.769"),
        ({"current1": Sensor(phase_deg=-16.0)}, "current1.delay_samples must be from -1 to 7, not 7.11"),
        ({"current1": Sensor(offset=10.0)}, "current1.offset_of_full_scale must be from -0.0625 to 0.0625"),
        ({"current1": Sensor(offset=80.0)}, "current1 is clipped at full scale"),
        ({"voltage1": Sensor(gain=0.0)}, "voltage1 has no mains frequency"),
        ({"current1": Sensor(gain=0.0)}, "current1 is zero"),
    ],
)
def test_refused(sensors, sentence):
    with pytest.raises(InputError) as refused:
        derived([run(sensors, 20.0)])
    assert sentence in str(refused.value)


def test_runs_must_be_of_the_chips_channels():
    with pytest.raises(InputError, match="at least one run"):
        derived([])
    pair = run({}, 20.0).pairs[0]
    other = Pair(
        voltage="voltage1",
        current="current2",
        voltage_v=pair.voltage_v,
        current_a=pair.current_a,
        reference=pair.reference,
    )
    with pytest.raises(InputError, match=r"'single' has no channel 'current2'; it has voltage1, current1"):
        derived([Run(source="x", rate_hz=8000.0, pairs=[other])])


# --- The whole way: sensors with errors, calibrated, through the chip


def measured(sensors, amperes, lag_deg, *, settings=()):
    """Vrms, Irms, power and reactive power that the chip shows of sines, in parts of what is true."""
    seen = run(sensors, amperes, lag_deg, seconds=1.2).pairs[0]
    full = 2 ** (SINGLE.word_bits - 1)
    lanes = [seen.voltage_v / V_MAX, seen.current_a / I_MAX, np.zeros(seen.voltage_v.size)]
    codes = np.rint(np.stack(lanes, 1) * full).astype(np.int64)
    engine = ModelEngine(backend("pysim"))
    engine.settings = settings
    records, _ = engine.run(SINGLE, codes, lambda step, fraction: None)
    last = records.windows[-20:]
    mean = {
        path: np.mean([window[f"phase0.{path}"] for window in last])
        for path in ("vrms", "irms", "active", "reactive")
    }
    vrms, irms = mean["vrms"] / 2**33 * V_MAX, mean["irms"] / 2**33 * I_MAX
    watts = mean["active"] / 2**66 * V_MAX * I_MAX
    vars_ = mean["reactive"] / 2**63 * V_MAX * I_MAX
    return np.array([vrms / 230, irms / amperes, watts / 230 / amperes, vars_ / 230 / amperes])


@pytest.mark.parametrize("lag_deg", [0.0, 60.0, -36.87, 75.5])
def test_a_calibrated_meter_is_as_one_with_ideal_sensors(lag_deg):
    sensors = {
        "voltage1": Sensor(gain=0.99, offset=2.0, phase_deg=-0.2),
        "current1": Sensor(gain=1.01, offset=-0.3, phase_deg=0.5),
    }
    calibration = derived([run(sensors, 20.0)]).calibration
    ideal = measured({}, 10.0, lag_deg)
    own = measured(sensors, 10.0, lag_deg, settings=calibration.words)
    raw = measured(sensors, 10.0, lag_deg)
    assert np.abs(own - ideal).max() < 2e-6
    # Of the power itself, at a power factor of 0.25 too.
    assert abs(own[2] / ideal[2] - 1) < 5e-5
    assert np.abs(raw - ideal).max() > 5e-3


def test_a_calibrated_meter_over_current():
    def sensors(amperes):
        late, gain = (0.4, 1.015) if amperes < 2 else (0.1, 0.995)
        return {"current1": Sensor(gain=gain, phase_deg=late)}

    calibration = derived([run(sensors(amperes), amperes) for amperes in (0.5, 20.0)]).calibration
    for amperes in (0.6, 15.0):
        own = measured(sensors(amperes), amperes, 60.0, settings=calibration.words)
        assert np.abs(own - measured({}, amperes, 60.0)).max() < 5e-5
