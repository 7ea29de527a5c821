"""The states of the engine that move keys."""

from amaranth import Cat, Mux, Signal
from amaranth.lib import enum, wiring

from ...bus import KeyOperation, KeySource
from .registers import ApplicationOperation, IvChoice, Session, Status
from .signature import Operation

__all__ = ["KEY_OPERATIONS", "KEY_WORDS", "KeyStates", "Then"]

KEY_WORDS = 8
_SHORT_WRAPPED = 24  # bytes of a wrapped key of 128 bits
_DATA_PLACE = 2  # of key data, behind the first 64 bits of its wrapped form

KEY_OPERATIONS = {
    ApplicationOperation.ENCRYPT: KeyOperation.ENCRYPT,
    ApplicationOperation.DECRYPT: KeyOperation.DECRYPT,
    ApplicationOperation.CMAC: KeyOperation.CMAC,
    ApplicationOperation.AAD_SLOT: KeyOperation.AAD,
    ApplicationOperation.WRAP: KeyOperation.WRAP,
    ApplicationOperation.WRAP_DATA: KeyOperation.WRAP,
    ApplicationOperation.UNWRAP: KeyOperation.UNWRAP,
    ApplicationOperation.UNWRAP_DATA: KeyOperation.UNWRAP,
}
"""Operations that need a key, and what the key store is asked for."""


class Then(enum.Enum, shape=3):
    """What the unit is doing."""

    OPENING = 0
    PIECE = 1
    LAST = 2
    TAG = 3
    CHECK = 4
    WRAP = 5
    UNWRAP = 6


class KeyStates(wiring.Component):
    """States of `Engine`: keys from their slots, wrapped keys, and unwrapped ones into their slots."""

    def _take_key(self, m):
        """The key of a slot goes into the unit, or into the memory to be wrapped."""
        generated = Signal()  # the key that wraps, or that of the message, is
        self._ask_for_key(m, self._forbidden(m, generated), generated)
        self._give_key(m)
        self._go_on_with_key(m)

    def _forbidden(self, m, generated):
        """Whether the key that comes must not be used so."""
        forbidden, class_ = Signal(), self.key.key_class
        is_aad = self._is(ApplicationOperation.AAD_SLOT)
        to_memory = self._is(ApplicationOperation.WRAP_DATA, ApplicationOperation.UNWRAP_DATA)
        # Who knows the key that wraps knows the one that is wrapped, and who knows the key of a message
        # can solve its tag for a key in it. A key known outside that came back from under one that is
        # not would be taken for one to be kept.
        m.d.comb += forbidden.eq(
            ((self._is_target | is_aad) & ~class_.external & ~generated)  # SEC_CM: KEY.NOREAD
            | (self._is_target & class_.external & ~self._external)  # SEC_CM: KEY.NOREAD
            | (to_memory & ~class_.external)  # SEC_CM: KEY.NOREAD
            | (self._is(ApplicationOperation.UNWRAP_DATA) & ~class_.to_bus)
        )
        return forbidden

    def _ask_for_key(self, m, forbidden, generated):
        key, unit, class_ = self.key, self._unit, self.key.key_class
        is_aad = self._is(ApplicationOperation.AAD_SLOT)
        with m.State("Await Unit"), m.If(unit.command.ready):
            m.next = "Ask Key"
        with m.State("Ask Key"):
            m.d.comb += key.request.valid.eq(1)
            with m.If(key.request.ready):
                m.next = "Await Key"
        with m.State("Await Key"):
            m.d.sync += self._short.eq(class_.short)
            with m.If(~self._is_target & ~is_aad):
                m.d.sync += [self._external.eq(class_.external), generated.eq(class_.generated)]
            with m.If(key.refused):
                self._fail(m, Status.KEY_REFUSED)
            with m.Elif(key.key.valid & forbidden):
                m.d.comb += key.forbids.eq(1)
                m.d.sync += self.status.eq(Status.KEY_REFUSED)
                m.next = "Drop Key"
            with m.Elif(
                key.key.valid
                & self._is(ApplicationOperation.ENCRYPT)
                & (self._iv_choice != IvChoice.HARDWARE)
                & ~class_.external
            ):
                m.d.comb += key.forbids.eq(1)
                m.d.sync += self.status.eq(Status.IV_FORBIDDEN)
                m.next = "Drop Key"
            with m.Elif(key.key.valid):
                m.next = "Begin Key"

    def _give_key(self, m):
        """The words of the key go their way, or are dropped."""
        key, unit, memory = self.key, self._unit, self._memory
        is_aad, useful = self._is(ApplicationOperation.AAD_SLOT), Signal()
        m.d.comb += useful.eq(~(self._short & self._number[2]))
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
                key.key.ready.eq(unit.words.ready | ~useful | self._is_target),
            ]
            with m.If(key.refused):
                self._fail(m, Status.KEY_REFUSED)
            with m.Elif(key.key.valid & key.key.ready):
                m.d.sync += self._number.eq(self._number + 1)
                with m.If(self._number == KEY_WORDS - 1):
                    m.next = "Key Given"
        with m.State("Drop Key"):
            m.d.comb += key.key.ready.eq(1)
            m.d.sync += self._number.eq(self._number + key.key.valid)
            with m.If(key.refused | (key.key.valid & (self._number == KEY_WORDS - 1))):
                m.next = "Fail"

    def _go_on_with_key(self, m):
        """What comes when the unit has the key."""
        unit, operations = self._unit, ApplicationOperation
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

    def _wrap(self, m):
        """Key data turns through the unit six times."""
        unit, memory, transfer = self._unit, self._memory, self._memory.transfer
        operations = ApplicationOperation
        unwraps = self._is(operations.UNWRAP, operations.UNWRAP_DATA)
        blocks, turns = self._blocks, Signal(11)  # six for each
        m.d.comb += turns.eq(((blocks << 1) + blocks) << 1)
        with m.State("Start Wrap"):
            m.d.sync += blocks.eq(self.piece.length[3:] - unwraps)
            with m.If(self._is(operations.WRAP)):
                m.d.sync += blocks.eq(Mux(self._short, 2, 4))
            m.next = "Start Turns"
        with m.State("Start Turns"):
            self._describe_turns(m)
            with m.If(unwraps):
                m.d.comb += [transfer.turns.eq(0), transfer.backwards.eq(0), transfer.place.eq(0)]
                m.d.comb += transfer.length.eq(8)
                self._command(m, Operation.UNWRAP, Then.UNWRAP, turns=turns)
            with m.Else():
                self._command(m, Operation.WRAP, Then.WRAP, turns=turns)
        with m.State("Unwrap Head"):
            m.d.comb += [
                unit.words.valid.eq(memory.words.valid),
                unit.words.payload.eq(memory.words.payload),
                memory.words.ready.eq(unit.words.ready),
            ]
            self._describe_turns(m)
            with m.If(~memory.active):
                m.d.comb += memory.start.eq(1)
                m.next = "Run"

    def _describe_turns(self, m):
        transfer = self._memory.transfer
        m.d.comb += [
            transfer.place.eq(_DATA_PLACE),
            transfer.end.eq(Cat(1, self._blocks)),  # behind `_DATA_PLACE` - 1 of the other words
            transfer.turns.eq(1),
            transfer.backwards.eq(self._is(ApplicationOperation.UNWRAP, ApplicationOperation.UNWRAP_DATA)),
        ]

    def _send_key(self, m):
        """An unwrapped key goes into its slot; behind a key of 128 bits come zeros."""
        result, memory, transfer = self.result, self._memory, self._memory.transfer
        m.d.comb += [
            result.request.payload.source.eq(KeySource.UNWRAPPED),
            result.request.payload.short.eq(self.piece.length == _SHORT_WRAPPED),
        ]
        with m.State("Ask Store"):
            m.d.comb += [
                result.request.valid.eq(1),
                transfer.place.eq(_DATA_PLACE),
                transfer.length.eq(self._blocks << 3),
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
                with m.If(self._number == KEY_WORDS - 1):
                    m.next = "Await Store"
            with m.If(result.refused):
                self._fail(m, Status.TARGET_REFUSED)
        with m.State("Await Store"):
            with m.If(result.refused):
                self._fail(m, Status.TARGET_REFUSED)
            with m.Elif(result.done):
                self._fail(m, Status.SUCCESS)
