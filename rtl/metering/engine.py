"""The compute engine: one multiply-accumulate data path that runs the metrology program."""

from amaranth import Array, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from .crc import crc32_step
from .divider import SerialDivider
from .microcode import Base, Destination, Operation, Port, Term
from .parameters import LANE_BITS, WIDE_BITS, WORD_BITS

__all__ = ["ComputeEngine"]

_OVERRUN_BITS = 16
_FETCHED_BEHIND = 2  # instructions after the last one, before it ends the thread
_RESULTS = (
    Operation.COMPUTE,
    Operation.LANE,
    Operation.DIVIDE,
    Operation.ROOT,
    Operation.DOT,
    Operation.CRC,
)


class ComputeEngine(wiring.Component):
    """Time-multiplexed compute engine.

    An instruction passes three stages: fetch from the program ROM, read of the operands, and execution,
    in which ``(base ± term) >> shift`` is computed and written. The accumulator can be used by the next
    instruction, a memory cell by the one after that (the compiler sees to it).

    There are two threads. The foreground is the work of a sample set; it begins with the program's first
    instruction. The background, which an instruction of the foreground starts, runs when the foreground
    does not: it goes on when the set is done, and waits, at whatever instruction it is, when the next one
    comes.

    Parameters
    ----------
    program : Program
        The compiled metrology program; its memories, shifts and layout shape the engine.
    lanes : int
        Lanes of a sample set.

    Members
    -------
    start : In(1)
        Runs the program for a sample set; only while ``idle``.
    idle : Out(1)
        The last sample set is done; the background may still run.
    resting : Out(1)
        The background is done too.
    lanes : In(array of signed 28-bit samples)
        The sample set; stays until ``idle`` is high again.
    inputs : In(array of words)
        What comes with the sample set, in the order of ``program.inputs``; stays likewise.
    sent_stb : Out(1)
        ``sent_value`` is for address ``sent_adr`` of port ``sent_port``.
    sent_port, sent_adr, sent_value : Out
        See `Port`.
    overruns : Out(16)
        Times the background was to start before it had ended; the start was then ignored. It stays at its
        largest value.
    cell_adr, cell_we, cell_w, cell_r
        The wide memory, for who saves and restores it, only while ``resting`` and nothing is started:
        ``cell_r`` is the cell at the ``cell_adr`` of the clock before.
    word_adr, word_we, word_w
        Writes the word memory, likewise.

    Latency
    -------
    A sample set takes the clocks of the instructions on its way through the program plus three, and up to
    three and the rest of an instruction more if the background runs. An instruction takes one clock; a jump
    that is taken two more, a dot product one more than it has products, a division or root the clocks of
    `SerialDivider` more. The clocks of a run are data of the tests.
    """

    def __init__(self, *, program, lanes):
        self._program = program
        sent_bits = max(1, bits_for(max((each.target for each in program.instructions), default=0)))
        super().__init__(
            {
                "start": In(1),
                "idle": Out(1),
                "resting": Out(1),
                "lanes": In(data.ArrayLayout(signed(LANE_BITS), lanes)),
                "inputs": In(data.ArrayLayout(signed(WORD_BITS), len(program.inputs))),
                "sent_stb": Out(1),
                "sent_port": Out(Port),
                "sent_adr": Out(sent_bits),
                "sent_value": Out(signed(WIDE_BITS)),
                "overruns": Out(_OVERRUN_BITS),
                "cell_adr": In(range(len(program.wides))),
                "cell_we": In(1),
                "cell_w": In(signed(WIDE_BITS)),
                "cell_r": Out(signed(WIDE_BITS)),
                "word_adr": In(range(len(program.words))),
                "word_we": In(1),
                "word_w": In(signed(WORD_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.divider = divider = SerialDivider(
            width=WIDE_BITS, denominator_width=WORD_BITS, max_fraction_bits=WIDE_BITS
        )
        self._accumulator = Signal(signed(WIDE_BITS))
        self._running, self._fetched, self._executing = (
            Signal(name=name) for name in ("running", "fetched", "executing")
        )
        self._advance = advance = Signal()
        self._instruction = instruction = Signal(self._program.layout)
        rom = self._fetch(m)
        with m.If(advance):
            m.d.sync += [instruction.eq(rom), self._executing.eq(self._fetched)]
        x, y, z = self._operands(m, rom, divider)
        dotting, factors = self._dot(m, x, y)
        self._execute(m, (x, y, z), dotting, factors, divider)
        self._hold(m, dotting, divider)
        self._control(m)
        return m

    def _fetch(self, m):
        program = self._program
        m.submodules.rom = memory = Memory(
            shape=program.layout.size, depth=len(program.rom) + _FETCHED_BEHIND, init=program.rom
        )
        port = memory.read_port()
        self._counter = counter = Signal(range(memory.depth))
        m.d.comb += [port.addr.eq(counter), port.en.eq(self._advance)]
        with m.If(self._advance):
            m.d.sync += self._fetched.eq(self._running)
            with m.If(self._running):
                m.d.sync += counter.eq(counter + 1)
        rom = Signal(program.layout)
        m.d.comb += rom.eq(port.data)
        return rom

    def _cells(self, m, name, width, contents):
        m.submodules[name] = memory = Memory(
            shape=signed(width), depth=1 << max(1, ceil_log2(len(contents))), init=contents
        )
        return memory

    def _operands(self, m, rom, divider):
        """The memories of words and wide cells; returns the three operands of the instruction."""
        words = self._cells(m, "words", WORD_BITS, self._program.words)
        wides = self._cells(m, "wides", WIDE_BITS, self._program.wides)
        ports = words.read_port(), words.read_port(), wides.read_port()
        for port, address in zip(ports, (rom.x, rom.y, rom.z), strict=True):
            m.d.comb += [port.addr.eq(address), port.en.eq(self._advance)]
        with m.If(self.resting):
            m.d.comb += [ports[2].addr.eq(self.cell_adr), ports[2].en.eq(1)]
        self._to_word, self._to_wide = words.write_port(), wides.write_port()
        m.d.comb += self.cell_r.eq(ports[2].data)
        return tuple(port.data for port in ports)

    def _dot(self, m, x, y):
        """Walk through array and table, a product a clock; returns whether it does, and the two factors."""
        program, instruction = self._program, self._instruction
        m.submodules.array = array = Memory(
            shape=signed(WORD_BITS), depth=max(2, program.array_words), init=[]
        )
        m.submodules.table = table = Memory(
            shape=signed(program.table_width), depth=len(program.table), init=program.table
        )
        element, write, entry = array.read_port(), array.write_port(), table.read_port()

        mask = Signal(ceil_log2(max(program.lengths)) or 1)
        with m.Switch(instruction.length):
            for index, length in enumerate(program.lengths):
                with m.Case(index):
                    m.d.comb += mask.eq(length - 1)

        dotting, done, begun = Signal(), Signal(), Signal()
        step = Signal(range(max((shape.count for shape in program.shapes), default=1) + 1))
        index, place = Signal(len(mask)), Signal(range(max(2, len(program.table))))
        index_now = Signal.like(index)
        place_now, stride, first = Signal.like(place), Signal.like(place), Signal.like(place)
        last, turns = Signal.like(step), Signal()
        # The bits of the place that change: all of them, or those within the entries that it goes round in.
        changing = Signal.like(place)
        m.d.comb += [
            index_now.eq(Mux(begun, index, x)),
            stride.eq(Mux(turns, y, 1)),
            dotting.eq(self._executing & (instruction.operation == Operation.DOT)),
            done.eq(step == last),
            element.addr.eq(index_now & mask | instruction.target),
            entry.addr.eq(place_now),
        ]
        with m.Switch(instruction.z):
            for number, shape in enumerate(program.shapes):
                with m.Case(number):
                    m.d.comb += [
                        last.eq(shape.count),
                        turns.eq(bool(shape.wraps)),
                        changing.eq(shape.wraps - 1),
                        first.eq(shape.table + shape.start),
                    ]
        ahead = Signal.like(place)
        m.d.comb += [
            place_now.eq(Mux(begun, place, first + Mux(turns, 0, y[: len(place)]))),
            ahead.eq(place_now + stride),
        ]
        m.d.sync += [
            index.eq(index_now + 1),
            place.eq(ahead & changing | place_now & ~changing),
            begun.eq(dotting & ~done),
            step.eq(Mux(dotting & ~done, step + 1, 0)),
        ]
        m.d.comb += [
            write.addr.eq(x & mask | instruction.target),
            write.data.eq(self._accumulator),
            write.en.eq(self._executing & self._advance & (instruction.operation == Operation.STORE)),
        ]
        self._dot_first = Signal()
        self._dot_waits = Signal()
        m.d.comb += [self._dot_first.eq(step == 1), self._dot_waits.eq(dotting & ~done)]
        return begun & dotting, (element.data, entry.data)

    def _execute(self, m, operands, dotting, factors, divider):
        x, y, z = operands
        instruction, accumulator = self._instruction, self._accumulator
        base, term, total, result = (
            Signal(signed(WIDE_BITS), name=name) for name in ("base", "term", "total", "result")
        )
        left, right = Signal(signed(WORD_BITS)), Signal(signed(WORD_BITS))
        choice = Array([*self.lanes, *self.inputs])
        with m.If(dotting):
            m.d.comb += [left.eq(factors[0]), right.eq(factors[1])]
            with m.If(~self._dot_first):
                m.d.comb += base.eq(accumulator)
        with m.Else():
            m.d.comb += [left.eq(x), right.eq(y)]
            with m.If(instruction.operation == Operation.LANE):
                m.d.comb += base.eq(choice[instruction.y[: ceil_log2(len(choice))]])
            with m.Else():
                with m.Switch(instruction.base):
                    with m.Case(Base.ACCUMULATOR):
                        m.d.comb += base.eq(accumulator)
                    with m.Case(Base.WIDE):
                        m.d.comb += base.eq(z)
        m.d.comb += [
            term.eq(Mux(instruction.term == Term.ACCUMULATOR, accumulator, left * right)),
            # One adder for both signs: the complement and a carry.
            total.eq(
                base + (term ^ instruction.negate.replicate(WIDE_BITS)).as_signed() + instruction.negate
            ),
        ]
        with m.Switch(instruction.shift):
            for index, shift in enumerate(self._program.shifts):
                with m.Case(index):
                    m.d.comb += result.eq(total >> shift)
        self._write(m, x, result, dotting, divider)

    def _write(self, m, x, result, dotting, divider):
        instruction, accumulator = self._instruction, self._accumulator
        done = self._executing & self._advance
        with m.If(dotting):
            m.d.sync += accumulator.eq(result)
        with m.Elif(done & instruction.operation.as_value().matches(*_RESULTS)):
            m.d.sync += accumulator.eq(result)
            with m.Switch(instruction.operation):
                with m.Case(Operation.DIVIDE, Operation.ROOT):
                    m.d.sync += accumulator.eq(divider.result)
                with m.Case(Operation.CRC):
                    m.d.sync += accumulator.eq(crc32_step(accumulator[:32], x))
        for port, kind in ((self._to_word, Destination.WORD), (self._to_wide, Destination.WIDE)):
            m.d.comb += [
                port.addr.eq(instruction.target),
                port.data.eq(result),
                port.en.eq(done & (instruction.to == kind)),
            ]
        with m.If(self.resting):
            m.d.comb += [
                self._to_wide.addr.eq(self.cell_adr),
                self._to_wide.data.eq(self.cell_w),
                self._to_wide.en.eq(self.cell_we),
                self._to_word.addr.eq(self.word_adr),
                self._to_word.data.eq(self.word_w),
                self._to_word.en.eq(self.word_we),
            ]
        m.d.comb += [
            divider.root.eq(instruction.operation == Operation.ROOT),
            divider.operand.eq(accumulator),
            divider.denominator.eq(x),
            divider.fraction_bits.eq(instruction.y),
            self.sent_stb.eq(done & (instruction.operation == Operation.SEND)),
            self.sent_port.eq(instruction.z[: Port.as_shape().width]),
            self.sent_adr.eq(instruction.target + x),
            self.sent_value.eq(accumulator),
        ]

    def _hold(self, m, dotting, divider):
        """A division or dot product holds the pipeline from its first clock in execution to its last."""
        divides = self._instruction.operation.as_value().matches(Operation.DIVIDE, Operation.ROOT)
        dividing = self._executing & divides
        divided = Signal()
        m.d.comb += [
            self._advance.eq(~self._dot_waits & (~dividing | (divided & ~divider.busy))),
            divider.start.eq(dividing & ~divided),
        ]
        m.d.sync += divided.eq(dividing & ~self._advance)

    def _control(self, m):
        """Counter, jumps, and which of the two threads has the pipeline."""
        instruction, counter, accumulator = self._instruction, self._counter, self._accumulator
        running, fetched, executing = self._running, self._fetched, self._executing
        flush = [fetched.eq(0), executing.eq(0)]
        jump = Signal()
        with m.Switch(instruction.operation):
            with m.Case(Operation.JUMP):
                m.d.comb += jump.eq(executing)
            with m.Case(Operation.JUMP_IF_NEGATIVE):
                m.d.comb += jump.eq(executing & accumulator[-1])
            with m.Case(Operation.JUMP_IF_NOT_NEGATIVE):
                m.d.comb += jump.eq(executing & ~accumulator[-1])
        with m.If(jump):
            m.d.sync += [counter.eq(instruction.target), *flush]

        foreground, background, in_background = (
            Signal(name=name) for name in ("foreground", "background", "in_background")
        )
        waiting_counter, waiting_accumulator = Signal.like(counter), Signal.like(accumulator)
        empty = ~fetched & ~executing
        m.d.comb += [self.idle.eq(~foreground), self.resting.eq(~foreground & ~background)]
        with m.If(executing & (instruction.operation == Operation.START)):
            with m.If(background):
                m.d.sync += self.overruns.eq(self.overruns + ~self.overruns.all())
            with m.Else():
                m.d.sync += [background.eq(1), waiting_counter.eq(instruction.target)]
        with m.If(executing & (instruction.operation == Operation.END)):
            m.d.sync += [running.eq(0), *flush]
            with m.If(in_background):
                m.d.sync += [background.eq(0), in_background.eq(0)]
            with m.Else():
                m.d.sync += foreground.eq(0)
        with m.If(self.start & self.idle):
            m.d.sync += foreground.eq(1)
            with m.If(~in_background):
                m.d.sync += [running.eq(1), counter.eq(0)]
            with m.Else():
                m.d.sync += running.eq(0)
        # The thread that goes on has its counter and accumulator back when the other's pipeline is empty.
        swap = [
            waiting_counter.eq(counter),
            waiting_accumulator.eq(accumulator),
            accumulator.eq(waiting_accumulator),
        ]
        with m.Elif(foreground & in_background & ~running & empty):
            m.d.sync += [*swap, in_background.eq(0), counter.eq(0), running.eq(1)]
        with m.Elif(~foreground & background & ~in_background & ~running & empty):
            m.d.sync += [*swap, in_background.eq(1), counter.eq(waiting_counter), running.eq(1)]
        with m.Elif(foreground & ~in_background & ~running & empty):
            m.d.sync += [counter.eq(0), running.eq(1)]
