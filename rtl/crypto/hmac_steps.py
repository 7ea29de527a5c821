"""The messages of which HMAC_DRBG is made, through a hash unit's HMAC."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from .sha256 import Command, UserSignature
from .word_store import WordStoreSignature

__all__ = ["MAX_WORDS", "VALUE_WORDS", "HmacSteps", "Step"]

VALUE_WORDS = 8
"""Words of V, of K and of a digest."""

_PAGE_BITS = 5
MAX_WORDS = (1 << _PAGE_BITS) - VALUE_WORDS
"""Words of provided data that a message can have behind V."""


class Step(enum.Enum, shape=2):
    """One message: ``KEY`` loads K. ``SEED`` is HMAC_K(V ‖ tag ‖ words), ``VALUE`` is HMAC_K(V).

    ``WIPE`` forgets K in the unit.
    """

    KEY = 0
    SEED = 1
    VALUE = 2
    WIPE = 3


class HmacSteps(wiring.Component):
    """Steps of HMAC_DRBG (SP 800-90A, section 10.1.2; RFC 6979, section 3.2) over a store of words.

    V stands at the beginning of a page of 32 words, provided data behind it; K at the beginning of another
    page. The hash unit keeps K as its key: ``Step.KEY`` loads it from the store.

    Parameters
    ----------
    adr_bits : int
        Width of an address of the store, 6 or more.
    value, key : int
        Pages of V and of K.

    Members
    -------
    start : In(1)
        Begins ``step`` while not busy.
    step, tag, words, area : In
        The step; the byte behind V, 0 or 1; how many words follow it, up to `MAX_WORDS`; the digest goes to
        eight words from address 8 · ``area``.
    again : In(1)
        When the last word of a digest comes: the same step follows at once.
    busy : Out(1)
        From the cycle after the start until the end.
    refused : Out(1)
        The hash unit was wiped meanwhile; holds until the next start.
    hash : Out(UserSignature)
        To the hash unit.
    store : Out(WordStoreSignature)
        To the store.

    Latency
    -------
    Two cycles and what the hash unit needs; for an HMAC eight more for the digest's words. ``WIPE`` takes one
    cycle if the unit has no key.
    """

    def __init__(self, *, adr_bits, value, key):
        super().__init__(
            {
                "start": In(1),
                "step": In(Step),
                "tag": In(1),
                "words": In(_PAGE_BITS),
                "area": In(adr_bits - 3),
                "again": In(1),
                "busy": Out(1),
                "refused": Out(1),
                "hash": Out(UserSignature()),
                "store": Out(WordStoreSignature(adr_bits=adr_bits)),
            }
        )
        self._value, self._key = value, key
        self._step = Signal(Step)
        self._words = Signal(_PAGE_BITS)
        self._area = Signal(adr_bits - 3)
        self._count = Signal(_PAGE_BITS + 1)
        self._fresh = Signal()  # the word that was read is that of `_count`
        self._byte = Signal(8)  # left over of the word before, or the tag

    def elaborate(self, platform):
        m = Module()
        result = self.hash.result
        loads, wipes = self._step == Step.KEY, self._step == Step.WIPE
        with m.FSM() as fsm:
            with m.State("Idle"):
                m.d.sync += [
                    self._count.eq(0),
                    self._fresh.eq(0),
                    self._step.eq(self.step),
                    self._words.eq(self.words),
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
                m.d.sync += self._count.eq(0)
                with m.If(self.hash.done & (loads | wipes)):
                    m.next = "Idle"
                with m.Elif(result.stb):
                    m.d.comb += [
                        self.store.write_en.eq(1),
                        self.store.write_adr.eq(Cat(result.index[:3], self._area)),
                        self.store.write_data.eq(result.data),
                    ]
                    with m.If(result.index == 0):
                        m.next = "Idle"
                        with m.If(self.again):
                            m.next = "Send"
                self._fail(m)
        m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
        return m

    def _fail(self, m):
        with m.If(self.hash.failed):
            m.d.sync += self.refused.eq(1)
            m.next = "Idle"

    def _send(self, m, loads, wipes):
        """The message; behind V a byte is put in, so that the words after it are cut anew."""
        message, word = self.hash.message, self.store.read_data
        shifted, ends, taken = Signal(), Signal(), Signal()
        command = Mux(loads, Command.KEY.value, Mux(wipes, Command.WIPE.value, Command.HMAC.value))
        following = Mux(taken, self._count + 1, self._count)  # a sum is no path of what takes the word
        m.d.comb += [
            shifted.eq(~loads & (self._count >= VALUE_WORDS)),
            taken.eq(message.valid & message.ready),
            self.store.read_adr.eq(Cat(following[:_PAGE_BITS], Mux(loads, self._key, self._value))),
            message.valid.eq(self._fresh),
            message.payload.first.eq(self._count == 0),
            message.payload.command.eq(command),
            message.payload.word.data.eq(Mux(shifted, Cat(word[8:], self._byte), word)),
            message.payload.word.bytes.eq(Mux(shifted & ends, 1, 4)),
            message.payload.word.last.eq(ends),
        ]
        with m.If(self._step == Step.SEED):
            m.d.comb += ends.eq(self._count == self._words + VALUE_WORDS)
        with m.Elif(wipes):
            m.d.comb += ends.eq(1)
        with m.Else():
            m.d.comb += ends.eq(self._count == VALUE_WORDS - 1)
        m.d.sync += [self._fresh.eq(1), self._count.eq(following)]
        with m.If(taken):
            with m.If(shifted):
                m.d.sync += self._byte.eq(word[:8])
            with m.If(ends):
                m.d.sync += [self._fresh.eq(0), self._byte.eq(0)]
                m.next = "Await"
