"""A word of a digest, as it passes between the parts of the generator."""

from amaranth.lib import data

__all__ = ["DIGEST_WORDS", "DigestWord"]

DIGEST_WORDS = 8


class DigestWord(data.Struct):
    """A word, in a cycle with ``stb``: the words of a digest come in eight cycles, index 7 first."""

    stb: 1
    index: range(DIGEST_WORDS)
    data: 32
