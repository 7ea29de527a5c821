"""Which sources a chip was made from: one digest."""

import hashlib
from pathlib import Path

__all__ = ["source_revision"]

_ROOT = Path(__file__).parent.parent


def source_revision() -> bytes:
    """SHA-256 over every Python file of ``rtl`` and ``soc``, each with its path and its length.

    ``soc/generated`` is left out: it follows from the others.
    """
    digest = hashlib.sha256()
    for path in sorted([*_ROOT.glob("rtl/**/*.py"), *_ROOT.glob("soc/**/*.py")]):
        name = path.relative_to(_ROOT).as_posix()
        if not name.startswith("soc/generated/"):
            content = path.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.digest()
