"""One source of randomness for several users."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus import RandomSignature

__all__ = ["RandomSplitter"]


class RandomSplitter(wiring.Component):
    """Gives every random word to one user, and to nobody else: the first of those that want one.

    Parameters
    ----------
    users : int
        Number of users, from 1.

    Members
    -------
    source : In(RandomSignature)
        The source.
    users : array of Out(RandomSignature)
        The users, the one that goes first in front.

    Latency
    -------
    None: a word passes in the cycle in which the source offers it.

    Raises
    ------
    TypeError, ValueError
        If the number of users is no such number.
    """

    def __init__(self, *, users):
        if not isinstance(users, int):
            raise TypeError(f"Number of users must be an integer, not {users!r}")
        if users < 1:
            raise ValueError(f"Number of users must be 1 or more, not {users}")
        super().__init__({"source": In(RandomSignature()), "users": Out(RandomSignature()).array(users)})

    def elaborate(self, platform):
        m = Module()
        words, before = self.source.words, 0
        for user in self.users:
            m.d.comb += [
                user.healthy.eq(self.source.healthy),
                user.words.payload.eq(words.payload),
                user.words.valid.eq(words.valid & ~before),
            ]
            before = before | user.words.ready
        m.d.comb += words.ready.eq(before)
        return m
