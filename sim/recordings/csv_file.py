"""Recordings as text: header lines, one line of column names, then rows of numbers."""

__all__ = ["read_csv"]

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from sim.recordings.sheet import Channel, Sheet, checked_rate, first_not_finite
from sim.recordings.table import parse_table, split_cells, to_number
from sim.recordings.timebase import fit_rate
from sim.recordings.units import unit_of_name
from sim.resample import FloatArray
from soc.errors import InputError

_WRONG_RATE = 1e-3

_RATE_KEYS: dict[str, Callable[[float], float]] = {
    "samplerate": lambda value: value,
    "sampleratehz": lambda value: value,
    "samplingrate": lambda value: value,
    "samplingratehz": lambda value: value,
    "samplespersecond": lambda value: value,
    "microsecondspersample": lambda value: 1e6 / value,
}


def read_csv(path: Path) -> Sheet:
    """Read a text file of columns.

    The separator is a tab, a semicolon or a comma, the first of these that the line of names has; with the
    first two, numbers may have a decimal comma. The rate is fitted to the column of times; a header line
    such as ``Microseconds_Per_Sample,32.5`` or ``sample_rate_hz,20000`` must agree with it within 0.1 %, and
    gives the rate where there is no column of times.

    Raises
    ------
    InputError
        If the text cannot be decoded, holds no names or numbers, a row has too few or too many cells, a time
        is no number, or the rate is missing, uneven or contradicted by the header.
    """
    lines = _text(path).split("\n")
    ended = lines[-1] == ""
    while lines and not lines[-1].strip():
        lines.pop()
    separator, names_at = _layout(path, lines)
    names = [cell.strip() for cell in split_cells(lines[names_at], separator)]
    rows = lines[names_at + 1 :]
    columns, faults = parse_table(path, names, rows, names_at + 2, separator)

    def place(row: int) -> str:
        return f"line {names_at + 2 + row}"

    notes = [] if ended else ["the last line has no line end: the file may have been cut"]
    header = _header_rate(path, lines[:names_at], separator)
    units = [unit_of_name(name) for name in names]
    times = [index for index, (_, unit) in enumerate(units) if unit is not None and unit.kind == "s"]
    if len(times) > 1:
        listing = ", ".join(f"'{names[index]}'" for index in times)
        raise InputError(
            f"{path}: line {names_at + 1} names several columns of times, {listing}; one is needed"
        )
    if times:
        rate = _rate(path, names, rows, columns, faults, times[0], separator, place, header)
        notes.append(f"rate: {rate:.7g} samples per second, fitted to column '{names[times[0]]}'")
    elif header is not None:
        rate = header[0]
        notes.append(f"rate: {rate:.7g} samples per second, from line {header[1]}")
    else:
        raise InputError(
            f"{path}: line {names_at + 1} names no column of times; one such as 'Time (s)', 'Time (ms)' or "
            f"'time_s' is needed among {', '.join(names)}"
        )
    channels = []
    for index, (bare, unit) in enumerate(units):
        if index in times:
            continue
        stated = unit is not None and unit.stated
        channels.append(
            Channel(
                number=index + 1,
                name=names[index],
                bare_name=bare,
                unit="",
                kind=None if unit is None else unit.kind,
                scale=1.0 if unit is None else unit.factor,
                values=columns[index],
                note="" if stated else f"column '{names[index]}' states no unit: taken as volts or amperes",
                fault=faults.get(index, ""),
            )
        )
    return Sheet(path, tuple(channels), checked_rate(path, rate, "the rate"), place, notes=tuple(notes))


def _text(path: Path) -> str:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise InputError(f"{path}: is no text in UTF-8 or GBK; a .csv file must hold lines of text")


def _layout(path: Path, lines: list[str]) -> tuple[str, int]:
    """Find the separator, and the index of the line of names."""
    for separator in ("\t", ";", ","):
        for index, line in enumerate(lines):
            cells = split_cells(line, separator)
            if len(cells) > 1 and all(to_number(cell, separator) is not None for cell in cells):
                return separator, _names_above(path, lines, index, separator, len(cells))
    sample = next((index for index, line in enumerate(lines) if index and re.search(r"\d", line)), 0)
    shown = lines[sample].strip()[:60] if lines else ""
    raise InputError(
        f"{path}: no line holds numbers only (line {sample + 1} is '{shown}'); column names and then rows of "
        f"numbers, such as time, voltage and current, are needed"
    )


def _names_above(path: Path, lines: list[str], first: int, separator: str, width: int) -> int:
    for index in range(first - 1, -1, -1):
        cells = split_cells(lines[index], separator)
        if len(cells) == width and all(to_number(cell, separator) is None and cell.strip() for cell in cells):
            return index
    raise InputError(
        f"{path}: no line of {width} column names stands above the numbers of line {first + 1}; "
        f"one such as 'Time (s){separator}Voltage (V){separator}Current (A)' is needed"
    )


def _header_rate(path: Path, header: list[str], separator: str) -> tuple[float, int] | None:
    """Return the rate that a header line states, and that line's number."""
    for index, line in enumerate(header):
        key, _, text = line.partition(separator)
        rule = _RATE_KEYS.get(re.sub(r"[^a-z]", "", key.casefold()))
        if rule is None:
            continue
        value = to_number(text.strip().strip(separator), separator)
        if value is None or not math.isfinite(value) or value <= 0:
            raise InputError(
                f"{path}: line {index + 1} gives {key} as '{text.strip()}'; it must be a positive number"
            )
        return rule(value), index + 1
    return None


def _rate(
    path: Path,
    names: list[str],
    rows: list[str],
    columns: list[FloatArray],
    faults: dict[int, str],
    index: int,
    separator: str,
    place: Callable[[int], str],
    header: tuple[float, int] | None,
) -> float:
    if index in faults:
        raise InputError(f"{path}: {faults[index]}")
    _, unit = unit_of_name(names[index])
    assert unit is not None
    stamps = columns[index]
    bad = first_not_finite(stamps)
    if bad is not None:
        raise InputError(f"{path}: {place(bad)} has {stamps[bad]:g} as its time; it must be a finite number")
    if stamps.size < 2:
        raise InputError(
            f"{path}: holds {stamps.size} row of numbers; at least two are needed to know the rate"
        )
    with np.errstate(over="ignore"):
        times = stamps * unit.factor
    rate = fit_rate(path, times, _resolution(rows, index, separator) * unit.factor, place)
    if header is not None and abs(header[0] / rate - 1) > _WRONG_RATE:
        raise InputError(
            f"{path}: line {header[1]} states {header[0]:.7g} samples per second, but column "
            f"'{names[index]}' rises as at {rate:.7g}; both must agree within {_WRONG_RATE:.1%}"
        )
    return rate


def _resolution(rows: list[str], index: int, separator: str) -> float:
    """Return the last decimal place to which the times are written, seen over up to a thousand rows."""
    least = 0
    for row in rows[:: max(1, len(rows) // 1000)]:
        cell = split_cells(row, separator)[index].strip().replace(",", ".")
        try:
            exponent = Decimal(cell).as_tuple().exponent
        except InvalidOperation:
            continue
        if isinstance(exponent, int):
            least = min(least, exponent)
    return 10.0**least
