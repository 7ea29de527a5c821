"""Columns of the state of AES: 32 bits, the byte of row 0 on top."""

from amaranth import Cat

__all__ = ["bytes_of", "mix_difference", "shift_rows", "word_of"]


def bytes_of(word):
    """The bytes of a word or a block, the first one first."""
    return [word[at : at + 8] for at in reversed(range(0, len(word), 8))]


def word_of(parts):
    """The word or block of these bytes, or of these words; the first one on top."""
    return Cat(*reversed(parts))


def mix_difference(column, mix):
    """What MixColumns of one column (FIPS 197, section 5.1.3) adds to it; zeros without ``mix``.

    A byte is replaced by its sum with that of all four, and with twice the sum of it and the next one.
    Written so that a bit takes one LUT4, and a sum of it with one bit that four of them share.
    """
    a = bytes_of(column)
    total = a[0] ^ a[1] ^ a[2] ^ a[3]
    differences = []
    for row in range(4):
        one, two = a[row], a[(row + 1) % 4]
        added = (total ^ Cat(0, (one ^ two)[:7])) & mix.replicate(8)
        overflow = (one[7] ^ two[7]) & mix
        differences.append(added ^ Cat(overflow, overflow, 0, overflow, overflow))
    return word_of(differences)


def shift_rows(parts):
    """ShiftRows (FIPS 197, section 5.1.2) of the bytes of a block."""
    return word_of([parts[(index + 4 * (index % 4)) % 16] for index in range(16)])
