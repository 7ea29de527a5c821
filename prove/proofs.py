"""All proofs, in the order in which they are run."""

from . import entropy, entropy_generator, keystore

__all__ = ["PROOFS"]

PROOFS = (*keystore.PROOFS, *entropy.PROOFS, *entropy_generator.PROOFS)
