"""What is proved of the generator of random words: it closes at once, and gives nothing of before."""

from amaranth import Cat, Const, Module, Signal
from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Assume
from amaranth.lib.wiring import In

from rtl.entropy.generator import Generator
from rtl.entropy.word_buffer import WordBuffer

from .runner import Harness, Proof

__all__ = ["PROOFS", "ClosedAtOnce", "WordsOnce"]

_SEEDS = 2
_WORDS = 16


def _inputs(component):
    """Signals of every input of a component."""
    return [
        getattr(value, "as_value", lambda v=value: v)()
        for _, member, value in component.signature.flatten(component)
        if member.flow == In
    ]


class ClosedAtOnce(Harness):
    """Nothing is given out, or seen, in a clock in which something is wrong; nor later without a new start.

    Every input is free, the hash unit's answers too. A new start is a passed self-test and two digests of raw
    bits after the last clock in which something was wrong; the buffer is empty then.

    Parameters
    ----------
    make : callable
        Makes the generator.
    """

    def __init__(self, make=lambda: Generator(raw_bits=320, request_blocks=2, reseed_interval=2)):
        self.generator = make()
        self.ports = _inputs(self.generator)

    def elaborate(self, platform):
        m = Module()
        m.submodules.generator = generator = self.generator
        random, words = generator.random, generator.random.words
        wrong, tested, seeds = Signal(), Signal(), Signal(range(_SEEDS + 1))
        conditioner, buffer = generator._conditioner, generator._buffer
        m.d.comb += wrong.eq(
            ~generator.bits.healthy | generator.hash.failed | generator.wipe | generator.hold
        )
        with m.If(generator._test.passed):
            m.d.sync += tested.eq(1)
        with m.If(conditioner.seed.stb & (conditioner.seed.index == 0) & (seeds < _SEEDS)):
            m.d.sync += seeds.eq(seeds + 1)
        with m.If(wrong):
            m.d.sync += [tested.eq(0), seeds.eq(0)]
        with m.If(wrong):
            m.d.comb += Assert(~random.healthy)
        with m.If(~generator._drbg.busy & ~generator.hash.keyed):
            m.d.comb += Assert(~random.healthy)
        with m.If(~random.healthy):
            m.d.comb += [Assert(~words.valid), Assert(~generator.ready)]
        with m.If(~words.valid):
            m.d.comb += Assert(words.payload == 0)
        with m.If(generator.failed):
            m.d.comb += Assert(~random.healthy)
        with m.If(random.healthy):
            m.d.comb += [Assert(tested), Assert(seeds == _SEEDS)]
        # No word waits while it is closed: what is given after an opening came into the buffer after it.
        with m.If(~generator._instantiated):
            m.d.comb += [Assert(Cat(buffer._put, buffer._get) == 0), Assert(~buffer.words.valid)]
            m.d.comb += Assert(~buffer.write.stb)
        # For the induction.
        m.d.comb += [
            Assert(seeds <= _SEEDS),
            Assert(~generator._tested | tested),
            Assert((generator._seeds == 0) | (seeds != 0)),
            Assert((generator._seeds < _SEEDS) | (seeds == _SEEDS)),
            Assert(~generator._instantiated | generator._tested),
            Assert(~generator._instantiated | (generator._seeds == _SEEDS)),
        ]
        return m


class WordsOnce(Harness):
    """A word of the buffer is the one written at its place, is given once, and not after ``clear``.

    Digests are written as the DRBG gives them: index 7 first, into a buffer that has room for one.

    Parameters
    ----------
    make : callable
        Makes the buffer.
    """

    def __init__(self, make=WordBuffer):
        self.buffer = make()
        self.place = AnyConst(4)
        self.view = self.buffer.memory.read_port(domain="comb")
        self.ports = _inputs(self.buffer)

    def elaborate(self, platform):
        m = Module()
        m.submodules.buffer = buffer = self.buffer
        write, words, place = buffer.write, buffer.words, self.place
        m.d.comb += self.view.addr.eq(place)
        due = Signal(3, init=7)  # index of the next word of the digest
        with m.If(write.stb):
            m.d.sync += due.eq(due - 1)
            m.d.comb += [Assume(write.index == due), Assume(buffer.free | (due != 7))]
        with m.If(buffer.clear):
            m.d.sync += due.eq(7)

        live, value = Signal(), Signal(32)  # the word at the place was written, and neither given nor cleared
        given = words.valid & words.ready & (buffer._get[:4] == place)
        with m.If(write.stb & (Cat(write.index, buffer._put[0]) == place)):
            m.d.comb += Assert(~live)
            m.d.sync += [live.eq(1), value.eq(write.data)]
        with m.Elif(given):
            m.d.comb += [Assert(live), Assert(words.payload == value)]
            m.d.sync += live.eq(0)
        with m.If(buffer.clear):
            m.d.sync += live.eq(0)
        self._induce(m, due, live, value)
        return m

    def _induce(self, m, due, live, value):
        """What the induction needs: where the words are that are live."""
        buffer, place = self.buffer, self.place
        end, ahead, behind, held = Signal(5), Signal(5), Signal(5), Signal(5)
        written = Signal()  # the place belongs to the digest that is being written, and has its word
        waits = Signal()  # the word at the place is between those given and the end
        before = Signal(5)  # words from the oldest to the place
        m.d.comb += [
            end.eq(Cat(Const(0, 3), buffer._put)),
            ahead.eq(end - buffer._get),
            behind.eq(buffer._get - buffer._zeroed),
            held.eq(end - buffer._zeroed),
            before.eq((place - buffer._get)[:4]),
            waits.eq(before < ahead),
            written.eq((place[3] == buffer._put[0]) & (place[:3] > due)),
            Assert(ahead <= _WORDS),
            Assert(live == ~buffer._clearing & (waits | written)),
        ]
        with m.If(~buffer._clearing):
            m.d.comb += [Assert(held <= _WORDS), Assert(ahead <= held), Assert(behind <= held)]
        with m.Else():
            m.d.comb += [
                Assert(Cat(buffer._put, buffer._get) == 0),
                Assert(~buffer._zeroed[4]),
                Assert(due == 7),
            ]
        with m.If(due != 7):
            m.d.comb += Assert(held <= _WORDS // 2)
        with m.If(live):
            m.d.comb += Assert(self.view.data == value)
        with m.If(buffer.words.valid):
            m.d.comb += Assert(ahead != 0)
            with m.If(buffer._get[:4] == place):
                m.d.comb += Assert(buffer.words.payload == value)


PROOFS = [
    Proof(
        "RNG.FAILCLOSED/generator",
        "no word is given while something is wrong, nor later before a self-test and two seeds",
        ClosedAtOnce,
    ),
    Proof(
        "RNG.FAILCLOSED/buffer",
        "a word that waits is given once, as it was written, and not after everything was dropped",
        WordsOnce,
    ),
]
