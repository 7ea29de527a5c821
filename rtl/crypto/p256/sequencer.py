"""The sequencer: fetches the microprogram's instructions and hands them out."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .arithmetic import Issue, Operation
from .curve import TEETH
from .declarations import Operate, Status
from .microcode import (
    ADDRESS_BITS,
    ASYNCHRONOUS,
    WORD_BITS,
    ArithmeticWord,
    Condition,
    Control,
    ControlWord,
    Kind,
    Other,
    Request,
    RequestWord,
    Select,
)
from .moves import MOVES
from .program import program
from .scalar import POSITION_BITS

__all__ = ["DEPTH", "Sequencer"]

DEPTH = 4
"""Calls that may be open."""


class Sequencer(wiring.Component):
    """Runs the microprogram.

    Parameters
    ----------
    variant : str
        Of the arithmetic unit that the microprogram's formulas are ordered for.

    Members
    -------
    start : In(1)
        Begins ``operation``, while not running.
    operation : In(Operate)
        What is to be done.
    abort : In(1)
        Drops what is being done, between two instructions, and goes on with ``WIPE``.
    aborted : Out(1)
        High for one cycle when it goes on with ``WIPE``.
    running : Out(1)
        From the cycle after the start until the end.
    ended : Out(1)
        High for one cycle, the last one of running.
    status : Out(Status)
        How it ended.
    issue : Out(stream of Issue)
        To the arithmetic unit.
    condition : Out(1)
        What decides a ``SELECT``.
    zero, borrow, idle : In(1)
        From the arithmetic unit.
    request_stb : Out(1)
        Asks for ``request``.
    request : Out(RequestWord)
        The request, with what it needs.
    busy : In(1)
        A request is being done.
    sign, index : In
        The digit.
    conditions : In(a bit for each Condition)
        Those that come from outside.
    position_load, position : Out
        Sets the digit's position.

    Latency
    -------
    An instruction every two cycles, three after one that goes elsewhere. One waits for what it depends on:
    an arithmetic one for the unit, one that uses the digit for the digit, and a cycle longer where that is
    part of a register's number, a request for the request before, and if it moves words of registers until
    the arithmetic unit is idle, as does a jump or ``SELECT`` by a flag.
    """

    def __init__(self, *, variant):
        self._words = program(variant=variant).words()
        super().__init__(
            {
                "start": In(1),
                "operation": In(Operate),
                "abort": In(1),
                "aborted": Out(1),
                "running": Out(1),
                "ended": Out(1),
                "status": Out(Status),
                "issue": Out(stream.Signature(Issue)),
                "condition": Out(1),
                "zero": In(1),
                "borrow": In(1),
                "idle": In(1),
                "request_stb": Out(1),
                "request": Out(RequestWord),
                "busy": In(1),
                "sign": In(1),
                "index": In(TEETH - 1),
                "conditions": In(1 << Condition.as_shape().width),
                "position_load": Out(1),
                "position": Out(POSITION_BITS),
            }
        )
        self._pc = Signal(ADDRESS_BITS)  # of the instruction behind the one that is executed
        self._word = Signal(WORD_BITS)  # that one
        self._depth = Signal(range(DEPTH))
        self._stack = Memory(shape=ADDRESS_BITS, depth=DEPTH, init=[])
        self._repeat = Signal(8)
        self._table_index = Signal(TEETH - 1)  # of the loop that fills a table
        self._counted = Signal()  # the index is this one, and not the digit's
        self._index = Signal(TEETH - 1)  # the index, a cycle later
        self._was_busy = Signal()
        self._mark = Signal()

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=WORD_BITS, depth=len(self._words), init=self._words)
        read = memory.read_port()
        m.submodules.stack = self._stack
        self._push, self._pop = self._stack.write_port(), self._stack.read_port(domain="comb")
        m.d.comb += [
            read.addr.eq(self._pc),
            self._push.addr.eq(self._depth),
            self._push.data.eq(self._pc),
            self._pop.addr.eq(self._depth - 1),
        ]
        word = self._word

        def view(shape):
            return data.View(shape.as_shape(), word[: shape.as_shape().size])

        kind = Signal(Kind)
        m.d.comb += kind.eq(word[: Kind.as_shape().width])
        with m.FSM() as fsm:
            with m.State("Idle"):
                m.d.sync += self._depth.eq(0)
                with m.If(self.abort):
                    self._abort(m)
                with m.Elif(self.start):
                    m.d.sync += [self._pc.eq(self.operation), self.status.eq(Status.SUCCESS)]
                    m.next = "Fetch"
            with m.State("Fetch"):
                m.next = "Load"
            with m.State("Load"):
                self._load(m, read.data)
            with m.State("Execute"):
                with m.If(self.abort):
                    self._abort(m)
                with m.Else():
                    with m.Switch(kind):
                        with m.Case(Kind.ARITHMETIC):
                            self._arithmetic(m, view(ArithmeticWord))
                        with m.Case(Kind.REQUEST):
                            self._request(m, view(RequestWord))
                        with m.Default():
                            self._control(m, view(ControlWord))
            with m.State("Await"):
                with m.If(~self.busy):
                    self._load(m, read.data)
        m.d.comb += self.running.eq(~fsm.ongoing("Idle"))
        self._connect_fields(m, view(ArithmeticWord), view(RequestWord))
        return m

    def _abort(self, m):
        """Once nothing is under way, the store and the registers are cleared."""
        with m.If(~self.busy & self.idle):
            m.d.comb += self.aborted.eq(1)
            m.d.sync += [
                self._pc.eq(Operate.WIPE.value),  # SEC_CM: KEY.WIPE
                self.status.eq(Status.WIPED),
                self._repeat.eq(0),
                self._depth.eq(0),
            ]
            m.next = "Fetch"

    def _connect_fields(self, m, word, request):
        payload = self.issue.payload
        m.d.sync += [
            self._index.eq(Mux(self._counted, self._table_index, self.index)),
            self._was_busy.eq(self.busy),
        ]
        m.d.comb += [
            payload.operation.eq(word.operation),
            payload.modulus.eq(word.modulus),
            self.condition.eq(Mux(word.select == Select.ZERO, self.zero, self.sign)),
            self.request.eq(request),
        ]
        for name in ("target", "left", "right"):
            offset = Mux(getattr(word, f"{name}_indexed"), self._index, 0)
            m.d.comb += getattr(payload, name).eq(getattr(word, name) | offset)

    def _load(self, m, word):
        """Take the instruction at ``pc``, which the memory was read at before."""
        m.d.sync += [self._word.eq(word), self._pc.eq(self._pc + 1)]
        m.next = "Execute"

    def _next(self, m, address=None):
        """Go on with the next instruction, or the one at ``address``."""
        m.next = "Load"
        if address is not None:
            m.d.sync += self._pc.eq(address)
            m.next = "Fetch"

    def _arithmetic(self, m, word):
        """An instruction waits for registers, never for what is in them."""
        selects = word.operation == Operation.SELECT
        by_zero, by_sign = word.select == Select.ZERO, word.select == Select.SIGN
        indexed = word.target_indexed | word.left_indexed | word.right_indexed
        # SEC_CM: ECC.CONSTTIME
        m.d.comb += self.issue.valid.eq(
            ~(self.busy & (indexed | (selects & by_sign)))
            & ~(self._was_busy & indexed)
            & ~(~self.idle & selects & by_zero)
        )
        with m.If(self.issue.valid & self.issue.ready):
            with m.If(self._repeat != 0):
                m.d.sync += self._repeat.eq(self._repeat - 1)
            with m.Else():
                self._next(m)

    def _request(self, m, word):
        moves = word.request.as_value().matches(*(request.value for request in (*MOVES, Request.WIPE)))
        goes_on = word.request.as_value().matches(*(request.value for request in ASYNCHRONOUS))
        with m.If(~self.busy & (self.idle | ~moves)):
            m.d.comb += self.request_stb.eq(1)
            self._next(m)
            with m.If(~goes_on):
                m.next = "Await"
            with m.If(word.request == Request.DIGIT):
                m.d.sync += self._counted.eq(0)

    def _control(self, m, word):
        holds, ready = Signal(), Signal()
        m.d.comb += [
            holds.eq(self.conditions.bit_select(word.condition, 1)),
            ready.eq(1),
        ]
        with m.Switch(word.condition):
            with m.Case(Condition.ALWAYS):
                m.d.comb += holds.eq(1)
            with m.Case(Condition.ZERO):
                m.d.comb += [holds.eq(self.zero), ready.eq(self.idle)]
            with m.Case(Condition.BORROW):
                m.d.comb += [holds.eq(self.borrow), ready.eq(self.idle)]
            with m.Case(Condition.MORE):
                m.d.comb += ready.eq(~self.busy)
            with m.Case(Condition.LAST_INDEX):
                m.d.comb += holds.eq(self._table_index.all())
            with m.Case(Condition.MARKED):
                m.d.comb += holds.eq(self._mark)
        with m.Switch(word.control):
            with m.Case(Control.JUMP):
                with m.If(ready & (holds ^ word.negate)):
                    self._next(m, word.value)
                with m.Elif(ready):
                    self._next(m)
            with m.Case(Control.CALL):
                m.d.comb += self._push.en.eq(1)
                m.d.sync += self._depth.eq(self._depth + 1)
                self._next(m, word.value)
            with m.Case(Control.RETURN):
                m.d.sync += self._depth.eq(self._depth - 1)
                self._next(m, self._pop.data)
            with m.Case(Control.POSITION):
                m.d.comb += self.position_load.eq(1)
                self._next(m)
            with m.Case(Control.INDEX):
                m.d.sync += [self._table_index.eq(word.value), self._counted.eq(1)]
                self._next(m)
            with m.Case(Control.STEP):
                m.d.sync += self._table_index.eq(self._table_index + 1)
                self._next(m)
            with m.Case(Control.REPEAT):
                m.d.sync += self._repeat.eq(word.value)
                self._next(m)
            with m.Case(Control.OTHER):
                self._other(m, word)
        m.d.comb += self.position.eq(word.value)

    def _other(self, m, word):
        self._next(m)
        with m.Switch(word.condition):
            with m.Case(Other.MARK.value):
                m.d.sync += self._mark.eq(word.value)
            with m.Case(Other.STATUS.value):
                m.d.sync += self.status.eq(word.value)
            with m.Default():
                m.d.comb += self.ended.eq(1)
                m.next = "Idle"
