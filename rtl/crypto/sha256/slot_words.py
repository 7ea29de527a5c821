"""Words that come from a slot, and digests that go into one. A part of `ApplicationPort`."""

from amaranth import Cat, Const, Mux, Signal

from ...bus import KeyOperation, KeySource
from .registers import KEY_WORDS, Operation, Refusal

__all__ = ["BINDING", "HIDDEN", "SlotWords"]

HIDDEN = Const(0b111, 3)
"""Upper bits of the addresses of a digest on its way to a slot; no address on the bus leads there."""

BINDING = Const(0b11_0001, 6)
"""Address of the policy of a digest's slot; no address on the bus leads there."""


class SlotWords:
    """States in which the sender of `ApplicationPort` speaks with the key store."""

    def _elaborate_slot(self, m, fresh, taken):
        """Words of a slot go to the unit: as its key, or in the place that they have in the message."""
        key, given = self.key, self.key.key_class
        hmac = self._operation == Operation.KEY_HMAC
        m.d.comb += [
            key.request.payload.slot.eq(self._source),
            key.request.payload.operation.eq(
                Mux(self._loads_key & hmac, KeyOperation.HMAC, KeyOperation.DERIVE)
            ),
            self._provenance.fetched.key_class.eq(given),
        ]
        with m.State("Ask Slot"):
            m.d.comb += key.request.valid.eq(1)
            with m.If(key.request.ready):
                m.next = "Await Slot"
            self._leave_if_wiped(m, fresh)
        with m.State("Await Slot"):
            with m.If(key.refused | (key.key.valid & ~self._loads_key & given.short)):
                self._refuse(m, Refusal.SLOT)
                self._close(m)
            with m.Elif(key.key.valid):
                m.d.sync += self._key_class.eq(given)
                m.d.comb += self._provenance.fetched.stb.eq(~self._loads_key)
                m.next = "Send Block"
                with m.If(self._loads_key | (self._place == self._get)):
                    m.next = "Send Slot"
            self._leave_if_wiped(m, fresh)
        with m.State("Send Slot"):
            m.d.sync += self._number.eq(self._number + taken)
            with m.If(~self._loads_key):
                m.d.sync += self._get.eq(self._get + taken)
            with m.If(taken & (self._number == KEY_WORDS - 1)):
                m.d.sync += self._appended.eq(0)
                with m.If(self._loads_key):
                    m.next = "Await Unit"
                with m.Elif(self._broken):
                    m.d.sync += [
                        self._begun.eq(self._begun | self._get[:4].all()),
                        self._operation.eq(Operation.FINISH),
                        self._tail_bytes.eq(0),
                        self._asked.eq(1),
                    ]
                    m.next = "Send End"
                with m.Elif(self._get[:4].all()):
                    m.d.sync += self._begun.eq(1)
                    m.next = "Wait"
                with m.Elif(self._waiting == 1):
                    self._end_message(m)
                with m.Else():
                    m.next = "Send Block"
            self._leave_if_wiped(m, fresh)

    def _forget_with_slot(self, m):
        """A key is forgotten when its slot is emptied, as soon as what is being done is done."""
        emptied = self.key.emptied
        its = self._provenance.key_from_slot & (emptied.slot == self._key_slot)
        comes = self._loads_key & (emptied.slot == self._source)
        with m.If(emptied.stb & (its | comes) & ~self.wiping):
            m.d.sync += [self._wipes.eq(1), self._forgets.eq(1)]  # SEC_CM: KEY.WIPE

    def _leave_if_wiped(self, m, fresh):
        """Nothing of a slot may get into the unit behind a wipe."""
        with m.If(self.wiping):
            m.next = "Wait"
        self._close_if_failed(m, fresh)

    def _end_message(self, m):
        """The end of the message comes next; if its digest is for a slot, the slot is asked for first."""
        m.next = "Send End"
        with m.If(self._operation == Operation.FINISH_SLOT):
            m.next = "Ask Target"

    def _elaborate_binding(self, m, fresh, taken, address):
        """What a digest is made of that is not external ends with its slot's policy, but for the tail.

        So the same words derive another key for each use, and a key for one use cannot be had for two. The
        slot is taken from here on; if it is refused, that shows when the digest is there.
        """
        result, provenance = self.result, self._provenance
        m.d.comb += [
            result.request.payload.slot.eq(self._target),
            result.request.payload.external.eq(provenance.external),
            result.request.payload.generated.eq(provenance.generated),
            result.request.payload.source.eq(KeySource.DERIVED),
        ]
        with m.State("Ask Target"):
            m.d.comb += result.request.valid.eq(1)
            m.d.sync += self._lost.eq(0)
            with m.If(result.request.ready):
                m.next = "Take Binding"
            self._leave_if_wiped(m, fresh)
        with m.State("Take Binding"):
            m.d.comb += self._binds.eq(1)
            m.next = "Send End"
            with m.If(~provenance.external):
                m.next = "Send Binding"  # SEC_CM: KEY.NOREAD
            self._leave_if_wiped(m, fresh)
        with m.State("Send Binding"):
            m.d.comb += address.eq(BINDING)
            m.d.sync += fresh.eq(~taken)
            with m.If(taken):
                with m.If(self._get[:4].all()):
                    m.d.sync += self._begun.eq(1)
                m.next = "Send End"
            self._leave_if_wiped(m, fresh)

    def _elaborate_digest(self, m, fresh, address):
        """A digest goes into its slot, and then nothing of it stays here."""
        result, kept = self.result, Signal()
        taken = result.key.valid & result.key.ready
        m.d.comb += result.key.payload.eq(self._word)
        with m.State("Give Digest"):  # its last word lies first
            m.d.comb += [
                address.eq(Cat((self._number - taken)[:3], HIDDEN)),
                result.key.valid.eq(fresh),
            ]
            m.d.sync += [fresh.eq(1), self._number.eq(self._number - taken), kept.eq(0)]
            with m.If(result.refused | self._lost):
                m.d.sync += [fresh.eq(0), self._number.eq(0)]
                m.next = "Clear Digest"
            with m.Elif(taken & (self._number == 0)):
                m.d.sync += [fresh.eq(0), self._number.eq(0)]
                m.next = "Await Store"
        with m.State("Await Store"), m.If(result.done | result.refused):
            m.d.sync += kept.eq(result.done)
            m.next = "Clear Digest"
        with m.State("Clear Digest"):
            m.d.comb += self._clearing_digest.eq(1)
            m.d.sync += self._number.eq(self._number + 1)
            with m.If(self._number == KEY_WORDS - 1):
                with m.If(kept):
                    m.d.comb += self._finished.eq(1)
                with m.Else():
                    self._refuse(m, Refusal.SLOT)
                self._close(m)
