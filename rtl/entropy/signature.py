"""What passes between the noise source, what tests it, and what takes its bits."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BitSignature", "NoiseSignature"]


class NoiseSignature(wiring.Signature):
    """Port of a source of noise, from the side that takes its samples.

    Parameters
    ----------
    rings : int
        Ring oscillators of the source, from 1.

    Members
    -------
    enable : Out(1)
        Lets the rings oscillate.
    take : Out(1)
        High in the clock in which a sample is taken. A source that plays recorded or simulated samples goes
        on to the next; rings need no such hint.
    rings : In(one bit a ring)
        The level of each ring, sampled by the clock and synchronised to it.

    Raises
    ------
    TypeError, ValueError
        If the number of rings is no such number.
    """

    def __init__(self, *, rings):
        if not isinstance(rings, int):
            raise TypeError(f"Number of rings must be an integer, not {rings!r}")
        if rings < 1:
            raise ValueError(f"Number of rings must be 1 or more, not {rings}")
        super().__init__({"enable": Out(1), "take": Out(1), "rings": In(rings)})


class BitSignature(wiring.Signature):
    """Raw bits, from the source that samples and tests them; nobody can hold them up.

    Members
    -------
    stb : Out(1)
        A bit is there, for this clock.
    value : Out(1)
        The bit: the exclusive or of all rings at one sample.
    healthy : Out(1)
        The source has passed its start-up tests, and no test has failed since. Low in the clock of the bit
        at which a test fails.
    """

    def __init__(self):
        super().__init__({"stb": Out(1), "value": Out(1), "healthy": Out(1)})
