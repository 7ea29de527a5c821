"""Area against clocks as a picture: a marker for each operation and variant, and other designs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.crypto import OPERATIONS, Figure
from bench.crypto_marks import Other
from bench.plot_style import STYLE

__all__ = ["pareto"]

# An operation's hue; AES of both widths share theirs. They keep apart for colour-blind eyes, too.
_COLOURS = {
    "p256_keygen": "#1f3b5c",
    "p256_public": "#1f3b5c",
    "p256_sign": "#f0b45f",
    "p256_sign_checked": "#d1762b",
    "p256_verify": "#1d8a7a",
    "p256_ecdh": "#7cc6b4",
    "aes128_gcm_block": "#1f3b5c",
    "aes256_gcm_block": "#1f3b5c",
    "aes128_cmac_block": "#1d8a7a",
    "aes256_cmac_block": "#1d8a7a",
    "aes128_key_wrap": "#7cc6b4",
    "aes256_key_wrap": "#7cc6b4",
    "sha256_block": "#d1762b",
    "hmac_sha256": "#f0b45f",
    "key_generate": "#777777",
}
_LABELS = {
    "p256_keygen": "new key",
    "p256_public": "",  # as many clocks as a new key
    "p256_sign": "sign",
    "p256_sign_checked": "sign and check",
    "p256_verify": "verify",
    "p256_ecdh": "ECDH",
    "aes128_gcm_block": "GCM 128",
    "aes256_gcm_block": "GCM 256",
    "aes128_cmac_block": "CMAC 128",
    "aes256_cmac_block": "CMAC 256",
    "aes128_key_wrap": "wrap 128",
    "aes256_key_wrap": "wrap 256",
    "sha256_block": "SHA-256",
    "hmac_sha256": "HMAC",
    "key_generate": "new key",
}
# Named below their compact variant, so that neighbours' names do not meet; the others above the other one.
_BELOW = {"p256_ecdh", "aes128_cmac_block", "aes256_key_wrap", "sha256_block", "hmac_sha256"}
_MARKERS = {"compact": "s"}
_PANELS = {
    "P-256: an operation": ("p256",),
    "AES: a block, a wrapped key": ("aes",),
    "SHA-256: a block, HMAC; key store": ("sha256", "keystore"),
}
_OTHER = "#b03048"
_BLOCKS = {operation.name: operation.block for operation in OPERATIONS}


def pareto(figures: Sequence[Figure], others: Sequence[Other], kind: str) -> bytes:
    """Draw what has an area. A line joins an operation's variants.

    ``kind`` is one of `bench.accuracy.FORMATS`.
    """
    measured = [figure for figure in figures if figure.lut4]
    with matplotlib.rc_context(STYLE):
        picture = Picture(figsize=(12, 5.2), layout="constrained")
        panels = picture.subplots(1, len(_PANELS))
        for axis, (title, blocks) in zip(panels, _PANELS.items(), strict=True):
            _draw(axis, [figure for figure in measured if _BLOCKS[figure.operation] in blocks], others)
            axis.set_title(title, loc="left", size=11)
        panels[0].set_ylabel("LUT4 of the whole block on ECP5")
        _legend(picture, others)
        document = io.BytesIO()
        picture.savefig(document, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
    return document.getvalue()


def _draw(axis: Any, figures: Sequence[Figure], others: Sequence[Other]) -> None:
    for operation in dict.fromkeys(figure.operation for figure in figures):
        line = [figure for figure in figures if figure.operation == operation]
        colour = _COLOURS[operation]
        axis.plot(
            [figure.cycles for figure in line],
            [figure.lut4 for figure in line],
            color=colour,
            linewidth=1.2,
            alpha=0.5,
        )
        for figure in line:
            axis.plot(figure.cycles, figure.lut4, color=colour, marker=_MARKERS.get(figure.variant, "o"))
        _label(axis, line)
    names = {figure.operation for figure in figures}
    known = [
        (other, clocks)
        for other in others
        for operation, clocks in other.cycles.items()
        if other.lut4 and operation in names
    ]
    for other, clocks in known:
        axis.plot(clocks, other.lut4, color=_OTHER, marker="X", markersize=8)
        axis.annotate(
            other.name,
            (clocks, other.lut4),
            xytext=(0, 9),
            ha="center",
            textcoords="offset points",
            size=9,
            color=_OTHER,
        )
    _dress(axis, [*(figure.cycles for figure in figures), *(clocks for _, clocks in known)])


def _label(axis: Any, line: Sequence[Figure]) -> None:
    """Name the operation, aslant: those of a block stand in a row."""
    ranked = sorted(line, key=lambda figure: figure.lut4 or 0)
    operation = ranked[0].operation
    below = operation in _BELOW
    chosen = ranked[0 if below else -1]
    axis.annotate(
        _LABELS[operation],
        (chosen.cycles, chosen.lut4),
        xytext=(4, -8) if below else (0, 8),
        textcoords="offset points",
        rotation=55,
        rotation_mode="anchor",
        ha="right" if below else "left",
        va="center",
        size=9,
        color="#444b53",
    )


def _dress(axis: Any, clocks: Sequence[float]) -> None:
    axis.set_xscale("log")
    axis.set_xlabel("Clocks")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", " ")))
    axis.xaxis.set_minor_formatter(NullFormatter())
    if clocks:
        axis.set_xlim(min(clocks) / 2, max(clocks) * 1.8)
    axis.set_ylim(0, 1.3 * axis.get_ylim()[1])
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", " ")))


def _legend(picture: Any, others: Sequence[Other]) -> None:
    shapes = [("o", "#444b53", "row, fast; key store"), ("s", "#444b53", "compact")]
    if any(other.lut4 for other in others):
        shapes.append(("X", _OTHER, "another design, its core alone"))
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=text)
        for marker, colour, text in shapes
    ]
    picture.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9.5)
