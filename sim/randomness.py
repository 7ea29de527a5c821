"""A source of random words for simulation: reproducible, and no secret to anybody."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.bus import RandomSignature

__all__ = ["SimulatedRandomness", "simulated_words"]

_BITS = 64
_MASK = (1 << _BITS) - 1
_SHIFTS = (13, -7, 17)
_WORD_BITS = 32
SEED = 0x9E37_79B9_7F4A_7C15


def _step(state):
    """Next state of Marsaglia's xorshift (Xorshift RNGs, 2003), of 64 bits; for integers and signals."""
    for shift in _SHIFTS:
        state = state ^ ((state << shift)[:_BITS] if shift > 0 else state >> -shift)
    return state


def simulated_words(seed=SEED):
    """The words of `SimulatedRandomness`, without end."""
    state = seed
    while True:
        yield state >> _BITS - _WORD_BITS
        for shift in _SHIFTS:
            state ^= (state << shift if shift > 0 else state >> -shift) & _MASK


class SimulatedRandomness(wiring.Component):
    """Random words, one a clock, the same in every run with the same ``seed``.

    Parameters
    ----------
    seed : int
        State that it starts with, 1 to 2 ** 64 - 1.

    Members
    -------
    random : Out(RandomSignature)
        The words; it is always healthy unless ``broken``.
    broken : In(1)
        The source has failed.

    Raises
    ------
    ValueError
        If the seed is out of its range.
    """

    def __init__(self, *, seed=SEED):
        if not 1 <= seed <= _MASK:
            raise ValueError(f"Seed must be 1 to {_MASK}, not {seed}")
        self._seed = seed
        super().__init__({"random": Out(RandomSignature()), "broken": In(1)})

    def elaborate(self, platform):
        m = Module()
        state = Signal(_BITS, init=self._seed)
        m.d.comb += [
            self.random.healthy.eq(~self.broken),
            self.random.words.valid.eq(~self.broken),
            self.random.words.payload.eq(state[_BITS - _WORD_BITS :]),
        ]
        with m.If(self.random.words.valid & self.random.words.ready):
            m.d.sync += state.eq(_step(state))
        return m
