"""The private paths between the slots and the blocks that use them."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...bus import KeyClass, KeyOperation, KeyPathSignature, KeyResultSignature, KeySource, emptied_layout
from .policy import CLASS_BITS, SLOT, SLOT_WORDS, STATES, WipeLevel, admits
from .vault import fill_layout

__all__ = ["Paths", "allows_key", "allows_result"]

_MADE = data.StructLayout({"external": 1, "generated": 1, "source": KeySource, "short": 1})


def allows_key(state, operation, lifecycle):
    """Whether a slot's words may go to a block for ``operation``; ``lifecycle`` has a bit of `STATES`."""
    allowed = state.policy.operations.bit_select(operation.as_value(), 1)
    return state.valid & allowed & (state.policy.states & lifecycle).any()


def allows_result(state, lifecycle):
    """Whether a new key may go into a slot: it is empty, has a policy, and the chip is in service."""
    return ~state.valid & state.policy.operations.any() & lifecycle.any()


def _is_generated(made):
    """Nobody outside knows a key that was made so: no agreed one, and none that a message has."""
    source = made.source.as_value()
    return made.generated & ~made.external & source.matches(KeySource.RANDOM, KeySource.DERIVED)


class Paths(wiring.Component):
    """Serves the users: one slot is read and one is written at a time, for users in turn.

    Parameters
    ----------
    slots, users : int
        Number of slots and of users.
    patience : int
        Cycles after which a transfer ends in which no word is taken.

    Members
    -------
    keys : array of In(KeyPathSignature)
        Ways of the slots' words to the users.
    results : array of In(KeyResultSignature)
        Ways of new keys from the users.
    lifecycle : In(a bit for each of STATES)
        State of the chip; none in ``RETIRED``.
    wiping, alerts : In
        Of the vault: what is under way is refused, and requests for what the alerts would wipe.
    held : In({stb, slot, erases})
        Slot that the application's operation is about: no result may go there, and if it is erased no words
        may come from there.
    filling : Out({stb, slot})
        Slot that a result is going to.
    forbidden : Out(1)
        High for a cycle if a request was refused that the policy of a slot forbids, or if a block says that
        it refused what the class or origin of a slot's key forbids.
    look, read, word, write, fill, emptied
        To the vault, as `Vault` has them.

    Latency
    -------
    A request is taken at once if nothing else of its kind is under way. The first word is valid three cycles
    later, the others in the cycles after it. ``refused`` comes in the cycle after the one that takes the
    request, ``done`` in the cycle after that of the last word.
    """

    def __init__(self, *, slots, users, patience):
        self._users, self._patience = users, patience
        slot = range(slots)
        word = data.StructLayout({"slot": slot, "index": range(SLOT_WORDS), "data": 32})
        super().__init__(
            {
                "keys": In(KeyPathSignature(slots=slots)).array(users),
                "results": In(KeyResultSignature(slots=slots)).array(users),
                "lifecycle": In(len(STATES)),
                "wiping": In(1),
                "alerts": In(len(WipeLevel)),
                "held": In(data.StructLayout({"stb": 1, "slot": slot, "erases": 1})),
                "filling": Out(data.StructLayout({"stb": 1, "slot": slot})),
                "forbidden": Out(1),
                "look": Out(wiring.Signature({"slot": Out(slot), "state": In(SLOT)})),
                "read": Out(data.StructLayout({"en": 1, "slot": slot, "index": range(SLOT_WORDS)})),
                "word": In(32),
                "emptied": In(emptied_layout(slots)),
                "write": Out(stream.Signature(word)),
                "fill": Out(fill_layout(slots)),
            }
        )
        # The request that was taken last, in the cycle in which it is judged.
        self.judged = Signal()
        self.request = Signal(
            data.StructLayout(
                {"user": range(users), "result": 1, "slot": slot, "operation": KeyOperation, "made": _MADE}
            )
        )
        self.reading = Signal()
        self.reader = Signal(range(users))
        self.read_slot = Signal(slot)
        self.read_operation = Signal(KeyOperation)  # what the words are for
        self.index = Signal(range(SLOT_WORDS))
        self.fresh = Signal()  # the word read is that of `index`
        self.writer = Signal(range(users))
        self._short = Signal()  # the slot being written is

    def elaborate(self, platform):
        m = Module()
        request, state = self.request, self.look.state
        clear, held = Signal(), Signal()
        m.d.comb += [
            self.look.slot.eq(request.slot),
            clear.eq(~self.wiping & ~(state.policy.wiped_by & self.alerts).any()),
            held.eq(self.held.stb & (self.held.slot == request.slot)),
        ]
        by_policy = allows_key(state, request.operation, self.lifecycle)
        admitted = allows_result(state, self.lifecycle) & admits(state.policy, request.made)
        key_allowed, result_allowed = by_policy & ~(held & self.held.erases), admitted & ~held
        key_begins, result_begins = Signal(), Signal()
        m.d.comb += [
            # SEC_CM: KEY.NOREAD
            key_begins.eq(self.judged & ~request.result & clear & key_allowed),
            result_begins.eq(self.judged & request.result & clear & result_allowed),
        ]
        against_policy = Mux(
            request.result,
            ~state.valid & state.policy.operations.any() & ~admitted,
            state.valid & ~by_policy,
        )
        m.d.comb += self.forbidden.eq(
            (self.judged & ~self.wiping & against_policy) | Cat(port.forbids for port in self.keys).any()
        )
        self._elaborate_requests(m)
        self._elaborate_keys(m, key_begins)
        self._elaborate_results(m, result_begins)
        return m

    def _elaborate_requests(self, m):
        """Take a request of those that can be served, in turn."""
        asks = Cat(
            Cat(self.keys[user].request.valid & ~self.reading for user in range(self._users)),
            Cat(self.results[user].request.valid & ~self.filling.stb for user in range(self._users)),
        )
        count = 2 * self._users
        last, chosen = Signal(range(count)), Signal(range(count))
        # Of the assignments to `chosen` that apply, the last one counts.
        with m.Switch(last):
            for number in range(count):
                with m.Case(number):
                    for step in range(count, 0, -1):
                        with m.If(asks[(number + step) % count]):
                            m.d.comb += chosen.eq((number + step) % count)
        takes = asks.any() & ~self.judged
        m.d.sync += self.judged.eq(takes)
        with m.If(takes):
            m.d.sync += last.eq(chosen)
        with m.Switch(chosen):
            for user, (key, result) in enumerate(zip(self.keys, self.results, strict=True)):
                for number, port, is_result in ((user, key, 0), (self._users + user, result, 1)):
                    asked = port.request.payload
                    with m.Case(number):
                        m.d.comb += port.request.ready.eq(takes)
                        m.d.sync += [
                            self.request.user.eq(user),
                            self.request.result.eq(is_result),
                            self.request.slot.eq(asked.slot),
                            self.request.operation.eq(0 if is_result else asked.operation),
                            *[
                                getattr(self.request.made, name).eq(getattr(asked, name) if is_result else 0)
                                for name, _ in _MADE
                            ],
                        ]

    def _late(self, m, name, goes_on, taken):
        """Whether a transfer has gone on for as long as there is patience, and no word was taken."""
        waited, late = Signal(range(self._patience), name=f"{name}_waited"), Signal(name=f"{name}_late")
        m.d.comb += late.eq(waited == self._patience - 1)
        m.d.sync += waited.eq(Mux(goes_on & ~taken & ~late, waited + 1, 0))
        return late

    def _elaborate_keys(self, m, begins):
        request, policy = self.request, self.look.state.policy
        key_class = Signal(KeyClass)
        fresh, index = self.fresh, self.index
        taken, ends = Signal(), Signal()  # the word is taken; no more are given
        refused = Signal()  # what was judged
        erased = self.held.stb & self.held.erases & (self.held.slot == self.read_slot)
        m.d.comb += [
            ends.eq(self.reading & (self.wiping | erased | self._late(m, "read", self.reading, taken))),
            refused.eq(self.judged & ~request.result & ~begins),
            self.read.en.eq(self.reading & ~ends & ~(taken & (index == SLOT_WORDS - 1))),
            self.read.slot.eq(self.read_slot),
            self.read.index.eq(index + taken),
        ]
        m.d.sync += fresh.eq(self.read.en)
        with m.If(begins):
            m.d.sync += [
                self.reading.eq(1),
                self.reader.eq(request.user),
                self.read_slot.eq(request.slot),
                self.read_operation.eq(request.operation),
                index.eq(0),
                *[getattr(key_class, name).eq(getattr(policy, name)) for name in CLASS_BITS],
                key_class.external.eq(self.look.state.external),
                key_class.generated.eq(self.look.state.generated),
                key_class.to_bus.eq(policy.to_bus & self.look.state.external),
            ]
        with m.Elif(ends):
            m.d.sync += self.reading.eq(0)
        with m.Elif(taken):
            m.d.sync += index.eq(index + 1)
            with m.If(index == SLOT_WORDS - 1):
                m.d.sync += self.reading.eq(0)
        for user, port in enumerate(self.keys):
            serves = Signal(name=f"serves_{user}")
            m.d.comb += [
                serves.eq(self.reading & (self.reader == user)),
                port.key.valid.eq(serves & fresh & ~ends),
                port.key.payload.eq(Mux(serves, self.word, 0)),
                port.key_class.eq(Mux(serves, key_class, 0)),
                port.emptied.eq(self.emptied),
                port.refused.eq((serves & ends) | (refused & (request.user == user))),
            ]
            with m.If(port.key.valid & port.key.ready):
                m.d.comb += taken.eq(1)

    def _elaborate_results(self, m, begins):
        request, policy = self.request, self.look.state.policy
        external, generated = Signal(), Signal()  # what is being written is
        taken, ends, done = Signal(), Signal(), Signal()
        index = Signal(range(SLOT_WORDS))
        refused = Signal()
        erased = self.held.stb & self.held.erases & (self.held.slot == self.filling.slot)
        word = self.write.payload
        m.d.comb += [
            ends.eq(
                self.filling.stb & (self.wiping | erased | self._late(m, "write", self.filling.stb, taken))
            ),
            refused.eq(self.judged & request.result & ~begins),
            taken.eq(self.write.valid & self.write.ready),
            word.slot.eq(self.filling.slot),
            word.index.eq(index),
            self.fill.stb.eq(taken & (index == SLOT_WORDS - 1)),
            self.fill.slot.eq(self.filling.slot),
            self.fill.external.eq(external),
            self.fill.generated.eq(generated),
        ]
        m.d.sync += done.eq(self.fill.stb)
        with m.If(begins):
            m.d.sync += [
                self.filling.stb.eq(1),
                self.filling.slot.eq(request.slot),
                self.writer.eq(request.user),
                self._short.eq(policy.short),
                external.eq(request.made.external),
                generated.eq(_is_generated(request.made)),
                index.eq(0),
            ]
        with m.Elif(ends | self.fill.stb):
            m.d.sync += self.filling.stb.eq(0)
        with m.Elif(taken):
            m.d.sync += index.eq(index + 1)
        for user, port in enumerate(self.results):
            serves = Signal(name=f"takes_{user}")
            judged = self.judged & request.result & (request.user == user)
            m.d.comb += [
                serves.eq(self.filling.stb & (self.writer == user)),
                # Words of nobody whose key is being written are dropped.
                port.key.ready.eq(Mux(serves, self.write.ready & ~ends, ~judged)),
                port.binding.eq(Mux(judged, policy.as_value(), 0)),
                port.done.eq(done & (self.writer == user)),
                port.refused.eq((serves & ends) | (refused & (request.user == user))),
            ]
            with m.If(serves):
                m.d.comb += [
                    self.write.valid.eq(port.key.valid & ~ends),
                    word.data.eq(Mux(self._short & index[2], 0, port.key.payload)),
                ]
