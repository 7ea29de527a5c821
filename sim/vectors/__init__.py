"""Known-answer vectors of Wycheproof, CAVP and ACVP, put to whatever computes the algorithms."""

__all__ = ["Engine", "Outcome", "Verdict", "known_files", "read_vectors", "run", "sampled"]

from sim.vectors.engine import Engine
from sim.vectors.files import known_files, read_vectors
from sim.vectors.runner import Outcome, Verdict, run
from sim.vectors.sample import sampled
