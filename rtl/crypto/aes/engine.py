"""One operation of the application at a time, on the message memory."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out, connect, flipped

from ...bus import KeyPathSignature, KeyResultSignature, wishbone
from .engine_keys import KEY_OPERATIONS, KEY_WORDS, KeyStates, Then
from .message_memory import IV_PLACE, MESSAGE_WORDS, TAG_PLACE, MessageMemory
from .registers import ApplicationOperation, IvChoice, Session, Status
from .signature import Command, Operation
from .unit import Unit

__all__ = ["Engine"]

_MESSAGE_BITS = 11  # a length with this bit is that of the whole memory of messages, or longer
assert 4 * MESSAGE_WORDS == 1 << _MESSAGE_BITS


class Engine(KeyStates):
    """Does the application's operations: keys from their slots, IVs, pieces, tags, wrapped keys.

    Out of reset the memory is cleared. After an operation that failed once it had asked for a key, after a
    wrong tag, and after a key was unwrapped or not, too.

    Parameters
    ----------
    variant : str
        Of `Unit`.
    slots : int
        Number of key slots.

    Members
    -------
    asked : In({stb, operation, iv, tag_bytes, slot, target})
        What is to be done; only while not ``busy``.
    piece : In({start, length})
        The piece; steady for five clocks from ``asked.stb`` on.
    busy : Out(1)
        An operation is being done, or the memory cleared.
    done : Out(1)
        High for one clock when an operation ended as ``status`` says.
    status : Out(Status)
        See there.
    session : Out(Session)
        What is open.
    settled : Out(1)
        No path of a key is in use, so that this block can be reset.
    memory : In(wishbone.Signature)
        The message memory.
    dropped : Out(1)
        High for one clock when a word from the bus is dropped.
    key, result : Out
        Paths of keys, as of `AesGcm`.
    ask_iv : Out(1)
        Asks for a counter, as of `IvSource`.
    iv_given, iv_failed, iv_broken, iv_word : In
        Its answer.
    iv_lower : Out(1)
        Which word of the counter is at ``iv_word``.
    fixed_field : In(32)
        First word of an IV made by hardware.

    Raises
    ------
    TypeError, ValueError
        If there is no such variant, or there are fewer than two or more than 256 slots.
    """

    def __init__(self, *, variant, slots):
        self._unit, self._memory = Unit(variant=variant), MessageMemory()
        self._slots = slots
        asked = data.StructLayout(
            {
                "stb": 1,
                "operation": ApplicationOperation,
                "iv": IvChoice,
                "tag_bytes": 5,
                "slot": 8,
                "target": 8,
            }
        )
        super().__init__(
            {
                "asked": In(asked),
                "piece": In(data.StructLayout({"start": 9, "length": 12})),
                "busy": Out(1),
                "done": Out(1),
                "status": Out(Status),
                "session": Out(Session),
                "settled": Out(1),
                "memory": In(wishbone.Signature(addr_width=10, data_width=32)),
                "dropped": Out(1),
                "key": Out(KeyPathSignature(slots=slots)),
                "result": Out(KeyResultSignature(slots=slots)),
                "ask_iv": Out(1),
                "iv_given": In(1),
                "iv_failed": In(1),
                "iv_broken": In(1),
                "iv_lower": Out(1),
                "iv_word": In(32),
                "fixed_field": In(32),
            }
        )
        if slots > 256:
            raise ValueError(f"Number of key slots must be 256 or less, not {slots}")
        self.memory.memory_map = self._memory.bus.memory_map
        self._operation = Signal(ApplicationOperation)
        self._iv_choice, self._tag_bytes = Signal(IvChoice), Signal(5)
        self._slot, self._target = Signal(8), Signal(8)
        self._is_target = Signal()  # the key that is asked for is to be wrapped
        self._external, self._short = Signal(), Signal()  # the key is; key or key data are
        self._begun = Signal()  # text of the message was taken
        self._number = Signal(range(KEY_WORDS))  # of a word of a key
        self._in_order, self._too_long, self._right_length = Signal(), Signal(), Signal()
        self._blocks = Signal(8)  # of 64 bits of key data
        self._then = Signal(Then)
        self._order = Signal(Command)  # to the unit
        self._reports = Signal()  # the operation is over when the memory is cleared

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit, m.submodules.memory = self._unit, self._memory
        connect(m, flipped(self.memory), self._memory.bus)
        unit, memory = self._unit, self._memory
        self._check(m)
        m.d.comb += unit.result.ready.eq(1)
        with m.FSM(init="Clear") as fsm:
            self._idle(m)
            self._judge(m)
            self._take_key(m)
            self._open(m)
            self._run(m)
            self._wrap(m)
            self._send_key(m)
            self._end(m)
        key_states = (
            "Await Key",
            "Begin Key",
            "Give Key",
            "Drop Key",
            "Await Slot",
            "Send Key",
            "Await Store",
        )
        m.d.comb += [
            self.busy.eq(~fsm.ongoing("Idle")),
            self.settled.eq(~_any(fsm.ongoing(state) for state in key_states)),
            self.dropped.eq(memory.dropped),
            memory.locked.eq(self.busy),
            memory.result.stb.eq(unit.result.valid & unit.result.ready),
            memory.result.head.eq(unit.head),
            memory.result.data.eq(unit.result.payload),
            self.key.request.payload.slot.eq(Mux(self._is_target, self._target, self._slot)),
            self.result.request.payload.slot.eq(self._target),
            self.result.request.payload.external.eq(self._external),
        ]
        with m.Switch(self._operation):
            for operation, key_operation in KEY_OPERATIONS.items():
                with m.Case(operation):
                    m.d.comb += self.key.request.payload.operation.eq(key_operation)
        return m

    def _idle(self, m):
        asked = self.asked
        with m.State("Idle"):
            m.d.sync += [self._is_target.eq(0), self._number.eq(0), self.status.eq(Status.SUCCESS)]
            with m.If(asked.stb):
                m.d.sync += [
                    self._operation.eq(asked.operation),
                    self._iv_choice.eq(asked.iv),
                    self._tag_bytes.eq(asked.tag_bytes),
                    self._slot.eq(asked.slot),
                    self._target.eq(asked.target),
                ]
                m.next = "Judge"

    def _refuse(self, m, status):
        """End an operation that has not begun; what is open stays so."""
        m.d.sync += self.status.eq(status)
        m.next = "Report"

    def _fail(self, m, status):
        """End an operation that has begun, and everything with it."""
        m.d.sync += self.status.eq(status)
        m.next = "Fail"

    def _is(self, *operations):
        return self._operation.as_value().matches(*operations)

    def _judge(self, m):
        """Refuse what is out of order, or of a wrong length."""
        operations = ApplicationOperation
        takes_piece = self._iv_choice == IvChoice.PIECE
        opens_gcm = self._is(operations.ENCRYPT, operations.DECRYPT)
        has_iv = (self._operation == operations.ENCRYPT) | (self._iv_choice != IvChoice.HARDWARE)
        no_slot = (self._slot >= self._slots) | (
            self._is(operations.WRAP, operations.UNWRAP) & (self._target >= self._slots)
        )
        with m.State("Judge"):
            with m.If(~self._in_order):
                self._refuse(m, Status.ORDER)
            with m.Elif(self._too_long):
                self._refuse(m, Status.TOO_LONG)
            with m.Elif(~self._right_length):
                self._refuse(m, Status.LENGTH)
            with m.Elif(opens_gcm & (~has_iv | (takes_piece & (self.piece.length == 0)))):
                self._refuse(m, Status.IV_EMPTY)
            with m.Elif(self._is(operations.WIPE)):
                self._fail(m, Status.SUCCESS)
            with m.Elif(~self._is(*KEY_OPERATIONS)):
                m.next = "Start Piece"
            with m.Elif(no_slot):
                self._refuse(m, Status.KEY_REFUSED)
            with m.Else():
                m.next = "Await Unit"

    def _check(self, m):
        """Whether the operation is in order, and its lengths are possible."""
        operations, length = ApplicationOperation, self.piece.length
        fits, order, long, right = Signal(), self._in_order, self._too_long, self._right_length
        is_gcm = self.session.as_value().matches(Session.ENCRYPTS, Session.DECRYPTS)
        decrypts, macs = self.session == Session.DECRYPTS, self.session == Session.AUTHENTICATES
        takes_iv = self._iv_choice == IvChoice.PIECE
        # A last block must not be missing if there were others: CMAC treats it in its own way.
        ends_well = ~(macs & self._begun & (length == 0))
        # Who finds a tag by trying, byte by byte once a short one is found, solves two for the hash key.
        secret = decrypts & ~self._external
        tag = self._tag_bytes
        upper, lower = tag[3] & (tag[2] | ~secret), tag[2] & ~secret  # 12 or more; 4 or more, if external
        tag_fits = Mux(tag[4], tag[:4] == 0, upper | lower)  # SEC_CM: KEY.NOREAD
        ends = Signal(14)
        m.d.comb += [
            ends.eq((self.piece.start << 2) + length),
            fits.eq(_at_most_all(ends) & ~self._unit.long),
            order.eq(1),
            long.eq(0),
            right.eq(1),
        ]
        with m.Switch(self._operation):
            with m.Case(operations.ENCRYPT, operations.DECRYPT):
                m.d.comb += [order.eq(self._iv_choice.as_value() != 3), long.eq(takes_iv & ~fits)]
            with m.Case(operations.AAD):
                m.d.comb += [order.eq(is_gcm & ~self._begun), long.eq(~fits)]
            with m.Case(operations.AAD_SLOT):
                m.d.comb += order.eq(is_gcm & ~self._begun)
            with m.Case(operations.TEXT):
                m.d.comb += [order.eq(self.session != Session.NONE), long.eq(~fits | decrypts)]
                m.d.comb += right.eq(length[:4] == 0)
            with m.Case(operations.FINISH):
                m.d.comb += [order.eq((self.session == Session.ENCRYPTS) | macs), long.eq(~fits)]
                m.d.comb += right.eq(ends_well)
            with m.Case(operations.VERIFY):
                m.d.comb += [order.eq(decrypts | macs), long.eq(~fits), right.eq(ends_well & tag_fits)]
            with m.Case(operations.UNWRAP):
                m.d.comb += right.eq((length == 24) | (length == 40))
            with m.Case(operations.WRAP_DATA):
                m.d.comb += right.eq((length[:3] == 0) & length[4:].any() & ~length[_MESSAGE_BITS])
            with m.Case(operations.UNWRAP_DATA):
                long_enough = length[5:].any() | length[3:5].all()  # 24 or more
                m.d.comb += right.eq((length[:3] == 0) & long_enough & _at_most_all(length))
            with m.Case(operations.CMAC, operations.WRAP, operations.WIPE):
                m.d.comb += order.eq(1)
            with m.Default():
                m.d.comb += order.eq(0)

    def _open(self, m):
        """The IV of a message of GCM."""
        unit, memory, transfer = self._unit, self._memory, self._memory.transfer
        with m.State("Choose IV"):
            m.next = "Set IV"
            with m.If(self._iv_choice == IvChoice.HARDWARE):
                m.next = "Ask IV"
        with m.State("Ask IV"):
            m.d.comb += self.ask_iv.eq(1)
            with m.If(self.iv_failed):
                self._fail(m, Mux(self.iv_broken, Status.NVM_BROKEN, Status.IV_EXHAUSTED))
            with m.Elif(self.iv_given):
                m.next = "Store IV"
        with m.State("Store IV"):
            m.d.comb += [memory.write.stb.eq(1), memory.write.place.eq(IV_PLACE + self._number)]
            m.d.comb += [
                self.iv_lower.eq(self._number[0]),  # a clock ahead
                # An idle unit passes words on to the memory.
                unit.words.payload.data.eq(Mux(self._number == 0, self.fixed_field, self.iv_word)),
                unit.words.payload.bytes.eq(4),
            ]
            m.d.sync += self._number.eq(self._number + 1)
            with m.If(self._number == 2):
                m.next = "Set IV"
        with m.State("Set IV"):
            takes_piece = self._iv_choice == IvChoice.PIECE
            m.d.comb += [
                transfer.place.eq(Mux(takes_piece, self.piece.start, IV_PLACE)),
                transfer.length.eq(Mux(takes_piece, self.piece.length, 12)),
            ]
            self._command(m, Mux(transfer.length == 12, Operation.IV, Operation.HASHED_IV), Then.OPENING)

    def _command(self, m, operation, then, *, final=0, turns=0):
        """Start a transfer, then a command of the unit; part of a state's actions."""
        m.d.comb += self._memory.start.eq(1)
        m.d.sync += [
            self._order.operation.eq(operation),
            self._order.final.eq(final),
            self._order.turns.eq(turns),
            self._then.eq(then),
        ]
        m.next = "Command"

    def _run(self, m):
        """Pieces of messages, and what follows the last one."""
        unit, memory, transfer = self._unit, self._memory, self._memory.transfer
        operations, piece = ApplicationOperation, self.piece
        ends, verifies = self._is(operations.FINISH, operations.VERIFY), self._is(operations.VERIFY)
        macs = self.session == Session.AUTHENTICATES
        crypts = Mux(self.session == Session.ENCRYPTS, Operation.ENCRYPT, Operation.DECRYPT)
        with m.State("Start Piece"):
            m.d.comb += [transfer.place.eq(piece.start), transfer.length.eq(piece.length)]
            with m.If(~self._is(operations.AAD)):
                m.d.sync += self._begun.eq(1)
            with m.If(self._is(operations.AAD)):
                self._command(m, Operation.AAD, Then.PIECE)
            with m.Else():
                operation = Mux(macs, Operation.MAC, crypts)
                self._command(m, operation, Mux(ends, Then.LAST, Then.PIECE), final=ends)
        with m.State("Start Tag"):
            m.d.comb += [
                transfer.place.eq(TAG_PLACE),
                transfer.length.eq(Mux(verifies, self._tag_bytes, 4 * 4)),
            ]
            operation = Mux(verifies, Operation.CHECK, Operation.TAG)
            self._command(m, operation, Mux(verifies, Then.CHECK, Then.TAG))
        with m.State("Command"):
            m.d.comb += [unit.command.valid.eq(1), unit.command.payload.eq(self._order)]
            with m.If(unit.command.ready):
                m.next = "Run"
                with m.If(self._then == Then.UNWRAP):
                    m.next = "Unwrap Head"
        with m.State("Run"):
            m.d.comb += [
                unit.words.valid.eq(memory.words.valid),
                unit.words.payload.eq(memory.words.payload),
                memory.words.ready.eq(unit.words.ready),
            ]
            # Words of the tag take the places of words that nobody wants.
            with m.If(self._then == Then.TAG):
                m.d.comb += [
                    unit.result.ready.eq(memory.words.valid),
                    memory.words.ready.eq(unit.result.valid),
                ]
            with m.If(unit.done):
                m.next = "Report"
                with m.Switch(self._then):
                    with m.Case(Then.OPENING):
                        opened = Mux(
                            self._is(operations.ENCRYPT), Session.ENCRYPTS.value, Session.DECRYPTS.value
                        )
                        m.d.sync += [self.session.eq(opened), self._begun.eq(0)]
                    with m.Case(Then.LAST):
                        m.next = "Start Tag"
                    with m.Case(Then.TAG, Then.WRAP):
                        m.d.sync += self.session.eq(Session.NONE)
                    with m.Case(Then.CHECK):
                        m.d.sync += self.session.eq(Session.NONE)
                        with m.If(~unit.match):
                            self._fail(m, Status.TAG_WRONG)
                    with m.Case(Then.UNWRAP):
                        m.d.sync += self.session.eq(Session.NONE)
                        with m.If(~unit.match):
                            self._fail(m, Status.UNWRAP_WRONG)
                        with m.Elif(self._is(operations.UNWRAP)):
                            m.next = "Ask Store"

    def _end(self, m):
        unit, memory = self._unit, self._memory
        with m.State("Fail"):
            m.d.comb += unit.wipe.eq(1)
            m.d.sync += [self.session.eq(Session.NONE), self._begun.eq(0), self._reports.eq(1)]
            m.next = "Clear"
        with m.State("Clear"):
            m.d.comb += memory.clear.eq(1)
            m.next = "Clearing"
        with m.State("Clearing"), m.If(~memory.clearing & unit.command.ready):
            m.next = "Idle"
            with m.If(self._reports):
                m.next = "Report"
        with m.State("Report"):
            m.d.comb += self.done.eq(1)
            m.d.sync += self._reports.eq(0)
            m.next = "Idle"


def _at_most_all(length):
    """Whether a number of bytes is not greater than the memory of messages."""
    return (length[_MESSAGE_BITS:] == 0) | ((length[_MESSAGE_BITS:] == 1) & (length[:_MESSAGE_BITS] == 0))


def _any(bits):
    total = 0
    for bit in bits:
        total |= bit
    return total
