"""Columns of the state of AES: 32 bits, the byte of row 0 on top."""

from amaranth import Cat

__all__ = ["bytes_of", "mix_column", "shift_rows", "word_of"]


def bytes_of(word):
    """The bytes of a word or a block, the first one first."""
    return [word[at : at + 8] for at in reversed(range(0, len(word), 8))]


def word_of(parts):
    """The word or block of these bytes, or of these words; the first one on top."""
    return Cat(*reversed(parts))


def _double(byte):
    return Cat(byte[7], byte[0] ^ byte[7], byte[1], byte[2] ^ byte[7], byte[3] ^ byte[7], byte[4:7])


def mix_column(column):
    """MixColumns of one column (FIPS 197, section 5.1.3)."""
    a = bytes_of(column)
    mixed = []
    for row in range(4):
        one, two, three, four = (a[(row + step) % 4] for step in range(4))
        mixed.append(_double(one ^ two) ^ two ^ three ^ four)
    return word_of(mixed)


def shift_rows(parts):
    """ShiftRows (FIPS 197, section 5.1.2) of the bytes of a block."""
    return word_of([parts[(index + 4 * (index % 4)) % 16] for index in range(16)])
