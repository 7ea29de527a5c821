"""Marks of the chain around the energies: front end, no load, and pulses."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.accuracy import I_MAX_A, I_PEAK, NOISE_LSB, V_PEAK, VOLTAGE_V
from bench.mark import Bench, Measurement, Row, mains_of, seed_of
from rtl.metering.constants import Constants
from rtl.metering.filters import CIC_ORDER, decimation_taps, interpolation_table
from rtl.metering.parameters import INPUTS, LANE_BITS
from rtl.metering.program.settings import DELAY_FRACTION, NoLoad, Settings
from rtl.metering.state import fields
from sim.adc import Adc
from sim.compiled_model import CompiledModel
from sim.decimation import Decimation
from sim.delta_sigma import DeltaSigma
from sim.loads import Linear, Load
from sim.mains import Mains
from sim.measured import Scale, Windows
from sim.meter import Engine, compiled
from sim.pulses import jitter, pulse_times
from sim.records import shown
from sim.resample import FloatArray, Signal
from soc.config import SocConfig

__all__ = ["MEASUREMENTS"]

Codes = npt.NDArray[np.int64]

_LOW_HZ, _HIGH_HZ, _STEP_HZ = 2500.0, 3450.0, 25.0
_TONES_HZ = (1000.0, 2500.0, 3450.0)
_SIGNAL_RATE = 2
"""Rate at which a modulator's signal is given, in samples of the chip."""

_ENERGY_UNIT = 2.0**54
_POWER_UNIT = 2.0**34
"""Units of an energy, and of a power's threshold, in full scale of voltage and current (and a sample)."""

_SETTLED_SETS = 5000
_ROUNDING = 2.0**-16


# Gain -------------------------------------------------------------------------------------------------


def _interpolated(frequency_hz: FloatArray, rate_hz: float) -> FloatArray:
    """Gains of the phase correction by frequency and delay, for delays all over a sample period."""
    table = interpolation_table()
    rows = np.array([table.row(phase) for phase in range(table.phases + 1)], float)
    between = np.linspace(0, 1, 8, endpoint=False)[:, None, None]
    taps = ((1 - between) * rows[:-1] + between * rows[1:]).reshape(-1, rows.shape[1])
    turns = np.exp(-2j * np.pi * np.outer(np.arange(rows.shape[1]), frequency_hz / rate_hz))
    return np.abs(taps @ turns) / (1 << table.coefficient_bits)


def _decimated(frequency_hz: FloatArray, config: SocConfig) -> FloatArray:
    """Gain of CIC decimator and decimation filter by frequency."""
    design, ratio = decimation_taps(config.cic_decimation), config.cic_decimation
    place = np.pi * frequency_hz / (2 * float(config.sample_rate_hz))
    droop = (np.sin(place) / (ratio * np.sin(place / ratio))) ** CIC_ORDER
    # The filter's two halves are alike; a modulator of full scale gives full scale.
    offsets = np.arange(len(design.taps)) - (len(design.taps) - 1) / 2
    response = np.cos(2 * np.outer(place, offsets)) @ np.array(design.taps, float)
    full_scale = 2.0 ** (design.shift + LANE_BITS - 1) / float(ratio) ** CIC_ORDER
    return np.abs(droop * response) / full_scale


def _gains(bench: Bench) -> Iterator[Row]:
    """From the integer coefficients; every delay that the phase correction can have."""
    frequencies = np.arange(_STEP_HZ, _HIGH_HZ + _STEP_HZ / 2, _STEP_HZ)
    words = _interpolated(frequencies, float(bench.config.sample_rate_hz))
    for name, gains in (
        ("words", words),
        ("ΔΣ lanes", words * _decimated(frequencies, bench.config)),
    ):
        errors = np.abs(gains - 1).max(axis=0) * 100
        for highest, mark in ((_LOW_HZ, 0.005), (_HIGH_HZ, 0.05)):
            figure = float(errors[frequencies <= highest].max())
            yield Row(
                name=f"Gain to {highest / 1000:g} kHz, {name}, by calculation", figure=figure, mark=mark
            )


def _measured_gains(bench: Bench) -> Iterator[Row]:
    """RMS value of a tone beside mains on the voltage, its lane half a sample early."""
    for name, convert in (("words", _words), ("ΔΣ lanes", _modulated)):
        for highest, mark in ((_LOW_HZ, 0.005), (_HIGH_HZ, 0.05)):
            errors = []
            for tone in _TONES_HZ:
                if tone <= highest:
                    config, codes = convert(bench, Linear(irms_a=0.4 * I_PEAK), mains_of(), tone_hz=tone)
                    engine = _delayed(bench.engine, config, -0.5)
                    reading = _windows(engine, config, codes).readings()[0]
                    errors.append(abs(reading.irms_a / (0.4 * I_PEAK) - 1) * 100)
            yield Row(name=f"Gain to {highest / 1000:g} kHz, {name}, measured", figure=max(errors), mark=mark)


def _delayed(engine: Engine, config: SocConfig, samples: float) -> Engine:
    """The engine with the first current later by so many samples, if it takes settings."""
    if not engine.takes_settings:
        return engine
    settings = Settings(config.metering)
    settings.channels[config.voltage_lanes].delay = round(samples * (1 << DELAY_FRACTION))
    settings.crc = settings.computed_crc
    delayed = copy.copy(engine)
    delayed.settings = [field.value for _, field in fields(settings)]
    return delayed


# ΔΣ lanes ---------------------------------------------------------------------------------------------


def _signals(load: Load, mains: Mains, times: FloatArray, tone_hz: float | None) -> list[FloatArray]:
    """Voltage and current against full scale; a tone takes the current's place."""
    current = load.current(mains)(times)
    if tone_hz is not None and isinstance(load, Linear):
        current = math.sqrt(2) * load.irms_a * np.sin(2 * np.pi * tone_hz * times)
    return [mains.voltage()(times) / V_PEAK, current / I_PEAK]


def _placed(signals: Sequence[FloatArray], config: SocConfig) -> FloatArray:
    """The signals on the lanes of the first phase, nothing on the others."""
    lanes = np.zeros((config.lanes, len(signals[0])))
    lanes[0], lanes[config.voltage_lanes] = signals
    return lanes


def _words(
    bench: Bench, load: Load, mains: Mains, *, tone_hz: float | None = None
) -> tuple[SocConfig, Codes]:
    """What a converter of words gives the chip, with noise."""
    config = bench.config
    count = int(bench.seconds * float(config.sample_rate_hz)) + Constants.tail_sets
    lanes = _placed(_signals(load, mains, np.arange(count) / float(config.sample_rate_hz), tone_hz), config)
    return config, _converted(lanes, config, seed_of(load, mains, tone_hz))


def _converted(lanes: FloatArray, config: SocConfig, seed: int) -> Codes:
    """Codes of lanes against full scale, each with noise of its own."""
    return np.stack(
        [
            Adc(
                full_scale=1.0, width=config.word_bits, noise_lsb=NOISE_LSB, seed=seed * config.lanes + number
            )
            .convert(_held(lane), np.arange(len(lane), dtype=np.float64))
            .values
            for number, lane in enumerate(lanes)
        ],
        axis=1,
    )


def _held(samples: FloatArray) -> Signal:
    """A signal whose time is the number of a sample."""

    def values(numbers: FloatArray) -> FloatArray:
        return samples[numbers.astype(int)]

    return values


def _modulated(
    bench: Bench, load: Load, mains: Mains, *, tone_hz: float | None = None
) -> tuple[SocConfig, Codes]:
    """What the decimators make of modulators' bits, as words of a lane's width."""
    config = bench.config.with_changes(word_bits=LANE_BITS)
    rate = _SIGNAL_RATE * float(config.sample_rate_hz)
    count = int(bench.seconds * rate) + 200 + _SIGNAL_RATE * Constants.tail_sets
    signals = _signals(load, mains, np.arange(count) / rate, tone_hz)
    ratio = config.cic_decimation * config.fir_decimation // _SIGNAL_RATE
    bits = DeltaSigma(lanes=2, ratio=ratio).bits(np.stack(signals, axis=1))
    samples = Decimation(lanes=2, cic_decimation=config.cic_decimation).samples(bits).values
    codes = np.zeros((len(samples), config.lanes), np.int64)
    codes[:, 0], codes[:, config.voltage_lanes] = samples.T
    return config, codes


def _windows(engine: Engine, config: SocConfig, codes: Codes) -> Windows:
    records, _ = engine.run(config, codes, lambda step, fraction: None)
    return Windows(records.windows, Scale(V_PEAK, I_PEAK, config.sample_rate_hz))


def _delta_sigma(bench: Bench) -> Iterator[Row]:
    errors_p, errors_i = [], []
    for frequency in bench.steady_hz:
        for ratio in (1.0, 0.03, 0.001):
            load, mains = Linear(irms_a=ratio * I_MAX_A), mains_of(frequency)
            words, lanes = (
                _windows(bench.engine, *convert(bench, load, mains)).readings()[0]
                for convert in (_words, _modulated)
            )
            errors_p.append(abs(lanes.active_w / words.active_w - 1) * 100)
            errors_i.append(abs(lanes.irms_a / words.irms_a - 1) * 100)
    yield Row(name="ΔΣ lanes against words, energy, 1000:1", figure=max(errors_p), mark=0.01)
    yield Row(name="ΔΣ lanes against words, Irms, 1000:1", figure=max(errors_i), mark=0.01)


# No load, and pulses: what the engine sends is needed itself, so that the model measures ----------------


def _noise_bound(config: SocConfig) -> float:
    """The largest power that noise makes of an open current in 24 hours, against its no-load threshold.

    Once in a million such days at most. The mean of a window's products of a sine and white noise has the
    sine's RMS value times the noise's, over the root of the number of samples; its apparent power is their
    RMS values' product.
    """
    volts = 1.15 * VOLTAGE_V / V_PEAK
    noise = math.hypot(NOISE_LSB, 1 / math.sqrt(12)) * 2.0 ** (1 - config.word_bits)
    samples = float(config.sample_rate_hz) / config.highest_hz
    windows = 24 * 3600 * config.highest_hz * config.phases
    deviations = -NormalDist().inv_cdf(0.5e-6 / windows)
    threshold: Any = NoLoad()
    return max(
        _POWER_UNIT
        * deviations
        * volts
        * noise
        / math.sqrt(samples)
        / min(threshold.active, threshold.reactive),
        _POWER_UNIT * volts * noise * (1 + deviations / math.sqrt(samples)) / threshold.apparent,
    )


def _no_load(bench: Bench) -> Iterator[Row]:
    """115 % of the voltage, an open current, and for each output the least quantum that there is."""
    config, model = bench.config, compiled(bench.config).fresh()
    for output, energy in zip(range(config.pulse_outputs), (2, 5, 3, 4), strict=False):
        _set_pulse(model, output, 1, energy)
    rate, found = int(config.sample_rate_hz), 0
    mains = mains_of(vrms_v=1.15 * VOLTAGE_V, phases=3 if config.phases == 3 else 1)
    for second in range(math.ceil(bench.no_load_seconds)):
        times = second + np.arange(rate) / rate
        lanes = np.zeros((config.lanes, rate))
        for phase in range(config.phases):
            lanes[phase] = mains.voltage(phase)(times) / V_PEAK
        sent = _run(model, _converted(lanes, config, seed_of("no load", second)), config)
        found += sum(len(pulse_times(sent, output)) for output in range(config.pulse_outputs))
    yield Row(
        name=f"No load at 115 % Un, {bench.no_load_seconds:g} s", figure=float(found), mark=0.0, unit="pulses"
    )
    yield Row(
        name="No load, noise of 24 h against the threshold, by calculation",
        figure=100 * _noise_bound(config),
        mark=100.0,
    )


def _set_pulse(model: CompiledModel, output: int, quantum: int, energy: int) -> int:
    """Let an output show an energy with about this quantum; returns what it is to the bit."""
    shift = max(0, quantum.bit_length() - 35)
    for name, value in (("quantum", quantum >> shift), ("scale", 1 << shift), ("energy", energy)):
        model.set(f"settings.pulses.{output}.{name}", value)
    return quantum >> shift << shift


def _run(model: CompiledModel, codes: Codes, config: SocConfig) -> np.ndarray:
    beside = np.zeros((len(codes), len(INPUTS)), np.int64)
    return model.run(np.hstack([codes << config.metering.alignment, beside]))


def _pulses(bench: Bench) -> Iterator[Row]:
    """Edges to the clock, as the outputs have them, samples at their nominal pace."""
    config, worst = bench.config, 0.0
    volts, amperes, lag = VOLTAGE_V / V_PEAK, 0.3, 50.0
    for frequency in bench.steady_hz:
        for period in (4.0, 4.37, 16.1, 100.0, 1234.5):
            model = compiled(config).fresh()
            power = volts * amperes * math.cos(math.radians(lag))
            quantum = _set_pulse(model, 0, round(power * period * _ENERGY_UNIT), 0)
            count = _SETTLED_SETS + int(bench.seconds * float(config.sample_rate_hz) + 20 * period)
            times = np.arange(count) / float(config.sample_rate_hz)
            load = Linear(irms_a=amperes * I_PEAK, lag_deg=lag)
            lanes = _placed(_signals(load, mains_of(frequency), times, None), config)
            sent = _run(model, _converted(lanes, config, seed_of("pulses", frequency, period)), config)
            edges = np.floor(pulse_times(sent, 0) * config.sample_clocks)
            settled = edges[edges > _SETTLED_SETS * config.sample_clocks]
            clocks = quantum / (power * _ENERGY_UNIT) * config.sample_clocks
            worst = max(worst, jitter(settled, clocks) * 100)
    yield Row(name="Jitter of pulses, rms, periods from 0.5 ms on", figure=worst, mark=0.01)
    yield Row(
        name="Pulses against the energy register", figure=_pulses_lacking(bench), mark=1.0, unit="pulses"
    )


def _pulses_lacking(bench: Bench) -> float:
    """Largest difference of pulses and register at the windows' ends, the load changing all the time."""
    config, model = bench.config, compiled(bench.config).fresh()
    pick = np.random.default_rng(7)
    constants = Constants(config.metering)
    count = int(8 * bench.seconds * float(config.sample_rate_hz))
    times = np.arange(count) / float(config.sample_rate_hz)
    steps = np.repeat(pick.uniform(-0.6, 0.6, count // 333 + 1), 333)[:count]
    mains = mains_of(53.7)
    angle = mains.angle(times) - pick.uniform(0, 1)
    lanes = _placed([mains.voltage()(times) / V_PEAK, steps * np.sin(angle)], config)
    quantum = _set_pulse(model, 0, round(20 * _ENERGY_UNIT), 0)
    sent = _run(model, _converted(lanes, config, seed_of("register")), config)
    pulses = pulse_times(sent, 0)
    delay = constants.pulse_delay / constants.fine / constants.sample + constants.latency
    largest = 0.0
    windows: list[Any] = list(shown(sent, config.metering).windows)
    for window in windows:
        end = window["time"] / constants.sample + delay
        if end < count:
            registered = window["phase0.energy_import"] / quantum
            # A pulse at the very end of a window may be either side of it.
            counts = np.searchsorted(pulses, [end - _ROUNDING, end + _ROUNDING])
            largest = max(largest, min(abs(registered - each) for each in counts))
    return float(largest)


MEASUREMENTS: tuple[Measurement, ...] = (_gains, _measured_gains, _delta_sigma, _no_load, _pulses)
