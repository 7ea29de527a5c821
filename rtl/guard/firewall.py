"""The firewall: what no region allows never reaches a peripheral, and no access lasts for ever."""

from dataclasses import dataclass

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.bus import wishbone

__all__ = ["Firewall", "Region"]


@dataclass(frozen=True)
class Region:
    """Words ``start`` to ``end - 1`` of the address space, and what may be done with them.

    Raises
    ------
    ValueError
        If it is empty, or neither readable nor writable.
    """

    start: int
    end: int
    readable: bool
    writable: bool

    def __post_init__(self):
        if not 0 <= self.start < self.end:
            raise ValueError(f"Region must start at 0 or later and end behind its start, not {self}")
        if not (self.readable or self.writable):
            raise ValueError(f"Region must be readable or writable, not {self}")

    def __str__(self):
        return f"{self.start:#x}..{self.end:#x}"


def _merged(regions):
    """The regions in order, those that touch and allow the same made one."""
    merged = []
    for region in sorted(regions, key=lambda region: region.start):
        last = merged[-1] if merged else None
        if last and region.start < last.end:
            raise ValueError(f"Region {region} overlaps region {last}")
        if last and (last.end, last.readable, last.writable) == (
            region.start,
            region.readable,
            region.writable,
        ):
            merged[-1] = Region(last.start, region.end, region.readable, region.writable)
        else:
            merged.append(region)
    return merged


def _patterns(region, addr_width):
    """Bit patterns that together match exactly the addresses of the region."""
    start = region.start
    while start < region.end:
        bits = (start & -start).bit_length() - 1 if start else addr_width
        while start + (1 << bits) > region.end:
            bits -= 1
        fixed = f"{start >> bits:0{addr_width - bits}b}" if bits < addr_width else ""
        yield fixed + "-" * bits
        start += 1 << bits


class Firewall(wiring.Component):
    """Firewall between a bus initiator and the decoder.

    The access is captured when it arrives, and what was checked is what goes on: address, direction and
    data on ``target`` cannot change between the check and the answer. An access that no region allows
    is answered with ``err`` and leaves ``target`` idle. An access that the target does not answer in
    ``timeout`` cycles is ended with ``err``.

    An initiator that withdraws its access before the answer gets none: the captured access runs to its
    end on ``target`` (peripherals see only whole accesses), and its answer is discarded.

    Parameters
    ----------
    addr_width : int
        Address bits, in words of 32 bits.
    regions : iterable of Region
        What may be accessed, and how. Regions must not overlap.
    timeout : int
        Cycles that the target has for its answer, 1 or more.

    Members
    -------
    core : In(wishbone.Signature)
        From the initiator. ``dat_r`` is valid with ``ack``.
    target : Out(wishbone.Signature)
        To the decoder.

    Latency
    -------
    ``cyc`` and ``stb`` on ``core`` to the same on ``target``: one cycle; the answer goes back in the cycle
    in which it arrives. A refusal: one cycle. The longest access: ``timeout`` cycles.

    Raises
    ------
    ValueError
        If regions overlap or do not fit the address width, or the time-out is not positive.
    """

    def __init__(self, *, addr_width, regions, timeout):
        if not isinstance(addr_width, int) or addr_width < 1:
            raise ValueError(f"Address width must be a positive integer, not {addr_width!r}")
        if not isinstance(timeout, int) or timeout < 1:
            raise ValueError(f"Time-out must be a positive integer, not {timeout!r}")
        self._regions = _merged(regions)
        self._timeout = timeout
        for region in self._regions:
            if region.end > 1 << addr_width:
                raise ValueError(
                    f"Region {region} must end at {1 << addr_width:#x} or before "
                    f"(= {addr_width} address bits)"
                )
        signature = wishbone.Signature(addr_width=addr_width, data_width=32, granularity=32, features={"err"})
        super().__init__({"core": In(signature), "target": Out(signature)})

    def _permitted(self, m):
        """A signal that is high if the access now on ``core`` is allowed."""
        readable = Signal()
        writable = Signal()
        with m.Switch(self.core.adr):
            for region in self._regions:
                with m.Case(*_patterns(region, len(self.core.adr))):
                    m.d.comb += [readable.eq(region.readable), writable.eq(region.writable)]
        permitted = Signal()
        m.d.comb += permitted.eq((self.core.we & writable) | (~self.core.we & readable))
        return permitted

    def elaborate(self, platform):
        m = Module()
        core, target = self.core, self.target
        permitted = self._permitted(m)
        withdrawn = Signal()
        elapsed = Signal(range(self._timeout))
        waits = core.cyc & core.stb
        m.d.comb += core.dat_r.eq(target.dat_r)

        def answer(ack, err):
            m.d.comb += [
                core.ack.eq(ack & waits & ~withdrawn),
                core.err.eq(err & waits & ~withdrawn),
            ]

        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [
                    target.adr.eq(core.adr),
                    target.dat_w.eq(core.dat_w),
                    target.sel.eq(core.sel),
                    target.we.eq(core.we),
                    withdrawn.eq(0),
                    elapsed.eq(0),
                ]
                with m.If(waits & permitted):
                    m.next = "Access"
                with m.Elif(waits):
                    m.next = "Refuse"
            with m.State("Access"):
                m.d.comb += [target.cyc.eq(1), target.stb.eq(1)]
                m.d.sync += elapsed.eq(elapsed + 1)
                with m.If(~waits):
                    m.d.sync += withdrawn.eq(1)
                with m.If(target.ack | target.err):
                    answer(target.ack & ~target.err, target.err)
                    m.next = "Idle"
                with m.Elif(elapsed == self._timeout - 1):
                    answer(0, 1)
                    m.next = "Idle"
            with m.State("Refuse"):
                answer(0, 1)
                m.next = "Idle"
        return m
