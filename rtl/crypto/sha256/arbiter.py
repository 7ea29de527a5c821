"""Whose turn it is at the SHA-256 unit."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BLOCKS_AT_A_TIME", "Arbiter"]

BLOCKS_AT_A_TIME = 16


class Arbiter(wiring.Component):
    """Chooses the user of the next block.

    User 0 is the application, the others are hardware. Hardware goes first: whoever of them has an open
    message keeps the unit until the message ends, then the next one in turn has it. When hardware users have
    taken 16 blocks and others wait, the application gets one block if it waits, and the next hardware user in
    turn is chosen if it does not.

    Parameters
    ----------
    users : int
        Number of users, from 1.

    Members
    -------
    waits : In(one bit a user)
        The user has a word to offer.
    holder : In(range(users))
        User that had the last block.
    holds : In(1)
        The holder's message is not at its end.
    block_stb : In(1)
        The holder has taken a block.
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
                "block_stb": In(1),
                "winner": Out(range(users)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        users = len(self.waits)
        taken = Signal(range(BLOCKS_AT_A_TIME + 1))  # by hardware users since the application had its chance
        used_up = Signal()
        m.d.comb += used_up.eq(taken == BLOCKS_AT_A_TIME)
        with m.If(self.block_stb):
            m.d.sync += taken.eq(taken + 1)
            with m.If(self.holder == 0):
                m.d.sync += taken.eq(0)
            with m.Elif(used_up):
                m.d.sync += taken.eq(1)

        # Of the assignments to `winner` that apply, the last one counts.
        with m.Switch(self.holder):
            for holder in range(users):
                with m.Case(holder):
                    m.d.comb += self.winner.eq(0)
                    in_turn = [(holder + step) % users for step in range(1, users + 1)]
                    for user in reversed([user for user in in_turn if user != 0]):
                        with m.If(self.waits[user]):
                            m.d.comb += self.winner.eq(user)
                    if holder != 0:
                        with m.If(self.waits[holder] & self.holds & ~used_up):
                            m.d.comb += self.winner.eq(holder)
        with m.If(self.waits[0] & used_up):
            m.d.comb += self.winner.eq(0)
        return m
