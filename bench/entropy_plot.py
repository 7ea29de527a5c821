"""Raw bits as a picture, and the entropy that the jitter model gives over the jitter."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from bench.plot_style import STYLE
from rtl.entropy.jitter import JitterModel

__all__ = ["bits_picture", "jitter_picture"]

Bits = npt.NDArray[np.uint8]

_LINE, _EXPECTED, _LIMIT = "#1f3b5c", "#8a929b", "#b03048"
_LAGS = 256
_PARTS = 200
_LONGEST_RUN = 24
_SIDE = 256
_OUTSIDE = 3.29  # deviations: one value in a thousand is further out


def bits_picture(bits: Bits, title: str, kind: str) -> bytes:
    """Four panels: correlation by distance, lengths of runs, share of ones over time, the first bits.

    ``kind`` is one of `bench.accuracy.FORMATS`.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10, 7.2), layout="constrained")
        (correlation, runs), (ones, first) = figure.subplots(2, 2)
        figure.suptitle(title, x=0.01, ha="left", size=11)
        _correlation(correlation, bits)
        _runs(runs, bits)
        _ones(ones, bits)
        _first(first, bits)
        return _written(figure, kind)


def jitter_picture(model: JitterModel, entropy: float, measured: tuple[float, float], kind: str) -> bytes:
    """Min-entropy of a raw bit over the jitter of a stage: of all rings, of those needed, and of one.

    ``measured`` is a range of jitters that others have measured; ``entropy`` is what is assumed.
    """
    jitters = np.geomspace(0.3, 10, 120)
    models = [replace(model, jitter_ps=float(jitter)) for jitter in jitters]
    needed = model.needed_rings(entropy)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.2), layout="constrained")
        panel = figure.subplots()
        panel.plot(jitters, [each.min_entropy() for each in models], color=_LINE, linewidth=2)
        panel.annotate(f"all {model.rings} rings", (0.62, 0.31), color=_LINE, ha="right")
        if needed is not None and needed < model.rings:
            lost = [each.min_entropy(lost=model.rings - needed) for each in models]
            panel.plot(jitters, lost, color=_LINE, linewidth=1, linestyle=(0, (4, 2)))
            panel.annotate(f"the weakest {needed}", (2.0, 0.53), color=_LINE)
        single = [replace(each, banks=1, lengths=model.lengths[:1]).min_entropy() for each in models]
        panel.plot(jitters, single, color=_EXPECTED, linewidth=1)
        panel.annotate(f"one ring of {model.lengths[0]}", (3.0, 0.02), color="#444b53")
        panel.axhline(entropy, color=_LIMIT, linestyle=(0, (5, 2)), linewidth=1)
        panel.annotate("assumed", (0.31, entropy + 0.02), color=_LIMIT)
        panel.axvline(model.jitter_ps, color=_LIMIT, linestyle=(0, (1, 2)), linewidth=1)
        panel.annotate("nominal", (model.jitter_ps * 0.97, 0.9), color=_LIMIT, ha="right")
        panel.axvspan(*measured, color=_EXPECTED, alpha=0.25, linewidth=0)
        panel.annotate("published", (measured[1] * 1.03, 0.3), color="#444b53")
        panel.set_xscale("log")
        panel.set_xticks([0.3, 0.5, 1, 2, 3, 5, 10], ["0.3", "0.5", "1", "2", "3", "5", "10"])
        panel.minorticks_off()
        panel.set_xlim(0.3, 10)
        panel.set_ylim(0, 1.02)
        panel.set_xlabel(f"Thermal jitter of a stage of {model.stage_ps:g} ps, in ps")
        panel.set_ylabel("Min-entropy of a raw bit, all phases known")
        return _written(figure, kind)


def _correlation(panel: Any, bits: Bits) -> None:
    signs = bits.astype(np.float32) * 2 - 1
    signs -= signs.mean()
    power = float((signs**2).mean()) or 1.0
    lags = np.arange(1, min(_LAGS, len(bits) - 1) + 1)
    values = [float((signs[lag:] * signs[:-lag]).mean()) / power for lag in lags]
    panel.vlines(lags, 0, values, color=_LINE, linewidth=1)
    _band(panel, 0, _OUTSIDE / math.sqrt(len(bits)))
    panel.set_xlabel("Distance, bits")
    panel.set_title("Autocorrelation", loc="left", size=10)


def _runs(panel: Any, bits: Bits) -> None:
    changes = np.flatnonzero(np.diff(bits)) + 1
    lengths = np.diff(np.concatenate([[0], changes, [len(bits)]]))
    counts = np.bincount(np.minimum(lengths, _LONGEST_RUN), minlength=_LONGEST_RUN + 1)[1:]
    places = np.arange(1, _LONGEST_RUN + 1)
    expected = len(lengths) * 0.5 ** np.minimum(places, _LONGEST_RUN - 1)
    panel.bar(places, counts, color=_LINE, width=0.7)
    panel.plot(places, expected, color=_LIMIT, marker="_", linestyle="none", markersize=9)
    panel.set_yscale("log")
    panel.set_ylim(0.5, 2 * max(counts.max(), expected.max()))
    panel.set_xlabel(f"Equal bits in a row ({_LONGEST_RUN}: or more); red: of fair bits")
    panel.set_title("Runs", loc="left", size=10)


def _ones(panel: Any, bits: Bits) -> None:
    size = max(1, len(bits) // _PARTS)
    shares = bits[: len(bits) // size * size].reshape(-1, size).mean(axis=1)
    panel.plot(np.arange(len(shares)) * size, shares, color=_LINE, linewidth=1)
    width = _OUTSIDE * 0.5 / math.sqrt(size)
    _band(panel, 0.5, width)
    reach = max(2 * width, 1.1 * float(np.abs(shares - 0.5).max()))
    panel.set_ylim(0.5 - reach, 0.5 + reach)
    panel.locator_params(axis="x", nbins=5)
    panel.set_xlabel(f"Bit, in parts of {size}")
    panel.set_title("Share of ones", loc="left", size=10)


def _first(panel: Any, bits: Bits) -> None:
    rows = min(_SIDE, len(bits) // _SIDE)
    panel.imshow(
        1 - bits[: rows * _SIDE].reshape(rows, _SIDE), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
    )
    panel.grid(visible=False)
    panel.set_xticks([0, _SIDE])
    panel.set_yticks([0, rows])
    panel.set_title(f"The first {rows * _SIDE:,} bits, row by row; black: 1", loc="left", size=10)


def _band(panel: Any, middle: float, width: float) -> None:
    for sign in (1, -1):
        panel.axhline(middle + sign * width, color=_LIMIT, linestyle=(0, (5, 2)), linewidth=1)


def _written(figure: Figure, kind: str) -> bytes:
    document = io.BytesIO()
    figure.savefig(document, format=kind, dpi=140, metadata={"Date": None} if kind == "svg" else None)
    return document.getvalue()
