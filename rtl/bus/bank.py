"""The registers of one block: identification first, then causes of its interrupt, then its own."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .soc_library import csr

__all__ = ["RegisterBank"]


class _Word(csr.Register, access="r"):
    """A word fixed when the chip was made."""

    def __init__(self, value, doc):
        self.value = value
        self.__doc__ = doc
        super().__init__({"value": csr.Field(csr.action.R, 32)})

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.f.value.r_data.eq(self.value)
        return m


def _one_bit_fields(causes, action):
    return {name: csr.Field(action, 1) for name in causes}


class RegisterBank(wiring.Component):
    """Register bank of a block, on a 32-bit CSR bus.

    Every bank starts with ``identification`` (four ASCII letters, the first in the top byte) and
    ``version``. A block with interrupt causes goes on with ``cause`` and ``enable``: a bit of ``cause`` is
    set as long as, and stays set after, its event was high; writing one clears it; the interrupt line is
    high while an enabled cause is set.

    A register's docstring is its description, and its section ``Fields`` (one line ``name: text`` each)
    describes its fields; the register references are generated from them. ``codes``, pairs of a field's name
    and an enumeration, names the values of fields; a member's ``meaning``, if it has one, describes it.

    Parameters
    ----------
    identification : str
        Four ASCII letters or digits.
    version : int
        Version of the block's register interface, from 1.
    addr_width : int
        Address bits, in words of 32 bits.
    causes : dict of str to str
        Name and description of each interrupt cause, least significant bit first. May be empty.

    Members
    -------
    bus : In(csr.Signature)
        Register bus. A read is answered in the next cycle.
    events : In(one bit a cause)
        Sets the cause of the same position.
    irq : Out(1)
        Level interrupt.

    Latency
    -------
    ``events`` to ``irq``: one cycle.

    Raises
    ------
    ValueError
        If the identification is not four ASCII letters or digits, or the version is not positive.
    """

    def __init__(self, *, identification, version, addr_width, causes=None):
        if not isinstance(identification, str):
            raise TypeError(f"Identification must be a string, not {identification!r}")
        if len(identification) != 4 or not (identification.isascii() and identification.isalnum()):
            raise ValueError(f"Identification must be four ASCII letters or digits, not {identification!r}")
        if not isinstance(version, int):
            raise TypeError(f"Version must be an integer, not {version!r}")
        if version < 1:
            raise ValueError(f"Version must be 1 or more, not {version}")
        self.causes = dict(causes or {})
        self._builder = csr.Builder(addr_width=addr_width, data_width=32, granularity=32)
        word = int.from_bytes(identification.encode("ascii"), "big")
        self.add("identification", _Word(word, f"Identification of the block: `{identification}` in ASCII."))
        self.add("version", _Word(version, "Version of the block's register interface."))
        if self.causes:
            fields = "\n".join(f"{name}: {text}" for name, text in self.causes.items())
            self._cause = self._masks(
                csr.action.RW1C,
                f"Causes of the interrupt; writing one clears a cause.\n\nFields\n------\n{fields}",
            )
            self._enable = self._masks(
                csr.action.RW, f"Causes that raise the interrupt line.\n\nFields\n------\n{fields}"
            )
            self.add("cause", self._cause)
            self.add("enable", self._enable)
        self._bridge = None
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=addr_width, data_width=32)),
                "events": In(max(1, len(self.causes))),
                "irq": Out(1),
            }
        )

    def _masks(self, action, doc):
        register = csr.Register(_one_bit_fields(self.causes, action), access="rw")
        register.__doc__ = doc
        return register

    def add(self, name, register):
        """Add a register behind the last one; returns it."""
        return self._builder.add(name, register)

    def event(self, name):
        """The bit of ``events`` that sets cause ``name``."""
        return self.events[list(self.causes).index(name)]

    def freeze(self):
        """Fix the set of registers and give ``bus`` its memory map; returns the map."""
        self._bridge = csr.Bridge(self._builder.as_memory_map())
        self.bus.memory_map = self._bridge.bus.memory_map
        return self.bus.memory_map

    def elaborate(self, platform):
        m = Module()
        m.submodules.bridge = self._bridge
        connect(m, flipped(self.bus), self._bridge.bus)
        if self.causes:
            pending = Signal(len(self.causes))
            enabled = Signal(len(self.causes))
            m.d.comb += [
                Cat(self._cause.f[name].set for name in self.causes).eq(self.events),
                pending.eq(Cat(self._cause.f[name].data for name in self.causes)),
                enabled.eq(Cat(self._enable.f[name].data for name in self.causes)),
                self.irq.eq((pending & enabled).any()),
            ]
        return m
