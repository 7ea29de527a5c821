"""CRC-32 of a word in one clock."""

from amaranth import Cat

from .arithmetic import CRC_BITS, crc32
from .parameters import WORD_BITS

__all__ = ["crc32_step"]


def crc32_step(before, word):
    """The CRC-32 after the bits of ``word``: `rtl.metering.arithmetic.crc32` as a value of 32 bits.

    It is linear, so that what single bits make of it says which of them each bit of the result is the sum of.
    """
    bits = [*before[:CRC_BITS], *word[:WORD_BITS]]
    effects = [crc32(1 << bit, 0) for bit in range(CRC_BITS)] + [
        crc32(0, 1 << bit) for bit in range(WORD_BITS)
    ]
    return Cat(
        Cat(bit for bit, effect in zip(bits, effects, strict=True) if effect >> place & 1).xor()
        for place in range(CRC_BITS)
    )
