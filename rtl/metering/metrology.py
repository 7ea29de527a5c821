"""The metrology domain: everything that makes a measured value, and the one interface out of it."""

from amaranth import DomainRenamer, Module, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus import RegisterBank, csr, wishbone
from .compiler import compile_program
from .engine import ComputeEngine
from .front_end import FrontEnd
from .quantities import quantities
from .quantity_memory import QuantityMemory

__all__ = ["Metrology"]

_ADDRESS_BITS = 2


class Metrology(wiring.Component):
    """Front end, compute engine and quantity memory.

    Everything but the bus side of the quantity memory and the registers is in domain ``metrology``; no
    signal goes from domain ``sync`` to it.

    Parameters
    ----------
    parameters : MeteringParameters
        Lanes, rates and thresholds.

    Members
    -------
    samples : In(stream of arrays of words)
        Sample sets, in domain ``metrology``; voltages first.
    bus : In(csr.Signature)
        Registers, in domain ``sync``: identification and interrupt.
    quantities : In(wishbone.Signature)
        Measured quantities, in domain ``sync``, read only.
    irq : Out(1)
        Level interrupt: cause ``window``.
    """

    def __init__(self, parameters):
        self._parameters = parameters
        self._program = compile_program(parameters)
        self._memory = QuantityMemory(quantities(parameters))
        self._bank = RegisterBank(
            identification="METR",
            version=1,
            addr_width=_ADDRESS_BITS,
            causes={"window": "A window ended: the quantity memory shows its quantities."},
        )
        self._bank.freeze()
        super().__init__(
            {
                "samples": In(
                    stream.Signature(data.ArrayLayout(signed(parameters.word_bits), parameters.lanes))
                ),
                "bus": In(csr.Signature(addr_width=_ADDRESS_BITS, data_width=32)),
                "quantities": In(wishbone.Signature(addr_width=self._memory.bus.addr_width, data_width=32)),
                "irq": Out(1),
            }
        )
        self.bus.memory_map = self._bank.bus.memory_map
        self.quantities.memory_map = self._memory.bus.memory_map

    @property
    def identification(self):
        """SHA-256 of the metrology program: the identification of the legally relevant software."""
        return self._program.identification

    def elaborate(self, platform):
        m = Module()
        in_metrology = DomainRenamer("metrology")
        front_end = FrontEnd(word_bits=self._parameters.word_bits, lanes=self._parameters.lanes)
        engine = ComputeEngine(
            program=self._program, lanes=self._parameters.lanes, history=self._parameters.history
        )
        m.submodules.front_end = in_metrology(front_end)
        m.submodules.engine = in_metrology(engine)
        m.submodules.memory = memory = self._memory
        m.submodules.bank = bank = self._bank

        connect(m, flipped(self.samples), front_end.samples)
        connect(m, flipped(self.bus), bank.bus)
        connect(m, flipped(self.quantities), memory.bus)
        m.d.comb += [
            engine.start.eq(front_end.engine_start),
            engine.lanes.eq(front_end.lanes),
            front_end.engine_idle.eq(engine.idle),
            memory.quantity_stb.eq(engine.quantity_stb),
            memory.quantity_adr.eq(engine.quantity_adr),
            memory.quantity.eq(engine.quantity),
            memory.commit_stb.eq(engine.commit_stb),
            bank.event("window").eq(memory.shown_stb),
            self.irq.eq(bank.irq),
        ]
        return m
