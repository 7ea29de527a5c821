"""Recordings in COMTRADE (IEEE C37.111): a .cfg and .dat pair, or both in one .cff file."""

__all__ = ["SCALES", "read_comtrade"]

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from comtrade import AnalogChannel, Cfg

from sim.recordings.comtrade_parts import Parts, read_config, read_parts
from sim.recordings.sheet import Channel, Sheet, checked_rate
from sim.recordings.table import parse_table
from sim.recordings.timebase import fit_rate
from sim.recordings.units import unit_of_name, unit_of_symbol
from sim.resample import FloatArray
from soc.errors import InputError

SCALES = ("as-written", "primary", "secondary")

_WRONG_RATE = 1e-3
_MISSING_STAMP = 0xFFFFFFFF
_MISSING_TEXT = 99999
_BINARY = {"BINARY": "<i2", "BINARY32": "<i4", "FLOAT32": "<f4"}
_MISSING: dict[str, float] = {
    "BINARY": -(2**15),
    "BINARY32": -(2**31),
    "FLOAT32": float(np.finfo(np.float32).min),
}


@dataclass(frozen=True, eq=False)
class _Records:
    """The records of one segment: their numbers, time stamps in the file's unit, and raw channel values."""

    first: int
    numbers: npt.NDArray[Any]
    stamps: FloatArray
    columns: Sequence[npt.NDArray[Any]]
    faults: dict[int, str]


def read_comtrade(path: Path, segment: int | None = None, scale: str = "as-written") -> Sheet:
    """Read the analogue channels of one segment.

    Parameters
    ----------
    path:
        The .cfg, .dat or .cff file.
    segment:
        Which of the stretches of one rate to read, counted from 1; needed where there are several.
    scale:
        ``as-written`` takes values in the unit that the file states and applies no transformer ratio.
        ``primary`` and ``secondary`` apply the ratio where the channel's flag says that its values are of the
        other side.

    Raises
    ------
    InputError
        If a part of the pair is missing or cut, the configuration cannot be read, the records do not match
        it in size, numbering or time stamps, or the segment is not named or not there.
    """
    parts = read_parts(path)
    cfg, form = read_config(parts)
    first, last, declared = _segment(parts.cfg_path, cfg, segment)
    reader = _ascii if form == "ASCII" else _binary
    records = reader(parts, cfg, form, first, last)
    _check_numbers(parts.dat_path, records)

    def place(index: int) -> str:
        return f"record {first + index}"

    rate = checked_rate(parts.cfg_path, _rate(parts, cfg, records, declared), "the rate of the segment")
    channels = tuple(
        _channel(channel, number, records, scale) for number, channel in enumerate(cfg.analog_channels, 1)
    )
    notes = [f"rate: {rate:.7g} samples per second, records {first} to {last}"]
    if parts.encoding != "utf-8":
        notes.append(f"names: {parts.cfg_path.name} is read as {parts.encoding.upper()} text")
    return Sheet(path, channels, rate, place, notes=tuple(notes))


def _segment(path: Path, cfg: Cfg, wanted: int | None) -> tuple[int, int, float]:
    """Return the first and last record of the wanted segment, counted from 1, and its declared rate."""
    segments = []
    first = 1
    for rate, last in cfg.sample_rates:
        if last < first:
            raise InputError(
                f"{path}: a rate lasts to record {last}, but starts at record {first}; "
                f"the last records must rise"
            )
        segments.append((first, last, float(rate)))
        first = last + 1
    listing = "; ".join(
        f"{number}: {rate:g} samples per second, records {start} to {end}"
        for number, (start, end, rate) in enumerate(segments, 1)
    )
    if wanted is None:
        if len(segments) > 1:
            raise InputError(f"{path}: its rate changes; choose a segment with --segment ({listing})")
        wanted = 1
    if not 1 <= wanted <= len(segments):
        raise InputError(f"{path}: has no segment {wanted}; there are {listing}")
    return segments[wanted - 1]


def _binary(parts: Parts, cfg: Cfg, form: str, first: int, last: int) -> _Records:
    count = len(cfg.analog_channels)
    record = np.dtype(
        [
            ("number", "<u4"),
            ("stamp", "<u4"),
            ("analog", _BINARY[form], (count,)),
            ("status", "<u2", (-(-len(cfg.status_channels) // 16),)),
        ]
    )
    total = cfg.sample_rates[-1][1]
    size = (
        len(parts.dat.removesuffix(b"\x1a"))
        if len(parts.dat) == total * record.itemsize + 1
        else len(parts.dat)
    )
    if size != total * record.itemsize:
        whole = size / record.itemsize
        cause = "it was cut" if whole < total else "it belongs to another configuration"
        raise InputError(
            f"{parts.dat_path}: has {size} bytes, {whole:.7g} records of {record.itemsize} bytes, where "
            f"{parts.cfg_path.name} states {total} records; {cause}"
        )
    table = np.frombuffer(parts.dat, dtype=record, count=total)[first - 1 : last]
    stamps = table["stamp"].astype(np.float64)
    stamps[table["stamp"] == _MISSING_STAMP] = np.nan
    analog = table["analog"].astype(np.float64)
    if form == "FLOAT32" or cfg.rev_year != "1991":
        analog[analog == _MISSING[form]] = np.nan
    return _Records(first, table["number"], stamps, list(analog.T), {})


def _ascii(parts: Parts, cfg: Cfg, form: str, first: int, last: int) -> _Records:
    text = parts.dat.decode("latin-1").replace("\x1a", "").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.rstrip("\n").split("\n")
    total = cfg.sample_rates[-1][1]
    names = ["sample number", "time stamp"]
    names += [channel.name for channel in (*cfg.analog_channels, *cfg.status_channels)]
    if len(lines) != total:
        cause = "it was cut" if len(lines) < total else "it belongs to another configuration"
        raise InputError(
            f"{parts.dat_path}: has {len(lines)} lines where {parts.cfg_path.name} states {total} records; "
            f"{cause}"
        )
    columns, faults = parse_table(parts.dat_path, names, lines[first - 1 : last], first, ",")
    count = len(cfg.analog_channels)
    analog = columns[2 : 2 + count]
    if cfg.rev_year != "1991":
        for column in analog:
            column[column == _MISSING_TEXT] = np.nan
    stamps = columns[1]
    stamps[stamps == _MISSING_STAMP] = np.nan
    shifted = {index - 2: f"in {parts.dat_path.name}, {fault}" for index, fault in faults.items()}
    return _Records(first, columns[0], stamps, analog, shifted)


def _check_numbers(path: Path, records: _Records) -> None:
    numbers = records.numbers.astype(np.float64)
    wrong = ~(np.diff(numbers) == 1)
    if wrong.any():
        index = int(np.argmax(wrong)) + 1
        raise InputError(
            f"{path}: record {records.first + index} is numbered {numbers[index]:g} and the one before it "
            f"{numbers[index - 1]:g}; the numbers must rise by one"
        )


def _rate(parts: Parts, cfg: Cfg, records: _Records, declared: float) -> float:
    """Return the declared rate, checked against the time stamps where there are any."""
    stamps = records.stamps
    usable = stamps.size > 1 and bool(np.isfinite(stamps).all()) and stamps[0] != stamps[-1]
    if declared == 0 and not usable:
        raise InputError(
            f"{parts.cfg_path}: states no rate, and not every record of {parts.dat_path.name} has a time "
            f"stamp; one of both is needed"
        )
    if not usable:
        return declared
    if not 0 < cfg.timemult < math.inf:
        raise InputError(
            f"{parts.cfg_path}: its factor of the time stamps is {cfg.timemult:g}; "
            f"it must be a positive finite number"
        )
    unit = cfg.time_base * cfg.timemult
    with np.errstate(over="ignore"):
        times = stamps * unit
    fitted = fit_rate(parts.dat_path, times, unit, lambda index: f"record {records.first + index}")
    slack = _WRONG_RATE + 2 * unit / (stamps.size / fitted)
    if declared != 0 and abs(fitted / declared - 1) > slack:
        raise InputError(
            f"{parts.cfg_path}: states {declared:g} samples per second, but the time stamps of "
            f"{parts.dat_path.name} rise as at {fitted:.7g}; both must agree within {_WRONG_RATE:.1%}"
        )
    return declared or fitted


def _channel(channel: AnalogChannel, number: int, records: _Records, scale: str) -> Channel:
    bare, guess = unit_of_name(channel.name)
    unit = unit_of_symbol(channel.uu) or guess
    factor = 1.0 if unit is None else unit.factor
    ratio, note, fault = _ratio(channel, number, scale)
    if channel.skew:
        note += f"; a skew of {channel.skew:g} µs is not corrected"
    total = channel.a * factor * ratio
    if not 0 < abs(total) < math.inf or not math.isfinite(channel.b * factor * ratio):
        fault = fault or (
            f"channel {number} '{channel.name}' has the multiplier {channel.a:g} and the offset "
            f"{channel.b:g}; the multiplier must be a finite number other than 0, the offset a finite one"
        )
    neutral = re.search(r"3[UI]0", channel.name, re.IGNORECASE) is not None
    return Channel(
        number=number,
        name=channel.name,
        bare_name=bare,
        unit=channel.uu,
        kind=None if unit is None else unit.kind,
        scale=total,
        offset=channel.b * factor * ratio,
        values=records.columns[number - 1],
        phase="N" if neutral else channel.ph.upper(),
        note=note,
        fault=fault or records.faults.get(number - 1, ""),
    )


def _ratio(channel: AnalogChannel, number: int, scale: str) -> tuple[float, str, str]:
    """Return the factor to the wanted side of the transformer, the note, and the fault if there is none."""
    flag = channel.pors.upper()
    sides = f"{channel.primary:g}:{channel.secondary:g}"
    if scale == "as-written":
        unit = channel.uu or "no stated unit, so volts or amperes"
        return (
            1.0,
            f"scale: values as written, in {unit}; flag '{flag}' and ratio {sides} are not applied",
            "",
        )
    if flag not in ("P", "S") or channel.primary <= 0 or channel.secondary <= 0:
        sentence = (
            f"flag '{flag}' and ratio {sides} of channel {number} '{channel.name}' tell no {scale} value"
        )
        return 1.0, "", f"{sentence}; use the values as written"
    if flag == scale[0].upper():
        return 1.0, f"scale: values as written, which are {scale} ones", ""
    ratio = channel.primary / channel.secondary if scale == "primary" else channel.secondary / channel.primary
    return ratio, f"scale: times {ratio:g} for {scale} values (flag '{flag}', ratio {sides})", ""
