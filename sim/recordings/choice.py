"""The choice of voltage and current channels, by name or by what the file says of itself."""

__all__ = ["Names", "choose"]

from collections.abc import Sequence

import numpy as np

from sim.recordings.recording import LEAST_SECONDS, Recording
from sim.recordings.sheet import Channel, Sheet
from sim.resample import FloatArray
from soc.errors import InputError

Names = str | Sequence[str] | None

_MOST = 1e12
_SHOWN = 12

_ROLES = {"V": ("voltage", "--voltage", "--v-max"), "A": ("current", "--current", "--i-max")}


def choose(
    sheet: Sheet, voltage: Names, current: Names, v_max: float | None = None, i_max: float | None = None
) -> Recording:
    """Turn a sheet into a recording of the named channels, or of the obvious ones.

    Without names, the format's own order decides, else the only voltage and the only current, else two or
    three voltages and as many currents of the same phases; neutral channels do not count. Whatever was
    chosen stands in the recording's notes.

    Raises
    ------
    InputError
        If a name fits no channel or several, twice the same, or a quantity of another kind, the choice is
        not obvious, the numbers of voltages and currents differ, a chosen value is no finite number or,
        scaled, beyond 1e12 V or A, the recording is too short, or the scale of a relative sheet is missing.
    """
    volts = _named(sheet, voltage, "V") if voltage is not None else None
    amperes = _named(sheet, current, "A") if current is not None else None
    if volts is None and amperes is None:
        volts, amperes = _obvious_pair(sheet)
    elif volts is None:
        assert amperes is not None
        volts = _obvious(sheet, "V", len(amperes))
    elif amperes is None:
        amperes = _obvious(sheet, "A", len(volts))
    if len(volts) != len(amperes):
        raise InputError(
            f"{sheet.path}: {len(volts)} voltages and {len(amperes)} currents were named; "
            f"each phase needs one of both"
        )
    samples = volts[0].values.size
    if samples < LEAST_SECONDS * sheet.rate_hz:
        raise InputError(
            f"{sheet.path}: holds {samples} samples, {samples / sheet.rate_hz * 1e3:.4g} ms; "
            f"at least {LEAST_SECONDS * 1e3:g} ms are needed"
        )
    return Recording(
        path=sheet.path,
        voltage_v=np.stack([_si(sheet, channel, "V", v_max) for channel in volts]),
        current_a=np.stack([_si(sheet, channel, "A", i_max) for channel in amperes]),
        rate_hz=sheet.rate_hz,
        voltage_names=tuple(channel.name for channel in volts),
        current_names=tuple(channel.name for channel in amperes),
        notes=(
            f"voltage: channel {', '.join(map(str, volts))}",
            f"current: channel {', '.join(map(str, amperes))}",
            *sheet.notes,
            *dict.fromkeys(channel.note for channel in (*volts, *amperes) if channel.note),
        ),
    )


def _listing(channels: Sequence[Channel]) -> str:
    """Name the first dozen in the file's order, and say how many more there are."""
    shown = ", ".join(map(str, sorted(channels, key=lambda channel: channel.number)[:_SHOWN]))
    return shown if len(channels) <= _SHOWN else f"{shown} and {len(channels) - _SHOWN} more"


def _named(sheet: Sheet, names: str | Sequence[str], kind: str) -> list[Channel]:
    wanted = [names] if isinstance(names, str) else list(names)
    role, option, _ = _ROLES[kind]
    if not wanted:
        raise InputError(f"{sheet.path}: {option} names no channel; there are {_listing(sheet.channels)}")
    found = []
    for name in wanted:
        channel = _by_name(sheet, name, option)
        if channel.kind not in (None, kind):
            stated = "" if channel.kind in _ROLES else f", as its unit is {channel.kind}"
            raise InputError(f"{sheet.path}: {option} names channel {channel}, which is no {role}{stated}")
        if channel in found:
            raise InputError(
                f"{sheet.path}: {option} names channel {channel} twice; each phase needs its own {role}"
            )
        found.append(channel)
    return found


def _by_name(sheet: Sheet, name: str, option: str) -> Channel:
    """Find one channel: by its exact name, without regard to case or unit, or by its number."""
    tests = (
        lambda channel: channel.name == name,
        lambda channel: name.casefold() in (channel.name.casefold(), channel.bare_name.casefold()),
        lambda channel: str(channel.number) == name,
    )
    for test in tests:
        found = [channel for channel in sheet.channels if test(channel)]
        if len(found) > 1:
            raise InputError(
                f"{sheet.path}: {option} '{name}' fits {len(found)} channels, {_listing(found)}; "
                f"give a number"
            )
        if found:
            return found[0]
    raise InputError(
        f"{sheet.path}: has no channel '{name}' for {option}; there are {_listing(sheet.channels)}"
    )


def _candidates(sheet: Sheet, kind: str) -> list[Channel]:
    found = [channel for channel in sheet.channels if channel.kind == kind and channel.phase != "N"]
    if not found:
        role, option, _ = _ROLES[kind]
        raise InputError(
            f"{sheet.path}: no channel is known to be a {role}; name one with {option}: "
            f"{_listing(sheet.channels)}"
        )
    return found


def _obvious(sheet: Sheet, kind: str, count: int) -> list[Channel]:
    found = _candidates(sheet, kind)
    if len(found) != count:
        role, option, _ = _ROLES[kind]
        raise InputError(
            f"{sheet.path}: {len(found)} channels could be the {role} of {count} phase{'s' * (count > 1)}; "
            f"choose with {option}: {_listing(found)}"
        )
    return found


def _obvious_pair(sheet: Sheet) -> tuple[list[Channel], list[Channel]]:
    if sheet.defaults is not None:
        first, second = (sheet.channels[number - 1] for number in sheet.defaults)
        return [first], [second]
    if sheet.relative:
        raise InputError(
            f"{sheet.path}: has {len(sheet.channels)} channels; choose with --voltage and --current: "
            f"{_listing(sheet.channels)}"
        )
    volts, amperes = _candidates(sheet, "V"), _candidates(sheet, "A")
    if len(volts) == len(amperes) <= 3:
        by_phase = {channel.phase: channel for channel in amperes}
        if len(volts) == 1 or not any(channel.phase for channel in (*volts, *amperes)):
            return volts, amperes
        if len(by_phase) == len(volts) and {channel.phase for channel in volts} == set(by_phase):
            return volts, [by_phase[channel.phase] for channel in volts]
    raise InputError(
        f"{sheet.path}: {len(volts)} channels could be the voltage and {len(amperes)} the current; "
        f"choose with --voltage and --current: {_listing([*volts, *amperes])}"
    )


def _si(sheet: Sheet, channel: Channel, kind: str, full_scale: float | None) -> FloatArray:
    if channel.fault:
        raise InputError(f"{sheet.path}: {channel.fault}")
    scale = channel.scale
    if sheet.relative:
        role, _, option = _ROLES[kind]
        if full_scale is None:
            raise InputError(
                f"{sheet.path}: its samples are fractions of full scale without a unit; "
                f"{option} must give the {role} of full scale"
            )
        scale *= full_scale
    with np.errstate(over="ignore", invalid="ignore"):
        values = channel.values.astype(np.float64)
        scaled = values * scale + channel.offset
    wrong = ~(np.abs(scaled) <= _MOST)
    if wrong.any():
        index = int(np.argmax(wrong))
        where = f"{sheet.path}: {sheet.place(index)} has {values[index]:g} in channel '{channel.name}'"
        if not np.isfinite(values[index]):
            raise InputError(f"{where}; every sample must be a finite number")
        raise InputError(
            f"{where}, {scaled[index]:g} {kind} at a scale of {scale:g}; it must be at most {_MOST:g} {kind}"
        )
    return scaled
