"""The quantity memory: where the engine's results cross the wall, read-only."""

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bus import MemoryMap, wishbone
from .parameters import WIDE_BITS

__all__ = ["BankSwitch", "QuantityMemory"]

_BUS_BITS = 32


class BankSwitch(wiring.Component):
    """Which of two banks is written in domain ``metrology``, and which is shown in domain ``sync``.

    Members
    -------
    commit_stb : In(1)
        Shows the bank written, in domain ``metrology``; from the next clock the other one is written.
    written : Out(1)
        The bank to write, in domain ``metrology``.
    shown : Out(1)
        The bank to read, in domain ``sync``.
    shown_stb : Out(1)
        High for one clock of ``sync`` when another bank is shown.

    Latency
    -------
    A commit is seen after at most four clocks of ``sync``.
    """

    commit_stb: In(1)
    written: Out(1, init=1)
    shown: Out(1)
    shown_stb: Out(1)

    def elaborate(self, platform):
        m = Module()
        shown_before = Signal()
        complete = Signal()
        m.d.comb += [self.written.eq(~complete), self.shown_stb.eq(self.shown != shown_before)]
        m.d.sync += shown_before.eq(self.shown)
        with m.If(self.commit_stb):
            m.d.metrology += complete.eq(~complete)
        m.submodules.shown = FFSynchronizer(complete, self.shown)
        return m


class QuantityMemory(wiring.Component):
    """Double-buffered block RAM between the metrology and the application domain.

    The engine writes one bank while the other is shown; a commit changes them over. A reader that takes
    several words reads the first quantity, the sequence, before and after: if it is the same, all words
    are of one commit. The engine writes the sequence before all others; if it may do so within four clocks
    of ``sync`` after a commit, reading must take less time than from one commit to the next. Nothing on the
    bus reaches the metrology domain.

    Parameters
    ----------
    quantities : list of Quantity
        What is shown, in the order of the engine's addresses, which have no gaps; an array takes one for
        each of its elements. On the bus they are at their places.
    width : int
        Bits of a value, signed.

    Members
    -------
    quantity_stb, quantity_adr, quantity, commit_stb : In
        From the engine, in domain ``metrology``.
    bus : In(wishbone.Signature)
        Read port in domain ``sync``, 32 bits; a value takes ``words`` of them, the least significant first.
        Writes are acknowledged and ignored (the firewall answers them with an error before they get here).
    shown_stb : Out(1)
        High for one clock of ``sync`` when another bank is shown.

    Attributes
    ----------
    words : int
        Words of 32 bits that a value takes on the bus, sign-extended: a power of two.

    Latency
    -------
    A read is acknowledged in the clock after the strobe. A commit is seen after at most four clocks of
    ``sync``.

    Raises
    ------
    ValueError
        If there is no quantity, one is wider than a value, or its place is that of another.
    """

    def __init__(self, quantities, *, width=WIDE_BITS):
        quantities = list(quantities)
        if not quantities:
            raise ValueError("Quantities must be one or more, not none")
        for quantity in quantities:
            if quantity.register.width > width:
                raise ValueError(
                    f"Quantity {'.'.join(quantity.path)} must have at most {width} bits, "
                    f"not {quantity.register.width}"
                )
        self._width = width
        self._count = sum(quantity.register.count for quantity in quantities)
        places = self._find_places(quantities)
        self.words = 1 << ceil_log2(-(-width // _BUS_BITS))
        end = places[-1] + quantities[-1].register.count
        bus = wishbone.Signature(addr_width=ceil_log2(end * self.words), data_width=_BUS_BITS)
        super().__init__(
            {
                "quantity_stb": In(1),
                "quantity_adr": In(range(self._count)),
                "quantity": In(signed(width)),
                "commit_stb": In(1),
                "bus": In(bus),
                "shown_stb": Out(1),
            }
        )
        self.bus.memory_map = MemoryMap(addr_width=bus.addr_width, data_width=_BUS_BITS)
        for quantity, place in zip(quantities, places, strict=True):
            size = self.words * quantity.register.count
            self.bus.memory_map.add_resource(
                quantity.register, name=quantity.path, addr=self.words * place, size=size
            )

    def _find_places(self, quantities):
        """Place of each quantity on the bus; ``_gaps`` are the places left out below each run of them."""
        self._gaps = {}
        places, address, free = [], 0, 0
        for quantity in quantities:
            place = free if quantity.place is None else quantity.place
            if place < free:
                raise ValueError(
                    f"Quantity {'.'.join(quantity.path)} must have a place from {free} on, not {place}"
                )
            if place - address not in self._gaps.values():
                self._gaps[place] = place - address
            places.append(place)
            address += quantity.register.count
            free = place + quantity.register.count
        return places

    def elaborate(self, platform):
        m = Module()
        # The bank is the lowest bit of the address, so that a count that is no power of two wastes nothing.
        m.submodules.memory = memory = Memory(shape=signed(self._width), depth=2 * self._count, init=[])
        write, read = memory.write_port(domain="metrology"), memory.read_port(domain="sync")

        m.submodules.banks = banks = BankSwitch()
        m.d.comb += [
            banks.commit_stb.eq(self.commit_stb),
            write.addr.eq(Cat(banks.written, self.quantity_adr)),
            write.data.eq(self.quantity),
            write.en.eq(self.quantity_stb),
            self.shown_stb.eq(banks.shown_stb),
        ]

        word_bits = ceil_log2(self.words)
        word = Signal(word_bits)
        strobe = self.bus.cyc & self.bus.stb & ~self.bus.ack
        m.d.sync += [self.bus.ack.eq(strobe), word.eq(self.bus.adr[:word_bits])]
        extended = Signal(signed(self.words * _BUS_BITS))
        place = self.bus.adr[word_bits:]
        gap = Signal(range(max(self._gaps.values()) + 1))
        for first, left_out in self._gaps.items():
            with m.If(place >= first):
                m.d.comb += gap.eq(left_out)
        m.d.comb += [
            read.addr.eq(Cat(banks.shown, (place - gap)[: len(self.quantity_adr)])),
            read.en.eq(strobe),
            extended.eq(read.data),
            self.bus.dat_r.eq(extended.word_select(word, _BUS_BITS)),
        ]
        return m
