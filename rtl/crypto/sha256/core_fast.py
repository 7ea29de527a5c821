"""SHA-256 compression, one round a cycle."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from .constants import INITIAL_STATE, ROUND_CONSTANTS
from .functions import big_sigma0, big_sigma1, carry_save, choose, majority, small_sigma0, small_sigma1
from .signature import CoreSignature

__all__ = ["FastCore"]

_LAST_ROUND = 63
_FIRST_SUM_ROUND = 61


class FastCore(wiring.Component):
    """SHA-256 compression of blocks (FIPS 180-4, section 6.2.2), one round a cycle.

    Three stages: the schedule makes the word W of a round, the next stage adds it with K and h, the last one
    does the round, in carry-save form up to one carry chain each for a and e. Two adders put the working
    words back into the chaining value: what ends up in d and h is known three rounds before a and e, so the
    two halves of the chaining value turn once, a word a cycle, in the last three rounds and the cycle after.

    Members
    -------
    As `CoreSignature` says.

    Latency
    -------
    68 cycles from the first word of a block to ``idle``, if the words come one a cycle; 65 cycles a block if
    they come without a gap.
    """

    def __init__(self):
        super().__init__(CoreSignature())
        self._chain = [Signal(32, name=f"chain{i}", init=value) for i, value in enumerate(INITIAL_STATE)]
        self._work = [
            Signal(32, name=f"work_{letter}", init=value)
            for letter, value in zip("abcdefgh", INITIAL_STATE, strict=True)
        ]
        self._window = [
            Signal(32, name=f"window{i}") for i in range(16)
        ]  # the last 16 W, the newest at the end
        self._constant = Signal(32)  # K of the newest W's round
        self._sum = Signal(32)  # h + K + W of the next round
        self._buffer = Memory(shape=32, depth=16, init=[])

    def elaborate(self, platform):
        m = Module()
        m.submodules.buffer = self._buffer
        word, word_valid, word_take = self._elaborate_buffer(m)
        scheduled, schedule_take, schedule_first, between = self._elaborate_schedule(
            m, word, word_valid, word_take
        )

        a, b, c, d, e, f, g, h = self._work
        chain = self._chain
        round_en = Signal()  # `_sum` is there: a round is done in this cycle
        number = Signal(range(_LAST_ROUND + 1))  # of that round
        last = Signal()  # the cycle after the last round
        busy = Signal()  # from the first sum of a block to `last`

        turn = last | (round_en & (number >= _FIRST_SUM_ROUND))
        top = Mux(self.shift, self.shift_data, chain[3] + a)
        middle = Mux(self.shift, chain[3], chain[7] + e)
        with m.If(turn | self.shift):
            m.d.sync += Cat(chain).eq(Cat(top[:32], chain[0:3], middle[:32], chain[4:7]))

        first_take = ~busy | last
        next_h = Mux(last, chain[6], Mux(round_en, g, h))
        m.d.comb += schedule_take.eq(scheduled & (~schedule_first | first_take))
        with m.If(schedule_take):
            m.d.sync += [
                self._sum.eq(sum(carry_save(next_h, self._constant, self._window[15]))),
                busy.eq(1),
            ]
        with m.Elif(last):
            m.d.sync += busy.eq(0)
        m.d.sync += [
            round_en.eq(schedule_take),
            number.eq(number + round_en),
            last.eq(round_en & (number == _LAST_ROUND)),
        ]

        t1 = carry_save(self._sum, big_sigma1(e), choose(e, f, g))
        new_e = sum(carry_save(*t1, d))
        new_a = sum(carry_save(*carry_save(*t1, big_sigma0(a)), majority(a, b, c)))
        load = last | self.shift
        loaded = Cat(top[:32], chain[0:3], middle[:32], chain[4:7])
        with m.If(round_en | load):
            m.d.sync += Cat(self._work).eq(Mux(load, loaded, Cat(new_a[:32], a, b, c, new_e[:32], e, f, g)))
        with m.If(self.init):
            m.d.sync += [
                word.eq(value) for word, value in zip(chain + self._work, 2 * INITIAL_STATE, strict=True)
            ]
        m.d.comb += [
            self.state.eq(Cat(reversed(chain))),
            self.idle.eq(~busy & ~scheduled & between & ~word_valid),
        ]
        return m

    def _elaborate_buffer(self, m):
        """The words that wait: a queue as long as a block. Returns the oldest, if it is, and its strobe."""
        write, read = self._buffer.write_port(), self._buffer.read_port(domain="comb")
        put, get = Signal(5), Signal(5)  # one bit more than an address tells full from empty
        valid, take = Signal(), Signal()
        m.d.comb += [
            valid.eq(put != get),
            self.words.ready.eq((put ^ get) != len(self._window)),
            write.addr.eq(put[:4]),
            write.data.eq(self.words.payload),
            write.en.eq(self.words.valid & self.words.ready),
            read.addr.eq(get[:4]),
        ]
        m.d.sync += [put.eq(put + write.en), get.eq(get + take)]
        return read.data, valid, take

    def _elaborate_schedule(self, m, word, word_valid, word_take):
        """Makes W. Returns if it is there, its strobe, if it is a block's first, and if the next is."""
        m.submodules.constants = constants = Memory(shape=32, depth=64, init=ROUND_CONSTANTS)
        rom = constants.read_port()
        number = Signal(6)  # of the next W
        valid, take, step = Signal(), Signal(), Signal()
        first = Signal()
        from_message = Signal()
        w = self._window
        derived = sum(carry_save(*carry_save(small_sigma1(w[14]), w[9], small_sigma0(w[1])), w[0]))
        m.d.comb += [
            from_message.eq(number[4:] == 0),
            step.eq((~valid | take) & (~from_message | word_valid)),
            word_take.eq(step & from_message),
            rom.addr.eq(number),
            rom.en.eq(step),
            self._constant.eq(rom.data),
        ]
        with m.If(step):
            m.d.sync += [
                number.eq(number + 1),
                first.eq(number == 0),
                Cat(w).eq(Cat(w[1:], Mux(from_message, word, derived[:32]))),
            ]
        m.d.sync += valid.eq(step | (valid & ~take))
        return valid, take, first, number == 0
