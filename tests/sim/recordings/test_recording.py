"""The entry `read_recording`, and the dataclass it returns."""

from pathlib import Path

import numpy as np
import pytest

from sim.recordings import Recording, read_recording
from soc.errors import InputError

ALL = ".csv, .npz, .wav, .cfg, .dat, .cff"


@pytest.mark.parametrize("suffix", ALL.split(", "))
def test_empty_and_absent_files_and_folders(tmp_path, refused, suffix):
    path = tmp_path / f"x{suffix}"
    refused(path, f"x{suffix}: does not exist; give the path of a recording")
    path.touch()
    refused(path, f"x{suffix}: is empty; a recording with at least 50 ms of samples is needed")
    path.unlink()
    path.mkdir()
    refused(path, f"x{suffix}: is a folder; a file with the suffix {ALL} is needed")


def test_other_suffixes(write, refused):
    refused(write("x.mat", b"1"), f"x.mat: has the suffix '.mat'; a recording has one of {ALL}")
    refused(write("x", b"1"), f"x: has the suffix ''; a recording has one of {ALL}")


def test_a_file_that_cannot_be_read(wave, write, refused, monkeypatch):
    path = write("x.csv", wave.csv())

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    refused(path, "x.csv: cannot be read (Permission denied); a readable file is needed")


def test_options_that_do_not_apply(wave, write, refused):
    path = write("x.csv", wave.csv())
    refused(path, "x.csv: has no segments; --segment is for a COMTRADE file whose rate changes", segment=1)
    with pytest.raises(InputError, match=r"^scale 'x' is unknown; it must be one of as-written, primary"):
        read_recording(path, scale="x")


def test_capitals_and_plain_text_paths(wave, write):
    assert read_recording(str(write("X.CSV", wave.csv()))).samples == 800


def _recording(volts: np.ndarray, amperes: np.ndarray, names: tuple[str, ...] = ("u",)) -> Recording:
    return Recording(
        path=Path("x"),
        voltage_v=volts,
        current_a=amperes,
        rate_hz=1000.0,
        voltage_names=names,
        current_names=names,
    )


def test_shape_and_times():
    recording = _recording(np.ones((2, 500)), np.ones((2, 500)), ("a", "b"))
    assert (recording.phases, recording.samples) == (2, 500)
    assert (recording.duration_s, recording.span_s) == (0.5, 0.499)
    with pytest.raises(ValueError, match="read-only"):
        recording.voltage_v[0, 0] = 1


def test_shapes_must_match():
    with pytest.raises(ValueError, match=r"same shape \(phases, samples\), not \(1, 5\) and \(1, 6\)"):
        _recording(np.ones((1, 5)), np.ones((1, 6)))
    with pytest.raises(ValueError, match=r"same shape \(phases, samples\), not \(5,\) and \(5,\)"):
        _recording(np.ones(5), np.ones(5))
    with pytest.raises(ValueError, match="2 phases need as many names"):
        _recording(np.ones((2, 5)), np.ones((2, 5)))
