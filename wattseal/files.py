"""Output files: written whole or not at all."""

import os
from pathlib import Path

from soc.errors import InputError

__all__ = ["check_writable", "write_text"]


def check_writable(path: Path) -> None:
    """Refuse a path that cannot be written, before any work is done for it."""
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file.")
    if not folder.is_dir():
        raise InputError(f"{path}: the folder {folder} does not exist; create it or give another path.")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{path}: the folder {folder} cannot be written to; give another path.")


def write_text(path: Path, text: str) -> None:
    """Replace the file with ``text``; an interruption leaves the old file."""
    check_writable(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
