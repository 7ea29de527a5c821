"""Coefficients of the metrology program's filters, the same integers on every machine.

Both designs are weighted least squares over the bands that count, with the band between left free (Parks and
Burrus, *Digital Filter Design*, chapter 3). They are computed in fixed-point integers throughout: the
coefficients are part of what identifies the legally relevant program, and a machine's floating-point library
must have no say in it. Frequencies scale with the sample rate; named here are those at 8 kS/s.
"""

from dataclasses import dataclass
from functools import cache

from .parameters import LANE_BITS, WORD_BITS

__all__ = [
    "ALL_PASS_BITS",
    "ALL_PASS_FACTORS",
    "CIC_ORDER",
    "DECIMATION_TAPS",
    "INTERPOLATION_PHASES",
    "INTERPOLATION_TAPS",
    "DecimationFilter",
    "InterpolationTable",
    "circle",
    "decimation_taps",
    "interpolation_table",
]

CIC_ORDER = 4
"""Integrators, and combs, of the CIC decimator before the decimation filter."""

DECIMATION_TAPS = 80
INTERPOLATION_TAPS = 40
INTERPOLATION_PHASES = 128

ALL_PASS_BITS = 26
ALL_PASS_FACTORS = (
    *(1826320, 6924143, 14309847, 22770035, 31226988, 38942170, 45542299),
    *(50939162, 55221171, 58562395, 61163105, 63218560, 64907604, 66393476),
)
"""Factors, with ``ALL_PASS_BITS``, of sections (a - z⁻²) / (1 - a z⁻²): a chain of every second one leads a
chain of the others, delayed by a sample, by 90° from 1/190 of the sample rate to 1/190 below half of it. An
elliptic half-band filter turned by a quarter of the sample rate (Valenzuela and Constantinides, 1983).
"""

_FRACTION_BITS = 160
_ONE = 1 << _FRACTION_BITS
_TAP_BITS = 24
"""Resolution of the decimation filter's taps against its gain at 0 Hz."""

_GRID = 320
"""Frequencies are counted in 1/320 of the sample rate: 25 Hz."""
_FLAT, _NEAR_LAST, _LAST, _FIRST_ALIAS = 100, 134, 138, 182
"""2.5 kHz, 3.35 kHz, 3.45 kHz, and 4.55 kHz, which folds onto 3.45 kHz."""
_LESS_ABOVE_FLAT = 30
"""The decimation filter's squared error counts this much less from 2.5 kHz to 3.45 kHz."""
_INTERPOLATION_BANDS = ((_FLAT, 20), (_NEAR_LAST, 1), (_LAST, 10))
"""Upper edge of each band of the interpolation, and how much its squared error counts."""


@dataclass(frozen=True)
class DecimationFilter:
    """Taps of the filter behind the CIC decimator, symmetric.

    ``sum(tap * value) >> shift`` over as many CIC values as there are taps is a sample in lane units: a
    modulator at full scale gives ``2 ** (LANE_BITS - 1)``, and a step overshoots it.
    """

    taps: tuple[int, ...]
    shift: int


@dataclass(frozen=True)
class InterpolationTable:
    """Rows of a fractional delay.

    For samples ``x[0]`` (the oldest) to ``x[taps - 1]``,
    ``(1 - f) * dot(x, row(p)) + f * dot(x, row(p + 1))`` is the signal at the index
    ``taps / 2 - 1 + (p + f) / phases``, times ``2 ** coefficient_bits``.
    """

    half: tuple[tuple[int, ...], ...]
    phases: int
    coefficient_bits: int

    def row(self, phase):
        """Row ``phase``, 0 to ``phases``; its sum is exactly ``2 ** coefficient_bits``."""
        return self.half[phase] if phase < len(self.half) else self.half[self.phases - phase][::-1]


@cache
def decimation_taps(cic_decimation):
    """A linear-phase filter of 80 taps that halves the rate of a CIC decimator and makes its droop good.

    Raises `ValueError` if the decimator's values do not fit in a word.
    """
    gain = cic_decimation**CIC_ORDER
    if cic_decimation < 2 or gain >= 1 << WORD_BITS - 1:
        raise ValueError(
            f"The CIC decimation must be at least 2, and to the power of {CIC_ORDER} less than "
            f"2 ** {WORD_BITS - 1}, not {cic_decimation}"
        )
    shift = (gain - 1).bit_length() + _TAP_BITS - (LANE_BITS - 1)
    half = _decimation_design(cic_decimation)
    total = ((1 << LANE_BITS - 1 + shift) // gain + 1) // 2
    taps = _quantised(half, total, largest=0)
    return DecimationFilter(tuple(taps[::-1] + taps), shift)


def _decimation_design(cic_decimation):
    """The right half of the taps: 1 to 3.45 kHz with the CIC's droop, and 0 from 4.55 kHz on.

    Tap k contributes 2 cos((k + 1/2) ω); a product of two such is a sum of two cosines, so that the normal
    matrix consists of one sum over the bands for each distance of taps.
    """
    count, circle = DECIMATION_TAPS // 2, 4 * _GRID
    sine = [sine for _, sine in _rotation(2, circle, circle)]
    cosine = sine[_GRID:] + sine[:_GRID]
    sums, targets = [0] * (2 * count), [0] * count
    for step in [*range(_LAST + 1), *range(_FIRST_ALIAS, _GRID + 1)]:
        weight = _ONE // _LESS_ABOVE_FLAT if _FLAT < step <= _LAST else _ONE
        if step <= _LAST:
            ratio = _divide(sine[step], cic_decimation * _sine(2 * step, circle * cic_decimation))
            droop = _multiply(_multiply(ratio, ratio), _multiply(ratio, ratio)) if step else _ONE
            weight = _multiply(weight, droop)
            for tap in range(count):
                targets[tap] += _multiply(weight, cosine[step * (2 * tap + 1) % circle])
            weight = _multiply(weight, droop)
        for distance in range(2 * count):
            sums[distance] += 2 * _multiply(weight, cosine[step * 2 * distance % circle])
    matrix = [[sums[abs(k - j)] + sums[k + j + 1] for j in range(count)] for k in range(count)]
    return [row[0] for row in _solve(matrix, [[2 * target] for target in targets])]


@cache
def interpolation_table(*, taps=INTERPOLATION_TAPS, phases=INTERPOLATION_PHASES, coefficient_bits=26):
    """A fractional delay flat to 3.45 kHz, made for linear interpolation between its rows.

    That loses f (1 - f) θ² / 2 of a signal that turns by θ from row to row; the rows are raised by half of
    the largest loss, θ² / 16.
    """
    products = _cosine_integrals(phases, phases * taps)
    matrix = [[products[phases * abs(k - j)] for j in range(taps)] for k in range(taps)]
    targets = []
    for tap in range(taps):
        places = [phases * (tap - taps // 2 + 1) - phase for phase in range(phases // 2 + 1)]
        targets.append(
            [
                (18 * products[abs(place)] - products[abs(place - 1)] - products[abs(place + 1)]) // 16
                for place in places
            ]
        )
    rows = zip(*_solve(matrix, targets), strict=True)
    half = [tuple(_quantised(row, 1 << coefficient_bits, largest=taps // 2 - 1)) for row in rows]
    return InterpolationTable(tuple(half), phases, coefficient_bits)


@cache
def circle(points, bits):
    """Cosines of ``points`` equal steps round the circle, with ``bits`` fraction bits."""
    quarter = points // 4
    half = 1 << _FRACTION_BITS - bits - 1
    return tuple(
        _sine(2 * (point + quarter), points) + half >> _FRACTION_BITS - bits for point in range(points)
    )


def _cosine_integrals(phases, count):
    """Integrals of cos(ω n / phases) over the bands of the interpolation with their weights, for each n."""
    integrals = [0] * count
    above = [weight for _, weight in _INTERPOLATION_BANDS[1:]] + [0]
    for (edge, weight), next_weight in zip(_INTERPOLATION_BANDS, above, strict=True):
        step = weight - next_weight
        integrals[0] += step * _PI * 2 * edge // _GRID
        for n, (_, sine) in enumerate(_rotation(2 * edge, _GRID * phases, count)):
            if n:
                integrals[n] += step * sine * phases // n
    return integrals


def _quantised(values, total, *, largest):
    """The values as integers in proportion, of which the largest takes what makes their sum ``total``."""
    whole = sum(values)
    integers = [(2 * value * total + whole) // (2 * whole) for value in values]
    integers[largest] += total - sum(integers)
    return integers


# --- Fixed-point arithmetic: numbers are integers of _FRACTION_BITS fraction bits


def _multiply(x, y):
    return x * y >> _FRACTION_BITS


def _divide(x, y):
    return (x << _FRACTION_BITS) // y if y else 0


def _inverse_arctangent(n):
    """The arctangent of 1 / n."""
    power, total, k = _ONE // n, 0, 0
    while power:
        total += (-1) ** k * power // (2 * k + 1)
        power //= n * n
        k += 1
    return total


_PI = 4 * (4 * _inverse_arctangent(5) - _inverse_arctangent(239))


def _sine(numerator, denominator):
    """The sine of π · numerator / denominator."""
    angle = _PI * numerator // denominator
    term, total, k = angle, 0, 1
    while term not in (0, -1):
        total += term
        term = -_multiply(_multiply(term, angle), angle) // ((k + 1) * (k + 2))
        k += 2
    return total


def _rotation(numerator, denominator, count):
    """Cosine and sine of the first multiples of π · numerator / denominator, from 0 on."""
    turn = _sine(2 * numerator + denominator, 2 * denominator), _sine(numerator, denominator)
    cosine, sine = _ONE, 0
    for _ in range(count):
        yield cosine, sine
        cosine, sine = (
            (cosine * turn[0] - sine * turn[1]) >> _FRACTION_BITS,
            (sine * turn[0] + cosine * turn[1]) >> _FRACTION_BITS,
        )


def _solve(matrix, targets):
    """Solution of a system with a positive definite matrix, for each column of the targets."""
    rows = [list(left) + list(right) for left, right in zip(matrix, targets, strict=True)]
    count = len(rows)
    for pivot, pivot_row in enumerate(rows):
        for row in rows[pivot + 1 :]:
            factor = _divide(row[pivot], pivot_row[pivot])
            row[pivot:] = [
                x - (factor * y >> _FRACTION_BITS)
                for x, y in zip(row[pivot:], pivot_row[pivot:], strict=True)
            ]
    for pivot in reversed(range(count)):
        pivot_row = rows[pivot]
        pivot_row[count:] = [_divide(value, pivot_row[pivot]) for value in pivot_row[count:]]
        for row in rows[:pivot]:
            row[count:] = [
                x - (row[pivot] * y >> _FRACTION_BITS)
                for x, y in zip(row[count:], pivot_row[count:], strict=True)
            ]
    return [row[count:] for row in rows]
