"""Front end of the metrology domain: takes in sample words and hands aligned sample sets to the engine."""

from amaranth import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from .parameters import LANE_BITS

__all__ = ["FrontEnd"]


class FrontEnd(wiring.Component):
    """Front end for lanes of sample words.

    Sample sets wait in a short queue, so that the work at the end of a window may take longer than one
    sample period; a source in real time never finds the queue full as long as the engine keeps up on
    average.

    Parameters
    ----------
    word_bits : int
        Bits of a sample word, signed; at most 28.
    lanes : int
        Lanes, voltages first.
    queue : int
        Sample sets in the queue, the one that the engine works on included.

    Members
    -------
    samples : In(stream of arrays of words)
        Sample sets.
    lanes : Out(array of signed 28-bit samples)
        Words at the top of each lane; stays while ``engine_start`` to ``engine_idle``.
    engine_start : Out(1)
        Starts the engine on ``lanes``.
    engine_idle : In(1)
        The engine is done with ``lanes``.

    Latency
    -------
    A sample set that finds the queue empty and the engine idle is with the engine two clocks later.

    Raises
    ------
    ValueError
        If a word has more bits than a lane.
    """

    def __init__(self, *, word_bits, lanes, queue=8):
        if word_bits > LANE_BITS:
            raise ValueError(f"A sample word must have at most {LANE_BITS} bits, not {word_bits}")
        self._queue = queue
        self._word_bits = word_bits
        super().__init__(
            {
                "samples": In(stream.Signature(data.ArrayLayout(signed(word_bits), lanes))),
                "lanes": Out(data.ArrayLayout(signed(LANE_BITS), lanes)),
                "engine_start": Out(1),
                "engine_idle": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = SyncFIFOBuffered(
            width=self.samples.payload.shape().size, depth=self._queue
        )
        m.d.comb += [
            queue.w_data.eq(self.samples.payload.as_value()),
            queue.w_en.eq(self.samples.valid),
            self.samples.ready.eq(queue.w_rdy),
        ]
        alignment = LANE_BITS - self._word_bits
        words = data.View(self.samples.payload.shape(), queue.r_data)
        for lane, word in zip(self.lanes, words, strict=True):
            m.d.comb += lane.eq(word << alignment)

        started = Signal()
        with m.FSM():
            with m.State("Wait For Sample Set"):
                with m.If(queue.r_rdy & self.engine_idle):
                    m.d.comb += self.engine_start.eq(1)
                    m.next = "Compute"
            with m.State("Compute"):
                m.d.sync += started.eq(1)
                with m.If(started & self.engine_idle):
                    m.d.comb += queue.r_en.eq(1)
                    m.d.sync += started.eq(0)
                    m.next = "Wait For Sample Set"
        return m
