"""The entropy block: noise source with its tests, generator, registers."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus import (
    AlertSignature,
    LifecycleState,
    MemoryMap,
    RandomSignature,
    RegisterBank,
    StoredRegister,
    csr,
)
from ..crypto.sha256 import UserSignature
from .cutoffs import admissible_cutoffs
from .generator import Generator
from .random_splitter import RandomSplitter
from .random_words import WORDS, RandomWords
from .raw_buffer import RawBuffer
from .registers import FailureCauses, Operate, Operation, Outcome, RawLevel, Status, cutoff_register
from .signature import NoiseSignature
from .source import EntropySource

__all__ = ["RAW_WORDS", "Entropy"]

RAW_WORDS = 512
_ADDR_WIDTH, _BANK_WIDTH = 7, 5
_RANDOM, _RAW, _RAW_SPAN = 1 << 5, 1 << 6, 1 << 4


class Entropy(wiring.Component):
    """Random numbers for the whole chip, from the noise of ring oscillators.

    The noise is sampled and tested without end. What passes is conditioned and seeds a generator, whose words
    go to the chip's blocks and to the bus. A test that fails closes all of it until a whole new start-up test
    has passed, and raises the alert meanwhile.

    Parameters
    ----------
    lengths : sequence of int
        Stages of the ring oscillators of a bank.
    banks : int
        Banks of rings.
    divider : int
        Clocks from one sample to the next.
    users : int
        Blocks of the chip that take random words.

    Members
    -------
    bus : In(csr.Signature)
        Registers.
    irq : Out(1)
        Level interrupt.
    noise : Out(NoiseSignature)
        To the rings.
    hash : Out(UserSignature)
        To the SHA-256 unit.
    users : array of Out(RandomSignature)
        To the blocks, the one that goes first in front; the bus comes last.
    device_number : In(32)
        Personalises the generator. Constant.
    lifecycle : In(LifecycleState)
        State of the chip: raw bits are given out in ``MANUFACTURING`` only.
    alert : Out(AlertSignature)
        Raised from a failed test until the source is healthy again.
    wipe : In(1)
        Forgets the state of the generator and all words: high for a cycle or longer.
    wiping : Out(1)
        High from the cycle after ``wipe`` until nothing is left.

    Latency
    -------
    Of the source and the generator: see there. ``generate`` ends a clock after the generator's eighth word.

    Raises
    ------
    TypeError, ValueError
        As its parts.
    """

    def __init__(self, *, lengths, banks, divider, users):
        self._bank = RegisterBank(
            identification="ENTR",
            version=1,
            addr_width=_BANK_WIDTH,
            causes={
                "done": "The operation has ended; `status` says how.",
                "refused": "An operation came while another was being done, or a word was read that was not "
                "there: it was zero.",
                "failed": "A test of the source has failed; `failures` says which.",
                "ready": "Random words can be had.",
            },
        )
        self._status = self._bank.add("status", Status())
        self._failures = self._bank.add("failures", FailureCauses())
        self.source = EntropySource(lengths=lengths, banks=banks, divider=divider)
        self._admissible = admissible_cutoffs(banks=banks, lengths=len(lengths))
        defaults = self.source.default_cutoffs
        self._new_cutoffs = self._bank.add("new_cutoffs", cutoff_register("rw", self._admissible, defaults))
        self._cutoffs = self._bank.add("cutoffs", cutoff_register("r", self._admissible, defaults))
        self._raw_level = self._bank.add("raw_level", RawLevel())
        self._operate = self._bank.add("operate", Operate())
        self.generator = Generator()
        self.words = RandomWords()
        self._raw = RawBuffer(words=RAW_WORDS)
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=_ADDR_WIDTH, data_width=32)),
                "irq": Out(1),
                "noise": Out(NoiseSignature(rings=len(lengths) * banks)),
                "hash": Out(UserSignature()),
                "users": Out(RandomSignature()).array(users),
                "device_number": In(32),
                "lifecycle": In(LifecycleState, init=LifecycleState.RETIRED),
                "alert": Out(AlertSignature()),
                "wipe": In(1),
                "wiping": Out(1),
            }
        )
        self.bus.memory_map = self._memory_map()
        self._splitter = RandomSplitter(users=users + 1)
        self._operation = Signal(Operation)
        self._outcome = Signal(Outcome)
        self._in_use = Signal.like(self.source.cutoffs, init=defaults)
        self._locked = Signal()
        self._opened = Signal()  # raw bits were asked for

    def _memory_map(self):
        memory_map = MemoryMap(addr_width=_ADDR_WIDTH, data_width=32)
        for register, name, (start, end) in self._bank.freeze().resources():
            memory_map.add_resource(register, name=name, addr=start, size=end - start)
        memory_map.add_resource(
            StoredRegister(
                description="Random words of `generate`. A word can be read once; then, and while the "
                "generator is closed, it is zero.",
                width=32 * WORDS,
            ),
            name=("random",),
            addr=_RANDOM,
            size=WORDS,
        )
        memory_map.add_resource(
            StoredRegister(
                description="Raw bits, the first one on top. Whatever address a word is read from, it is the "
                "next one; zero if there is none.",
                width=32 * _RAW_SPAN,
            ),
            name=("raw",),
            addr=_RAW,
            size=_RAW_SPAN,
        )
        return memory_map

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = self._bank
        m.submodules.source = source = self.source
        m.submodules.generator = generator = self.generator
        m.submodules.splitter = splitter = self._splitter
        m.submodules.words = words = self.words
        m.submodules.raw = raw = self._raw
        connect(m, source.noise, flipped(self.noise))
        connect(m, generator.hash, flipped(self.hash))
        connect(m, generator.random, splitter.source)
        for number, user in enumerate(self.users):
            connect(m, splitter.users[number], flipped(user))
        connect(m, splitter.users[len(self.users)], words.random)
        in_manufacturing = Signal()
        m.d.comb += [
            in_manufacturing.eq(self.lifecycle == LifecycleState.MANUFACTURING),
            raw.open.eq(self._opened & in_manufacturing),
            source.enable.eq(1),
            source.cutoffs.eq(self._in_use),
            generator.identity.eq(self.device_number),
            generator.hold.eq(raw.open),
            generator.wipe.eq(self.wipe),
            self.wiping.eq(generator.wiping | words.busy),
            self.irq.eq(self._bank.irq),
        ]
        for taker in (generator.bits, raw.bits):
            m.d.comb += [
                taker.stb.eq(source.bits.stb),
                taker.value.eq(source.bits.value),
                taker.healthy.eq(source.bits.healthy),
            ]
        with m.If(~in_manufacturing):
            m.d.sync += self._opened.eq(0)
        self._elaborate_bus(m)
        self._elaborate_state(m)
        self._elaborate_operations(m)
        return m

    def _elaborate_bus(self, m):
        """The bank, and beside it the words that can be read once."""
        bus, bank = self.bus, self._bank.bus
        reads_raw, reads_random, in_bank = Signal(), Signal(), Signal()
        m.d.comb += [
            in_bank.eq(bus.addr < _RANDOM),
            reads_raw.eq(bus.r_stb & (bus.addr >= _RAW)),
            reads_random.eq(bus.r_stb & ~in_bank & ~reads_raw),
            bank.addr.eq(bus.addr),
            bank.r_stb.eq(bus.r_stb & in_bank),
            bank.w_stb.eq(bus.w_stb & in_bank),
            bank.w_data.eq(bus.w_data),
            self.words.read.eq(reads_random),
            self.words.index.eq(bus.addr),
            self._raw.read.eq(reads_raw),
            bus.r_data.eq(bank.r_data | self.words.data | self._raw.data),
        ]

    def _elaborate_state(self, m):
        source, status = self.source, self._status.f
        fails, failing = Signal(), Signal()
        m.d.comb += [
            fails.eq(source.bits.stb & source.failed.as_value().any()),
            self._bank.event("failed").eq(fails),
            self._bank.event("ready").eq(self.generator.ready),
            self.alert.p.eq(failing | self.generator.failed),
            self.alert.n.eq(~self.alert.p),
            status.starting.r_data.eq(source.starting),
            status.healthy.r_data.eq(source.bits.healthy),
            status.ready.r_data.eq(self.generator.ready),
            status.broken.r_data.eq(self.generator.failed),
            status.locked.r_data.eq(self._locked),
            status.raw.r_data.eq(self._raw.open),
            status.outcome.r_data.eq(self._outcome),
            self._raw_level.f.words.r_data.eq(self._raw.level),
            self._raw_level.f.open.r_data.eq(self._raw.open),
        ]
        for path, field in self._failures:
            m.d.comb += field.set.eq(source.bits.stb & source.failed[path[0]])
        for path, field in self._cutoffs:
            m.d.comb += field.r_data.eq(self._in_use[path[0]])
        with m.If(source.bits.healthy):
            m.d.sync += failing.eq(0)
        with m.If(fails):
            m.d.sync += failing.eq(1)

    def _elaborate_operations(self, m):
        words, written = self.words, self._operate.f.operation
        healthy = self.generator.random.healthy
        ends, refuses = Signal(), Signal()
        m.d.comb += [
            self._bank.event("done").eq(ends),
            words.clear.eq(self.wipe),
        ]
        with m.FSM() as fsm:
            with m.State("Wait"):
                m.d.sync += self._operation.eq(written.w_data)
                with m.If(written.w_stb):
                    m.next = "Judge"
            with m.State("Judge"):
                with m.If(~words.busy):
                    self._judge(m, ends)
            with m.State("Fill"):
                with m.If(words.full):
                    self._end(m, ends, Outcome.SUCCESS)
                with m.Elif(~healthy):
                    self._end(m, ends, Outcome.CLOSED)
            with m.State("Start"):
                m.next = "Test"
            with m.State("Test"):
                with m.If(self.source.bits.healthy):
                    self._end(m, ends, Outcome.SUCCESS)
                with m.Elif(self._bank.event("failed")):
                    self._end(m, ends, Outcome.FAILED)
        m.d.comb += [
            self.source.restart.eq(fsm.ongoing("Start")),
            self._status.f.busy.r_data.eq(~fsm.ongoing("Wait")),
            refuses.eq((written.w_stb & ~fsm.ongoing("Wait")) | words.missing | self._raw.missing),
            self._bank.event("refused").eq(refuses),
        ]

    def _end(self, m, ends, outcome):
        m.d.comb += ends.eq(1)
        m.d.sync += self._outcome.eq(outcome)
        m.next = "Wait"

    def _judge(self, m, ends):
        """Refuse the operation, or begin it; one that needs no more ends at once."""
        operation, new, sound = self._operation, {}, 1
        for path, field in self._new_cutoffs:
            allowed = self._admissible[path[0]]
            new[path[0]] = field.data
            sound = sound & (field.data >= allowed[0]) & (field.data <= allowed[-1])
        healthy = self.generator.random.healthy
        raw_allowed = self.lifecycle == LifecycleState.MANUFACTURING
        with m.Switch(operation):
            with m.Case(Operation.GENERATE, Operation.GENERATE_FRESH):
                with m.If(healthy):
                    m.d.comb += [
                        self.words.fill.eq(1),
                        self.generator.reseed.eq(operation == Operation.GENERATE_FRESH),
                    ]
                    m.next = "Fill"
                with m.Else():
                    self._end(m, ends, Outcome.CLOSED)
            with m.Case(Operation.TEST):
                m.next = "Start"
            with m.Case(Operation.LOAD_CUTOFFS):
                with m.If(self._locked):
                    self._end(m, ends, Outcome.LOCKED)
                with m.Elif(sound):
                    m.d.sync += [self._in_use[name].eq(value) for name, value in new.items()]
                    m.next = "Start"
                with m.Else():
                    self._end(m, ends, Outcome.VACUOUS)
            with m.Case(Operation.LOCK_CUTOFFS):
                m.d.sync += self._locked.eq(1)
                self._end(m, ends, Outcome.SUCCESS)
            with m.Case(Operation.OPEN_RAW):
                with m.If(raw_allowed):
                    m.d.sync += self._opened.eq(1)
                    self._end(m, ends, Outcome.SUCCESS)
                with m.Else():
                    self._end(m, ends, Outcome.LIFECYCLE)
            with m.Case(Operation.CLOSE_RAW):
                m.d.sync += self._opened.eq(0)
                m.next = "Start"
            with m.Default():
                self._end(m, ends, Outcome.UNKNOWN)
