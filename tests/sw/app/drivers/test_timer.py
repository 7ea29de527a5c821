"""The timer on the chip itself."""

from sim.backends import backend
from soc.config import preset
from sw.app.drivers import timer
from sw.app.ops import Wait

CONFIG = preset("single").with_changes(uart_baud=5_000_000, aes="none", p256="none")
MICROSECOND = CONFIG.application_hz // 1_000_000


def clocks():
    before = yield from timer.clocks(CONFIG.application_hz)
    yield Wait(0, 100 * MICROSECOND)
    return (yield from timer.clocks(CONFIG.application_hz)) - before


def alarms(times):
    woken = []
    for time in times:
        yield from timer.sleep_until(time)
        woken.append((yield from timer.now()))
    return woken


def wall_clock():
    unset = yield from timer.wall_clock()
    yield from timer.set_wall_clock(1_700_000_000, 999_990)
    yield Wait(0, 50 * MICROSECOND)
    first = yield from timer.wall_clock()
    yield from timer.set_wall_clock(86_400)
    return unset, first, (yield from timer.wall_clock())


def run(*arguments):
    return backend("verilator").run(CONFIG, *arguments).value


def test_clocks():
    assert 100 * MICROSECOND <= run(clocks) <= 102 * MICROSECOND


def test_alarms_wake_in_their_time():
    times = [50, 51, 200, 150]
    woken = run(alarms, times)
    for time, at in zip(times, woken, strict=True):
        assert time <= at
    assert [at - time for time, at in zip(times[:3], woken, strict=False)] <= [2, 3, 2]
    assert woken[3] <= 203


def test_the_wall_clock_counts_its_settings():
    unset, first, second = run(wall_clock)
    assert unset[0] == 0
    assert unset[2] == 0
    assert first[0] == 1_700_000_001
    assert 40 <= first[1] <= 43
    assert first[2] == 1
    assert second[0] == 86_400
    assert second[1] <= 2
    assert second[2] == 2
