"""The digest of the sources: it changes with them, and only with them."""

import shutil
from pathlib import Path

import pytest

from soc import sources


@pytest.fixture
def copy(tmp_path, monkeypatch):
    root = Path(sources.__file__).parent.parent
    for folder in ("rtl/periph", "soc/generated", "soc/formats"):
        shutil.copytree(root / folder, tmp_path / folder)
    monkeypatch.setattr(sources, "_ROOT", tmp_path)
    return tmp_path


def test_is_a_digest_that_stays(copy):
    assert len(sources.source_revision()) == 32
    assert sources.source_revision() == sources.source_revision()


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("rtl/periph/timer.py", True),
        ("soc/formats/bridge.py", True),
        ("soc/generated/registers.py", False),
        ("soc/generated/wattseal.h", False),
    ],
)
def test_a_changed_byte_counts_unless_the_file_is_generated(copy, path, counts):
    before = sources.source_revision()
    with (copy / path).open("ab") as file:
        file.write(b"\n")
    assert (sources.source_revision() != before) is counts


def test_a_renamed_file_counts(copy):
    before = sources.source_revision()
    (copy / "rtl/periph/timer.py").rename(copy / "rtl/periph/clock.py")
    assert sources.source_revision() != before


def test_what_is_compiled_beside_does_not_count(copy):
    before = sources.source_revision()
    (copy / "rtl/periph/__pycache__").mkdir(exist_ok=True)
    (copy / "rtl/periph/__pycache__/timer.pyc").write_bytes(b"anything")
    assert sources.source_revision() == before
