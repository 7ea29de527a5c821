"""Output files: written whole or not at all."""

import os
from pathlib import Path

from soc.errors import InputError

__all__ = ["check_writable", "make_folder", "write_bytes", "write_text"]


def check_writable(path: Path) -> None:
    """Refuse a path that cannot be written, before any work is done for it."""
    folder = path.resolve().parent
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file.")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is no ordinary file; give the name of one.")
    if not folder.is_dir():
        raise InputError(f"{path}: the folder {folder} does not exist; create it or give another path.")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{path}: the folder {folder} cannot be written to; give another path.")


def make_folder(folder: Path) -> None:
    """Create a folder for output, unless it is there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot be made a folder ({error.strerror})"
        raise InputError(f"{folder}: {reason}; give another one.") from None


def write_text(path: Path, text: str) -> None:
    """Replace the file, or the one that a link leads to; an interruption leaves the old one."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """The same for bytes."""
    check_writable(path)
    target = path.resolve()
    unfinished = target.with_name(f".{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(target)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); give another path.") from None
    finally:
        unfinished.unlink(missing_ok=True)
