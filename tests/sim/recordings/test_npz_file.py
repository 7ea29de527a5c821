import io
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest

from sim.recordings import read_recording


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_physical_values(wave, write, dtype):
    volts, amperes = wave.volts.astype(dtype), wave.amperes.astype(dtype)
    path = write("p.npz", _npz(voltage_v=volts, current_a=amperes, sample_rate_hz=np.float64(1e4)))
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.voltage_v[0], volts.astype(np.float64))
    np.testing.assert_array_equal(recording.current_a[0], amperes.astype(np.float64))
    assert recording.rate_hz == 10_000
    assert recording.notes[-1] == "rate: 10000 samples per second, from 'sample_rate_hz'"


def test_codes_with_their_scale(wave, write):
    codes = {"voltage_code": np.rint(wave.volts / 0.05).astype(np.int16)}
    codes["current_code"] = np.rint(wave.amperes / 0.01).astype(np.int16)
    path = write("c.npz", _npz(**codes, volts_per_code=0.05, amps_per_code=0.01, sample_rate_hz=10_000))
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.voltage_v[0], codes["voltage_code"] * 0.05)
    np.testing.assert_array_equal(recording.current_a[0], codes["current_code"] * 0.01)
    assert "scale: 'voltage_code' is multiplied with 'volts_per_code', 0.05" in recording.notes


def test_three_phases_by_name(wave, write):
    arrays = {f"u{n}_v": wave.volts * n for n in (1, 2, 3)} | {
        f"i{n}_ma": wave.amperes * n for n in (1, 2, 3)
    }
    path = write("3.npz", _npz(**arrays, sample_rate_hz=1e4))
    recording = read_recording(path)
    assert recording.voltage_names == ("u1_v", "u2_v", "u3_v")
    np.testing.assert_allclose(
        recording.current_a, wave.amperes * 1e-3 * np.array([[1], [2], [3]]), rtol=1e-14
    )
    swapped = read_recording(path, voltage=["u3_v", "1"], current=["i2_ma", "I1"])
    np.testing.assert_array_equal(swapped.voltage_v, wave.volts * np.array([[3], [1]]))


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no rate": (
        {"sample_rate_hz": None},
        "x.npz: has no 'sample_rate_hz'; there are voltage_v, current_a",
    ),
    "rate of zero": (
        {"sample_rate_hz": 0},
        "x.npz: 'sample_rate_hz' is 0; it must be a positive number of samples per second",
    ),
    "NaN as rate": (
        {"sample_rate_hz": np.nan},
        "x.npz: 'sample_rate_hz' is nan; it must be a positive number of samples per second",
    ),
    "slow": (
        {"sample_rate_hz": 50.0},
        "x.npz: 'sample_rate_hz' is 50 samples per second, too slow for mains; at least 1000 are needed",
    ),
    "rates": (
        {"sample_rate_hz": np.array([1.0, 2.0])},
        "x.npz: 'sample_rate_hz' is no single number; a positive number is needed",
    ),
    "NaN": (
        {"current_a": np.where(np.arange(800) == 41, np.nan, 1.0)},
        "x.npz: sample 41 has nan in channel 'current_a'; every sample must be a finite number",
    ),
    "lengths": (
        {"current_a": np.ones(799)},
        "x.npz: its arrays differ in length ('voltage_v' 800, 'current_a' 799); "
        "all channels need as many samples",
    ),
    "text": (
        {"current_a": np.array(["1"] * 800)},
        "x.npz: 'current_a' holds <U1 values, which are no real numbers",
    ),
    "no current": (
        {"current_a": None},
        "x.npz: no channel is known to be a current; name one with --current: 1 'voltage_v'",
    ),
    "no arrays": (
        {"voltage_v": np.ones((2, 3)), "current_a": None},
        "x.npz: holds voltage_v, sample_rate_hz, none of them a one-dimensional array; "
        "arrays such as 'voltage_v' and 'current_a' are needed",
    ),
    "codes without scale": (
        {"voltage_v": None, "voltage_code": np.ones(800, np.int16)},
        "x.npz: has no 'volts_per_code'; there are current_a, sample_rate_hz, voltage_code",
    ),
    "scale": (
        {"voltage_v": None, "voltage_code": np.ones(800, np.int16), "volts_per_code": -1.0},
        "x.npz: 'volts_per_code' is -1; it must be a positive number",
    ),
    "object": (
        {"current_a": np.array([{}] * 800, dtype=object)},
        "x.npz: holds something other than plain arrays of numbers, as np.savez writes them",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_refusals(wave, write, refused, name):
    change, sentence = BAD[name]
    arrays = {"voltage_v": wave.volts, "current_a": wave.amperes, "sample_rate_hz": 1e4} | change
    content = _npz(**{key: array for key, array in arrays.items() if array is not None})
    refused(write("x.npz", content), sentence)


def test_other_files_under_this_suffix(wave, write, refused):
    buffer = io.BytesIO()
    np.save(buffer, wave.volts)
    for content in (buffer.getvalue(), b"Time,Voltage\n", pickle.dumps([1, 2])):
        refused(
            write("x.npz", content),
            "x.npz: is no archive of arrays; a file as np.savez writes it is needed",
        )


def test_a_member_that_is_no_array(write, refused):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(
        write("x.npz", buffer.getvalue()),
        "x.npz: its member 'readme.txt' is no array; an archive as np.savez writes it is needed",
    )


def test_a_damaged_member(wave, write, refused):
    content = bytearray(_npz(voltage_v=wave.volts, current_a=wave.amperes, sample_rate_hz=1e4))
    content[1000] ^= 1
    refused(
        write("x.npz", bytes(content)),
        "x.npz: its member 'voltage_v.npy' is damaged; every checksum must be right",
    )


@pytest.mark.parametrize("count", [10**14, 10**30])
def test_a_header_that_claims_too_much(wave, write, refused, count):
    member = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(member, header)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("voltage_v.npy", member.getvalue() + wave.volts.tobytes())
    refused(
        write("x.npz", archive.getvalue()),
        "x.npz: states an array larger than the memory; it may be damaged",
    )


def test_a_cut_archive(wave, write, refused):
    content = _npz(voltage_v=wave.volts, current_a=wave.amperes, sample_rate_hz=1e4)
    refused(
        write("x.npz", content[:-100]),
        "x.npz: is no whole .npz archive (File is not a zip file); it may have been cut",
    )


def test_damage_never_shows_a_traceback(wave, write, survives):
    content = _npz(voltage_v=wave.volts, current_a=wave.amperes, sample_rate_hz=1e4)
    assert survives(write("x.npz", content), seed=2, flips=300) > 40
