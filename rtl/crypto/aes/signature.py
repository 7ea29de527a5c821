"""What the AES unit is asked for, and its words."""

from amaranth import Cat
from amaranth.lib import data, enum

__all__ = ["Command", "Operation", "Word", "byte_enables", "byte_mask"]


class Operation(enum.Enum, shape=4):
    """Operations of the AES unit.

    ``KEY`` takes a key's 4 or 8 words. ``IV`` takes the 3 words of an IV of 12 bytes, ``HASHED_IV`` an IV of
    any other length. ``AAD`` takes bytes that are authenticated, ``ENCRYPT`` and ``DECRYPT`` a piece of a
    message of GCM, ``MAC`` one of CMAC. ``TAG`` gives the tag, ``CHECK`` compares it with up to four words,
    the first one of which must be whole. ``WRAP`` and ``UNWRAP`` are the key wrap of RFC 3394. ``WIPE``
    forgets everything.
    """

    KEY = 0
    IV = 1
    HASHED_IV = 2
    AAD = 3
    ENCRYPT = 4
    DECRYPT = 5
    MAC = 6
    TAG = 7
    CHECK = 8
    WRAP = 9
    UNWRAP = 10
    WIPE = 11


class Command(data.Struct):
    """One command to the AES unit.

    ``short``: with ``KEY``, the key has 128 bits. ``final``: with ``MAC``, the piece ends the message.
    ``turns``: with ``WRAP`` and ``UNWRAP``, 6 times the 64-bit blocks of key data, which are 2 or more.
    """

    operation: Operation
    short: 1
    final: 1
    turns: 11


class Word(data.Struct):
    """Up to four bytes; the first one on top. ``last``: nothing follows in this piece."""

    data: 32
    bytes: range(5)
    last: 1


def byte_enables(count):
    """Which bytes of a word, the first one on top, are among the first ``count``: a bit each."""
    return Cat(count > 3 - byte for byte in range(4))


def byte_mask(count):
    """Ones over the first ``count`` bytes of a word."""
    return Cat(enable.replicate(8) for enable in byte_enables(count))
