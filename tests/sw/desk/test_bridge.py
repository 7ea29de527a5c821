"""Firmware at the desk against the bridge's RTL, and against lines that are broken."""

import pytest
from amaranth import Module
from amaranth.sim import Simulator

from rtl.periph.uart_bridge import UartBridge
from soc.formats.bridge import BRIDGE, Operation, Status, decode_response, encode_request
from sw.app.ops import BusError, Read, Wait, Write
from sw.desk.bridge import Bridge, LineError

CLOCK_HZ, BAUD = 1_000_000, 125_000
BIT = CLOCK_HZ // BAUD
REFUSED = 0x1000
"""Byte address from which on the bus answers with an error."""


class RtlLine:
    """A line to the bridge's RTL with a memory behind it; time passes while somebody reads."""

    def __init__(self):
        self.memory = {}
        self.sent, self.received = bytearray(), bytearray()
        self.irq = 0
        dut = UartBridge(
            clock_hz=CLOCK_HZ, baud=BAUD, protocol=BRIDGE, idle_clocks=CLOCK_HZ // 20, interrupts=4
        )
        self._dut = dut
        m = Module()
        m.submodules.dut = dut
        self._simulator = Simulator(m)
        self._simulator.add_clock(1 / CLOCK_HZ)
        for process in (self._host, self._board, self._bus):
            self._simulator.add_testbench(process, background=True)

    async def _host(self, ctx):
        ctx.set(self._dut.line.rx, 1)
        while True:
            ctx.set(self._dut.irq, self.irq)
            if not self.sent:
                await ctx.tick()
                continue
            byte = self.sent.pop(0)
            for bit in (0, *(byte >> place & 1 for place in range(8)), 1):
                ctx.set(self._dut.line.rx, bit)
                await ctx.tick().repeat(BIT)

    async def _board(self, ctx):
        while True:
            if (await ctx.tick().sample(self._dut.line.tx))[-1]:
                continue
            await ctx.tick().repeat(BIT // 2)
            byte = 0
            for place in range(8):
                await ctx.tick().repeat(BIT)
                byte |= ctx.get(self._dut.line.tx) << place
            await ctx.tick().repeat(BIT)
            self.received.append(byte)

    async def _bus(self, ctx):
        bus = self._dut.bus
        while True:
            ctx.set(bus.ack, 0)
            ctx.set(bus.err, 0)
            await ctx.tick()
            if not (ctx.get(bus.cyc) and ctx.get(bus.stb)):
                continue
            address = 4 * ctx.get(bus.adr)
            if address >= REFUSED:
                ctx.set(bus.err, 1)
            else:
                if ctx.get(bus.we):
                    self.memory[address] = ctx.get(bus.dat_w)
                ctx.set(bus.dat_r, self.memory.get(address, 0))
                ctx.set(bus.ack, 1)
            await ctx.tick()

    def write(self, data):
        self.sent += data

    def read(self, size):
        for _ in range(400):
            if len(self.received) >= size:
                break
            self._simulator.run_until((self._time + BIT * 10) / CLOCK_HZ)
            self._time += BIT * 10
        taken, self.received = bytes(self.received[:size]), self.received[size:]
        return taken

    _time = 0

    def reset_input_buffer(self):
        self.received.clear()


@pytest.fixture
def line():
    return RtlLine()


def bridge(line):
    return Bridge(line, clock_hz=CLOCK_HZ, pause=lambda seconds: None)


def test_reads_and_writes_of_any_length_on_the_rtl(line):
    words = tuple(0x1234_5678 + 977 * index for index in range(20))
    desk = bridge(line)
    assert desk.perform(Write(0x40, words)) is None
    assert line.memory == {0x40 + 4 * index: word for index, word in enumerate(words)}
    assert desk.perform(Read(0x40, 20)) == list(words)
    assert desk.perform(Read(0x44)) == [words[1]]


def test_a_bus_error_reaches_the_firmware_with_its_address(line):
    def firmware():
        try:
            yield Read(REFUSED - 8, 20)
        except BusError as error:
            refused = error.address
        yield Write(0, (7,))
        return refused, (yield Read(0))

    assert bridge(line).run(firmware()) == (REFUSED, [7])


def test_waits_for_interrupts_or_for_time(line):
    desk = bridge(line)
    assert desk.perform(Wait(0b1111, cycles=0)) == 0
    assert desk.perform(Wait(0b1111, cycles=2000)) == 0
    line.irq = 0b0110
    assert desk.perform(Wait(0b0011)) == 0b0010
    assert desk.perform(Wait(0, cycles=50)) == 0


def test_what_never_ends_is_ended():
    seconds = iter(range(1000))
    nothing = answer(Status.OK, Operation.INTERRUPTS, 0)
    desk = Bridge(
        Scripted(*[nothing] * 100), clock_hz=1, limit_s=20, pause=lambda s: None, now=lambda: next(seconds)
    )
    with pytest.raises(LineError, match="The board was not ready after 20 s"):
        desk.perform(Wait(1))

    def firmware():
        while True:
            yield Wait(0, cycles=0)

    with pytest.raises(LineError, match="The board was not ready after 20 s"):
        desk.run(firmware())


class Scripted:
    """A line that gives the answers that it was made with."""

    def __init__(self, *answers):
        self.answers, self.requests, self._rest = list(answers), [], b""

    def write(self, data):
        self.requests.append(data)
        self._rest = self.answers.pop(0) if self.answers else b""

    def read(self, size):
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def reset_input_buffer(self):
        self._rest = b""


def answer(status, operation, *words, count=None):
    """A response made of a request, whose check is made alike."""
    body = bytes([status << 4 | operation, len(words) if count is None else count])
    body += b"".join(word.to_bytes(4, "little") for word in words)
    from binascii import crc_hqx

    return bytes([BRIDGE.response_sync]) + body + crc_hqx(body, BRIDGE.crc_initial).to_bytes(2, "big")


def test_the_scripted_answers_are_responses():
    found = decode_response(answer(Status.OK, Operation.READ, 5, 6))
    assert (found.count, found.words) == (2, (5, 6))


def test_a_broken_request_is_sent_again_three_times():
    broken, right = answer(Status.BAD_FRAME, Operation.READ), answer(Status.OK, Operation.READ, 5)
    line = Scripted(broken, broken, right)
    assert bridge(line).perform(Read(8)) == [5]
    assert line.requests == [encode_request(Operation.READ, 8)] * 3
    with pytest.raises(LineError, match="The board found each of 3 requests broken"):
        bridge(Scripted(broken, broken, broken)).perform(Read(8))


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        (b"", "The board does not answer"),
        (b"\x53", "No response of the bridge starts with 53"),
        (b"abc", "No response of the bridge starts with 616263"),
        (answer(Status.OK, Operation.READ, 5)[:-1], "must have"),
        (answer(Status.OK, Operation.READ, 5)[:-1] + b"x", "CRC of the response must be"),
        (answer(Status.OK, Operation.READ, 5, 6), "The board did 2 words of 1"),
        (answer(Status.OK, Operation.WRITE, count=1), "answered a request to READ with WRITE"),
    ],
)
def test_an_answer_that_is_none_ends_it(response, sentence):
    line = Scripted(response)
    with pytest.raises(LineError, match=sentence):
        bridge(line).perform(Read(8))
    assert len(line.requests) == 1
