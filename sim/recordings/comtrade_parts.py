"""The two parts of a COMTRADE recording, and its configuration."""

__all__ = ["Parts", "read_config", "read_parts"]

import io
import re
from dataclasses import dataclass
from pathlib import Path

from comtrade import Cfg

from soc.errors import InputError

_FORMS = ("ASCII", "BINARY", "BINARY32", "FLOAT32")

_COUNTS_LINE = "the numbers of channels, such as 7,4A,3D"
_COUNTS = re.compile(
    r"\s*([0-9]{1,18})\s*,\s*([0-9]{1,18})\s*A\s*,\s*([0-9]{1,18})\s*D\s*(,|$)", re.IGNORECASE
)

_SECTION = re.compile(
    rb"^--- *file type: *([a-z]+)(?: +([a-z0-9]+))?(?: *: *([0-9]+))? *---[ \t]*\r?\n",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True)
class Parts:
    """The text of the configuration and the bytes of the data, with the files they came from."""

    cfg_path: Path
    cfg: str
    encoding: str
    dat_path: Path
    dat: bytes


def read_parts(path: Path) -> Parts:
    """Read a .cff file, or a .cfg or .dat file and its pair.

    Names in the configuration are UTF-8, or GBK where they are not.

    Raises
    ------
    InputError
        If the other file of a pair or a section of a .cff file is missing, or empty.
    """
    if path.suffix.casefold() == ".cff":
        cfg, dat = _sections(path)
        cfg_path = dat_path = path
    else:
        cfg_path, dat_path = _pair(path, ".cfg"), _pair(path, ".dat")
        cfg, dat = cfg_path.read_bytes(), dat_path.read_bytes()
    for part_path, part in ((cfg_path, cfg), (dat_path, dat)):
        if not part:
            raise InputError(
                f"{part_path}: is empty; a COMTRADE recording needs its configuration and its data"
            )
    for encoding in ("utf-8", "gb18030"):
        try:
            return Parts(
                cfg_path, cfg.decode(encoding), {"gb18030": "gbk"}.get(encoding, encoding), dat_path, dat
            )
        except UnicodeDecodeError:
            continue
    return Parts(cfg_path, cfg.decode("latin-1"), "latin-1", dat_path, dat)


def read_config(parts: Parts) -> tuple[Cfg, str]:
    """Parse the configuration; return it and the form of the data.

    Raises
    ------
    InputError
        If a line cannot be read, the numbers of channels contradict each other or the length of the
        configuration, or it names a form of data that there is not.
    """
    cfg = Cfg(ignore_warnings=True)
    text = _CountingText(parts.cfg.removeprefix("\ufeff"))
    _check_counts(parts)
    try:
        cfg.read(text)
    except (ValueError, IndexError, TypeError) as error:
        raise _unreadable(parts, text.count, text.last, _expected(cfg, text.count)) from error
    form = cfg.ft.upper()
    if form not in _FORMS:
        raise InputError(
            f"{parts.cfg_path}: states data of form '{cfg.ft}'; it must be one of {', '.join(_FORMS)}"
        )
    if not cfg.analog_channels:
        raise InputError(f"{parts.cfg_path}: states no analogue channels; a voltage and a current are needed")
    return cfg, form


def _expected(cfg: Cfg, line: int) -> str:
    """Say what a line of the configuration is for, from the counts that were read before it."""
    contents = (
        ("station, device and year of the standard", 1),
        (_COUNTS_LINE, 1),
        ("the 13 fields of an analogue channel", cfg.analog_count),
        ("the 5 fields of a status channel", cfg.status_count),
        ("the mains frequency", 1),
        ("the number of rates", 1),
        ("a rate and its last record", max(0, cfg.nrates)),
        ("date and time of the first record", 1),
        ("date and time of the trigger", 1),
        ("the form of the data", 1),
    )
    for content, lines in contents:
        line -= lines
        if line <= 0:
            return content
    return "the factor of the time stamps"


def _unreadable(parts: Parts, number: int, line: str, expected: str) -> InputError:
    shown = line.strip()
    content = f"is '{shown[:60]}'" if shown else "holds nothing, as if the file was cut"
    return InputError(
        f"{parts.cfg_path}: line {number} of the configuration {content}; it must hold {expected}"
    )


def _check_counts(parts: Parts) -> None:
    """Refuse numbers of channels that are no sum, or more than the configuration has lines for."""
    lines = parts.cfg.split("\n")
    line = lines[1] if len(lines) > 1 else ""
    match = _COUNTS.match(line)
    if match is None:
        raise _unreadable(parts, 2, line, _COUNTS_LINE)
    total, analogue, status = (int(match[group]) for group in (1, 2, 3))
    if total != analogue + status:
        raise InputError(
            f"{parts.cfg_path}: line 2 of the configuration states {total} channels, but {analogue} analogue "
            f"and {status} status ones; the first number must be the sum of the others"
        )
    if total > len(lines):
        raise InputError(
            f"{parts.cfg_path}: line 2 of the configuration states {total} channels, but there are only "
            f"{len(lines)} lines; each channel needs one"
        )


class _CountingText:
    """Text that is read by lines and knows which line was read last."""

    def __init__(self, text: str) -> None:
        self._text = io.StringIO(text)
        self.count = 0
        self.last = ""

    def readline(self) -> str:
        self.last = self._text.readline()
        self.count += 1
        return self.last


def _pair(path: Path, suffix: str) -> Path:
    """Find the file of the pair that has this suffix, in whatever case."""
    if path.suffix.casefold() == suffix:
        return path
    for other in sorted(path.parent.iterdir()):
        if other.stem == path.stem and other.suffix.casefold() == suffix and other.is_file():
            return other
    raise InputError(
        f"{path}: its pair {path.stem}{suffix} is not in the same folder; "
        f"COMTRADE needs the .cfg and the .dat file"
    )


def _sections(path: Path) -> tuple[bytes, bytes]:
    """Cut a .cff file into its CFG and DAT sections."""
    raw = path.read_bytes()
    found: dict[bytes, bytes] = {}
    at = 0
    while (match := _SECTION.search(raw, at)) is not None:
        start = match.end()
        if match[3] is not None:
            end = start + int(match[3])
            if end > len(raw):
                raise InputError(
                    f"{path}: its {match[1].decode().upper()} section has {len(raw) - start} of "
                    f"{int(match[3])} bytes; the file was cut"
                )
        else:
            following = _SECTION.search(raw, start)
            end = len(raw) if following is None else following.start()
        found[match[1].upper()] = raw[start:end]
        at = end
    for name in (b"CFG", b"DAT"):
        if name not in found:
            raise InputError(
                f"{path}: has no section '--- file type: {name.decode()} ---'; a .cff file needs one"
            )
    return found[b"CFG"], found[b"DAT"]
