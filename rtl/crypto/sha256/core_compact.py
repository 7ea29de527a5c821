"""SHA-256 compression in a third of the area, five cycles a round."""

from amaranth import C, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from .constants import INITIAL_STATE, ROUND_CONSTANTS
from .functions import big_sigma0, big_sigma1, choose, majority, pick, small_sigma0, small_sigma1
from .signature import CoreSignature

__all__ = ["CompactCore"]

_SLOTS = 5
_LAST_PERIOD = 65  # two after the last round
_LAST_STEP = 9  # of the additions: eight words through two stages

# Places in the memory, as the upper bits of an address.
_CONSTANTS = C(0b0, 1)
_STATE = C(0b1000, 4)
_INITIAL = C(0b1001, 4)
_WINDOWS = C(0b11, 2)


class CompactCore(wiring.Component):
    """SHA-256 compression of blocks (FIPS 180-4, section 6.2.2), five cycles a round.

    One block RAM holds K, the initial and the chaining value, and two windows of 16 words: the last 16 W of
    the block in work, and the words of the next block. A round takes five slots, one for each word that is
    read: W of 16, 15, 7 and 2 rounds ago, and K. Two adders work in every slot. The first one makes W + K in
    ``x``, of one period of five slots, while the second one does the round before that:

    ==== =================== ==================== ======================================
    slot word read           first adder          second adder
    ==== =================== ==================== ======================================
    0    W of 16 rounds ago  y = x + h; x = word  a = y + Maj, the working words move on
    1    W of 15 rounds ago  x += σ0(word)        y += Σ1
    2    W of 7 rounds ago   x += word            y += Ch
    3    W of 2 rounds ago   x += σ1(word)        d += y
    4    K                   x += word; W = x     y += Σ0
    ==== =================== ==================== ======================================

    At the end the working words go round once through the first adder and become the chaining value, which
    stays in them and is written to the memory.

    Members
    -------
    As `CoreSignature` says. After reset the state is zero: ``init`` comes first.

    Latency
    -------
    355 cycles from the first word of a block to ``idle``, if the words come one a cycle; 338 cycles a block
    if the next one's words are there in time. ``init`` takes 11 cycles, in which words are taken already.
    """

    def __init__(self):
        super().__init__(CoreSignature())
        contents = [*ROUND_CONSTANTS, *[0] * 8, *INITIAL_STATE, *[0] * 48]
        # A word is never read in the cycle in which it is written, so no logic need make that case right.
        self._memory = Memory(shape=32, depth=128, init=contents, attrs={"no_rw_check": 1})
        self._work = [Signal(32, name=f"work_{letter}") for letter in "abcdefgh"]
        self._x = Signal(32)
        self._y = Signal(32)
        self._word = Signal(32)  # read

        self._area = Signal()  # window that the next block's words go to
        self._filled = Signal(5)  # of them
        self._adds_initial = Signal()  # the additions are to the initial value and not to the working words
        self._push = Signal()  # the chaining value's next word goes into the working words
        self._slots = [
            Signal(name=f"slot{slot}", init=slot == 0) for slot in range(_SLOTS)
        ]  # that of `_word`
        self._reads = [Signal(name=f"reads{slot}") for slot in range(_SLOTS)]  # the same, while rounds run
        self._period = Signal(range(_LAST_PERIOD + 1))  # of the slot

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = self._memory
        slot, period, adding, idle = self._elaborate_control(m)
        self._elaborate_read(m, slot, period, adding)
        self._elaborate_write(m, idle)
        first_sum = self._elaborate_first_adder(m, adding)
        self._elaborate_second_adder(m, first_sum)
        m.d.comb += self.state.eq(Cat(reversed(self._work)))
        return m

    def _elaborate_control(self, m):
        """Counts slots and periods, one ahead of the words read."""
        slot = Signal(range(_SLOTS))
        period = Signal.like(self._period)
        running = Signal()
        m.d.sync += [self._period.eq(period), running.eq(0)]
        m.d.sync += [of_word.eq(slot == number) for number, of_word in enumerate(self._slots)]
        m.d.comb += [
            reads.eq(of_word & running) for reads, of_word in zip(self._reads, self._slots, strict=True)
        ]
        with m.FSM() as fsm:
            with m.State("Idle"):
                m.d.sync += [slot.eq(0), period.eq(0), self._adds_initial.eq(self.init)]
                with m.If(self.init):
                    m.next = "Add State"
                with m.Elif(self._filled[4]):
                    m.d.sync += [self._filled.eq(0), self._area.eq(~self._area)]
                    m.next = "Do Rounds"
            with m.State("Do Rounds"):
                m.d.sync += [running.eq(1), slot.eq(slot + 1)]
                with m.If(slot == _SLOTS - 1):
                    m.d.sync += [slot.eq(0), period.eq(period + 1)]
                with m.Elif((period == _LAST_PERIOD) & (slot == 1)):
                    m.d.sync += [running.eq(0), slot.eq(0), period.eq(0)]
                    m.next = "Add State"
            with m.State("Add State"):
                m.d.sync += period.eq(period + 1)
                m.d.comb += self._push.eq(period >= 2)
                with m.If(period == _LAST_STEP):
                    m.next = "Idle"
        return slot, period, fsm.ongoing("Add State"), fsm.ongoing("Idle")

    def _elaborate_read(self, m, slot, period, adding):
        read = self._memory.read_port(domain="comb")
        m.d.sync += self._word.eq(read.data)
        place = Signal(4)
        with m.Switch(slot):
            for number, ahead in enumerate((0, 1, 9, 14)):  # modulo 16: 16, 15, 7 and 2 rounds ago
                with m.Case(number):
                    m.d.comb += place.eq(period + ahead)
        with m.If(adding):
            m.d.comb += read.addr.eq(Cat(~period[:3], Mux(self._adds_initial, _INITIAL, _STATE)))
        with m.Elif(slot == _SLOTS - 1):
            m.d.comb += read.addr.eq(Cat(period[:6], _CONSTANTS))
        with m.Else():
            m.d.comb += read.addr.eq(Cat(place, ~self._area, _WINDOWS))

    def _elaborate_write(self, m, idle):
        """The memory's write port: the chaining value first, then W, then the words of the next block."""
        write = self._memory.write_port()
        pushed = Signal()  # a word of the chaining value has gone into `work_a`
        number = Signal(3, init=7)  # of that word
        scheduled = Signal()  # `_x` is W
        free = Signal()
        m.d.sync += [pushed.eq(self._push | self.shift), number.eq(number - pushed)]
        m.d.comb += [
            scheduled.eq(self._reads[4] & (self._period >= 16)),
            free.eq(~pushed & ~scheduled),
            self.words.ready.eq(free & ~self._filled[4]),
            write.en.eq(~free | (self.words.valid & self.words.ready)),
            write.addr.eq(
                pick(
                    (pushed, Cat(number, _STATE)),
                    (scheduled, Cat(self._period[:4], ~self._area, _WINDOWS)),
                    (free, Cat(self._filled[:4], self._area, _WINDOWS)),
                )
            ),
            write.data.eq(pick((pushed, self._work[0]), (scheduled, self._x), (free, self.words.payload))),
        ]
        with m.If(self.words.valid & self.words.ready):
            m.d.sync += self._filled.eq(self._filled + 1)
        m.d.comb += self.idle.eq(idle & (self._filled == 0) & ~pushed)

    def _elaborate_first_adder(self, m, adding):
        x, word, reads = self._x, self._word, self._reads
        g, h = self._work[6:]
        operand, first_sum = Signal(32), Signal(32)
        # The working words move on in slot 0, except before the first round.
        oldest = Mux(adding | (self._period == 1), h, g)
        chosen = [slot & ~self._adds_initial for slot in self._slots]
        m.d.comb += operand.eq(
            pick(
                (chosen[0], oldest),
                (chosen[1], small_sigma0(word)),
                (chosen[2] | chosen[4], word),
                (chosen[3], small_sigma1(word)),
            )
        )
        m.d.comb += first_sum.eq(x + operand)
        with m.If(adding | reads[0]):
            m.d.sync += x.eq(word)
        with m.Elif(reads[4] | (self._period >= 16)):  # the first 16 W are the block's words as they are
            m.d.sync += x.eq(first_sum)
        return first_sum

    def _elaborate_second_adder(self, m, first_sum):
        y, reads = self._y, self._reads
        a, b, c, d, e, f, g, _ = self._work
        operand, second_sum = Signal(32), Signal(32)
        operands = (majority(a, b, c), big_sigma1(e), choose(e, f, g), d, big_sigma0(a))
        m.d.comb += operand.eq(pick(*zip(self._slots, operands, strict=True)))
        m.d.comb += second_sum.eq(y + operand)
        with m.If(reads[0]):
            m.d.sync += y.eq(first_sum)
        with m.Elif(~reads[3]):
            m.d.sync += y.eq(second_sum)
        with m.If(self._push | self.shift | (reads[0] & (self._period >= 2))):
            entering = Mux(self.shift, self.shift_data, Mux(self._push, first_sum, second_sum))
            m.d.sync += Cat(self._work).eq(Cat(entering, self._work[:-1]))
        with m.Elif(reads[3] & (self._period >= 1)):
            m.d.sync += d.eq(second_sum)
