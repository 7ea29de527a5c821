"""Time since reset, the alarm, and the wall clock."""

from soc.generated.registers import timer

from ..access import read, read_fields, write, write_fields
from ..ops import Wait

__all__ = ["IDENTIFICATION", "VERSION", "clocks", "now", "set_wall_clock", "sleep_until", "wall_clock"]

IDENTIFICATION = "TIMR"
VERSION = 1
_NEVER = (1 << 64) - 1
_SECOND = 1_000_000


def now():
    """Microseconds since reset."""
    return (yield from read(timer.now))


def clocks(clock_hz):
    """Application clocks since reset, as the timer knows them: to a microsecond, rounded down."""
    return (yield from now()) * clock_hz // _SECOND


def sleep_until(microseconds):
    """Sleep until `now` has reached ``microseconds``, by the timer's alarm.

    For one task at a time: there is one alarm. `Wait` with a number of clocks is for everybody.
    """
    yield from write(timer.compare, microseconds)
    yield from write_fields(timer.enable, alarm=1)
    yield Wait(1 << timer.interrupt)
    yield from write_fields(timer.enable, alarm=0)
    yield from write(timer.compare, _NEVER)
    yield from write_fields(timer.cause, alarm=1)


def set_wall_clock(seconds, microseconds=0):
    """Set wall-clock time: seconds of an epoch that the application chooses. The setting is counted."""
    since_reset = yield from read_fields(timer.time)
    ahead = seconds * _SECOND + microseconds
    ahead -= since_reset["seconds"] * _SECOND + since_reset["microseconds"]
    yield from write_fields(timer.offset, seconds=ahead // _SECOND, microseconds=ahead % _SECOND)


def wall_clock():
    """Wall-clock time in seconds and microseconds, and how often it was set since reset."""
    settings = yield from read(timer.settings)
    since_reset = yield from read_fields(timer.time)
    offset = yield from read_fields(timer.offset)
    microseconds = since_reset["microseconds"] + offset["microseconds"]
    seconds = since_reset["seconds"] + offset["seconds"] + microseconds // _SECOND
    return seconds, microseconds % _SECOND, settings
