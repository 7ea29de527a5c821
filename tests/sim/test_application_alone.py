"""The application's side alone: the same registers, drivers and clocks as the whole chip."""

import hashlib

import pytest

from sim.application_alone import ApplicationAlone
from sim.backends import backend
from soc.config import preset
from soc.generated import registers
from sw.app.drivers.sha256 import Sha256
from sw.app.ops import BusError, Read, Wait

TINY = preset("tiny")


@pytest.fixture(scope="module")
def alone():
    return ApplicationAlone(TINY)


def digest(message):
    start = yield Read(registers.timer.now.address, 2)
    value = yield from Sha256().digest(message)
    end = yield Read(registers.timer.now.address, 2)
    return value, end[0] - start[0]


def test_a_driver_takes_as_long_as_on_the_whole_chip(alone):
    message = bytes(range(200))
    value, microseconds = alone.run(digest(message))
    assert value == hashlib.sha256(message).digest()
    assert (value, microseconds) == backend("pysim").run(TINY, digest, message).value


def test_runs_go_on_from_each_other(alone):
    def now():
        low, _ = yield Read(registers.timer.now.address, 2)
        yield Wait(0, 1000)
        return low

    first, second = alone.run(now()), alone.run(now())
    assert 1000 <= (second - first) * TINY.application_hz // 1_000_000 < 1100


def test_the_metrology_is_not_there(alone):
    def missing():
        try:
            yield Read(registers.metrology.identification.address)
        except BusError as error:
            return error.address

    assert alone.run(missing()) == registers.metrology.identification.address


def test_errors_of_the_scenario_come_back(alone):
    def failing():
        yield Wait(0, 1)
        raise LookupError("as it was raised")

    with pytest.raises(LookupError, match="as it was raised"):
        alone.run(failing())
