"""What the application's key and message are made of, and so where a digest may go."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...bus import KeyClass

__all__ = ["Provenance"]

_ORIGIN = data.StructLayout({"from_slot": 1, "derives": 1, "external": 1, "generated": 1, "to_bus": 1})
_NEUTRAL = {"external": 1, "generated": 1, "to_bus": 1}  # what came over the bus changes nothing


class Provenance(wiring.Component):
    """Follows slots' keys into the HMAC key and the message.

    A digest derives from slots if a slot was appended to the message, or it is authenticated with a key that
    was loaded to derive with. It may go to a slot, and to the bus only if every slot that it derives from is
    external and allows that. Any other digest goes to the bus alone: whoever reads the bus could compute it,
    or HMAC is what the slot's policy allows.

    Members
    -------
    loaded : In({stb, from_slot, derives, key_class})
        An HMAC key is loaded: from the bus, or from a slot, and then to authenticate or to derive with.
    begin : In({stb, with_key})
        A message begins.
    appended : In(1)
        A slot is appended to it.
    fetched : In({stb, key_class})
        The words of that slot come, and are of this class.
    forget : In(1)
        There is no key and no message any more.
    derives : Out(1)
        The digest derives from slots.
    to_bus : Out(1)
        It may go to the bus.
    external : Out(1)
        Every slot that it derives from is external.
    generated : Out(1)
        Every slot that it derives from was generated here.
    can_append : Out(1)
        A slot may be appended: the message is not authenticated with a key that may only authenticate.
    can_save : Out(1)
        The message's state is not made of a slot's key.
    key_from_slot : Out(1)
        The HMAC key is a slot's.
    """

    loaded: In(data.StructLayout({"stb": 1, "from_slot": 1, "derives": 1, "key_class": KeyClass}))
    begin: In(data.StructLayout({"stb": 1, "with_key": 1}))
    appended: In(1)
    fetched: In(data.StructLayout({"stb": 1, "key_class": KeyClass}))
    forget: In(1)
    derives: Out(1)
    to_bus: Out(1)
    external: Out(1)
    generated: Out(1)
    can_append: Out(1)
    can_save: Out(1)
    key_from_slot: Out(1)

    def elaborate(self, platform):
        m = Module()
        key, message = Signal(_ORIGIN, init=_NEUTRAL), Signal(_ORIGIN, init=_NEUTRAL)
        m.d.comb += [
            self.derives.eq(message.derives),
            self.external.eq(message.external),
            self.generated.eq(message.generated),
            self.to_bus.eq(~message.derives | (message.external & message.to_bus)),
            self.can_append.eq(~message.from_slot | message.derives),
            self.can_save.eq(~message.from_slot),
            self.key_from_slot.eq(key.from_slot),
        ]
        loaded, given = self.loaded, self.loaded.key_class
        with m.If(loaded.stb):
            m.d.sync += [
                key.from_slot.eq(loaded.from_slot),
                key.derives.eq(loaded.from_slot & loaded.derives),
                key.external.eq(~loaded.from_slot | given.external),
                key.generated.eq(~loaded.from_slot | given.generated),
                key.to_bus.eq(~loaded.from_slot | given.to_bus),
            ]
        with m.If(self.begin.stb):
            m.d.sync += message.eq(Mux(self.begin.with_key, key, _ORIGIN.const(_NEUTRAL)))
        with m.If(self.appended):
            m.d.sync += [message.from_slot.eq(1), message.derives.eq(1)]
        with m.If(self.fetched.stb):
            m.d.sync += [
                message.external.eq(message.external & self.fetched.key_class.external),
                message.generated.eq(message.generated & self.fetched.key_class.generated),
                message.to_bus.eq(message.to_bus & self.fetched.key_class.to_bus),
            ]
        with m.If(self.forget):
            m.d.sync += [part.eq(_ORIGIN.const(_NEUTRAL)) for part in (key, message)]
        return m
