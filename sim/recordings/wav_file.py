"""Recordings as WAV sound files: samples are fractions of a full scale that the user gives."""

__all__ = ["read_wav"]

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.recordings.sheet import Channel, Sheet, checked_rate
from soc.errors import InputError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


def read_wav(path: Path) -> Sheet:
    """Read a RIFF WAVE file of PCM samples of 8, 16, 24 or 32 bits, or floats of 32 or 64 bits.

    Samples become fractions of full scale, −1 to +1: an n-bit integer is divided by 2^(n−1), after 8-bit
    samples lost their offset of 128; floats stay as they are. Channels are called by number, from 1; of two
    channels the first is the voltage.

    Raises
    ------
    InputError
        If the file is no WAVE file, is cut, or has another sample format or one channel only.
    """
    chunks = _chunks(path)
    for name in (b"fmt ", b"data"):
        if name not in chunks:
            raise InputError(f"{path}: has no '{name.decode().strip()}' chunk; it may have been cut")
    header = chunks[b"fmt "]
    if len(header) < 16:
        raise InputError(f"{path}: its 'fmt' chunk has {len(header)} bytes; at least 16 are needed")
    code, count, rate, _, block, bits = struct.unpack("<HHIIHH", header[:16])
    if code == _EXTENSIBLE and len(header) >= 26:
        code = struct.unpack("<H", header[24:26])[0]
    if count < 2:
        raise InputError(
            f"{path}: has {count} channel; one for the voltage and one for the current are needed"
        )
    if block == 0:
        raise InputError(f"{path}: its frames have 0 bytes; each channel needs 8 bits or more")
    if bits % 8 or block != count * bits // 8:
        raise InputError(f"{path}: {count} channels of {bits} bits do not make frames of {block} bytes")
    data = chunks[b"data"]
    if len(data) % block:
        raise InputError(f"{path}: its last frame has {len(data) % block} of {block} bytes; the file was cut")
    samples = _decoded(path, data, code, bits).reshape(-1, count)
    channels = tuple(
        Channel(
            number=n, name=str(n), bare_name=str(n), unit="", kind=None, scale=1.0, values=samples[:, n - 1]
        )
        for n in range(1, count + 1)
    )
    what = "floats" if code == _FLOAT else "integers"
    return Sheet(
        path,
        channels,
        checked_rate(path, float(rate), "its rate"),
        lambda index: f"frame {index}",
        relative=True,
        defaults=(1, 2) if count == 2 else None,
        notes=(
            f"scale: {what} of {bits} bits, full scale is --v-max and --i-max",
            f"rate: {rate} samples per second",
        ),
    )


def _chunks(path: Path) -> dict[bytes, bytes]:
    raw = path.read_bytes()
    if len(raw) < 12 or raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise InputError(f"{path}: does not start as a RIFF WAVE file does; a .wav file must")
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(raw):
        name, size = struct.unpack_from("<4sI", raw, at)
        at += 8
        if at + size > len(raw):
            label = name.decode("latin-1").strip()
            raise InputError(
                f"{path}: its '{label}' chunk has {len(raw) - at} of {size} bytes; "
                f"the file was cut or never closed"
            )
        chunks.setdefault(name, raw[at : at + size])
        at += size + size % 2
    return chunks


def _decoded(path: Path, data: bytes, code: int, bits: int) -> npt.NDArray[Any]:
    if code == _FLOAT and bits in (32, 64):
        return np.frombuffer(data, dtype=f"<f{bits // 8}")
    if code != _PCM or bits not in (8, 16, 24, 32):
        raise InputError(
            f"{path}: holds samples of {bits} bits in format {code}; "
            f"PCM of 8, 16, 24 or 32 bits or floats are needed"
        )
    if bits == 8:
        return (np.frombuffer(data, dtype=np.uint8).astype(np.float64) - 128) / 128
    if bits == 24:
        padded = np.zeros((len(data) // 3, 4), dtype=np.uint8)
        padded[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
        return padded.view("<i4").ravel() / 2.0**31
    return np.frombuffer(data, dtype=f"<i{bits // 8}") / 2.0 ** (bits - 1)
