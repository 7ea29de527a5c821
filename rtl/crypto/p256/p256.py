"""The application's way to the P-256 unit: registers, and windows into its store."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ...bus import (
    KeyPathSignature,
    KeyResultSignature,
    MemoryMap,
    RandomSignature,
    RegisterBank,
    StoredRegister,
    csr,
)
from ..sha256 import UserSignature
from .declarations import Operate, Status
from .microcode import AREA_WORDS, PUBLIC_AREAS
from .paths import template_signature
from .unit import Unit

__all__ = ["P256"]

_ADDR_WIDTH, _BANK_WIDTH = 7, 3
_WINDOWS = 64  # address of the first one
_MOST_SLOTS = 256
_WINDOW_TEXTS = {
    "X": "The public key's x.",
    "Y": "The public key's y.",
    "DIGEST": "The digest to be signed, or that was signed.",
    "R": "The signature's r.",
    "S": "The signature's s.",
    "SHARED": "The shared secret, of external keys that may go to the bus.",
}


class _Status(csr.Register, access="r"):
    """State of the unit.

    Fields
    ------
    busy: An operation is being done: windows read as zero, and are not written.
    wiping: Everything is being forgotten.
    status: How the last operation ended.
    """

    codes = (("status", Status),)

    busy: csr.Field(csr.action.R, 1)
    wiping: csr.Field(csr.action.R, 1)
    _0: csr.Field(csr.action.ResR0W0, 6)
    status: csr.Field(csr.action.R, Status.as_shape().width)


class _Operate(csr.Register, access="w"):
    """What is to be done.

    Fields
    ------
    operation: 0 `generate` makes a key in the slot `target` and its public key; 1 `public` gives the public
        key of `slot`; 2 `sign` signs the digest with `slot`; 3 `verify` verifies the signature; 4 `agree`
        makes the shared secret of `slot` and the public key; 5 `validate` looks if the public key is a point
        of the curve; 6 `wipe` forgets everything.
    to_slot: The shared secret goes into the slot `target`, and not to the bus.
    slot: Slot of the private key.
    target: Empty slot for the new key.
    """

    codes = (("operation", Operate),)

    operation: csr.Field(csr.action.W, 3)
    to_slot: csr.Field(csr.action.W, 1)
    _0: csr.Field(csr.action.ResR0W0, 4)
    slot: csr.Field(csr.action.W, 8)
    target: csr.Field(csr.action.W, 8)


class P256(wiring.Component):
    """ECDSA and ECDH on P-256, with keys from the key store.

    Parameters
    ----------
    variant : str
        ``row`` or ``compact``.
    slots : int
        Key slots, 2 to 256.

    Members
    -------
    bus : In(csr.Signature)
        Registers and windows.
    irq : Out(1)
        Level interrupt.
    key : Out(KeyPathSignature)
        Private keys from the key store.
    result : Out(KeyResultSignature)
        New keys into it.
    random : In(RandomSignature)
        Randomness, without which there are no secret operations.
    hash : Out(UserSignature)
        The hash unit, for nonces.
    template : In(stream of {slot, first, data})
        Digests that hardware made, for slots of class ``template``; see `Unit`.
    signed : Out(1)
        High for one cycle when such a digest has been signed, or refused.
    status : Out(Status)
        How the last operation ended.
    wipe : In(1)
        Asks to forget everything: high for a cycle or longer.
    wiping : Out(1)
        High from the cycle after ``wipe`` until that is done.

    Latency
    -------
    See the page. The cause ``done`` is set in the last cycle of an operation.

    Raises
    ------
    TypeError, ValueError
        If there is no such variant or number of slots.
    """

    def __init__(self, *, variant, slots=16):
        self._unit = Unit(variant=variant, slots=slots)
        if slots > _MOST_SLOTS:
            raise ValueError(f"Number of key slots must be {_MOST_SLOTS} or less, not {slots}")
        self._slots = slots
        self._bank = RegisterBank(
            identification="P256",
            version=1,
            addr_width=_BANK_WIDTH,
            causes={
                "done": "The operation has ended; `status` says how.",
                "refused": "An operation came, or a window was written, while an operation was being done.",
            },
        )
        self._status = self._bank.add("status", _Status())
        self._operate = self._bank.add("operate", _Operate())
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=_ADDR_WIDTH, data_width=32)),
                "irq": Out(1),
                "key": Out(KeyPathSignature(slots=slots)),
                "result": Out(KeyResultSignature(slots=slots)),
                "random": In(RandomSignature()),
                "hash": Out(UserSignature()),
                "template": In(template_signature(slots=slots)),
                "signed": Out(1),
                "status": Out(Status),
                "wipe": In(1),
                "wiping": Out(1),
            }
        )
        self.bus.memory_map = self._memory_map()

    def _memory_map(self):
        memory_map = MemoryMap(addr_width=_ADDR_WIDTH, data_width=32)
        for register, name, (start, end) in self._bank.freeze().resources():
            memory_map.add_resource(register, name=name, addr=start, size=end - start)
        for area in PUBLIC_AREAS:
            text = f"{_WINDOW_TEXTS[area.name]} The first word is the most significant."
            register = StoredRegister(description=text, width=32 * AREA_WORDS, access="rw")
            address = _WINDOWS + AREA_WORDS * area.value
            memory_map.add_resource(register, name=(area.name.lower(),), addr=address, size=AREA_WORDS)
        return memory_map

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = self._bank
        m.submodules.unit = unit = self._unit
        for name in ("key", "result", "random", "hash", "template"):
            connect(m, flipped(getattr(self, name)), getattr(unit, name))
        m.d.comb += [
            unit.wipe.eq(self.wipe),
            self.wiping.eq(unit.wiping),
            self.signed.eq(unit.ended & unit.templated),
            self.status.eq(unit.status),
            self.irq.eq(self._bank.irq),
            self._bank.event("done").eq(unit.ended & ~unit.templated),
            self._status.f.busy.r_data.eq(unit.running),
            self._status.f.wiping.r_data.eq(unit.wiping),
            self._status.f.status.r_data.eq(unit.status),
        ]
        self._start(m)
        self._windows(m)
        return m

    def _start(self, m):
        """An operation with a slot that there is not is none."""
        unit, fields = self._unit, self._operate.f
        exists = (fields.slot.w_data < self._slots) & (fields.target.w_data < self._slots)
        asked = fields.operation.w_stb
        m.d.comb += [
            unit.start.eq(asked),
            unit.operation.eq(Mux(exists, fields.operation.w_data, Operate.NONE.value)),
            unit.to_slot.eq(fields.to_slot.w_data),
            unit.slot.eq(fields.slot.w_data),
            unit.target.eq(fields.target.w_data),
        ]

    def _windows(self, m):
        """Reads and writes of the store while nothing is done, within the application's areas."""
        bus, bank, unit = self.bus, self._bank.bus, self._unit
        in_bank = bus.addr[_BANK_WIDTH:] == 0
        inside = bus.addr[6] & (bus.addr[3:6] <= max(area.value for area in PUBLIC_AREAS))
        seen, drops = Signal(), Signal()
        m.d.comb += [
            bank.addr.eq(bus.addr),
            bank.r_stb.eq(bus.r_stb & in_bank),
            bank.w_stb.eq(bus.w_stb & in_bank),
            bank.w_data.eq(bus.w_data),
            drops.eq(unit.running & ((bus.w_stb & inside) | self._operate.f.operation.w_stb)),
            self._bank.event("refused").eq(drops),
            bus.r_data.eq(bank.r_data | Mux(seen, unit.window.read_data, 0)),
        ]
        m.d.sync += seen.eq(bus.r_stb & inside & ~unit.running)
        with m.If(~unit.running & inside):
            m.d.comb += [
                unit.window.read_adr.eq(bus.addr[:6]),
                unit.window.write_en.eq(bus.w_stb),
                unit.window.write_adr.eq(bus.addr[:6]),
                unit.window.write_data.eq(Mux(bus.w_stb, bus.w_data, 0)),
            ]
