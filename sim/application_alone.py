"""The application's side of the chip, without its metrology: for firmware that does not meter."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from sim.backends.core import Core
from sim.block import Block
from sim.noise import SimulatedNoise
from sim.sequencer import Sequencer
from soc.chip import Soc
from soc.config import SocConfig

__all__ = ["ApplicationAlone"]

_LATEST_CLOCKS = 10_000_000  # that nothing takes


class _Bench(wiring.Component):
    """The chip without its metrology, its core's place, and ring oscillators that can get stuck."""

    def __init__(self, config: SocConfig):
        self._soc = Soc(config, metering=False)
        self._rings = config.rings
        self._sequencer = Sequencer(core_cycles=config.core_cycles_per_operation)
        members = dict(self._sequencer.signature.members)
        for inside in ("irq", "power_off", "bus"):
            del members[inside]
        self._forwarded = tuple(members)
        super().__init__(
            {
                **members,
                "answered": Out(1),
                "noise_stuck": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.soc = soc = self._soc
        m.submodules.sequencer = sequencer = self._sequencer
        for name in self._forwarded:
            inner, outer = getattr(sequencer, name), getattr(self, name)
            flows_in = self.signature.members[name].flow is In
            m.d.comb += inner.eq(outer) if flows_in else outer.eq(inner)
        connect(m, sequencer.bus, soc.core)
        m.d.comb += [
            sequencer.irq.eq(soc.irq),
            self.answered.eq(sequencer.status.done == self.request),
        ]
        m.submodules.noise = noise = SimulatedNoise(model=self._rings)
        m.d.comb += noise.stuck.eq(self.noise_stuck)
        connect(m, soc.noise, noise.noise)
        return m


class _Core(Core):
    """The handshake with a compiled block."""

    def __init__(self, block: Block):
        super().__init__()
        self._block = block
        self._request = 0

    async def handshake(
        self, command: int, address: int, words: Sequence[int], wanted: int
    ) -> tuple[int, list[int]]:
        block = self._block
        block.set("command", command)
        block.set("address", address)
        if words:
            block.set("words_w", sum(word << 32 * place for place, word in enumerate(words)))
        self._request ^= 1
        block.set("request", self._request)
        block.until("answered", _LATEST_CLOCKS)
        given = block.get("words_r") if wanted else 0
        return block.get("status"), [given >> 32 * place & 0xFFFF_FFFF for place in range(wanted)]


class ApplicationAlone:
    """The compiled application side of a configuration, from power-on; it goes on from run to run.

    Parameters
    ----------
    config : SocConfig
        What is built, but for its metrology.

    Attributes
    ----------
    config : SocConfig
        That.

    Raises
    ------
    InputError
        If a tool is missing or fails.
    """

    def __init__(self, config: SocConfig):
        self.config = config
        self._block = Block(_Bench(config))
        self._core = _Core(self._block)

    def fresh(self) -> ApplicationAlone:
        """Another one of the same chip, as it is after power-on."""
        chip = copy.copy(self)
        chip._block = self._block.fresh()
        chip._core = _Core(chip._block)
        return chip

    @property
    def cycles(self) -> int:
        """Clocks so far."""
        return self._block.cycles

    def stick_noise(self, *, stuck: bool = True) -> None:
        """Let all ring oscillators stand still, or run again.

        The chip has no random numbers then until its source has been tested and its generator seeded.
        """
        self._block.set("noise_stuck", stuck)

    def run(self, scenario: Any) -> Any:
        """Drive a coroutine of operations to its end; returns what it returns, raises what it raises."""
        running = self._core.run(scenario)
        try:
            running.send(None)
        except StopIteration as stop:
            return stop.value
        raise RuntimeError("The simulated core has waited for something that is not the chip")
