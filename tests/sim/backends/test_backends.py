"""One scenario source on every back-end: the same answers, the same cycles, the same refusals."""

from typing import Any

import numpy as np
import pytest

from rtl.metering.model import MeteringModel
from sim.backends import BACKENDS, CyclesExhausted, PowerOff, backend, needs
from soc.config import preset
from soc.errors import InputError
from soc.generated import registers
from sw.app.access import read, read_fields, write, write_fields
from sw.app.drivers.metrology import Metrology
from sw.app.drivers.sysinfo import configuration
from sw.app.drivers.uart import Uart
from sw.app.ops import BusError, Read, Wait, Write

CONFIG = preset("single").with_changes(uart_baud=5_000_000, aes="none", p256="none")
HOLE = 0x0800_0000
EVERY_BACKEND = pytest.mark.parametrize("name", list(BACKENDS))


def accesses(numbers):
    """Reads, writes and waits of all sizes; what they answer."""
    seen = [(yield from read(registers.sysinfo.name)).to_bytes(16, "big").lstrip(b"\0")]
    seen.append((yield Read(registers.sysinfo.base, 50))[:6])
    for number in numbers:
        yield from write(registers.timer.compare, number)
        seen.append((yield from read(registers.timer.compare)))
    start = yield from read(registers.timer.now)
    causes = yield Wait(0, 5000)
    seen.append((causes, (yield from read(registers.timer.now)) - start))
    return seen


def bus_errors():
    """Every access that must fail; the addresses that the errors name."""
    addresses = []
    last = registers.uart_comms.capacity.address
    for operation in (Read(HOLE), Write(HOLE, (1,)), Read(last, 3), Write(registers.timer.now.address, (1,))):
        try:
            yield operation
        except BusError as error:
            addresses.append(error.address)
    addresses.append((yield Read(registers.timer.identification.address))[0])
    return addresses


@needs("console")
def echo(count):
    """Sends back what it receives, changed."""
    line = Uart(registers.uart_comms)
    data = b""
    while len(data) < count:
        data += yield from line.read(count - len(data))
    yield from line.write(data.swapcase())
    yield from line.flush()
    return data


@needs("samples")
def windows():
    """Every window until the power fails."""
    gathered = []
    meter = Metrology((yield from configuration()))
    try:
        while True:
            gathered.append((yield from meter.next_window()))
    except PowerOff:
        return gathered


def endless():
    while True:
        yield Wait(0, 1000)


def unaware():
    """Never hears of the power failing."""
    yield from write_fields(registers.uart_comms.enable, rx_data=1)
    yield Wait(1 << registers.uart_comms.interrupt)


def busy_when_the_power_fails():
    """Looks at the interrupts without sleeping, which no failing power ends; then sleeps."""
    for _ in range(1000):
        yield Wait(0xFFFF_FFFF, 0)
    try:
        yield Wait(1)
    except PowerOff:
        return (yield from read_fields(registers.sysinfo.identification))


def failing(key):
    yield Read(registers.sysinfo.base)
    raise KeyError(key)


def nonsense():
    yield "nonsense"


def mains(count, lanes, hz=51.2, seed=1):
    """Sine waves with noise, as codes."""
    times = np.arange(count) / float(CONFIG.sample_rate_hz)
    phase = np.arange(lanes) * 0.4
    waves = 5e6 * np.sin(2 * np.pi * hz * times[:, None] - phase)
    return (waves + np.random.default_rng(seed).normal(0, 3, waves.shape)).round().astype(np.int32)


@EVERY_BACKEND
def test_accesses(name):
    numbers = [0, 1, (1 << 64) - 1, 0x0123_4567_89AB_CDEF]
    result = backend(name).run(CONFIG, accesses, numbers)
    assert result.value[0] == b"single"
    assert result.value[1][0] == int.from_bytes(b"SYSI", "big")
    assert result.value[1][2:4] == [CONFIG.voltage_lanes, CONFIG.current_lanes]
    assert result.value[2:-1] == numbers
    assert result.value[-1][0] == 0
    assert 100 <= result.value[-1][1] <= 101
    assert result.sample_sets == 0


def test_cycles_are_the_same_on_every_backend():
    results = [backend(name).run(CONFIG, accesses, [7]) for name in BACKENDS]
    assert len({(r.application_cycles, r.metrology_cycles, r.operations, str(r.value)) for r in results}) == 1


def test_the_core_computes_before_each_operation():
    """A read of 50 words is one operation, though it takes four handshakes."""
    config = CONFIG.with_changes(core_cycles_per_operation=30)
    fast, slow = (backend("pysim").run(each, accesses, [7]) for each in (CONFIG, config))
    assert slow.application_cycles - fast.application_cycles == 30 * (fast.operations - 3)


@EVERY_BACKEND
def test_bus_errors_name_the_word(name):
    assert backend(name).run(CONFIG, bus_errors).value == [
        HOLE,
        HOLE,
        registers.uart_comms.capacity.address + 4,
        registers.timer.now.address,
        int.from_bytes(b"TIMR", "big"),
    ]


@EVERY_BACKEND
def test_console(name):
    sent = bytes(range(32, 96))
    result = backend(name).run(CONFIG, echo, len(sent), console_input=sent)
    assert result.value == sent
    assert result.console == sent.swapcase()


def joined(record):
    """A record of the model, with the values of each array in a list."""
    found: dict[str, Any] = {}
    for path, value in record.items():
        head, _, index = path.rpartition(".")
        if index.isdigit():
            found.setdefault(head, []).append(value)
        else:
            found[path] = value
    return found


# Amaranth's own simulator would take minutes to the end of a window.
@pytest.mark.parametrize(("name", "sets"), [("verilator", 4000), ("pysim", 12)])
def test_windows_are_those_of_the_model(name, sets):
    """Every sample set gets in, every window is read, and the power fails only after the last."""
    samples = mains(sets, CONFIG.lanes, hz=68.7)
    result = backend(name).run(CONFIG, windows, samples=samples)
    assert result.sample_sets == sets
    assert result.value == [joined(each) for each in MeteringModel(CONFIG.metering).run(samples)]
    assert bool(result.value) is (name == "verilator")


@EVERY_BACKEND
def test_the_power_fails_when_the_samples_are_used_up(name):
    samples = mains(3, CONFIG.lanes)
    short, long = (
        backend(name).run(CONFIG, unaware, samples=samples, hold_cycles=hold) for hold in (1000, 5000)
    )
    assert short.value is long.value is None
    assert short.sample_sets == long.sample_sets == 3
    assert long.application_cycles - short.application_cycles == 4000
    assert backend(name).run(CONFIG, unaware, samples=samples[:0], hold_cycles=0).sample_sets == 0
    result = backend(name).run(CONFIG, busy_when_the_power_fails, samples=samples[:1], hold_cycles=0)
    assert result.value == {"value": int.from_bytes(b"SYSI", "big")}


@EVERY_BACKEND
def test_a_limit_of_cycles(name):
    with pytest.raises(CyclesExhausted, match="endless has not ended within 5000 application clocks"):
        backend(name).run(CONFIG, endless, cycles_limit=5000)


@EVERY_BACKEND
def test_exceptions_of_the_scenario_come_back(name):
    run = backend(name).run
    with pytest.raises(KeyError, match="lost"):
        run(CONFIG, failing, "lost")
    with pytest.raises(TypeError, match="A scenario yields Read, Write or Wait, not 'nonsense'"):
        run(CONFIG, nonsense)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        run(CONFIG, failing)


@EVERY_BACKEND
def test_progress(name):
    reports = []

    def report(step, fraction):
        reports.append((step, fraction))

    samples = mains(4000 if name == "verilator" else 40, CONFIG.lanes)
    result = backend(name).run(CONFIG, unaware, samples=samples, hold_cycles=0, progress=report)
    fractions = [fraction for step, fraction in reports if step == "Simulating" and fraction is not None]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert 1 <= len(fractions) <= 10 * result.wall_s + 2


@EVERY_BACKEND
def test_refusals(name):
    run = backend(name).run

    @needs("power_cut", "cycles")
    def cut():
        yield Read(0)

    for samples, sentence in (
        (np.zeros((4, 2), np.int32), "Samples must be signed integers in 3 columns, .* of shape \\(4, 2\\)"),
        (np.zeros((4, 3)), "not an array of float64"),
        (np.full((4, 3), 1 << 23), "Samples must fit in 24 bits \\(-8388608 to 8388607\\)"),
    ):
        with pytest.raises(InputError, match=sentence):
            run(CONFIG, unaware, samples=samples)
    with pytest.raises(
        InputError, match=f"{name}' cannot run .*cut, which needs power_cut; it offers console"
    ):
        run(CONFIG, cut)
    with pytest.raises(InputError, match="The limit of cycles must be 1 or more, not 0"):
        run(CONFIG, endless, cycles_limit=0)
    with pytest.raises(InputError, match="Cycles to hold the power must be 0 to 4294967295, not -1"):
        run(CONFIG, endless, hold_cycles=-1)


def test_an_unknown_backend_is_refused():
    with pytest.raises(InputError, match="There is no back-end 'icarus'; known are verilator, pysim"):
        backend("icarus")
