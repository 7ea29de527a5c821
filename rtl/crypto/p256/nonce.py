"""The messages of which a nonce is made, through the hash unit's HMAC."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..sha256 import Command, UserSignature
from .microcode import AREA_WORDS, Area, Request
from .store import StoreSignature, address

__all__ = ["HASHES", "Nonce"]

HASHES = (
    Request.HMAC_KEY,
    Request.HMAC_SEED,
    Request.HMAC_VALUE,
    Request.HMAC_AGAIN,
    Request.HASH_WIPE,
)
"""The requests that `Nonce` takes."""

_SEED_WORDS = 4 * AREA_WORDS  # value, key, digest and random words lie one behind the other


class Nonce(wiring.Component):
    """Steps of HMAC_DRBG as RFC 6979, section 3.2, uses it: one HMAC, or the loading of its key.

    With V, K and the digest h as the RFC names them, x the private key and z 32 random bytes (its section
    3.6): ``HMAC_SEED`` is HMAC_K(V ‖ tag ‖ x ‖ h ‖ z), ``HMAC_VALUE`` is HMAC_K(V), ``HMAC_AGAIN`` is
    HMAC_K(V ‖ 0). K is the unit's key; ``HMAC_KEY`` loads it from its area.

    Members
    -------
    start : In(1)
        Begins ``request``, one of `HASHES`, while not busy.
    request, area, tag : In
        The request; the digest goes to ``area``.
    busy : Out(1)
        From the cycle after the start until the end.
    refused : Out(1)
        The hash unit was wiped meanwhile; holds until the next start.
    hash : Out(UserSignature)
        To the hash unit.
    store : Out(StoreSignature)
        To the store.

    Latency
    -------
    Two cycles and what the hash unit needs; for an HMAC eight more for the digest's words.
    """

    def __init__(self):
        super().__init__(
            {
                "start": In(1),
                "request": In(Request),
                "area": In(Area),
                "tag": In(1),
                "busy": Out(1),
                "refused": Out(1),
                "hash": Out(UserSignature()),
                "store": Out(StoreSignature()),
            }
        )
        self._request = Signal(Request)
        self._area = Signal(Area)
        self._count = Signal(range(_SEED_WORDS + 1))
        self._fresh = Signal()
        self._byte = Signal(8)  # left over of the word before, or the tag

    def elaborate(self, platform):
        m = Module()
        result = self.hash.result
        loads, wipes = self._request == Request.HMAC_KEY, self._request == Request.HASH_WIPE
        with m.FSM() as fsm:
            with m.State("Idle"):
                m.d.sync += [
                    self._count.eq(0),
                    self._fresh.eq(0),
                    self._request.eq(self.request),
                    self._area.eq(self.area),
                    self._byte.eq(0),
                ]
                with m.If(self.start):
                    m.d.sync += [self.refused.eq(0), self._byte.eq(self.tag)]
                    m.next = "Send"
            with m.State("Send"):
                self._send(m, loads, wipes)
                with m.If(wipes & ~self.hash.keyed):
                    m.d.comb += self.hash.message.valid.eq(0)
                    m.next = "Idle"
                self._fail(m)
            with m.State("Await"):
                with m.If(self.hash.done & (loads | wipes)):
                    m.next = "Idle"
                with m.Elif(result.stb):
                    m.d.comb += [
                        self.store.write_en.eq(1),
                        self.store.write_adr.eq(address(self._area, result.index)),
                        self.store.write_data.eq(result.data),
                    ]
                    with m.If(result.index == 0):
                        m.next = "Idle"
                self._fail(m)
        m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
        return m

    def _fail(self, m):
        with m.If(self.hash.failed):
            m.d.sync += self.refused.eq(1)
            m.next = "Idle"

    def _send(self, m, loads, wipes):
        """The message; behind the value a byte is put in, so that the words after it are cut anew."""
        message, word = self.hash.message, self.store.read_data
        shifted, ends, taken = Signal(), Signal(), Signal()
        command = Mux(loads, Command.KEY.value, Mux(wipes, Command.WIPE.value, Command.HMAC.value))
        seeds, again = self._request == Request.HMAC_SEED, self._request == Request.HMAC_AGAIN
        following = Mux(taken, self._count + 1, self._count)  # a sum is no path of what takes the word
        source = Mux(loads, Area.HMAC_KEY.value >> 2, Area.VALUE.value >> 2)  # the lower bits are 0
        m.d.comb += [
            shifted.eq(~loads & (self._count >= AREA_WORDS)),
            taken.eq(message.valid & message.ready),
            self.store.read_adr.eq(Cat(following[:5], source)),
            message.valid.eq(self._fresh),
            message.payload.first.eq(self._count == 0),
            message.payload.command.eq(command),
            message.payload.word.data.eq(Mux(shifted, Cat(word[8:], self._byte), word)),
            message.payload.word.bytes.eq(Mux(shifted & ends, 1, 4)),
            message.payload.word.last.eq(ends),
        ]
        with m.If(seeds):
            m.d.comb += ends.eq(self._count == _SEED_WORDS)
        with m.Elif(again):
            m.d.comb += ends.eq(self._count == AREA_WORDS)
        with m.Elif(wipes):
            m.d.comb += ends.eq(1)
        with m.Else():
            m.d.comb += ends.eq(self._count == AREA_WORDS - 1)
        m.d.sync += [self._fresh.eq(1), self._count.eq(following)]
        with m.If(taken):
            with m.If(shifted):
                m.d.sync += self._byte.eq(word[:8])
            with m.If(ends):
                m.d.sync += [self._fresh.eq(0), self._byte.eq(0)]
                m.next = "Await"
