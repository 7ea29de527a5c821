"""On-chip non-volatile memory, as FRAM behaves, in regions that only their owners reach."""

from dataclasses import dataclass

from amaranth import DomainRenamer, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from ..bus import NvmPortSignature

__all__ = ["Nvm", "NvmRegion", "Region"]

_WORD_BITS = 32


class NvmRegion(wiring.Component):
    """One region: a memory of its own behind its owner's port.

    Emulated by block RAM: contents outlive a reset, but not power-off.

    Parameters
    ----------
    words : int
        Words of 32 bits.
    write_clocks : int
        Clocks from the one that takes a write to ``done``, 2 or more.
    tears : bool
        Whether power can be cut: for simulation. Adds ``power`` and ``torn``.

    Members
    -------
    port : In(NvmPortSignature)
        The owner's port. An address outside the region ends with ``error`` and changes nothing.
    power : In(1)
        Low: no power. A word that is being written in the first such clock becomes a mixture of old and new
        bits, nothing else changes, and a request is not taken.
    torn : In(32)
        In that clock, the bits of the word that are new already.

    Latency
    -------
    Read, and access refused: ``done`` in the clock after the request was taken. Write: ``write_clocks``
    after it. The next request is taken with ``done`` at the earliest.

    Raises
    ------
    ValueError
        If the region has fewer than two words, or a write takes fewer than two clocks.
    """

    def __init__(self, *, words, write_clocks=4, tears=False):
        if not isinstance(write_clocks, int):
            raise TypeError(f"Clocks of a write must be an integer, not {write_clocks!r}")
        if write_clocks < 2:
            raise ValueError(f"Clocks of a write must be 2 or more, not {write_clocks}")
        self._words = words
        self._write_clocks = write_clocks
        self._tears = tears
        members = {"port": In(NvmPortSignature(words=words))}
        if tears:
            members |= {"power": In(1, init=1), "torn": In(_WORD_BITS)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.submodules.cells = memory = Memory(shape=_WORD_BITS, depth=self._words, init=[])
        read, write = memory.read_port(), memory.write_port()
        request, asked = self.port.request, self.port.request.payload
        left = Signal(range(self._write_clocks))  # clocks of the write under way
        new = Signal(_WORD_BITS)
        powered, taken, inside = Signal(init=1), Signal(), Signal()
        m.d.comb += [
            request.ready.eq(powered & (left == 0)),
            taken.eq(request.valid & request.ready),
            inside.eq(asked.adr < self._words),
            read.addr.eq(asked.adr),
            # The old word stands at the read port while the new one is being written.
            read.en.eq(taken & inside),
            self.port.data.eq(read.data),
            write.en.eq(left == 1),
            write.data.eq(new),
        ]
        m.d.sync += [
            self.port.done.eq((left == 1) | (taken & ~(asked.write & inside))),
            self.port.error.eq(taken & ~inside),
        ]
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.If(taken):
            m.d.sync += [write.addr.eq(asked.adr), new.eq(asked.data)]
            with m.If(asked.write & inside):
                m.d.sync += left.eq(self._write_clocks - 1)
        if self._tears:
            m.d.comb += powered.eq(self.power)
            with m.If(~powered):
                m.d.comb += [
                    write.en.eq(left != 0),
                    write.data.eq(read.data ^ ((read.data ^ new) & self.torn)),
                ]
                m.d.sync += [left.eq(0), self.port.done.eq(0), self.port.error.eq(0)]
        else:
            m.d.comb += powered.eq(1)
        return m


@dataclass(frozen=True, kw_only=True)
class Region:
    """Size of a region and where its owner lives.

    Parameters
    ----------
    words : int
        Words of 32 bits.
    domain : str
        Clock domain of the owner, and so of the region.
    """

    words: int
    domain: str = "sync"


class Nvm(wiring.Component):
    """The chip's non-volatile memory: its regions side by side.

    Regions share nothing, neither a memory nor an arbiter: no port has an address that leads into another
    region, and no owner waits for another.

    Parameters
    ----------
    regions : dict of str to Region
        The regions by name.
    write_clocks, tears
        As of `NvmRegion`; clocks are those of the region's domain.

    Members
    -------
    NAME : In(NvmPortSignature)
        The port of each region, in the domain of its owner.
    power, torn : In
        As of `NvmRegion`, for all regions; only with ``tears``.

    Latency
    -------
    As of `NvmRegion`.

    Raises
    ------
    ValueError
        If there is no region.
    """

    def __init__(self, *, regions, write_clocks=4, tears=False):
        if not regions:
            raise ValueError("Non-volatile memory must have 1 region or more, not 0")
        self._domains = {name: region.domain for name, region in regions.items()}
        self._regions = {
            name: NvmRegion(words=region.words, write_clocks=write_clocks, tears=tears)
            for name, region in regions.items()
        }
        self._tears = tears
        members = {name: In(NvmPortSignature(words=region.words)) for name, region in regions.items()}
        if tears:
            members |= {"power": In(1, init=1), "torn": In(_WORD_BITS)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        for name, region in self._regions.items():
            m.submodules[name] = DomainRenamer(self._domains[name])(region)
            wiring.connect(m, wiring.flipped(getattr(self, name)), region.port)
            if self._tears:
                m.d.comb += [region.power.eq(self.power), region.torn.eq(self.torn)]
        return m
