"""The store: numbers of the application, and secrets between two parts of an operation."""

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["ADDRESS_BITS", "WORDS", "Store", "StoreSignature", "address", "scalar_address"]

ADDRESS_BITS = 7
WORDS = 1 << ADDRESS_BITS


def address(area, word):
    """Address of a word of an area; of ``word`` the lower three bits count."""
    return Cat((word | Const(0, 3))[:3], area)


def scalar_address(area, word):
    """Address of a word of a scalar, which takes an area of an even number and the next one."""
    return Cat((word | Const(0, 4))[:4], Value.cast(area)[1:])


class StoreSignature(wiring.Signature):
    """Port of the store, from who uses it. All zeros while not in use: users are joined by OR.

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

    def __init__(self):
        super().__init__(
            {
                "read_adr": Out(ADDRESS_BITS),
                "read_data": In(32),
                "write_en": Out(1),
                "write_adr": Out(ADDRESS_BITS),
                "write_data": Out(32),
            }
        )


class Store(wiring.Component):
    """Memory of 16 areas of 8 words with several users, of whom one is at work.

    Parameters
    ----------
    users : int
        Number of ports.

    Members
    -------
    ports : array of In(StoreSignature)
        The users.

    Latency
    -------
    A word is read in the cycle after its address.
    """

    def __init__(self, *, users):
        super().__init__({"ports": In(StoreSignature()).array(users)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=32, depth=WORDS, init=[], attrs={"no_rw_check": 1})
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
