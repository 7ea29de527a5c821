"""How much entropy sampled ring oscillators yield: their jitter, and what follows from it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

__all__ = [
    "ASSUMED_ENTROPY",
    "FULL_ENTROPY_BITS",
    "RAW_BITS",
    "REFERENCE",
    "JitterModel",
    "expected_bias",
    "guessing_entropy",
]

ASSUMED_ENTROPY = 0.5
"""Min-entropy that a raw bit is taken to have, in the health tests' cut-offs and in the conditioner."""

FULL_ENTROPY_BITS = 256
"""Bits that the conditioner gives for `RAW_BITS`."""

RAW_BITS = math.ceil((FULL_ENTROPY_BITS + 64) / ASSUMED_ENTROPY)
"""Raw bits that the conditioner takes for a result: 64 bits of min-entropy more than it has (SP 800-90C)."""

_EDGES = 2  # of a ring's output in a period
_SMALL = 0.05  # up to here the two edges of a period do not touch: their bands are 10 deviations apart
_LARGEST_DIVIDER = 1 << 24


def expected_bias(diffusion: float) -> float:
    """Mean of ``|P(1) − P(0)|`` of a sampled ring whose phase at the last sample is known.

    The phase is then Gaussian with deviation s, the ``diffusion``, and the bias is a square wave smoothed by
    that. It has the sign of the square wave: its mean magnitude is twice its mean over the half period
    in which it is positive: 4 / (π k) · e^(−2 π² k² s²) · 1 / (π k) from each odd harmonic k. For a small
    diffusion this is 1 − 4 · √(2 / π) · s: at each of the two edges of a period the doubt is
    ∫ (1 − |erf|) = 2 · √(2 / π) · s wide.

    Parameters
    ----------
    diffusion : float
        Standard deviation of the phase that has come in since the last sample, in periods of the ring.
    """
    if diffusion < 0:
        raise ValueError(f"Diffusion must be zero or positive, not {diffusion}")
    if diffusion < _SMALL:
        return 1 - _EDGES * 2 * math.sqrt(2 / math.pi) * diffusion
    decay = 2 * (math.pi * diffusion) ** 2
    return 8 / math.pi**2 * sum(math.exp(-decay * k * k) / (k * k) for k in range(1, 100, 2))


def guessing_entropy(bias: float) -> float:
    """Min-entropy of a bit that is guessed right with probability (1 + ``bias``) / 2."""
    return 1 - math.log2(1 + bias)


@dataclass(frozen=True, kw_only=True)
class JitterModel:
    """Rings of oscillators, their jitter, and how they are sampled.

    Each stage of a ring delays an edge by ``stage_ps``, with a thermal jitter of ``jitter_ps`` that is
    Gaussian and independent of every other. Whatever else moves a ring's edges (flicker noise, the supply,
    temperature) is taken to be known to an attacker and yields nothing.

    Parameters
    ----------
    lengths : tuple of int
        Stages of the rings of one bank.
    banks : int
        Banks. Ring ``bank * len(lengths) + index`` has ``lengths[index]`` stages.
    stage_ps : float
        Delay of a stage and of the wire to the next, in ps.
    jitter_ps : float
        Standard deviation of that delay by thermal noise, in ps.
    clock_hz : float
        The clock that samples.
    divider : int
        Clocks a sample.

    Raises
    ------
    ValueError
        If one of them is not above zero, or the lengths are not pairwise coprime.
    """

    lengths: tuple[int, ...] = (3, 4, 5, 7)
    banks: int = 8
    stage_ps: float = 700.0
    jitter_ps: float = 1.6
    clock_hz: float = 50e6
    divider: int = 64

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) < 1:
            raise ValueError(f"Lengths must be one or more positive integers, not {self.lengths!r}")
        for index, length in enumerate(self.lengths):
            for other in self.lengths[:index]:
                if math.gcd(length, other) > 1:
                    raise ValueError(f"Lengths must be pairwise coprime, which {other} and {length} are not")
        for name in ("banks", "stage_ps", "jitter_ps", "clock_hz", "divider"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} must be above zero and finite, not {value!r}")

    @property
    def rings(self) -> int:
        """Number of rings."""
        return self.banks * len(self.lengths)

    @property
    def ring_lengths(self) -> tuple[int, ...]:
        """Stages of each ring."""
        return self.lengths * self.banks

    @property
    def sample_ps(self) -> float:
        """Time from one sample to the next."""
        return self.divider / self.clock_hz * 1e12

    @property
    def sample_hz(self) -> float:
        """Raw bits a second."""
        return self.clock_hz / self.divider

    def period_ps(self, length: int) -> float:
        """Period of a ring: an edge goes round twice."""
        return 2 * length * self.stage_ps

    def diffusion(self, length: int) -> float:
        """Deviation of a ring's phase that thermal noise brings in between two samples, in periods.

        An edge passes t / τ stages in that time t, and the variances of their delays add up.
        """
        passed = self.sample_ps / self.stage_ps
        return self.jitter_ps * math.sqrt(passed) / self.period_ps(length)

    def min_entropy(self, *, lost: int = 0) -> float:
        """Min-entropy of a raw bit with all phases at the last sample known and ``lost`` rings stuck.

        A raw bit is the exclusive or of all rings, its bias the product of theirs. Phases are taken to be
        equally distributed over the samples, and the probability of a right guess is averaged over them.
        The rings that are stuck are those that give most: the shortest.
        """
        if not 0 <= lost <= self.rings:
            raise ValueError(f"Lost rings must be 0 to {self.rings}, not {lost}")
        left = sorted(self.ring_lengths)[lost:]
        return guessing_entropy(math.prod(expected_bias(self.diffusion(length)) for length in left))

    def needed_rings(self, entropy: float) -> int | None:
        """How many rings give ``entropy`` a raw bit, whichever they are; None if all together do not."""
        for lost in range(self.rings, -1, -1):
            if self.min_entropy(lost=lost) >= entropy:
                return self.rings - lost
        return None

    def smallest_jitter_ps(self, entropy: float, *, lost: int = 0) -> float:
        """The jitter of a stage from which on a raw bit has ``entropy``, with ``lost`` rings stuck."""
        low, high = 0.0, 1.0
        while replace(self, jitter_ps=high).min_entropy(lost=lost) < entropy:
            low, high = high, 2 * high
            if high > self.stage_ps:
                raise ValueError(f"No jitter gives {entropy} bits of entropy a bit")
        for _ in range(50):
            middle = (low + high) / 2
            if replace(self, jitter_ps=middle).min_entropy(lost=lost) < entropy:
                low = middle
            else:
                high = middle
        return high

    def smallest_divider(self, entropy: float, *, lost: int = 0) -> int | None:
        """The fewest clocks a sample at which a raw bit has ``entropy``; None if no divider is enough."""
        if replace(self, divider=_LARGEST_DIVIDER).min_entropy(lost=lost) < entropy:
            return None
        low, high = 0, _LARGEST_DIVIDER
        while high - low > 1:
            middle = (low + high) // 2
            if replace(self, divider=middle).min_entropy(lost=lost) < entropy:
                low = middle
            else:
                high = middle
        return high

    def output_hz(self, *, raw_bits: int = RAW_BITS) -> float:
        """Bits of full entropy a second, ``raw_bits`` taken for each `FULL_ENTROPY_BITS`."""
        return self.sample_hz * FULL_ENTROPY_BITS / raw_bits

    def designs(
        self, entropy: float, output_hz: float, *, raw_bits: int = RAW_BITS
    ) -> "Iterator[JitterModel]":
        """Designs with ``entropy`` a raw bit that reach ``output_hz``: for each divider, the fewest banks.

        Dividers are powers of two, from the slowest sampling, which takes the fewest rings, to every clock.
        """
        slowest = self.clock_hz * FULL_ENTROPY_BITS / (raw_bits * output_hz)
        divider = 1 << int(math.log2(slowest)) if slowest >= 1 else 0
        while divider:
            for banks in range(1, 1025):
                design = replace(self, banks=banks, divider=divider)
                if design.min_entropy() >= entropy:
                    yield design
                    break
            divider //= 2


REFERENCE = JitterModel()
"""What the chip is built with at 50 MHz, and about half of the jitter that has been measured on FPGAs."""
