"""A small memory of words with several users."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["WordStore", "WordStoreSignature"]


class WordStoreSignature(wiring.Signature):
    """Port of a store of words, from who uses it. All zeros while not in use: users are joined by OR.

    Parameters
    ----------
    adr_bits : int
        Width of an address.

    Members
    -------
    read_adr : Out
        Word to be read.
    read_data : In(32)
        The word, in the next cycle.
    write_en : Out(1)
        Writes a word. One that is read in the same cycle is not defined.
    write_adr, write_data : Out
        Where, and what.
    """

    def __init__(self, *, adr_bits):
        super().__init__(
            {
                "read_adr": Out(adr_bits),
                "read_data": In(32),
                "write_en": Out(1),
                "write_adr": Out(adr_bits),
                "write_data": Out(32),
            }
        )


class WordStore(wiring.Component):
    """Memory of words with several users, of whom one is at work.

    Parameters
    ----------
    users : int
        Number of ports.
    adr_bits : int
        Width of an address.

    Members
    -------
    ports : array of In(WordStoreSignature)
        The users.

    Latency
    -------
    A word is read in the cycle after its address.
    """

    def __init__(self, *, users, adr_bits):
        super().__init__({"ports": In(WordStoreSignature(adr_bits=adr_bits)).array(users)})
        self._depth = 1 << adr_bits

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=32, depth=self._depth, init=[], attrs={"no_rw_check": 1})
        # A port without a clock, and a register behind it: only so do the tools know that a word that is read
        # while it is written does not matter.
        read, write = memory.read_port(domain="comb"), memory.write_port()
        word = Signal(32, reset_less=True)

        def joined(name):
            values = [getattr(port, name) for port in self.ports]
            total = values[0]
            for value in values[1:]:
                total = total | value
            return total

        m.d.comb += [
            read.addr.eq(joined("read_adr")),
            write.en.eq(joined("write_en")),
            write.addr.eq(joined("write_adr")),
            write.data.eq(joined("write_data")),
        ]
        m.d.sync += word.eq(read.data)
        m.d.comb += [port.read_data.eq(word) for port in self.ports]
        return m
