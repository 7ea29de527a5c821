"""The error over the current as a picture: one line for each power factor, and the limits as steps."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from bench.accuracy import IMAX_OVER_IN, LIMITS, MARKS, Outcome, power_factor_name
from bench.plot_style import STYLE

__all__ = ["error_curves"]

# Power factors that share their limits share a hue; the colours keep apart for colour-blind eyes, too.
_COLOURS = {
    "1": "#1f3b5c",
    "0.5 ind": "#d1762b",
    "0.8 cap": "#f0b45f",
    "0.25 ind": "#1d8a7a",
    "0.5 cap": "#7cc6b4",
}
_OTHER = "#777777"
_MARKERS = {"1": "o", "0.5 ind": "v", "0.8 cap": "^", "0.25 ind": "v", "0.5 cap": "^"}
_MARK = "#b03048"
_LINEAR = 0.001
_TICKS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)


def error_curves(outcomes: Sequence[Outcome], accuracy_class: str, kind: str) -> bytes:
    """Draw the outcomes: above within the limits of the class, below enlarged within the marks.

    A line goes through the largest error of each current; its shade spans all frequencies. ``kind`` is one
    of `bench.accuracy.FORMATS`.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 7.4), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.25))
        _curves(above, outcomes)
        _curves(below, outcomes)
        _limits(above, accuracy_class)
        _marks(below)
        _dress(above, below, outcomes)
        above.set_title(
            f"Error of active energy, within the limits of class {accuracy_class} for a whole meter (dashed)",
            loc="left",
            size=11,
        )
        below.set_title(
            "The same enlarged, within our own marks (dotted); scale logarithmic beyond ±0.001 %",
            loc="left",
            size=11,
        )
        document = io.BytesIO()
        figure.savefig(document, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
    return document.getvalue()


def _lines(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, list[tuple[float, list[float]]]]]:
    """For each power factor, the errors at each current, currents rising."""
    names = {power_factor_name(outcome.point): None for outcome in outcomes}
    for name in names:
        by_current: dict[float, list[float]] = {}
        for outcome in outcomes:
            if power_factor_name(outcome.point) == name:
                by_current.setdefault(outcome.point.current_ratio, []).append(outcome.error_percent)
        yield name, sorted(by_current.items())


def _curves(axis: Any, outcomes: Sequence[Outcome]) -> None:
    for name, line in _lines(outcomes):
        currents = [current for current, _ in line]
        colour = _COLOURS.get(name, _OTHER)
        axis.fill_between(
            currents,
            [min(errors) for _, errors in line],
            [max(errors) for _, errors in line],
            color=colour,
            alpha=0.13,
            linewidth=0,
        )
        axis.plot(
            currents,
            [max(errors, key=abs) for _, errors in line],
            color=colour,
            marker=_MARKERS.get(name, "o"),
            markersize=4.5,
            linewidth=1.6,
            label=f"PF {name}",
        )


def _limits(axis: Any, accuracy_class: str) -> None:
    """Each group's limits as a staircase from its lowest current to Imax, above and below zero."""
    groups = {limit.power_factors: None for limit in LIMITS}
    for group in groups:
        steps = [limit for limit in LIMITS if limit.power_factors == group]
        edges = [limit.from_in / IMAX_OVER_IN for limit in steps] + [1.0]
        values = [limit.percent[accuracy_class] for limit in steps]
        for sign in (1, -1):
            axis.stairs(
                [sign * value for value in values],
                edges,
                baseline=None,
                color=_COLOURS[group[0]],
                linestyle=(0, (5, 2)),
                linewidth=1.4,
            )
        axis.annotate(
            "PF " + ", ".join(group),
            (edges[0], values[0]),
            xytext=(1, 3),
            textcoords="offset points",
            size=8.5,
            color=_COLOURS[group[0]],
        )


def _marks(axis: Any) -> None:
    edges = [mark.from_imax for mark in reversed(MARKS)] + [1.0]
    values = [mark.percent for mark in reversed(MARKS)]
    for sign in (1, -1):
        axis.stairs(
            [sign * value for value in values],
            edges,
            baseline=None,
            color=_MARK,
            linestyle=(0, (1, 1.5)),
            linewidth=1.6,
        )
    axis.set_yscale("symlog", linthresh=_LINEAR, linscale=1.2)
    axis.set_ylim(-2.5 * max(values), 2.5 * max(values))
    axis.yaxis.set_major_locator(FixedLocator([sign * tick for sign in (1, -1) for tick in _TICKS] + [0.0]))
    axis.yaxis.set_minor_locator(NullLocator())


def _dress(above: Any, below: Any, outcomes: Sequence[Outcome]) -> None:
    least = min(outcome.point.current_ratio for outcome in outcomes)
    above.set_xscale("log")
    above.set_xlim(least / 1.3, 1.3)
    largest = max(max(abs(bound) for bound in above.get_ylim()), 0.0)
    above.set_ylim(-1.1 * largest, 1.1 * largest)
    for axis in (above, below):
        axis.axhline(0.0, color="#8a929b", linewidth=0.8, zorder=0.5)
        axis.set_ylabel("Error in %")
        axis.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{value:+.3g}".replace("-", "−") if value else "0")
        )
    below.xaxis.set_major_locator(LogLocator(10, numticks=12))
    below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:g} %"))
    below.xaxis.set_minor_formatter(NullFormatter())
    below.set_xlabel("Current relative to Imax = 1.2 In")
    below.legend(loc="upper right", ncols=5, frameon=False, fontsize=9, handlelength=1.8, columnspacing=1.4)
