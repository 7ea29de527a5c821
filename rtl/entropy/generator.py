"""Random words for the whole chip, from raw bits: conditioner, DRBG and what keeps them closed."""

from amaranth import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus import RandomSignature
from ..crypto.sha256 import UserSignature
from .conditioner import Conditioner
from .digest import DIGEST_WORDS
from .drbg import HmacDrbg, Operation
from .jitter import RAW_BITS
from .known_answer import KnownAnswer
from .signature import BitSignature
from .word_buffer import WordBuffer

__all__ = ["LABEL", "Generator"]

LABEL = b"Wattseal"
"""Personalisation of the DRBG, before the device number."""

_LABEL_WORDS = [int.from_bytes(LABEL[at : at + 4], "big") for at in range(0, len(LABEL), 4)]
_PERSONAL_WORDS = len(_LABEL_WORDS) + 1
_SEEDS = 2  # digests of raw bits that an instantiation takes: entropy input and nonce
_INSTANTIATION_WORDS = _SEEDS * DIGEST_WORDS + _PERSONAL_WORDS
_PAUSE = 63  # clocks in which a word waited that end a request


class Generator(wiring.Component):
    """Conditions raw bits, seeds one HMAC_DRBG with them, and gives its words out as long as all is well.

    Before each instantiation the DRBG is tested with a known answer. An instantiation takes two digests of
    raw bits, 512 bits of full entropy, and is personalised with `LABEL` and the device number; a reseeding
    takes one. Two blocks of words are kept ready. A request ends, with the update that protects what was
    given out, when nobody takes a word for a while or after ``request_blocks`` blocks.

    When the raw bits are not healthy, the hash unit lost the key, or at ``wipe`` or ``hold``, the output
    closes in the same clock and everything is forgotten; then a new start is made by itself, from raw bits
    gathered later.

    Parameters
    ----------
    raw_bits : int
        Raw bits that a digest is made of, as `Conditioner` has it.
    request_blocks : int
        Blocks of 256 bits of a request, 1 to 2048 (SP 800-90A, table 2).
    reseed_interval : int
        Requests after which the DRBG is reseeded before it gives another word; 1 to 2^20.

    Members
    -------
    bits : In(BitSignature)
        The raw bits.
    hash : Out(UserSignature)
        To the hash unit.
    identity : In(32)
        The device number.
    random : Out(RandomSignature)
        The words.
    reseed : In(1)
        Prediction resistance: words that wait are dropped, and those that follow are made after a reseeding
        with bits that come later than this.
    ready : Out(1)
        In service, and no reseeding is asked for or under way.
    failed : Out(1)
        The known answer was wrong; nothing is given out until power-on or ``wipe``.
    hold : In(1)
        Keeps the generator closed and everything forgotten.
    wipe : In(1)
        Asks to forget everything, and to start anew: high for a cycle or longer.
    wiping : Out(1)
        High from the cycle after ``wipe`` until everything is forgotten.

    Latency
    -------
    None from what closes the output to ``random``. See the page for the rest.

    Raises
    ------
    TypeError, ValueError
        If a parameter is no such number.
    """

    def __init__(self, *, raw_bits=RAW_BITS, request_blocks=256, reseed_interval=256):
        _check("Blocks of a request", request_blocks, 2048)
        _check("Requests between reseedings", reseed_interval, 1 << 20)
        self._request_blocks, self._reseed_interval = request_blocks, reseed_interval
        self._conditioner = Conditioner(raw_bits=raw_bits)
        self._drbg, self._test, self._buffer = HmacDrbg(), KnownAnswer(), WordBuffer()
        super().__init__(
            {
                "bits": In(BitSignature()),
                "hash": Out(UserSignature()),
                "identity": In(32),
                "random": Out(RandomSignature()),
                "reseed": In(1),
                "ready": Out(1),
                "failed": Out(1),
                "hold": In(1),
                "wipe": In(1),
                "wiping": Out(1),
            }
        )
        self._instantiated = Signal()
        self._asked = Signal()  # a reseeding with bits that are still to come
        self._renewing = Signal()  # a reseeding is under way
        self._tested = Signal()  # the self-test was passed
        self._seeds = Signal(range(_SEEDS + 1))  # digests for an instantiation that are there
        self._count = Signal(range(_PERSONAL_WORDS))  # words of the personalisation string
        self._open = Signal()  # a request is
        self._blocks = Signal(range(request_blocks + 1))  # of the request
        self._requests = Signal(range(reseed_interval + 1))  # since the DRBG was seeded
        self._pause = Signal(range(_PAUSE + 1))  # clocks in which the first word waited
        self._closing = Signal()

    def elaborate(self, platform):
        m = Module()
        m.submodules.conditioner = self._conditioner
        m.submodules.drbg = self._drbg
        m.submodules.buffer = self._buffer
        self._share_hash(m)
        with m.FSM() as fsm:
            self._forget(m)
            self._self_test(m)
            self._gather(m)
            self._seed(m)
            self._serve(m)
        m.submodules.test = ResetInserter(~fsm.ongoing("Test"))(self._test)
        self._close(m, fsm)
        self._give(m)
        self._control(m, fsm)
        return m

    def _share_hash(self, m):
        """One of the two sends at a time."""
        conditioner, drbg, message = self._conditioner.hash, self._drbg.hash, self.hash.message
        connect(m, flipped(self.bits), self._conditioner.bits)
        m.d.comb += [
            message.valid.eq(conditioner.message.valid | drbg.message.valid),
            message.payload.eq(
                Mux(self._conditioner.busy, conditioner.message.payload, drbg.message.payload)
            ),
        ]
        for user in (conditioner, drbg):
            m.d.comb += [
                user.message.ready.eq(message.ready),
                user.done.eq(self.hash.done),
                user.failed.eq(self.hash.failed),
                user.digest.eq(self.hash.digest),
                user.result.eq(self.hash.result),
                user.keyed.eq(self.hash.keyed),
            ]

    def _close(self, m, fsm):
        """What makes the output close at once, and everything be forgotten."""
        lost = self._instantiated & ~self._drbg.busy & ~self.hash.keyed
        refused = self.hash.failed | lost
        m.d.comb += [
            self._closing.eq(~self.bits.healthy | refused | self.failed | self.wipe | self.hold),
            self._conditioner.restart.eq(self._closing | self.reseed),
        ]
        with m.If(self._closing):
            m.d.sync += [self._instantiated.eq(0), self._tested.eq(0), self._seeds.eq(0)]
        with m.If(self.wipe):
            m.d.sync += [self.wiping.eq(1), self.failed.eq(0)]
        with m.Elif(fsm.ongoing("Closed")):
            m.d.sync += self.wiping.eq(0)

    def _give(self, m):
        words, buffer = self.random.words, self._buffer
        m.d.comb += [
            # SEC_CM: RNG.FAILCLOSED
            self.random.healthy.eq(self._instantiated & ~self._closing),
            words.valid.eq(buffer.words.valid & self.random.healthy & ~self.reseed),
            words.payload.eq(Mux(words.valid, buffer.words.payload, 0)),
            buffer.words.ready.eq(words.ready & words.valid),
            buffer.clear.eq(self._closing | self.reseed),
            self.ready.eq(self.random.healthy & ~self.reseed & ~self._asked & ~self._renewing),
        ]
        with m.If(~buffer.words.valid | words.ready | ~self._open):
            m.d.sync += self._pause.eq(0)
        with m.Elif(self._pause != _PAUSE):
            m.d.sync += self._pause.eq(self._pause + 1)
        with m.If(self.reseed):
            m.d.sync += self._asked.eq(1)

    def _control(self, m, fsm):
        """The DRBG obeys the test while it runs; its blocks go to the test, or to the buffer."""
        control, test, block = self._drbg.control, self._test.control, self._drbg.control.block
        with m.If(fsm.ongoing("Test")):
            m.d.comb += [
                control.start.eq(test.start),
                control.operation.eq(test.operation),
                control.words.eq(test.words),
                control.material.eq(test.material),
            ]
        m.d.comb += [
            test.done.eq(control.done),
            test.block.eq(block),
            self._buffer.write.eq(block),
            self._buffer.write.stb.eq(block.stb & fsm.ongoing("Block") & ~self._asked & self._instantiated),
        ]

    def _operate(self, m, operation, words=0):
        """Have the DRBG do something; part of a state's actions."""
        m.d.comb += [
            self._drbg.control.start.eq(1),
            self._drbg.control.operation.eq(operation),
            self._drbg.control.words.eq(words),
        ]

    def _leave(self, m):
        """Go and forget if the output closes; the last of a state's actions."""
        with m.If(self._closing):
            m.next = "Settle"

    def _forget(self, m):
        with m.State("Settle"):  # a message that was begun goes on to its end
            m.d.sync += [
                self._asked.eq(0),
                self._renewing.eq(0),
                self._open.eq(0),
                self._blocks.eq(0),
                self._requests.eq(0),
            ]
            m.d.comb += self._drbg.control.stop.eq(1)
            with m.If(~self._drbg.busy & ~self._conditioner.busy):
                m.next = "Forget"
        with m.State("Forget"):
            self._operate(m, Operation.FORGET)
            with m.If(self._drbg.control.done):
                m.next = "Closed"
        with m.State("Closed"):
            with m.If(self.wipe):
                m.next = "Settle"
            with m.Elif(~self._closing):
                m.next = "Test"

    def _self_test(self, m):
        with m.State("Test"):
            m.d.comb += self._test.start.eq(1)
            with m.If(self._test.failed):
                m.d.sync += self.failed.eq(1)
                m.next = "Settle"
            with m.Elif(self._test.passed):
                m.d.sync += self._tested.eq(1)
                m.next = "Forget Test"
            self._leave(m)
        with m.State("Forget Test"):
            self._operate(m, Operation.FORGET)
            with m.If(self._drbg.control.done):
                m.next = "Gather"
            self._leave(m)

    def _gather(self, m):
        conditioner, material = self._conditioner, self._drbg.control.material
        seed = conditioner.seed
        with m.State("Gather"):
            with m.If(conditioner.full & ~self.reseed):
                m.d.comb += conditioner.start.eq(1)
                m.d.sync += [self._asked.eq(0), self._renewing.eq(1)]
                m.next = "Condition"
            self._leave(m)
        with m.State("Condition"):
            m.d.sync += self._count.eq(0)
            m.d.comb += [
                material.en.eq(seed.stb),
                material.adr.eq(Cat(seed.index, self._seeds == 1)),
                material.data.eq(seed.data),
            ]
            with m.If(seed.stb & (seed.index == 0)):
                with m.If(self._instantiated):
                    m.next = "Reseed"
                with m.Else():
                    m.d.sync += self._seeds.eq(self._seeds + 1)
                    m.next = "Gather"
                    with m.If(self._seeds == _SEEDS - 1):
                        m.next = "Personalise"
            self._leave(m)

    def _seed(self, m):
        material = self._drbg.control.material
        with m.State("Personalise"):
            m.d.comb += [
                material.en.eq(1),
                material.adr.eq(_SEEDS * DIGEST_WORDS + self._count),
                material.data.eq(self.identity),
            ]
            with m.Switch(self._count):
                for number, word in enumerate(_LABEL_WORDS):
                    with m.Case(number):
                        m.d.comb += material.data.eq(word)
            m.d.sync += self._count.eq(self._count + 1)
            with m.If(self._count == _PERSONAL_WORDS - 1):
                m.next = "Instantiate"
            self._leave(m)
        for state, operation, words in (
            ("Instantiate", Operation.INSTANTIATE, _INSTANTIATION_WORDS),
            ("Reseed", Operation.UPDATE, DIGEST_WORDS),
        ):
            with m.State(state):
                self._operate(m, operation, words)
                with m.If(self._drbg.control.done):
                    m.next = "Clear"
                self._leave(m)
        with m.State("Clear"):
            self._operate(m, Operation.CLEAR)
            with m.If(self._drbg.control.done):
                m.d.sync += [self._renewing.eq(0), self._requests.eq(0)]
                m.d.sync += self._instantiated.eq(self._tested & (self._seeds == _SEEDS))
                m.next = "Serve"
            self._leave(m)

    def _serve(self, m):
        """Between two operations of a DRBG in service: what is due?"""
        control, buffer = self._drbg.control, self._buffer
        spent, due = Signal(), Signal()
        full = self._blocks == self._request_blocks
        m.d.comb += [
            spent.eq(self._requests == self._reseed_interval),
            due.eq(self._asked | (spent & self._conditioner.full)),
        ]
        with m.State("Serve"):
            with m.If(self._open & (self._asked | full | (self._pause == _PAUSE))):
                m.next = "End Request"
            with m.Elif(~self._open & due):
                m.next = "Gather"
            with m.Elif(buffer.free & ~spent & ~full):
                m.next = "Block"
            self._leave(m)
        with m.State("Block"):
            m.d.sync += self._open.eq(1)
            self._operate(m, Operation.BLOCK)
            m.d.comb += control.more.eq(
                buffer.empty & (self._blocks != self._request_blocks - 1) & ~self._asked & ~self._closing
            )
            with m.If(control.block.stb & (control.block.index == 0)):
                m.d.sync += self._blocks.eq(self._blocks + 1)
            with m.If(control.done):
                m.next = "Serve"
            self._leave(m)
        with m.State("End Request"):
            self._operate(m, Operation.UPDATE)
            with m.If(control.done):
                m.d.sync += [
                    self._open.eq(0),
                    self._blocks.eq(0),
                    self._requests.eq(self._requests + 1),
                ]
                m.next = "Serve"
            self._leave(m)


def _check(what, value, most):
    if not isinstance(value, int):
        raise TypeError(f"{what} must be an integer, not {value!r}")
    if not 1 <= value <= most:
        raise ValueError(f"{what} must be 1 to {most}, not {value}")
