"""The metrology driver: coherent windows, from a fake of the quantity memory and from the chip."""

import numpy as np
import pytest

from rtl.metering.model import MeteringModel
from sim.backends import PowerOff, backend
from soc.config import preset
from soc.generated.registers import metrology, quantities
from sw.app.drivers.metrology import Metrology
from sw.app.ops import Wait, Write

CONFIG = preset("single").with_changes(uart_baud=5_000_000)


class FakeWindow:
    """The quantity memory: every word of window *n* is *n*; windows end before chosen operations."""

    def __init__(self, ends):
        self.operations = 0
        self.sequence = 0
        self.pending = False
        self._ends = ends

    def step(self):
        self.operations += 1
        if self.operations in self._ends:
            self.sequence += 1
            self.pending = True

    def run(self, coroutine):
        answer = None
        while True:
            try:
                operation = coroutine.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = self.perform(operation)

    def perform(self, operation):
        self.step()
        if isinstance(operation, Wait):
            while not self.pending:
                self.step()
                assert self.operations < 1000, "no window ends any more"
            return operation.mask
        if isinstance(operation, Write):
            if operation.address == metrology.cause.address:
                self.pending = False
            return None
        words = [0] * operation.count
        for index in range(-operation.address // 4 % 4, operation.count, 4):
            words[index] = self.sequence
            if index % 16 == 12:
                self.step()
        return words


def gather(count):
    meter = Metrology(1)
    windows = []
    for _ in range(count):
        windows.append((yield from meter.next_window()))  # noqa: PERF401
    return meter, windows


@pytest.mark.parametrize("offset", range(30))
def test_a_window_is_never_a_mixture(offset):
    """Wherever among the operations a window ends, a reading is of one window."""
    meter, windows = FakeWindow(ends=range(20 + offset, 1000, 41)).run(gather(5))
    for window in windows:
        assert set(window.values()) == {window["sequence"]}
    sequence = [window["sequence"] for window in windows]
    assert sequence == sorted(set(sequence))
    assert meter.missed == sequence[-1] - len(sequence)


def test_windows_that_end_too_fast_are_told():
    with pytest.raises(RuntimeError, match="a window ended during each of 8 readings of the quantities"):
        FakeWindow(ends=range(0, 1000, 2)).run(gather(1))


def test_only_the_phases_asked_for_are_read():
    one, three = Metrology(1), Metrology(3)
    assert "phase0.vrms" in one.registers
    assert not any(path.startswith("phase1") for path in one.registers)
    assert "phase2.energy_import" in three.registers
    assert three.registers["frequency"] is quantities.frequency


def some_windows(count):
    """Reads windows, sleeping so long in between that some are missed."""
    meter = Metrology(CONFIG.phases)
    windows = []
    try:
        while True:
            windows.append((yield from meter.next_window()))
            yield Wait(0, count)
    except PowerOff:
        return windows, meter.missed


@pytest.mark.parametrize("cycles", [1, 100_000])
def test_windows_of_the_chip(cycles):
    times = np.arange(3000) / float(CONFIG.sample_rate_hz)
    samples = (6e6 * np.sin(2 * np.pi * 49.3 * times[:, None] - np.arange(3))).astype(np.int32)
    windows, missed = backend("verilator").run(CONFIG, some_windows, cycles, samples=samples).value
    expected = {record["sequence"]: record for record in MeteringModel(CONFIG.metering).run(samples)}
    assert windows == [expected[window["sequence"]] for window in windows]
    assert missed == windows[-1]["sequence"] - len(windows)
    assert bool(missed) == (cycles > 1)
