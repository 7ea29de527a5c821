"""Some of many vectors: as different ones as possible, and the same ones every time."""

import random
from collections.abc import Mapping, Sequence

from sim.vectors.cases import Case, Ecdh, EcdsaVerify, HashChain, Skipped, Unreadable

__all__ = ["LIMITS", "sampled"]

LIMITS = {"sha256": 40, "aes": 60, "p256": 8}
"""Vectors of a file, by the block that they are for."""
_CHAINS = 1  # of a thousand digests each


def sampled(
    vectors: Sequence[Case | Skipped], seed: int, limits: Mapping[str, int] = LIMITS
) -> list[Case | Skipped]:
    """At most so many vectors of each file, in their order there; what no engine is asked for stays.

    A file's vectors are heaped up by kind, result and group. Each heap gives one before any gives a second,
    and among the heaps each result comes first once, so that few vectors show the most. Which ones is up to
    the seed.
    """
    files: dict[str, list[Case]] = {}
    for vector in vectors:
        if isinstance(vector, Case) and not _costs_nothing(vector):
            files.setdefault(vector.place.file, []).append(vector)
    chosen = {
        id(vector)
        for file, of_file in files.items()
        for vector in _of_file(of_file, f"{seed} {file}", limits)
    }
    return [vector for vector in vectors if _costs_nothing(vector) or id(vector) in chosen]


def _costs_nothing(vector: Case | Skipped) -> bool:
    """Whether it is skipped or decided by its encoding."""
    match vector:
        case Skipped():
            return True
        case EcdsaVerify():
            return isinstance(vector.signature, Unreadable)
        case Ecdh():
            return isinstance(vector.public, Unreadable)
    return False


def _of_file(vectors: Sequence[Case], seed: str, limits: Mapping[str, int]) -> list[Case]:
    generator = random.Random(seed)
    heaps: dict[tuple[str, str, str], list[Case]] = {}
    for vector in generator.sample(vectors, len(vectors)):
        heaps.setdefault((vector.kind, vector.result.value, vector.place.group), []).append(vector)
    ranks: dict[tuple[str, str], int] = {}
    order = []
    for (kind, result, _), heap in heaps.items():
        first = ranks.setdefault((kind, result), 0)
        ranks[kind, result] += 1
        order += [(depth, first, vector) for depth, vector in enumerate(heap)]
    order.sort(key=lambda entry: entry[:2])
    chains = [vector for *_, vector in order if isinstance(vector, HashChain)][_CHAINS:]
    few = [vector for *_, vector in order if vector not in chains]
    return few[: limits[vectors[0].block]]
