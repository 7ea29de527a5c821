"""Front end of the metrology domain: takes in words or modulator bits, hands sample sets to the engine."""

from amaranth import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect

from .cic import CicDecimator, value_bits
from .decimation_filter import DecimationFilter
from .filters import decimation_taps
from .parameters import INPUTS, LANE_BITS, WORD_BITS

__all__ = ["FrontEnd"]

_TEMPERATURE_BITS = 16
_LOST_BITS = 16


class FrontEnd(wiring.Component):
    """Front end for lanes of sample words, and of modulator bits if it is built for them.

    One sample set is in work and the next waits where it came from, so a set may take longer than a sample
    period if the one after takes less.

    Parameters
    ----------
    word_bits : int
        Bits of a sample word, signed; at most 28.
    lanes : int
        Lanes, voltages first.
    modulator_divider, cic_decimation : int or None
        Clocks of a modulator period, and modulator periods of a CIC value; a sample set takes two values.
        Without them there is no input for bits.

    Members
    -------
    samples : In(stream of arrays of words)
        Sample sets; not taken with ``use_bits``.
    modulator_clock : Out(1)
        Clock of the modulators; constant without an input for bits.
    bits : In(lanes)
        Bits of the modulators, from pins; see `CicDecimator`.
    use_bits : In(1)
        Sets come from ``bits`` instead of ``samples``; static. It does nothing without an input for bits.
    words_lost : In(16)
        Sets that whoever makes ``samples`` has lost.
    temperature : In(signed(16))
        Of the sensor, in this domain.
    magnet, cover_main, cover_terminal, brown_out : In(1)
        From pins, high if there is a magnet, an open cover, or too little supply.
    lanes : Out(array of signed 28-bit samples)
        A sample set, words at the top of each lane; stays from ``engine_start`` until the engine is idle.
    saturated : Out(lanes)
        Lanes whose sample did not fit behind the decimation filter; stays likewise.
    inputs : Out(array of words)
        What the program can read beside the lanes, as `INPUTS` names it: the ports of these names, and of
        the source in use the number of sets lost. They are of the clock before ``engine_start`` and stay
        likewise.
    engine_start : Out(1)
        Starts the engine on ``lanes``.
    engine_idle : In(1)
        The engine is done with ``lanes``; low from the clock after ``engine_start`` on.
    held : Out(1)
        A set has been handed over with ``brown_out``; none follows until ``resume``.
    resume : In(1)
        Ends ``held``.

    Latency
    -------
    A set that comes while the engine is idle is taken in that clock, and ``engine_start`` is high in the
    next. From the pin, ``magnet`` and the others like it take two clocks more. A set of bits comes out of
    the decimation filter, see `CicDecimator` and `DecimationFilter`.

    Raises
    ------
    ValueError
        If a word has more bits than a lane, or only one of the numbers for bits is given.
    """

    def __init__(self, *, word_bits, lanes, modulator_divider=None, cic_decimation=None):
        if word_bits > LANE_BITS:
            raise ValueError(f"A sample word must have at most {LANE_BITS} bits, not {word_bits}")
        if (modulator_divider is None) != (cic_decimation is None):
            raise ValueError(
                f"Modulator divider and CIC decimation belong together, "
                f"not {modulator_divider} with {cic_decimation}"
            )
        self._word_bits = word_bits
        self._modulator_divider = modulator_divider
        self._cic_decimation = cic_decimation
        super().__init__(
            {
                "samples": In(stream.Signature(data.ArrayLayout(signed(word_bits), lanes))),
                "modulator_clock": Out(1),
                "bits": In(lanes),
                "use_bits": In(1),
                "words_lost": In(_LOST_BITS),
                "temperature": In(signed(_TEMPERATURE_BITS)),
                "magnet": In(1),
                "cover_main": In(1),
                "cover_terminal": In(1),
                "brown_out": In(1),
                "lanes": Out(data.ArrayLayout(signed(LANE_BITS), lanes)),
                "saturated": Out(lanes),
                "inputs": Out(data.ArrayLayout(signed(WORD_BITS), len(INPUTS))),
                "engine_start": Out(1),
                "engine_idle": In(1),
                "held": Out(1),
                "resume": In(1),
            }
        )

    @property
    def has_bits(self):
        """Whether there is an input for bits."""
        return self._cic_decimation is not None

    def elaborate(self, platform):
        m = Module()
        lanes = Signal.like(self.lanes)
        saturated = Signal.like(self.saturated)
        valid, take, lost = Signal(), Signal(), Signal(_LOST_BITS)
        m.d.comb += [
            valid.eq(self.samples.valid),
            self.samples.ready.eq(take),
            lost.eq(self.words_lost),
        ]
        for lane, word in zip(lanes, self.samples.payload, strict=True):
            m.d.comb += lane.eq(word << LANE_BITS - self._word_bits)
        if self.has_bits:
            sets, overflow, sets_lost = self._decimated(m)
            m.d.comb += sets.ready.eq(~self.use_bits | take)  # or old sets would wait for it to be chosen
            with m.If(self.use_bits):
                m.d.comb += [
                    valid.eq(sets.valid),
                    self.samples.ready.eq(0),
                    lost.eq(sets_lost),
                    lanes.eq(sets.payload),
                    saturated.eq(overflow),
                ]

        inputs = self._inputs(m, lost)
        m.d.sync += self.engine_start.eq(take)
        m.d.comb += take.eq(valid & self.engine_idle & ~self.engine_start & ~self.held)
        with m.If(self.resume):
            m.d.sync += self.held.eq(0)
        with m.If(take):
            m.d.sync += [
                self.lanes.eq(lanes),
                self.saturated.eq(saturated),
                self.held.eq(inputs["brown_out"]),
            ]
            for port, name in zip(self.inputs, INPUTS, strict=True):
                m.d.sync += port.eq(inputs[name])
        return m

    def _decimated(self, m):
        """Bits to samples; returns the stream, the lanes that overflow, and the sets lost."""
        design = decimation_taps(self._cic_decimation)
        m.submodules.cic = cic = CicDecimator(
            lanes=len(self.bits), divider=self._modulator_divider, decimation=self._cic_decimation
        )
        m.submodules.decimation_filter = fir = DecimationFilter(
            lanes=len(self.bits),
            input_bits=value_bits(self._cic_decimation),
            taps=design.taps,
            shift=design.shift,
        )
        connect(m, cic.sets, fir.sets)
        m.d.comb += [self.modulator_clock.eq(cic.modulator_clock), cic.bits.eq(self.bits)]
        return fir.samples, fir.saturated, cic.lost

    def _inputs(self, m, lost):
        """What comes with a set, by the name that the program has for it."""
        inputs = {"temperature": self.temperature, "lost": lost}
        for name in ("magnet", "cover_main", "cover_terminal", "brown_out"):
            inputs[name] = Signal(name=name)
            m.submodules[name] = FFSynchronizer(getattr(self, name), inputs[name])
        return inputs
