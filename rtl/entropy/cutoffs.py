"""Cut-offs of the health tests from assumed min-entropy and tolerated false alarms, and what they detect.

Pure Python: the hardware takes its defaults and widths from here, the command line and the documentation
their tables. Probabilities are computed with 60 digits and rounded once, to a float.
"""

import math
from decimal import Context, Decimal, localcontext
from fractions import Fraction

from .jitter import ASSUMED_ENTROPY

__all__ = [
    "DEFAULT_ALPHA",
    "LAGS",
    "LAG_WINDOW",
    "LEAST_H",
    "LOST_ALPHA",
    "NEAR",
    "PROPORTION_WINDOW",
    "RING_WINDOW",
    "START_UP_SAMPLES",
    "admissible_cutoffs",
    "binomial_tail",
    "default_cutoffs",
    "lag_cutoff",
    "lost_rings_cutoff",
    "lost_rings_false_alarm",
    "proportion_cutoff",
    "proportion_false_alarm",
    "repetition_cutoff",
    "repetition_false_alarm",
    "silence_cutoff",
    "silence_false_alarm",
]

PROPORTION_WINDOW = 1024
LAG_WINDOW = 512
LAGS = 16
"""Distances, from 1, at which bits are compared: a pattern of each of these periods is detected."""
RING_WINDOW = 512
NEAR = 1
"""Two counts of a window that differ by so much or less are taken for the same frequency."""
START_UP_SAMPLES = 1024
LEAST_H = 0.01
"""Least min-entropy of a bit that cut-offs are computed for."""

DEFAULT_ALPHA = 2.0**-30
"""Probability of a false alarm: of one value, lag or run of samples; of the rings see `LOST_ALPHA`."""
LOST_ALPHA = 2.0**-22
"""Of lost rings, in a window. As few rings as that allows are what the model's entropy stands on."""

_LEAST_ALPHA, _GREATEST_ALPHA, _GREATEST_LOST_ALPHA = 2.0**-40, 2.0**-20, 2.0**-10
_LONGEST_SILENCE = 15
_PRECISION = Context(prec=60)
_MOST_SAMPLES = 1 << 16


def default_cutoffs(*, banks, lengths, h=ASSUMED_ENTROPY, alpha=DEFAULT_ALPHA, lost_alpha=LOST_ALPHA):
    """Cut-off of each test by name, for ``banks`` of rings of so many ``lengths``."""
    return {
        "repetition": repetition_cutoff(h, alpha),
        "proportion": proportion_cutoff(h, alpha),
        "lag": lag_cutoff(h, alpha),
        "silence": silence_cutoff(alpha, banks * lengths),
        "lost": lost_rings_cutoff(lost_alpha, banks, lengths),
    }


def admissible_cutoffs(*, banks, lengths):
    """Range of the cut-offs of each test by name that may be loaded.

    The greatest still hold the source to the min-entropy that seeds take it to have, with false alarms of
    2^−40; and no more rings may be lost than by default. The least are those for a min-entropy of 1 and false
    alarms of 2^−20, or 2^−10 of lost rings: below, a good source would be closed for most of the time.
    """
    rings = banks * lengths
    ranges = {
        "repetition": (
            repetition_cutoff(1, _GREATEST_ALPHA),
            repetition_cutoff(ASSUMED_ENTROPY, _LEAST_ALPHA),
        ),
        "proportion": (
            proportion_cutoff(1, _GREATEST_ALPHA),
            proportion_cutoff(ASSUMED_ENTROPY, _LEAST_ALPHA),
        ),
        "lag": (lag_cutoff(1, _GREATEST_ALPHA), lag_cutoff(ASSUMED_ENTROPY, _LEAST_ALPHA)),
        "silence": (silence_cutoff(_GREATEST_ALPHA, rings), _LONGEST_SILENCE),
        "lost": tuple(lost_rings_cutoff(a, banks, lengths) for a in (_GREATEST_LOST_ALPHA, LOST_ALPHA)),
    }
    return {name: range(least, greatest + 1) for name, (least, greatest) in ranges.items()}


def repetition_cutoff(h, alpha):
    """Equal bits in a row that are a failure: 1 + ⌈−log2(alpha)/h⌉ (SP 800-90B, 4.4.1)."""
    _check(h, alpha)
    with localcontext(_PRECISION):
        return 1 + math.ceil((-_log2(alpha) / _decimal(h)).quantize(Decimal("1e-30")))


def repetition_false_alarm(cutoff, h, samples):
    """Probability of ``cutoff`` or more equal bits in a row somewhere in ``samples`` samples.

    Of the worst source that has min-entropy ``h`` given all before: each bit repeats the last one with
    probability 2^−h.
    """
    _check(h)
    _check_count("Cut-off", cutoff, 2, _MOST_SAMPLES)
    _check_count("Number of samples", samples, 1, _MOST_SAMPLES)
    with localcontext(_PRECISION):
        same = _most_likely(h)
        long_enough = same ** (cutoff - 1)
        # alarm[n]: in the first n samples. At n a run that began at n - cutoff + 1 becomes long enough; if it
        # did not begin with the stream, it began with a change, and no alarm came before.
        alarm = [Decimal(0)] * min(cutoff, samples + 1)
        if samples >= cutoff:
            alarm.append(long_enough)
        for count in range(cutoff + 1, samples + 1):
            alarm.append(alarm[-1] + (1 - alarm[count - cutoff]) * (1 - same) * long_enough)
        return float(alarm[-1])


def proportion_cutoff(h, alpha, window=PROPORTION_WINDOW):
    """Bits of one value in a window that are a failure: 1 + critbinom(window, 2^−h, 1 − alpha) (4.4.2)."""
    _check(h, alpha)
    _check_count("Window", window, 2, _MOST_SAMPLES)
    return _first_rare(_tails(window, _most_likely(h)), alpha)


def proportion_false_alarm(cutoff, h, window=PROPORTION_WINDOW):
    """Probability that a window has ``cutoff`` or more bits of one value, whichever of the two it is.

    Of independent bits of which one value has probability 2^−h.
    """
    _check(h)
    _check_count("Window", window, 2, _MOST_SAMPLES)
    _check_count("Cut-off", cutoff, window // 2 + 1, window)
    likely = _most_likely(h)
    with localcontext(_PRECISION):
        return float(_tails(window, likely)[cutoff] + _tails(window, 1 - likely)[cutoff])


def lag_cutoff(h, alpha, window=LAG_WINDOW):
    """Bits of a window that equal the one a lag before, for one lag, that are a failure.

    A bit of min-entropy ``h`` given all before equals any bit before it with probability 2^−h at most: the
    count is no more than binomial, and ``alpha`` bounds the false alarms of one lag in one window.
    """
    return proportion_cutoff(h, alpha, window)


def binomial_tail(cutoff, window, probability):
    """Probability that ``cutoff`` or more of ``window`` independent events happen."""
    _check_count("Window", window, 1, _MOST_SAMPLES)
    _check_count("Cut-off", cutoff, 0, window)
    if not 0 <= probability <= 1:
        raise ValueError(f"A probability is from 0 to 1, not {probability!r}")
    return float(_tails(window, _decimal(probability))[cutoff])


def silence_cutoff(alpha, rings):
    """Samples in a row without a change of any ring that are a failure, from 2; see `silence_false_alarm`."""
    _check(alpha=alpha)
    _check_count("Number of rings", rings, 4, 1024)
    samples = 2
    while Fraction(1, 2 * samples) ** rings > Fraction(alpha):
        samples += 1
    return samples


def silence_false_alarm(cutoff, rings):
    """Probability that no ring changes in ``cutoff`` samples, from a given one on.

    A ring advances by a fraction of its period from sample to sample that may be anything, as the sampling
    period is hundreds of its own: so it changes at a sample with a probability v that is uniform, and at none
    of n in a row with 1 − n·v, or 0 if that is negative; on average with 1/(2n).
    """
    _check_count("Cut-off", cutoff, 1, _MOST_SAMPLES)
    _check_count("Number of rings", rings, 1, 1024)
    return float(Fraction(1, 2 * cutoff) ** rings)


def lost_rings_cutoff(alpha, banks, lengths, window=RING_WINDOW):
    """Rings lost in a window that are a failure; see `lost_rings_false_alarm`. Never more than all rings."""
    _check(alpha=alpha)
    tails = _lost_tails(banks, lengths, window)
    return next(
        (lost for lost, tail in enumerate(tails) if lost and tail <= Fraction(alpha)), banks * lengths
    )


def lost_rings_false_alarm(cutoff, banks, lengths, window=RING_WINDOW):
    """Probability that ``cutoff`` or more rings of ``banks`` times ``lengths`` look lost in a window.

    A ring is lost if it changes at no sample of the window or at all, or within `NEAR` as often as the ring
    of the same length in the bank before. Of free rings, whose counts are independent and uniform, since
    the fraction of a period by which they advance is.
    """
    _check_count("Cut-off", cutoff, 1, banks * lengths)
    return float(_lost_tails(banks, lengths, window)[cutoff])


def _lost_tails(banks, lengths, window):
    """Probabilities that so many rings or more look lost, from 0 on, as exact fractions."""
    _check_count("Number of banks", banks, 1, 64)
    _check_count("Number of lengths", lengths, 1, 16)
    _check_count("Window", window, 4 * NEAR + 2, _MOST_SAMPLES)
    around = range(-NEAR, NEAR + 1)
    still = [count == 0 for count in range(window)]  # modulo the window, all changes are none
    # ways[lost][count]: ways to count so that `lost` rings are, and the last ring's count is `count`.
    ways = [[int(not at) for at in still], [int(at) for at in still]]
    for _ in range(banks - 1):
        following = [[0] * window for _ in range(len(ways) + 1)]
        for lost, row in enumerate(ways):
            total = sum(row)
            for count, at in enumerate(still):
                near = total if at else sum(row[(count + step) % window] for step in around)
                following[lost + 1][count] += near
                following[lost][count] += total - near
        ways = following
    chain = [sum(row) for row in ways]
    together = [1]
    for _ in range(lengths):
        product = [0] * (len(together) + len(chain) - 1)
        for lost, count in enumerate(together):
            for more, factor in enumerate(chain):
                product[lost + more] += count * factor
        together = product
    total = sum(together)
    return [Fraction(sum(together[lost:]), total) for lost in range(len(together))]


def _tails(window, probability):
    """Probabilities that so many of ``window`` independent events or more happen, from 0 on."""
    with localcontext(_PRECISION):
        tails, tail = [Decimal(0)] * (window + 1), Decimal(0)
        other = 1 - probability
        for count in range(window, -1, -1):
            tail += math.comb(window, count) * probability**count * other ** (window - count)
            tails[count] = tail
        return tails


def _first_rare(tails, alpha):
    """The first count that is reached with probability ``alpha`` at most."""
    for count, tail in enumerate(tails):
        if tail <= _decimal(alpha):
            return count
    raise ValueError(
        f"A window of {len(tails) - 1} bits is too short: even all of them alike are likelier than {alpha!r}"
    )


def _most_likely(h):
    """Probability of the likelier value of a bit of min-entropy ``h``: 2^−h."""
    with localcontext(_PRECISION):
        return Decimal(2) ** -_decimal(h)


def _log2(value):
    """Base-2 logarithm, exact for powers of two."""
    mantissa, exponent = math.frexp(value)
    if mantissa == 0.5:
        return Decimal(exponent - 1)
    return _decimal(value).ln() / Decimal(2).ln()


def _decimal(value):
    """The number as its user wrote it: 0.1 is a tenth."""
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def _check(h=1.0, alpha=0.5):
    if not LEAST_H <= h <= 1:
        raise ValueError(f"Min-entropy of a bit is from {LEAST_H} to 1, not {h!r}")
    if not 2.0**-128 <= alpha <= 0.5:
        raise ValueError(f"Probability of a false alarm is from 2^-128 to 0.5, not {alpha!r}")


def _check_count(name, value, least, most):
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {value}")
