"""Marks of the active energy: loads that are no sines, and influences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.accuracy import I_MAX_A, I_PEAK, IMAX_OVER_IN, V_PEAK, VOLTAGE_V, observed
from bench.mark import LOAD_A, Bench, Measurement, Row, mains_of, seed_of
from sim.loads import Burst, Dimmer, HalfWave, Linear, Load, true_power
from sim.mains import Harmonic, Mains
from sim.reference import sine_power
from soc.config import preset

__all__ = ["MEASUREMENTS"]

_INFLUENCED_A = 0.05 * I_MAX_A / IMAX_OVER_IN
_DC_RATIO = 0.05


def _load_error(bench: Bench, load: Load, cycles: int = 1, **changed: object) -> float:
    """Largest error of the active energy of a load at all steady frequencies, against its whole signal."""
    errors = []
    for frequency in bench.steady_hz:
        mains = mains_of(frequency, **changed)
        seen = observed(
            load,
            mains,
            engine=bench.engine,
            config=bench.config,
            seconds=bench.seconds,
            seed=seed_of(load, mains),
            cycles=cycles,
        )
        truth = true_power(load, mains, cycles=cycles)
        errors.append(abs(seen.windows.readings()[0].active_w / truth - 1) * 100)
    return max(errors)


def _phase_fired(bench: Bench) -> Iterator[Row]:
    for ring, with_what in ((0.0, ""), (0.5, ", 10 kHz ringing")):
        for firing in (45.0, 90.0, 135.0):
            load = Dimmer(irms_a=LOAD_A, firing_deg=firing, ring_ratio=ring)
            name = f"Energy, phase-fired at {firing:g}°{with_what}"
            yield Row(name=name, figure=_load_error(bench, load), mark=0.02)


def _half_wave(bench: Bench) -> Iterator[Row]:
    figure = _load_error(bench, HalfWave(irms_a=LOAD_A))
    yield Row(name="Energy, half-wave rectified", figure=figure, mark=0.02)


def _bursts(bench: Bench) -> Iterator[Row]:
    load = Burst(load=Linear(irms_a=LOAD_A))
    figure = _load_error(bench, load, cycles=load.cycles)
    yield Row(name="Energy, 2 cycles on and 2 off", figure=figure, mark=0.02)


def _fifth_harmonic(bench: Bench) -> Iterator[Row]:
    load = Linear(irms_a=LOAD_A, harmonics=(Harmonic(5, 0.4),))
    figure = _load_error(bench, load, harmonics=(Harmonic(5, 0.1),))
    yield Row(name="Energy, 5th harmonic (U 10 %, I 40 %)", figure=figure, mark=0.02)


def _sine_error(bench: Bench, mains: Mains, lag_deg: float, dc_a: float = 0.0) -> float:
    """Error in percent of the active energy of all phases together, signed."""
    seen = observed(
        Linear(irms_a=_INFLUENCED_A, lag_deg=lag_deg, dc_a=dc_a),
        mains,
        engine=bench.engine,
        config=bench.config,
        seconds=bench.seconds,
        seed=seed_of(lag_deg),
    )
    turn = 120.0 if mains.reversed_order else -120.0
    truth = sum(
        sine_power(
            mains.vrms_v,
            _INFLUENCED_A,
            lag_deg,
            frequency_hz=mains.frequency_hz,
            start_deg=mains.start_deg + turn * phase,
            interval_s=(float(seen.boundaries_s[0]), float(seen.boundaries_s[-1])),
        )
        for phase in range(mains.phases)
        if phase not in mains.missing
    )
    return (sum(readings.active_w for readings in seen.windows.readings()) / truth - 1) * 100


def _additional(bench: Bench, normal: Mains, influenced: Sequence[Mains], dc_a: float = 0.0) -> float:
    """Largest change of the error, PF 1 and 0.5 inductive."""
    return max(
        abs(_sine_error(bench, mains, lag, dc_a) - _sine_error(bench, normal, lag))
        for lag in (0.0, 60.0)
        for mains in influenced
    )


def _influences(bench: Bench) -> Iterator[Row]:
    three = replace(bench, config=preset("polyphase"))
    single, poly = mains_of(), mains_of(phases=3)
    missing = [mains_of(phases=3, missing=phases) for phases in ((0,), (1,), (2,), (0, 1), (1, 2))]
    dc_v, dc_a = _DC_RATIO * V_PEAK, _DC_RATIO * I_PEAK
    for name, bench_of, normal, influenced, offset in (
        (
            "voltage ±20 %",
            bench,
            single,
            [replace(single, vrms_v=ratio * VOLTAGE_V) for ratio in (0.8, 1.2)],
            0.0,
        ),
        ("frequency ±10 %", bench, single, [mains_of(45.0), mains_of(55.0)], 0.0),
        ("DC on both lanes, 5 % of full scale", bench, single, [mains_of(dc_v=dc_v)], dc_a),
        ("a reversed phase order", three, poly, [replace(poly, reversed_order=True)], 0.0),
        ("one or two missing phases", three, poly, missing, 0.0),
    ):
        figure = _additional(bench_of, normal, influenced, offset)
        yield Row(name=f"Influence of {name}", figure=figure, mark=0.005)


MEASUREMENTS: tuple[Measurement, ...] = (_phase_fired, _half_wave, _bursts, _fifth_harmonic, _influences)
