"""The metrology domain's RTL alone, compiled: sample sets in, what the engine sends out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.guard.nvm import NvmRegion
from rtl.metering.core import MeteringCore
from rtl.metering.parameters import WIDE_BITS, WORD_BITS
from sim.block import Block
from sim.compiled_model import SENT
from soc.config import SocConfig

__all__ = ["CoreAlone"]

_SENT = ("sent_port", "sent_adr", "sent_value")
_HALF_BITS = 64
_LATEST_CLOCKS = 100_000
_CLOCK_BITS = 16
_TEMPERATURE_BITS = 16
_BACKGROUND_BITS = 24


class _Bench(wiring.Component):
    """The core with its memory, and what is recorded of it.

    ``recorded_stb`` is high when the engine sends something, has ended a sample set, or has ``rested`` after
    the background; ``clocks`` are those since the set was taken, ``background`` those of the background.
    """

    def __init__(self, config: SocConfig):
        self._core = core = MeteringCore(config.metering, sample_clocks=config.sample_clocks)
        members = core.signature.members
        self._driven = (
            *("use_bits", "temperature", "magnet", "cover_main", "cover_terminal", "brown_out"),
            *("setting_valid", "setting_adr", "setting"),
        )
        super().__init__(
            {
                "samples": members["samples"],
                **{name: In(members[name].shape) for name in self._driven},
                "setting_ready": Out(1),
                "pulses": Out(members["pulses"].shape),
                "recorded_stb": Out(1),
                "set_done": Out(1),
                "clocks": Out(_CLOCK_BITS),
                "rested": Out(1),
                "background": Out(_BACKGROUND_BITS),
                "sent_stb": Out(1),
                "sent_port": Out(members["sent_port"].shape),
                "sent_adr": Out(members["sent_adr"].shape),
                "sent_value": Out(WIDE_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self._core
        m.submodules.nvm = nvm = NvmRegion(words=core.nvm_words)
        connect(m, core.nvm, nvm.port)
        connect(m, flipped(self.samples), core.samples)
        for name in self._driven:
            m.d.comb += getattr(core, name).eq(getattr(self, name))
        idle, resting = Signal(), Signal()
        m.d.sync += [idle.eq(core.idle), resting.eq(core.setting_ready)]
        m.d.sync += self.clocks.eq(self.clocks + 1)
        with m.If(core.set_stb):
            m.d.sync += self.clocks.eq(0)
        with m.If(self.rested):
            m.d.sync += self.background.eq(0)
        with m.Elif(core.idle & ~core.setting_ready):
            m.d.sync += self.background.eq(self.background + 1)
        m.d.comb += [
            self.setting_ready.eq(core.setting_ready),
            self.pulses.eq(core.pulses),
            self.set_done.eq(core.idle & ~idle),
            self.rested.eq(core.setting_ready & ~resting & self.background.any()),
            self.recorded_stb.eq(core.sent_stb | self.set_done | self.rested),
            self.sent_stb.eq(core.sent_stb),
            self.sent_port.eq(core.sent_port),
            self.sent_adr.eq(core.sent_adr),
            self.sent_value.eq(core.sent_value),
        ]
        return m


class CoreAlone:
    """The compiled core of a configuration, from power-on.

    Parameters
    ----------
    config : SocConfig
        What is built.
    temperature : int, optional
        Word of the temperature sensor.

    Attributes
    ----------
    clocks : list of int
        Clocks of the foreground's work on each sample set so far.
    background : list of int
        Clocks of the background's work on each window so far, the foreground's in between not counted.
    cycles : int
        Clocks so far.

    Raises
    ------
    InputError
        If a tool is missing or fails.
    """

    def __init__(self, config: SocConfig, *, temperature: int = 0):
        self._config = config
        self._block = Block(_Bench(config))
        self._block.set("temperature", temperature & (1 << _TEMPERATURE_BITS) - 1)
        self.clocks: list[int] = []
        self.background: list[int] = []
        self._sets = 0
        self._block.until("setting_ready", _LATEST_CLOCKS)
        self._block.tick(2)
        watched = ["set_done", "clocks", "rested", "background", "sent_stb", *_SENT]
        self._block.watch("recorded_stb", watched)

    @property
    def cycles(self) -> int:
        """Clocks of the domain so far."""
        return self._block.cycles

    def give_settings(self, words: Sequence[int]) -> None:
        """Write the settings, in the order of their addresses."""
        for address, word in enumerate(words):
            self._block.set("setting_adr", address)
            self._block.set("setting", word & (1 << WORD_BITS) - 1)
            self._block.set("setting_valid", 1)
            self._block.until("setting_ready", _LATEST_CLOCKS)
            self._block.tick()
        self._block.set("setting_valid", 0)

    def run(self, codes: np.ndarray) -> np.ndarray:
        """Take in sample sets, words of shape (sets, lanes); returns what was sent, an array of `SENT`.

        A set is given as soon as it is taken; the background may still run when this ends.
        """
        bits = self._config.word_bits
        mask = (1 << bits) - 1
        payloads = [
            sum((word & mask) << bits * lane for lane, word in enumerate(row)) for row in codes.tolist()
        ]
        self._block.send("samples", payloads, _LATEST_CLOCKS)
        sent = []
        for done, clocks, rested, background, is_sent, port, address, value in self._block.recorded():
            if rested:
                self.background.append(background)
            if is_sent:
                low, high = value & (1 << _HALF_BITS) - 1, value >> _HALF_BITS
                sent.append((self._sets, port, address, low, _signed(high)))
            if done:
                self.clocks.append(clocks)
                self._sets += 1
        return np.array(sent, SENT)


def _signed(high: int) -> int:
    bits = WIDE_BITS - _HALF_BITS
    return high - (1 << bits) if high >> bits - 1 else high
