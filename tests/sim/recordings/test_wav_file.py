import struct
import wave as wave_module

import numpy as np
import pytest

from sim.recordings import read_recording

RATE = 10_000


def _riff(
    samples: bytes, code: int, channels: int, bits: int, extensible: bool = False, extra: bytes = b""
) -> bytes:
    block = channels * bits // 8
    fmt = struct.pack("<HHIIHH", 0xFFFE if extensible else code, channels, RATE, RATE * block, block, bits)
    if extensible:
        fmt += (
            struct.pack("<HHIH", 22, bits, 0, code)
            + b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
        )
    body = b"WAVE" + struct.pack("<4sI", b"fmt ", len(fmt)) + fmt + extra
    body += struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _pcm(fractions: np.ndarray, bits: int) -> bytes:
    codes = np.rint(fractions * 2 ** (bits - 1)).astype(np.int64)
    if bits == 8:
        return (codes + 128).astype(np.uint8).tobytes()
    return codes.astype("<i8").view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()


@pytest.fixture
def frames(wave):
    return np.column_stack([wave.volts / 400, wave.amperes / 10]).ravel()


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_integers(wave, write, frames, bits, extensible):
    path = write("x.wav", _riff(_pcm(frames, bits), 1, 2, bits, extensible, b"LIST\x03\x00\x00\x00abc\x00"))
    recording = read_recording(path, v_max=400.0, i_max=10.0)
    np.testing.assert_allclose(recording.voltage_v[0], wave.volts, atol=400 * 0.51 / 2 ** (bits - 1))
    np.testing.assert_allclose(recording.current_a[0], wave.amperes, atol=10 * 0.51 / 2 ** (bits - 1))
    assert recording.rate_hz == RATE
    assert f"scale: integers of {bits} bits, full scale is --v-max and --i-max" in recording.notes


@pytest.mark.parametrize("bits", [32, 64])
def test_floats(wave, write, frames, bits):
    path = write("x.wav", _riff(frames.astype(f"<f{bits // 8}").tobytes(), 3, 2, bits))
    recording = read_recording(path, v_max=400.0, i_max=10.0)
    np.testing.assert_allclose(recording.voltage_v[0], wave.volts, rtol=1e-7)
    np.testing.assert_allclose(recording.current_a[0], wave.amperes, rtol=1e-7)


def test_as_the_standard_library_writes_it(wave, tmp_path, frames):
    path = tmp_path / "x.wav"
    with wave_module.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes(_pcm(frames, 16))
    np.testing.assert_allclose(read_recording(path, v_max=400, i_max=10).voltage_v[0], wave.volts, atol=0.01)


def test_channels_by_number(wave, write, refused):
    frames = np.column_stack([wave.volts / 400, wave.volts / 800, wave.amperes / 10]).ravel()
    path = write("x.wav", _riff(_pcm(frames, 16), 1, 3, 16))
    recording = read_recording(path, voltage="2", current="3", v_max=800, i_max=10)
    np.testing.assert_allclose(recording.voltage_v[0], wave.volts, atol=0.02)
    refused(path, "x.wav: has 3 channels; choose with --voltage and --current: 1, 2, 3", v_max=400, i_max=10)


def test_full_scale_is_needed(write, refused, frames):
    path = write("x.wav", _riff(_pcm(frames, 16), 1, 2, 16))
    sentence = "x.wav: its samples are fractions of full scale without a unit; {}"
    refused(path, sentence.format("--v-max must give the voltage of full scale"), i_max=10.0)
    refused(path, sentence.format("--i-max must give the current of full scale"), v_max=400.0)


def test_refusals(write, refused, frames):
    good = _riff(_pcm(frames, 16), 1, 2, 16)
    scale = {"v_max": 400.0, "i_max": 10.0}
    cases = [
        (b"RIFX" + good[4:], "x.wav: does not start as a RIFF WAVE file does; a .wav file must"),
        (good[:-5], "x.wav: its 'data' chunk has 3195 of 3200 bytes; the file was cut or never closed"),
        (good[:36], "x.wav: has no 'data' chunk; it may have been cut"),
        (
            _riff(b"\0" * 1600, 1, 1, 16),
            "x.wav: has 1 channel; one for the voltage and one for the current are needed",
        ),
        (
            _riff(b"\0" * 1600, 85, 2, 16),
            "x.wav: holds samples of 16 bits in format 85; PCM of 8, 16, 24 or 32 bits or floats are needed",
        ),
        (_riff(b"\0" * 1602, 1, 2, 16), "x.wav: its last frame has 2 of 4 bytes; the file was cut"),
        (_riff(b"\0" * 40, 1, 2, 16), "x.wav: holds 10 samples, 1 ms; at least 50 ms are needed"),
        (
            _riff(np.full(1600, np.nan, "<f4").tobytes(), 3, 2, 32),
            "x.wav: frame 0 has nan in channel '1'; every sample must be a finite number",
        ),
        (
            _riff(np.full(1600, 1e308, "<f8").tobytes(), 3, 2, 64),
            "x.wav: frame 0 has 1e+308 in channel '1', inf V at a scale of 400; it must be at most 1e+12 V",
        ),
        (
            _riff(b"\0" * 1600, 1, 2, 0),
            "x.wav: its frames have 0 bytes; each channel needs 8 bits or more",
        ),
    ]
    for content, sentence in cases:
        refused(write("x.wav", content), sentence, **scale)


def test_damage_never_shows_a_traceback(write, survives, frames):
    path = write("x.wav", _riff(_pcm(frames[:1200], 16), 1, 2, 16))
    assert survives(path, seed=3, flips=150, v_max=400.0, i_max=10.0) > 40
