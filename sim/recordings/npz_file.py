"""Recordings as NumPy archives: physical values, or converter codes with their scale."""

__all__ = ["read_npz"]

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.recordings.sheet import Channel, Sheet, checked_rate
from sim.recordings.units import unit_of_name
from soc.errors import InputError

_CODE = "_code"
_SCALES = {"V": "volts_per_code", "A": "amps_per_code"}
_RATE = "sample_rate_hz"


def read_npz(path: Path) -> Sheet:
    """Read an archive of arrays.

    ``sample_rate_hz`` is a number. Every one-dimensional array is a channel: its name's suffix tells the
    unit (``voltage_v``, ``current_ma``), or is ``_code`` for integers that ``volts_per_code`` or
    ``amps_per_code`` scales.

    Raises
    ------
    InputError
        If the file is no whole archive, the rate or a scale is missing or no positive number, it holds no
        array of samples, or the arrays differ in length.
    """
    arrays = _arrays(path)
    rate = checked_rate(path, _scalar(path, arrays, _RATE), f"'{_RATE}'")
    lanes = {name: array for name, array in arrays.items() if array.ndim == 1}
    if not lanes:
        raise InputError(
            f"{path}: holds {', '.join(arrays)}, none of them a one-dimensional array; arrays such as "
            f"'voltage_v' and 'current_a' are needed"
        )
    channels = tuple(_channel(path, arrays, number, name) for number, name in enumerate(lanes, 1))
    lengths = {channel.name: channel.values.size for channel in channels}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
        raise InputError(
            f"{path}: its arrays differ in length ({listing}); all channels need as many samples"
        )
    notes = (f"rate: {rate:.7g} samples per second, from '{_RATE}'",)
    return Sheet(path, channels, rate, lambda index: f"sample {index}", notes=notes)


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Load all arrays, after the archive's checksums have shown that none is damaged."""
    raw = path.read_bytes()
    if raw[:2] != b"PK":
        raise InputError(f"{path}: is no archive of arrays; a file as np.savez writes it is needed")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise InputError(f"{path}: its member '{damaged}' is damaged; every checksum must be right")
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            loaded = {name: arrays[name] for name in arrays}
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise InputError(f"{path}: is no whole .npz archive ({error}); it may have been cut") from error
    except (MemoryError, OverflowError) as error:
        raise InputError(f"{path}: states an array larger than the memory; it may be damaged") from error
    except ValueError as error:
        raise InputError(
            f"{path}: holds something other than plain arrays of numbers, as np.savez writes them"
        ) from error
    for name, array in loaded.items():
        if not isinstance(array, np.ndarray):
            raise InputError(
                f"{path}: its member '{name}' is no array; an archive as np.savez writes it is needed"
            )
    return loaded


def _scalar(path: Path, arrays: Mapping[str, npt.NDArray[Any]], name: str) -> float:
    array = arrays.get(name)
    if array is None:
        raise InputError(f"{path}: has no '{name}'; there are {', '.join(arrays) or 'no arrays'}")
    if array.size != 1 or array.dtype.kind not in "iuf":
        raise InputError(f"{path}: '{name}' is no single number; a positive number is needed")
    return float(array.reshape(()))


def _channel(path: Path, arrays: Mapping[str, npt.NDArray[Any]], number: int, name: str) -> Channel:
    array = arrays[name]
    fault = (
        "" if array.dtype.kind in "iuf" else f"'{name}' holds {array.dtype} values, which are no real numbers"
    )
    is_code = name.endswith(_CODE)
    bare = name.removesuffix(_CODE) if is_code else name
    bare, unit = unit_of_name(bare) if not is_code else (bare, unit_of_name(bare.split("_")[0])[1])
    kind = None if unit is None else unit.kind
    scale, note = 1.0 if unit is None else unit.factor, ""
    if is_code and kind in _SCALES:
        per_code = _SCALES[kind]
        scale = _scalar(path, arrays, per_code)
        if not 0 < scale < np.inf:
            raise InputError(f"{path}: '{per_code}' is {scale:g}; it must be a positive number")
        note = f"scale: '{name}' is multiplied with '{per_code}', {scale:.7g}"
    elif unit is None or not unit.stated:
        note = f"array '{name}' states no unit: taken as volts or amperes"
    return Channel(
        number=number,
        name=name,
        bare_name=bare,
        unit="",
        kind=kind,
        scale=scale,
        values=array,
        note=note,
        fault=fault,
    )
