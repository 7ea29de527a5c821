"""What the application writes to `operate`: refused, or begun. A part of `ApplicationPort`."""

from amaranth import Mux, Signal

from .registers import BLOCK_WORDS, CODE_BITS, KEY_WORDS, Operation, Refusal, is_one_of
from .signature import Command

__all__ = ["Operations"]


class Operations:
    """Begins operations, on the state of `ApplicationPort`, and refuses those out of order."""

    def _elaborate_operations(self, m, busy):
        """What is written to `operate`."""
        written, provenance = self._operate.f, self._provenance
        operation, strobe, slot = written.operation.w_data, written.operation.w_stb, written.slot.w_data
        starts = is_one_of(operation, Operation.HASH, Operation.HMAC, Operation.KEY)
        restores = is_one_of(operation, Operation.RESTORE_HASH, Operation.RESTORE_HMAC)
        with_key = is_one_of(operation, Operation.HMAC, Operation.RESTORE_HMAC)
        appends = is_one_of(operation, Operation.APPEND)
        with m.If(strobe & self._is_out_of_order(m, operation, busy)):
            self._refuse(m, Refusal.ORDER)
        with m.Elif(strobe & with_key & ~self.user.keyed):
            self._refuse(m, Refusal.UNIT)
        with m.Elif(strobe & operation[CODE_BITS] & (slot >= self._slots)):
            self._refuse(m, Refusal.SLOT)
        with m.Elif(strobe & appends & (self._waiting > 2 * BLOCK_WORDS - KEY_WORDS)):
            self._refuse(m, Refusal.ROOM)
        with m.Elif(strobe & is_one_of(operation, Operation.WIPE)):
            m.d.sync += [self._wipes.eq(1), self._forgets.eq(0)]
        with m.Elif(strobe & appends):
            m.d.comb += provenance.appended.eq(1)
            m.d.sync += [
                self._source.eq(slot),
                self._appended.eq(1),
                self._place.eq(self._put),
                self._put.eq(self._put + KEY_WORDS),
            ]
        with m.Elif(strobe):
            m.d.comb += [provenance.begin.stb.eq(starts | restores), provenance.begin.with_key.eq(with_key)]
            with m.If(starts | restores):
                self._empty_queue(m)
                m.d.sync += [self._session.eq(starts), self._mode.eq(Mux(starts, operation, with_key))]
            with m.If(~starts):
                m.d.sync += [
                    self._asked.eq(1),
                    self._operation.eq(operation),
                    self._tail_bytes.eq(written.tail_bytes.w_data),
                ]
            with m.If(is_one_of(operation, Operation.KEY_HMAC, Operation.KEY_DERIVE)):
                self._empty_queue(m)
                m.d.sync += [self._session.eq(0), self._source.eq(slot)]
            with m.If(is_one_of(operation, Operation.FINISH_SLOT)):
                m.d.sync += self._target.eq(slot)

    def _is_out_of_order(self, m, operation, busy):
        provenance = self._provenance
        no_message = ~self._session | self._closing
        no_digest = no_message | (self._mode == Command.KEY)
        out_of_order = Signal()
        m.d.comb += out_of_order.eq(busy)
        with m.Switch(operation):
            with m.Case(Operation.WIPE):
                m.d.comb += out_of_order.eq(0)
            with m.Case(Operation.SAVE):
                # SEC_CM: KEY.NOREAD
                saves = self._begun & (self._mode != Command.KEY) & provenance.can_save
                m.d.comb += out_of_order.eq(busy | ~saves)
            with m.Case(Operation.RESTORE_HMAC):
                m.d.comb += out_of_order.eq(busy | provenance.key_from_slot)
            with m.Case(Operation.FINISH):
                m.d.comb += out_of_order.eq(no_message)
            with m.Case(Operation.FINISH_SLOT):
                m.d.comb += out_of_order.eq(no_digest | ~provenance.derives)
            with m.Case(Operation.APPEND):
                fits = ~self._appended & (self._put[:4] <= BLOCK_WORDS - KEY_WORDS)
                m.d.comb += out_of_order.eq(no_digest | ~provenance.can_append | ~fits)
            with m.Case(*range(1 + max(each.value for each in Operation), 1 << len(operation))):
                m.d.comb += out_of_order.eq(1)
        return out_of_order
