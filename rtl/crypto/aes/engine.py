"""One operation of the application at a time, on the message memory."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ...bus import KeyOperation, KeyPathSignature, KeyResultSignature, wishbone
from .message_memory import IV_PLACE, MESSAGE_WORDS, TAG_PLACE, MessageMemory
from .registers import ApplicationOperation, IvChoice, Session, Status
from .signature import Operation
from .unit import Unit

__all__ = ["Engine"]

_MESSAGE_BYTES = 4 * MESSAGE_WORDS
_KEY_WORDS = 8
_DATA_PLACE = 2  # of key data, behind the first 64 bits of its wrapped form
_KEY_OPERATIONS = {
    ApplicationOperation.ENCRYPT: KeyOperation.ENCRYPT,
    ApplicationOperation.DECRYPT: KeyOperation.DECRYPT,
    ApplicationOperation.CMAC: KeyOperation.CMAC,
    ApplicationOperation.AAD_SLOT: KeyOperation.AAD,
    ApplicationOperation.WRAP: KeyOperation.WRAP,
    ApplicationOperation.WRAP_DATA: KeyOperation.WRAP,
    ApplicationOperation.UNWRAP: KeyOperation.UNWRAP,
    ApplicationOperation.UNWRAP_DATA: KeyOperation.UNWRAP,
}


class _Then(enum.Enum, shape=3):
    """What the unit is doing."""

    OPENING = 0
    PIECE = 1
    LAST = 2
    TAG = 3
    CHECK = 4
    WRAP = 5
    UNWRAP = 6


class Engine(wiring.Component):
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
    iv_given, iv_failed, iv_broken, iv_counter : In
        Its answer.
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
                "iv_counter": In(64),
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
        self._external, self._short = Signal(), Signal()  # the key, and the key data, are
        self._begun = Signal()  # text of the message was taken
        self._number = Signal(range(_KEY_WORDS))  # of a word of a key
        self._in_order, self._too_long, self._right_length = Signal(), Signal(), Signal()
        self._then = Signal(_Then)
        self._reports = Signal()  # the operation is over when the memory is cleared

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit, m.submodules.memory = self._unit, self._memory
        connect(m, flipped(self.memory), self._memory.bus)
        unit, memory = self._unit, self._memory
        self._check(m)
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
            memory.result.stb.eq(unit.result.valid),
            memory.result.data.eq(unit.result.payload),
            unit.result.ready.eq(1),
            self.key.request.payload.slot.eq(Mux(self._is_target, self._target, self._slot)),
            self.result.request.payload.slot.eq(self._target),
            self.result.request.payload.external.eq(self._external),
        ]
        with m.Switch(self._operation):
            for operation, key_operation in _KEY_OPERATIONS.items():
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
            with m.Elif(~self._is(*_KEY_OPERATIONS)):
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
        tag_fits = (self._tag_bytes >= 4) & (self._tag_bytes <= 16)
        m.d.comb += [
            fits.eq(((self.piece.start << 2) + length <= _MESSAGE_BYTES) & ~self._unit.long),
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
                m.d.comb += right.eq((length[:3] == 0) & (length >= 16) & (length <= _MESSAGE_BYTES - 8))
            with m.Case(operations.UNWRAP_DATA):
                m.d.comb += right.eq((length[:3] == 0) & (length >= 24) & (length <= _MESSAGE_BYTES))
            with m.Case(operations.CMAC, operations.WRAP, operations.WIPE):
                m.d.comb += order.eq(1)
            with m.Default():
                m.d.comb += order.eq(0)

    def _take_key(self, m):
        """The key of a slot goes into the unit, or into the memory to be wrapped."""
        key, unit, memory = self.key, self._unit, self._memory
        operations = ApplicationOperation
        useful, forbidden = Signal(), Signal()
        is_aad = self._is(operations.AAD_SLOT)
        class_ = key.key_class
        to_memory = self._is(operations.WRAP_DATA, operations.UNWRAP_DATA)
        m.d.comb += [
            useful.eq(~(self._short & self._number[2])),
            # A key that is known outside must not carry one out that is not.
            forbidden.eq(
                (self._is_target & self._external & ~class_.external)
                | (to_memory & ~class_.external)
                | (self._is(operations.UNWRAP_DATA) & ~class_.to_bus)
            ),
        ]
        with m.State("Await Unit"), m.If(unit.command.ready):
            m.next = "Ask Key"
        with m.State("Ask Key"):
            m.d.comb += key.request.valid.eq(1)
            with m.If(key.request.ready):
                m.next = "Await Key"
        with m.State("Await Key"):
            m.d.sync += self._short.eq(class_.short)
            with m.If(~self._is_target & ~is_aad):
                m.d.sync += self._external.eq(class_.external)
            with m.If(key.refused):
                self._fail(m, Status.KEY_REFUSED)
            with m.Elif(key.key.valid & forbidden):
                m.d.sync += self.status.eq(Status.KEY_REFUSED)
                m.next = "Drop Key"
            with m.Elif(
                key.key.valid
                & self._is(operations.ENCRYPT)
                & (self._iv_choice != IvChoice.HARDWARE)
                & ~class_.external
            ):
                m.d.sync += self.status.eq(Status.IV_FORBIDDEN)
                m.next = "Drop Key"
            with m.Elif(key.key.valid):
                m.next = "Begin Key"
        with m.State("Begin Key"):
            m.d.comb += [
                unit.command.valid.eq(~self._is_target),
                unit.command.payload.operation.eq(Mux(is_aad, Operation.AAD, Operation.KEY)),
                unit.command.payload.short.eq(self._short),
            ]
            with m.If(key.refused):
                self._fail(m, Status.KEY_REFUSED)
            with m.Elif(self._is_target | unit.command.ready):
                m.next = "Give Key"
        with m.State("Give Key"):
            m.d.comb += [
                unit.words.valid.eq(key.key.valid & useful & ~self._is_target),
                unit.words.payload.data.eq(key.key.payload),
                unit.words.payload.bytes.eq(4),
                unit.words.payload.last.eq(self._number == Mux(self._short, 3, 7)),
                memory.write.stb.eq(key.key.valid & useful & self._is_target),
                memory.write.place.eq(_DATA_PLACE + self._number),
                memory.write.data.eq(key.key.payload),
                key.key.ready.eq(unit.words.ready | ~useful | self._is_target),
            ]
            with m.If(key.refused):
                self._fail(m, Status.KEY_REFUSED)
            with m.Elif(key.key.valid & key.key.ready):
                m.d.sync += self._number.eq(self._number + 1)
                with m.If(self._number == _KEY_WORDS - 1):
                    m.next = "Key Given"
        with m.State("Drop Key"):
            m.d.comb += key.key.ready.eq(1)
            m.d.sync += self._number.eq(self._number + key.key.valid)
            with m.If(key.refused | (key.key.valid & (self._number == _KEY_WORDS - 1))):
                m.next = "Fail"
        with m.State("Key Given"), m.If(unit.command.ready):
            with m.Switch(self._operation):
                with m.Case(operations.ENCRYPT, operations.DECRYPT):
                    m.next = "Choose IV"
                with m.Case(operations.CMAC):
                    m.d.sync += [self.session.eq(Session.AUTHENTICATES), self._begun.eq(0)]
                    m.next = "Report"
                with m.Case(operations.AAD_SLOT):
                    m.next = "Report"
                with m.Case(operations.WRAP):
                    m.d.sync += self._is_target.eq(1)
                    m.next = "Start Wrap"
                    with m.If(~self._is_target):
                        m.next = "Ask Key"
                with m.Default():
                    m.next = "Start Wrap"

    def _open(self, m):
        """The IV of a message of GCM."""
        memory, transfer = self._memory, self._memory.transfer
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
            with m.Switch(self._number):
                with m.Case(0):
                    m.d.comb += memory.write.data.eq(self.fixed_field)
                with m.Case(1):
                    m.d.comb += memory.write.data.eq(self.iv_counter[32:])
                with m.Default():
                    m.d.comb += memory.write.data.eq(self.iv_counter[:32])
            m.d.sync += self._number.eq(self._number + 1)
            with m.If(self._number == 2):
                m.next = "Set IV"
        with m.State("Set IV"):
            takes_piece = self._iv_choice == IvChoice.PIECE
            m.d.comb += [
                transfer.place.eq(Mux(takes_piece, self.piece.start, IV_PLACE)),
                transfer.length.eq(Mux(takes_piece, self.piece.length, 12)),
            ]
            self._command(m, Mux(transfer.length == 12, Operation.IV, Operation.HASHED_IV), _Then.OPENING)

    def _command(self, m, operation, then, *, final=0, count=0, follow="Run"):
        """Start a transfer and a command of the unit; part of a state's actions."""
        unit, command = self._unit, self._unit.command.payload
        m.d.comb += [
            unit.command.valid.eq(1),
            command.operation.eq(operation),
            command.final.eq(final),
            command.count.eq(count),
        ]
        with m.If(unit.command.ready):
            m.d.comb += self._memory.start.eq(1)
            m.d.sync += self._then.eq(then)
            m.next = follow

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
                self._command(m, Operation.AAD, _Then.PIECE)
            with m.Else():
                operation = Mux(macs, Operation.MAC, crypts)
                self._command(m, operation, Mux(ends, _Then.LAST, _Then.PIECE), final=ends)
        with m.State("Start Tag"):
            m.d.comb += [
                transfer.place.eq(TAG_PLACE),
                transfer.length.eq(Mux(verifies, self._tag_bytes, 4 * 4)),
            ]
            operation = Mux(verifies, Operation.CHECK, Operation.TAG)
            self._command(m, operation, Mux(verifies, _Then.CHECK, _Then.TAG))
        with m.State("Run"):
            m.d.comb += [
                unit.words.valid.eq(memory.words.valid),
                unit.words.payload.eq(memory.words.payload),
                memory.words.ready.eq(unit.words.ready),
            ]
            with m.If(unit.done):
                m.next = "Report"
                with m.Switch(self._then):
                    with m.Case(_Then.OPENING):
                        opened = Mux(
                            self._is(operations.ENCRYPT), Session.ENCRYPTS.value, Session.DECRYPTS.value
                        )
                        m.d.sync += [self.session.eq(opened), self._begun.eq(0)]
                    with m.Case(_Then.LAST):
                        m.next = "Start Tag"
                    with m.Case(_Then.TAG, _Then.WRAP):
                        m.d.sync += self.session.eq(Session.NONE)
                    with m.Case(_Then.CHECK):
                        m.d.sync += self.session.eq(Session.NONE)
                        with m.If(~unit.match):
                            self._fail(m, Status.TAG_WRONG)
                    with m.Case(_Then.UNWRAP):
                        m.d.sync += self.session.eq(Session.NONE)
                        with m.If(~unit.match):
                            self._fail(m, Status.UNWRAP_WRONG)
                        with m.Elif(self._is(operations.UNWRAP)):
                            m.next = "Ask Store"

    def _wrap(self, m):
        """Key data turns through the unit six times."""
        unit, memory, transfer = self._unit, self._memory, self._memory.transfer
        operations = ApplicationOperation
        unwraps = self._is(operations.UNWRAP, operations.UNWRAP_DATA)
        blocks = Signal(8)  # of 64 bits
        with m.State("Start Wrap"):
            m.d.sync += blocks.eq(self.piece.length[3:] - unwraps)
            with m.If(self._is(operations.WRAP)):
                m.d.sync += blocks.eq(Mux(self._short, 2, 4))
            m.next = "Start Turns"
        with m.State("Start Turns"):
            self._describe_turns(m, blocks)
            with m.If(unwraps):
                m.d.comb += [transfer.turns.eq(0), transfer.backwards.eq(0), transfer.place.eq(0)]
                m.d.comb += transfer.length.eq(8)
                self._command(m, Operation.UNWRAP, _Then.UNWRAP, count=blocks, follow="Unwrap Head")
            with m.Else():
                self._command(m, Operation.WRAP, _Then.WRAP, count=blocks)
        with m.State("Unwrap Head"):
            m.d.comb += [
                unit.words.valid.eq(memory.words.valid),
                unit.words.payload.eq(memory.words.payload),
                memory.words.ready.eq(unit.words.ready),
            ]
            self._describe_turns(m, blocks)
            with m.If(~memory.active):
                m.d.comb += memory.start.eq(1)
                m.next = "Run"

    def _describe_turns(self, m, blocks):
        transfer = self._memory.transfer
        m.d.comb += [
            transfer.place.eq(_DATA_PLACE),
            transfer.end.eq(_DATA_PLACE - 1 + (blocks << 1)),
            transfer.length.eq((blocks << 5) + (blocks << 4)),
            transfer.turns.eq(1),
            transfer.backwards.eq(self._is(ApplicationOperation.UNWRAP, ApplicationOperation.UNWRAP_DATA)),
        ]

    def _send_key(self, m):
        """An unwrapped key goes into its slot; behind a key of 128 bits come zeros."""
        result, memory, transfer = self.result, self._memory, self._memory.transfer
        with m.State("Ask Store"):
            m.d.comb += [
                result.request.valid.eq(1),
                transfer.place.eq(_DATA_PLACE),
                transfer.length.eq(self.piece.length - 8),
            ]
            m.d.sync += self._number.eq(0)
            with m.If(result.request.ready):
                m.d.comb += memory.start.eq(1)
                m.next = "Send Key"
        with m.State("Send Key"):
            m.d.comb += [
                result.key.valid.eq(memory.words.valid | ~memory.active),
                result.key.payload.eq(Mux(memory.active, memory.words.payload.data, 0)),
                memory.words.ready.eq(result.key.ready),
            ]
            with m.If(result.key.valid & result.key.ready):
                m.d.sync += self._number.eq(self._number + 1)
                with m.If(self._number == _KEY_WORDS - 1):
                    m.next = "Await Store"
            with m.If(result.refused):
                self._fail(m, Status.TARGET_REFUSED)
        with m.State("Await Store"):
            with m.If(result.refused):
                self._fail(m, Status.TARGET_REFUSED)
            with m.Elif(result.done):
                self._fail(m, Status.SUCCESS)

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


def _any(bits):
    total = 0
    for bit in bits:
        total |= bit
    return total
