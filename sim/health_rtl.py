"""The entropy source's hardware, fed with arrays of samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.entropy.signature import BitSignature
from rtl.entropy.source import EntropySource, Failures, cutoff_layout

from .block import Block
from .health_tests import Samples, Verdict

__all__ = ["FedSource", "HealthRtl"]

_LENGTHS = (3, 4, 5, 7)
_BANKS = 8


class FedSource(wiring.Component):
    """An `EntropySource` whose rings are a stream of samples, one of which goes with each ``take``.

    Parameters
    ----------
    source : EntropySource
        The source.

    Members
    -------
    samples : In(stream of a bit a ring)
        The samples; taken whether there is one or not.
    enable, restart, cutoffs, bits, failed, starting
        Of the source.
    """

    def __init__(self, source):
        self._source = source
        super().__init__(
            {
                "samples": In(stream.Signature(len(source.noise.rings))),
                "enable": In(1),
                "restart": In(1),
                "cutoffs": In(source.cutoffs.shape()),
                "bits": Out(BitSignature()),
                "failed": Out(Failures),
                "starting": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.source = source = self._source
        m.d.comb += [
            source.noise.rings.eq(self.samples.payload),
            self.samples.ready.eq(source.noise.take),
            source.enable.eq(self.enable),
            source.restart.eq(self.restart),
            source.cutoffs.eq(self.cutoffs),
            self.failed.eq(source.failed),
            self.starting.eq(source.starting),
        ]
        wiring.connect(m, wiring.flipped(self.bits), source.bits)
        return m


class HealthRtl:
    """The compiled hardware with the interface of `HealthTests`, and its strobes.

    Parameters
    ----------
    lengths : tuple of int
        Stages of the rings of a bank.
    banks : int
        Banks.
    divider : int or None
        Clocks from sample to sample; the fewest if not given.

    Attributes
    ----------
    block : Block
        The hardware; `fresh` begins with it anew.
    divider : int
        Clocks from sample to sample.
    """

    def __init__(
        self, *, lengths: tuple[int, ...] = _LENGTHS, banks: int = _BANKS, divider: int | None = None
    ):
        rings = banks * len(lengths)
        self.clocks = max(rings, 16) + EntropySource.LEAST_CLOCKS - 1  # from a sample to its verdict
        self.divider = divider or self.clocks + 1
        self._layout = cutoff_layout(banks=banks, lengths=len(lengths))
        source = EntropySource(lengths=lengths, banks=banks, divider=self.divider)
        self._defaults = source.default_cutoffs
        self._compiled = Block(FedSource(source))
        self.fresh()

    def fresh(self, cutoffs: Mapping[str, int] | None = None) -> None:
        """Power-on, with the cut-offs that are given instead of the defaults."""
        self.block = self._compiled.fresh()
        self.load(self._defaults | dict(cutoffs or {}))
        self.block.set("enable", 1)
        self.block.watch("bits__stb", ["bits__value", "bits__healthy", "failed"])

    def load(self, cutoffs: Mapping[str, int]) -> None:
        """Load cut-offs, one for each test."""
        self.block.set("cutoffs", self._layout.const(dict(cutoffs)).as_bits())

    def feed(self, samples: Samples) -> list[tuple[int, ...]]:
        """Value, healthy and failures of the bit of each sample."""
        packed = np.packbits(samples, axis=1, bitorder="little")
        words = [int.from_bytes(row.tobytes(), "little") for row in packed]
        self.block.send("samples", words, 2 * self.divider)
        self.block.tick(self.clocks)
        return self.block.recorded()

    def judge(self, samples: Samples, cutoffs: Mapping[str, int] | None = None) -> Verdict:
        """Judge levels of rings (samples by rings) from power-on; see `HealthTests.judge`."""
        self.fresh(cutoffs)
        judged = np.array(self.feed(samples), np.int64).reshape(-1, 3)
        names = list(Failures.as_shape().members)
        failures = [
            (int(index), frozenset(name for bit, name in enumerate(names) if judged[index, 2] >> bit & 1))
            for index in np.flatnonzero(judged[:, 2])
        ]
        if not np.array_equal(judged[:, 0], np.bitwise_xor.reduce(samples, axis=1)):
            raise AssertionError("A raw bit is not the exclusive or of its sample")
        return Verdict(tuple(failures), judged[:, 1].astype(np.bool_))
