"""Self-test of the DRBG with a published answer."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .digest import DIGEST_WORDS
from .drbg import DrbgSignature, Operation

__all__ = ["ANSWER", "MATERIAL", "KnownAnswer"]

# NIST CAVP, DRBG vectors, HMAC_DRBG without reseeding, SHA-256, neither personalisation string nor additional
# input, COUNT = 0: entropy input and nonce, and what the second of two requests for 1024 bits returns.
MATERIAL = bytes.fromhex(
    "ca851911349384bffe89de1cbdc46e6831e44d34a4fb935ee285dd14b71a7488659ba96c601dc69fc902940805ec0ca8"
)
ANSWER = bytes.fromhex(
    "e528e9abf2dece54d47c7e75e5fe302149f817ea9fb4bee6f4199697d04d5b89d54fbb978a15b5c443c9ec21036d2460"
    "b6f73ebad0dc2aba6e624abf07745bc107694bb7547bb0995f70de25d6b29e2d3011bb19d27676c07162c8b5ccde0668"
    "961df86803482cb37ed6d5c0bb8d50cf1f50d476aa0458bdaba806f48be9dcb8"
)

_REQUEST_BLOCKS = 4
_ANSWER_WORDS = _REQUEST_BLOCKS * DIGEST_WORDS
_MATERIAL_WORDS = len(MATERIAL) // 4


def _words(text):
    return [int.from_bytes(text[at : at + 4], "big") for at in range(0, len(text), 4)]


class KnownAnswer(wiring.Component):
    """Runs the DRBG through instantiation and two requests, and compares what comes out with a known answer.

    Words that are right are counted: the test is passed when all of the second request are.

    Members
    -------
    start : In(1)
        Begins the test of a DRBG that is idle and forgotten.
    passed, failed : Out(1)
        One of them is high for a cycle at the end of the test. The DRBG is to be forgotten then.
    control : Out(DrbgSignature)
        To the DRBG.

    Latency
    -------
    That of the operations, and 16 cycles.
    """

    start: In(1)
    passed: Out(1)
    failed: Out(1)
    control: Out(DrbgSignature())

    def __init__(self):
        super().__init__()
        numbers = _words(ANSWER) + _words(MATERIAL)
        self._numbers = Memory(shape=32, depth=len(numbers), init=numbers, attrs={"ram_style": "block"})

    def elaborate(self, platform):
        m = Module()
        m.submodules.numbers = self._numbers
        numbers, control = self._numbers.read_port(), self.control
        count = Signal(range(_ANSWER_WORDS + 1))  # words of material, or words that were right
        written = Signal.like(control.material.adr)
        blocks = Signal(range(2 * _REQUEST_BLOCKS + 1))  # begun
        second = Signal()
        compares, word = Signal(), Signal(32)
        m.d.comb += [
            second.eq(blocks > _REQUEST_BLOCKS),
            control.material.adr.eq(written),
            control.material.data.eq(Mux(control.material.en, numbers.data, 0)),
        ]
        m.d.sync += [
            compares.eq(control.block.stb & second),
            word.eq(control.block.data),
            control.material.en.eq(0),
            written.eq(0),
        ]
        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [count.eq(0), blocks.eq(0)]
                with m.If(self.start):
                    m.next = "Load"
            with m.State("Load"):
                m.d.comb += numbers.addr.eq(count + _ANSWER_WORDS)
                m.d.sync += [control.material.en.eq(1), written.eq(count), count.eq(count + 1)]
                with m.If(count == _MATERIAL_WORDS - 1):
                    m.next = "Loaded"
            with m.State("Loaded"):
                m.next = "Instantiate"
            with m.State("Instantiate"):
                m.d.sync += count.eq(0)
                self._operate(m, Operation.INSTANTIATE, _MATERIAL_WORDS)
                with m.If(control.done):
                    m.d.sync += blocks.eq(1)
                    m.next = "Block"
            with m.State("Block"):
                m.d.comb += numbers.addr.eq(Cat(control.block.index, (blocks - 1)[:2]))
                self._operate(m, Operation.BLOCK)
                with m.If(control.done):
                    m.d.sync += blocks.eq(blocks + 1)
                    with m.If(blocks == _REQUEST_BLOCKS):
                        m.next = "End Request"
                    with m.Elif(blocks == 2 * _REQUEST_BLOCKS):
                        m.next = "Compare"
            with m.State("End Request"):
                self._operate(m, Operation.UPDATE)
                with m.If(control.done):
                    m.next = "Block"
            with m.State("Compare"):
                m.d.comb += [self.passed.eq(count == _ANSWER_WORDS), self.failed.eq(~self.passed)]
                m.next = "Idle"
        with m.If(compares & (word == numbers.data)):
            m.d.sync += count.eq(count + 1)
        return m

    def _operate(self, m, operation, words=0):
        """Have the DRBG do something; part of a state's actions."""
        m.d.comb += [
            self.control.start.eq(1),
            self.control.operation.eq(operation),
            self.control.words.eq(words),
        ]
