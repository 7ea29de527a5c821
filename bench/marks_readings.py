"""Marks of the other readings: reactive power, RMS values, frequency, harmonics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

import numpy as np

from bench.accuracy import I_MAX_A, I_PEAK, NOISE_LSB, V_PEAK, VOLTAGE_V, observed
from bench.mark import LOAD_A, Bench, Measurement, Row, mains_of, seed_of
from sim.loads import Linear
from sim.mains import Harmonic
from sim.meter import Analogue, observe
from sim.reference_harmonics import crossings, half_cycle_rms
from sim.resample import FloatArray, Signal
from soc.config import preset

__all__ = ["MEASUREMENTS"]

_ORDERS = 50
_SETTLING = 10


def _reactive(bench: Bench) -> Iterator[Row]:
    for sine in (1.0, 0.5, 0.25):
        errors = []
        for frequency in bench.steady_hz:
            for ratio, seconds in ((1.0, bench.seconds), (0.0005, 4 * bench.seconds)):
                for side in (1, -1):
                    lag = side * math.degrees(math.asin(sine))
                    load = Linear(irms_a=ratio * I_MAX_A, lag_deg=lag)
                    seen = observed(
                        load,
                        mains_of(frequency),
                        engine=bench.engine,
                        config=bench.config,
                        seconds=seconds,
                        seed=seed_of(load, frequency),
                    )
                    reactive = seen.windows.readings()[0].reactive_var
                    truth = side * sine * VOLTAGE_V * ratio * I_MAX_A
                    errors.append(math.inf if reactive is None else abs(reactive / truth - 1) * 100)
        yield Row(name=f"Fundamental reactive power, sin φ {sine:g}, 2000:1", figure=max(errors), mark=0.02)


def _rms_values(bench: Bench) -> Iterator[Row]:
    """Small voltages are those of a second phase: the first gives the crossings."""
    config = preset("polyphase")
    full_v, full_a = V_PEAK / (1.25 * math.sqrt(2)), I_MAX_A
    errors_v, errors_i = [], []
    for ratio in (1.0, 0.1, 0.01, 0.001):

        def lane(rms: float) -> Signal:
            def values(times_s: FloatArray) -> FloatArray:
                return math.sqrt(2) * rms * np.sin(2 * np.pi * 50.0 * times_s)

            return values

        seen = observe(
            Analogue(
                source=f"{ratio:g} of full scale",
                lanes=[
                    (lane(VOLTAGE_V), lane(ratio * full_a)),
                    (lane(ratio * full_v), lane(ratio * full_a)),
                ],
                start_s=0.002,
                seconds=bench.seconds,
            ),
            engine=bench.engine,
            config=config,
            v_max=V_PEAK,
            i_max=I_PEAK,
            noise_lsb=NOISE_LSB,
            seed=seed_of(ratio),
        )
        readings = seen.windows.readings()
        errors_v.append(abs(readings[1].vrms_v / (ratio * full_v) - 1) * 100)
        errors_i.append(abs(readings[0].irms_a / (ratio * full_a) - 1) * 100)
    yield Row(name="Vrms, 1000:1", figure=max(errors_v), mark=0.02)
    yield Row(name="Irms, 1000:1", figure=max(errors_i), mark=0.02)


def _frequency(bench: Bench) -> Iterator[Row]:
    errors = []
    for frequency in (45.0, 50.013, 65.0):
        mains = mains_of(frequency, harmonics=(Harmonic(3, 0.05, 40.0), Harmonic(5, 0.03, 200.0)))
        seen = observed(
            Linear(irms_a=LOAD_A),
            mains,
            engine=bench.engine,
            config=bench.config,
            seconds=10 * bench.seconds,
            seed=seed_of(frequency),
        )
        measured = seen.windows.readings()[0].frequency_hz
        errors.append(math.inf if measured is None else abs(measured - frequency) * 1000)
    yield Row(name="Frequency, 10 s, with harmonics", figure=max(errors), mark=1.0, unit="mHz")


def _harmonics(bench: Bench) -> Iterator[Row]:
    """All orders at once, each a little above 1 % of the fundamental."""
    random = Random(1)
    ratio = 0.0101
    v_orders, i_orders = (
        tuple(Harmonic(order, ratio, random.uniform(-180, 180)) for order in range(2, _ORDERS + 1))
        for _ in range(2)
    )
    errors_v: list[float] = []
    errors_i: list[float] = []
    for frequency in (42.6, 49.37, 50.0, 60.0, 68.9):
        seen = observed(
            Linear(irms_a=LOAD_A / 2, lag_deg=40.0, harmonics=i_orders),
            mains_of(frequency, harmonics=v_orders),
            engine=bench.engine,
            config=preset("polyphase"),
            seconds=2 * bench.seconds,
            seed=seed_of("harmonics", frequency),
        )
        shown = seen.harmonics.quantities()
        for errors, name, rms in (
            (errors_v, "v_amplitude", VOLTAGE_V),
            (errors_i, "i_amplitude", LOAD_A / 2),
        ):
            truth = rms * np.array([1.0] + [ratio] * (_ORDERS - 1))
            measured = np.array(shown["phase0"][name]) if shown else np.full(_ORDERS, np.inf)
            errors.append(float(np.abs(measured / truth - 1).max() * 100))
    yield Row(name="Harmonics of U to order 50, each 1 %", figure=max(errors_v), mark=0.1)
    yield Row(name="Harmonics of I to order 50, each 1 %", figure=max(errors_i), mark=0.1)


def _budeanu(bench: Bench) -> Iterator[Row]:
    """A sine at sin φ 0.25, alone and with one harmonic at 90°, up to 3.4 kHz."""
    lag = math.degrees(math.asin(0.25))
    errors = []
    alone = [(frequency, 0) for frequency in (45.0, 50.0, 65.0)]
    for frequency, order in (*alone, (50.0, 3), (50.0, 20), (50.0, 50), (50.0, 68), (45.0, 75)):
        v = (Harmonic(order, 0.1),) if order else ()
        i = (Harmonic(order, 0.4, order * lag - 90.0),) if order else ()
        seen = observed(
            Linear(irms_a=LOAD_A, lag_deg=lag, harmonics=i),
            mains_of(frequency, harmonics=v),
            engine=bench.engine,
            config=bench.config,
            seconds=2 * bench.seconds,
            seed=seed_of("Budeanu", frequency, order),
        )
        # The chains that shift settle meanwhile: the first windows are left out.
        measured = float(np.mean(seen.windows.course("phase0.reactive_budeanu")[_SETTLING:]))
        truth = VOLTAGE_V * LOAD_A * (0.25 + (0.04 if order else 0.0))
        errors.append(abs(measured / truth - 1) * 100)
    yield Row(name="Budeanu's reactive power, 45 Hz to 3.4 kHz", figure=max(errors), mark=0.02)


def _half_cycles(bench: Bench) -> Iterator[Row]:
    errors = []
    for frequency in bench.steady_hz:
        mains = mains_of(frequency, harmonics=(Harmonic(3, 0.05, 40.0), Harmonic(5, 0.03, 200.0)))
        seen = observed(
            Linear(irms_a=LOAD_A),
            mains,
            engine=bench.engine,
            config=bench.config,
            seconds=2 * bench.seconds,
            seed=seed_of("half", frequency),
        )
        # The first cycles prove the frequency before there are values.
        voltage = mains.voltage()
        truth = half_cycle_rms(voltage, crossings(voltage, 0.0, 10 / frequency), dc=True).mean()
        measured = seen.windows.course("phase0.vrms_half")[_SETTLING:]
        errors.append(float(np.abs(measured / truth - 1).max() * 100))
    yield Row(name="Urms½, with harmonics", figure=max(errors), mark=0.05)


MEASUREMENTS: tuple[Measurement, ...] = (
    _reactive,
    _budeanu,
    _rms_values,
    _half_cycles,
    _frequency,
    _harmonics,
)
