from pathlib import Path

import numpy as np
import pytest

from sim.recordings import Recording, part
from sim.recordings.part import ends
from sim.reference import reference
from soc.errors import InputError

RATE = 20_000.0


def _recording(samples: int, frequency: float = 50.0, jump: float = 0.0, phase: float = 0.3) -> Recording:
    angle = 2 * np.pi * frequency * np.arange(samples) / RATE + phase
    volts, amperes = 325 * np.sin(angle), 7 * np.sin(angle - 0.5) + 0.7 * np.sin(5 * angle)
    amperes += np.linspace(jump, 0, samples)
    return Recording(
        path=Path("f"),
        voltage_v=volts[None],
        current_a=amperes[None],
        rate_hz=RATE,
        voltage_names=("u",),
        current_names=("i",),
    )


@pytest.mark.parametrize(
    ("start", "seconds", "end"),
    [(None, None, 0.1599), (0.05, None, 0.1599), (None, 0.1, 0.1), (0.05, 0.1, 0.15), (0.0, 0.16, 0.1599)],
)
def test_parts_within_the_recording(start, seconds, end):
    chosen = part(_recording(3200), start, seconds)
    assert not chosen.repeated
    assert chosen.start_s == (start or 0.0)
    assert chosen.end_s == pytest.approx(end, abs=1.01 / RATE)
    boundaries = np.arange(6) * 0.02
    assert chosen.whole(boundaries) is boundaries


@pytest.mark.parametrize(
    ("start", "seconds", "sentence"),
    [
        (-0.1, None, "f: --start -0.1 lies outside the recording; it must be from 0 to 0.16 s"),
        (0.16, None, "f: --start 0.16 lies outside the recording; it must be from 0 to 0.16 s"),
        (float("nan"), None, "f: --start nan lies outside the recording; it must be from 0 to 0.16 s"),
        (0.0, 0.0, "f: 0 s from --start 0 on are too short; at least 0.05 s are needed"),
        (0.0, float("inf"), "f: inf s from --start 0 on are too short; at least 0.05 s are needed"),
        (0.15, None, "f: 0.01 s from --start 0.15 on are too short; at least 0.05 s are needed"),
    ],
)
def test_parts_that_are_refused(start, seconds, sentence):
    with pytest.raises(InputError) as caught:
        part(_recording(3200), start, seconds)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("excess", [-1.4, -0.9, 0.0, 0.9, 1.4])
def test_ends_fit_within_a_sample(excess):
    judged = ends(_recording(3200, 50.0 * (3200 + excess) / 3200))
    assert judged.cycles == 8
    assert judged.excess_samples == pytest.approx(excess * 3200 / (3200 + excess), abs=1e-3)
    assert (judged.reason == "") == (abs(excess) < 1)


def test_ends_of_a_drifting_recording():
    """The average frequency would say that the ends fit; the phases at the ends say that they do not."""
    times = np.arange(80_000) / RATE
    frequency = 50.0 + 0.02 * np.sin(np.pi * times / 4)
    angle = 2 * np.pi * np.cumsum(frequency) / RATE
    base = _recording(80_000)
    drifting = Recording(
        path=Path("f"),
        voltage_v=325 * np.sin(angle)[None],
        current_a=np.array(base.current_a),
        rate_hz=RATE,
        voltage_names=("u",),
        current_names=("i",),
    )
    excess = (angle[-1] - angle[0]) / (2 * np.pi) * 400 + 1 - 80_000
    judged = ends(drifting)
    assert judged.cycles == 200
    assert judged.excess_samples == pytest.approx(excess, abs=0.3)
    assert judged.reason


@pytest.mark.parametrize(
    ("recording", "reason"),
    [
        (
            _recording(3196),
            "its ends do not fit, as it is 4.00 samples shorter than whole cycles of 50.0000 Hz "
            "(at most one sample)",
        ),
        (
            _recording(3200, jump=3.0),
            "its ends do not fit, as 'i' jumps by 3.114 from the last to the first sample "
            "(at most 0.3067, twice its largest step elsewhere)",
        ),
    ],
)
def test_a_recording_that_cannot_be_repeated(recording, reason):
    with pytest.raises(InputError) as caught:
        part(recording, None, 1.0)
    held = f"f: holds {recording.duration_s:.6g} s from --start 0 on, 1 s were asked for"
    assert str(caught.value) == f"{held}, and it cannot be repeated: {reason}"


def test_a_dead_line_cannot_be_repeated():
    dead = Recording(
        path=Path("f"),
        voltage_v=np.zeros((1, 4000)),
        current_a=np.zeros((1, 4000)),
        rate_hz=RATE,
        voltage_names=("u",),
        current_names=("i",),
    )
    assert part(dead).seconds == pytest.approx(0.2, abs=1.01 / RATE)
    with pytest.raises(InputError, match=r"cannot be repeated: its voltage has no mains frequency$"):
        part(dead, None, 1.0)


@pytest.mark.parametrize(
    ("start", "seconds", "repetitions"), [(None, 1.0, 6), (0.1, 0.1, 1), (None, 0.17, 1), (None, 0.32, 2)]
)
def test_whole_repetitions(start, seconds, repetitions):
    """Averages over whole repetitions are those of the recording, wherever the windows start."""
    recording = _recording(3200, 50.0 * 3199.5 / 3200)
    chosen = part(recording, start, seconds)
    assert (chosen.repetitions, chosen.cycles) == (repetitions, 8)
    cycle = recording.duration_s / 8
    first = chosen.start_s + 0.4 * cycle
    count = int((chosen.end_s - first) / cycle)
    boundaries = chosen.whole(first + cycle * np.arange(count + 1))
    assert len(boundaries) == 8 * repetitions + 1
    ((voltage, current),) = chosen.lanes(8000.0)
    readings = reference(voltage, current, boundaries)
    power = float(np.mean(recording.voltage_v[0] * recording.current_a[0]))
    assert readings.active_w == pytest.approx(power, rel=1e-5)


def test_too_few_windows_for_a_repetition():
    chosen = part(_recording(3200), None, 1.0)
    for boundaries, windows in ((8, 7), (0, 0)):
        with pytest.raises(InputError) as caught:
            chosen.whole(np.arange(boundaries) * 0.02)
        assert str(caught.value) == (
            f"f: {windows} windows do not fill a repetition of 8 cycles; one window a cycle is needed"
        )
