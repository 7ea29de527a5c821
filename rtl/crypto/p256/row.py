"""The fast arithmetic unit: whole registers a clock, and a row of multipliers."""

from amaranth import Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from .interlock import Interlock
from .moduli import BITS, DIGITS, WORD_BITS
from .row_adder import RowAdder
from .row_multiplier import RowMultiplier
from .signature import MAX_REGISTERS, ArithmeticSignature, Issue, Operation
from .timing import SCHEDULES

__all__ = ["RowArithmetic"]

_WIPING_CYCLES = 4  # after the last register: until what was read of it is overwritten, too


class RowArithmetic(wiring.Component):
    """Arithmetic unit with a memory of whole registers, `RowMultiplier` and `RowAdder`.

    Parameters
    ----------
    registers : int
        Number of registers, from 1 to `MAX_REGISTERS`. An instruction must not name another.

    Members
    -------
    See `ArithmeticSignature`.

    Latency
    -------
    In cycles, as `Timing` tells: an instruction a cycle; ``ADD``, ``SUBTRACT`` and ``SELECT`` can be used 5
    cycles after they are taken, a ``MULTIPLY`` 13 modulo p and 26 modulo n; another ``MULTIPLY`` is taken 8
    and 21 cycles later. A wipe takes ``registers`` + 4.

    Raises
    ------
    ValueError
        If there cannot be so many registers.
    """

    def __init__(self, *, registers=MAX_REGISTERS):
        if registers not in range(1, MAX_REGISTERS + 1):
            raise ValueError(f"Number of registers must be from 1 to {MAX_REGISTERS}, not {registers!r}")
        super().__init__(ArithmeticSignature())
        attributes = {"ram_style": "block", "no_rw_check": 1}  # nothing is read in the cycle of its writing
        self._memory = Memory(shape=BITS, depth=registers, init=[], attrs=attributes)
        self._registers = registers
        self._read = Signal()  # an instruction's operands are being read
        self._reads = Signal(Issue)
        self._condition = Signal()
        self._wiped = Signal(range(registers + _WIPING_CYCLES))

    @property
    def registers(self):
        """Number of registers."""
        return self._registers

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = self._memory
        self._adder, self._multiplier = RowAdder(), RowMultiplier()
        self._interlock = Interlock(schedule=SCHEDULES["row"])
        m.submodules.interlock = ResetInserter(self.wiping)(self._interlock)
        m.submodules.adder = ResetInserter(self.wiping)(self._adder)
        m.submodules.multiplier = ResetInserter(self.wiping)(self._multiplier)
        self._result = Signal(BITS)
        self._written = Signal(BITS)  # what was the result a cycle ago
        self._retire(m)
        self._take(m)
        self._start(m)
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
        m.d.sync += [
            self._read.eq(interlock.taken),
            self._reads.eq(self.issue.payload),
            self._condition.eq(self.condition),
        ]

    def _start(self, m):
        """Reads the operands, and gives them to what works on them."""
        issue = self.issue.payload
        self._write_port = self._memory.write_port(granularity=WORD_BITS)
        operands = []
        for register in (Mux(self.issue.valid, issue.left, self.read_adr.register), issue.right):
            port = self._memory.read_port(domain="comb")
            operand = Signal(BITS, reset_less=True)  # the memory's own register
            m.d.comb += port.addr.eq(Mux(self.wiping, 0, register))
            m.d.sync += operand.eq(port.data)
            operands.append(operand)
        multiply = self._reads.operation == Operation.MULTIPLY
        for part in (self._adder, self._multiplier):
            m.d.comb += [
                part.start.eq(self._read & (multiply == (part is self._multiplier))),
                part.modulus.eq(self._reads.modulus),
                part.tag.eq(self._reads.target),
                part.left.eq(operands[0]),
                part.right.eq(operands[1]),
            ]
        m.d.comb += [
            self._adder.operation.eq(self._reads.operation),
            self._adder.condition.eq(self._condition),
        ]
        word = Signal.like(self.read_adr.word)
        m.d.sync += [
            word.eq(self.read_adr.word),
            self.read_data.eq(operands[0].word_select(word, WORD_BITS)),
        ]

    def _retire(self, m):
        """The result in this cycle, and the registers that instructions may name in the next one."""
        adder, multiplier = self._adder, self._multiplier
        self._writes = adder.done | multiplier.done
        self._target = Mux(multiplier.done, multiplier.done_tag, adder.done_tag)
        m.d.comb += self._result.eq(Mux(multiplier.done, multiplier.result, adder.result))
        freed = self._interlock.freed
        m.d.comb += [freed.stb.eq(self._writes), freed.target.eq(self._target)]
        flagged, settling, borrow = Signal(), Signal(), Signal()
        m.d.sync += [
            self._written.eq(self._result),
            flagged.eq(adder.done),
            settling.eq(self._writes),
            borrow.eq(adder.borrow),
        ]
        with m.If(flagged):
            m.d.sync += [self.flags.zero.eq(self._written == 0), self.flags.borrow.eq(borrow)]
        m.d.comb += self.idle.eq(~(self._read | adder.active | multiplier.active | settling | self.wiping))

    def _write(self, m):
        """Writes results, words from outside, and zeros."""
        port = self._write_port
        outside = self.write.payload
        m.d.comb += self.write.ready.eq(self.idle & ~self.issue.valid)
        with m.If(self.wiping):
            m.d.comb += [port.addr.eq(self._wiped), port.en.eq((1 << DIGITS) - 1)]
        with m.Elif(self._writes):
            m.d.comb += [
                port.addr.eq(self._target),
                port.data.eq(self._result),
                port.en.eq((1 << DIGITS) - 1),
            ]
        with m.Else():
            m.d.comb += [
                port.addr.eq(outside.address.register),
                port.data.eq(outside.data.replicate(DIGITS)),
                port.en.eq((self.write.valid & self.write.ready) << outside.address.word),
            ]

    def _wipe(self, m):
        """Fills the memory with zeros, and resets all else meanwhile."""
        with m.If(self.wiping):
            m.d.sync += self._wiped.eq(self._wiped + 1)
            with m.If(self._wiped == self._registers + _WIPING_CYCLES - 1):
                m.d.sync += self.wiping.eq(0)
            for signal in (
                self._read,
                self._reads,
                self._condition,
                self._written,
                self.read_data,
                self.flags,
            ):
                m.d.sync += signal.eq(0)
        with m.If(self.wipe):
            m.d.sync += [self.wiping.eq(1), self._wiped.eq(0)]
