"""The UART driver: on the chip itself, and two tasks on one line against a fake of its registers."""

from sim.backends import backend
from soc.config import preset
from soc.generated import registers
from sw.app.drivers import timer
from sw.app.drivers.uart import Uart
from sw.app.kernel import Kernel
from sw.app.ops import Wait

CONFIG = preset("single").with_changes(uart_baud=5_000_000, aes="none", p256="none")
LINE = registers.uart_comms


def writes(data):
    line = Uart(LINE)
    yield from line.write(data)
    yield from line.flush()
    return (yield from line.errors())


def reads(limits, cycles):
    line = Uart(LINE)
    received = []
    for limit in limits:
        received.append((yield from line.read(limit, cycles)))  # noqa: PERF401
    return received


def overruns(cycles):
    line = Uart(LINE)
    yield Wait(0, cycles)
    return (yield from line.errors()), (yield from line.errors()), (yield from line.read(255))


def both_ways(count):
    """One task echoes while another writes; both use the one interrupt."""
    line = Uart(LINE)
    kernel = Kernel(clock=lambda: timer.clocks(CONFIG.application_hz), clock_step=50)

    def reader():
        data = b""
        while len(data) < count:
            data += yield from line.read(7)
        return data

    reading = kernel.start("reader", reader(), essential=True)
    kernel.start("writer", line.write(bytes(count)), essential=True)
    yield from kernel.run()
    yield from line.flush()
    return reading.result


def slower(baud):
    line = Uart(LINE)
    yield from line.set_baud(CONFIG.application_hz, baud)
    start = yield from timer.now()
    yield from line.write(b"x")
    yield from line.flush()
    return (yield from timer.now()) - start


def run(*arguments, **options):
    return backend("verilator").run(CONFIG, *arguments, **options)


def test_more_than_the_fifo_holds_is_written():
    data = bytes(range(256)) * 3
    result = run(writes, data)
    assert result.console == data
    assert result.value == []


def test_reading_gives_what_is_there():
    received = run(reads, [3, 100, 5], 20_000, console_input=b"0123456789").value
    assert received[0][:1] == b"0"
    assert b"".join(received) == b"0123456789"[: len(b"".join(received))]
    assert run(reads, [5, 5], 20_000, console_input=b"01234").value == [b"0", b"1"]
    assert run(reads, [5], 100).value == [b""]


def test_errors_are_told_once():
    sent = bytes(range(100))
    errors, again, received = run(overruns, 100 * 110, console_input=sent).value
    assert errors == ["overrun"]
    assert again == []
    assert received == sent[: len(received)]
    assert CONFIG.uart_fifo_depth <= len(received) < 100


def test_one_task_reads_while_another_writes():
    sent = bytes(range(1, 151))
    result = run(both_ways, len(sent), console_input=sent)
    assert result.value == sent
    assert result.console == bytes(len(sent))


def test_baud_rate():
    assert 1000 <= run(slower, 10_000).value <= 1020
