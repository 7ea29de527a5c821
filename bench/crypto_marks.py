"""Marks and other designs that the cryptography is held against, from ``bench/crypto_marks.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["BLOCK_MARKS", "CYCLE_MARKS", "OTHERS", "BlockMark", "Other"]


@dataclass(frozen=True, kw_only=True)
class BlockMark:
    """A block's cells at most, and its clock at least; None where nothing was aimed at."""

    lut4: int | None = None
    dsp: int | None = None
    mhz: float | None = None


@dataclass(frozen=True, kw_only=True)
class Other:
    """Another design: its clocks by our names of operations, and what it takes of an ECP5 if that is known.

    ``document`` is what its figures are from, if its name does not say so.
    """

    name: str
    cycles: Mapping[str, float]
    document: str | None = None
    lut4: int | None = None
    ff: int | None = None
    mhz: float | None = None


_FILE: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

CYCLE_MARKS: dict[tuple[str, str], float] = {
    (operation, variant): clocks
    for operation, variants in _FILE["cycles"].items()
    for variant, clocks in variants.items()
}
"""Clocks at most, by operation and variant."""

BLOCK_MARKS: dict[tuple[str, str], BlockMark] = {
    (block, variant): BlockMark(**mark)
    for block, variants in _FILE["blocks"].items()
    for variant, mark in variants.items()
}
"""By block and variant."""

OTHERS = tuple(Other(**other) for other in _FILE["others"])
"""The other designs."""
