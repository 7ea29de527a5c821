"""What is on the FPGA of a board: the chip, its core port on a serial line, its converters, pins, lights."""

from functools import reduce
from typing import Any

from amaranth import ClockDomain, DomainRenamer, Elaboratable, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import connect

from rtl.entropy.ring_oscillators import RingOscillators
from rtl.metering.program.settings import TEMPERATURE_FRACTION
from rtl.metering.word_receiver import WordReceiver
from rtl.periph.uart_bridge import UartBridge

from .boards import SENSORS, Board, family_of
from .chip import Soc
from .clocks import BoardClocks
from .formats.bridge import BRIDGE

__all__ = ["BoardTop"]

_HEARTBEAT_SETS = 8192
_REFERENCE_CELSIUS = 23


class BoardTop(Elaboratable):
    """The chip on a board.

    Every logic is in a submodule: ``soc``, ``uart_bridge`` (the core port), ``word_receiver``, ``clocks``,
    ``noise_source`` and ``pins`` (with the lights).

    Parameters
    ----------
    board : Board
        The board; its platform is what this is elaborated for.
    noise : Component or None
        What takes the place of the ring oscillators where there is no FPGA; it has their port ``noise``.

    Attributes
    ----------
    ring_lengths : tuple of int
        Stages of each ring oscillator; empty if there are none.
    """

    def __init__(self, board: Board, *, noise: Any = None):
        self._board = board
        self._soc = Soc(board.config)
        self._noise = noise
        self.ring_lengths: tuple[int, ...] = () if noise else board.config.rings.ring_lengths

    def elaborate(self, platform):
        config, soc = self._board.config, self._soc
        m = Module()
        m.domains.sync = ClockDomain()
        m.domains.metrology = ClockDomain()
        m.submodules.clocks = BoardClocks(
            application_hz=config.application_hz, metrology_hz=config.metrology_hz
        )
        m.submodules.soc = soc
        m.submodules.uart_bridge = bridge = UartBridge(
            clock_hz=config.application_hz,
            baud=self._board.core_baud,
            protocol=BRIDGE,
            idle_clocks=BRIDGE.idle_ms * config.application_hz // 1000,
            interrupts=len(soc.irq),
        )
        connect(m, bridge.bus, soc.core)
        m.d.comb += bridge.irq.eq(soc.irq)

        receiver = WordReceiver(
            word_bits=config.word_bits, lanes=config.lanes, sample_clocks=config.sample_clocks
        )
        m.submodules.word_receiver = DomainRenamer("metrology")(receiver)
        connect(m, receiver.samples, soc.samples)
        m.d.comb += [
            soc.words_lost.eq(receiver.lost),
            # A board has no sensor of temperature.
            soc.temperature.eq(_REFERENCE_CELSIUS << TEMPERATURE_FRACTION),
        ]

        rings = config.rings
        noise = self._noise or RingOscillators(
            lengths=rings.lengths, banks=rings.banks, family=family_of(platform)
        )
        m.submodules.noise_source = noise
        connect(m, noise.noise, soc.noise)

        m.submodules.pins = pins = Module()
        self._join_words(pins, platform, receiver)
        self._join_metering(pins, platform)
        self._join_lines(pins, platform, bridge)
        self._join_lights(pins, platform, receiver)
        return m

    def _join_words(self, m, platform, receiver):
        ports = platform.request("adc_words", 0, dir="-")
        m.submodules.bit_clock = bit_clock = io.Buffer("o", ports.bit_clock)
        m.submodules.frame_sync = frame_sync = io.Buffer("o", ports.frame_sync)
        m.submodules.data = data = io.Buffer("i", ports.data)
        m.d.comb += [
            bit_clock.o.eq(receiver.bit_clock),
            frame_sync.o.eq(receiver.frame_sync),
            receiver.data.eq(data.i),
            self._soc.bits.eq(data.i),
        ]

    def _join_metering(self, m, platform):
        """Clock of the modulators and strap that chooses them, pulses, sensors: as far as there are pins."""
        soc, header = self._soc, self._board.header
        if self._board.config.modulators:
            ports = platform.request("modulators", 0, dir="-")
            m.submodules.modulator_clock = clock = io.Buffer("o", ports.clock)
            m.submodules.use_bits = use_bits = io.Buffer("i", ports.use_bits)
            m.submodules.chosen = FFSynchronizer(use_bits.i, soc.use_bits, o_domain="metrology")
            m.d.comb += clock.o.eq(soc.modulator_clock)
        if header.pulses and self._board.config.pulse_outputs:
            ports = platform.request("pulses", 0, dir="-")
            m.submodules.pulses = pulses = io.Buffer("o", ports.outputs)
            m.d.comb += pulses.o.eq(soc.pulses)
        if header.sensors:
            ports = platform.request("sensors", 0, dir="-")
            for name in SENSORS:
                m.submodules[name] = sensor = io.Buffer("i", getattr(ports, name))
                m.d.comb += getattr(soc, name).eq(sensor.i)

    def _join_lines(self, m, platform, bridge):
        lines = {
            self._board.core: bridge.line,
            ("uart_comms", 0): self._soc.uart_comms,
            ("uart_optical", 0): self._soc.uart_optical,
        }
        for (name, number), line in lines.items():
            ports = platform.request(name, number, dir="-")
            m.submodules[f"{name}_rx"] = rx = io.Buffer("i", ports.rx)
            m.submodules[f"{name}_tx"] = tx = io.Buffer("o", ports.tx)
            m.d.comb += [line.rx.eq(rx.i), tx.o.eq(line.tx)]

    def _join_lights(self, m, platform, receiver):
        """One light blinks about once a second while words are taken; one stays on after a loss of words."""
        sets = Signal(range(_HEARTBEAT_SETS))
        lost = Signal()
        with m.If(receiver.samples.valid & receiver.samples.ready):
            m.d.metrology += sets.eq(sets + 1)
        m.d.metrology += lost.eq(receiver.lost.any() & ~self._soc.use_bits)
        lights = {"heartbeat": sets[-1], "lost": lost}
        places = {name: getattr(self._board, name) for name in lights}
        resources = dict.fromkeys(place[:2] for place in places.values())
        ports = {resource: platform.request(*resource, dir="-") for resource in resources}
        for name, value in lights.items():
            resource, path = places[name][:2], places[name][2:]
            m.submodules[name] = light = io.Buffer("o", reduce(getattr, path, ports[resource]))
            m.d.comb += light.o.eq(value)
