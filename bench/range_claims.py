"""What the analysis of ranges is told of the metrology program: `bench.ranges` says which of it is proved.

A claim stands for cells by the pattern of their paths, or for the results of lines by module and the text
they begin with. Ranges are computed from `Bounds` of `bench.ranges`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import Any

from rtl.metering.parameters import WORD_BITS
from rtl.metering.status import WINDOW_EVENTS
from sim.intervals import Interval
from soc.formats.calibration import CHANNEL, COMMON, LARGEST_THRESHOLDS, REGION

__all__ = ["ASSUMED", "COUNTERS", "INVARIANTS", "SETTINGS", "Claim"]

_LARGEST = (1 << WORD_BITS - 1) - 1
_RMS = (1 << 34) - 1
_WIDE = 1 << 106
_MEAN = 1 << 6
_PHASOR = 1 << 5
_HARMONIC = 1 << 2


@dataclass(frozen=True)
class Claim:
    """A range that something has, and why.

    ``runs`` is how often a run adds to the cell: never, for each sample set or window of twenty years, or
    None if the range is no matter of adding.
    """

    where: str
    range: Callable[[Any], Interval]
    reason: str
    runs: Callable[[Any], int | None] = lambda b: None


def _fixed(low: int, high: int) -> Callable[[Any], Interval]:
    return lambda b: Interval(low, high)


def _both(size: Callable[[Any], float]) -> Callable[[Any], Interval]:
    return lambda b: Interval.up_to(ceil(size(b)))


def _from_zero(size: Callable[[Any], float]) -> Callable[[Any], Interval]:
    return lambda b: Interval(0, ceil(size(b)))


def _settings() -> tuple[Claim, ...]:
    found = []
    for place, keys in (("channels.*.regions.*.", REGION), ("channels.*.", CHANNEL), ("", COMMON)):
        for key in keys:
            unit = 2.0**key.fraction_bits
            its = Interval(floor(key.least * unit), ceil(key.most * unit))
            pattern = f"settings.{place}{key.field}"
            found.append(Claim(pattern, _fixed(*its), "`soc.formats.calibration` refuses others."))
    for path, most in LARGEST_THRESHOLDS:
        found.append(Claim(f"settings.{path}", _fixed(0, most), "`soc.formats.calibration` refuses others."))
    return tuple(found)


SETTINGS = _settings()
"""Ranges of the settings; the program itself never changes one."""


def _kept(where: str, range_: Callable[[Any], Interval], reason: str) -> Claim:
    return Claim(where, range_, reason, lambda b: 1)


INVARIANTS = (
    _kept("phases.*.low", _both(lambda b: 16 * (b.sample + 2)), "A low pass with a gain of 16."),
    _kept("phases.*.lower", _both(lambda b: 16 * (b.sample + 2)), "A mean of the former."),
    _kept("cycles", lambda b: Interval(0, b.k.cycles_wrap - 1), "It wraps round."),
)
"""Ranges that a run does not leave if it begins in them: proved by the analysis."""


def _sets(where: str, range_: Callable[[Any], Interval], reason: str) -> Claim:
    return Claim(where, range_, reason, lambda b: b.sets)


def _windows(where: str, range_: Callable[[Any], Interval], reason: str) -> Claim:
    return Claim(where, range_, reason, lambda b: b.windows)


# Of the neutral's currents, one can be as large as four of the others.
_SUMS = _both(lambda b: 3 * b.sets * 16 * b.sample**2)
_BIG, _UP = _fixed(-_WIDE, _WIDE), _fixed(0, _WIDE)

COUNTERS = (
    _sets("now", lambda b: Interval(-(1 << 32), 1 << 64), "A period a sample set."),
    Claim(
        "phases.*.quadrature.sum_vi.total",
        _SUMS,
        "An all-pass keeps energy, so that its mean is that of RMS values.",
    ),
    _sets("*.sum_*.total", _SUMS, "A product of two samples a sample set."),
    _sets("clippings.*.count", _UP, "One a sample set."),
    _sets("registers.pulses.*.sent", _UP, "One a sample set."),
    Claim("registers.pulses.*.planned", _UP, "Not more than one in two sample sets."),
    Claim("registers.pulses.*.beyond", _BIG, "Energy that the register has, or a quantum less."),
    Claim("registers.pulses.*.energy", _fixed(-_LARGEST - 1, _LARGEST), "A setting's word."),
    Claim("registers.pulses.*.quantum", _fixed(0, 1 << 70), "A product of two words."),
    _windows("registers.phases.*", _UP, "A window's energy a window."),
    _windows("registers.arithmetic.*", _UP, "A window's energy of all phases a window."),
    _windows("registers.vector.*", _UP, "A window's energy of all phases a window."),
    _windows("phases.*_time", _BIG, "A window's integral a window."),
    _windows("events.energy_estimated", _UP, "A window's energy a window."),
    _windows("sequence", _from_zero(lambda b: 4 * b.windows), "One a window."),
    _windows("events.ended", _from_zero(lambda b: 4 * b.windows), "One a window."),
    _windows("events.windows", _from_zero(lambda b: 4 * b.windows), "One a window."),
    Claim("harmonics.*.sequence", _fixed(0, 1 << 34), "One in ten cycles."),
    Claim("harmonics.*.dropped", _fixed(0, _LARGEST - 1), "One in a cycle and a timed window: 2 ** 34.9."),
    Claim("calibration.changes", _fixed(0, 1 << 34), "One in a window in which settings are written."),
)
"""What only grows: what a run adds is found by the analysis, and proved to fit for twenty years."""


def _sum_of(size: Callable[[Any], int]) -> Callable[[Any], Interval]:
    return _both(lambda b: size(b) * b.longest_sets)


def _span(b: Any) -> int:
    """The longest time within the rings, and some more."""
    return 640 * b.unit


def _other(b: Any) -> int:
    """RMS value of a window against the DC of a whole cycle before."""
    return b.effective(b.shortest_sets) + b.effective(b.cycle_sets)


_WINDOW = "A window's sum: it has at most as many sets as the longest window, and the two it shares."
_MEAN_OF = "A quotient of a window's sum and its length is a mean."
_EFFECTIVE = "RMS value of a window: see `effective`; DC of another window comes to it."
_BETWEEN = "Between two of its neighbours: the weights' sum is one."
_CROSSING = "The place of a zero between two samples of opposite signs."
_TURNS = "The loop's turns are counted."

ASSUMED = (
    # Windows.
    Claim(
        "machine: m.registers.age = ",
        lambda b: Interval(-b.unit, b.k.longest_window + 2 * b.unit),
        "A window ends in the sample set in which it has its longest time.",
    ),
    Claim("windows: fraction = ", lambda b: Interval(0, b.unit), _CROSSING),
    Claim("windows: rest = ", lambda b: Interval(0, b.unit), _CROSSING),
    Claim(
        "windows: m.longest = m.registers.age",
        lambda b: Interval(b.shortest_sets * b.unit, b.k.longest_window + b.unit),
        "The age is below the shortest window's.",
    ),
    Claim(
        "length",
        lambda b: Interval(b.shortest_sets * b.unit, b.k.longest_window + b.unit),
        "No window ends before its shortest time, and the first one is timed: crossings count later.",
    ),
    Claim("windows: p.level = ", _both(lambda b: 32 * (b.sample + 2)), "A low pass less its DC."),
    Claim(
        "background: rocof = ",
        _both(lambda b: b.k.whole_rate**2 * b.unit / b.cycle_sets**2),
        "A synchronised window is not shorter than a cycle of the highest frequency.",
    ),
    Claim("windows: p.source_dc = ", _both(lambda b: b.sample), _MEAN_OF),
    Claim("background: change = divide(", _both(lambda b: 2 * b.sample + 2), _MEAN_OF),
    Claim(
        "background: frequency = divide(",
        _from_zero(lambda b: b.k.whole_rate * b.unit / b.cycle_sets),
        "A synchronised window is not shorter than a cycle of the highest frequency.",
    ),
    # Samples and points.
    Claim("channels: between = ", _both(lambda b: b.row_sum * b.full * _MEAN + 2), _BETWEEN),
    Claim("points: point = ", _both(lambda b: b.point), _BETWEEN),
    Claim("points: early = ", _both(lambda b: b.point * _MEAN), "Two rows after each other: see `point`."),
    Claim("points: late = ", _both(lambda b: b.point * _MEAN), "Two rows after each other: see `point`."),
    Claim("points: at = at + ", lambda b: Interval(-128 * b.unit, 128 * 2 * _span(b)), _TURNS),
    *(
        Claim(
            f"phases.*.{name}", _both(lambda b: b.points * _PHASOR / sqrt(2) + 1), "RMS value: see `points`."
        )
        for name in ("vc", "vs", "ic", "i_s")
    ),
    Claim("*.quadrature.sections.*.y", _both(lambda b: b.turned), "An impulse response: see `turned`."),
    # Sums over a window.
    Claim("*.quadrature.sum_vi.ended", _both(lambda b: 64 * 3 * _other(b) ** 2 * b.longest_sets), _WINDOW),
    Claim("neutrals.*.sum_ii.ended", _sum_of(lambda b: 16 * b.sample**2), _WINDOW),
    Claim("neutrals.*.sum_i.ended", _sum_of(lambda b: 4 * b.sample), _WINDOW),
    *(
        Claim(f"phases.*.{name}.ended", _sum_of(lambda b: b.sample**2), _WINDOW)
        for name in ("sum_vv", "sum_ii", "sum_vi")
    ),
    *(
        Claim(f"phases.*.{name}.ended", _sum_of(lambda b: b.effective(b.shortest_sets)), _WINDOW)
        for name in ("sum_v", "sum_i")
    ),
    *(
        Claim(f"phases: {line} = divide", _both(lambda b: b.effective(b.shortest_sets) * _MEAN), _MEAN_OF)
        for line in ("p.v_dc", "p.i_dc")
    ),
    *(
        Claim(f"phases.*.{name}", _both(lambda b: b.effective(b.cycle_sets) * _MEAN), "DC of a whole cycle.")
        for name in ("v_held", "i_held")
    ),
    *(
        Claim(f"phases: p.{line} = ", _sum_of(lambda b: _other(b) ** 2), _EFFECTIVE)
        for line in ("vv", "ii", "vi")
    ),
    *(
        Claim(f"phases: p.{line} = ", _from_zero(lambda b: _other(b) * _MEAN), _EFFECTIVE)
        for line in ("vrms", "irms")
    ),
    Claim("phases: p.active = ", _both(lambda b: (_other(b) * _MEAN) ** 2), _EFFECTIVE),
    Claim("neutral: dc = ", _both(lambda b: 4 * b.effective(b.shortest_sets) * 16), _MEAN_OF),
    Claim("neutral: c.rms = ", _from_zero(lambda b: 4 * b.effective(b.shortest_sets) * 16), _EFFECTIVE),
    Claim("neutrals.*.measured.rms", _from_zero(lambda b: b.effective(b.shortest_sets) * 16), _EFFECTIVE),
    # Half cycles.
    Claim("phases.*.half.count", _fixed(0, 7), "Pieces are no shorter than three eighths of a cycle."),
    Claim(
        "half_cycles: v_high = vv",
        lambda b: Interval(-(1 << 30), b.sample**2 * b.longest_sets >> 34),
        _WINDOW,
    ),
    Claim(
        "half_cycles: i_high = ii",
        lambda b: Interval(-(1 << 30), b.sample**2 * b.longest_sets >> 34),
        _WINDOW,
    ),
    Claim("half_cycles: fraction = divide", lambda b: Interval(0, b.unit), _CROSSING),
    Claim("half_cycles: place = ", _both(_span), "A place in the rings."),
    Claim("half_cycles: return (early", _both(lambda b: (b.sample**2 >> 24) + 2), _BETWEEN),
    Claim("half_cycles: length = ", _both(_span), "A time within the rings."),
    Claim(
        "half_cycles: behind = ", _both(lambda b: 5 * _span(b)), "A time within the rings, or some of them."
    ),
    Claim(
        "half_cycles: last.unjudged[", lambda b: Interval(0, 4 * _span(b)), "There are at most four refused."
    ),
    Claim("half_cycles: last.refused[", _fixed(0, 4), "The fourth has a value."),
    Claim(
        "half_cycles: vrms = ", _from_zero(lambda b: b.effective(40) * _MEAN), "RMS value: see `effective`."
    ),
    Claim(
        "half_cycles: irms = ", _from_zero(lambda b: b.effective(40) * _MEAN), "RMS value: see `effective`."
    ),
    Claim("halves.count", _fixed(0, 31), "Of three phases, at most eight pieces each."),
    # Fundamental, harmonics.
    Claim("trigonometry: ratio = ", _fixed(0, 1 << 30), "The smaller over the larger."),
    Claim(
        "fundamental: at = at + ",
        lambda b: Interval(0, b.k.quantities_of_phase * b.k.parameters.phases),
        _TURNS,
    ),
    Claim(
        "harmonics: h.folds[place] = ",
        _both(lambda b: b.k.many_cycles * b.point),
        "Points of at most twelve cycles.",
    ),
    *(
        Claim(
            f"harmonics: {part} = dot",
            _both(lambda b: b.k.many_cycles * b.points * 128 / sqrt(2) / 32 + 1),
            "RMS value: see `points`.",
        )
        for part in ("sine", "cosine")
    ),
    Claim("harmonics.*.cycles", lambda b: Interval(0, b.k.many_cycles), "A window ends with its last cycle."),
    Claim(
        "harmonics.*.length",
        _from_zero(lambda b: b.k.many_cycles * b.longest_sets * b.unit),
        "As the cycles.",
    ),
    Claim("harmonics.*.order", lambda b: Interval(0, b.k.harmonics + 1), _TURNS),
    Claim("harmonics.*.channel", lambda b: Interval(0, b.k.harmonic_channels), _TURNS),
    Claim("harmonics.*.is_current", _fixed(0, 1), "It changes from one to the other."),
    Claim("harmonics.*.at", lambda b: Interval(0, b.k.phase_stride * b.k.parameters.phases), _TURNS),
    *(
        Claim(f"harmonics: {part} = ", _both(lambda b: b.points * _MEAN + 64), "RMS value: see `points`.")
        for part in ("x", "y", "amplitude")
    ),
    Claim(
        "harmonics.*.distortion",
        _from_zero(lambda b: 2 * (b.points * _MEAN) ** 2),
        "All orders together are not more than the points (Parseval).",
    ),
    Claim(
        "harmonics: active = (",
        _both(lambda b: (b.points * _MEAN + 64) ** 2 / (1 << b.k.harmonic_power_bits) + 1),
        "Not more than the product of the RMS values.",
    ),
    Claim(
        "harmonics: frequency = ",
        _from_zero(lambda b: b.k.whole_rate * b.unit / b.cycle_sets),
        "A synchronised window is not shorter than a cycle of the highest frequency.",
    ),
    *(
        Claim(f"harmonics: {part} = ", _both(lambda b: b.points * _MEAN), "Three quarters of a mean.")
        for part in ("positive", "negative")
    ),
    # Events.
    Claim("events: weight = ", _fixed(0, 1 << WINDOW_EVENTS), _TURNS),
    Claim("events: m.events.status = ", _fixed(0, (1 << 32) - 1), "Each bit is added once."),
    Claim('events: e.over[NUMBERS["overrun"]]', _fixed(-1, 512), "Windows while the background runs once."),
    Claim("events: e.over[c.number]", _fixed(0, 4096), "Samples of some windows."),
    Claim("events: held = e.held", _fixed(0, _RMS + 1), "It ends at the persistence."),
    Claim("events: e.worst[number] = over - 1", _fixed(-_LARGEST, _LARGEST), "The event has begun."),
    Claim("events: e.duration[number]", _fixed(0, _LARGEST), "The event began before."),
    # Energies and pulses.
    Claim("energies: scale = ", _fixed(0, _RMS), "It is doubled until 67 bits fit in 34."),
    Claim("pulses: whole_word = ", _fixed(0, 1 << 34), "The loop before makes it fit."),
    Claim("pulses: part_word = ", _fixed(-(1 << 34), 1 << 34), "The loop before makes it fit."),
    Claim("pulses: step_word = ", _fixed(0, 1 << 34), "The loop before makes it fit."),
    Claim("pulses: r.beyond = r.beyond", _fixed(-(1 << 71), _WIDE), "What is owed is the register's energy."),
    Claim("pulses: r.planned = ", _fixed(0, 1 << 45), "A pulse in two sample sets at most."),
    Claim("pulses: place = base + at", lambda b: Interval(0, 2048 * b.unit * 16), "A place in the calendar."),
)
"""Relations of values that intervals do not see: each is checked in runs with extreme signals."""
