"""Runs every proof, one after the other, and says how each ended: ``python -m prove``."""

import sys
import time

from soc.errors import InputError

from .proofs import PROOFS
from .runner import run


def main() -> int:
    """Run the proofs; 0 if all hold."""
    failed = 0
    for number, proof in enumerate(PROOFS, 1):
        print(f"   {number} of {len(PROOFS)}  {proof.name}: {proof.claim}", flush=True)
        start = time.monotonic()
        verdict = run(proof)
        failed += not verdict.holds
        word = "proved" if verdict.holds else f"NOT proved, see {verdict.place}"
        print(f"           {word} ({time.monotonic() - start:.0f} s)", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
