"""The metrology domain: everything that makes a measured value, and the interfaces out of it."""

from amaranth import Cat, DomainRenamer, Module, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer, PulseSynchronizer
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus import NvmPortSignature, RegisterBank, csr, wishbone
from .core import PINS, MeteringCore
from .harmonic_quantities import harmonic_quantities
from .microcode import Port
from .parameters import WIDE_BITS, WORD_BITS
from .point_quantities import point_quantities
from .power_fail import Restored
from .quantities import quantities
from .quantity_memory import QuantityMemory
from .waveform_buffer import WaveformBuffer

__all__ = ["Metrology"]

_ADDRESS_BITS = 4
_TIME_BITS = 64
_QUEUE = 4
_ALERT_CLOCKS = 64


class Metrology(wiring.Component):
    """The metering core in domain ``metrology``, and what the application sees of it in domain ``sync``.

    The application reads memories that show complete sets of values. What goes the other way are settings,
    through a queue, until they are locked; from then until power-off, whatever comes out of the queue is
    thrown away.

    Parameters
    ----------
    parameters : MeteringParameters
        Lanes, rates and thresholds.
    sample_clocks, modulator_divider, cic_decimation, pulse_clocks : int
        As of `MeteringCore`.
    capture_sets : int
        Sample sets of a capture, a quarter of them before the event; 0: no waveform buffer.

    Members
    -------
    samples : In(stream of arrays of words)
        Sample sets, in domain ``metrology``; voltages first.
    bits, modulator_clock, use_bits, words_lost, temperature, magnet, cover_main, cover_terminal, brown_out
        As of `FrontEnd`, in domain ``metrology``, but for pins, which have none.
    pulses : Out(one bit an output)
        Pulse outputs, in domain ``metrology``.
    resting : Out(1)
        Nothing is being computed, in domain ``metrology``.
    nvm : Out(NvmPortSignature)
        Port to the region of non-volatile memory, in domain ``metrology``.
    bus : In(csr.Signature)
        Registers, in domain ``sync``: identification, interrupt, settings, and how the store was found.
    quantities, harmonics, points, capture : In(wishbone.Signature)
        Measured values, in domain ``sync``, read only; ``harmonics`` and ``capture`` only where they are
        built.
    irq : Out(1)
        Level interrupt.

    Attributes
    ----------
    nvm_words : int
        Words of the region of non-volatile memory.
    """

    class Restore(csr.Register, access="r"):
        """What of the energy registers outlived the last power cut.

        Fields
        ------
        outcome: Nothing was kept, it is restored from the first or second copy, or none was whole.
        complete: Both copies were whole and of the same save.
        lost: Once at least since the memory was blank, none was whole.
        fault: The memory has refused an access since power-on.
        held: Metering stands still, since the supply failed: the save is not done, or the supply not back.
        saves: Saves so far.
        """

        codes = (("outcome", Restored),)

        outcome: csr.Field(csr.action.R, 2)
        complete: csr.Field(csr.action.R, 1)
        lost: csr.Field(csr.action.R, 1)
        fault: csr.Field(csr.action.R, 1)
        held: csr.Field(csr.action.R, 1)
        _: csr.Field(csr.action.ResR0W0, 26)
        saves: csr.Field(csr.action.R, 32)

    class Setting(csr.Register, access="w"):
        """Write a setting; a write of the last word queues it.

        Fields
        ------
        value: The word, two's complement.
        place: The setting's place in the order of their list.
        """

        value: csr.Field(csr.action.W, WORD_BITS)
        _: csr.Field(csr.action.ResR0W0, 12)
        place: csr.Field(csr.action.W, 16)

    class Lock(csr.Register, access="rw"):
        """Lock the settings until power-off.

        Fields
        ------
        lock: Writing 1 locks, once the queue of settings is empty.
        locked: They are locked.
        waiting: The queue holds a setting that is not written yet.
        full: The queue is full: a setting would be lost.
        """

        lock: csr.Field(csr.action.RW1S, 1)
        locked: csr.Field(csr.action.R, 1)
        waiting: csr.Field(csr.action.R, 1)
        full: csr.Field(csr.action.R, 1)

    def __init__(
        self,
        parameters,
        *,
        sample_clocks=3072,
        modulator_divider=None,
        cic_decimation=None,
        pulse_clocks=1 << 16,
        capture_sets=0,
    ):
        self._core = MeteringCore(
            parameters,
            sample_clocks=sample_clocks,
            modulator_divider=modulator_divider,
            cic_decimation=cic_decimation,
            pulse_clocks=pulse_clocks,
        )
        self.nvm_words = self._core.nvm_words
        self._make_memories(parameters, capture_sets)
        self._make_bank()
        core = self._core.signature.members
        super().__init__(
            {
                "samples": In(
                    stream.Signature(data.ArrayLayout(signed(parameters.word_bits), parameters.lanes))
                ),
                **{name: core[name] for name in (*PINS, "pulses", "resting")},
                "nvm": Out(NvmPortSignature(words=self.nvm_words)),
                "bus": In(csr.Signature(addr_width=_ADDRESS_BITS, data_width=32)),
                **{
                    name: In(wishbone.Signature(addr_width=memory.bus.addr_width, data_width=32))
                    for name, memory in self._windows.items()
                },
                "irq": Out(1),
            }
        )
        self.bus.memory_map = self._bank.bus.memory_map
        for name, memory in self._windows.items():
            getattr(self, name).memory_map = memory.bus.memory_map

    def _make_memories(self, parameters, capture_sets):
        self._shown = {
            "quantities": (
                QuantityMemory(quantities(parameters), width=WIDE_BITS),
                Port.QUANTITY,
                Port.QUANTITY_COMMIT,
            ),
            "points": (
                QuantityMemory(point_quantities(parameters), width=WORD_BITS),
                Port.POINT,
                Port.POINT_COMMIT,
            ),
        }
        if parameters.harmonics:
            self._shown["harmonics"] = (
                QuantityMemory(harmonic_quantities(parameters), width=WORD_BITS),
                Port.HARMONIC,
                Port.HARMONIC_COMMIT,
            )
        self._windows = {name: memory for name, (memory, _, _) in self._shown.items()}
        self._capture = None
        if capture_sets:
            before = capture_sets // 4
            self._capture = WaveformBuffer(lanes=parameters.lanes, before=before, after=capture_sets - before)
            self._windows["capture"] = self._capture

    def _make_bank(self):
        causes = {
            "window": "A window ended: the quantity memory shows its quantities.",
            "alert": "An event began or ended: the quantities tell which.",
            "points": "A mains cycle ended: the points of its waveforms are shown.",
            "harmonics": "Ten or twelve mains cycles ended: their harmonics are shown, where they are built.",
            "capture": "A capture of the waveforms round an event is shown, where there is a buffer.",
        }
        self._bank = RegisterBank(identification="METR", version=2, addr_width=_ADDRESS_BITS, causes=causes)
        self._restore = self._bank.add("restore", self.Restore())
        self._setting = self._bank.add("setting", self.Setting())
        self._lock = self._bank.add("lock", self.Lock())
        self._bank.freeze()

    @property
    def program(self):
        """The compiled metrology program."""
        return self._core.program

    @property
    def identification(self):
        """SHA-256 of the metrology program: the identification of the legally relevant software."""
        return self._core.program.identification

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = DomainRenamer("metrology")(self._core)
        m.submodules.bank = bank = self._bank
        core = self._core
        connect(m, flipped(self.samples), core.samples)
        connect(m, core.nvm, flipped(self.nvm))
        connect(m, flipped(self.bus), bank.bus)
        for name, flow in PINS.items():
            inner, outer = getattr(core, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if flow is In else outer.eq(inner)
        m.d.comb += [
            self.pulses.eq(core.pulses),
            self.resting.eq(core.resting),
            self.irq.eq(bank.irq),
        ]
        for name, (memory, port, commit) in self._shown.items():
            m.submodules[name] = memory
            connect(m, flipped(getattr(self, name)), memory.bus)
            m.d.comb += [
                memory.quantity_stb.eq(core.sent_stb & (core.sent_port == port)),
                memory.quantity_adr.eq(core.sent_adr),
                memory.quantity.eq(core.sent_value),
                memory.commit_stb.eq(core.sent_stb & (core.sent_port == commit)),
                bank.event("window" if name == "quantities" else name).eq(memory.shown_stb),
            ]
        self._join_alerts(m, core)
        self._join_restore(m, core)
        self._join_settings(m, core)
        return m

    def _join_alerts(self, m, core):
        """An alert is a cause of the interrupt, and one that begins triggers a capture."""
        alert, waiting = Signal(), Signal()
        since = Signal(range(_ALERT_CLOCKS))
        m.submodules.alert = crossing = PulseSynchronizer("metrology", "sync")
        m.d.comb += [
            alert.eq(core.sent_stb & (core.sent_port == Port.ALERT)),
            # Far enough apart to be told apart by a slower clock.
            crossing.i.eq(waiting & (since == 0)),
            self._bank.event("alert").eq(crossing.o),
        ]
        m.d.metrology += [waiting.eq(alert | waiting & ~crossing.i), since.eq(since + crossing.i)]
        with m.If(since != 0):
            m.d.metrology += since.eq(since + 1)
        if self._capture:
            m.submodules.capture = capture = self._capture
            connect(m, flipped(self.capture), capture.bus)
            time = Signal(_TIME_BITS, init=(1 << _TIME_BITS) - 1)  # the first set is number 0
            with m.If(core.set_stb):
                m.d.metrology += time.eq(time + 1)
            m.d.comb += [
                capture.set_stb.eq(core.set_stb),
                capture.lanes.eq(core.lanes),
                capture.trigger_stb.eq(alert & core.sent_value[0]),
                capture.trigger_cause.eq(core.sent_adr),
                capture.trigger_time.eq(time),
                self._bank.event("capture").eq(capture.shown_stb),
            ]

    def _join_restore(self, m, core):
        """What the store found is fixed before the first sample set, but for saves, fault and ``held``."""
        found = Cat(
            core.restored.as_value(), core.restored_complete, core.restored_lost, core.nvm_fault, core.held
        )
        seen = Signal(len(found))
        saves = Signal(unsigned(32))
        m.submodules.restored = FFSynchronizer(found, seen)
        m.submodules.saves = FFSynchronizer(core.saves, saves)
        fields = self._restore.f
        m.d.comb += [
            Cat(
                fields.outcome.r_data,
                fields.complete.r_data,
                fields.lost.r_data,
                fields.fault.r_data,
                fields.held.r_data,
            ).eq(seen),
            fields.saves.r_data.eq(saves),
        ]

    def _join_settings(self, m, core):
        """Settings cross in a queue; the lock is in the metrology domain, and only power-on opens it."""
        width = WORD_BITS + 16
        m.submodules.queue = queue = AsyncFIFO(
            width=width, depth=_QUEUE, r_domain="metrology", w_domain="sync"
        )
        setting, lock = self._setting, self._lock
        m.d.comb += [
            queue.w_data.eq(Cat(setting.f.value.w_data, setting.f.place.w_data)),
            queue.w_en.eq(setting.f.place.w_stb),
            lock.f.full.r_data.eq(~queue.w_rdy),
            lock.f.waiting.r_data.eq(queue.w_level != 0),
        ]
        ask, locked = Signal(), Signal()
        m.submodules.ask = FFSynchronizer(lock.f.lock.data, ask, o_domain="metrology")
        m.submodules.locked = FFSynchronizer(locked, lock.f.locked.r_data)
        # SEC_CM: METER.ISOLATION
        with m.If(ask & ~queue.r_rdy):
            m.d.metrology += locked.eq(1)
        place = queue.r_data[WORD_BITS:]
        m.d.comb += [
            core.setting_valid.eq(queue.r_rdy & ~locked & (place < core.settings[1] - core.settings[0])),
            core.setting_adr.eq(place),
            core.setting.eq(queue.r_data[:WORD_BITS]),
            queue.r_en.eq(locked | core.setting_ready),
        ]
