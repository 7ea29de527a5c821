"""What the chip flags: its status word and its events by their names, and a sentence for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rtl.metering.parameters import LANE_BITS
from rtl.metering.quantities import MEAN_FRACTION, TIME_FRACTION
from rtl.metering.status import EVENTS, STATUS

__all__ = ["CALIBRATION_STATES", "RMS_FRACTION", "VOLTAGE_KINDS", "events", "flags", "sentences"]

Record = Mapping[str, Any]

CALIBRATION_STATES = ("not calibrated", "calibrated", "broken")
"""What the values of ``calibration_state`` are called."""

RMS_FRACTION = LANE_BITS - 1 + MEAN_FRACTION
"""Bits behind the point of RMS values over full scale."""

_PHASE = "_phase"
_SOURCE = ("source_low", "source_high")
_NEUTRAL_FRACTION = RMS_FRACTION - 2
_POWER = 30

# Fraction bits and unit of an event's extreme; the others have none.
_EXTREMES = {
    "no_voltage": (RMS_FRACTION, "V"),
    "frequency": (TIME_FRACTION, "Hz"),
    "neutral_mismatch": (_NEUTRAL_FRACTION, "A"),
    "missing_neutral": (RMS_FRACTION, "A"),
    "missing_phase": (RMS_FRACTION, "V"),
    "reversed_current": (_POWER, "W"),
    "dip": (RMS_FRACTION, "V"),
    "swell": (RMS_FRACTION, "V"),
    "interruption": (RMS_FRACTION, "V"),
    "over_current": (RMS_FRACTION, "A"),
}

# What a flag means for the reader; {} are the phases.
_SENTENCES = {
    "no_voltage": "No phase had voltage",
    "frequency": "The frequency was out of range, or the voltage had no mains cycles",
    "phase_sequence": "The phases follow each other in reversed order",
    "neutral_mismatch": "Measured and computed neutral current differ",
    "missing_neutral": "Current flowed without voltage, as with a missing neutral: energy is estimated, in "
    "energy_estimated",
    "magnet": "The magnet sensor answered",
    "cover_main": "The main cover was open",
    "cover_terminal": "The terminal cover was open",
    "missing_phase": "Voltage {} was missing",
    "reversed_current": "Current {} was reversed: active power flowed back",
    "lost": "Sample sets were lost",
    "overrun": "A window was not measured, because the one before took too long",
    "calibration": "The calibration is broken: its CRC is not that of the settings",
    "saturated_neutral": "The neutral's lane was saturated",
    "saturated_voltage": "Voltage lane {} was saturated: readings are of a clipped voltage",
    "saturated_current": "Current lane {} was saturated: readings are of a clipped current",
    "dip": "The voltage dipped",
    "swell": "The voltage swelled",
    "interruption": "The voltage was interrupted",
    "over_current": "The current was above its threshold",
    "uncalibrated": "The chip was not calibrated: lanes are as the converter gives them",
}


VOLTAGE_KINDS = ("no_voltage", "missing_phase", "dip", "swell", "interruption")
"""Kinds of event that the declared voltage decides about."""


def flags(status: int) -> list[str]:
    """Names of the bits that are set in ``status``, without the number of the crossings' source."""
    return [name for bit, (name, _) in enumerate(STATUS) if status >> bit & 1 and name not in _SOURCE]


def _kind(name: str) -> tuple[str, int | None]:
    """Kind and phase of a numbered event or flag; None for one that is of no phase."""
    kind, of_phase, phase = name.rpartition(_PHASE)
    return (kind, int(phase)) if of_phase else (name, None)


def events(
    record: Record, start_s: float, rate_hz: float, v_max: float, i_max: float
) -> list[dict[str, Any]]:
    """Events that have begun since power-on, as the last time of each is shown by a window.

    Parameters
    ----------
    record : mapping
        Raw quantities of the window.
    start_s : float
        Time of the first sample set.
    rate_hz, v_max, i_max : float
        Sample sets a second, full scales.
    """
    scales = {"V": v_max, "A": i_max, "W": v_max * i_max, "Hz": 1.0}
    found = []
    for number, (name, _) in enumerate(EVENTS):
        if not record["events.count"][number]:
            continue
        kind, phase = _kind(name)
        raw = record["events.extreme"][number]
        bits, unit = _EXTREMES.get(kind, (0, None))
        # A frequency of 0 is that of windows without mains cycles.
        known = unit is not None and not (kind == "frequency" and raw == 0)
        found.append(
            {
                "kind": kind,
                "phase": phase,
                "count": record["events.count"][number],
                "start_s": start_s + record["events.start"][number] / rate_hz,
                "duration_s": record["events.duration"][number] / rate_hz,
                "extreme": raw / (1 << bits) * scales[unit] if known and unit else None,
                "unit": unit if known else None,
            }
        )
    return found


def sentences(records: Sequence[Record]) -> Iterator[str]:
    """A sentence for each flag that any of the windows shows, with the number of those that do."""
    windows: dict[str, dict[int | None, int]] = {}
    for record in records:
        for name in flags(record["status"]):
            kind, phase = _kind(name)
            counts = windows.setdefault(kind, {})
            counts[phase] = counts.get(phase, 0) + 1
    for kind, sentence in _SENTENCES.items():
        if kind in windows:
            phases = [str(phase + 1) for phase in windows[kind] if phase is not None]
            most = max(windows[kind].values())
            yield f"{sentence.format(', '.join(phases))}: {most} of {len(records)} windows."
