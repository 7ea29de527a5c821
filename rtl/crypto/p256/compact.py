"""The small arithmetic unit: a word a clock, and one multiplier of 32 × 32 bits."""

from amaranth import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from .compact_adder import CompactAdder
from .compact_multiplier import CompactMultiplier
from .interlock import Interlock
from .moduli import DIGITS, WORD_BITS
from .signature import MAX_REGISTERS, ArithmeticSignature, Issue, Operation, WordAddress
from .timing import SCHEDULES

__all__ = ["CompactArithmetic"]

_LAST = DIGITS - 1
_WIPING_CYCLES = 4  # after the last word: until what was read of it is overwritten, too


class CompactArithmetic(wiring.Component):
    """Arithmetic unit with a memory of words, `CompactMultiplier` and `CompactAdder`.

    An instruction's operands are read in eight cycles, a word of both in each; a multiplication then works on
    copies, so that additions have the memory for themselves.

    Parameters
    ----------
    registers : int
        Number of registers, from 1 to `MAX_REGISTERS`. An instruction must not name another.

    Members
    -------
    See `ArithmeticSignature`.

    Latency
    -------
    In cycles, as `Timing` tells: an instruction every 8 cycles; ``ADD``, ``SUBTRACT`` and ``SELECT`` can be
    used 11 cycles after they are taken, a ``MULTIPLY`` 73 modulo p and 141 modulo n; another ``MULTIPLY`` is
    taken 67 and 135 cycles later. A wipe takes 8 · ``registers`` + 4.

    Raises
    ------
    ValueError
        If there cannot be so many registers.
    """

    def __init__(self, *, registers=MAX_REGISTERS):
        if registers not in range(1, MAX_REGISTERS + 1):
            raise ValueError(f"Number of registers must be from 1 to {MAX_REGISTERS}, not {registers!r}")
        super().__init__(ArithmeticSignature())
        self._registers = registers
        self._reads = Signal(Issue)
        self._condition = Signal()
        self._reading = Signal()  # words from the second one on
        self._word = Signal(range(DIGITS))  # that is read next
        self._valid = Signal()  # words of operands are there
        self._valid_word = Signal(range(DIGITS))
        self._writing = Signal()
        self._multiplied = Signal()  # what is written is a product
        self._target = Signal(range(MAX_REGISTERS))
        self._written_word = Signal(range(DIGITS))
        self._wiped = Signal(range(registers * DIGITS + _WIPING_CYCLES))

    @property
    def registers(self):
        """Number of registers."""
        return self._registers

    def elaborate(self, platform):
        m = Module()
        self._interlock = Interlock(schedule=SCHEDULES["compact"])
        self._adder, self._multiplier = CompactAdder(), CompactMultiplier()
        m.submodules.interlock = ResetInserter(self.wiping)(self._interlock)
        m.submodules.adder = ResetInserter(self.wiping)(self._adder)
        m.submodules.multiplier = ResetInserter(self.wiping)(self._multiplier)
        # A copy for each operand.
        depth = self._registers * DIGITS
        attributes = {"ram_style": "block", "no_rw_check": 1}  # nothing is read in the cycle of its writing
        self._memories = [Memory(shape=WORD_BITS, depth=depth, init=[], attrs=attributes) for _ in range(2)]
        m.submodules.left, m.submodules.right = self._memories
        self._write_ports = [memory.write_port() for memory in self._memories]
        self._take(m)
        self._read(m)
        self._retire(m)
        self._write(m)
        self._wipe(m)
        return m

    def _take(self, m):
        """Takes an instruction when its registers and what it needs are free."""
        interlock = self._interlock
        m.d.comb += [
            interlock.issue.payload.eq(self.issue.payload),
            interlock.issue.valid.eq(self.issue.valid & ~self.wiping),
            self.issue.ready.eq(interlock.issue.ready & ~self.wiping),
        ]
        with m.If(interlock.taken):
            m.d.sync += [
                self._reads.eq(self.issue.payload),
                self._condition.eq(self.condition),
                self._reading.eq(1),
                self._word.eq(1),
            ]
        with m.Elif(self._reading):
            m.d.sync += [self._word.eq(self._word + 1), self._reading.eq(self._word != _LAST)]

    def _read(self, m):
        """Reads the operands, and gives them to what works on them."""
        offered = Mux(self.issue.valid, self.issue.payload.left, self.read_adr.register)
        offered_word = Mux(self.issue.valid, 0, self.read_adr.word)
        word = Mux(self._reading, self._word, offered_word)
        registers = (
            Mux(self._reading, self._reads.left, offered),
            Mux(self._reading, self._reads.right, self.issue.payload.right),
        )
        words = []
        for memory, register in zip(self._memories, registers, strict=True):
            port = memory.read_port(domain="comb")
            read = Signal(WORD_BITS, reset_less=True)  # the memory's own register
            m.d.comb += port.addr.eq(Mux(self.wiping, 0, Cat(word, register)))
            m.d.sync += read.eq(port.data)
            words.append(read)
        m.d.sync += [
            self._valid.eq(self._interlock.taken | self._reading),
            self._valid_word.eq(Mux(self._reading, self._word, 0)),
            self.read_data.eq(words[0]),
        ]
        multiply = self._reads.operation == Operation.MULTIPLY
        for part in (self._adder, self._multiplier):
            m.d.comb += [
                part.valid.eq(self._valid & (multiply == (part is self._multiplier))),
                part.word.eq(self._valid_word),
                part.left.eq(words[0]),
                part.right.eq(words[1]),
                part.clear.eq(self.wiping),
                part.clear_word.eq(self._wiped),
            ]
        m.d.comb += [
            self._adder.operation.eq(self._reads.operation),
            self._adder.modulus.eq(self._reads.modulus),
            self._adder.condition.eq(self._condition),
            self._adder.tag.eq(self._reads.target),
            self._multiplier.start.eq(
                self._interlock.taken & (self.issue.payload.operation == Operation.MULTIPLY)
            ),
            self._multiplier.modulus.eq(self.issue.payload.modulus),
            self._multiplier.tag.eq(self.issue.payload.target),
        ]

    def _retire(self, m):
        """Chooses what is written next, and sets the flags when it is."""
        adder, multiplier = self._adder, self._multiplier
        finishing = adder.finishing | multiplier.finishing
        target = Mux(multiplier.finishing, multiplier.finishing_tag, adder.finishing_tag)
        with m.If(self._writing):
            m.d.sync += [
                self._written_word.eq(self._written_word + 1),
                self._writing.eq(self._written_word != _LAST),
            ]
        with m.If(finishing):
            m.d.sync += [
                self._writing.eq(1),
                self._written_word.eq(0),
                self._multiplied.eq(multiplier.finishing),
                self._target.eq(target),
            ]
        self._result = Signal(WORD_BITS)
        m.d.comb += [
            adder.result_word.eq(self._written_word),
            multiplier.result_word.eq(self._written_word),
            self._result.eq(Mux(self._multiplied, multiplier.result, adder.result)),
            self._interlock.freed.stb.eq(self._writing & (self._written_word == 0)),
            self._interlock.freed.target.eq(self._target),
            self.idle.eq(
                ~(
                    self._reading
                    | adder.active
                    | multiplier.active
                    | self._valid
                    | self._writing
                    | self.wiping
                )
            ),
        ]
        nonzero, before = Signal(), Signal()  # of the words so far
        m.d.comb += nonzero.eq((before & (self._written_word != 0)) | self._result.any())
        m.d.sync += before.eq(nonzero)
        with m.If(self._writing & ~self._multiplied & (self._written_word == _LAST)):
            m.d.sync += [self.flags.zero.eq(~nonzero), self.flags.borrow.eq(adder.borrow)]

    def _write(self, m):
        """Writes results, words from outside, and zeros."""
        outside = self.write.payload
        adr, word, en = Signal(WordAddress), Signal(WORD_BITS), Signal()
        m.d.comb += self.write.ready.eq(self.idle & ~self.issue.valid)
        with m.If(self._writing):
            m.d.comb += [
                en.eq(1),
                adr.register.eq(self._target),
                adr.word.eq(self._written_word),
                word.eq(self._result),
            ]
        with m.Else():
            m.d.comb += [
                en.eq(self.write.valid & self.write.ready),
                adr.eq(outside.address),
                word.eq(outside.data),
            ]
        for port in self._write_ports:
            m.d.comb += [
                port.en.eq(en | self.wiping),
                port.addr.eq(Mux(self.wiping, self._wiped, Cat(adr.word, adr.register))),
                port.data.eq(Mux(self.wiping, 0, word)),
            ]

    def _wipe(self, m):
        """Fills the memories with zeros, and resets all else meanwhile."""
        with m.If(self.wiping):
            m.d.sync += self._wiped.eq(self._wiped + 1)
            with m.If(self._wiped == self._registers * DIGITS + _WIPING_CYCLES - 1):
                m.d.sync += self.wiping.eq(0)
            read = (self._reads, self._condition, self._reading, self._word, self._valid, self._valid_word)
            written = (self._writing, self._multiplied, self._target, self._written_word)
            for signal in (*read, *written, self.read_data, self.flags):
                m.d.sync += signal.eq(0)
        with m.If(self.wipe):
            m.d.sync += [self.wiping.eq(1), self._wiped.eq(0)]
