"""All of the metrology domain that makes a measured value: in one clock domain, without a way in but pins."""

from amaranth import Module, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus import NvmPortSignature
from .compiler import compile_program
from .engine import ComputeEngine
from .front_end import FrontEnd
from .microcode import Port
from .parameters import LANE_BITS, WIDE_BITS, WORD_BITS
from .power_fail import PowerFailStore, Restored, record_identification
from .pulse_outputs import PulseOutputs

__all__ = ["PINS", "MeteringCore"]

PINS = {
    "bits": In,
    "modulator_clock": Out,
    "use_bits": In,
    "words_lost": In,
    "temperature": In,
    "magnet": In,
    "cover_main": In,
    "cover_terminal": In,
    "brown_out": In,
}
"""Ports of the front end, besides the words, that are the core's own, with their directions."""

_REGISTERS = "registers."
_SETTINGS = "settings."
_START_CLOCKS = 8
_GAP_CLOCKS = 128


class MeteringCore(wiring.Component):
    """Front end, compute engine, pulse outputs and power-fail store.

    A sample set is taken when the engine is idle and the background at rest, or a sample period after the
    one before: a source that is faster than real time leaves the background its time, and one in real time
    never waits. Two sets are 258 clocks apart at least, which the pulse outputs need. After a set with
    ``brown_out`` no other is taken until what has been counted is saved, and the supply is back.

    Parameters
    ----------
    parameters : MeteringParameters
        Lanes, rates and thresholds.
    sample_clocks : int
        Clocks from one sample set to the next at the nominal pace.
    modulator_divider, cic_decimation : int or None
        As of `FrontEnd`.
    pulse_clocks : int
        Longest time that a pulse output is on.

    Attributes
    ----------
    program : Program
        The compiled metrology program.
    settings : tuple of int
        Word cells of the settings: the first, and the one after the last.
    registers : tuple of int
        Wide cells that outlive a power cut, likewise.
    nvm_words : int
        Words of the core's region of non-volatile memory.

    Members
    -------
    samples : In(stream of arrays of words)
        Sample sets, voltages first.
    bits, modulator_clock, use_bits, words_lost, temperature, magnet, cover_main, cover_terminal, brown_out
        As of `FrontEnd`.
    set_stb : Out(1)
        A sample set is at ``lanes`` and stays there.
    held : Out(1)
        No sample set is taken since one with ``brown_out``.
    idle, resting : Out(1)
        The engine's foreground is done with the set.
    lanes : Out(array of signed 28-bit samples)
        The sample set in work, uncalibrated.
    sent_stb, sent_port, sent_adr, sent_value : Out
        As of `ComputeEngine`.
    pulses : Out(one bit an output)
        The pulse outputs.
    setting_valid, setting_adr, setting : In
        Write a setting: the place of its word, and the word.
    setting_ready : Out(1)
        The setting is written in this clock; at times when the background rests.
    restored, restored_complete, restored_lost, nvm_fault, saves : Out
        As of `PowerFailStore`; valid from the first ``set_stb`` on.
    nvm : Out(NvmPortSignature)
        Port to the region.

    Latency
    -------
    A set that comes while the engine is idle is with the engine in the next clock.
    """

    def __init__(
        self, parameters, *, sample_clocks, modulator_divider=None, cic_decimation=None, pulse_clocks=1 << 16
    ):
        self.program = compile_program(parameters)
        self._parameters = parameters
        self._sample_clocks = sample_clocks
        self._pulse_clocks = pulse_clocks
        self._front_end = FrontEnd(
            word_bits=parameters.word_bits,
            lanes=parameters.lanes,
            modulator_divider=modulator_divider,
            cic_decimation=cic_decimation,
        )
        self._engine = ComputeEngine(program=self.program, lanes=parameters.lanes)
        self.settings = self._range(_SETTINGS)
        self.registers = first, end = self._range(_REGISTERS)
        kept = [path for path in self.program.cells if path.startswith(_REGISTERS)]
        self._store = PowerFailStore(
            first=first,
            count=end - first,
            cell_bits=WIDE_BITS,
            identification=record_identification(kept, WIDE_BITS),
        )
        self.nvm_words = self._store.words
        front_end, engine = self._front_end.signature.members, self._engine.signature.members
        super().__init__(
            {
                "samples": In(
                    stream.Signature(data.ArrayLayout(signed(parameters.word_bits), parameters.lanes))
                ),
                **{name: flow(front_end[name].shape) for name, flow in PINS.items()},
                "set_stb": Out(1),
                "held": Out(1),
                "idle": Out(1),
                "resting": Out(1),
                "lanes": Out(data.ArrayLayout(signed(LANE_BITS), parameters.lanes)),
                **{name: engine[name] for name in ("sent_stb", "sent_port", "sent_adr", "sent_value")},
                "pulses": Out(max(1, parameters.pulse_outputs)),
                "setting_valid": In(1),
                "setting_ready": Out(1),
                "setting_adr": In(range(self.settings[1] - self.settings[0])),
                "setting": In(signed(WORD_BITS)),
                "restored": Out(Restored),
                "restored_complete": Out(1),
                "restored_lost": Out(1),
                "nvm_fault": Out(1),
                "saves": Out(unsigned(32)),
                "nvm": Out(NvmPortSignature(words=self.nvm_words)),
            }
        )

    def _range(self, prefix):
        """Addresses of the cells whose paths start with ``prefix``: one behind the other, of one kind."""
        cells = [cell for path, cell in self.program.cells.items() if path.startswith(prefix)]
        addresses = sorted(cell.address for cell in cells)
        assert addresses == list(range(addresses[0], addresses[-1] + 1)), f"{prefix} cells have gaps"
        assert len({cell.kind for cell in cells}) == 1, f"{prefix} cells are of two kinds"
        return addresses[0], addresses[-1] + 1

    def elaborate(self, platform):
        m = Module()
        m.submodules.front_end = front_end = self._front_end
        m.submodules.engine = engine = self._engine
        m.submodules.store = store = self._store
        connect(m, flipped(self.samples), front_end.samples)
        for name, flow in PINS.items():
            inner, outer = getattr(front_end, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if flow is In else outer.eq(inner)

        ready = self._pace(m, front_end.engine_start)
        m.d.comb += [
            front_end.engine_idle.eq(engine.idle & store.restore_done & ready),
            engine.start.eq(front_end.engine_start),
            engine.lanes.eq(front_end.lanes),
            engine.inputs.eq(front_end.inputs),
            self.set_stb.eq(front_end.engine_start),
            self.held.eq(front_end.held),
            self.idle.eq(engine.idle),
            self.resting.eq(engine.resting),
            self.lanes.eq(front_end.lanes),
            self.sent_stb.eq(engine.sent_stb),
            self.sent_port.eq(engine.sent_port),
            self.sent_adr.eq(engine.sent_adr),
            self.sent_value.eq(engine.sent_value),
        ]
        self._join_store(m, front_end, engine, store)
        self._join_settings(m, engine, store)
        if self._parameters.pulse_outputs:
            self._join_pulses(m, engine)
        return m

    def _pace(self, m, taken):
        """Whether another sample set may be taken, as far as background and pulse outputs are concerned."""
        clocks = Signal(range(self._sample_clocks))
        over = Signal()
        m.d.comb += over.eq(clocks == self._sample_clocks - _START_CLOCKS)
        with m.If(taken):
            m.d.sync += clocks.eq(0)
        with m.Elif(~over):
            m.d.sync += clocks.eq(clocks + 1)
        return self._engine.resting & (clocks >= 2 * _GAP_CLOCKS) | over

    def _join_store(self, m, front_end, engine, store):
        """Save when the engine has ended the window of the set with the brown-out, and rests."""
        saved, brown_out = Signal(), Signal()
        rests = engine.resting & ~front_end.engine_start
        m.submodules.brown_out = FFSynchronizer(self.brown_out, brown_out)
        # SEC_CM: METER.NOLOSS
        m.d.comb += [
            store.save.eq(front_end.held & rests & ~saved & ~store.save_done),
            front_end.resume.eq(saved & ~brown_out),
            engine.cell_adr.eq(store.cell_adr),
            engine.cell_we.eq(store.cell_we),
            engine.cell_w.eq(store.cell_w),
            store.cell_r.eq(engine.cell_r),
            self.restored.eq(store.restored),
            self.restored_complete.eq(store.complete),
            self.restored_lost.eq(store.lost),
            self.nvm_fault.eq(store.fault),
            self.saves.eq(store.sequence),
        ]
        connect(m, store.nvm, flipped(self.nvm))
        with m.If(store.save_done):
            m.d.sync += saved.eq(1)
        with m.Elif(~front_end.held):
            m.d.sync += saved.eq(0)

    def _join_settings(self, m, engine, store):
        m.d.comb += [
            self.setting_ready.eq(engine.resting & store.restore_done),
            engine.word_adr.eq(self.setting_adr + self.settings[0]),
            engine.word_w.eq(self.setting),
            engine.word_we.eq(self.setting_valid & self.setting_ready),
        ]

    def _join_pulses(self, m, engine):
        m.submodules.pulses = pulses = PulseOutputs(
            outputs=self._parameters.pulse_outputs,
            sample_clocks=self._sample_clocks,
            width_clocks=self._pulse_clocks,
            latency_clocks=2 * self._sample_clocks // 3,
            gap_clocks=_GAP_CLOCKS,
        )
        m.d.comb += [
            pulses.set_stb.eq(self.set_stb),
            pulses.pulse_stb.eq(engine.sent_stb & (engine.sent_port == Port.PULSE)),
            pulses.pulse_index.eq(engine.sent_adr),
            pulses.pulse_fraction.eq(engine.sent_value),
            self.pulses.eq(pulses.pulses),
        ]
