"""Raw bits gathered into a message for the conditioning component, SHA-256."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..crypto.sha256 import Command, UserSignature
from .digest import DigestWord
from .jitter import RAW_BITS
from .signature import BitSignature

__all__ = ["Conditioner"]

_WORD_BITS = 32
_LEAST_BITS = 320  # of full entropy each


class Conditioner(wiring.Component):
    """Gathers healthy raw bits, and has the hash unit make 256 bits of full entropy of them.

    SHA-256 is a vetted conditioning component (SP 800-90B, section 3.1.5.1.1); its output has full entropy
    if the bits that go in have 64 bits of min-entropy more than come out (SP 800-90C). A message is sent when
    all of it is there, since the hash unit must not wait for bits.

    Parameters
    ----------
    raw_bits : int
        Bits of a message: a whole number of words, and 320 at least.

    Members
    -------
    bits : In(BitSignature)
        The raw bits; those that come while a message is there, or is being sent, are not used.
    restart : In(1)
        Drops what was gathered. It is also dropped when ``bits`` is not healthy.
    full : Out(1)
        A message is there.
    start : In(1)
        Sends it, while ``full`` and without ``restart``; the words are overwritten as they go.
    seed : Out(DigestWord)
        The digest.
    busy : Out(1)
        A message is being sent or its digest awaited. If the hash unit refuses it, nothing else comes.
    hash : Out(UserSignature)
        To the hash unit.

    Latency
    -------
    A message is there in the cycle after its last bit. Bits are gathered again one cycle after the digest, or
    as many cycles after a restart as a message has words.

    Raises
    ------
    TypeError, ValueError
        If the number of bits is no such number.
    """

    def __init__(self, *, raw_bits=RAW_BITS):
        if not isinstance(raw_bits, int):
            raise TypeError(f"Number of raw bits must be an integer, not {raw_bits!r}")
        if raw_bits < _LEAST_BITS or raw_bits % _WORD_BITS:
            rule = f"{_LEAST_BITS} or more, and a multiple of {_WORD_BITS}"
            raise ValueError(f"Number of raw bits must be {rule}, not {raw_bits}")
        self._words = raw_bits // _WORD_BITS
        super().__init__(
            {
                "bits": In(BitSignature()),
                "restart": In(1),
                "full": Out(1),
                "start": In(1),
                "seed": Out(DigestWord),
                "busy": Out(1),
                "hash": Out(UserSignature()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=_WORD_BITS,
            depth=self._words,
            init=[],
            attrs={"no_rw_check": 1, "ram_style": "block"},
        )
        read, write = memory.read_port(domain="comb"), memory.write_port()
        count = Signal(range(self._words))  # word of the memory
        last = Signal()
        following = Signal.like(count)
        word, newest = Signal(_WORD_BITS, reset_less=True), Signal(_WORD_BITS)
        gathered = Signal(range(_WORD_BITS))  # bits of the newest word
        fresh = Signal()  # the word that was read is that of `count`
        message, result = self.hash.message, self.hash.result
        drops = self.restart | ~self.bits.healthy
        m.d.comb += [
            last.eq(count == self._words - 1),
            following.eq(count),
            write.addr.eq(count),
            read.addr.eq(following),
            self.seed.index.eq(result.index),
            self.seed.data.eq(result.data),
            message.payload.word.data.eq(word),
            message.payload.word.last.eq(last),
            message.payload.word.bytes.eq(4),
            message.payload.first.eq(count == 0),
            message.payload.command.eq(Command.HASH),
        ]
        m.d.sync += [word.eq(read.data), count.eq(following), fresh.eq(0)]
        with m.FSM() as fsm:
            with m.State("Clear"):
                m.d.comb += [write.en.eq(1), following.eq(count + 1)]
                m.d.sync += [newest.eq(0), gathered.eq(0)]
                with m.If(last):
                    m.d.comb += following.eq(0)
                    m.next = "Gather"
            with m.State("Gather"):
                m.d.comb += write.data.eq(Cat(self.bits.value, newest))
                with m.If(self.bits.stb):
                    m.d.sync += [newest.eq(write.data), gathered.eq(gathered + 1)]
                    with m.If(gathered == _WORD_BITS - 1):
                        m.d.comb += [write.en.eq(1), following.eq(count + 1)]
                        with m.If(last):
                            m.d.comb += following.eq(0)
                            m.next = "Full"
                with m.If(drops):
                    m.d.comb += following.eq(0)
                    m.next = "Clear"
            with m.State("Full"):
                m.d.comb += self.full.eq(1)
                m.d.sync += newest.eq(0)
                with m.If(drops):
                    m.next = "Clear"
                with m.Elif(self.start):
                    m.next = "Send"
            with m.State("Send"):
                m.d.comb += message.valid.eq(fresh)
                m.d.sync += fresh.eq(1)
                with m.If(message.valid & message.ready):
                    m.d.comb += [write.en.eq(1), following.eq(count + 1)]
                    with m.If(last):
                        m.d.comb += following.eq(0)
                        m.next = "Await"
                self._fail(m, following)
            with m.State("Await"):
                m.d.comb += self.seed.stb.eq(result.stb)
                with m.If(result.stb & (result.index == 0)):
                    m.next = "Gather"
                self._fail(m, following)
        m.d.comb += self.busy.eq(fsm.ongoing("Send") | fsm.ongoing("Await"))
        return m

    def _fail(self, m, following):
        with m.If(self.hash.failed):
            m.d.comb += following.eq(0)
            m.next = "Clear"
