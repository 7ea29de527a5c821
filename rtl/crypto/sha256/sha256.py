"""The SHA-256 block of the chip: the unit, with the application's registers."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ...bus import KeyPathSignature, KeyResultSignature
from .application import ApplicationPort
from .signature import UserSignature
from .unit import Unit

__all__ = ["Sha256"]


class Sha256(wiring.Component):
    """SHA-256 and HMAC-SHA-256 for the application and for hardware users.

    Parameters
    ----------
    variant : str
        ``fast`` or ``compact``.
    hardware_users : int
        Number of hardware users, from 0.
    slots : int
        Number of slots of the key store.

    Members
    -------
    bus : In(csr.Signature)
        Registers of the application.
    irq : Out(1)
        Level interrupt.
    key : Out(KeyPathSignature)
        To the key store: HMAC keys, and parts of messages, from slots.
    result : Out(KeyResultSignature)
        To the key store: digests into slots.
    users : array of In(UserSignature)
        The hardware users.
    wipe : In(1)
        Asks to forget every message and key, the application's too: high for a cycle or longer.
    wiping : Out(1)
        High from the cycle after ``wipe`` until nothing is left of them.

    Latency
    -------
    That of `Unit`.

    Raises
    ------
    TypeError, ValueError
        If there is no such variant, or the number of hardware users is negative.
    """

    def __init__(self, *, variant, hardware_users=0, slots=16):
        self._application = ApplicationPort(slots=slots)
        self._unit = Unit(variant=variant, users=1 + hardware_users)
        super().__init__(
            {
                "bus": Out(self._application.bus.signature),
                "irq": Out(1),
                "key": Out(KeyPathSignature(slots=slots)),
                "result": Out(KeyResultSignature(slots=slots)),
                "users": In(UserSignature()).array(hardware_users),
                "wipe": In(1),
                "wiping": Out(1),
            }
        )
        self.bus.memory_map = self._application.bus.memory_map

    def elaborate(self, platform):
        m = Module()
        m.submodules.application = self._application
        m.submodules.unit = self._unit
        connect(m, flipped(self.bus), self._application.bus)
        connect(m, self._application.user, self._unit.users[0])
        connect(m, flipped(self.key), self._application.key)
        connect(m, flipped(self.result), self._application.result)
        for user, port in zip(self.users, self._unit.users[1:], strict=True):
            connect(m, flipped(user), port)
        m.d.comb += [
            self.irq.eq(self._application.irq),
            self._unit.wipe.eq(self.wipe),
            self._application.wiping.eq(self._unit.wiping),
            self.wiping.eq(~self._application.wiped),
        ]
        return m
