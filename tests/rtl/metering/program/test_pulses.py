"""Pulses: as even as the load, never away from the energy registers, none lost over a power cut."""

from itertools import pairwise
from math import cos, pi, sqrt

import numpy as np
import pytest

from rtl.metering.constants import Constants
from rtl.metering.program.pulses import ENERGIES, VECTOR
from sim.pulses import jitter, pulse_times

RATE = 8000
UNIT = 2.0**-54
NOISE = 0.5 / (1 << 23)


def sine(count, hz, rms, lag=0.0):
    return rms * sqrt(2) * np.sin(2 * pi * hz / RATE * np.arange(count) - lag)


def set_quantum(made, output, quantum, energy=None):
    """Let an output have a pulse for each ``quantum``; returns what it is to the bit."""
    shift = max(0, int(quantum).bit_length() - 35)
    mantissa, scale = int(quantum) >> shift, 1 << shift
    made.set({f"pulses.{output}.quantum": mantissa, f"pulses.{output}.scale": scale})
    if energy is not None:
        made.set({f"pulses.{output}.energy": energy})
    return mantissa * scale


def pulses(sent, output):
    """Times of an output's pulses, in samples from the first sample set that was run."""
    times = pulse_times(sent, output)
    assert len(np.unique(times.astype(int))) == len(times), "a pulse a sample set at most"
    return times


@pytest.mark.parametrize("hz", [50, 49.7, 60.3])
@pytest.mark.parametrize("period", [4, 4.37, 16.1, 100, 1234.5])
def test_pulses_of_a_constant_load_are_even(meter, hz, period):
    """Jitter of the periods below 0.01 %, with the noise of half a step on both lanes."""
    made = meter(1)
    pick = np.random.default_rng(int(period * hz))
    count = 40000
    lanes = [sine(count, hz, 0.46), sine(count, hz, 0.3, 0.9)]
    lanes = np.array(lanes) + pick.normal(0, NOISE, (2, count))
    set_quantum(made, 0, 0.46 * 0.3 * cos(0.9) * period / UNIT)
    times = pulses(made.run(lanes), 0)
    times = times[times > 5000]
    assert np.diff(times).mean() == pytest.approx(period, rel=2e-6)
    assert jitter(times, period) < 1e-5
    assert made.model.overflows == 0, made.model.overflow


def changing(seed, count, phases=1):
    """Loads that change in size and direction, and pause; a fault of the voltage, too."""
    pick = np.random.default_rng(seed)
    hz = pick.uniform(42, 68)
    lanes = []
    for phase in range(phases):
        third = 2 * pi * phase / 3
        steps = np.repeat(pick.uniform(-0.6, 0.6, count // 333 + 1) * 10.0 ** pick.integers(-3, 1), 333)
        steps[pick.random(len(steps) // 333).repeat(333) < 0.2] = 0
        volts = sine(count, hz, 0.46, third)
        volts[count // 2 : count // 2 + 900] *= pick.integers(0, 2)
        lanes = [*lanes[:phase], volts, *lanes[phase:]]
        lanes.append(steps[:count] * sine(count, hz, 1.0, third + pick.uniform(0, 2 * pi)))
    return lanes


def registered_in(window, name):
    """Energy of one register, or of active import and export together."""
    names = (name,) if name else ("energy_import", "energy_export")
    return sum(window[f"phase0.{each}"] for each in names)


@pytest.mark.parametrize("seed", range(6))
def test_pulses_follow_the_register_within_one(meter, seed):
    """At every window's end: the pulses so far are the whole quanta of the register the delay before."""
    made = meter(1, most=8000 * (seed % 2), seed=seed)
    pick = np.random.default_rng(100 + seed)
    names = "energy_import", "energy_export", None, "energy_q1", "energy_apparent"
    numbers = 0, 1, 2, 6, 5
    chosen = pick.permutation(5)[:4]
    quanta = [
        set_quantum(made, output, 10.0 ** pick.uniform(-1, 3) / UNIT, numbers[which])
        for output, which in enumerate(chosen)
    ]
    sent = made.run(changing(seed, 60000))
    assert (made.model.overflows, made.model.overruns) == (0, 0), made.model.overflow
    constants = Constants(made.parameters)
    delay = constants.pulse_delay / constants.fine / constants.sample
    windows = made.windows(sent)
    for output, which in enumerate(chosen):
        name, quantum = names[which], quanta[output]
        times = pulses(sent, output)
        for window in windows[:-4]:
            registered = registered_in(window, name)
            shown_at = window["time"] / 2**20 + constants.latency + delay
            # A pulse at the very end of a window may be either side of it.
            early, late = np.searchsorted(times, [shown_at - 2, shown_at + 2])
            where = f"repeat with seed {seed}: output {output}, window {window['sequence']}"
            owed = made.model.get(f"registers.pulses.{output}.beyond") >= quantum
            assert early <= registered // quantum <= late or owed, where
        register = made.model.get(f"registers.pulses.{output}.planned") * quantum
        beyond = made.model.get(f"registers.pulses.{output}.beyond")
        last = windows[-1]
        total = (
            last[f"phase0.{name}"] if name else last["phase0.energy_import"] + last["phase0.energy_export"]
        )
        assert register + beyond == total


def test_what_comes_too_fast_stays_owed(meter):
    """Three pulses a sample for half a second, then nothing: all of them come, one each second sample."""
    made = meter(1)
    quantum = set_quantum(made, 1, 0.46 * 0.2 / 3 / UNIT, 2)
    count = 40000
    amperes = sine(count, 50, 0.2)
    amperes[4000:] = 0
    sent = made.run([sine(count, 50, 0.46), amperes])
    times = pulses(sent, 1)
    assert np.diff(times).min() == pytest.approx(2, abs=1e-6)
    last = made.windows(sent)[-1]
    total = registered_in(last, None)
    assert len(times) == total // quantum > 10000
    assert made.model.get("registers.pulses.1.beyond") == total % quantum


@pytest.mark.parametrize("number", [0, 5, 10, VECTOR, VECTOR + 1, VECTOR + 2, VECTOR + 4, VECTOR + 5])
def test_each_output_has_its_energy(meter, number):
    """Three phases of which one gives back more than the others take."""
    made = meter(3)
    quantum = set_quantum(made, 1, 1 / UNIT, number)
    count = 12000
    loads = [(0.1, 0.4), (0.05, -0.5), (0.3, pi + 0.6)]
    thirds = [2 * pi * phase / 3 for phase in range(3)]
    lanes = [sine(count, 50, 0.46, third) for third in thirds]
    lanes += [
        sine(count, 50, current, third + lag) for third, (current, lag) in zip(thirds, loads, strict=True)
    ]
    made.run(lanes)
    of = "vector" if number >= VECTOR else "arithmetic"
    fields = {
        "active import": ("active_import",),
        "active export": ("active_export",),
        "active import and export": ("active_import", "active_export"),
        "reactive export (Q3 and Q4)": ("reactive_q3", "reactive_q4"),
        "apparent": ("apparent",),
        "fundamental active import": ("fundamental_import",),
    }[ENERGIES[number % VECTOR]]
    total = sum(made.model.get(f"registers.{of}.0.{field}") for field in fields)
    assert total // quantum == made.model.get("registers.pulses.1.planned")
    assert (total > quantum) == (number != VECTOR)


@pytest.mark.parametrize("at", range(9000, 9600, 37))
def test_no_pulse_is_lost_over_a_power_cut(meter, at):
    """Those that were planned and not sent are sent after it."""
    before, after = meter(1), meter(1)
    volts, amperes = sine(20000, 50, 0.46), sine(20000, 50, 0.2)
    quanta = [set_quantum(made, 0, 0.46 * 0.2 * 9.7 / UNIT) for made in (before, after)]
    stop = np.arange(at) == at - 1
    first = pulses(before.run([volts[:at], amperes[:at]], brown_out=stop), 0)
    assert before.model.get("registers.pulses.0.planned") > len(first)
    after.restore(before.registers())
    sent = after.run([volts[at:], amperes[at:]])
    second = pulses(sent, 0)
    registered = after.windows(sent)[-1]["phase0.energy_import"]
    planned = after.model.get("registers.pulses.0.planned")
    assert planned == registered // quanta[0]
    assert len(first) + len(second) == after.model.get("registers.pulses.0.sent")
    assert 0 <= planned - len(first) - len(second) < 60


@pytest.mark.parametrize("late", [0, 700, 8000])
def test_after_a_cut_an_output_goes_on_with_the_energy_that_it_had(meter, late):
    """Not with its preset one, until its settings come; and a new quantum is not that of planned pulses."""
    before, after = meter(1), meter(1)
    cut, count = 9013, 30000
    lanes = [sine(count, 50, 0.46), sine(count, 50, 0.2, 1.3)]
    number = ENERGIES.index("apparent")
    old = set_quantum(before, 0, 0.46 * 0.2 * 9.7 / UNIT, number)
    first = pulses(before.run([lane[:cut] for lane in lanes], brown_out=np.arange(cut) == cut - 1), 0)
    after.restore(before.registers())
    assert len(pulses(after.run([lane[cut : cut + late] for lane in lanes]), 0)) == 0
    new = set_quantum(after, 0, 0.46 * 0.2 * 23.1 / UNIT, number)
    sent = after.run([lane[cut + late :] for lane in lanes])
    total = after.windows(sent)[-1]["phase0.energy_apparent"]
    planned = after.model.get("registers.pulses.0.planned")
    beyond = after.model.get("registers.pulses.0.beyond")
    assert len(first) * old + (planned - len(first)) * new + beyond == total
    assert 0 <= beyond < new


def test_an_output_without_a_quantum_is_off(meter):
    made = meter(1)
    made.set({f"pulses.{output}.quantum": 0 for output in range(3)})
    sent = made.run([sine(8000, 50, 0.46), sine(8000, 50, 0.5)])
    assert [len(pulses(sent, output)) > 0 for output in range(4)] == [False, False, False, False]
    registered = made.windows(sent)[-1]["phase0.energy_import"]
    assert made.model.get("registers.pulses.0.beyond") == registered > 0


def assert_shown(made, sent, quantum, base, run, after):
    """From the time ``after`` on, ``base`` and output 0's pulses are the register's, the delay before."""
    constants = Constants(made.parameters)
    delay = constants.latency + constants.pulse_delay / constants.fine / constants.sample
    times, checked = pulses(sent, 0), 0
    for window in made.windows(sent):
        shown_at = window["time"] / 2**20 + delay
        if after <= shown_at < run - 2:
            early, late = base + np.searchsorted(times, [shown_at - 2, shown_at + 2])
            assert early <= window["phase0.energy_import"] // quantum <= late, f"set {shown_at:.1f}"
            checked += 1
    assert checked > 10


def load(count):
    return np.array([sine(count, 50, 0.46), sine(count, 50, 0.2)])


@pytest.mark.parametrize("late", [0, 1, 700, 8000])
@pytest.mark.parametrize("period", [4.3, 9.7, 411.0])
def test_settings_that_come_late_cost_no_pulse(meter, late, period):
    """After the first power-on: what was registered before follows, two samples apart at least."""
    made, count = meter(1), 30000
    lanes = load(count)
    first = made.run(lanes[:, :late])
    assert len(pulses(first, 0)) == 0
    quantum = set_quantum(made, 0, 0.46 * 0.2 * period / UNIT)
    sent = made.run(lanes[:, late:])
    assert np.diff(pulses(sent, 0)).min() > 1.9999
    assert_shown(made, np.concatenate([first, sent]), quantum, 0, count, 2000 + 2 * late)
    assert made.model.overflows == 0, made.model.overflow


@pytest.mark.parametrize("late", [0, 1, 700, 8000])
@pytest.mark.parametrize("cut", [9000, 9013, 9160])
@pytest.mark.parametrize("period", [4.3, 9.7, 411.0])
def test_settings_that_come_late_after_a_cut_cost_no_pulse(meter, late, cut, period):
    before, after = meter(1), meter(1)
    count = 30000
    quantum = set_quantum(before, 0, 0.46 * 0.2 * period / UNIT)
    sent = before.run(load(cut), brown_out=np.arange(cut) == cut - 1)
    base = len(pulses(sent, 0))
    after.restore(before.registers())
    lanes = load(count)
    first = after.run(lanes[:, :late])
    assert len(pulses(first, 0)) == 0
    set_quantum(after, 0, quantum)
    sent = after.run(lanes[:, late:])
    assert_shown(after, np.concatenate([first, sent]), quantum, base, count, 3000 + 2 * late)
    assert after.model.get("registers.pulses.0.sent") == base + len(pulses(sent, 0))
    assert after.model.overflows == 0, after.model.overflow


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_pulse_with_the_brown_out_is_not_sent_and_not_lost(meter, goes_on):
    """It comes with the next set if the power is back, and after a cut otherwise."""
    undisturbed, made, count = meter(1), meter(1), 20000
    quantum = 0.46 * 0.2 * 97.3 / UNIT
    for each in undisturbed, made:
        quantum = set_quantum(each, 0, quantum)
    times = pulses(undisturbed.run(load(count)), 0)
    at = int(times[times > 9000][0])
    stop = np.arange(at + 1) == at
    first = pulses(made.run(load(count)[:, : at + 1], brown_out=stop), 0)
    assert np.array_equal(first, times[times < at])
    if not goes_on:
        registers = made.registers()
        made = meter(1)
        made.restore(registers)
        set_quantum(made, 0, quantum)
    sent = made.run(load(count)[:, at + 1 :])
    second = pulses(sent, 0)
    assert not goes_on or second[0] == at + 1
    assert made.model.get("registers.pulses.0.sent") == len(first) + len(second)
    registered = made.windows(sent)[-1]["phase0.energy_import"]
    assert made.model.get("registers.pulses.0.planned") == registered // quantum
    assert 0 <= registered // quantum - len(first) - len(second) < 8


@pytest.mark.parametrize("mantissa", [-1, 1, 12345, (1 << 35) - 1])
@pytest.mark.parametrize("scale", [1, (1 << 35) - 1])
@pytest.mark.parametrize("years", [0, 20])
def test_no_setting_makes_a_value_overflow(meter, mantissa, scale, years):
    """Least and largest quanta and any number of an energy, with square waves of full scale and a pause.

    All energy of ``years`` of full scale in three phases is owed, as an output without a quantum leaves it.
    """
    made = meter(1)
    for output in range(4):
        made.model.set(f"registers.pulses.{output}.beyond", 3 * years * 366 * 24 * 3600 * RATE << 54)
    for output, number in enumerate((-1, 2, 5, 1 << 34)):
        made.set({f"pulses.{output}.quantum": mantissa, f"pulses.{output}.scale": scale})
        made.set({f"pulses.{output}.energy": number})
    count = 8000
    lane = np.where(np.arange(count) % 160 < 80, 1.0, -1.0)
    current = lane * (np.arange(count) % 2000 < 1200)
    sent = made.run([lane, current])
    assert (made.model.overflows, made.model.overruns) == (0, 0), made.model.overflow
    assert all(np.diff(pulses(sent, output)).min(initial=2) > 1.9999 for output in range(4))


def test_no_pulse_without_load(meter):
    """115 % of the voltage, an open current, noise: nothing is registered, so there is no least quantum."""
    made = meter(1)
    pick = np.random.default_rng(3)
    for output, number in enumerate((2, 3, 4, 5)):
        set_quantum(made, output, 1, number)
    for part in range(30):
        lanes = pick.normal(0, NOISE, (2, RATE))
        lanes[0] += sine(RATE, 50, 1.15 * 0.46)
        sent = made.run(lanes)
        assert not any(len(pulses(sent, output)) for output in range(4)), part
    assert all(not value for path, value in made.registers().items() if path.startswith("registers.phases"))


def test_results_do_not_depend_on_the_background(meter):
    lanes = changing(5, 20000)
    found = []
    for options in ({}, {"lag": 20}, {"most": 6000}):
        made = meter(1, **options)
        set_quantum(made, 0, 5 / UNIT, 2)
        found.append(pulses(made.run(lanes), 0))
    assert len(found[0]) > 50
    for other in found[1:]:
        assert np.array_equal(found[0], other)
    assert all(late > early for early, late in pairwise(found[0]))
