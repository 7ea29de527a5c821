"""The compute engine: one multiply-accumulate data path that runs the metrology program."""

from amaranth import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .divider import SerialDivider
from .microcode import Base, Operation, Term
from .parameters import LANE_BITS, WIDE_BITS, WORD_BITS

__all__ = ["ComputeEngine"]


class ComputeEngine(wiring.Component):
    """Time-multiplexed compute engine.

    An instruction passes three stages: fetch from the program ROM, read of the operands, and execution,
    in which ``(base ± term) >> shift`` is computed and written. The accumulator can be used by the next
    instruction, a memory cell by the one after that (the compiler sees to it); a jump that is taken costs
    two clocks more, a division or root the clocks of `SerialDivider`.

    Parameters
    ----------
    program : Program
        The compiled metrology program; its memories, shifts and layout shape the engine.
    lanes : int
        Lanes of a sample set.
    history : int
        Sample sets that can be recalled, the newest included.

    Members
    -------
    start : In(1)
        Runs the program once; only while ``idle``.
    idle : Out(1)
        The last sample set is done.
    lanes : In(array of signed 28-bit samples)
        The sample set; stays until ``idle`` is high again.
    quantity_stb : Out(1)
        ``quantity`` is a measured quantity, to be kept at ``quantity_adr``.
    quantity_adr, quantity : Out
        Number and value of the quantity.
    commit_stb : Out(1)
        The quantities since the last ``commit_stb`` are complete.

    Latency
    -------
    A sample set takes the clocks of the instructions on its way through the program plus three; the clocks
    of a run are data of the tests.
    """

    def __init__(self, *, program, lanes, history):
        self._program = program
        self._history = history
        super().__init__(
            {
                "start": In(1),
                "idle": Out(1),
                "lanes": In(data.ArrayLayout(signed(LANE_BITS), lanes)),
                "quantity_stb": Out(1),
                "quantity_adr": Out(range(program.quantities)),
                "quantity": Out(signed(WIDE_BITS)),
                "commit_stb": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.divider = divider = SerialDivider(
            width=WIDE_BITS, denominator_width=WORD_BITS, max_fraction_bits=WIDE_BITS
        )
        fetched, executing, running = (Signal(name=name) for name in ("fetched", "executing", "running"))
        instruction = Signal(self._program.layout)
        advance = Signal()
        rom = self._fetch(m, advance, running, fetched)
        with m.If(advance):
            m.d.sync += [instruction.eq(rom), executing.eq(fetched)]
        result = self._execute(m, advance, rom, instruction, executing, divider)
        self._control(m, advance, instruction, executing, fetched, running, divider, result)
        return m

    def _fetch(self, m, advance, running, fetched):
        program = self._program
        m.submodules.rom = memory = Memory(
            shape=program.layout.size, depth=1 << ceil_log2(len(program.rom)), init=program.rom
        )
        port = memory.read_port()
        self._counter = counter = Signal(range(memory.depth))
        m.d.comb += [port.addr.eq(counter), port.en.eq(advance)]
        with m.If(advance & running):
            m.d.sync += [counter.eq(counter + 1), fetched.eq(1)]
        rom = Signal(program.layout)
        m.d.comb += rom.eq(port.data)
        return rom

    def _cells(self, m, name, width, contents):
        m.submodules[name] = memory = Memory(
            shape=signed(width), depth=1 << ceil_log2(len(contents)), init=contents
        )
        return memory

    def _execute(self, m, advance, rom, instruction, executing, divider):
        words = self._cells(m, "words", WORD_BITS, self._program.words)
        wides = self._cells(m, "wides", WIDE_BITS, self._program.wides)
        x, y, z = words.read_port(), words.read_port(), wides.read_port()
        for port, address in ((x, rom.x), (y, rom.y), (z, rom.z)):
            m.d.comb += [port.addr.eq(address), port.en.eq(advance)]

        accumulator = Signal(signed(WIDE_BITS))
        base, term, total, result = (
            Signal(signed(WIDE_BITS), name=name) for name in ("base", "term", "total", "result")
        )
        with m.Switch(instruction.base):
            with m.Case(Base.ACCUMULATOR):
                m.d.comb += base.eq(accumulator)
            with m.Case(Base.WIDE):
                m.d.comb += base.eq(z.data)
        m.d.comb += [
            term.eq(Mux(instruction.term == Term.ACCUMULATOR, accumulator, x.data * y.data)),
            # One adder for both signs: the complement and a carry.
            total.eq(
                base + (term ^ instruction.negate.replicate(WIDE_BITS)).as_signed() + instruction.negate
            ),
        ]
        with m.Switch(instruction.shift):
            for index, shift in enumerate(self._program.shifts):
                with m.Case(index):
                    m.d.comb += result.eq(total >> shift)
        choice = Array([*self.lanes, *self._recall(m, advance, executing, instruction, x.data)])
        with m.If(instruction.operation == Operation.LANE):
            m.d.comb += result.eq(choice[instruction.y[: ceil_log2(len(choice))]])

        with m.If(executing & advance):
            m.d.sync += accumulator.eq(Mux(self._uses_divider(instruction), divider.result, result))
        to_word, to_wide = words.write_port(), wides.write_port()
        for port, enable in ((to_word, instruction.to_word), (to_wide, instruction.to_wide)):
            m.d.comb += [
                port.addr.eq(instruction.target),
                port.data.eq(result),
                port.en.eq(executing & advance & enable),
            ]
        m.d.comb += [
            divider.root.eq(instruction.operation == Operation.ROOT),
            divider.operand.eq(accumulator),
            divider.denominator.eq(x.data),
            divider.fraction_bits.eq(instruction.y),
            self.quantity_stb.eq(executing & instruction.to_quantity),
            self.quantity_adr.eq(instruction.target),
            self.quantity.eq(result),
        ]
        self._negative = accumulator[-1]
        return result

    def _recall(self, m, advance, executing, instruction, back):
        """Keep every sample set; returns the lanes of the one recalled last."""
        shape = self.lanes.shape()
        m.submodules.history = history = Memory(shape=shape, depth=1 << ceil_log2(self._history), init=[])
        write, read = history.write_port(), history.read_port()
        newest = Signal(range(history.depth))
        m.d.comb += [
            write.addr.eq(newest + 1),
            write.data.eq(self.lanes),
            write.en.eq(self.start & self.idle),
            read.addr.eq(newest - back[: len(newest)]),
            read.en.eq(executing & advance & (instruction.operation == Operation.RECALL)),
        ]
        with m.If(write.en):
            m.d.sync += newest.eq(newest + 1)
        return read.data

    @staticmethod
    def _uses_divider(instruction):
        return instruction.operation.as_value().matches(Operation.DIVIDE, Operation.ROOT)

    def _control(self, m, advance, instruction, executing, fetched, running, divider, result):
        # A division holds the pipeline from its first clock in execution until its result stands.
        divided = Signal()
        dividing = executing & self._uses_divider(instruction)
        m.d.comb += [
            advance.eq(~dividing | (divided & ~divider.busy)),
            divider.start.eq(dividing & ~divided),
            self.idle.eq(~running & ~executing & ~fetched),
            self.commit_stb.eq(executing & (instruction.operation == Operation.COMMIT)),
        ]
        m.d.sync += divided.eq(dividing & ~advance)

        jump = Signal()
        with m.Switch(instruction.operation):
            with m.Case(Operation.JUMP):
                m.d.comb += jump.eq(executing)
            with m.Case(Operation.JUMP_IF_NEGATIVE):
                m.d.comb += jump.eq(executing & self._negative)
            with m.Case(Operation.JUMP_IF_NOT_NEGATIVE):
                m.d.comb += jump.eq(executing & ~self._negative)
        with m.If(jump):
            m.d.sync += [self._counter.eq(instruction.target), fetched.eq(0), executing.eq(0)]
        with m.If(executing & (instruction.operation == Operation.END)):
            m.d.sync += [self._counter.eq(0), Cat(running, fetched, executing).eq(0)]
        with m.If(self.start & self.idle):
            m.d.sync += running.eq(1)
