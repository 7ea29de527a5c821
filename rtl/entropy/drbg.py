"""HMAC_DRBG with SHA-256: state and functions, without its own source of entropy."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..crypto.hmac_steps import MAX_WORDS, VALUE_WORDS, HmacSteps, Step
from ..crypto.sha256 import UserSignature
from ..crypto.word_store import WordStore
from .digest import DigestWord

__all__ = ["MATERIAL_WORDS", "DrbgSignature", "HmacDrbg", "Operation"]

MATERIAL_WORDS = MAX_WORDS
"""Words of material, or of additional input, that an operation takes."""

_ADR_BITS = 6
_VALUE_PAGE, _KEY_PAGE = 0, 1  # of 32 words
_KEY_AREA = 4  # of 8 words
_FIRST_VALUE = 0x0101_0101  # SP 800-90A, section 10.1.2.3

# The messages of HMAC_DRBG_Update (section 10.1.2.2) behind the loading of the first K, in their order.
_CHAIN = (Step.KEY, Step.SEED, Step.KEY, Step.VALUE, Step.SEED, Step.KEY, Step.VALUE)
_UPDATE = 1  # where an update begins in it
_SECOND_SEED = 4  # what is there only with provided data
_LAST = len(_CHAIN) - 1


class Operation(enum.Enum, shape=3):
    """What `HmacDrbg` does (SP 800-90A, section 10.1.2).

    ``FORGET`` wipes K, V and the material, and is due before an instantiation. ``INSTANTIATE`` seeds the
    forgotten state with the material: entropy input, nonce and personalisation string. ``UPDATE`` is
    HMAC_DRBG_Update: with entropy input and additional input as material a reseeding, with additional input
    the beginning and the end of a request, without material the end of a request. ``BLOCK`` gives 256 bits
    of a request. ``CLEAR`` overwrites the material.
    """

    FORGET = 0
    INSTANTIATE = 1
    UPDATE = 2
    BLOCK = 3
    CLEAR = 4


class DrbgSignature(wiring.Signature):
    """Port of whoever runs the DRBG, from that side. All zeros while not in use: users are joined by OR.

    Members
    -------
    start : Out(1)
        Begins ``operation``; high until ``done``.
    operation : Out(Operation)
        See ``start``.
    words : Out
        Words of material that the operation takes, up to `MATERIAL_WORDS`; 0 is none.
    more : Out(1)
        When a block's last word comes: another block follows at once.
    stop : Out(1)
        Ends an operation with the message that is under way.
    material : Out({en, adr, data})
        Writes a word of the material, between operations.
    done : In(1)
        High for a cycle at the end of an operation; not if it was stopped, or the hash unit refused it.
    block : In(DigestWord)
        The words of a block.
    """

    def __init__(self):
        material = data.StructLayout({"en": 1, "adr": range(MATERIAL_WORDS), "data": 32})
        super().__init__(
            {
                "start": Out(1),
                "operation": Out(Operation),
                "words": Out(range(MATERIAL_WORDS + 1)),
                "more": Out(1),
                "stop": Out(1),
                "material": Out(material),
                "done": In(1),
                "block": In(DigestWord),
            }
        )


class HmacDrbg(wiring.Component):
    """HMAC_DRBG with SHA-256 (SP 800-90A Rev. 1, section 10.1.2) over a user's port of the hash unit.

    K is the unit's key; V, the newest K while it is made, and the material are in a memory of 64 words.

    Members
    -------
    control : In(DrbgSignature)
        Who runs it.
    busy : Out(1)
        At work. An operation ends early if the hash unit refuses a message, and by itself in any case.
    hash : Out(UserSignature)
        To the hash unit.

    Latency
    -------
    Three cycles a message, and what `HmacSteps` needs; ``CLEAR`` 57 cycles, ``FORGET`` 65 more than a wipe in
    the unit.
    """

    control: In(DrbgSignature())
    busy: Out(1)
    hash: Out(UserSignature())

    def __init__(self):
        super().__init__()
        self._steps = HmacSteps(adr_bits=_ADR_BITS, value=_VALUE_PAGE, key=_KEY_PAGE)
        self.store = WordStore(users=2, adr_bits=_ADR_BITS)

    def elaborate(self, platform):
        m = Module()
        m.submodules.steps = steps = self._steps
        m.submodules.store = self.store
        connect(m, flipped(self.hash), steps.hash)
        connect(m, steps.store, self.store.ports[0])
        control = self.control
        operation, words = Signal(Operation), Signal.like(control.words)
        position = Signal(range(len(_CHAIN)))
        count = Signal(_ADR_BITS)
        ends = Signal()
        gives = operation == Operation.BLOCK
        m.d.comb += [
            ends.eq((position == _LAST) | ((position == _SECOND_SEED - 1) & (words == 0))),
            steps.words.eq(words),
            steps.tag.eq(position >= _SECOND_SEED),
            steps.area.eq(Mux(steps.step == Step.SEED, _KEY_AREA, 0)),
            steps.again.eq(control.more & gives),
            control.block.stb.eq(self.hash.result.stb & gives),
            control.block.index.eq(self.hash.result.index),
            control.block.data.eq(self.hash.result.data),
        ]
        with m.Switch(position):
            for number, step in enumerate(_CHAIN):
                with m.Case(number):
                    m.d.comb += steps.step.eq(Mux(operation == Operation.FORGET, Step.WIPE, step))
        with m.FSM() as fsm:
            with m.State("Idle"):
                m.d.sync += [operation.eq(control.operation), words.eq(control.words), count.eq(0)]
                with m.If(control.start):
                    m.next = "Begin Step"
                    with m.Switch(control.operation):
                        with m.Case(Operation.INSTANTIATE):
                            m.d.sync += position.eq(0)
                        with m.Case(Operation.UPDATE):
                            m.d.sync += position.eq(_UPDATE)
                        with m.Case(Operation.CLEAR):
                            m.d.sync += count.eq(VALUE_WORDS)
                            m.next = "Fill"
                        with m.Default():
                            m.d.sync += position.eq(_LAST)
            with m.State("Begin Step"):
                m.d.comb += steps.start.eq(1)
                m.next = "Await Step"
            with m.State("Await Step"), m.If(~steps.busy):
                with m.If(operation == Operation.FORGET):
                    m.next = "Fill"
                with m.Elif(steps.refused | control.stop | ends):
                    m.d.comb += control.done.eq(~steps.refused & ~control.stop)
                    m.next = "Idle"
                with m.Else():
                    m.d.sync += position.eq(position + 1)
                    m.next = "Begin Step"
            with m.State("Fill"):
                m.d.sync += count.eq(count + 1)
                with m.If(count.all()):
                    m.d.comb += control.done.eq(1)
                    m.next = "Idle"
        m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
        self._write(m, fsm.ongoing("Fill"), count)
        return m

    def _write(self, m, fills, count):
        """Material, and the state of before an instantiation: V all ones, K and material all zeros."""
        port, material = self.store.ports[1], self.control.material
        with m.If(fills):
            m.d.comb += [
                port.write_en.eq(1),
                port.write_adr.eq(count),
                port.write_data.eq(Mux(count < VALUE_WORDS, _FIRST_VALUE, 0)),
            ]
        with m.Elif(material.en):
            m.d.comb += [
                port.write_en.eq(1),
                port.write_adr.eq(material.adr + Const(VALUE_WORDS, _ADR_BITS)),
                port.write_data.eq(material.data),
            ]
