"""Speed of the simulation: clocks a second with the core asleep, and what a bus access costs."""

from __future__ import annotations

import statistics
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.backends import Backend, PowerOff, Result, backend, needs
from sim.backends.base import Progress
from soc.config import SocConfig
from soc.generated import registers
from sw.app.access import write_fields
from sw.app.ops import Read, Wait, Write

__all__ = ["LOADS", "MARKS", "Load", "Speed", "asleep", "compare", "single_accesses", "window_reads"]

MARKS = {"cycles_per_s": 1_000_000, "access_us": 40}
_WORDS = 16


@dataclass(frozen=True, kw_only=True)
class Load:
    """How much a back-end is given in one run: sample sets, and bus accesses."""

    sets: int
    accesses: int


LOADS = {"verilator": Load(sets=40_000, accesses=20_000), "pysim": Load(sets=30, accesses=100)}


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Speed of one back-end; each figure is that of its best run, with that of the median run beside it.

    ``cycles_per_s`` are application clocks a second of wall time with the core asleep on an interrupt and
    the metrology engine busy, ``sets_per_s`` the sample sets that were measured in it. ``access_us`` is the
    wall time of an access of one word in microseconds, half of them reads; ``burst_us`` that of a read of
    16 words.
    """

    backend: str
    runs: int
    cycles_per_s: float
    cycles_per_s_median: float
    sets_per_s: float
    sets_per_s_median: float
    access_us: float
    access_us_median: float
    burst_us: float
    burst_us_median: float


@needs("samples")
def asleep() -> Generator[Any, Any, None]:
    """Sleeps on an interrupt that never comes, until the power fails."""
    yield from write_fields(registers.uart_optical.enable, rx_data=1)
    try:
        yield Wait(1 << registers.uart_optical.interrupt)
    except PowerOff:
        return


def single_accesses(count: int) -> Generator[Any, Any, None]:
    """Reads and writes one word in turn, ``count`` times in all."""
    read, write = Read(registers.timer.compare.address), Write(registers.timer.compare.address, (1,))
    for _ in range(count // 2):
        yield read
        yield write


def window_reads(count: int) -> Generator[Any, Any, None]:
    """Reads 16 words in one operation, ``count`` times."""
    read = Read(registers.quantities.base, _WORDS)
    for _ in range(count):
        yield read


def compare(
    config: SocConfig, runs: int, progress: Progress, loads: Mapping[str, Load] = LOADS
) -> list[Speed]:
    """Measure the back-ends of ``loads`` ``runs`` times, in turns, so that other work slows all of them."""
    backends = [backend(name) for name in loads]
    measured: dict[str, list[tuple[float, float, float, float]]] = {each.name: [] for each in backends}
    for number in range(runs):
        for each in backends:
            progress(f"Run {number + 1} of {runs}: {each.name}", None)
            measured[each.name].append(_measure(each, config, loads[each.name], progress))
    return [_speed(name, rows) for name, rows in measured.items()]


def _measure(
    made: Backend, config: SocConfig, load: Load, progress: Progress
) -> tuple[float, float, float, float]:
    samples = _mains(load.sets, config)
    sleeping = made.run(config, asleep, samples=samples, hold_cycles=0, progress=progress)
    single = made.run(config, single_accesses, load.accesses, progress=progress)
    burst = made.run(config, window_reads, load.accesses, progress=progress)
    return (
        sleeping.application_cycles / sleeping.wall_s,
        sleeping.sample_sets / sleeping.wall_s,
        _microseconds(single),
        _microseconds(burst),
    )


def _microseconds(result: Result) -> float:
    return 1e6 * result.wall_s / result.operations


def _mains(count: int, config: SocConfig) -> np.ndarray:
    """Mains of the nominal frequency on every lane, at half of full scale."""
    times = np.arange(count)[:, None] / float(config.sample_rate_hz)
    angles = 2 * np.pi * config.nominal_hz * times - np.arange(config.lanes) / 3
    return (np.sin(angles) * (1 << (config.word_bits - 2))).round().astype(np.int32)


def _speed(name: str, rows: list[tuple[float, float, float, float]]) -> Speed:
    cycles, sets, single, burst = zip(*rows, strict=True)
    return Speed(
        backend=name,
        runs=len(rows),
        cycles_per_s=max(cycles),
        cycles_per_s_median=statistics.median(cycles),
        sets_per_s=max(sets),
        sets_per_s_median=statistics.median(sets),
        access_us=min(single),
        access_us_median=statistics.median(single),
        burst_us=min(burst),
        burst_us_median=statistics.median(burst),
    )
