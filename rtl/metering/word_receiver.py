"""Receiver of sample words that converters send on serial lines, in step with the metrology clock."""

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["WordReceiver"]

_SYNCHRONISER_STAGES = 2
_LOST_BITS = 16


class WordReceiver(wiring.Component):
    """Serial master of the converters: one data line a lane, one frame a sample set.

    ``bit_clock`` runs without a pause. ``frame_sync`` is high for the one bit period before the first bit of
    a word; the word follows, most significant bit first, and the rest of the frame is ignored. Converters
    change their data when ``bit_clock`` falls, and a line is sampled when it rises.

    A converter cannot wait. A set stays on ``samples`` until it is taken; if that has not happened when the
    first bit of the next one arrives, the next one is lost, and counted.

    Parameters
    ----------
    word_bits : int
        Bits of a word, signed.
    lanes : int
        Data lines.
    sample_clocks : int
        Clocks from one sample set to the next.
    frame_bits : int
        Bit periods in a frame, more than ``word_bits``. They divide ``sample_clocks`` into bit periods of an
        even number of clocks.

    Members
    -------
    bit_clock : Out(1)
        Bit clock to the converters, from a flip-flop.
    frame_sync : Out(1)
        Frame synchronisation to the converters, from a flip-flop; changes when ``bit_clock`` falls.
    data : In(lanes)
        Data lines. A bit must stand half a bit period after the fall of ``bit_clock`` that brought it, at
        the pins of the chip, and stay until the next fall.
    samples : Out(stream of arrays of words)
        Sample sets.
    lost : Out(16)
        Sample sets that were lost since reset. It stays at its largest value.

    Latency
    -------
    The rise of ``bit_clock`` in the last bit of a word to ``samples.valid``: two clocks.

    Raises
    ------
    ValueError
        If a word does not fit in a frame, or ``frame_bits`` does not divide ``sample_clocks`` evenly.
    """

    def __init__(self, *, word_bits, lanes, sample_clocks, frame_bits=64):
        named = {
            "Word length": word_bits,
            "Number of lanes": lanes,
            "Sample period": sample_clocks,
            "Frame length": frame_bits,
        }
        for name, value in named.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise TypeError(f"{name} must be a positive integer, not {value!r}")
        if frame_bits <= word_bits:
            raise ValueError(
                f"Frame length must be more than the word length (= {word_bits} bits), not {frame_bits}"
            )
        if sample_clocks % (2 * frame_bits):
            raise ValueError(
                f"Sample period must be a multiple of twice the frame length (= {2 * frame_bits} clocks), "
                f"not {sample_clocks}"
            )
        self._word_bits = word_bits
        self._frame_bits = frame_bits
        self._half_period = sample_clocks // frame_bits // 2
        super().__init__(
            {
                "bit_clock": Out(1),
                "frame_sync": Out(1),
                "data": In(lanes),
                "samples": Out(stream.Signature(data.ArrayLayout(signed(word_bits), lanes))),
                "lost": Out(_LOST_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rising = self._clock_frames(m)
        lines = Signal(len(self.data))
        m.submodules.lines = FFSynchronizer(self.data, lines, stages=_SYNCHRONISER_STAGES)
        # A line is looked at as late after the edge as the synchroniser delays it.
        sample = rising
        for stage in range(_SYNCHRONISER_STAGES):
            delayed = Signal(3, name=f"sample_{stage}")
            m.d.sync += delayed.eq(sample)
            sample = delayed
        self._take_words(m, lines, *sample)
        return m

    def _clock_frames(self, m):
        """Makes bit clock and frame sync; returns what happens with a rise: any bit, the first, the last."""
        clocks = Signal(range(self._half_period))
        bit = Signal(range(self._frame_bits), init=self._frame_bits - 1)
        half_ends = Signal()
        m.d.comb += half_ends.eq(clocks == self._half_period - 1)
        m.d.sync += clocks.eq(clocks + 1)
        with m.If(half_ends):
            m.d.sync += [clocks.eq(0), self.bit_clock.eq(~self.bit_clock)]
        with m.If(half_ends & self.bit_clock):
            m.d.sync += [bit.eq(bit + 1), self.frame_sync.eq(0)]
            with m.If(bit == self._frame_bits - 1):
                m.d.sync += [bit.eq(0), self.frame_sync.eq(1)]
        rises = half_ends & ~self.bit_clock
        return Cat(
            rises & (bit >= 1) & (bit <= self._word_bits),
            rises & (bit == 1),
            rises & (bit == self._word_bits),
        )

    def _take_words(self, m, lines, any_bit, first_bit, last_bit):
        with m.If(self.samples.ready):
            m.d.sync += self.samples.valid.eq(0)

        # Whether a frame is received is decided at its first bit, and holds to its last.
        receive, receive_rest = Signal(), Signal()
        m.d.comb += receive.eq(receive_rest)
        with m.If(first_bit):
            m.d.comb += receive.eq(~self.samples.valid | self.samples.ready)
            m.d.sync += receive_rest.eq(receive)
            with m.If(~receive & ~self.lost.all()):
                m.d.sync += self.lost.eq(self.lost + 1)
        with m.If(any_bit & receive):
            for lane, line in enumerate(lines):
                word = self.samples.payload.as_value().word_select(lane, self._word_bits)
                m.d.sync += word.eq(Cat(line, word[:-1]))
            with m.If(last_bit):
                m.d.sync += self.samples.valid.eq(1)
