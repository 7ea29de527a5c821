"""Counters for IVs that are never given twice, over power cuts too."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...bus import NvmPortSignature

__all__ = ["NVM_WORDS", "IvSource"]

NVM_WORDS = 8
"""Words of NVM: two copies of the bound, each of two words and their complements."""

_COPY_WORDS = 4
_INDEX_BITS = 16


class IvSource(wiring.Component):
    """Gives 64-bit counters, none of them twice as long as the NVM keeps what is written to it.

    NVM holds a bound: no counter from it on was ever given. Before the first counter after power-on, and when
    they are used up, the bound is moved on by 65536, in both copies, and only then are the counters below it
    given. Each copy has the bound's upper 48 bits in two words, and their complements in two more: one with a
    torn word is not taken for valid. The copy that the bound was read from is written last, so that whenever
    power is cut one is valid. NVM that is blank stands for the bound 0.

    Members
    -------
    nvm : Out(NvmPortSignature)
        Region of `NVM_WORDS` words.
    ask : In(1)
        Asks for a counter; held until ``given`` or ``failed``.
    given : Out(1)
        High for one clock: ``counter`` is the next one.
    failed : Out(1)
        High for one clock instead: there is none, and never will be. Neither copy is right, or NVM refused an
        access, and ``broken`` is high; or all counters were given.
    broken : Out(1)
        See ``failed``.
    counter : Out(64)
        The one given last.

    Latency
    -------
    ``given`` comes in the clock after ``ask``; the first time, and every 65536 counters, when 8 words have
    been written.
    """

    def __init__(self):
        super().__init__(
            {
                "nvm": Out(NvmPortSignature(words=NVM_WORDS)),
                "ask": In(1),
                "given": Out(1),
                "failed": Out(1),
                "broken": Out(1),
                "counter": Out(64),
            }
        )
        self._bound = Signal(64 - _INDEX_BITS)  # as NVM has it, in units of 65536
        self._index = Signal(_INDEX_BITS)
        self._reserved = Signal()  # counters below the bound can be given
        self._place = Signal(range(NVM_WORDS))
        self._asked = Signal()  # the request to NVM was taken
        self._copy = Signal(64 - _INDEX_BITS)  # that is being read
        self._zero, self._right = Signal(init=1), Signal(init=1)  # the copy is so as far as it was read
        self._usable = Signal()  # a copy was right or blank
        self._second = Signal()  # the bound is that of the second copy

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.counter.eq(Cat(self._index, self._bound - 1))  # the bound is 1 or more when given
        self._connect_nvm(m)
        with m.FSM():
            with m.State("Read"):
                self._read(m)
            with m.State("Wait"):
                with m.If(self.ask):
                    with m.If(self._reserved & ~self._index.all()):
                        m.d.sync += self._index.eq(self._index + 1)
                        m.next = "Give"
                    with m.Elif(self._bound.all()):
                        m.next = "Fail"
                    with m.Else():
                        m.d.sync += [self._bound.eq(self._bound + 1), self._index.eq(0)]
                        m.next = "Reserve"
            with m.State("Reserve"):
                self._reserve(m)
            with m.State("Give"):
                # SEC_CM: GCM.IV
                m.d.comb += self.given.eq(1)  # only from here, each time with another counter below the bound
                m.next = "Wait"
            with m.State("Fail"):
                m.d.comb += self.failed.eq(1)
                m.next = "Wait"
            with m.State("Broken"):
                m.d.comb += [self.broken.eq(1), self.failed.eq(self.ask)]
        return m

    def _connect_nvm(self, m):
        request = self.nvm.request
        words = Cat(self._bound, 0)[:64]
        m.d.comb += [
            request.payload.adr.eq(self._place ^ Mux(request.payload.write & ~self._second, _COPY_WORDS, 0)),
            request.payload.data.eq(
                Mux(self._place[0], words[:32], words[32:]) ^ self._place[1].replicate(32)
            ),
        ]
        with m.If(request.valid & request.ready):
            m.d.sync += self._asked.eq(1)
        with m.If(self.nvm.done):
            m.d.sync += [self._asked.eq(0), self._place.eq(self._place + 1)]

    def _read(self, m):
        """Find the highest bound of the copies that are right."""
        last = Signal()
        upper = 64 - _INDEX_BITS - 32
        zero, right = Signal(), Signal()
        expected = Mux(self._place[0], self._copy[:32], self._copy[32:]) ^ ~0
        m.d.comb += [
            self.nvm.request.valid.eq(~self._asked & ~last),
            zero.eq(self._zero & (self.nvm.data == 0)),
            right.eq(self._right & (~self._place[1] | (self.nvm.data == expected[:32]))),
        ]
        m.d.sync += last.eq(0)
        with m.If(self.nvm.done):
            with m.Switch(self._place[:2]):
                with m.Case(0):
                    m.d.sync += self._copy[32:].eq(self.nvm.data[:upper])
                    with m.If(self.nvm.data[upper:] != 0):
                        m.d.sync += self._right.eq(0)
                with m.Case(1):
                    m.d.sync += self._copy[:32].eq(self.nvm.data)
                with m.Default():
                    m.d.sync += self._right.eq(right)
            m.d.sync += self._zero.eq(zero)
            with m.If(self._place[:2] == _COPY_WORDS - 1):
                m.d.sync += [self._zero.eq(1), self._right.eq(1)]
                with m.If(right | zero):
                    m.d.sync += self._usable.eq(1)
                    with m.If(~self._usable):
                        m.d.sync += self._second.eq(self._place[2])
                with m.If(right & (self._copy > self._bound)):
                    m.d.sync += [self._bound.eq(self._copy), self._second.eq(self._place[2])]
                m.d.sync += last.eq(self._place[2])
            with m.If(self.nvm.error):
                m.next = "Broken"
        with m.If(last):
            m.next = "Wait"
            with m.If(~self._usable):
                m.next = "Broken"

    def _reserve(self, m):
        """Write the new bound, one copy after the other."""
        m.d.comb += self.nvm.request.valid.eq(~self._asked)
        m.d.comb += self.nvm.request.payload.write.eq(1)
        with m.If(self.nvm.done):
            with m.If(self.nvm.error):
                m.next = "Broken"
            with m.Elif(self._place == NVM_WORDS - 1):
                m.d.sync += self._reserved.eq(1)
                m.next = "Give"
