"""Whose turn it is at the SHA-256 unit."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BLOCKS_AT_A_TIME", "Arbiter"]

BLOCKS_AT_A_TIME = 16


class Arbiter(wiring.Component):
    """Chooses the user of the next block.

    User 0 is the application, the others are hardware. Hardware goes first. A hardware user's turn lasts
    until its message ends, or for 16 blocks if that is earlier and others wait. Then the next hardware user
    in turn goes on, or the application if it has waited for 16 blocks, or if no hardware user waits. The
    application's turn is one block.

    Parameters
    ----------
    users : int
        Number of users, from 1.

    Members
    -------
    waits : In(one bit a user)
        The user has a word to offer.
    holder : In(range(users))
        User whose turn it is, or was.
    holds : In(1)
        The holder's message is not at its end.
    turn_stb : In(1)
        The holder begins its turn.
    block_stb : In(1)
        The holder has taken a block, or has had a turn without one.
    winner : Out(range(users))
        User of the next block, if any waits.

    Latency
    -------
    None, from ``waits`` to ``winner``.

    Raises
    ------
    ValueError
        If there is no user.
    """

    def __init__(self, *, users):
        if not isinstance(users, int):
            raise TypeError(f"Number of users must be an integer, not {users!r}")
        if users < 1:
            raise ValueError(f"Number of users must be 1 or more, not {users}")
        super().__init__(
            {
                "waits": In(users),
                "holder": In(range(users)),
                "holds": In(1),
                "turn_stb": In(1),
                "block_stb": In(1),
                "winner": Out(range(users)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        users = len(self.waits)
        counter = range(BLOCKS_AT_A_TIME + 1)
        taken = Signal(counter)  # blocks of this turn
        passed = Signal(counter)  # blocks of hardware users while the application waited
        with m.If(self.turn_stb):
            m.d.sync += taken.eq(self.block_stb)
        with m.Elif(self.block_stb & (taken != BLOCKS_AT_A_TIME)):
            m.d.sync += taken.eq(taken + 1)
        with m.If(~self.waits[0] | (self.block_stb & (self.holder == 0))):
            m.d.sync += passed.eq(0)
        with m.Elif(self.block_stb & (passed != BLOCKS_AT_A_TIME)):
            m.d.sync += passed.eq(passed + 1)

        recent = Signal.like(self.winner)  # hardware user of the last turn
        last_hardware = Mux(self.holder == 0, recent, self.holder)
        m.d.sync += recent.eq(last_hardware)
        # Of the assignments to `winner` that apply, the last one counts.
        with m.Switch(last_hardware):
            for last in range(users):
                with m.Case(last):
                    in_turn = [(last + step) % users for step in range(1, users + 1)]
                    for user in reversed([user for user in in_turn if user != 0]):
                        with m.If(self.waits[user]):
                            m.d.comb += self.winner.eq(user)
        with m.If(self.waits[0] & (passed == BLOCKS_AT_A_TIME)):
            m.d.comb += self.winner.eq(0)
        goes_on = self.holds & (self.holder != 0) & (taken != BLOCKS_AT_A_TIME)
        with m.If(self.waits.bit_select(self.holder, 1) & goes_on):
            m.d.comb += self.winner.eq(self.holder)
        return m
