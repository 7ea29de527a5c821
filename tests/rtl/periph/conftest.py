"""The far end of a serial line, in Python."""

import pytest


class Peer:
    """Sends and receives frames of 8N1 on a line, with faults if asked.

    ``bit_clocks`` is the length of a bit in clocks, and may be a fraction; edges fall on the nearest clock.
    """

    def __init__(self, line, bit_clocks):
        self._line = line
        self._bit_clocks = bit_clocks

    async def send(self, ctx, byte, *, stop=1, glitches=()):
        """Send one frame; ``glitches`` are clocks of the frame at which the line is inverted."""
        bits = [0, *(byte >> index & 1 for index in range(8)), stop]
        length = round(len(bits) * self._bit_clocks)
        for clock in range(length):
            bit = bits[min(int((clock + 0.5) / self._bit_clocks), 9)]
            ctx.set(self._line.rx, bit ^ (clock in glitches))
            await ctx.tick()
        ctx.set(self._line.rx, 1)

    async def receive(self, ctx, *, limit=100_000):
        """Receive one frame: (byte, clocks from start edge to start edge are the caller's to count)."""
        for _ in range(limit):
            if not ctx.get(self._line.tx):
                break
            await ctx.tick()
        else:
            raise AssertionError(f"the line stayed high for {limit} clocks")
        bits, clock = [], 0
        for index in range(10):
            middle = int((index + 0.5) * self._bit_clocks)
            await ctx.tick().repeat(middle - clock)
            clock = middle
            bits.append(ctx.get(self._line.tx))
        assert (bits[0], bits[9]) == (0, 1), f"start and stop bit are {bits[0]} and {bits[9]}"
        return sum(bit << index for index, bit in enumerate(bits[1:9]))


@pytest.fixture
def peer():
    """`Peer`, to be called with an object that has ``rx`` and ``tx``, and the clocks of a bit."""
    return Peer
