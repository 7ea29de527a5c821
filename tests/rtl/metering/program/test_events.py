"""Events and status: found when they happen, never otherwise, and what the windows follow meanwhile."""

import numpy as np
import pytest

from rtl.metering.microcode import Port
from rtl.metering.program.settings import Settings
from rtl.metering.quantities import addresses
from rtl.metering.status import EVENTS, NUMBERS, STATUS
from sim.compiled_model import values

RATE = 8000.0
RMS_UNIT = 2.0**-33
RMS = 0.46
AMPLITUDE = RMS * np.sqrt(2)
BITS = {name: 1 << number for number, (name, _) in enumerate(STATUS)}


class Log:
    """What a meter told while it took in signals: windows, alerts, and the last state of each event."""

    def __init__(self, made, sent):
        self.windows = made.windows(sent)
        alerts = sent[sent["port"] == Port.ALERT.value]
        pairs = zip(alerts["address"].tolist(), values(alerts), strict=True)
        self.alerts = [(EVENTS[number][0], value) for number, value in pairs]
        self._rows = {name: addresses(made.parameters)["events", name] for name in _ROWS}
        shown = sent[sent["port"] == Port.QUANTITY.value]
        self._shown = dict(zip(shown["address"].tolist(), values(shown), strict=True))

    def event(self, name, phase=0):
        """Count, start, duration and extreme of an event."""
        number = NUMBERS[name] + phase
        return tuple(self._shown[address + number] for address in self._rows.values())

    def named(self, name):
        return [value for alert, value in self.alerts if alert == name]

    def flagged(self, name):
        """Numbers of the windows whose status has the flag."""
        return [at for at, window in enumerate(self.windows) if window["status"] & BITS[name]]


_ROWS = ("count", "start", "duration", "extreme")


def log(made, lanes, **inputs):
    return Log(made, made.run(lanes, **inputs))


def times(seconds):
    return np.arange(int(seconds * RATE)) / RATE


def mains(t, hz=50.0, start=0.0, phase=0):
    return AMPLITUDE * np.sin(2 * np.pi * (hz * t - phase / 3) + start)


def three(t, hz=50.0, current=0.1, lag=0.3, order=(0, 1, 2), neutral=True):
    """Three voltages, three currents that are not balanced, and their sum."""
    volts = [mains(t, hz, phase=phase) for phase in order]
    amperes = [
        current * (1 + 0.2 * n) * mains(t, hz, phase=phase, start=-lag) for n, phase in enumerate(order)
    ]
    return [*volts, *amperes, neutral * sum(amperes)]


def set_windows_to_be_sure(made, windows=3):
    made.set({"persistence": windows})
    return made


# --- Dips, swells, interruptions, over-current


@pytest.mark.parametrize("seconds", [0.01, 0.02, 0.045, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("rest", [0.0, 0.4, 0.75])
def test_dips_and_interruptions(meter, seconds, rest):
    rng = np.random.default_rng(int(1000 * seconds + 10 * rest))
    for turn in range(4):
        hz = rng.uniform(48, 52)
        start = 0.4 + rng.uniform(0, 0.02)
        t = times(start + seconds + 0.35)
        v = mains(t, hz, rng.uniform(0, 6)) * np.where((t >= start) & (t < start + seconds), rest, 1.0)
        found = log(meter(1), [v, 0.1 * v])
        where = f"repeat with turn {turn}, {hz} Hz from {start} s on"
        assert found.named("dip_phase0") == [1, 0], where
        assert found.named("swell_phase0") == [], where
        count, began, lasted, extreme = found.event("dip")
        assert count == 1, where
        cycle = 1 / hz
        assert abs(began / RATE - start) <= cycle / 2 + 1 / RATE, where
        assert abs(lasted / RATE - seconds) <= cycle, where
        if seconds > 2 * cycle:
            assert extreme * RMS_UNIT / RMS == pytest.approx(rest, abs=0.02), where
            assert found.named("interruption_phase0") == ([1, 0] if rest == 0 else []), where


@pytest.mark.parametrize("ratio", [0.93, 1.0, 1.07])
def test_voltage_within_its_limits_is_no_event(meter, ratio):
    t = times(1.5)
    v = mains(t, 50.2, 1.0) * np.where(t > 0.6, ratio, 1.0)
    found = log(meter(1), [v, 0.1 * v])
    assert found.alerts == []
    assert found.flagged("no_voltage") == []


def test_swell_and_over_current(meter):
    t = times(1.5)
    v = mains(t) * np.where((t > 0.5) & (t < 0.7), 1.2, 1.0)
    i = mains(t, start=-1.0) * np.where((t > 0.8) & (t < 0.95), 1.5, 0.5)
    found = log(meter(1), [v, i])
    assert found.alerts == [
        ("swell_phase0", 1),
        ("swell_phase0", 0),
        ("over_current_phase0", 1),
        ("over_current_phase0", 0),
    ]
    count, began, lasted, extreme = found.event("swell")
    assert (count, began / RATE, lasted / RATE) == (
        1,
        pytest.approx(0.5, abs=0.01),
        pytest.approx(0.2, abs=0.02),
    )
    assert extreme * RMS_UNIT == pytest.approx(1.2 * RMS, rel=1e-3)
    count, began, lasted, extreme = found.event("over_current")
    assert (count, began / RATE, lasted / RATE) == (
        1,
        pytest.approx(0.8, abs=0.02),
        pytest.approx(0.15, abs=0.02),
    )
    assert extreme * RMS_UNIT == pytest.approx(1.5 * RMS, rel=1e-3)
    assert len(found.flagged("swell")) == pytest.approx(10, abs=2)


def test_each_phase_has_its_own_dip(meter):
    t = times(1.2)
    lanes = three(t)
    lanes[1] = lanes[1] * np.where((t > 0.5) & (t < 0.7), 0.6, 1.0)
    found = log(meter(3, 7), lanes)
    assert found.alerts == [("dip_phase1", 1), ("dip_phase1", 0)]
    assert found.event("dip", 1)[3] * RMS_UNIT == pytest.approx(0.6 * RMS, rel=1e-3)
    assert found.event("dip", 0)[0] == 0


# --- What a window shows


def test_no_events_on_good_mains(meter):
    found = log(meter(3, 7), three(times(1.5), 50.3))
    assert found.alerts == []
    plain = BITS["uncalibrated"]
    assert all(window["status"] in (plain, plain | BITS["timed"]) for window in found.windows)
    assert found.windows[-1]["status"] == plain


def test_reversed_order(meter):
    found = log(meter(3, 7), three(times(1.0), order=(0, 2, 1)))
    assert found.alerts == [("phase_sequence", 1)]
    assert found.flagged("phase_sequence")[-1] == len(found.windows) - 1


@pytest.mark.parametrize("phase", range(3))
def test_a_missing_phase(meter, phase):
    t = times(1.6)
    lanes = three(t)
    lanes[phase] = lanes[phase] * ((t < 0.5) | (t > 1.0))
    found = log(meter(3, 7), lanes)
    assert found.named(f"missing_phase_phase{phase}") == [1, 0]
    assert found.named("phase_sequence") == []
    assert found.named("no_voltage") == []
    count, began, lasted, _ = found.event("missing_phase", phase)
    assert (count, began / RATE, lasted / RATE) == (
        1,
        pytest.approx(0.7, abs=0.05),
        pytest.approx(0.5, abs=0.06),
    )
    sources = {window["status"] // BITS["source_low"] & 3 for window in found.windows}
    assert sources == ({0, 1} if phase == 0 else {0})
    assert not found.windows[-1]["status"] & BITS["timed"]


@pytest.mark.parametrize("seed", range(6))
def test_no_change_of_the_source_makes_a_wrong_cycle(meter, seed):
    """Phases come and go at random: a window called synchronised has a cycle's length."""
    rng = np.random.default_rng(seed)
    hz = rng.uniform(45, 65)
    t = times(4.0)
    lanes = three(t, hz)
    for phase in range(3):
        alive = rng.choice([0, 1, 1], 12).repeat(len(t) // 12 + 1)
        lanes[phase] = lanes[phase] * np.roll(alive, int(rng.integers(3000)))[: len(t)]
    made = meter(3, 7)
    windows = log(made, lanes).windows
    good = [window for window in windows if window["synchronised"]]
    assert len(good) > 20, f"repeat with seed {seed}"
    for window in good:
        where = f"repeat with seed {seed}: window {window['sequence']}"
        if not window["status"] & (BITS["dip"] | BITS["interruption"]):
            assert window["length"] / 2**20 == pytest.approx(RATE / hz, rel=2e-3), where
    assert made.model.overflows == 0


def test_reversed_current(meter):
    t = times(1.5)
    lanes = three(t)
    lanes[5] = lanes[5] * np.where(t > 0.6, -1, 1)
    lanes[6] = lanes[3] + lanes[4] + lanes[5]
    found = log(meter(3, 7), lanes)
    assert found.alerts == [("reversed_current_phase2", 1)]
    assert found.event("reversed_current", 2)[3] * 2.0**-30 == pytest.approx(
        -RMS * 0.14 * RMS * np.cos(0.3), rel=0.05
    )


def test_neutral_mismatch(meter):
    t = times(1.2)
    lanes = three(t)
    lanes[6] = lanes[6] + np.where(t > 0.5, 0.1, 0) * mains(t)
    found = log(meter(3, 7), lanes)
    assert found.alerts == [("neutral_mismatch", 1)]
    assert found.event("neutral_mismatch")[3] * 2.0**-31 == pytest.approx(0.1 * RMS, rel=1e-2)


def test_a_missing_neutral_has_its_energy_estimated(meter):
    t = times(3.0)
    absent = t > 1.0
    i = 0.3 * np.sqrt(2) * np.sin(2 * np.pi * 50 * t)
    made = meter(1)
    found = log(made, [mains(t) * ~absent, i])
    assert ("missing_neutral", 1) in found.alerts
    flagged = found.flagged("missing_neutral")
    assert all(found.windows[at]["time"] / 2**20 / RATE > 1.0 for at in flagged)
    first, last = found.windows[flagged[2]], found.windows[-1]
    seconds = (last["time"] - first["time"]) / 2**20 / RATE
    energy = (last["energy_estimated"] - first["energy_estimated"]) * 2.0**-54 / RATE
    assert energy == pytest.approx(0.3 * RMS * 0.8 * seconds, rel=1e-3)
    assert found.windows[20]["energy_estimated"] == 0
    assert last["phase0.energy_import"] == found.windows[-20]["phase0.energy_import"]


def test_no_voltage(meter):
    t = times(1.5)
    found = log(meter(1), [mains(t) * ((t < 0.5) | (t > 1.0)), 0 * t])
    assert found.named("no_voltage") == [1, 0]
    assert found.named("missing_neutral") == []
    timed, dark = found.flagged("timed"), found.flagged("no_voltage")
    assert set(range(dark[2], dark[-12])) <= set(timed)


@pytest.mark.parametrize("hz", [41.0, 58.5, 75.0])
def test_frequency_out_of_range(meter, hz):
    t = times(1.5)
    found = log(meter(1), [mains(t, hz), 0.1 * mains(t, hz)])
    assert found.named("frequency") == [1]
    assert len(found.windows) - 1 in found.flagged("frequency")


@pytest.mark.parametrize("name", ["magnet", "cover_main", "cover_terminal"])
def test_switches(meter, name):
    t = times(1.5)
    on = (t > 0.5) & (t < 1.0)
    made = meter(1)
    found = log(made, [mains(t), 0.1 * mains(t)], **{name: on})
    assert found.alerts == [(name, 1), (name, 0)]
    count, began, lasted, _ = found.event(name)
    assert (count, began / RATE, lasted / RATE) == (
        1,
        pytest.approx(0.7, abs=0.05),
        pytest.approx(0.5, abs=0.05),
    )


def test_lost_sample_sets(meter):
    t = times(1.0)
    found = log(meter(1), [mains(t), 0.1 * mains(t)], lost=3 * (t > 0.5))
    assert found.alerts == [("lost", 1), ("lost", 0)]
    assert len(found.flagged("lost")) == 2


@pytest.mark.parametrize(
    ("lane", "name"),
    [
        (0, "saturated_voltage_phase0"),
        (2, "saturated_voltage_phase2"),
        (4, "saturated_current_phase1"),
        (6, "saturated_neutral"),
    ],
)
@pytest.mark.parametrize("end", [-1.0, 1.0])
def test_one_clipped_sample(meter, lane, name, end):
    t = times(1.0)
    lanes = three(t)
    lanes[lane][4321] = end
    found = log(meter(3, 7), lanes)
    assert found.named(name) == [1, 0]
    assert len(found.flagged(name)) == 2
    touched = [
        at
        for at, window in enumerate(found.windows)
        if window["time"] - window["length"] < 4321 + 24 << 20 and window["time"] > 4321 - 24 << 20
    ]
    assert set(touched) <= set(found.flagged(name))


def test_almost_clipped_is_not_clipped(meter):
    t = times(0.5)
    largest = 1 - 2.0**-22
    lanes = [largest * np.sin(2 * np.pi * 50 * t + 0.123), -largest * np.sin(2 * np.pi * 50 * t)]
    found = log(meter(1), lanes)
    assert not [alert for alert, _ in found.alerts if alert.startswith("saturated")]


def test_a_broken_calibration(meter):
    made = meter(1)
    made.set({"crc": 1})
    t = times(0.3)
    found = log(made, [mains(t), 0.1 * mains(t)])
    assert found.alerts == [("calibration", 1)]
    assert all(window["status"] & BITS["calibration"] for window in found.windows)
    assert found.flagged("uncalibrated") == []


def test_without_a_calibration_each_window_says_so(meter):
    t = times(0.3)
    lanes = [mains(t), 0.1 * mains(t)]
    found = log(meter(1), lanes)
    assert found.flagged("uncalibrated") == list(range(len(found.windows)))
    made = meter(1)
    made.set({"crc": Settings(made.parameters).computed_crc})
    assert log(made, lanes).flagged("uncalibrated") == []


def test_windows_that_the_background_misses(meter):
    t = times(1.0)
    found = log(meter(1, lag=200), [mains(t), 0.1 * mains(t)])
    assert ("overrun", 1) in found.alerts


# --- Numbers


def nasty(count, lanes, seed):
    """Full-scale squares, noise, DC and silence, all at once and in turn."""
    rng = np.random.default_rng(seed)
    parts = []
    while sum(len(part) for part in parts) < count:
        length = int(rng.integers(5, 900))
        t = np.arange(length)[:, None] / RATE
        wave = np.sin(2 * np.pi * rng.uniform(20, 2000) * t + rng.uniform(0, 6, lanes))
        noise = rng.uniform(-1, 1, (length, lanes))
        constant = np.tile(rng.choice([-1.0, 0.0, 1.0], lanes), (length, 1))
        parts.append([np.sign(wave), wave, noise, constant, 0 * wave][rng.integers(5)])
    return np.concatenate(parts)[:count].T


@pytest.mark.parametrize(("phases", "lanes"), [(1, 2), (3, 7)])
def test_nothing_overflows(meter, phases, lanes):
    for seed in range(6):
        made = meter(phases, lanes, most=40000, seed=seed)
        if seed % 2:
            largest = (1 << 34) - 1
            shares = ("dip", "swell", "interruption", "hysteresis", "missing_phase", "present")
            made.set(dict.fromkeys(shares, 1 << 31))
            made.set({"declared_voltage": largest, "over_current": largest, "reversed_power": largest})
            made.set({"flowing_current": 0, "estimated_power_factor": 1 << 30})
        made.set({"persistence": 1})
        for part in range(4):
            made.run(nasty(6000, lanes, 10 * seed + part), magnet=1, lost=65535 * (part % 2))
        assert made.model.overflows == 0, f"repeat with seed {seed}: {made.model.overflow}"


def test_times_of_twenty_years(meter):
    made = meter(1)
    samples = 20 * 366 * 24 * 3600 * 8000
    made.model.set("now", samples << 20)
    t = times(1.2)
    v = mains(t) * np.where((t > 0.5) & (t < 0.7), 0.5, 1.0)
    found = log(made, [v, v])
    count, began, lasted, _ = found.event("dip")
    assert count == 1
    assert (began - samples) / RATE == pytest.approx(0.5, abs=0.015)
    assert lasted / RATE == pytest.approx(0.2, abs=0.02)
    assert made.model.overflows == 0


def test_names_are_numbered_as_they_are_listed():
    assert len({name for name, _ in EVENTS}) == len(EVENTS) == 36
    assert len({name for name, _ in STATUS}) == len(STATUS) == 32
    assert [name for name, _ in STATUS[: NUMBERS["dip"]]] == [name for name, _ in EVENTS[: NUMBERS["dip"]]]
