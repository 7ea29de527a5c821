"""Keys out of the key store and into it, and digests from the template port."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...bus import KeyClass, KeyOperation, KeyPathSignature, KeyResultSignature, KeySource
from .microcode import AREA_WORDS, Area, Request
from .store import StoreSignature, address

__all__ = ["PATHS", "Paths", "template_signature"]

PATHS = (Request.KEY, Request.RESULT, Request.TEMPLATE)
"""The requests that `Paths` takes."""

_LAST = AREA_WORDS - 1


def template_signature(*, slots):
    """Stream of a digest: eight words, the first byte on top; with the ``first`` comes the slot."""
    return stream.Signature(data.StructLayout({"slot": range(slots), "first": 1, "data": 32}))


class Paths(wiring.Component):
    """Moves the words that come from other blocks, or go to them.

    Parameters
    ----------
    slots : int
        Key slots.

    Members
    -------
    start : In(1)
        Begins ``request``, one of `PATHS`, while not busy.
    request, area, argument : In
        The request; ``argument`` is a `KeyOperation`.
    abort : In(1)
        Nothing waits for a template's words any more.
    slot, target : In
        Slot of the key, and of the result.
    busy : Out(1)
        From the cycle after the start until the end.
    refused : Out(1)
        The key store refused; holds until the next start.
    forbids : In(1)
        The operation ends because the key's class forbids it; goes to the key store.
    key_class : Out(KeyClass)
        Class of the last key.
    key, result : Out
        To the key store.
    template : In(stream of {slot, data})
        A digest of eight words.
    store : Out(StoreSignature)
        To the store.

    Latency
    -------
    A word a cycle, as fast as the other side.
    """

    def __init__(self, *, slots):
        super().__init__(
            {
                "start": In(1),
                "request": In(Request),
                "area": In(Area),
                "argument": In(4),
                "abort": In(1),
                "slot": In(range(slots)),
                "target": In(range(slots)),
                "busy": Out(1),
                "refused": Out(1),
                "forbids": In(1),
                "key_class": Out(KeyClass),
                "key": Out(KeyPathSignature(slots=slots)),
                "result": Out(KeyResultSignature(slots=slots)),
                "template": In(template_signature(slots=slots)),
                "store": Out(StoreSignature()),
            }
        )
        self._area = Signal(Area)
        self._operation = Signal(KeyOperation)
        self._count = Signal(range(AREA_WORDS))
        self._external = Signal()
        self._fresh = Signal()

    def elaborate(self, platform):
        m = Module()
        with m.FSM() as fsm:
            with m.State("Idle"):
                m.d.sync += [
                    self._count.eq(0),
                    self._fresh.eq(0),
                    self._area.eq(self.area),
                    self._operation.eq(self.argument),
                ]
                with m.If(self.start):
                    m.d.sync += self.refused.eq(0)
                    with m.Switch(self.request):
                        with m.Case(Request.KEY):
                            m.next = "Ask"
                        with m.Case(Request.RESULT):
                            m.next = "Offer"
                        with m.Default():
                            m.next = "Take Digest"
            self._key(m)
            self._result(m)
            with m.State("Take Digest"):
                m.d.comb += self.template.ready.eq(1)
                with m.If(self.abort):
                    m.next = "Idle"
                self._keep(m, self.template.valid, self.template.payload.data)
        m.d.comb += [self.busy.eq(~fsm.ongoing("Idle")), self.key.forbids.eq(self.forbids)]
        return m

    def _keep(self, m, valid, word):
        """A word comes for the area."""
        with m.If(valid):
            m.d.comb += [
                self.store.write_en.eq(1),
                self.store.write_adr.eq(address(self._area, self._count)),
                self.store.write_data.eq(word),
            ]
            m.d.sync += self._count.eq(self._count + 1)
            with m.If(self._count == _LAST):
                m.next = "Idle"

    def _refuse(self, m, refused):
        with m.If(refused):
            m.d.sync += self.refused.eq(1)
            m.next = "Idle"

    def _key(self, m):
        request = self.key.request
        m.d.comb += [request.payload.slot.eq(self.slot), request.payload.operation.eq(self._operation)]
        with m.State("Ask"):
            m.d.comb += request.valid.eq(1)
            with m.If(request.ready):
                m.next = "Take Key"
            self._refuse(m, self.key.refused)
        with m.State("Take Key"):
            m.d.comb += self.key.key.ready.eq(1)
            with m.If(self.key.key.valid):
                m.d.sync += self.key_class.eq(self.key.key_class)
            self._keep(m, self.key.key.valid, self.key.key.payload)
            self._refuse(m, self.key.refused)

    def _result(self, m):
        request, words = self.result.request, self.result.key
        taken, agreed = Signal(), Signal()
        m.d.comb += [
            request.payload.slot.eq(self.target),
            agreed.eq(self._area == Area.SHARED),
            # A new key is no key from the bus; a shared secret is external if its private key is.
            request.payload.external.eq(self.key_class.external & agreed),
            request.payload.generated.eq(~agreed),
            request.payload.source.eq(Mux(agreed, KeySource.AGREED, KeySource.RANDOM)),
            words.payload.eq(self.store.read_data),
            words.valid.eq(self._fresh),
            taken.eq(words.valid & words.ready),
        ]
        with m.State("Offer"):
            m.d.comb += request.valid.eq(1)
            with m.If(request.ready):
                m.next = "Give"
            self._refuse(m, self.result.refused)
        with m.State("Give"):
            following = Mux(taken, self._count + 1, self._count)[:3]
            m.d.comb += self.store.read_adr.eq(address(self._area, following))
            m.d.sync += [self._fresh.eq(1), self._count.eq(following)]
            with m.If(taken & (self._count == _LAST)):
                m.d.sync += self._fresh.eq(0)
                m.next = "Await Store"
            self._end_result(m)
        with m.State("Await Store"):
            self._end_result(m)

    def _end_result(self, m):
        with m.If(self.result.done):
            m.d.sync += self._fresh.eq(0)
            m.next = "Idle"
        with m.If(self.result.refused):
            m.d.sync += self._fresh.eq(0)
        self._refuse(m, self.result.refused)
