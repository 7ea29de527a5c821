"""Vectors put to an engine, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from sim.vectors.cases import Case, Skipped
from sim.vectors.engine import Engine, NotBuiltIn
from sim.vectors.judge import complaint

__all__ = ["Outcome", "Verdict", "run"]


class Verdict(Enum):
    """What became of a vector."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A vector with its verdict, and why, unless it passed."""

    vector: Case | Skipped
    verdict: Verdict
    reason: str = ""

    @property
    def sentence(self) -> str:
        """One line on it."""
        return f"{self.vector.place}: {self.vector.kind}: {self.reason or self.verdict.value}"

    def repetition(self, options: str = "") -> str:
        """The command that repeats it alone."""
        file = self.vector.place.file
        quoted = f"'{file}'" if " " in file else file
        return f"wattseal vectors {quoted} --only {self.vector.place.number}{options}"


def run(
    vectors: Sequence[Case | Skipped], engine: Engine, progress: Callable[[str, float | None], None]
) -> Iterator[Outcome]:
    """The outcome of each vector.

    Parameters
    ----------
    vectors : sequence
        What is to be tried, vectors of one file after each other.
    engine : Engine
        What they are put to.
    progress : callable
        Told the file and what part of its vectors is done.
    """
    of_file = [vector.place.file for vector in vectors]
    totals = {file: of_file.count(file) for file in dict.fromkeys(of_file)}
    done = dict.fromkeys(totals, 0)
    for vector, file in zip(vectors, of_file, strict=True):
        progress(file, done[file] / totals[file])
        yield _outcome(vector, engine)
        done[file] += 1


def _outcome(vector: Case | Skipped, engine: Engine) -> Outcome:
    if isinstance(vector, Skipped):
        return Outcome(vector=vector, verdict=Verdict.SKIPPED, reason=vector.reason)
    try:
        reason = complaint(vector, engine)
    except NotBuiltIn as lack:
        return Outcome(vector=vector, verdict=Verdict.SKIPPED, reason=str(lack))
    except TimeoutError as hang:
        return Outcome(vector=vector, verdict=Verdict.FAILED, reason=f"it does not end: {hang}")
    if reason is None:
        return Outcome(vector=vector, verdict=Verdict.PASSED)
    return Outcome(vector=vector, verdict=Verdict.FAILED, reason=reason)
