"""What each pass through the rounds of AES does, forwards and backwards."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .sbox import LINEAR_ORDER

__all__ = ["KEY_ROWS", "ZERO_ROW", "Passes", "rounds"]

KEY_ROWS = 16
ZERO_ROW = KEY_ROWS - 1  # no key has more than 15 round keys: this row always holds zeros

# One round backwards, as passes that each do SubBytes, or its affine map alone, then ShiftRows. The affine
# map and ShiftRows have order 4: four linear passes are none, three undo one. MixColumns has order 4, too.
_UNDO = LINEAR_ORDER - 1
_INVERSION = _UNDO  # undone thrice, the affine map leaves the inversion, which is its own inverse
_KEYED = 2 * _UNDO  # the last pass of the inverse of SubBytes and ShiftRows; here the key is added
_MIXING = tuple(_KEYED + LINEAR_ORDER * turn for turn in (1, 2, 3))
_LAST = _MIXING[-1]


def rounds(short):
    """Number of rounds: 10 with a key of 128 bits, 14 with one of 256."""
    return Mux(short, 10, 14)


class Passes(wiring.Component):
    """Steps through the passes of one block.

    Encryption is a pass a round. Decryption uses the same logic only: InvMixColumns is MixColumns three
    times, and the inverse of the S-box is three times its affine map, the S-box, and three times the affine
    map. A round backwards takes 19 passes, the last one 7.

    Members
    -------
    decrypt, short : In(1)
        Direction, and whether the key has 128 bits; steady from a clock before the block is taken.
    advance : In(1)
        Ends the pass; while not ``active``, the block is taken, with the key row ``row`` added.
    abort : In(1)
        Forgets the block in work. None is taken in the next clock, whose ``row`` is no block's.
    active : Out(1)
        A block is in work.
    next_linear : Out(1)
        The inversion is left out of SubBytes in the next clock.
    mix : Out(1)
        MixColumns is done.
    last : Out(1)
        The pass gives the result.
    row, next_row : Out(4)
        Row of the round key that is added, in this clock and in the next one.
    """

    decrypt: In(1)
    short: In(1)
    advance: In(1)
    abort: In(1)
    active: Out(1)
    next_linear: Out(1)
    mix: Out(1)
    last: Out(1)
    row: Out(range(KEY_ROWS))
    next_row: Out(range(KEY_ROWS))

    def elaborate(self, platform):
        m = Module()
        number, part = Signal(range(KEY_ROWS)), Signal(range(_LAST + 1))  # of the round, and within it
        active, next_number, next_part = Signal(), Signal.like(number), Signal.like(part)
        last_round = Signal.like(number)
        m.d.comb += [
            last_round.eq(rounds(self.short)),
            active.eq(self.active),
            next_number.eq(number),
            next_part.eq(part),
            self.next_linear.eq(self.decrypt & (next_part != _INVERSION)),
        ]
        with m.If(self.advance):
            with m.If(~self.active):
                m.d.comb += [
                    active.eq(1),
                    next_number.eq(Mux(self.decrypt, last_round - 1, 1)),
                    next_part.eq(0),
                ]
            with m.Elif(self.last):
                m.d.comb += active.eq(0)
            with m.Elif(self.decrypt & (part != _LAST)):
                m.d.comb += next_part.eq(part + 1)
            with m.Else():
                m.d.comb += [next_number.eq(Mux(self.decrypt, number - 1, number + 1)), next_part.eq(0)]
        with m.If(~active):
            m.d.comb += self.next_row.eq(Mux(self.decrypt, last_round, 0))
        with m.Elif(self.decrypt & (next_part != _KEYED)):
            m.d.comb += self.next_row.eq(ZERO_ROW)
        with m.Else():
            m.d.comb += self.next_row.eq(next_number)
        m.d.sync += [
            self.active.eq(active),
            number.eq(next_number),
            part.eq(next_part),
            self.row.eq(self.next_row),
            self.mix.eq(Mux(self.decrypt, next_part.matches(*_MIXING), next_number != last_round)),
            self.last.eq(
                active
                & Mux(self.decrypt, (next_number == 0) & (next_part == _KEYED), next_number == last_round)
            ),
        ]
        with m.If(self.abort):
            m.d.sync += self.active.eq(0)
        return m
