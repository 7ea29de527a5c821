"""Where the keys lie: their memory, what is known of each slot, and the wipe."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...bus import emptied_layout
from .policy import POLICY, SLOT, SLOT_WORDS, WipeLevel

__all__ = ["Vault", "fill_layout"]


def fill_layout(slots):
    """What makes a slot a valid one: a strobe, its number, and the origin of its key."""
    return data.StructLayout({"stb": 1, "slot": range(slots), "external": 1, "generated": 1})


class Vault(wiring.Component):
    """Memories of the slots' words and policies, and flip-flops for which are valid.

    Words are written only to slots that are empty, or being erased; an empty slot holds zeros. After a reset
    every slot is wiped.

    Parameters
    ----------
    slots : int
        Number of slots.

    Members
    -------
    looks : array of {slot, state}
        Two views: what is known of ``slot``. A number that is no slot's is an empty one without policy.
    define : In({stb, slot, policy})
        Makes the slot an empty one with this policy.
    fills : array of In({stb, slot, external, generated})
        Two ways to make the slot a valid one, after its words.
    writes : array of In(stream of {slot, index, data})
        Two ways to write a word; the first goes first, none is taken during a wipe.
    read : In({en, slot, index})
        Reads a word.
    word : Out(32)
        What was read in the cycle before; zero if nothing was.
    emptied : Out({stb, slot})
        The slot has been emptied.
    wipe : In(1)
        Wipes every slot.
    alerts : In(a bit for each WipeLevel)
        An alert that rises wipes the slots whose policies name it.
    wiping : Out(1)
        High from the cycle after ``wipe``, a rising alert or the end of a reset until that is done.

    Latency
    -------
    A wipe takes one cycle for each word of the memory. One asked for meanwhile follows.
    """

    def __init__(self, *, slots):
        self._slots = slots
        slot = range(slots)
        word = data.StructLayout({"slot": slot, "index": range(SLOT_WORDS), "data": 32})
        look = wiring.Signature({"slot": Out(slot), "state": In(SLOT)})
        super().__init__(
            {
                "looks": In(look).array(2),
                "define": In(data.StructLayout({"stb": 1, "slot": slot, "policy": POLICY})),
                "fills": In(fill_layout(slots)).array(2),
                "writes": In(stream.Signature(word)).array(2),
                "read": In(data.StructLayout({"en": 1, "slot": slot, "index": range(SLOT_WORDS)})),
                "word": Out(32),
                "emptied": Out(emptied_layout(slots)),
                "wipe": In(1),
                "alerts": In(len(WipeLevel)),
                "wiping": Out(1),
            }
        )
        self.memory = Memory(shape=32, depth=slots * SLOT_WORDS, init=[])
        self.policies = Memory(shape=POLICY, depth=slots, init=[])
        self.valid, self.external, self.generated = Signal(slots), Signal(slots), Signal(slots)
        levels = 1 + len(WipeLevel)
        self.asked = Signal(levels)  # wipes to be done next: of everything, and by each alert
        self.wipes = Signal(levels, init=1)  # wipes being done
        self.before = Signal(len(WipeLevel))  # the alerts in the cycle before
        self.place = Signal(range(slots * SLOT_WORDS))  # of the word being wiped

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory, m.submodules.policies = self.memory, self.policies
        for look in self.looks:
            policy = self.policies.read_port(domain="comb")
            m.d.comb += [
                policy.addr.eq(look.slot),
                look.state.valid.eq(self.valid.bit_select(look.slot, 1)),
                look.state.external.eq(self.external.bit_select(look.slot, 1)),
                look.state.generated.eq(self.generated.bit_select(look.slot, 1)),
            ]
            with m.If(look.slot < self._slots):
                m.d.comb += look.state.policy.eq(policy.data)
        for fill in self.fills:
            with m.If(fill.stb):
                m.d.sync += [
                    self.valid.bit_select(fill.slot, 1).eq(1),
                    self.external.bit_select(fill.slot, 1).eq(fill.external),
                    self.generated.bit_select(fill.slot, 1).eq(fill.generated),
                ]
        wipes_word, wipes_slot = self._elaborate_wipe(m)
        self._elaborate_policies(m, wipes_slot)
        self._elaborate_memory(m, wipes_word)
        return m

    def _elaborate_wipe(self, m):
        """Returns whether a word is to be overwritten, and whether all of its slot's words were."""
        asked = Cat(self.wipe, self.alerts & ~self.before)
        m.d.sync += self.before.eq(self.alerts)
        m.d.comb += self.wiping.eq((self.asked | self.wipes).any())
        with m.If(self.wipes == 0):
            m.d.sync += [self.wipes.eq(self.asked | asked), self.asked.eq(0), self.place.eq(0)]
        with m.Else():
            m.d.sync += [self.asked.eq(self.asked | asked), self.place.eq(self.place + 1)]
            with m.If(self.place == self._slots * SLOT_WORDS - 1):
                m.d.sync += self.wipes.eq(0)
        policy = self.policies.read_port(domain="comb")
        hit, wipes_word, wipes_slot = Signal(), Signal(), Signal()
        m.d.comb += [
            policy.addr.eq(self.place[3:]),
            hit.eq(self.wipes[0] | (self.wipes[1:] & policy.data.wiped_by).any()),
            # Words that a broken transfer has left in an empty slot go with every wipe.
            wipes_word.eq((self.wipes != 0) & (hit | ~self.valid.bit_select(self.place[3:], 1))),
            wipes_slot.eq((self.wipes != 0) & hit & self.place[:3].all()),
        ]
        return wipes_word, wipes_slot

    def _elaborate_policies(self, m, wipes_slot):
        """The policy changes when the slot becomes empty, or is given one."""
        write = self.policies.write_port()
        m.d.comb += [
            write.addr.eq(Mux(wipes_slot, self.place[3:], self.define.slot)),
            write.data.eq(Mux(wipes_slot, 0, self.define.policy.as_value())),
            write.en.eq(wipes_slot | self.define.stb),
            self.emptied.stb.eq(write.en),
            self.emptied.slot.eq(write.addr),
        ]
        with m.If(write.en):
            m.d.sync += [
                self.valid.bit_select(write.addr, 1).eq(0),  # SEC_CM: KEY.WIPE
                self.external.bit_select(write.addr, 1).eq(0),
                self.generated.bit_select(write.addr, 1).eq(0),
            ]

    def _elaborate_memory(self, m, wipes_word):
        read, write = self.memory.read_port(domain="comb"), self.memory.write_port()
        first, second = self.writes
        m.d.comb += [
            read.addr.eq(Cat(self.read.index, self.read.slot)),
            first.ready.eq(~self.wiping),
            second.ready.eq(~self.wiping & ~first.valid),
        ]
        m.d.sync += self.word.eq(Mux(self.read.en & ~self.wiping, read.data, 0))  # SEC_CM: KEY.WIPE
        with m.If(self.wiping):
            m.d.comb += [write.addr.eq(self.place), write.en.eq(wipes_word)]  # SEC_CM: KEY.WIPE
        for port, more in ((first, 1), (second, ~first.valid)):
            with m.If(~self.wiping & port.valid & more):
                m.d.comb += [
                    write.addr.eq(Cat(port.payload.index, port.payload.slot)),
                    write.data.eq(port.payload.data),
                    write.en.eq(1),
                ]
