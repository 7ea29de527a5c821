import numpy as np
import pytest

from sim.recordings import read_recording


def test_header_lines_names_and_milliseconds(wave, write):
    rows = [
        f"{t * 1e3 - 16:.2f},{v:.3f},{i:.3f}"
        for t, v, i in zip(wave.times, wave.volts, wave.amperes, strict=True)
    ]
    head = ["Trigger_Date,2023/07/06", "Samples_Per_Cycle,200", "Microseconds_Per_Sample,100.00"]
    recording = read_recording(write("car.csv", [*head, "Time (ms),Voltage (V),Current (A)", *rows]))
    assert recording.voltage_v.shape == recording.current_a.shape == (1, 800)
    assert recording.rate_hz == pytest.approx(10_000, rel=1e-9)
    np.testing.assert_allclose(recording.voltage_v[0], wave.volts, atol=6e-4)
    np.testing.assert_allclose(recording.current_a[0], wave.amperes, atol=6e-4)
    assert recording.notes == (
        "voltage: channel 2 'Voltage (V)'",
        "current: channel 3 'Current (A)'",
        "rate: 10000 samples per second, fitted to column 'Time (ms)'",
    )


def test_times_rounded_to_a_third_of_the_step(wave, write):
    step = 32.503e-6
    rows = [f"{k * step * 1e3:.2f},{v:.3f},1" for k, v in enumerate(np.tile(wave.volts, 5))]
    recording = read_recording(write("round.csv", ["Time (ms),Voltage (V),Current (A)", *rows]))
    assert recording.rate_hz * step == pytest.approx(1, abs=5e-6)


@pytest.mark.parametrize(
    ("head", "row", "separator"),
    [
        ("time;u;i", "{:.4f};{:.4f};{:.5f}", ";"),
        ("t\tVolts\tAmps", "{:.4f}\t{:.4f}\t{:.5f}", "\t"),
        ('"Time [s]","Voltage [V]","Current [A]"', '"{:.4f}","{:.4f}","{:.5f}"', ","),
        ("time_s,voltage_v,current_a", "{:.4f},{:.4f},{:.5f}", ","),
    ],
)
def test_separators_quotes_and_decimal_commas(wave, write, head, row, separator):
    rows = [row.format(*cells) for cells in zip(wave.times, wave.volts, wave.amperes, strict=True)]
    if separator != ",":
        rows = [line.replace(".", ",") for line in rows]
    recording = read_recording(write("local.csv", [head, *rows]))
    np.testing.assert_allclose(recording.current_a[0], wave.amperes, atol=1e-5)


def test_units_scale_to_volts_and_amperes(wave, write):
    recording = read_recording(write("units.csv", wave.csv("Time (s),Voltage (kV),Current (mA)")))
    np.testing.assert_allclose(recording.voltage_v[0], 1e3 * wave.volts, atol=0.06)
    np.testing.assert_allclose(recording.current_a[0], 1e-3 * wave.amperes, atol=6e-9)


def test_rate_from_the_header_without_times(wave, write):
    rows = [f"{v:.4f},{i:.5f}" for v, i in zip(wave.volts, wave.amperes, strict=True)]
    recording = read_recording(
        write("plain.csv", ["Sample rate (Hz),10000", "Voltage (V),Current (A)", *rows])
    )
    assert recording.rate_hz == 10_000
    assert "rate: 10000 samples per second, from line 1" in recording.notes


def test_a_bad_cell_matters_only_in_a_chosen_column(wave, write, refused):
    lines = [f"{line},{k}" for k, line in enumerate(wave.csv())]
    lines[0] = "Time (s),Voltage (V),Current (A),Remark"
    lines[7] = lines[7].rsplit(",", 1)[0] + ",breaker opened"
    path = write("remark.csv", lines)
    assert read_recording(path).samples == 800
    refused(
        path,
        "remark.csv: line 8 has 'breaker opened' in column 'Remark', where a number is needed",
        current="Remark",
    )


def test_a_column_of_another_unit_is_no_current(wave, write, refused):
    for head, unit in (("Power (W)", "W"), ("power_kw", "kw")):
        path = write("power.csv", wave.csv(f"Time (s),Voltage (V),{head}"))
        refused(
            path,
            f"power.csv: --current names channel 3 '{head}', which is no current, as its unit is {unit}",
            current="3",
        )


def test_a_column_without_a_unit_can_be_named(wave, write):
    path = write("x.csv", wave.csv("Time (s),Voltage (L1),Speed"))
    recording = read_recording(path, voltage="Voltage", current="Speed")
    np.testing.assert_allclose(recording.voltage_v[0], wave.volts, atol=1e-4)
    assert "column 'Speed' states no unit: taken as volts or amperes" in recording.notes


def test_a_missing_line_end_is_reported(wave, write):
    recording = read_recording(write("open.csv", "\n".join(wave.csv())))
    assert "the last line has no line end: the file may have been cut" in recording.notes


def _replaced(lines: list[str], number: int, text: str) -> list[str]:
    return [*lines[: number - 1], text, *lines[number:]]


BAD = {
    "letters": (
        lambda lines: _replaced(lines, 12, "0.0010,abc,1"),
        "x.csv: line 12 has 'abc' in column 'Voltage (V)', where a number is needed",
    ),
    "blank cell": (
        lambda lines: _replaced(lines, 12, "0.0010,,1"),
        "x.csv: line 12 has nothing in column 'Voltage (V)', where a number is needed",
    ),
    "letters in the first row": (
        lambda lines: _replaced(lines, 2, "0.0000,abc,1"),
        "x.csv: line 2 has 'abc' in column 'Voltage (V)', where a number is needed",
    ),
    "bad time": (
        lambda lines: _replaced(lines, 12, "noon,1,1"),
        "x.csv: line 12 has 'noon' in column 'Time (s)', where a number is needed",
    ),
    "NaN": (
        lambda lines: _replaced(lines, 12, "0.0010,1,nan"),
        "x.csv: line 12 has nan in channel 'Current (A)'; every sample must be a finite number",
    ),
    "NaN as time": (
        lambda lines: _replaced(lines, 12, "nan,1,1"),
        "x.csv: line 12 has nan as its time; it must be a finite number",
    ),
    "infinity": (
        lambda lines: _replaced(lines, 12, "0.0010,-inf,1"),
        "x.csv: line 12 has -inf in channel 'Voltage (V)'; every sample must be a finite number",
    ),
    "cut": (
        lambda lines: _replaced(lines, len(lines), "0.0799,-10.2"),
        "x.csv: line 801 has 2 cells where 3 are needed; the file was cut there",
    ),
    "too many cells": (
        lambda lines: _replaced(lines, 12, "0.0010,1,1,1"),
        "x.csv: line 12 has 4 cells where 3 are needed",
    ),
    "empty line": (
        lambda lines: _replaced(lines, 12, ""),
        "x.csv: line 12 is empty where 3 are needed",
    ),
    "gap": (
        lambda lines: lines[:100] + lines[103:],
        "x.csv: line 101 is 400 µs after the sample before it, where the others are 100 µs apart; "
        "samples must be evenly spaced",
    ),
    "times that fall": (
        lambda lines: [lines[0], *reversed(lines[1:])],
        "x.csv: the times do not rise from line 2 on; each sample needs a later time than the one before",
    ),
    "changing rate": (
        lambda lines: [lines[0], *(f"{1e-4 * k + 2e-9 * k * k:.7f},1,1" for k in range(800))],
        "x.csv: the time at line 2 is 212.531 µs off an even spacing of 101.598 µs; "
        "the rate must not change within a recording",
    ),
    "contradiction": (
        lambda lines: ["sample_rate_hz,12000", *lines],
        "x.csv: line 1 states 12000 samples per second, but column 'Time (s)' rises as at 10000; "
        "both must agree within 0.1%",
    ),
    "header rate": (
        lambda lines: ["Microseconds_Per_Sample,-1", *lines],
        "x.csv: line 1 gives Microseconds_Per_Sample as '-1'; it must be a positive number",
    ),
    "slow": (
        lambda lines: [lines[0], *(f"{k * 0.005:.3f},1,1" for k in range(400))],
        "x.csv: the rate is 200 samples per second, too slow for mains; at least 1000 are needed",
    ),
    "short": (
        lambda lines: lines[:101],
        "x.csv: holds 100 samples, 10 ms; at least 50 ms are needed",
    ),
    "one row": (
        lambda lines: lines[:2],
        "x.csv: holds 1 row of numbers; at least two are needed to know the rate",
    ),
    "no names": (
        lambda lines: lines[1:],
        "x.csv: no line of 3 column names stands above the numbers of line 1; "
        "one such as 'Time (s),Voltage (V),Current (A)' is needed",
    ),
    "no times": (
        lambda lines: ["a,Voltage (V),Current (A)", *lines[1:]],
        "x.csv: line 1 names no column of times; one such as 'Time (s)', 'Time (ms)' or 'time_s' is needed "
        "among a, Voltage (V), Current (A)",
    ),
    "two times": (
        lambda lines: ["Time (s),Time (ms),Current (A)", *lines[1:]],
        "x.csv: line 1 names several columns of times, 'Time (s)', 'Time (ms)'; one is needed",
    ),
    "no voltage": (
        lambda lines: ["Time (s),Speed,Current (A)", *lines[1:]],
        "x.csv: no channel is known to be a voltage; name one with --voltage: 2 'Speed', 3 'Current (A)'",
    ),
    "no numbers": (
        lambda lines: ["When,Voltage", "2023/08/04 10:15,203.1"],
        "x.csv: no line holds numbers only (line 2 is '2023/08/04 10:15,203.1'); column names and then rows "
        "of numbers, such as time, voltage and current, are needed",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refusals(wave, write, refused, name):
    damage, sentence = BAD[name]
    refused(write("x.csv", damage(wave.csv())), sentence)


def test_binary_is_refused(write, refused):
    refused(
        write("x.csv", bytes(range(256)) * 4),
        "x.csv: is no text in UTF-8 or GBK; a .csv file must hold lines of text",
    )


def test_damage_never_shows_a_traceback(wave, write, survives):
    assert survives(write("x.csv", wave.csv()), seed=1) > 20
