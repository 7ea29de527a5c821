"""Speed of the metering's simulation, clocks of its engine, and its area, beside the marks."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth import DomainRenamer

from bench.accuracy import Point, accuracy, grid, sample, seconds_at
from bench.parallel import each
from bench.synth import Utilisation, synthesise
from rtl.metering.program.settings import GAIN_FRACTION, Settings
from rtl.metering.state import fields
from sim.backends import backend
from sim.backends.base import Progress
from sim.core_alone import CoreAlone
from sim.meter import ModelEngine
from sim.records import shown
from soc.chip import make_metrology
from soc.config import SocConfig

__all__ = [
    "DEVICE",
    "MARKS",
    "Clocks",
    "ModelSpeed",
    "RtlSpeed",
    "area",
    "clocks",
    "model_speed",
    "rtl_speed",
]

MARKS = {"seconds_a_meter_second": 10, "model_ratio": 50, "clocks": 1600, "lut4": 9000, "dsp": 16}
DEVICE = "ecp5-85f"
_POINTS = 200
_PROCESSES = 2
_LEAST = 1 << 35


@dataclass(frozen=True, kw_only=True)
class RtlSpeed:
    """Meter-seconds a second of the metrology domain's RTL: one process, and two at the same time together.

    ``cpu`` is that of the one in a second of its own processor time, which other work on the machine changes
    less; ``load`` is the machine's load before.
    """

    preset: str
    meter_seconds: float
    one: float
    two: float
    cpu: float
    load: float


@dataclass(frozen=True, kw_only=True)
class ModelSpeed:
    """Meter-seconds a second of the model over a grid, with signals and reference; ``cpu`` of one core."""

    preset: str
    points: int
    jobs: int
    meter_seconds: float
    speed: float
    cpu: float
    load: float


@dataclass(frozen=True, kw_only=True)
class Clocks:
    """Clocks of a sample set's foreground and of a window's background at one signal.

    ``set_worst`` is that of the worst sample set, ``share`` what of the worst window's time foreground and
    background take, and ``overruns`` counts windows that the background left out.
    """

    signal: str
    frequency_hz: float
    set_usual: int
    set_worst: int
    window_worst: int
    share: float
    overruns: int


# Speed ------------------------------------------------------------------------------------------------


def rtl_speed(
    config: SocConfig, seconds: float, progress: Progress = lambda step, fraction: None
) -> RtlSpeed:
    """Measure the RTL, compiled before."""
    progress("Compiling the domain, once for these sources", None)
    codes = _codes(_sines(config, seconds, float(config.nominal_hz)), config)
    CoreAlone(config).run(codes[:1])
    load = os.getloadavg()[0]
    speeds, cpus = [], []
    for processes in (1, _PROCESSES):
        tasks = [(config, codes)] * processes
        times = list(each(_run_rtl, tasks, jobs=processes, progress=progress, step="Simulating"))
        speeds.append(processes * seconds / max(wall for wall, _ in times))
        cpus += [seconds / cpu for _, cpu in times]
    return RtlSpeed(
        preset=config.name, meter_seconds=seconds, one=speeds[0], two=speeds[1], cpu=cpus[0], load=load
    )


def _run_rtl(task: tuple[SocConfig, npt.NDArray[np.int64]]) -> tuple[float, float]:
    """Wall time, and processor time."""
    config, codes = task
    core = CoreAlone(config)
    start, cpu = time.perf_counter(), time.process_time()
    core.run(codes)
    return time.perf_counter() - start, time.process_time() - cpu


def _cpu_s() -> float:
    """Processor time of this process and of all that it has ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def model_speed(
    config: SocConfig,
    points: int = _POINTS,
    seconds: float = 1.0,
    jobs: int = _PROCESSES,
    progress: Progress = lambda step, fraction: None,
) -> ModelSpeed:
    """Measure the model over points of the accuracy's grid, compiled before."""
    engine, chosen = ModelEngine(backend("pysim")), sample(grid(), points)
    first = [Point(current_ratio=1.0, lag_deg=0.0, frequency_hz=50.0)]
    list(accuracy(first, engine=engine, config=config, seconds=0.1))
    load, start, cpu = os.getloadavg()[0], time.perf_counter(), _cpu_s()
    list(accuracy(chosen, engine=engine, config=config, seconds=seconds, jobs=jobs, progress=progress))
    wall, cpu = time.perf_counter() - start, _cpu_s() - cpu
    total = sum(seconds_at(point, seconds) for point in chosen)
    return ModelSpeed(
        preset=config.name,
        points=points,
        jobs=jobs,
        meter_seconds=total,
        speed=total / wall,
        cpu=total / cpu,
        load=load,
    )


# Clocks -----------------------------------------------------------------------------------------------


def clocks(
    config: SocConfig,
    seconds: float,
    frequencies_hz: Sequence[float],
    progress: Progress = lambda step, fraction: None,
) -> list[Clocks]:
    """Clocks of the RTL at signals that give it much to do at the same time."""
    found = []
    for frequency in frequencies_hz:
        for name, make, settings in (
            ("sines", _sines, None),
            ("all at the same time", _together, _busy_settings(config)),
        ):
            progress(f"Counting clocks: {name}, {frequency:g} Hz", None)
            core = CoreAlone(config)
            if settings:
                core.give_settings(settings)
            sent = core.run(_codes(make(config, seconds, frequency), config))
            windows: list[Any] = list(shown(sent, config.metering).windows)
            numbers = [window["sequence"] for window in windows]
            usual, worst = int(np.median(core.clocks)), max(core.clocks)
            window = float(config.sample_rate_hz) / frequency
            found.append(
                Clocks(
                    signal=name,
                    frequency_hz=frequency,
                    set_usual=usual,
                    set_worst=worst,
                    window_worst=max(core.background),
                    share=(max(core.background) / window + float(np.mean(core.clocks)))
                    / config.sample_clocks,
                    overruns=numbers[-1] - numbers[0] + 1 - len(numbers),
                )
            )
    return found


def _sines(config: SocConfig, seconds: float, frequency_hz: float) -> npt.NDArray[np.float64]:
    """Half of full scale on every lane, phases a third of a cycle apart, a harmonic and some noise."""
    turns = (
        frequency_hz * np.arange(int(seconds * float(config.sample_rate_hz))) / float(config.sample_rate_hz)
    )
    angles = 2 * np.pi * (turns[:, None] - np.arange(config.lanes) / 3)
    noise = np.random.default_rng(1).normal(0, 1e-4, angles.shape)
    return 0.5 * np.sin(angles) + 0.03 * np.sin(7 * angles) + noise


def _together(config: SocConfig, seconds: float, frequency_hz: float) -> npt.NDArray[np.float64]:
    """Squares on all lanes, so that all phases cross in the same sample set; dips in turn with full scale."""
    count = int(seconds * float(config.sample_rate_hz))
    square = np.sign(np.sin(2 * np.pi * frequency_hz * np.arange(count) / float(config.sample_rate_hz) + 0.1))
    # A dip begins within a cycle now, now at its end, and takes the currents to other regions.
    wave = square * np.where(np.arange(count) // 333 % 2, 0.02, 1.0)
    noise = np.random.default_rng(2).normal(0, 1e-3, count)
    return np.repeat((wave + noise)[:, None], config.lanes, axis=1)


def _busy_settings(config: SocConfig) -> list[int]:
    """Calibrated, a region for each current that there is, and pulses as often as there can be."""
    settings = Settings(config.metering)
    for pulses in settings.pulses:
        pulses.quantum, pulses.scale = _LEAST - 1, 1 << 18
    for number, channel in enumerate(settings.channels):
        channel.gain = (1 << GAIN_FRACTION) - 1000 * number
        channel.delay = 12_345_678 + number
        channel.linear, channel.square = 1000, 10
        for place, region in enumerate(channel.regions):
            region.start = place << 31
            region.delay = place << 20
    settings.crc = settings.computed_crc
    return [field.value for _, field in fields(settings)]


def _codes(waves: npt.NDArray[np.float64], config: SocConfig) -> npt.NDArray[np.int64]:
    full = 1 << config.word_bits - 1
    return np.clip(np.round(waves * full), -full, full - 1).astype(np.int64)


# Area -------------------------------------------------------------------------------------------------


def area(config: SocConfig) -> Utilisation:
    """All metering of the chip on an FPGA but for its waveform buffer.

    Front end, engine, memories, pulses, store and registers; both its clock domains have one clock here.
    """
    config = config.with_changes(capture_sets=0)
    return synthesise(
        DomainRenamer({"metrology": "sync"})(make_metrology(config)),
        name=f"metering_{config.name}",
        device=DEVICE,
        frequency_mhz=config.metrology_hz / 1e6,
    )
