"""The CRC of a word in one clock, against the definition bit by bit and against that of the library."""

import random
import zlib

from amaranth import Module, Signal

from rtl.metering.arithmetic import CRC_BITS, CRC_START, crc32
from rtl.metering.crc import crc32_step
from rtl.metering.parameters import WORD_BITS


def test_two_words_are_nine_bytes_of_the_crc_of_the_library():
    pick = random.Random(1)
    for _ in range(50):
        words = [pick.randrange(1 << WORD_BITS) for _ in range(2)]
        ours = crc32(crc32(CRC_START, words[0]), words[1])
        packed = (words[0] | words[1] << WORD_BITS).to_bytes(2 * WORD_BITS // 8, "little")
        assert ours ^ CRC_START == zlib.crc32(packed), f"repeat with {words}"


def test_a_negative_word_has_the_bits_of_its_complement():
    for word in (-1, -2, -(1 << WORD_BITS - 1)):
        assert crc32(CRC_START, word) == crc32(CRC_START, word + (1 << WORD_BITS))


def test_one_clock_gives_what_the_definition_gives(simulate):
    before, word, after = Signal(CRC_BITS), Signal(WORD_BITS), Signal(CRC_BITS)
    m = Module()
    m.d.comb += after.eq(crc32_step(before, word))
    pick = random.Random(2)
    cases = [(1 << bit, 0) for bit in range(CRC_BITS)] + [(0, 1 << bit) for bit in range(WORD_BITS)]
    cases += [(pick.randrange(1 << CRC_BITS), pick.randrange(1 << WORD_BITS)) for _ in range(100)]

    async def bench(ctx):
        for start, value in cases:
            ctx.set(before, start)
            ctx.set(word, value)
            await ctx.delay(1e-6)
            assert ctx.get(after) == crc32(start, value), f"repeat with ({start:#x}, {value:#x})"

    simulate(m, bench, domains=())
