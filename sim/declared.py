"""What a meter's installer declares, for the place where a signal was recorded."""

from __future__ import annotations

from collections.abc import Sequence

from rtl.metering.program.settings import Settings
from rtl.metering.quantities import TIME_FRACTION
from rtl.metering.state import fields
from sim.status import RMS_FRACTION
from soc.config import SocConfig

__all__ = ["NOMINAL_HZ", "declared", "declared_share"]

NOMINAL_HZ = (50, 60)

_LEAST, _MOST = 85, 115
_NEVER = (1 << RMS_FRACTION + 1) - 1


def declared(config: SocConfig, frequency_hz: float | None, voltage: float | None) -> list[int]:
    """Words of the settings of a meter that is not calibrated, in the order of their places.

    The frequency may be from 85 to 115 % of the nominal one that is nearest. Nothing is at the neutral's
    lane, so that no current is missed there.

    Parameters
    ----------
    config : SocConfig
        The chip.
    frequency_hz : float or None
        Frequency of the mains, if it has one.
    voltage : float or None
        Declared supply voltage, as RMS value over the full scale; None for the chip's own.
    """
    words = _words(config)
    if frequency_hz is not None:
        nominal = min(NOMINAL_HZ, key=lambda hz: abs(hz - frequency_hz))
        words["lowest_frequency"] = (nominal << TIME_FRACTION) * _LEAST // 100
        words["highest_frequency"] = (nominal << TIME_FRACTION) * _MOST // 100
    if voltage is not None:
        words["declared_voltage"] = round(voltage * (1 << RMS_FRACTION))
    words["neutral_mismatch"] = _NEVER
    return list(words.values())


def declared_share(config: SocConfig, words: Sequence[int]) -> float:
    """The declared voltage of settings, as RMS value over the full scale; the chip's own without words."""
    own = _words(config)
    given = dict(zip(own, words, strict=True)) if words else own
    return given["declared_voltage"] / (1 << RMS_FRACTION)


def _words(config: SocConfig) -> dict[str, int]:
    """The chip's own settings by their paths, in the order of their places."""
    return {path: field.value for path, field in fields(Settings(config.metering))}
