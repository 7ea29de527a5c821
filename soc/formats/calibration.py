"""A calibration file: the words of the metrology's settings, as JSON with units, ranges and a CRC.

Every number of the file is the exact value of a word; what the file leaves out has the chip's default. The
CRC is that of the words, the same that the chip computes.
"""

import json
import reprlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from rtl.metering.parameters import LANE_BITS, WORD_BITS
from rtl.metering.program.settings import (
    DELAY_FRACTION,
    GAIN_FRACTION,
    LINEAR_FRACTION,
    SQUARE_FRACTION,
    TEMPERATURE_FRACTION,
    ChannelSettings,
    Settings,
)
from rtl.metering.quantities import FACTOR_FRACTION, MEAN_FRACTION
from rtl.metering.state import Field, State, fields
from soc.config import PRESETS
from soc.errors import InputError

__all__ = [
    "CHANNEL",
    "COMMON",
    "LARGEST_THRESHOLDS",
    "REGION",
    "Calibration",
    "Key",
    "decode",
    "encode",
]

_FORMAT = "wattseal calibration 1"
_REMEDY = "give a file that wattseal calibrate wrote"
_LANE_FRACTION = LANE_BITS - 1
_LARGEST = sys.float_info.max


@dataclass(frozen=True)
class Key:
    """A number of the file: its key, the field it stands for, its range and the word's fraction bits."""

    key: str
    field: str
    least: float
    most: float
    fraction_bits: int

    def word(self, value: float) -> int:
        """The word nearest to a value."""
        return round(value * 2.0**self.fraction_bits)

    def value(self, word: int) -> float:
        """The exact value of a word."""
        return word / 2.0**self.fraction_bits

    def check(self, value: float, place: str) -> None:
        """Raise `InputError` with the key and the limits if the value is outside."""
        if not self.least <= value <= self.most:
            raise InputError(
                f"{place}.{self.key} must be from {self.least:g} to {self.most:g}, not {value:.9g}; "
                "calibrate within these limits."
            )


COMMON = (
    Key("reference_temperature_degrees_c", "reference_temperature", 0, 50, TEMPERATURE_FRACTION),
    Key("region_hysteresis", "region_hysteresis", 0, 0.5, FACTOR_FRACTION),
)
"""Keys of the file itself."""

CHANNEL = (
    Key("offset_of_full_scale", "offset", -1 / 16, 1 / 16, _LANE_FRACTION),
    Key("gain", "gain", 0.8, 1.25, GAIN_FRACTION),
    Key("delay_samples", "delay", -1, 7, DELAY_FRACTION),
    Key("linear_per_degree", "linear", -5e-4, 5e-4, LINEAR_FRACTION),
    Key("square_per_square_degree", "square", -2e-6, 2e-6, SQUARE_FRACTION),
)
"""Keys of a channel."""

REGION = (
    Key("start_of_full_scale", "start", 0, 2, _LANE_FRACTION + MEAN_FRACTION),
    Key("gain", "gain", 0.95, 1.05, GAIN_FRACTION),
    Key("delay_samples", "delay", -0.25, 0.25, DELAY_FRACTION),
)
"""Keys of a region of a current."""

_OWN_KEYS = ("format", "preset", "full_scale", *(key.key for key in COMMON), "channels", "thresholds", "crc")
_SCALE = (Key("voltage_v", "v_max", 1e-3, 1e7, 0), Key("current_a", "i_max", 1e-3, 1e7, 0))
_SIZE = (1 << 34) - 1
_RATIO = 2 << FACTOR_FRACTION
LARGEST_THRESHOLDS = (
    ("crc", (1 << WORD_BITS - 1) - 1),
    ("pulses.*.energy", 31),
    ("pulses.*", (1 << WORD_BITS - 1) - 1),
    ("no_load.*", (1 << WORD_BITS - 1) - 1),
    ("declared_voltage", _SIZE),
    ("over_current*", _SIZE),
    ("flowing_current", _SIZE),
    ("neutral_mismatch", _SIZE),
    ("reversed_power", _SIZE),
    ("*frequency*", _SIZE),
    ("persistence", _SIZE),
    ("*", _RATIO),
)
"""Largest word of each threshold, by the first pattern that its path fits: beyond it, products overflow."""

_DELAY = next(key for key in CHANNEL if key.field == "delay")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a calibration file holds.

    Parameters
    ----------
    preset : str
        The chip.
    v_max, i_max : float
        Full scale of voltages and currents in peak volts and amperes.
    settings : Settings
        The words.

    Raises
    ------
    InputError
        If a value is out of range; the sentence names its key and the limits.
    """

    preset: str
    v_max: float
    i_max: float
    settings: Settings
    source: str = "calibration"

    def __post_init__(self) -> None:
        for key in _SCALE:
            key.check(getattr(self, key.field), f"{self.source}: full_scale")
        _check(COMMON, self.settings, self.source)
        for channel in self.settings.channels:
            _check_channel(channel, f"{self.source}: channels.{channel.name}")

    @property
    def reference_c(self) -> float:
        """Temperature that the coefficients refer to."""
        key = COMMON[0]
        return key.value(getattr(self.settings, key.field))

    @property
    def words(self) -> list[int]:
        """The words of the settings in the order of their addresses in the chip; the first is the CRC."""
        return [self.settings.computed_crc, *(field.value for field in self.settings.covered)]


def encode(calibration: Calibration) -> str:
    """The file's text."""
    settings = calibration.settings
    channels = {}
    for channel in settings.channels:
        channels[channel.name] = _values(CHANNEL, channel)
        if channel.regions:
            channels[channel.name]["regions"] = [_values(REGION, region) for region in channel.regions]
    written = {
        "format": _FORMAT,
        "preset": calibration.preset,
        "full_scale": {key.key: getattr(calibration, key.field) for key in _SCALE},
        **_values(COMMON, settings),
        "channels": channels,
        "thresholds": {path: field.value for path, field in _thresholds(settings)},
        "crc": _shown(settings.computed_crc),
    }
    return json.dumps(written, indent=2) + "\n"


def decode(text: str, source: str) -> Calibration:
    """Read a file's text; ``source`` names it.

    Raises `InputError` with the key and the limits if it is no calibration file, a value is out of range, or
    the CRC is not that of the values.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: is no JSON ({error}); {_REMEDY}.") from None
    if not isinstance(given, dict) or given.get("format") != _FORMAT:
        raise InputError(f"{source}: has no format {_FORMAT!r}; {_REMEDY}.")
    _refuse_unknown(given, _OWN_KEYS, source)
    name = given.get("preset")
    if not isinstance(name, str) or name not in PRESETS:
        raise InputError(f"{source}: preset must be one of {', '.join(PRESETS)}, not {name!r}.")
    settings = Settings(PRESETS[name].metering)
    _fill(COMMON, settings, given, source)
    _fill_channels(settings, _section(given, "channels", source), f"{source}: channels")
    _fill_thresholds(settings, _section(given, "thresholds", source), f"{source}: thresholds")
    scale = _section(given, "full_scale", source)
    _refuse_unknown(scale, [key.key for key in _SCALE], f"{source}: full_scale")
    v_max, i_max = (_number(scale.get(key.key), f"{source}: full_scale.{key.key}") for key in _SCALE)
    calibration = Calibration(preset=name, v_max=v_max, i_max=i_max, settings=settings, source=source)
    if given.get("crc") != _shown(settings.computed_crc):
        raise InputError(
            f"{source}: crc is {given.get('crc')!r}, but that of the values is "
            f"{_shown(settings.computed_crc)!r}; calibrate again, or give the file as it was written."
        )
    settings.crc = settings.computed_crc
    return calibration


def _shown(crc: int) -> str:
    return f"{crc:#010x}"


def _thresholds(settings: Settings) -> Iterator[tuple[str, Field]]:
    """Paths and fields of the words that the file holds as they are."""
    own = {"crc", *(key.field for key in COMMON)}
    for path, field in fields(settings):
        if path not in own and not path.startswith("channels."):
            yield path, field


# --- Ranges


def _check(keys: tuple[Key, ...], state: State, place: str) -> None:
    for key in keys:
        key.check(key.value(getattr(state, key.field)), place)


def _check_channel(channel: ChannelSettings, place: str) -> None:
    _check(CHANNEL, channel, place)
    before = -1
    for region in channel.regions:
        here = f"{place}.regions.{region.number}"
        _check(REGION, region, here)
        delay = _DELAY.value(channel.delay + region.delay)
        if not _DELAY.least <= delay <= _DELAY.most:
            raise InputError(
                f"{here}.delay_samples with that of the channel must be from {_DELAY.least:g} to "
                f"{_DELAY.most:g}, not {delay:.9g}; calibrate within these limits."
            )
        if region.start < before or (region.number == 0 and region.start):
            raise InputError(
                f"{here}.start_of_full_scale must be 0 in region 0, and not less than in the region before; "
                "give the regions in rising order."
            )
        before = region.start


# --- Reading and writing


def _values(keys: tuple[Key, ...], state: State) -> dict[str, Any]:
    return {key.key: key.value(getattr(state, key.field)) for key in keys}


def _fill(keys: tuple[Key, ...], state: State, given: dict[str, Any], place: str) -> None:
    for key in keys:
        if key.key in given:
            number = _number(given[key.key], f"{place}.{key.key}")
            key.check(number, place)
            setattr(state, key.field, key.word(number))


def _fill_channels(settings: Settings, given: dict[str, Any], place: str) -> None:
    _refuse_unknown(given, [channel.name for channel in settings.channels], place)
    for channel in settings.channels:
        here = f"{place}.{channel.name}"
        section = _section(given, channel.name, place)
        regions = section.get("regions", [])
        _refuse_unknown(section, [*(key.key for key in CHANNEL), *["regions"] * bool(channel.regions)], here)
        if not isinstance(regions, list) or len(regions) > len(channel.regions):
            raise InputError(f"{here}.regions must be a list of at most {len(channel.regions)}; {_REMEDY}.")
        _fill(CHANNEL, channel, section, here)
        for state, region in zip(channel.regions, regions, strict=False):
            there = f"{here}.regions.{state.number}"
            if not isinstance(region, dict):
                raise InputError(f"{there} must be an object, not {region!r}; {_REMEDY}.")
            _refuse_unknown(region, [key.key for key in REGION], there)
            _fill(REGION, state, region, there)


def _fill_thresholds(settings: Settings, given: dict[str, Any], place: str) -> None:
    known = dict(_thresholds(settings))
    _refuse_unknown(given, known, place)
    for path, value in given.items():
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
            raise InputError(f"{place}.{path} must be an integer, not {reprlib.repr(value)}.")
        most = next(most for pattern, most in LARGEST_THRESHOLDS if fnmatch(path, pattern))
        Key(path, "", 0, most, 0).check(value, place)
        known[path].value = value


def _section(given: dict[str, Any], key: str, place: str) -> dict[str, Any]:
    section = given.get(key, {})
    if not isinstance(section, dict):
        raise InputError(f"{place}: {key} must be an object, not {section!r}; {_REMEDY}.")
    return section


def _refuse_unknown(given: dict[str, Any], known: Iterable[str], place: str) -> None:
    for key in given:
        if key not in known:
            raise InputError(f"{place}: there is no key {key!r}; known are {', '.join(known)}.")


def _number(value: object, place: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return value
    raise InputError(f"{place} must be a number, not {reprlib.repr(value)}; {_REMEDY}.")
