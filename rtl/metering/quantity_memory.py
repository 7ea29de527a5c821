"""The quantity memory: where the engine's results cross the wall, read-only."""

from amaranth import Cat, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bus import MemoryMap, wishbone
from .parameters import WIDE_BITS
from .quantities import WORDS_PER_QUANTITY, quantities

__all__ = ["QuantityMemory"]

_BUS_BITS = 32


class QuantityMemory(wiring.Component):
    """Double-buffered block RAM between the metrology and the application domain.

    The engine writes one bank while the other is shown; a commit changes them over. A reader that takes
    several words reads the sequence word before and after: if it is the same, all words are of one window.
    Nothing on the bus reaches the metrology domain.

    Parameters
    ----------
    phases : int
        Phases measured.

    Members
    -------
    quantity_stb, quantity_adr, quantity, commit_stb : In
        From the engine, in domain ``metrology``.
    bus : In(wishbone.Signature)
        Read port in domain ``sync``, 32 bits; four words a quantity, the least significant first. Writes
        are acknowledged and ignored (the firewall answers them with an error before they get here).
    shown_stb : Out(1)
        High for one clock of ``sync`` when another bank is shown.

    Latency
    -------
    A read is acknowledged in the clock after the strobe. A commit is seen after at most four clocks of
    ``sync``.
    """

    def __init__(self, *, phases):
        self._quantities = quantities(phases)
        count = len(self._quantities)
        address_bits = ceil_log2(count) + ceil_log2(WORDS_PER_QUANTITY)
        super().__init__(
            {
                "quantity_stb": In(1),
                "quantity_adr": In(range(count)),
                "quantity": In(signed(WIDE_BITS)),
                "commit_stb": In(1),
                "bus": In(wishbone.Signature(addr_width=address_bits, data_width=_BUS_BITS)),
                "shown_stb": Out(1),
            }
        )
        self.bus.memory_map = MemoryMap(addr_width=address_bits, data_width=_BUS_BITS)
        for quantity in self._quantities:
            self.bus.memory_map.add_resource(quantity.register, name=quantity.path, size=WORDS_PER_QUANTITY)

    def elaborate(self, platform):
        m = Module()
        bank_bits = len(self.quantity_adr)
        m.submodules.memory = memory = Memory(shape=signed(WIDE_BITS), depth=2 << bank_bits, init=[])
        write, read = memory.write_port(domain="metrology"), memory.read_port(domain="sync")

        shown, shown_here, shown_before = Signal(), Signal(), Signal()
        m.submodules.shown = FFSynchronizer(shown, shown_here)
        with m.If(self.commit_stb):
            m.d.metrology += shown.eq(~shown)
        m.d.sync += shown_before.eq(shown_here)
        m.d.comb += [
            write.addr.eq(Cat(self.quantity_adr, ~shown)),
            write.data.eq(self.quantity),
            write.en.eq(self.quantity_stb),
            self.shown_stb.eq(shown_here != shown_before),
        ]

        word_bits = ceil_log2(WORDS_PER_QUANTITY)
        word = Signal(word_bits)
        strobe = self.bus.cyc & self.bus.stb & ~self.bus.ack
        m.d.sync += [self.bus.ack.eq(strobe), word.eq(self.bus.adr[:word_bits])]
        extended = Signal(signed(WORDS_PER_QUANTITY * _BUS_BITS))
        m.d.comb += [
            read.addr.eq(Cat(self.bus.adr[word_bits:], shown_here)),
            read.en.eq(strobe),
            extended.eq(read.data),
            self.bus.dat_r.eq(extended.word_select(word, _BUS_BITS)),
        ]
        return m
