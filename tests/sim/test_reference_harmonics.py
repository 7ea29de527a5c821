"""The float64 reference of harmonics and powers: against analytic signals, and against another analyser."""

import math
from typing import Any

import numpy as np
import pytest

from sim.mains import Harmonic, Mains
from sim.reference import reference
from sim.reference_harmonics import (
    angle_deg,
    crossings,
    half_cycle_rms,
    harmonics,
    peak,
    phasors,
    powers,
    relative_angle_deg,
    rms,
    sequences,
    summed,
    unbalance,
)
from sim.resample import FloatArray, Signal

CLOSE: dict[str, Any] = {"rel": 1e-10, "abs": 1e-9}


def series(frequency: float, dc: float, *terms: tuple[int, float, float]) -> Signal:
    """Harmonics of given order, RMS value and angle in degrees."""

    def signal(times: FloatArray) -> FloatArray:
        total = np.full_like(times, dc)
        for order, value, angle in terms:
            total += (
                math.sqrt(2) * value * np.sin(2 * np.pi * frequency * order * times + math.radians(angle))
            )
        return total

    return signal


V_TERMS = ((1, 230.0, 20.0), (3, 11.0, -100.0), (5, 23.0, 7.0), (49, 2.0, 60.0), (50, 3.0, 170.0))
I_TERMS = (
    (1, 5.0, -30.0),
    (2, 0.3, 0.0),
    (3, 1.5, 100.0),
    (5, 2.0, 50.0),
    (49, 0.05, 0.0),
    (50, 0.1, -170.0),
)


@pytest.mark.parametrize(("frequency", "cycles"), [(42.5, 10), (50.0, 10), (49.37, 1), (69.0, 12)])
def test_phasors_of_analytic_signals(frequency, cycles):
    boundaries = np.arange(4) * cycles / frequency
    found = harmonics(
        series(frequency, 3.0, *V_TERMS), series(frequency, -1.0, *I_TERMS), boundaries, cycles=cycles
    )
    for terms, measured in ((V_TERMS, found.v), (I_TERMS, found.i)):
        expected = np.zeros(50, complex)
        for order, value, angle in terms:
            expected[order - 1] = value * np.exp(1j * math.radians(angle))
        np.testing.assert_allclose(measured, np.tile(expected, (3, 1)), atol=3e-9 * abs(expected[0]))
    assert found.active_w[:, 2] == pytest.approx(11 * 1.5 * math.cos(math.radians(200)), **CLOSE)
    assert found.reactive_var[:, 0] == pytest.approx(230 * 5 * math.sin(math.radians(50)), **CLOSE)
    assert found.thd_v == pytest.approx(math.sqrt(11**2 + 23**2 + 2**2 + 3**2) / 230, rel=1e-9)
    assert found.thd_i == pytest.approx(math.sqrt(0.3**2 + 1.5**2 + 2**2 + 0.05**2 + 0.1**2) / 5, rel=1e-9)


def test_angles_are_those_at_the_zero_crossing_of_the_fundamental():
    """Wherever the window begins."""
    terms = ((1, 230.0, 0.0), (3, 10.0, 30.0), (50, 5.0, -140.0))
    for start in (0.0, 0.0031, 0.017):
        found = phasors(series(50.0, 0.0, *terms), start + np.arange(3) / 50)
        angles = relative_angle_deg(found, found[:, 0])
        for order, _, angle in terms:
            assert angles[:, order - 1] == pytest.approx(angle, abs=1e-7)


@pytest.mark.parametrize("frequency", [45.0, 50.0, 63.1])
def test_powers_of_ieee_1459(frequency):
    found = powers(
        series(frequency, 3.0, *V_TERMS), series(frequency, -1.0, *I_TERMS), np.arange(6) / frequency
    )
    v, i = ({order: (value, angle) for order, value, angle in terms} for terms in (V_TERMS, I_TERMS))
    products = {order: (v[order][0] * i[order][0], math.radians(v[order][1] - i[order][1])) for order in v}
    v_all, i_all = (math.sqrt(sum(value**2 for _, value, _ in terms)) for terms in (V_TERMS, I_TERMS))
    vh, ih = math.sqrt(v_all**2 - 230**2), math.sqrt(i_all**2 - 5**2)
    p = {order: size * math.cos(angle) for order, (size, angle) in products.items()}
    q = {order: size * math.sin(angle) for order, (size, angle) in products.items()}
    for measured, expected in (
        (found.vrms_v, v_all),
        (found.irms_a, i_all),
        (found.active_w, sum(p.values())),
        (found.apparent_va, v_all * i_all),
        (found.fundamental_v, 230.0),
        (found.fundamental_a, 5.0),
        (found.fundamental_active_w, p[1]),
        (found.fundamental_reactive_var, q[1]),
        (found.fundamental_apparent_va, 1150.0),
        (found.harmonic_active_w, sum(p.values()) - p[1]),
        (found.harmonic_v, vh),
        (found.harmonic_a, ih),
        (found.vector_apparent_va, math.hypot(sum(p.values()), q[1])),
        (found.nonfundamental_va, math.sqrt((v_all * i_all) ** 2 - 1150**2)),
        (found.current_distortion_var, 230 * ih),
        (found.voltage_distortion_var, vh * 5),
        (found.harmonic_apparent_va, vh * ih),
        (found.budeanu_var, sum(q.values())),
        (found.power_factor, sum(p.values()) / (v_all * i_all)),
        (found.fundamental_power_factor, math.cos(math.radians(50))),
    ):
        assert measured == pytest.approx(expected, rel=1e-8, abs=1e-7)
    assert found.nonfundamental_va**2 == pytest.approx(
        found.current_distortion_var**2 + found.voltage_distortion_var**2 + found.harmonic_apparent_va**2
    )


def test_powers_are_those_of_the_readings():
    """Windows of different lengths, and a current that is no multiple of the mains."""
    voltage, current = series(50.0, 1.0, *V_TERMS), series(51.3, 0.2, *I_TERMS)
    boundaries = np.array([0.0, 0.02, 0.0401, 0.0599, 0.08])
    found, readings = powers(voltage, current, boundaries), reference(voltage, current, boundaries)
    assert found.vrms_v == pytest.approx(readings.vrms_v, **CLOSE)
    assert found.irms_a == pytest.approx(readings.irms_a, **CLOSE)
    assert found.active_w == pytest.approx(readings.active_w, **CLOSE)
    assert found.fundamental_reactive_var == pytest.approx(readings.reactive_var, **CLOSE)


def test_without_current_there_is_no_power_factor():
    found = powers(series(50.0, 0.0, *V_TERMS), np.zeros_like, np.arange(3) / 50)
    assert (found.power_factor, found.fundamental_power_factor) == (None, None)
    assert (found.apparent_va, found.nonfundamental_va) == (0.0, 0.0)


def test_crossings_and_half_cycle_rms():
    """A dip of half a cycle that begins at a crossing touches two of the cycles that begin at crossings."""

    def dipped(times: FloatArray) -> FloatArray:
        depth = np.where((times >= 0.05) & (times < 0.06), 0.5, 1.0)
        return depth * 325 * np.sin(2 * np.pi * 50 * times)

    times = crossings(dipped, -0.001, 0.101)
    np.testing.assert_allclose(times, np.arange(11) / 100, atol=1e-12)
    found = half_cycle_rms(dipped, times)
    assert found.size == 9
    expected = np.full(9, 325 / math.sqrt(2))
    expected[4:6] *= math.sqrt((1 + 0.25) / 2)
    np.testing.assert_allclose(found[[0, 1, 2, 3, 6, 7, 8]], expected[[0, 1, 2, 3, 6, 7, 8]], rtol=1e-10)
    with_dc = half_cycle_rms(dipped, times, dc=True)
    np.testing.assert_allclose(with_dc, expected, rtol=1e-10)
    fall = (math.pi - math.asin(100 / 230 / math.sqrt(2)) - math.radians(30)) / (100 * math.pi)
    leading = series(50.0, 0.0, (1, 230.0, 30.0))
    assert crossings(leading, 0.0, 0.04, level=100.0)[0] == pytest.approx(fall, abs=1e-12)


def test_peaks():
    signal = series(50.0, 2.0, (1, 230.0, 20.0), (3, 20.0, 200.0))
    boundaries = 0.001 + np.arange(4) / 50
    dense = np.abs(signal(0.001 + np.arange(2_000_000) / 2_000_000 / 50)).max()
    np.testing.assert_allclose(peak(signal, boundaries), dense, rtol=1e-9)
    np.testing.assert_allclose(
        peak(series(50.0, 0.0, (50, 10.0, 33.0)), boundaries), 10 * math.sqrt(2), rtol=2e-5
    )
    assert not peak(np.zeros_like, boundaries).any()


def test_angles_between_phases_and_unbalance():
    mains = Mains(phases=3, frequency_hz=50.07, start_deg=40.0)
    boundaries = 0.003 + np.arange(3) / 50.07
    found = [phasors(mains.voltage(phase), boundaries, highest_order=1)[:, 0] for phase in range(3)]
    assert angle_deg(found[1], found[0]) == pytest.approx(-120)
    assert angle_deg(found[2], found[0]) == pytest.approx(120)
    assert unbalance([each[0] for each in found]) == pytest.approx(0, abs=1e-10)
    uneven = [found[0][0], 0.9 * found[1][0], found[2][0]]
    assert unbalance(uneven) == pytest.approx(0.1 / 2.9)
    zero, positive, negative = sequences(uneven)
    assert (abs(zero), abs(positive), abs(negative)) == pytest.approx((23 / 3, 230 * 2.9 / 3, 23 / 3))
    assert unbalance([0.0, 0.0, 0.0]) == math.inf
    back = [found[0][0], found[2][0], found[1][0]]
    assert unbalance(back) > 1e9


def test_computed_neutral_current():
    """The fundamentals cancel, the third harmonics add up."""
    mains = Mains(phases=3, vrms_v=1.0, harmonics=(Harmonic(3, 0.2),))
    neutral = summed([mains.voltage(phase) for phase in range(3)])
    assert rms(neutral, np.arange(3) / 50) == pytest.approx(0.6)
    assert rms(series(50.0, 4.0, (1, 3.0, 0.0)), np.arange(3) / 50, dc=True) == pytest.approx(5.0)


def test_another_analyser_finds_the_same():
    """pqopen-lib reads the same signals, 10 cycles in 4096 samples so that its own resampling is exact."""
    powersystem = pytest.importorskip("pqopen.powersystem", reason="pqopen-lib is not installed")
    from daqopen.channelbuffer import AcqBuffer

    rate, frequency, count = 20_480.0, 50.0, 20_480
    times = np.arange(count) / rate
    turns = (0.0, -120.0, 120.0)
    lanes = [
        tuple(
            series(
                frequency,
                0.0,
                *((order, value * size, angle + order * turn) for order, value, angle in terms),
            )
            for terms in (V_TERMS, I_TERMS)
        )
        for turn, size in zip(turns, (1.0, 0.97, 1.02), strict=True)
    ]
    buffers = [[AcqBuffer(size=2 * count, dtype=np.float64) for _ in pair] for pair in lanes]
    analyser = powersystem.PowerSystem(zcd_channel=buffers[0][0], input_samplerate=rate)
    for number, pair in enumerate(buffers, start=1):
        analyser.add_phase(*pair, name=str(number))
    analyser.enable_harmonic_calculation(50)
    analyser.enable_neutral_current_calculation()
    for pair, signals in zip(buffers, lanes, strict=True):
        for buffer, signal in zip(pair, signals, strict=True):
            buffer.put_data(signal(times))
    analyser.process()

    def theirs(name):
        values, _ = analyser.output_channels[name].read_data_by_acq_sidx(0, count)
        return values[-1]

    boundaries = np.array([0.4, 0.6])
    first = []
    for number, (voltage, current) in enumerate(lanes, start=1):
        found = harmonics(voltage, current, boundaries, cycles=10)
        ours = powers(voltage, current, boundaries, cycles=10)
        first.append(found.v[0, 0])
        scale_v, scale_i = abs(found.v[0, 0]), abs(found.i[0, 0])
        np.testing.assert_allclose(theirs(f"U{number}_H_rms")[1:], np.abs(found.v[0]), atol=1e-6 * scale_v)
        np.testing.assert_allclose(theirs(f"I{number}_H_rms")[1:], np.abs(found.i[0]), atol=1e-6 * scale_i)
        for name, value in (
            (f"U{number}_rms", ours.vrms_v),
            (f"I{number}_rms", ours.irms_a),
            (f"P{number}", ours.active_w),
            (f"P{number}_H1", ours.fundamental_active_w),
            (f"Q{number}_H1", ours.fundamental_reactive_var),
        ):
            assert theirs(name) == pytest.approx(value, rel=1e-6), name
        up_to_40 = harmonics(voltage, current, boundaries, cycles=10, highest_order=40)
        assert theirs(f"U{number}_THD") == pytest.approx(100 * up_to_40.thd_v[0], rel=1e-6)
        assert theirs(f"I{number}_THD") == pytest.approx(100 * up_to_40.thd_i[0], rel=1e-6)
        if number > 1:
            assert theirs(f"U{number}_H1_phi") == pytest.approx(angle_deg(found.v[0, 0], first[0]), abs=1e-4)
    assert theirs("U_unbal_2") == pytest.approx(100 * unbalance(first), rel=1e-5)
    neutral = summed([current for _, current in lanes])
    assert theirs("IN_rms") == pytest.approx(rms(neutral, boundaries)[0], rel=1e-5)
