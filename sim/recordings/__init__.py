"""Readers of recorded mains voltage and current, and the part of a recording that is measured."""

__all__ = ["SUFFIXES", "Part", "Recording", "part", "read_recording"]

from pathlib import Path

from sim.recordings.choice import Names, choose
from sim.recordings.comtrade_file import SCALES, read_comtrade
from sim.recordings.csv_file import read_csv
from sim.recordings.npz_file import read_npz
from sim.recordings.part import Part, part
from sim.recordings.recording import Recording
from sim.recordings.wav_file import read_wav
from soc.errors import InputError

_READERS = {".csv": read_csv, ".npz": read_npz, ".wav": read_wav}
_COMTRADE = (".cfg", ".dat", ".cff")

SUFFIXES = (*_READERS, *_COMTRADE)


def read_recording(
    path: str | Path,
    *,
    voltage: Names = None,
    current: Names = None,
    segment: int | None = None,
    v_max: float | None = None,
    i_max: float | None = None,
    scale: str = "as-written",
) -> Recording:
    """Read a recording of any accepted format.

    Parameters
    ----------
    path:
        A .csv, .npz, .wav, .cfg, .dat or .cff file.
    voltage, current:
        The channels by name or number, one or, in a sequence, one a phase; None chooses what is obvious.
    segment:
        The part of a COMTRADE file whose rate changes, counted from 1.
    v_max, i_max:
        Peak volts and amperes of full scale, for a format that holds fractions of it (.wav); the others
        state their scale and ignore these.
    scale:
        ``as-written``, ``primary`` or ``secondary``: the side of the transformers in a COMTRADE file.

    Raises
    ------
    InputError
        With one sentence for the user, if the file or an argument cannot be used.
    """
    path = Path(path)
    if scale not in SCALES:
        raise InputError(f"scale '{scale}' is unknown; it must be one of {', '.join(SCALES)}")
    suffix = path.suffix.casefold()
    if path.is_dir():
        raise InputError(f"{path}: is a folder; a file with the suffix {', '.join(SUFFIXES)} is needed")
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path}: has the suffix '{path.suffix}'; a recording has one of {', '.join(SUFFIXES)}"
        )
    if not path.exists():
        raise InputError(f"{path}: does not exist; give the path of a recording")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty; a recording with at least 50 ms of samples is needed")
        if suffix in _COMTRADE:
            sheet = read_comtrade(path, segment, scale)
        elif segment is not None:
            raise InputError(f"{path}: has no segments; --segment is for a COMTRADE file whose rate changes")
        else:
            sheet = _READERS[suffix](path)
        return choose(sheet, voltage, current, v_max, i_max)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); a readable file is needed"
        ) from error
