"""The UART as software sees it: FIFOs, levels, causes, errors."""

import random

import pytest

from rtl.periph.uart import Uart

CLOCK_HZ, BAUD, DEPTH = 1_600_000, 100_000, 8
BIT_CLOCKS = CLOCK_HZ / BAUD


@pytest.fixture
def uart():
    return Uart(clock_hz=CLOCK_HZ, baud=BAUD, fifo_depth=DEPTH)


def test_reset_state(uart, simulate, registers):
    by_name = registers(uart.bus)

    async def check(ctx):
        assert await by_name.read(ctx, "identification") == int.from_bytes(b"UART", "big")
        assert await by_name.read(ctx, "divisor") == 512
        assert await by_name.read(ctx, "capacity") == DEPTH
        assert await by_name.read(ctx, "status") == 0
        assert await by_name.read(ctx, "receive") == 0
        assert (ctx.get(uart.line.tx), ctx.get(uart.irq)) == (1, 0)

    simulate(uart, check)


def test_sends_what_is_written(uart, simulate, registers, peer):
    by_name, line = registers(uart.bus), peer(uart.line, BIT_CLOCKS)
    sent = [random.Random(5).randrange(256) for _ in range(30)]

    async def write(ctx):
        for byte in sent:
            while (await by_name.read_fields(ctx, "status"))["tx_level"] == DEPTH:
                await ctx.tick().repeat(20)
            await by_name.write(ctx, "transmit", byte)

    async def receive(ctx):
        for index, byte in enumerate(sent):
            assert await line.receive(ctx) == byte, f"byte {index}"

    simulate(uart, write, receive)


def test_a_byte_written_is_on_the_line_within_four_cycles(uart, simulate, registers):
    by_name = registers(uart.bus)

    async def check(ctx):
        await by_name.write(ctx, "transmit", 0x55)
        cycles = 2
        while ctx.get(uart.line.tx):
            await ctx.tick()
            cycles += 1
        assert cycles == 4

    simulate(uart, check)


def test_a_byte_received_interrupts_within_four_cycles_of_its_last_vote(uart, simulate, registers, peer):
    by_name, line = registers(uart.bus), peer(uart.line, BIT_CLOCKS)

    async def send(ctx):
        await by_name.write(ctx, "enable", rx_data=1)
        await line.send(ctx, 0xFF)

    async def watch(ctx):
        await ctx.tick().until(~uart.line.rx)
        clocks = 0
        while not ctx.get(uart.irq):
            await ctx.tick()
            clocks += 1
        # The vote is a cycle before the byte is in the receiver.
        assert clocks - (int(9.625 * BIT_CLOCKS) + 1) == 4

    simulate(uart, send, watch)


def test_receives_in_order_and_counts_the_level(uart, simulate, registers, peer):
    by_name, line = registers(uart.bus), peer(uart.line, BIT_CLOCKS)
    sent = [random.Random(6).randrange(256) for _ in range(DEPTH)]

    async def check(ctx):
        await ctx.tick().repeat(5)
        for count, byte in enumerate(sent, 1):
            await line.send(ctx, byte)
            assert (await by_name.read_fields(ctx, "status"))["rx_level"] == count
        for byte in sent:
            assert await by_name.read_fields(ctx, "receive") == {"byte": byte, "valid": 1}
            await ctx.tick()
        assert await by_name.read_fields(ctx, "receive") == {"byte": 0, "valid": 0}
        assert (await by_name.read_fields(ctx, "cause"))["overrun"] == 0

    simulate(uart, check)


def test_overrun_loses_the_newest_and_says_so(uart, simulate, registers, peer):
    by_name, line = registers(uart.bus), peer(uart.line, BIT_CLOCKS)

    async def check(ctx):
        await ctx.tick().repeat(5)
        # One byte more than the FIFO waits in the receiver itself.
        for byte in range(DEPTH + 1):
            await line.send(ctx, byte)
        assert (await by_name.read_fields(ctx, "cause"))["overrun"] == 0
        await line.send(ctx, 0xEE)
        assert (await by_name.read_fields(ctx, "cause"))["overrun"] == 1
        for byte in range(DEPTH + 1):
            assert await by_name.read_fields(ctx, "receive") == {"byte": byte, "valid": 1}
            await ctx.tick().repeat(2)
        await line.send(ctx, 0x77)
        assert await by_name.read_fields(ctx, "receive") == {"byte": 0x77, "valid": 1}

    simulate(uart, check)


def test_broken_frames_set_their_cause_and_deliver_nothing(uart, simulate, registers, peer):
    by_name, line = registers(uart.bus), peer(uart.line, BIT_CLOCKS)

    async def check(ctx):
        await ctx.tick().repeat(5)
        for byte, cause, other in ((0x10, "frame_error", "line_break"), (0x00, "line_break", "frame_error")):
            await line.send(ctx, byte, stop=0)
            await ctx.tick().repeat(10)
            causes = await by_name.read_fields(ctx, "cause")
            assert (causes[cause], causes[other], causes["rx_data"]) == (1, 0, 0)
            await by_name.write(ctx, "cause", 0x3F)
        assert (await by_name.read_fields(ctx, "status"))["rx_level"] == 0

    simulate(uart, check)


def test_a_byte_too_many_is_dropped_and_says_so(uart, simulate, registers, peer):
    by_name, line = registers(uart.bus), peer(uart.line, BIT_CLOCKS)
    received = []

    async def write(ctx):
        # The transmitter takes the first byte, the FIFO holds the next.
        for byte in range(DEPTH + 1):
            await by_name.write(ctx, "transmit", byte)
        assert (await by_name.read_fields(ctx, "cause"))["dropped"] == 0
        await by_name.write(ctx, "transmit", 0xEE)
        assert (await by_name.read_fields(ctx, "cause"))["dropped"] == 1
        assert await by_name.read_fields(ctx, "status") == {"rx_level": 0, "tx_level": DEPTH, "tx_busy": 1}
        await by_name.write(ctx, "cause", dropped=1)
        assert (await by_name.read_fields(ctx, "cause"))["dropped"] == 0

    async def receive(ctx):
        received.extend([await line.receive(ctx) for _ in range(DEPTH + 1)])
        await ctx.tick().repeat(int(11 * BIT_CLOCKS))
        assert await by_name.read_fields(ctx, "status") == {"rx_level": 0, "tx_level": 0, "tx_busy": 0}
        assert ctx.get(uart.line.tx) == 1

    simulate(uart, write, receive)
    assert received == list(range(DEPTH + 1))


def test_interrupts_follow_the_fifos(uart, simulate, registers, peer):
    by_name, line = registers(uart.bus), peer(uart.line, BIT_CLOCKS)

    async def check(ctx):
        await by_name.write(ctx, "cause", 0x3F)
        await by_name.write(ctx, "enable", tx_space=1)
        assert ctx.get(uart.irq) == 1, "an empty transmit FIFO has space"
        for byte in range(DEPTH):
            await by_name.write(ctx, "transmit", byte)
        await by_name.write(ctx, "cause", tx_space=1)
        assert ctx.get(uart.irq) == 0
        while not ctx.get(uart.irq):
            await ctx.tick()
        assert (await by_name.read_fields(ctx, "status"))["tx_level"] == DEPTH // 2
        await by_name.write(ctx, "enable", rx_data=1)
        assert ctx.get(uart.irq) == 0
        await line.send(ctx, 0x31)
        assert ctx.get(uart.irq) == 1
        await by_name.write(ctx, "cause", rx_data=1)
        assert ctx.get(uart.irq) == 1, "the byte is still there"
        await by_name.read(ctx, "receive")
        await by_name.write(ctx, "cause", rx_data=1)
        assert ctx.get(uart.irq) == 0

    simulate(uart, check)


def test_divisor_changes_the_rate(uart, simulate, registers, peer):
    by_name = registers(uart.bus)
    line = peer(uart.line, 20.5)

    async def check(ctx):
        await by_name.write(ctx, "divisor", 656)
        await by_name.write(ctx, "transmit", 0xA5)
        assert await line.receive(ctx) == 0xA5
        await ctx.tick().repeat(20)
        await line.send(ctx, 0x5A)
        assert await by_name.read_fields(ctx, "receive") == {"byte": 0x5A, "valid": 1}

    simulate(uart, check)


@pytest.mark.parametrize("seed", range(2))
def test_loop_back_with_random_pauses_on_both_sides(uart, simulate, registers, seed):
    by_name = registers(uart.bus)
    choose = random.Random(seed)
    to_send = [choose.randrange(256) for _ in range(40)]
    received: list[int] = []

    async def loop(ctx):
        async for *_, level in ctx.changed(uart.line.tx):
            ctx.set(uart.line.rx, level)

    async def check(ctx):
        waiting = list(to_send)
        while len(received) < len(to_send):
            status = await by_name.read_fields(ctx, "status")
            in_flight = len(to_send) - len(waiting) - len(received)
            if waiting and status["tx_level"] < DEPTH and in_flight < DEPTH and choose.random() < 0.5:
                await by_name.write(ctx, "transmit", waiting.pop(0))
            elif status["rx_level"] and choose.random() < 0.5:
                received.append(await by_name.read(ctx, "receive") & 0xFF)
            await ctx.tick().repeat(choose.randrange(1, 200))

    simulate(uart, check, background=[loop])
    assert received == to_send, f"seed {seed}"


@pytest.mark.parametrize("depth", [1, 256, "8"])
def test_refusals(depth):
    with pytest.raises(ValueError) as caught:
        Uart(clock_hz=CLOCK_HZ, baud=BAUD, fifo_depth=depth)
    assert str(caught.value) == f"FIFO depth must be an integer from 2 to 255, not {depth!r}"
