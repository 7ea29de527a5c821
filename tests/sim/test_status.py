"""Flags and events by their names, and what the reader is told."""

import pytest

from rtl.metering.status import EVENTS, STATUS
from sim.status import events, flags, sentences

NUMBERS = {name: number for number, (name, _) in enumerate(EVENTS)}
BITS = {name: 1 << bit for bit, (name, _) in enumerate(STATUS)}
NOTHING = [0] * len(EVENTS)


def record(**given):
    """A window; ``name=(count, start, duration, extreme)`` for events."""
    columns = {"count": NOTHING.copy(), "start": NOTHING.copy()}
    columns |= {"duration": NOTHING.copy(), "extreme": NOTHING.copy()}
    for name, values in given.items():
        for column, value in zip(columns.values(), values, strict=True):
            column[NUMBERS[name]] = value
    return {f"events.{name}": column for name, column in columns.items()}


def test_flags_are_the_bits_names():
    assert flags(0) == []
    assert flags(BITS["frequency"] | BITS["timed"]) == ["frequency", "timed"]
    assert flags(BITS["source_low"] | BITS["source_high"]) == [], "a number is no flag"


@pytest.mark.parametrize(
    ("name", "kind", "phase", "raw", "extreme", "unit"),
    [
        ("dip_phase1", "dip", 1, 1 << 32, 200.0, "V"),
        ("over_current_phase2", "over_current", 2, 1 << 33, 20.0, "A"),
        ("missing_phase_phase0", "missing_phase", 0, 1 << 31, 100.0, "V"),
        ("reversed_current_phase0", "reversed_current", 0, -1 << 29, -4000.0, "W"),
        ("neutral_mismatch", "neutral_mismatch", None, 1 << 30, 10.0, "A"),
        ("frequency", "frequency", None, 40 << 20, 40.0, "Hz"),
        ("frequency", "frequency", None, 0, None, None),
        ("phase_sequence", "phase_sequence", None, 5, None, None),
        ("magnet", "magnet", None, 1, None, None),
    ],
)
def test_events_have_kind_phase_and_units(name, kind, phase, raw, extreme, unit):
    found = events(record(**{name: (3, 8000, 400, raw)}), 10.0, 8000.0, 400.0, 20.0)
    expected = {"kind": kind, "phase": phase, "count": 3, "start_s": 11.0, "duration_s": 0.05}
    assert found == [expected | {"extreme": extreme, "unit": unit}]


def test_events_that_have_not_begun_are_left_out():
    assert events(record(), 0.0, 8000.0, 400.0, 20.0) == []


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("no_voltage", "No phase had voltage: 2 of 3 windows."),
        ("frequency", "The frequency was out of range, or the voltage had no mains cycles: 2 of 3 windows."),
        ("phase_sequence", "The phases follow each other in reversed order: 2 of 3 windows."),
        ("missing_phase_phase1", "Voltage 2 was missing: 2 of 3 windows."),
        ("reversed_current_phase0", "Current 1 was reversed: active power flowed back: 2 of 3 windows."),
        (
            "saturated_voltage_phase0",
            "Voltage lane 1 was saturated: readings are of a clipped voltage: 2 of 3 windows.",
        ),
        (
            "calibration",
            "The calibration is broken: its CRC is not that of the settings: 2 of 3 windows.",
        ),
        (
            "uncalibrated",
            "The chip was not calibrated: lanes are as the converter gives them: 2 of 3 windows.",
        ),
    ],
)
def test_each_flag_has_a_sentence(flag, sentence):
    windows = [{"status": BITS[flag]}, {"status": 0}, {"status": BITS[flag]}]
    assert list(sentences(windows)) == [sentence]


def test_phases_share_a_sentence():
    both = BITS["saturated_current_phase0"] | BITS["saturated_current_phase2"]
    (sentence,) = sentences([{"status": both}, {"status": BITS["saturated_current_phase2"]}])
    assert sentence.startswith("Current lane 1, 3 was saturated")
    assert sentence.endswith("2 of 2 windows.")


def test_every_flag_but_timed_has_a_sentence():
    for name in flags((1 << len(STATUS)) - 1):
        assert list(sentences([{"status": BITS[name]}])) or name == "timed"
