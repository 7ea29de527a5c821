"""The metrology driver: coherent records, from a fake of the chip and from the chip."""

from typing import Any

import numpy as np
import pytest

from rtl.metering.model import MeteringModel
from sim.backends import PowerOff, backend
from soc.config import PRESETS, preset
from soc.generated.registers import metrology
from soc.registers import register_map
from sw.app.drivers.metrology import Metrology
from sw.app.ops import Read, Wait, Write

CONFIG = preset("single").with_changes(uart_baud=5_000_000, aes="none", p256="none")


def configuration(config):
    """What the driver is told of a chip."""
    names = ("voltage_lanes", "current_lanes", "harmonics", "capture_sets")
    return {name: getattr(config, name) for name in names}


class FakeWindow:
    """The quantity memory: every value of window *n* is *n*; windows end before chosen operations."""

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
            if operation.address == metrology.cause.address and operation.words[0]:
                self.pending = False
            return None
        if operation.address == metrology.cause.address:
            return [int(self.pending)]
        words = [0] * operation.count
        for index in range(-operation.address // 4 % 4, operation.count, 4):
            words[index] = self.sequence
            if index % 16 == 12:
                self.step()
        return words


PATHS = ["time", "frequency", *(f"phase0.{name}" for name in ("vrms", "irms", "active", "i_dc_time"))]


def gather(count):
    meter = Metrology(configuration(CONFIG), PATHS)
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
    with pytest.raises(RuntimeError, match="quantities changed during each of 8 readings"):
        FakeWindow(ends=range(0, 1000, 2)).run(gather(1))


@pytest.mark.parametrize("name", PRESETS)
def test_registers_are_those_of_the_chip(name):
    """Every quantity, point, harmonic and sample, and nothing that would be a bus error."""
    config = PRESETS[name].with_changes(harmonics=7 * bool(PRESETS[name].harmonics))
    meter = Metrology(configuration(config))
    found = {
        (cause, path): (register.address, register.words, register.count)
        for cause, memory in meter._memories.items()
        for path, register in memory.registers.items()
    }
    blocks = {"quantities": "window"} | {each: each for each in ("harmonics", "points", "capture")}
    assert found == {
        (blocks[block.name], ".".join(register.path)): (register.address, register.words, register.count)
        for block in register_map(config)
        if block.name in blocks
        for register in block.registers
    }


def test_a_chosen_part_of_the_quantities():
    meter = Metrology(configuration(CONFIG), ["phase0.vrms", "frequency"])
    assert list(meter.registers) == ["sequence", "frequency", "phase0.vrms"]
    with pytest.raises(ValueError, match=r"The chip has no quantity phase1\.vrms, nonsense"):
        Metrology(configuration(CONFIG), ["phase1.vrms", "nonsense", "time"])


def test_what_is_not_built_is_refused():
    meter = Metrology(configuration(CONFIG))
    for record in (meter.next_harmonics, meter.next_capture):
        with pytest.raises(ValueError, match=r"The chip has no memory of (harmonics|capture)"):
            next(record())


class FakeRegisters:
    """Registers of settings and causes: a queue of two settings that is emptied at every wait."""

    def __init__(self, causes=()):
        self.settings, self.queue = {}, 0
        self.locked = False
        self.causes = list(causes)
        self.cause = 0

    def run(self, coroutine):
        answer = None
        while True:
            try:
                operation = coroutine.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = self.perform(operation)

    def perform(self, operation):
        if isinstance(operation, Wait):
            self.queue = 0
            if operation.mask:
                self.cause |= self.causes.pop(0)
            return operation.mask
        if isinstance(operation, Read):
            if operation.address == metrology.cause.address:
                return [self.cause]
            assert operation.address == metrology.lock.address
            fields = {
                "locked": int(self.locked),
                "waiting": int(self.queue > 0),
                "full": int(self.queue == 2),
            }
            return [metrology.lock.pack(**fields)]
        value = sum(word << 32 * index for index, word in enumerate(operation.words))
        if operation.address == metrology.setting.address:
            assert self.queue < 2, "a setting is lost"
            self.queue += 1
            fields = metrology.setting.unpack(value)
            self.settings[fields["place"]] = fields["value"]
        elif operation.address == metrology.lock.address:
            self.locked = bool(value & 1)
        elif operation.address == metrology.cause.address:
            self.cause &= ~value
        else:
            assert operation.address == metrology.enable.address
            self.enabled = value
        return None


def test_settings_are_written_as_the_queue_has_room_and_locked():
    chip, meter = FakeRegisters(), Metrology(configuration(CONFIG))
    chip.run(meter.write_settings([5, -1, 1 << 34, 0, 7], first=40))
    assert chip.settings == {40: 5, 41: (1 << 36) - 1, 42: 1 << 34, 43: 0, 44: 7}
    chip.run(meter.lock())
    assert chip.locked
    with pytest.raises(RuntimeError, match="the settings are locked until power-off"):
        chip.run(meter.write_settings([1]))


def test_causes_that_came_meanwhile_are_kept():
    bits = {name: field.lsb for name, field in metrology.cause.fields.items()}
    chip = FakeRegisters([1 << bits["alert"] | 1 << bits["window"], 1 << bits["points"], 1 << bits["alert"]])
    meter = Metrology(configuration(CONFIG))

    def waits():
        first = yield from meter.wait("alert", "window", "points")
        second = yield from meter.wait("points")
        return first, second, (yield from meter.wait("window", "alert"))

    assert chip.run(waits()) == (["alert", "window"], ["points"], ["alert"])
    assert chip.enabled == sum(1 << bits[name] for name in ("alert", "window", "points"))
    assert chip.cause == 0


def with_arrays(record):
    """A record of the model with the values of each array in a list."""
    joined: dict[str, Any] = {}
    for path, value in record.items():
        head, _, index = path.rpartition(".")
        if index.isdigit():
            joined.setdefault(head, []).append(value)
        else:
            joined[path] = value
    return joined


def some_windows(count):
    """Reads windows, sleeping so long in between that some are missed."""
    meter = Metrology(configuration(CONFIG))
    windows = []
    try:
        while True:
            windows.append((yield from meter.next_window()))
            yield Wait(0, count)
    except PowerOff:
        return windows, meter.missed


@pytest.mark.parametrize("cycles", [1, 700_000])
def test_windows_of_the_chip(cycles):
    times = np.arange(3000) / float(CONFIG.sample_rate_hz)
    samples = (6e6 * np.sin(2 * np.pi * 49.3 * times[:, None] - np.arange(3))).astype(np.int32)
    windows, missed = backend("verilator").run(CONFIG, some_windows, cycles, samples=samples).value
    model = MeteringModel(CONFIG.metering).run(samples)
    expected = {record["sequence"]: with_arrays(record) for record in model}
    assert windows == [expected[window["sequence"]] for window in windows]
    assert missed == windows[-1]["sequence"] - len(windows)
    assert bool(missed) == (cycles > 1)
