"""The marks of the metering's digital part beyond the grid of sines: each a small measurement of its own."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.accuracy import (
    I_MAX_A,
    I_PEAK,
    IMAX_OVER_IN,
    MARKS,
    NOISE_LSB,
    V_PEAK,
    VOLTAGE_V,
    Outcome,
    mark_of,
    observed,
    power_factor_name,
)
from bench.parallel import each
from sim.backends.base import Progress
from sim.loads import Burst, Dimmer, HalfWave, Linear, Load, true_power
from sim.mains import Harmonic, Mains
from sim.meter import Analogue, Engine, observe
from sim.reference import sine_power
from sim.resample import FloatArray, Signal
from soc.config import SocConfig, preset

__all__ = ["Bench", "Row", "marks"]

_LOAD_A = 50.0
_STEADY_HZ = (47.3, 50.0, 60.0)
_START_DEG = -20.0
_SECONDS = 1.0
_INFLUENCED_A = 0.05 * I_MAX_A / IMAX_OVER_IN
_DC_RATIO = 0.05


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured: the largest error, and what it may be."""

    name: str
    figure: float
    mark: float
    unit: str = "%"

    @property
    def kept(self) -> bool:
        """Whether the mark is kept."""
        return self.figure <= self.mark


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What measures, and what the chip is."""

    engine: Engine
    config: SocConfig


def marks(
    *,
    engine: Engine,
    config: SocConfig,
    outcomes: Sequence[Outcome] = (),
    jobs: int = 1,
    progress: Progress = lambda step, fraction: None,
) -> list[Row]:
    """Measure every mark; those of the grid are taken from its ``outcomes``."""
    bench = Bench(engine=engine, config=config)
    tasks = [(measurement, bench) for measurement in _MEASUREMENTS]
    rows = _of_grid(outcomes)
    for measured in each(_measured, tasks, jobs=jobs, progress=progress, step="Measuring marks"):
        rows += measured
    return rows


def _measured(task: tuple[Callable[[Bench], Iterable[Row]], Bench]) -> list[Row]:
    measurement, bench = task
    return list(measurement(bench))


def _of_grid(outcomes: Sequence[Outcome]) -> list[Row]:
    """For each mark of the grid and each power factor, the largest error."""
    rows = []
    for mark in MARKS:
        largest: dict[str, float] = {}
        for outcome in outcomes:
            if mark_of(outcome.point) == mark:
                factor = power_factor_name(outcome.point)
                largest[factor] = max(largest.get(factor, 0.0), abs(outcome.error_percent))
        rows += [
            Row(name=f"Energy, PF {factor}, {mark.currents}", figure=figure, mark=mark.percent)
            for factor, figure in largest.items()
        ]
    return rows


def _seed(*parts: object) -> int:
    return zlib.crc32(repr(parts).encode())


def _mains(frequency_hz: float = 50.0, **changed: object) -> Mains:
    mains = Mains(vrms_v=VOLTAGE_V, frequency_hz=frequency_hz, start_deg=_START_DEG)
    return replace(mains, **changed)  # type: ignore[arg-type]


# Loads ------------------------------------------------------------------------------------------------


def _load_error(bench: Bench, load: Load, cycles: int = 1, **changed: object) -> float:
    """Largest error of the active energy of a load at all steady frequencies, against its whole signal."""
    errors = []
    for frequency in _STEADY_HZ:
        mains = _mains(frequency, **changed)
        seen = observed(
            load,
            mains,
            engine=bench.engine,
            config=bench.config,
            seconds=_SECONDS,
            seed=_seed(load, mains),
            cycles=cycles,
        )
        truth = true_power(load, mains, cycles=cycles)
        errors.append(abs(seen.windows.readings()[0].active_w / truth - 1) * 100)
    return max(errors)


def _phase_fired(bench: Bench) -> Iterator[Row]:
    for ring, with_what in ((0.0, ""), (0.5, ", 10 kHz ringing")):
        for firing in (45.0, 90.0, 135.0):
            load = Dimmer(irms_a=_LOAD_A, firing_deg=firing, ring_ratio=ring)
            name = f"Energy, phase-fired at {firing:g}°{with_what}"
            yield Row(name=name, figure=_load_error(bench, load), mark=0.02)


def _half_wave(bench: Bench) -> Iterator[Row]:
    figure = _load_error(bench, HalfWave(irms_a=_LOAD_A))
    yield Row(name="Energy, half-wave rectified", figure=figure, mark=0.02)


def _bursts(bench: Bench) -> Iterator[Row]:
    load = Burst(load=Linear(irms_a=_LOAD_A))
    figure = _load_error(bench, load, cycles=load.cycles)
    yield Row(name="Energy, 2 cycles on and 2 off", figure=figure, mark=0.02)


def _fifth_harmonic(bench: Bench) -> Iterator[Row]:
    load = Linear(irms_a=_LOAD_A, harmonics=(Harmonic(5, 0.4),))
    figure = _load_error(bench, load, harmonics=(Harmonic(5, 0.1),))
    yield Row(name="Energy, 5th harmonic (U 10 %, I 40 %)", figure=figure, mark=0.02)


# Influences -------------------------------------------------------------------------------------------


def _sine_error(bench: Bench, mains: Mains, lag_deg: float, dc_a: float = 0.0) -> float:
    """Error in percent of the active energy of all phases together, signed."""
    seen = observed(
        Linear(irms_a=_INFLUENCED_A, lag_deg=lag_deg, dc_a=dc_a),
        mains,
        engine=bench.engine,
        config=bench.config,
        seconds=_SECONDS,
        seed=_seed(lag_deg),
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
    single, poly = _mains(), _mains(phases=3)
    missing = [_mains(phases=3, missing=phases) for phases in ((0,), (1,), (2,), (0, 1), (1, 2))]
    dc_v, dc_a = _DC_RATIO * V_PEAK, _DC_RATIO * I_PEAK
    for name, bench_of, normal, influenced, offset in (
        (
            "voltage ±20 %",
            bench,
            single,
            [replace(single, vrms_v=ratio * VOLTAGE_V) for ratio in (0.8, 1.2)],
            0.0,
        ),
        ("frequency ±10 %", bench, single, [_mains(45.0), _mains(55.0)], 0.0),
        ("DC on both lanes, 5 % of full scale", bench, single, [_mains(dc_v=dc_v)], dc_a),
        ("a reversed phase order", three, poly, [replace(poly, reversed_order=True)], 0.0),
        ("one or two missing phases", three, poly, missing, 0.0),
    ):
        figure = _additional(bench_of, normal, influenced, offset)
        yield Row(name=f"Influence of {name}", figure=figure, mark=0.005)


# Other readings ---------------------------------------------------------------------------------------


def _reactive(bench: Bench) -> Iterator[Row]:
    for sine in (1.0, 0.5, 0.25):
        errors = []
        for frequency in _STEADY_HZ:
            for ratio, seconds in ((1.0, _SECONDS), (0.0005, 4 * _SECONDS)):
                for side in (1, -1):
                    lag = side * math.degrees(math.asin(sine))
                    load = Linear(irms_a=ratio * I_MAX_A, lag_deg=lag)
                    seen = observed(
                        load,
                        _mains(frequency),
                        engine=bench.engine,
                        config=bench.config,
                        seconds=seconds,
                        seed=_seed(load, frequency),
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
                seconds=_SECONDS,
            ),
            engine=bench.engine,
            config=config,
            v_max=V_PEAK,
            i_max=I_PEAK,
            noise_lsb=NOISE_LSB,
            seed=_seed(ratio),
        )
        readings = seen.windows.readings()
        errors_v.append(abs(readings[1].vrms_v / (ratio * full_v) - 1) * 100)
        errors_i.append(abs(readings[0].irms_a / (ratio * full_a) - 1) * 100)
    yield Row(name="Vrms, 1000:1", figure=max(errors_v), mark=0.02)
    yield Row(name="Irms, 1000:1", figure=max(errors_i), mark=0.02)


def _frequency(bench: Bench) -> Iterator[Row]:
    errors = []
    for frequency in (45.0, 50.013, 65.0):
        mains = _mains(frequency, harmonics=(Harmonic(3, 0.05, 40.0), Harmonic(5, 0.03, 200.0)))
        seen = observed(
            Linear(irms_a=_LOAD_A),
            mains,
            engine=bench.engine,
            config=bench.config,
            seconds=10 * _SECONDS,
            seed=_seed(frequency),
        )
        measured = seen.windows.readings()[0].frequency_hz
        errors.append(math.inf if measured is None else abs(measured - frequency) * 1000)
    yield Row(name="Frequency, 10 s, with harmonics", figure=max(errors), mark=1.0, unit="mHz")


_MEASUREMENTS: tuple[Callable[[Bench], Iterable[Row]], ...] = (
    _reactive,
    _rms_values,
    _frequency,
    _phase_fired,
    _half_wave,
    _bursts,
    _fifth_harmonic,
    _influences,
)
