"""The chip and what stands around it in every simulation: the core, a source of samples, a serial line."""

from amaranth import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.periph.baud import divisor_for
from rtl.periph.uart_rx import Deserialiser
from rtl.periph.uart_tx import Serialiser
from soc.chip import Soc

from .noise import SimulatedNoise
from .sequencer import Kind, Sequencer

__all__ = ["Harness"]


class Harness(wiring.Component):
    """The chip, its core's place, and the far end of its serial line ``uart_comms``.

    A back-end feeds it and asks it for operations; the clocks of the domains ``sync`` and ``metrology`` are
    the back-end's.

    Parameters
    ----------
    config : SocConfig
        Configuration of the chip.

    Members
    -------
    request, command, address, words_w, status, words_r
        Those of the `Sequencer`.
    samples : In(stream of sample sets), domain ``metrology``
        Taken as soon as the chip is ready for one.
    samples_end : In(1), domain ``metrology``
        No sample set will follow.
    temperature : In(signed(16))
        What the temperature sensor shows, in 1/256 °C. Constant.
    samples_wait : In(1)
        No sample set is presented before the core first waits for an interrupt. Constant.
    sets : Out(32), domain ``metrology``
        Sample sets taken.
    application_cycles, metrology_cycles : Out(64), domains ``sync`` and ``metrology``
        Clocks since the start.
    hold : In(32)
        Clocks until the power fails, since the end of the samples, the end of what the metrology computed
        from them, or the last low bit of the serial line. Constant.
    console_out : Out(stream of 8 bits)
        Bytes that the chip has sent on its serial line.
    console_in : In(stream of 8 bits)
        Bytes to send to the chip.
    """

    def __init__(self, config):
        self._config = config
        self._soc = Soc(config)
        self._sequencer = Sequencer(core_cycles=config.core_cycles_per_operation)
        members = dict(self._sequencer.signature.members)
        for inside in ("irq", "power_off", "bus"):
            del members[inside]
        self._forwarded = tuple(members)
        samples = stream.Signature(data.ArrayLayout(signed(config.word_bits), config.lanes))
        super().__init__(
            {
                **members,
                "samples": In(samples),
                "samples_end": In(1),
                "samples_wait": In(1),
                "temperature": In(signed(16)),
                "sets": Out(32),
                "application_cycles": Out(64),
                "metrology_cycles": Out(64),
                "hold": In(32),
                "console_out": Out(stream.Signature(8)),
                "console_in": In(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.soc = soc = self._soc
        m.submodules.sequencer = sequencer = self._sequencer
        for name in self._forwarded:
            inner, outer = getattr(sequencer, name), getattr(self, name)
            if self.signature.members[name].flow is In:
                m.d.comb += inner.eq(outer)
            else:
                m.d.comb += outer.eq(inner)
        connect(m, sequencer.bus, soc.core)
        m.d.comb += sequencer.irq.eq(soc.irq)
        self._elaborate_samples(m)
        m.d.sync += self.application_cycles.eq(self.application_cycles + 1)
        m.d.metrology += self.metrology_cycles.eq(self.metrology_cycles + 1)
        m.submodules.noise = noise = SimulatedNoise(model=self._config.rings)
        connect(m, soc.noise, noise.noise)
        self._elaborate_line(m)
        self._elaborate_power(m)
        return m

    def _elaborate_samples(self, m):
        sequencer, inner, outer = self._sequencer, self._soc.samples, self.samples
        has_waited, present = Signal(), Signal()
        waits = (sequencer.request != sequencer.status.done) & (sequencer.command.kind == Kind.WAIT)
        with m.If(waits & sequencer.address.any()):
            m.d.sync += has_waited.eq(1)
        m.submodules.present = FFSynchronizer(has_waited | ~self.samples_wait, present, o_domain="metrology")
        m.d.comb += [
            inner.payload.eq(outer.payload),
            inner.valid.eq(outer.valid & present),
            outer.ready.eq(inner.ready & present),
            self._soc.temperature.eq(self.temperature),
        ]
        with m.If(outer.valid & outer.ready):
            m.d.metrology += self.sets.eq(self.sets + 1)

    def _elaborate_line(self, m):
        m.submodules.deserialiser = deserialiser = Deserialiser()
        m.submodules.serialiser = serialiser = Serialiser()
        divisor = divisor_for(self._config.application_hz, self._config.uart_baud)
        m.d.comb += [
            deserialiser.divisor.eq(divisor),
            serialiser.divisor.eq(divisor),
            deserialiser.rx.eq(self._soc.uart_comms.tx),
            self._soc.uart_comms.rx.eq(serialiser.tx),
        ]
        connect(m, deserialiser.bytes, flipped(self.console_out))
        connect(m, flipped(self.console_in), serialiser.bytes)

    def _elaborate_power(self, m):
        ended, resting = Signal(), Signal()
        quiet = Signal(32)
        m.submodules.ended = FFSynchronizer(self.samples_end, ended)
        m.submodules.resting = FFSynchronizer(self._soc.blocks["metrology"].resting, resting)
        with m.If(~ended | ~resting | ~self._soc.uart_comms.tx):
            m.d.sync += quiet.eq(0)
        with m.Elif(quiet < self.hold):
            m.d.sync += quiet.eq(quiet + 1)
        m.d.comb += self._sequencer.power_off.eq(ended & (quiet == self.hold))
