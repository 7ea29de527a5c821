"""What the tests of the readers share: samples to write, and the check of a refusal."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sim.recordings import Recording, read_recording
from soc.errors import InputError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Wave:
    """Four cycles of 50 Hz at 10 kS/s: times in seconds, volts and amperes."""

    times: FloatArray
    volts: FloatArray
    amperes: FloatArray
    rate: float = 10_000.0

    def csv(self, head: str = "Time (s),Voltage (V),Current (A)") -> list[str]:
        rows = zip(self.times, self.volts, self.amperes, strict=True)
        return [head, *(f"{t:.4f},{v:.4f},{i:.5f}" for t, v, i in rows)]


@pytest.fixture
def wave() -> Wave:
    times = np.arange(800) / 10_000
    return Wave(times, 325 * np.sin(100 * np.pi * times), 7 * np.sin(100 * np.pi * times - 0.5))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes | list[str]], Path]:
    """Write a file of lines, text or bytes and return its path."""

    def writer(name: str, content: str | bytes | list[str]) -> Path:
        path = tmp_path / name
        if isinstance(content, list):
            content = "\n".join(content) + "\n"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return writer


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., None]:
    """Check that a file is refused with exactly one sentence, which starts with the file."""

    def check(path: Path, sentence: str, **options: Any) -> None:
        with pytest.raises(InputError) as caught:
            read_recording(path, **options)
        assert str(caught.value).replace(str(tmp_path) + "/", "") == sentence

    return check


@pytest.fixture
def survives() -> Callable[..., int]:
    """Read a file in many damaged forms; whatever is not read must be refused in a sentence."""

    def check(path: Path, seed: int, cuts: int = 40, flips: int = 40, **options: Any) -> int:
        raw = path.read_bytes()
        random = np.random.default_rng(seed)
        damaged = [raw[: int(at)] for at in random.integers(1, len(raw), cuts)]
        for at in random.integers(0, len(raw), flips):
            flipped = bytearray(raw)
            flipped[at] ^= int(random.integers(1, 256))
            damaged.append(bytes(flipped))
        refusals = 0
        for number, content in enumerate(damaged):
            path.write_bytes(content)
            try:
                recording = read_recording(path, **options)
            except InputError as error:
                if not re.match(r"[^\n]+: [^\n]+$", str(error)):
                    pytest.fail(f"seed {seed}, damage {number} is refused with more than one line: {error}")
                refusals += 1
            else:
                assert isinstance(recording, Recording)
                assert np.isfinite(recording.voltage_v).all(), f"seed {seed}, damage {number}"
        path.write_bytes(raw)
        return refusals

    return check
