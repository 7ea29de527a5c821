"""The harness's own parts: the serial line's far end, sample sets taken, and when the power fails."""

from amaranth.sim import Simulator

from sim.harness import Harness
from sim.sequencer import Kind
from soc.config import preset
from soc.generated import registers

CONFIG = preset("tiny").with_changes(uart_baud=1_500_000)
BIT_CLOCKS = 8
HOLD = 100


def simulate(harness, testbench):
    simulator = Simulator(harness)
    simulator.add_clock(1 / CONFIG.application_hz)
    simulator.add_clock(1 / CONFIG.metrology_hz, domain="metrology")
    simulator.add_testbench(testbench)
    simulator.run()


async def ask(ctx, harness, kind, address, word=0, forever=0):
    ctx.set(harness.command, {"kind": kind, "last": 0, "forever": forever, "continued": 0})
    ctx.set(harness.address, address)
    ctx.set(harness.words_w[0], word)
    ctx.set(harness.request, not ctx.get(harness.request))
    await ctx.changed(harness.status.as_value())
    return ctx.get(harness.status), ctx.get(harness.words_r[0])


def test_the_power_fails_when_the_line_has_been_quiet():
    harness = Harness(CONFIG)

    async def testbench(ctx):
        ctx.set(harness.hold, HOLD)
        ctx.set(harness.console_out.ready, 1)
        ctx.set(harness.samples_end, 1)
        start = ctx.get(harness.application_cycles)
        status, _ = await ask(ctx, harness, Kind.WAIT, 0, forever=1)
        assert status.powered_off
        assert HOLD <= ctx.get(harness.application_cycles) - start < HOLD + 12
        # A byte of zeros: the line is low for the start bit and eight more.
        await ask(ctx, harness, Kind.WRITE, registers.uart_comms.transmit.address, 0)
        start = ctx.get(harness.application_cycles)
        await ctx.tick().repeat(2 * BIT_CLOCKS)
        status, _ = await ask(ctx, harness, Kind.WAIT, 0, forever=1)
        assert status.powered_off
        expected = 9 * BIT_CLOCKS + HOLD
        assert expected <= ctx.get(harness.application_cycles) - start < expected + 12

    simulate(harness, testbench)


def test_samples_may_wait_for_the_core():
    harness = Harness(CONFIG)

    async def testbench(ctx):
        ctx.set(harness.samples_wait, 1)
        ctx.set(harness.samples.valid, 1)
        await ask(ctx, harness, Kind.READ, registers.sysinfo.identification.address)
        await ask(ctx, harness, Kind.WAIT, 0, word=100)
        # The metrology has looked for what it saved, and would take a set.
        await ctx.tick("metrology").repeat(2300)
        assert ctx.get(harness.sets) == 0, "neither is a wait for an interrupt"
        await ask(ctx, harness, Kind.WAIT, 1, word=1)
        await ctx.tick("metrology").repeat(50)
        assert ctx.get(harness.sets) > 0

    simulate(harness, testbench)


def test_the_line_goes_both_ways():
    harness = Harness(CONFIG)
    uart = registers.uart_comms

    async def testbench(ctx):
        ctx.set(harness.console_in.payload, 0x5A)
        ctx.set(harness.console_in.valid, 1)
        await ctx.tick().until(harness.console_in.ready)
        ctx.set(harness.console_in.valid, 0)
        await ctx.tick().repeat(11 * BIT_CLOCKS)
        _, received = await ask(ctx, harness, Kind.READ, uart.receive.address)
        assert uart.receive.unpack(received) == {"byte": 0x5A, "valid": 1}
        await ask(ctx, harness, Kind.WRITE, uart.transmit.address, 0xC3)
        while not ctx.get(harness.console_out.valid):
            await ctx.tick()
        assert ctx.get(harness.console_out.payload) == 0xC3

    simulate(harness, testbench)


def test_sample_sets_are_counted_when_they_are_taken():
    harness = Harness(CONFIG)

    async def testbench(ctx):
        ctx.set(harness.samples.valid, 1)
        for count in range(1, 4):
            ctx.set(harness.samples.payload, [1000 * count, -count])
            ready = 0
            while not ready:
                *_, ready = await ctx.tick("metrology").sample(harness.samples.ready)
            assert ctx.get(harness.sets) == count
        cycles = ctx.get(harness.metrology_cycles)
        await ctx.tick("metrology")
        assert ctx.get(harness.metrology_cycles) == cycles + 1

    simulate(harness, testbench)
