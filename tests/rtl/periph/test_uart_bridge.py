"""The UART bridge with a host in Python that speaks, and mis-speaks, its protocol."""

import random

import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from rtl.periph.uart_bridge import UartBridge
from soc.formats.bridge import BRIDGE, Operation, Status, decode_response, encode_request, response_length

CLOCK_HZ, BAUD, IDLE = 800_000, 100_000, 400
BIT_CLOCKS = CLOCK_HZ // BAUD
WORDS = 64


class Bench(wiring.Component):
    """The bridge on a memory of 64 words at address 0; accesses elsewhere are errors."""

    def __init__(self):
        self.bridge = UartBridge(
            clock_hz=CLOCK_HZ, baud=BAUD, protocol=BRIDGE, idle_clocks=IDLE, interrupts=5
        )
        self.accesses = Signal(16)
        self.delay = Signal(4)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.bridge = self.bridge
        m.submodules.memory = memory = Memory(shape=32, depth=WORDS, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        bus, waited = self.bridge.bus, Signal(4)
        asked = bus.cyc & bus.stb & (waited == self.delay)
        inside = bus.adr < WORDS
        m.d.comb += [
            write.addr.eq(bus.adr),
            write.data.eq(bus.dat_w),
            write.en.eq(asked & inside & bus.we),
            read.addr.eq(bus.adr),
            bus.dat_r.eq(read.data),
            bus.ack.eq(asked & inside),
            bus.err.eq(asked & ~inside),
        ]
        m.d.sync += waited.eq(0)
        with m.If(bus.cyc & bus.stb & ~asked):
            m.d.sync += waited.eq(waited + 1)
        with m.If(asked):
            m.d.sync += self.accesses.eq(self.accesses + 1)
        return m


class Host:
    """The far end: frames out, responses in, and faults if asked."""

    def __init__(self, peer, line):
        self._peer = peer(line, BIT_CLOCKS)
        self._line = line

    async def send(self, ctx, frame, *, broken_stop_at=None):
        for index, byte in enumerate(frame):
            await self._peer.send(ctx, byte, stop=index != broken_stop_at)
            if index == broken_stop_at:
                await ctx.tick().repeat(BIT_CLOCKS)

    async def receive(self, ctx):
        head = bytes([await self._peer.receive(ctx, limit=2000) for _ in range(3)])
        rest = [await self._peer.receive(ctx, limit=2000) for _ in range(response_length(head) - 3)]
        return decode_response(head + bytes(rest))

    async def ask(self, ctx, *request, **parameters):
        await self.send(ctx, encode_request(*request, **parameters))
        return await self.receive(ctx)

    async def expect_silence(self, ctx, clocks):
        for _ in range(clocks):
            assert ctx.get(self._line.tx) == 1, "the bridge speaks"
            await ctx.tick()


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def host(bench, peer):
    return Host(peer, bench.bridge.line)


@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("count", [1, 2, 16])
def test_words_written_are_read_back(bench, host, simulate, count, delay):
    words = tuple(random.Random(count).randrange(1 << 32) for _ in range(count))

    async def check(ctx):
        ctx.set(bench.delay, delay)
        written = await host.ask(ctx, Operation.WRITE, 4 * 7, words=words)
        assert (written.status, written.operation, written.count) == (Status.OK, Operation.WRITE, count)
        read = await host.ask(ctx, Operation.READ, 4 * 7, count=count)
        assert (read.status, read.operation, read.words) == (Status.OK, Operation.READ, words)
        assert ctx.get(bench.accesses) == 2 * count

    simulate(bench, check)


def test_a_bus_error_ends_the_operation_and_tells_how_far_it_came(bench, host, simulate):
    async def check(ctx):
        words = tuple(range(100, 108))
        assert (await host.ask(ctx, Operation.WRITE, 4 * (WORDS - 3), words=words)).count == 3
        response = await host.ask(ctx, Operation.READ, 4 * (WORDS - 3), count=8)
        assert (response.status, response.words) == (Status.BUS_ERROR, (100, 101, 102))
        response = await host.ask(ctx, Operation.READ, 0x1000_0000)
        assert (response.status, response.words) == (Status.BUS_ERROR, ())
        assert ctx.get(bench.accesses) == 4 + 4 + 1

    simulate(bench, check)


def test_interrupt_lines_are_read(bench, host, simulate):
    async def check(ctx):
        for lines in (0b00000, 0b10101, 0b11111):
            ctx.set(bench.bridge.irq, lines)
            response = await host.ask(ctx, Operation.INTERRUPTS)
            assert (response.status, response.words) == (Status.OK, (lines,))
        assert ctx.get(bench.accesses) == 0

    simulate(bench, check)


@pytest.mark.parametrize("position", range(1, 12))
def test_any_wrong_byte_is_found_and_nothing_is_done(bench, host, simulate, position):
    frame = bytearray(encode_request(Operation.WRITE, 16, words=(0x0123_4567,)))
    frame[position] ^= 0x08

    async def check(ctx):
        await host.send(ctx, frame)
        if position != 1:  # a wrong header changes the length, and then the frame may never end
            assert (await host.receive(ctx)).status is Status.BAD_FRAME
        await ctx.tick().repeat(IDLE)
        assert ctx.get(bench.accesses) == 0
        assert (await host.ask(ctx, Operation.READ, 16)).words == (0,)

    simulate(bench, check)


def test_an_unknown_operation_is_a_bad_frame(bench, host, simulate):
    good = encode_request(Operation.READ, 0)
    frames = []
    for code in (3, 9, 15):
        body = bytes([code << 4]) + good[2:6]
        frames.append(good[:1] + body + crc(body))

    async def check(ctx):
        for frame in frames:
            await host.send(ctx, frame)
            assert ctx.get(bench.accesses) == 0
            response = await host.receive(ctx)
            assert (response.status, response.count) == (Status.BAD_FRAME, 0)
        assert (await host.ask(ctx, Operation.READ, 0)).status is Status.OK

    simulate(bench, check)


def crc(body):
    value = BRIDGE.crc_initial
    for byte in body:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ BRIDGE.crc_polynomial if value >> 15 else value << 1) & 0xFFFF
    return value.to_bytes(2, "big")


@pytest.mark.parametrize("length", range(1, 12))
def test_a_frame_that_breaks_off_is_forgotten_after_the_idle_time(bench, host, simulate, length):
    frame = encode_request(Operation.WRITE, 16, words=(0x0123_4567,))

    async def check(ctx):
        await host.send(ctx, frame[:length])
        await host.expect_silence(ctx, IDLE)
        assert (await host.ask(ctx, Operation.READ, 16)).words == (0,)
        assert ctx.get(bench.accesses) == 1

    simulate(bench, check)


@pytest.mark.parametrize("position", [0, 1, 4, 9, 11])
def test_a_byte_with_a_wrong_stop_bit_ends_the_frame_at_once(bench, host, simulate, position):
    frame = encode_request(Operation.WRITE, 16, words=(0x0123_4567,))

    async def check(ctx):
        await host.send(ctx, frame[: position + 1], broken_stop_at=position)
        assert (await host.ask(ctx, Operation.READ, 16)).words == (0,)
        assert ctx.get(bench.accesses) == 1

    simulate(bench, check)


def test_pauses_shorter_than_the_idle_time_do_no_harm(bench, host, simulate):
    frame = encode_request(Operation.WRITE, 0, words=(5, 6))

    async def check(ctx):
        for byte in frame:
            await ctx.tick().repeat(IDLE - 10 * BIT_CLOCKS - 10)
            await host.send(ctx, [byte])
        assert (await host.receive(ctx)).count == 2

    simulate(bench, check)


@pytest.mark.parametrize("seed", range(2))
def test_after_any_noise_and_the_idle_time_the_bridge_answers(bench, host, simulate, seed):
    choose = random.Random(seed)

    async def check(ctx):
        for _ in range(4):
            noise = [choose.choice((BRIDGE.request_sync, choose.randrange(256))) for _ in range(40)]
            await host.send(ctx, noise)
            # A whole response of 16 words may have begun, and after it the idle time.
            quiet = 0
            for _ in range(70 * 10 * BIT_CLOCKS):
                await ctx.tick()
                quiet = quiet + 1 if ctx.get(bench.bridge.line.tx) else 0
                if quiet > IDLE + 20:
                    break
            value = choose.randrange(1 << 32)
            where = f"seed {seed}, noise {bytes(noise).hex()}"
            assert (await host.ask(ctx, Operation.WRITE, 8, words=(value,))).status is Status.OK, where
            assert (await host.ask(ctx, Operation.READ, 8)).words == (value,), where

    simulate(bench, check)


def test_bytes_during_a_response_are_ignored(bench, host, simulate):
    async def check(ctx):
        await host.send(ctx, encode_request(Operation.READ, 0, count=16))
        await host.send(ctx, encode_request(Operation.WRITE, 0, words=(7,)))
        await ctx.tick().repeat(60 * 10 * BIT_CLOCKS)
        assert ctx.get(bench.accesses) == 16
        assert (await host.ask(ctx, Operation.READ, 0)).words == (0,)

    simulate(bench, check)


@pytest.mark.parametrize(("delay", "count"), [(0, 1), (0, 16), (3, 4)])
def test_latency(bench, host, simulate, delay, count):
    async def check(ctx):
        ctx.set(bench.delay, delay)
        await host.send(ctx, encode_request(Operation.READ, 0, count=count))

    clocks = {}

    async def watch(ctx):
        clock = last_byte = 0
        while "response" not in clocks:
            await ctx.tick()
            clock += 1
            if ctx.get(bench.bridge._rx.bytes.valid):
                last_byte = clock
            if not ctx.get(bench.bridge.line.tx):
                clocks["response"] = clock - last_byte

    simulate(bench, check, watch)
    assert clocks["response"] == 2 + count * (delay + 1 + 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"interrupts": 33}, "Number of interrupts must be 1 to 32, not 33"),
        (
            {"idle_clocks": 80},
            "Idle time must be longer than a byte on the line (= 80 clocks), not 80",
        ),
        ({"baud": 200_000}, "Clock must be at least 8 times the baud rate (= 1600000 Hz), not 800000 Hz"),
    ],
)
def test_refusals(changes, sentence):
    parameters = {"clock_hz": CLOCK_HZ, "baud": BAUD, "idle_clocks": IDLE, "interrupts": 5}
    with pytest.raises(ValueError) as caught:
        UartBridge(protocol=BRIDGE, **{**parameters, **changes})
    assert str(caught.value) == sentence
