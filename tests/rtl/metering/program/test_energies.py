"""Energies: signs, quadrants, netting and thresholds, to the bit; and what outlives a power cut."""

from itertools import pairwise
from math import erfc, isqrt, pi, sqrt

import numpy as np
import pytest

from rtl.metering.compiler import compile_program
from rtl.metering.constants import Constants
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import INPUTS
from rtl.metering.state import Wide

RATE = 8000
UNIT = 2.0**-54
"""An energy's unit, in full scale V A sample."""
NAMES = (
    *("energy_import", "energy_export", *(f"energy_q{quadrant}" for quadrant in range(1, 5))),
    *("energy_apparent", "energy_fundamental_import", "energy_fundamental_export"),
    *("energy_harmonic_import", "energy_harmonic_export"),
)


def turned(count, hz, lag=0.0, order=1):
    """A sine of RMS value 1 whose fundamental has its rising crossing at 0, ``lag`` late."""
    return sqrt(2) * np.sin(order * (2 * pi * hz / RATE * np.arange(count)) - lag)


def phases_of(loads, count, hz=50.3):
    """Voltages of 0.46, and each load's (current, lag) current; phases lag by thirds of a turn."""
    thirds = [2 * pi * index / 3 for index in range(len(loads))]
    volts = [0.46 * turned(count, hz, third) for third in thirds]
    return volts + [
        current * turned(count, hz, third + lag) for third, (current, lag) in zip(thirds, loads, strict=True)
    ]


def gains(windows, name):
    """What each window but the first added to the registers ``name``."""
    return [
        {each: new[f"{name}.{each}"] - old[f"{name}.{each}"] for each in NAMES}
        for old, new in pairwise(windows)
    ]


def of_cycles(windows, name):
    """The mains cycles, each with what it added to the registers ``name``."""
    pairs = zip(windows[1:], gains(windows, name), strict=True)
    found = [(window, gain) for window, gain in pairs if window["synchronised"]]
    assert len(found) > 5
    return found


def signed(gain, name):
    return gain[f"energy_{name}import"] - gain[f"energy_{name}export"]


def reactive(gain):
    return sum(gain[f"energy_q{quadrant}"] for quadrant in (1, 2)) - sum(
        gain[f"energy_q{quadrant}"] for quadrant in (3, 4)
    )


@pytest.mark.parametrize("degrees", range(15, 360, 30))
def test_a_load_is_registered_by_its_signs(meter, degrees):
    lag = np.radians(degrees)
    made = meter(1)
    windows = made.windows(made.run(phases_of([(0.2, lag)], 5000)))
    way = "import" if np.cos(lag) > 0 else "export"
    quadrant = {(True, True): 1, (False, True): 2, (False, False): 3, (True, False): 4}[
        np.cos(lag) > 0, np.sin(lag) > 0
    ]
    for window, gain in of_cycles(windows, "phase0"):
        apparent = 0.46 * 0.2 * window["length"] / 2**20
        expected = dict.fromkeys(NAMES, 0.0) | {
            f"energy_{way}": apparent * abs(np.cos(lag)),
            f"energy_fundamental_{way}": apparent * abs(np.cos(lag)),
            f"energy_q{quadrant}": apparent * abs(np.sin(lag)),
            "energy_apparent": apparent,
        }
        for name in NAMES:
            assert gain[name] * UNIT == pytest.approx(expected[name], abs=1e-5 * apparent), name


def test_harmonics_have_energies_of_their_own(meter):
    """A fifth harmonic that gives back a tenth of what the fundamental takes."""
    made = meter(1)
    count = 6000
    volts = 0.4 * turned(count, 50) + 0.04 * turned(count, 50, order=5)
    amperes = 0.2 * turned(count, 50, 0.5) + 0.2 * turned(count, 50, pi, order=5)
    windows = made.windows(made.run([volts, amperes]))
    for _, gain in of_cycles(windows, "phase0"):
        cycle = 160 / UNIT
        assert gain["energy_fundamental_import"] / cycle == pytest.approx(0.08 * np.cos(0.5), rel=2e-5)
        assert gain["energy_harmonic_export"] / cycle == pytest.approx(0.008, rel=1e-4)
        assert gain["energy_import"] / cycle == pytest.approx(0.08 * np.cos(0.5) - 0.008, rel=2e-5)
        assert gain["energy_harmonic_import"] == gain["energy_fundamental_export"] == 0


def random_loads(seed, count):
    """Three phases whose currents change every few cycles in size and direction."""
    pick = np.random.default_rng(seed)
    lanes = phases_of([(1.0, lag) for lag in pick.uniform(0, 2 * pi, 3)], count, pick.uniform(42, 68))
    for lane in lanes[3:]:
        steps = pick.uniform(-0.3, 0.3, count // 700 + 1) * 10.0 ** pick.integers(-4, 1, count // 700 + 1)
        lane *= np.repeat(steps, 700)[:count]
        lane += pick.normal(0, 1e-6, count)
    return lanes


@pytest.mark.parametrize("seed", range(3))
def test_energies_are_exact(meter, seed):
    """To the bit: every energy from its window's readings, totals from the phases', and none is lost."""
    made = meter(3, most=20000 * (seed > 0), seed=seed)
    made.set(
        {f"no_load.{phase}.{name}": 0 for phase in range(3) for name in ("active", "reactive", "apparent")}
    )
    windows = made.windows(made.run(random_loads(seed, 24000)))
    assert (made.model.overflows, made.model.overruns) == (0, 0), made.model.overflow
    phases = [gains(windows, f"phase{phase}") for phase in range(3)]
    for number, (window, total, vector) in enumerate(
        zip(windows[1:], gains(windows, "total"), gains(windows, "vector"), strict=True)
    ):
        cycles = [gain[number] for gain in phases]
        where = f"repeat with seed {seed}: window {window['sequence']}"
        for phase, gain in enumerate(cycles):
            shown = {name: window[f"phase{phase}.{name}"] for name in ("reactive", "vrms", "irms")}
            assert reactive(gain) == shown["reactive"] * window["length"] >> 29, where
            assert gain["energy_apparent"] == shown["vrms"] * shown["irms"] * window["length"] >> 32, where
            if window["synchronised"]:
                assert signed(gain, "") == signed(gain, "fundamental_") + signed(gain, "harmonic_"), where
        for name in NAMES:
            assert total[name] == sum(gain[name] for gain in cycles), (where, name)
        for of in ("", "fundamental_", "harmonic_"):
            assert signed(vector, of) == sum(signed(gain, of) for gain in cycles), (where, of)
            assert min(vector[f"energy_{of}import"], vector[f"energy_{of}export"]) == 0, where
        active, q = signed(vector, ""), reactive(vector)
        assert q == sum(reactive(gain) for gain in cycles), where
        quadrant = [[1, 2], [4, 3]][q < 0][active < 0]
        assert vector[f"energy_q{quadrant}"] == abs(q), where
        assert vector["energy_apparent"] == pytest.approx(isqrt(active**2 + q**2), rel=2**-31, abs=2), where
    assert sum(gain[name] > 0 for gain in phases[0] for name in NAMES) > 200


@pytest.mark.parametrize(
    ("name", "lag", "registers"),
    [
        ("active", 0.0, ("energy_import", "energy_fundamental_import")),
        ("active", pi, ("energy_export", "energy_fundamental_export")),
        ("reactive", pi / 2, ("energy_q1", "energy_q2")),
        ("reactive", -pi / 2, ("energy_q3", "energy_q4")),
        ("apparent", 0.7, ("energy_apparent",)),
    ],
)
@pytest.mark.parametrize("share", [0.999, 1.001])
def test_below_the_threshold_a_cycle_adds_nothing(meter, name, lag, registers, share):
    """Phase 1 has the threshold, phase 2 has none."""
    power = 0.46 * 1e-3
    made = meter(3)
    made.set({f"no_load.0.{name}": int(power / share * 2**34), f"no_load.1.{name}": 0})
    windows = made.windows(made.run(phases_of([(1e-3, lag)] * 3, 5000)))
    for phase, counted in ((0, share > 1), (1, True)):
        for _, gain in of_cycles(windows, f"phase{phase}"):
            assert (sum(gain[each] for each in registers) > 0) == counted, (phase, gain)
            others = [gain[each] for each in NAMES if each not in registers and "harmonic" not in each]
            assert max(others) > 0


def test_it_starts_at_the_starting_current_and_far_below(meter):
    """By default the starting current of 0.001 In counts, and a current of Imax / 10 000 too."""
    largest = 1 / (1.25 * sqrt(2))
    for current in (0.001 * largest / 1.2, 0.0001 * largest):
        made = meter(1)
        windows = made.windows(made.run(phases_of([(current, np.arccos(0.25))], 16000)))
        gained = windows[-1]["phase0.energy_import"] - windows[4]["phase0.energy_import"]
        time = (windows[-1]["time"] - windows[4]["time"]) / 2**20
        assert gained * UNIT == pytest.approx(0.46 * current * 0.25 * time, rel=2e-3)


def test_noise_is_far_below_the_threshold(meter):
    """The power of a cycle of noise is normal about 0: 24 h have 4.32 million cycles a phase."""
    noise = 0.5 / 2**23
    volts = 1.15 * 0.46
    deviation = volts * noise / sqrt(160)
    sigmas = 44700 / 2**34 / deviation
    assert sigmas > 1000
    assert 24 * 3600 * 50 * erfc(min(sigmas, 37) / sqrt(2)) < 1e-280


def square(count, period, lag=0):
    return np.where((np.arange(count) - lag) % period < period / 2, 1.0, -1.0)


@pytest.mark.parametrize("phases", [1, 3])
def test_nothing_overflows_in_20_years_of_full_scale(meter, phases):
    """Square waves of full scale, in phase, against it and 90° apart, on registers of 20 years."""
    made = meter(phases)
    sets = 20 * 366 * 24 * 3600 * RATE
    for path in made.registers():
        if not path.endswith("age"):
            made.model.set(path, 3 * sets << 54)
    for path in made.registers():
        if path.startswith("registers.pulses"):
            made.model.set(path, 0)
    for lag in (0, 80, 40, 120):
        lanes = [square(2400, 160)] * phases + [square(2400, 160, lag)] * phases
        made.run(lanes)
        assert made.model.overflows == 0, (lag, made.model.overflow)


# --- Over a power cut


def test_registers_are_contiguous_wide_cells(meter):
    program = compile_program(meter(3).parameters)
    cells = [cell for path, cell in program.cells.items() if path.startswith("registers.")]
    assert {cell.kind for cell in cells} == {Wide}
    assert [cell.address for cell in cells] == list(range(cells[0].address, cells[0].address + len(cells)))


def integral(values, until):
    """Integral from half a sample before the first to ``until``, straight lines between samples."""
    whole = int(np.floor(until))
    part = until - whole
    after = values[whole + 1] if part else 0.0
    return (
        values[:whole].sum() + values[whole] / 2 + part * (values[whole] + part * (after - values[whole]) / 2)
    )


@pytest.mark.parametrize("at", range(3000, 3170, 5))
def test_a_window_goes_on_after_a_power_cut(meter, at):
    """What was counted before a cut and is in no window yet is in the first one after it."""
    volts, amperes = phases_of([(0.2, 0.5)], 4000)
    before, after = meter(1), meter(1)
    stop = np.arange(at) == at - 1
    shown = before.windows(before.run([volts[:at], amperes[:at]], brown_out=stop))
    assert before.model.get("until_background") == 0
    after.restore(before.registers())
    went_on = after.windows(after.run([volts[at:], amperes[at:]]))[:1]
    latency = Constants(before.parameters).latency
    v, i = np.round(volts * 2**23) * 16, np.round(amperes * 2**23) * 16
    start = shown[-1]["time"] / 2**20
    counted = [v[: at - latency], i[: at - latency]]
    joined = [np.concatenate([old, new[at:]]) for old, new in zip(counted, (v, i), strict=True)]
    end = at - latency + went_on[0]["time"] / 2**20
    assert went_on[0]["length"] / 2**20 == pytest.approx(end - start, abs=1e-5)
    of_v, of_i, of_vi = (
        integral(values, end) - integral(values, start) for values in (*joined, joined[0] * joined[1])
    )
    gain = sum(
        (went_on[0][f"phase0.energy_{way}"] - shown[-1][f"phase0.energy_{way}"]) * sign
        for way, sign in (("import", 1), ("export", -1))
    )
    assert gain == pytest.approx(of_vi - of_v * of_i / (end - start), rel=1e-6)
    assert before.model.overflows == after.model.overflows == 0


@pytest.mark.parametrize("since", [1, 24, 25, 26, 40, 60])
def test_a_brown_out_waits_for_no_further_set(meter, since):
    """However far the background is, the registers are the same when it rests."""
    made = meter(1)
    volts, amperes = phases_of([(0.2, 0.5)], 1400)
    shown = made.run([volts, amperes])["set"]
    at = int(shown.max()) - 25 + since
    inputs = np.zeros((at, len(INPUTS)), "i8")
    inputs[-1, INPUTS.index("brown_out")] = 1
    words = np.round(np.array([volts, amperes]).T[:at] * 2**23).astype("i8")
    found = []
    for lag in (0, 20):
        model = MeteringModel(made.parameters, lag)
        model.sent(words, inputs)
        waiting = model._outputs.waiting
        if waiting:
            waiting[0](*waiting[1])
        machine = model.machine
        assert machine.until_background == 0
        found.append((vars(machine.registers.phases[0]), machine.registers.age, machine.phases[0].sum_vi.cut))
    assert found[0] == found[1]
    assert found[0][0]["active_import"] > 0
