"""The core's operations as handshakes, against a sequencer made of a few lines."""

import asyncio

import pytest

from sim.backends.base import PowerOff
from sim.backends.core import Core
from sim.sequencer import Kind, Sequencer
from sw.app.ops import BusError, Read, Wait, Write

HOLE = 0x2000


class FakeCore(Core):
    """Performs handshakes on a dictionary, and keeps what it was asked."""

    def __init__(self):
        super().__init__()
        self.memory = {}
        self.asked = []
        self.lines = {}  # of the wait of that number
        self.powered = True

    async def handshake(self, command, address, words, wanted):
        asked = Sequencer.COMMAND.from_bits(command)
        self.asked.append((asked.kind, address, asked.last + 1, asked.forever, asked.continued))
        if asked.kind == Kind.WAIT:
            lines = self.lines.get(len(self.asked), 0)
            off = not self.powered and not lines
            return Sequencer.STATUS.const({"powered_off": off}).as_bits(), [lines]
        addresses = [address + 4 * index for index in range(asked.last + 1)]
        if HOLE in addresses:
            position = addresses.index(HOLE)
            return Sequencer.STATUS.const({"error": 1, "position": position}).as_bits(), [0] * wanted
        if asked.kind == Kind.WRITE:
            self.memory.update(zip(addresses, words, strict=True))
            return 0, []
        return 0, [self.memory.get(each, 0) for each in addresses][:wanted]


def run(core, scenario):
    return asyncio.run(core.run(scenario))


def test_long_accesses_are_split():
    def scenario():
        yield Write(0, tuple(range(40)))
        return (yield Read(4, 33))

    core = FakeCore()
    assert run(core, scenario()) == list(range(1, 34))
    assert core.asked == [
        (Kind.WRITE, 0, 16, 0, 0),
        (Kind.WRITE, 64, 16, 0, 1),
        (Kind.WRITE, 128, 8, 0, 1),
        (Kind.READ, 4, 16, 0, 0),
        (Kind.READ, 68, 16, 0, 1),
        (Kind.READ, 132, 1, 0, 1),
    ]
    assert core.operations == 6


def test_long_waits_are_split():
    def scenario():
        return (yield Wait(3, 3 * ((1 << 32) - 1) + 5)), (yield Wait(2)), (yield Wait(2, 0))

    core = FakeCore()
    core.lines = {3: 1, 4: 2}
    assert run(core, scenario()) == (1, 2, 0)
    assert core.asked == [
        (Kind.WAIT, 3, 1, 0, 0),
        (Kind.WAIT, 3, 1, 0, 1),
        (Kind.WAIT, 3, 1, 0, 1),
        (Kind.WAIT, 2, 1, 1, 0),
        (Kind.WAIT, 2, 1, 0, 0),
    ]


@pytest.mark.parametrize("offset", [0, 4 * 15, 4 * 16, 4 * 20])
def test_errors_name_the_word(offset):
    def scenario():
        try:
            yield Read(HOLE - offset, 32)
        except BusError as error:
            return error.address

    assert run(FakeCore(), scenario()) == HOLE


def test_power_off():
    def caught():
        try:
            yield Wait(1)
        except PowerOff:
            return (yield Read(0))

    def firmware():
        try:
            yield Wait(1)
        except Exception:
            return "no firmware may catch it by chance"

    core = FakeCore()
    core.powered = False
    assert run(core, caught()) == [0]
    assert run(core, firmware()) is None


def test_a_scenario_is_closed_when_its_driver_fails():
    closed = []

    def scenario():
        try:
            yield "nonsense"
        finally:
            closed.append(True)

    with pytest.raises(TypeError, match="A scenario yields Read, Write or Wait, not 'nonsense'"):
        run(FakeCore(), scenario())
    assert closed
