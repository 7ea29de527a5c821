"""Harmonics of 10/12-cycle windows, and the fundamental of a cycle, against the spectrum that was made."""

from typing import Any

import numpy as np
import pytest

from rtl.metering.compiler import compile_program
from rtl.metering.harmonic_quantities import harmonic_addresses, harmonic_quantities
from rtl.metering.microcode import Port
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import INPUTS
from rtl.metering.quantities import quantities
from sim.compiled_model import values
from soc.config import preset

RATE = 8000.0
ORDERS = np.arange(1, 51)
_PORTS: Any = Port  # an Amaranth enumeration
HARMONIC_PORTS = _PORTS.HARMONIC.value, _PORTS.HARMONIC_COMMIT.value
SETTLING_WINDOWS = 4
"""Until the crossings no longer move with the DC that is found."""

# What a voltage may have at most in a public network, in percent, roughly (EN 50160).
VOLTAGE_PERCENT = {
    2: 2,
    3: 5,
    4: 1,
    5: 6,
    7: 5,
    9: 1.5,
    11: 3.5,
    13: 3,
    15: 1,
    17: 2,
    19: 1.5,
    23: 1.5,
    25: 1.5,
}


class Spectrum:
    """Random spectra of three phases: RMS values and angles of sines at time 0, in turns, by order.

    The current has 1 % to 5 % of every order, the voltage ``percent`` by order.
    """

    def __init__(self, seed, hz, percent):
        rng = np.random.default_rng(seed)
        self.hz = hz
        self.rms, self.turns = {}, {}
        for phase in range(3):
            for kind in "vi":
                parts = 10 ** rng.uniform(-2, -1.3, 50)
                if kind == "v":
                    parts = np.array([percent.get(order, 0) / 100 for order in ORDERS])
                parts[0] = 1.0
                turns = rng.uniform(-0.5, 0.5, 50)
                turns[0] = 0.05 * rng.uniform(-1, 1) - phase / 3
                self.rms[kind, phase], self.turns[kind, phase] = parts * rng.uniform(0.15, 0.3), turns

    def lanes(self, sets, phases=3):
        time = np.arange(sets) / RATE
        waves = np.zeros((2 * phases, sets))
        for lane in range(2 * phases):
            which = "vi"[lane // phases], lane % phases
            for order, rms, turns in zip(ORDERS, self.rms[which], self.turns[which], strict=True):
                if rms:
                    angle = 2 * np.pi * (order * self.hz * time + turns)
                    waves[lane] += np.sqrt(2) * rms * np.sin(angle)
        assert np.abs(waves).max() < 1, "the signal is larger than full scale"
        return waves

    def phasors(self, kind, phase):
        return self.rms[kind, phase] * np.exp(2j * np.pi * self.turns[kind, phase])


def harmonic_windows(made, sent):
    """What the harmonics memory shows at every commit, in units: a number, or an array by order."""
    names, found, shown = harmonic_addresses(made.parameters), [], {}
    declared = harmonic_quantities(made.parameters)
    chosen = sent[np.isin(sent["port"], HARMONIC_PORTS)]
    for (port, address), value in zip(chosen[["port", "address"]].tolist(), values(chosen), strict=True):
        if port == Port.HARMONIC.value:
            shown[address] = value
            continue
        window = {}
        for each in declared:
            at, register = names[each.path], each.register
            parts = np.array([shown[at + index] for index in range(register.count)])
            scaled = parts / 2.0**register.fraction_bits
            window[".".join(each.path)] = scaled if register.count > 1 else scaled[0]
        found.append(window)
        shown = {}
    return found


def apart(turns, others):
    """Distances round the circle."""
    difference = np.asarray(turns) - others
    return np.abs(difference - np.round(difference))


def worst_errors(window, made_of):
    """Largest errors of amplitudes and powers relative to amplitude and apparent power, and of angles."""
    amplitude = angle = power = 0.0
    reference = made_of.turns["v", 0][0]
    for phase in range(3):
        for kind in "vi":
            rms, turns = made_of.rms[kind, phase], made_of.turns[kind, phase]
            judged = rms >= 0.0099 * rms[0]
            measured = window[f"phase{phase}.{kind}_amplitude"][judged]
            amplitude = max(amplitude, np.abs(measured / rms[judged] - 1).max())
            relative = window[f"phase{phase}.{kind}_angle"] - turns + ORDERS * reference
            angle = max(angle, apart(relative, 0)[judged].max())
        v, i = made_of.phasors("v", phase), made_of.phasors("i", phase)
        judged = np.abs(v) >= 0.0099 * np.abs(v[0])
        off = np.abs(window[f"phase{phase}.active"] - (v * i.conj()).real)[judged]
        power = max(power, (off / np.abs(v * i)[judged]).max())
    return amplitude, angle, power


@pytest.fixture(scope="module")
def polyphase(meter):
    made = meter(3, 7, harmonics=50)

    def run(lanes, **options):
        fresh = made.fresh(**options)
        return fresh, fresh.run(lanes)

    return run


def with_neutral(lanes):
    return np.vstack([lanes, np.zeros((1, lanes.shape[1]))])


LOW_ORDERS = {order: percent for order, percent in VOLTAGE_PERCENT.items() if order <= 13}


@pytest.mark.parametrize(
    ("hz", "cycles"), [(49.37, 10), (60.2, 12), (42.6, 10), (68.9, 12), (50.0, 10), (54.9, 10), (55.1, 12)]
)
@pytest.mark.parametrize(("percent", "limit"), [({}, 0.0005), (LOW_ORDERS, 0.001), (VOLTAGE_PERCENT, 0.001)])
def test_amplitudes_angles_and_powers_to_order_50(hz, cycles, percent, limit, polyphase):
    seed = int(hz * 100)
    made_of = Spectrum(seed, hz, percent)
    made, sent = polyphase(with_neutral(made_of.lanes(16000)))
    windows = harmonic_windows(made, sent)[SETTLING_WINDOWS:]
    assert len(windows) >= 3
    for window in windows:
        assert window["cycles"] == cycles
        assert abs(window["frequency"] - hz) < 0.001
        amplitude, angle, power = worst_errors(window, made_of)
        assert amplitude < limit, f"seed {seed}"
        assert angle < limit, f"seed {seed}"
        assert power < 2 * limit, f"seed {seed}"
        for phase in range(3):
            v, i = made_of.phasors("v", phase), made_of.phasors("i", phase)
            for kind, parts in (("v", v), ("i", i)):
                distortion = np.sqrt((np.abs(parts[1:]) ** 2).sum()) / np.abs(parts[0])
                assert abs(window[f"phase{phase}.thd_{kind}"] - distortion) < 2e-5, f"seed {seed}"
            between = made_of.turns["v", phase][0] - made_of.turns["i", phase][0]
            assert apart(window[f"phase{phase}.angle"], between) < 3e-6, f"seed {seed}"
    assert made.model.overflows == made.model.overruns == 0


def test_unbalance(polyphase):
    turn = np.exp(2j * np.pi / 3)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        made_of = Spectrum(seed, 50.2, {})
        for phase in range(3):
            made_of.rms["v", phase][0] = rng.uniform(0.05, 0.4)
        if seed == 2:
            # The phases in the wrong order: the negative sequence is the larger one.
            made_of.turns["v", 1], made_of.turns["v", 2] = made_of.turns["v", 2], made_of.turns["v", 1]
        a, b, c = (made_of.phasors("v", phase)[0] for phase in range(3))
        positive, negative = a + turn * b + turn**2 * c, a + turn**2 * b + turn * c
        window = harmonic_windows(*polyphase(with_neutral(made_of.lanes(8000))))[-1]
        assert window["unbalance_negative"] == pytest.approx(abs(negative / positive), rel=2e-5, abs=1e-6)
        assert window["unbalance_zero"] == pytest.approx(abs((a + b + c) / positive), rel=2e-5, abs=1e-6)


def test_windows_are_gapless_and_one_that_is_interrupted_is_dropped(polyphase):
    lanes = with_neutral(Spectrum(3, 50.1, {}).lanes(16000))
    quiet = slice(9800, 10300)
    lanes[:, quiet] = 0
    made, sent = polyphase(lanes)
    windows = harmonic_windows(made, sent)
    ends = [window["time"] + (1 << 14) * window["time_high"] for window in windows]
    starts = [end - window["length"] for end, window in zip(ends, windows, strict=True)]
    gaps = [start - end for start, end in zip(starts[1:], ends, strict=False)]
    (torn,) = [index for index, gap in enumerate(gaps) if gap]
    assert ends[torn] < quiet.start
    assert starts[torn + 1] > quiet.stop
    assert windows[torn + 1]["dropped"] == windows[torn]["dropped"] + 1
    assert [window["sequence"] for window in windows] == list(range(1, len(windows) + 1))


def test_it_does_not_matter_when_the_background_runs(polyphase):
    lanes = with_neutral(Spectrum(4, 60.3, {5: 3}).lanes(6000))
    _, sent = polyphase(lanes)
    alone = sent[np.isin(sent["port"], HARMONIC_PORTS)][["port", "address", "low", "high"]].tolist()
    for seed in range(2):
        _, other = polyphase(lanes, most=2000, seed=seed)
        torn = other[np.isin(other["port"], HARMONIC_PORTS)][["port", "address", "low", "high"]].tolist()
        assert len(torn) > 1000
        assert torn == alone[: len(torn)], f"seed {seed}"


def test_the_integer_model_gives_the_same(polyphase):
    lanes = with_neutral(Spectrum(5, 60.1, {}).lanes(4200))
    made, sent = polyphase(lanes)
    pairs = zip(sent["port"].tolist(), sent["address"].tolist(), values(sent), strict=True)
    got = [each for each in pairs if each[0] in HARMONIC_PORTS]
    assert Port.HARMONIC_COMMIT.value in [port for port, _, _ in got]
    assert got == modelled(made.parameters, lanes)


def modelled(parameters, lanes):
    """What the integer model sends of harmonics."""
    words = np.round(lanes.T * (1 << 23)).astype("i8")
    sent = MeteringModel(parameters).sent(words, np.zeros((len(words), len(INPUTS))))
    return [(port.value, *rest) for port, *rest in sent if port.value in HARMONIC_PORTS]


@pytest.mark.parametrize("hz", [40.2, 50.0, 69.7])
def test_full_scale_squares_fit(hz, polyphase):
    time = np.arange(9000) / RATE
    square = np.array([np.sign(np.sin(2 * np.pi * (hz * time + lag))) for lag in (0, 1 / 3, 2 / 3)])
    made, sent = polyphase(np.vstack([square, -square, square[:1]]))
    assert made.model.overflows == 0, made.model.overflow
    window = harmonic_windows(made, sent)[-1]
    assert window["phase0.v_amplitude"][0] == pytest.approx(np.sqrt(8) / np.pi, rel=0.01)
    assert window["phase0.active"][0] == pytest.approx(-8 / np.pi**2, rel=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_random_samples_fit(seed, polyphase):
    rng = np.random.default_rng(seed)
    time = np.arange(9000) / RATE
    carrier = np.sin(2 * np.pi * 50.4 * time) * rng.choice([0.1, 1, 30])
    noise = rng.choice([-1.0, 1.0], (7, 9000)) * rng.choice([1e-6, 0.1, 1], (7, 1))
    made, _ = polyphase(np.clip(carrier + noise, -1, 1))
    assert made.model.overflows == 0, f"seed {seed}: {made.model.overflow}"


def test_every_quantity_is_shown_and_the_sequence_is_first(polyphase):
    made, sent = polyphase(with_neutral(Spectrum(6, 50.0, {}).lanes(6000)))
    declared = harmonic_quantities(made.parameters)
    assert declared[0].path == ("sequence",)
    count = sum(each.register.count for each in declared)
    shown = set(sent[sent["port"] == Port.HARMONIC.value]["address"].tolist())
    assert shown == set(range(count))


def test_one_phase_has_no_unbalance():
    parameters = preset("single").with_changes(word_bits=24, harmonics=3).metering
    declared = harmonic_quantities(parameters)
    assert ("unbalance_zero",) not in harmonic_addresses(parameters)
    lanes = Spectrum(6, 50.0, {}).lanes(5500, phases=1)
    lanes = np.vstack([lanes, np.zeros((parameters.lanes - 2, 5500))])
    shown = {address for port, address, _ in modelled(parameters, lanes) if port == Port.HARMONIC.value}
    assert shown == set(range(sum(each.register.count for each in declared)))


def test_nothing_is_compiled_without_harmonics():
    parameters = preset("single").with_changes(word_bits=24, harmonics=0).metering
    assert harmonic_quantities(parameters) == []
    assert not any("program.harmonics:" in each.line for each in compile_program(parameters).instructions)


OF_A_CYCLE = (
    *("active", "active_fundamental", "apparent_fundamental", "active_harmonic"),
    *("power_factor_fundamental", "angle", "v_angle"),
)


@pytest.mark.parametrize("hz", [45.0, 50.3, 64.9])
def test_fundamental_of_a_cycle(hz, polyphase):
    made_of = Spectrum(7, hz, {5: 3, 7: 2})
    made, sent = polyphase(with_neutral(made_of.lanes(9000)))
    scales = {".".join(each.path): each.register.fraction_bits for each in quantities(made.parameters)}
    for window in made.windows(sent)[60:]:
        assert window["synchronised"]
        for phase in range(3):
            got = {
                name: window[f"phase{phase}.{name}"] / 2.0 ** scales[f"phase{phase}.{name}"]
                for name in OF_A_CYCLE
            }
            v, i = made_of.phasors("v", phase), made_of.phasors("i", phase)
            power = v * i.conj()
            scale = abs(power[0])
            assert got["active_fundamental"] == pytest.approx(power[0].real, abs=5e-5 * scale)
            assert got["apparent_fundamental"] == pytest.approx(scale, rel=5e-5)
            assert got["active_harmonic"] == pytest.approx(power[1:].real.sum(), abs=2e-4 * scale)
            assert got["active_harmonic"] == pytest.approx(got["active"] - got["active_fundamental"])
            assert got["power_factor_fundamental"] == pytest.approx(power[0].real / scale, abs=5e-5)
            assert apart(got["angle"], np.angle(power[0]) / (2 * np.pi)) < 1e-5
            assert apart(got["v_angle"], made_of.turns["v", phase][0] - made_of.turns["v", 0][0]) < 1e-5


def test_a_timed_window_has_no_fundamental(polyphase):
    made, sent = polyphase(np.zeros((7, 1000)))
    window = made.windows(sent)[-1]
    assert not window["synchronised"]
    for name in ("active_fundamental", "apparent_fundamental", "active_harmonic", "angle", "v_angle"):
        assert window[f"phase1.{name}"] == 0
