"""CRC-32 of a word in one clock."""

from amaranth import Cat

from .parameters import WORD_BITS

__all__ = ["crc32_step"]

_POLYNOMIAL = 0xEDB88320


def crc32_step(before, word):
    """The CRC-32 after the bits of ``word``: `rtl.metering.arithmetic.crc32` as a value of 32 bits."""
    state = list(before)
    for bit in range(WORD_BITS):
        feedback = state[0] ^ word[bit]
        state = [
            (state[place + 1] if place < 31 else 0) ^ (feedback if _POLYNOMIAL >> place & 1 else 0)
            for place in range(32)
        ]
    return Cat(*state)
