"""The whole of a board in simulation: a host on the core port's line, and converters that are clocked."""

from itertools import pairwise
from types import SimpleNamespace

from amaranth import Elaboratable
from amaranth.build import Subsignal
from amaranth.hdl import Fragment
from amaranth.lib.io import SimulationPort
from amaranth.sim import Simulator

from sim.noise import SimulatedNoise
from soc.board_top import BoardTop
from soc.boards import board
from soc.formats.bridge import BRIDGE, Operation, Status, decode_response, encode_request, response_length
from soc.generated.registers import sysinfo

WORDS = (sysinfo.core_port_open.address - sysinfo.base) // 4 + 1
BIT_CLOCKS = 12


class SimulatedPlatform:
    """The platform of a board, its pins being simulation ports."""

    def __init__(self, made_for):
        self._platform = made_for.make_platform()
        self.default_clk = self._platform.default_clk
        self.default_rst = self._platform.default_rst
        self.default_clk_frequency = self._platform.default_clk_frequency
        self.ports = {}

    def request(self, name, number=0, *, dir):
        def port(part):
            pins = part.ios[0]
            return SimulationPort(pins.dir, len(pins), invert=pins.invert)

        parts = self._platform.lookup(name, number).ios
        if isinstance(parts[0], Subsignal):
            made = SimpleNamespace(**{part.name: port(part) for part in parts})
        else:
            made = port(self._platform.lookup(name, number))
        self.ports[name, number] = made
        return made


class Simulated(Elaboratable):
    def __init__(self, made_for):
        self.platform = SimulatedPlatform(made_for)
        self._design = Fragment.get(BoardTop(made_for, noise=SimulatedNoise()), self.platform)

    def elaborate(self, platform):
        return self._design


class Line:
    """A host's end of a serial line: 8 data bits, no parity, one stop bit."""

    def __init__(self, port, bit):
        self.port, self.bit = port, bit

    async def send(self, ctx, frame):
        for byte in frame:
            for level in [0, *(byte >> index & 1 for index in range(8)), 1]:
                ctx.set(self.port.rx.i, level)
                await ctx.delay(self.bit)

    async def receive(self, ctx):
        frame = b""
        while len(frame) < 3 or len(frame) < response_length(frame):
            await ctx.negedge(self.port.tx.o[0])
            await ctx.delay(1.5 * self.bit)
            byte = 0
            for index in range(8):
                byte |= ctx.get(self.port.tx.o) << index
                await ctx.delay(self.bit)
            frame += bytes([byte])
        return frame


def test_a_host_reads_sysinfo_over_the_core_port():
    made_for = board("icebreaker")
    assert BIT_CLOCKS * made_for.core_baud == made_for.config.application_hz
    top = Simulated(made_for)
    ports = top.platform.ports
    responses, frame_starts = [], []

    async def oscillator(ctx):
        while True:
            for level in (0, 1):
                ctx.set(ports["clk12", 0].i, level)
                await ctx.delay(0.5e-6)

    async def converter(ctx):
        clocks = 0
        before = 0
        while True:
            await ctx.posedge(ports["clk12", 0].i[0])
            clocks += 1
            now = ctx.get(ports["adc_words", 0].frame_sync.o)
            if now and not before:
                frame_starts.append(clocks)
            before = now

    async def host(ctx):
        for name in ("uart", "uart_comms", "uart_optical"):
            ctx.set(ports[name, 0].rx.i, 1)
        await ctx.delay(1e-3)
        line = Line(ports["uart", 0], BIT_CLOCKS * 1e-6)
        for first in range(0, WORDS, BRIDGE.max_words):
            count = min(BRIDGE.max_words, WORDS - first)
            await line.send(ctx, encode_request(Operation.READ, sysinfo.base + 4 * first, count=count))
            responses.append(decode_response(await line.receive(ctx)))

    simulator = Simulator(top)
    simulator.add_testbench(oscillator, background=True)
    simulator.add_testbench(converter, background=True)
    simulator.add_testbench(host)
    simulator.run()
    assert [response.status for response in responses] == [Status.OK] * len(responses)
    words = [word for response in responses for word in response.words]

    def value(register):
        return words[(register.address - sysinfo.base) // 4]

    config = made_for.config
    assert value(sysinfo.identification).to_bytes(4, "big") == b"SYSI"
    assert value(sysinfo.voltage_lanes) == config.voltage_lanes
    assert value(sysinfo.application_hz) == config.application_hz
    assert value(sysinfo.metrology_hz) == config.metrology_hz
    assert value(sysinfo.pulse_outputs) == config.pulse_outputs
    assert value(sysinfo.stores_emulated) == 1
    assert value(sysinfo.core_port_open) == 1
    periods = {after - before for before, after in pairwise(frame_starts)}
    assert periods == {config.sample_clocks}
