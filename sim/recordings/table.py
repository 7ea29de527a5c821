"""Rows of text cells as columns of numbers, with a sentence for each cell that is none."""

__all__ = ["parse_table", "split_cells", "to_number"]

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim.resample import FloatArray
from soc.errors import InputError


def split_cells(line: str, separator: str) -> list[str]:
    """Split a line at the separator, and take quotes off its cells."""
    cells = line.split(separator)
    if '"' in line:
        cells = [cell.strip().removeprefix('"').removesuffix('"') for cell in cells]
    return cells


def to_number(cell: str, separator: str) -> float | None:
    """Read a cell, with a decimal comma where the separator is another one; None if it is no number."""
    if "_" in cell:  # Python would read 1_0 as 10
        return None
    if separator != ",":
        cell = cell.replace(",", ".")
    try:
        return float(cell)
    except ValueError:
        return None


def parse_table(
    path: Path, names: Sequence[str], rows: Sequence[str], first_line: int, separator: str
) -> tuple[list[FloatArray], dict[int, str]]:
    """Parse all cells of rows that have one cell for each name.

    A cell that is no number becomes NaN; the second result says of each column that has such cells where the
    first one is and what it holds, so that only who uses the column needs to refuse it.

    Raises
    ------
    InputError
        If a row has another number of cells than there are names.
    """
    try:
        clean = rows if separator == "," else [row.replace(",", ".") for row in rows]
        table = np.loadtxt(clean, delimiter=separator, comments=None, ndmin=2, dtype=np.float64)
        if table.shape == (len(rows), len(names)):
            return list(np.ascontiguousarray(table.T)), {}
    except ValueError:
        pass  # the rows are read again, slowly, to find what is wrong and where
    table = np.full((len(names), len(rows)), math.nan)
    faults: dict[int, str] = {}
    for row, line in enumerate(rows):
        cells = split_cells(line, separator)
        where = f"line {first_line + row}"
        if len(cells) != len(names):
            shown = f"has {len(cells)} cell{'s' * (len(cells) > 1)}" if line.strip() else "is empty"
            cut = "; the file was cut there" if row == len(rows) - 1 and len(cells) < len(names) else ""
            raise InputError(f"{path}: {where} {shown} where {len(names)} are needed{cut}")
        for column, cell in enumerate(cells):
            value = to_number(cell, separator)
            if value is not None:
                table[column, row] = value
            elif column not in faults:
                shown = f"'{cell.strip()}'" if cell.strip() else "nothing"
                faults[column] = f"{where} has {shown} in column '{names[column]}', where a number is needed"
    return list(table), faults
