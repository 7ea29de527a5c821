"""Noise for the simulated chip: samples of the stochastic model, played from a memory."""

import numpy as np
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from rtl.entropy.jitter import REFERENCE
from rtl.entropy.signature import NoiseSignature

from .ring_jitter import RingJitter

__all__ = ["SAMPLES", "SimulatedNoise"]

SAMPLES = 8192
"""Samples that are played, if there is nothing else to play."""


class SimulatedNoise(wiring.Component):
    """Plays samples of ring oscillators, over and over: after the last one the first comes again.

    Parameters
    ----------
    model : JitterModel
        The rings; those of the chip if not given.
    seed : int
        Seed of the samples.
    samples : array of 0 and 1, samples by rings, or None
        What is played instead of `SAMPLES` samples of the model.

    Members
    -------
    noise : In(NoiseSignature)
        The samples. ``rings`` is the sample that a ``take`` in this clock takes, from the second clock after
        a reset on. While the rings are not enabled they are all high, as rings that stand still are.
    stuck : In(1)
        The sample that is there stays, whatever is taken.

    Latency
    -------
    None: the next sample is there in the clock after ``take``.

    Raises
    ------
    ValueError
        If the samples are not two or more rows of zeros and ones.
    """

    def __init__(self, *, model=REFERENCE, seed=1, samples=None):
        if samples is None:
            samples = RingJitter(model, seed=seed).samples(SAMPLES)
        samples = np.asarray(samples)
        if samples.ndim != 2 or len(samples) < 2 or not samples.size or not np.isin(samples, (0, 1)).all():
            raise ValueError("Samples must be two or more rows of zeros and ones")
        packed = np.packbits(samples.astype(np.uint8), axis=1, bitorder="little")
        self._samples = [int.from_bytes(row.tobytes(), "little") for row in packed]
        self._rings = samples.shape[1]
        super().__init__({"noise": In(NoiseSignature(rings=self._rings)), "stuck": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=self._rings, depth=len(self._samples), init=self._samples)
        port = memory.read_port()
        place = Signal(range(len(self._samples)))
        m.d.comb += port.addr.eq(place)
        with m.If(self.noise.take & ~self.stuck):
            with m.If(place == len(self._samples) - 1):
                m.d.comb += port.addr.eq(0)
            with m.Else():
                m.d.comb += port.addr.eq(place + 1)
        m.d.sync += place.eq(port.addr)
        m.d.comb += self.noise.rings.eq(port.data | (~self.noise.enable).replicate(self._rings))
        return m
