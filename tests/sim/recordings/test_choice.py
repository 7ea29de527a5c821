from pathlib import Path

import numpy as np
import pytest

from sim.recordings.choice import choose
from sim.recordings.sheet import Channel, Sheet
from soc.errors import InputError


def _sheet(*channels: tuple[str, str | None, str]) -> Sheet:
    made = tuple(
        Channel(
            number=number,
            name=name,
            bare_name=name,
            unit="",
            kind=kind,
            scale=1.0,
            values=np.full(200, number),
            phase=phase,
        )
        for number, (name, kind, phase) in enumerate(channels, 1)
    )
    return Sheet(Path("f"), made, 2000.0, lambda index: f"row {index}")


SINGLE = (("u", "V", ""), ("i", "A", ""))
THREE = (
    ("Ua", "V", "A"), ("Ub", "V", "B"), ("Uc", "V", "C"), ("Un", "V", "N"),
    ("Ic", "A", "C"), ("Ia", "A", "A"), ("Ib", "A", "B"), ("In", "A", "N"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("channels", "volts", "amperes"),
    [
        (SINGLE, ["u"], ["i"]),
        ((*SINGLE, ("speed", None, "")), ["u"], ["i"]),
        (THREE, ["Ua", "Ub", "Uc"], ["Ia", "Ib", "Ic"]),
        ((("i1", "A", ""), ("u1", "V", ""), ("i2", "A", ""), ("u2", "V", "")), ["u1", "u2"], ["i1", "i2"]),
    ],
)
def test_obvious_choices(channels, volts, amperes):
    recording = choose(_sheet(*channels), None, None)
    assert list(recording.voltage_names) == volts
    assert list(recording.current_names) == amperes


@pytest.mark.parametrize(
    ("channels", "voltage", "current", "sentence"),
    [
        (
            (*SINGLE, ("i2", "A", "")),
            None,
            None,
            "f: 1 channels could be the voltage and 2 the current; choose with --voltage and --current: "
            "1 'u', 2 'i', 3 'i2'",
        ),
        (
            (("Ua", "V", "A"), ("Ub", "V", "B"), ("Ia", "A", "A"), ("Ic", "A", "C")),
            None,
            None,
            "f: 2 channels could be the voltage and 2 the current; choose with --voltage and --current: "
            "1 'Ua', 2 'Ub', 3 'Ia', 4 'Ic'",
        ),
        (
            (*SINGLE, ("i2", "A", "")),
            "u",
            None,
            "f: 2 channels could be the current of 1 phase; choose with --current: 2 'i', 3 'i2'",
        ),
        (
            (*SINGLE, ("i2", "A", "")),
            None,
            ["i", "i2"],
            "f: 1 channels could be the voltage of 2 phases; choose with --voltage: 1 'u'",
        ),
        (SINGLE, "x", None, "f: has no channel 'x' for --voltage; there are 1 'u', 2 'i'"),
        (SINGLE, "u", "3", "f: has no channel '3' for --current; there are 1 'u', 2 'i'"),
        (SINGLE, "i", "i", "f: --voltage names channel 2 'i', which is no voltage"),
        (
            (*SINGLE, ("u2", "V", "")),
            ["u", "u2"],
            "i",
            "f: 2 voltages and 1 currents were named; each phase needs one of both",
        ),
        (
            SINGLE,
            ["u", "1"],
            ["i", "i"],
            "f: --voltage names channel 1 'u' twice; each phase needs its own voltage",
        ),
        (
            (*SINGLE, ("u2", "V", "")),
            ["u", "u2"],
            ["2", "2"],
            "f: --current names channel 2 'i' twice; each phase needs its own current",
        ),
        (
            tuple((f"{'ui'[n % 2]}{n}", "VA"[n % 2], "") for n in range(1, 15)),
            None,
            None,
            "f: 7 channels could be the voltage and 7 the current; choose with --voltage and --current: "
            "1 'i1', 2 'u2', 3 'i3', 4 'u4', 5 'i5', 6 'u6', 7 'i7', 8 'u8', 9 'i9', 10 'u10', 11 'i11', "
            "12 'u12' and 2 more",
        ),
        (SINGLE, [], "i", "f: --voltage names no channel; there are 1 'u', 2 'i'"),
        (
            (("U", "V", ""), ("u", "V", ""), ("I", "A", "")),
            "U",
            None,
            "",
        ),
        (
            (("Ux", "V", ""), ("uX", "V", ""), ("I", "A", "")),
            "ux",
            None,
            "f: --voltage 'ux' fits 2 channels, 1 'Ux', 2 'uX'; give a number",
        ),
        (
            (("u", "V", ""),),
            None,
            None,
            "f: no channel is known to be a current; name one with --current: 1 'u'",
        ),
    ],
)
def test_choices_that_are_refused(channels, voltage, current, sentence):
    if not sentence:
        assert choose(_sheet(*channels), voltage, current).voltage_names == ("U",)
        return
    with pytest.raises(InputError) as caught:
        choose(_sheet(*channels), voltage, current)
    assert str(caught.value) == sentence


def test_a_channel_of_unknown_kind_can_be_named():
    recording = choose(_sheet(("x", None, ""), ("y", None, "")), "x", "2")
    assert (recording.voltage_v[0, 0], recording.current_a[0, 0]) == (1, 2)
