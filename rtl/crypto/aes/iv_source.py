"""Counters for IVs that are never given twice, over power cuts too."""

from amaranth import Cat, Const, Module, Mux, Signal
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

    NVM holds a bound, a multiple of 65536: no counter from it on was ever given. Before the first counter
    after power-on, and when they are used up, it is read and moved on by 65536, in both copies, and only then
    are the counters below it given. Each copy has the bound's lower word and its complement, then its upper
    one and that one's: one with a torn word is not taken for valid. The copy that the bound was read from is
    written last, so that whenever power is cut one is valid. NVM that is blank at power-on stands for the
    bound 0.

    Members
    -------
    nvm : Out(NvmPortSignature)
        Region of `NVM_WORDS` words.
    ask : In(1)
        Asks for a counter; held until ``given`` or ``failed``.
    given : Out(1)
        High for one clock: the counter is the next one.
    failed : Out(1)
        High for one clock instead: there is none, and never will be. Neither copy is right, or NVM refused an
        access, and ``broken`` is high; or all counters were given.
    broken : Out(1)
        See ``failed``.
    lower : In(1)
        Which word of the counter is at ``word`` in the next clock.
    word : Out(32)
        A word of the counter given last, until the next one is asked for.

    Latency
    -------
    ``given`` comes in the clock after ``ask``; the first time, and every 65536 counters, when 8 words have
    been read and written.
    """

    def __init__(self):
        super().__init__(
            {
                "nvm": Out(NvmPortSignature(words=NVM_WORDS)),
                "ask": In(1),
                "given": Out(1),
                "failed": Out(1),
                "broken": Out(1),
                "lower": In(1),
                "word": Out(32),
            }
        )
        self._base = Signal(64 - _INDEX_BITS)  # of the counters that are given, in units of 65536
        self._index = Signal(_INDEX_BITS)
        self._given = Signal()  # a counter was, since power-on
        self._place = Signal(range(NVM_WORDS))
        self._asked = Signal()  # the request to NVM was taken
        self._usable = Signal()  # a copy was
        self._second = Signal()  # the base is that of the second copy
        self._word = Signal(32)
        self._moved = Signal()  # the word is of the base moved on
        self._overflows = Signal()  # which is too much

    def elaborate(self, platform):
        m = Module()
        self._connect_nvm(m)
        with m.FSM():
            with m.State("Read"):
                m.d.comb += self._moved.eq(1)
                self._read(m)
            with m.State("Judge"):
                m.next = "Wait"
                with m.If(~self._usable):
                    m.next = "Broken"
            with m.State("Wait"), m.If(self.ask):
                m.next = "Reserve"
            with m.State("Reserve"):
                m.d.comb += self._moved.eq(1)
                self._reserve(m)
            with m.State("Give"):
                # SEC_CM: GCM.IV
                m.d.comb += self.given.eq(1)  # only from here, each time with another counter below the bound
                m.d.sync += self._given.eq(1)
                m.next = "Given"
            with m.State("Given"), m.If(self.ask):
                m.d.sync += self._index.eq(self._index + 1)
                m.next = "Give"
                with m.If(self._index.all()):
                    m.d.sync += self._usable.eq(0)
                    m.next = "Read"
            with m.State("Fail"):
                m.d.comb += self.failed.eq(self.ask)
            with m.State("Broken"):
                m.d.comb += [self.broken.eq(1), self.failed.eq(self.ask)]
        return m

    def _connect_nvm(self, m):
        """Words go to NVM as they are compared and given, each one followed by its complement."""
        request = self.nvm.request
        base, moved = Cat(Const(1, 1), self._base), Signal(2 + len(self._base))
        word = self._word
        upper, inverts = Signal(), Signal()
        m.d.comb += [
            moved.eq(base + self._moved),
            self._overflows.eq(moved[-1]),
            upper.eq(Mux(self._moved, self._place[1], ~self.lower)),
            inverts.eq(request.payload.write & self._place[0]),
            word.eq(
                Mux(
                    upper, moved[1 + 32 - _INDEX_BITS : -1], Cat(self._index, moved[1 : 1 + 32 - _INDEX_BITS])
                )
                ^ inverts.replicate(32)
            ),
            request.payload.adr.eq(self._place ^ Mux(request.payload.write & ~self._second, _COPY_WORDS, 0)),
            request.payload.data.eq(word),
        ]
        m.d.sync += self.word.eq(word)
        with m.If(request.valid & request.ready):
            m.d.sync += self._asked.eq(1)
        with m.If(self.nvm.done):
            m.d.sync += [self._asked.eq(0), self._place.eq(self._place + 1)]

    def _read(self, m):
        """Find the highest bound of the copies that are right."""
        read, low = Signal(32), Signal(32 - _INDEX_BITS)  # the word read last; of the lower one
        above, right, zero = (
            Signal(init=1, name=name) for name in ("above", "right", "zero")
        )  # as far as read
        now_right, now_zero, higher = Signal(), Signal(), Signal()
        data, moves = self.nvm.data, Signal()
        m.d.comb += [
            self.nvm.request.valid.eq(~self._asked),
            now_right.eq(right & (data == ~read)),
            now_zero.eq(zero & (data == 0)),
            # What was found of the lower words decides if the upper ones are equal.
            higher.eq(Cat(above, data) >= Cat(Const(1, 1), self._word)),
            moves.eq(now_right & above & ~self._overflows),
        ]
        with m.If(self.nvm.done):
            m.d.sync += [read.eq(data), zero.eq(now_zero)]
            with m.If(self._place[0]):
                m.d.sync += right.eq(now_right)
            with m.Else():
                m.d.sync += above.eq(higher)
            with m.If(self._place[:2] == 1):
                m.d.sync += low.eq(read[_INDEX_BITS:])
            with m.If(self._place[:2] == _COPY_WORDS - 1):
                m.d.sync += [above.eq(1), zero.eq(1), right.eq(1)]
                # Who has given counters has written a higher bound than their base.
                with m.If(moves | (~self._given & (now_right | now_zero))):
                    m.d.sync += self._usable.eq(1)
                    with m.If(~self._usable):
                        m.d.sync += self._second.eq(self._place[2])
                with m.If(moves):
                    m.d.sync += [self._base.eq(Cat(low, read)), self._second.eq(self._place[2])]
                with m.If(self._place[2]):
                    m.next = "Judge"
            with m.If(self.nvm.error):
                m.next = "Broken"

    def _reserve(self, m):
        """Write the new bound, one copy after the other."""
        m.d.comb += self.nvm.request.valid.eq(~self._asked & ~self._overflows)
        m.d.comb += self.nvm.request.payload.write.eq(1)
        with m.If(self._overflows):
            m.next = "Fail"
        with m.If(self.nvm.done):
            with m.If(self.nvm.error):
                m.next = "Broken"
            with m.Elif(self._place == NVM_WORDS - 1):
                m.next = "Give"
