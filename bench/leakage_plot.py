"""The t of each clock as a picture, a panel for each case."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from bench.leakage import THRESHOLD, Leakage
from bench.plot_style import STYLE

__all__ = ["curves"]

_LINE, _LIMIT = "#1f3b5c", "#b03048"
_MOST_STEPS = 200  # clocks of which each is shown with its width


def curves(measured: Sequence[Leakage], kind: str) -> bytes:
    """Draw what was measured; ``kind`` is one of `bench.accuracy.FORMATS`."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 0.6 + 1.9 * len(measured)), layout="constrained")
        panels = figure.subplots(len(measured), 1, squeeze=False)[:, 0]
        for panel, leakage in zip(panels, measured, strict=True):
            _panel(panel, leakage)
        panels[-1].set_xlabel("Clock")
        document = io.BytesIO()
        figure.savefig(document, format=kind, dpi=140, metadata={"Date": None} if kind == "svg" else None)
    return document.getvalue()


def _panel(panel: Any, leakage: Leakage) -> None:
    clocks = np.arange(leakage.clocks)
    few = leakage.clocks <= _MOST_STEPS
    # Many thousands of points would make a file of many megabytes: they are drawn as an image.
    panel.plot(
        clocks,
        leakage.t,
        color=_LINE,
        linewidth=1.3 if few else 0.4,
        drawstyle="steps-mid" if few else "default",
        rasterized=not few,
    )
    for sign in (1, -1):
        panel.axhline(sign * THRESHOLD, color=_LIMIT, linestyle=(0, (5, 2)), linewidth=1.0)
    finite = np.abs(leakage.t[np.isfinite(leakage.t)])
    height = 1.15 * max(THRESHOLD * 1.5, finite.max(initial=0.0))
    panel.set_ylim(-height, height)
    panel.set_xlim(-0.5, leakage.clocks - 0.5)
    panel.set_ylabel("t")
    panel.set_title(f"{leakage.title}; {leakage.traces:,} traces", loc="left", size=10)
