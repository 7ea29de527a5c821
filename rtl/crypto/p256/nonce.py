"""The messages of which a nonce is made, through the hash unit's HMAC."""

from amaranth import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..hmac_steps import MAX_WORDS, HmacSteps, Step
from ..sha256 import UserSignature
from .microcode import AREA_WORDS, Area, Request
from .store import ADDRESS_BITS, StoreSignature

__all__ = ["HASHES", "Nonce"]

_STEPS = {
    Request.HMAC_KEY: Step.KEY,
    Request.HMAC_SEED: Step.SEED,
    Request.HMAC_VALUE: Step.VALUE,
    Request.HMAC_AGAIN: Step.SEED,
    Request.HASH_WIPE: Step.WIPE,
}
HASHES = tuple(_STEPS)
"""The requests that `Nonce` takes."""

_PAGE_AREAS = (AREA_WORDS + MAX_WORDS) // AREA_WORDS  # value, key, digest and random words


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
    That of `HmacSteps`.
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
        self._steps = HmacSteps(
            adr_bits=ADDRESS_BITS,
            value=Area.VALUE.value // _PAGE_AREAS,
            key=Area.HMAC_KEY.value // _PAGE_AREAS,
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.steps = steps = self._steps
        connect(m, flipped(self.hash), steps.hash)
        connect(m, flipped(self.store), steps.store)
        with m.Switch(self.request):
            for request, step in _STEPS.items():
                with m.Case(request):
                    m.d.comb += steps.step.eq(step)
        m.d.comb += [
            steps.start.eq(self.start),
            steps.area.eq(self.area),
            steps.tag.eq(self.tag),
            steps.words.eq(Mux(self.request == Request.HMAC_SEED, MAX_WORDS, 0)),
            self.busy.eq(steps.busy),
            self.refused.eq(steps.refused),
        ]
        return m
