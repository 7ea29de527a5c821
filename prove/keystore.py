"""What is proved of the key store: `KEY.NOREAD` and `KEY.WIPE`."""

from amaranth import Cat, Module, Signal
from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Fragment
from amaranth.lib.wiring import In

from rtl.bus import KeyOperation, KeySource
from rtl.guard.keystore import KeyStore
from rtl.guard.keystore.policy import SLOT_WORDS

from .runner import Harness, Proof

__all__ = ["PROOFS", "OriginsKept", "SameOutputs", "WipedClean", "WordsByPolicy"]

_SLOTS = _USERS = 2
_IN_SERVICE = 0xBAC8, 0xD417, 0x9D2C  # codes of the lifecycle states, in the order of a policy's bits


def _store():
    return KeyStore(slots=_SLOTS, users=_USERS)


def _ports(store):
    """Name, direction and signal of every port of a store."""
    return [
        ("__".join(str(part) for part in path), member.flow, getattr(value, "as_value", lambda v=value: v)())
        for path, member, value in store.signature.flatten(store)
    ]


def _policies(store):
    """Views of every slot's policy."""
    return [store.vault.policies.read_port(domain="comb") for _ in range(_SLOTS)]


def _registers(fragment):
    """Every signal that a flip-flop drives, in the order of the design."""
    found = {}
    for domain, statements in fragment.statements.items():
        if domain != "comb":
            for statement in statements:
                found |= {id(signal): signal for signal in statement._lhs_signals()}
    for child, _, _ in fragment.subfragments:
        found |= {id(signal): signal for signal in _registers(child)}
    return list(found.values())


class _OneStore(Harness):
    """A store with free inputs, and a view of any word of its memory; `claim` of what is made of it asserts.

    Parameters
    ----------
    make : callable
        Makes the store.
    """

    def __init__(self, make=_store):
        self.store = make()
        self.place = AnyConst(len(self.store.vault.place))
        self.view = self.store.vault.memory.read_port(domain="comb")
        self.policies = _policies(self.store)
        self.ports = [value for _, flow, value in _ports(self.store) if flow == In]

    def elaborate(self, platform):
        m = Module()
        m.submodules.store = self.store
        m.d.comb += [
            self.view.addr.eq(self.place),
            *[port.addr.eq(slot) for slot, port in enumerate(self.policies)],
        ]
        self.claim(m)
        return m

    def _only_empty_slots_are_filled(self, m):
        store, filling, held = self.store, self.store.paths.filling, self.store.paths.held
        m.d.comb += [
            Assert(~(store.fills | held.erases) | held.stb),
            Assert(~(store.fills & filling.stb & (filling.slot == store.number))),
        ]
        for slot in range(_SLOTS):
            with m.If((store.fills & (store.number == slot)) | (filling.stb & (filling.slot == slot))):
                m.d.comb += Assert(~store.vault.valid[slot])


class SameOutputs(Harness):
    """Two stores whose slots differ, and everything on the bus is the same: no output tells them apart.

    Equal are the interrupt, what the bus reads, and every wire of the paths except the words themselves. The
    induction is over all flip-flops and policies: each is equal in both, except the register behind the
    memory of words.

    Parameters
    ----------
    make : callable
        Makes a store.
    """

    def __init__(self, make=_store):
        self.stores = make(), make()
        self.ports = []
        self.policies = [_policies(store) for store in self.stores]

    def elaborate(self, platform):
        m = Module()
        fragments = [Fragment.get(store, platform) for store in self.stores]
        for number, fragment in enumerate(fragments):
            m.submodules[f"store_{number}"] = fragment
        for (name, flow, first), (_, _, second) in zip(*map(_ports, self.stores), strict=True):
            if flow == In:
                self.ports.append(first)
                if _is_key(name):
                    self.ports.append(second)
                else:
                    m.d.comb += second.eq(first)
            elif not _is_key(name):
                m.d.comb += Assert(first == second)
        for slot, (first, second) in enumerate(zip(*self.policies, strict=True)):
            m.d.comb += [first.addr.eq(slot), second.addr.eq(slot)]
            m.d.comb += Assert(first.data.as_value() == second.data.as_value())
        secret = {id(store.vault.word) for store in self.stores}
        for first, second in zip(*map(_registers, fragments), strict=True):
            if id(first) not in secret:
                m.d.comb += Assert(first == second)
        return m


def _is_key(name):
    """Whether a port carries words of keys."""
    return name.endswith("key__payload") or name == "random__words__payload"


class WordsByPolicy(_OneStore):
    """A word leaves to a user only after its request, from a valid slot, as policy and lifecycle allow.

    And the word is that of the slot asked for.
    """

    def claim(self, m):
        store, vault, paths = self.store, self.store.vault, self.store.paths
        states = Cat(store.lifecycle.as_value() == code for code in _IN_SERVICE)
        live = ~store.wiping & ~(paths.held.stb & paths.held.erases & (paths.held.slot == paths.read_slot))
        for user, port in enumerate(store.keys):
            asked = Signal.like(port.request.payload, name=f"asked_{user}")
            judged, granted = Signal(name=f"judged_{user}"), Signal(name=f"granted_{user}")
            number = Signal(range(SLOT_WORDS), name=f"number_{user}")
            m.d.sync += judged.eq(port.request.valid & port.request.ready)
            with m.If(port.request.valid & port.request.ready):
                m.d.sync += [asked.eq(port.request.payload), number.eq(0), granted.eq(0)]
            with m.If(port.key.valid & port.key.ready):
                m.d.sync += number.eq(number + 1)
            operation = asked.operation.as_value()
            with m.Switch(asked.slot):
                for slot, policy in enumerate(self.policies):
                    with m.Case(slot):
                        allowed = Signal(name=f"allowed_{user}_{slot}")
                        in_state = Signal(name=f"in_state_{user}_{slot}")
                        m.d.comb += [
                            allowed.eq(vault.valid[slot] & policy.data.operations.bit_select(operation, 1)),
                            in_state.eq((policy.data.states & states).any()),
                        ]
                        with m.If(judged):
                            m.d.sync += granted.eq(allowed & in_state)
                        with m.If(port.key.valid):
                            m.d.comb += Assert(allowed & granted)
            here = Cat(number, asked.slot) == self.place
            with m.If(port.key.valid & here):
                m.d.comb += Assert(port.key.payload == self.view.data)
            self._induction(m, user, asked, granted, judged, number, live)
        self._only_empty_slots_are_filled(m)

    def _induction(self, m, user, asked, granted, judged, number, live):
        """What the store knows of the user's request is what the user asked."""
        vault, paths = self.store.vault, self.store.paths
        with m.If(paths.reading & (paths.reader == user)):
            m.d.comb += [
                Assert(paths.read_slot == asked.slot),
                Assert(paths.read_operation.as_value() == asked.operation.as_value()),
                Assert(granted & ~judged),
                Assert(paths.index == number),
            ]
            with m.If(live):
                for slot, policy in enumerate(self.policies):
                    with m.If(paths.read_slot == slot):
                        m.d.comb += Assert(
                            vault.valid[slot]
                            & policy.data.operations.bit_select(paths.read_operation.as_value(), 1)
                        )
                with m.If(paths.fresh & (Cat(number, asked.slot) == self.place)):
                    m.d.comb += Assert(vault.word == self.view.data)
        request = paths.request
        m.d.comb += Assert(judged == (paths.judged & ~request.result & (request.user == user)))
        with m.If(judged):
            m.d.comb += [
                Assert(request.slot == asked.slot),
                Assert(request.operation.as_value() == asked.operation.as_value()),
                Assert((number == 0) & ~(paths.reading & (paths.reader == user))),
            ]


class OriginsKept(_OneStore):
    """A slot is external or generated only if what filled it was, and its policy is one for that key.

    And a user is told what the slot is; and a key goes into its slot under the policy that it is bound to.
    """

    def claim(self, m):
        store, vault = self.store, self.store.vault
        m.d.comb += [
            Assert((vault.external & vault.generated) == 0),
            Assert(((vault.external | vault.generated) & ~vault.valid) == 0),
        ]
        before = Signal.like(Cat(vault.valid, vault.external, vault.generated))
        fills = Signal(_SLOTS)  # slots that a key came into in the cycle before
        m.d.sync += [before.eq(Cat(vault.valid, vault.external, vault.generated)), fills.eq(0)]
        for fill in vault.fills:
            with m.If(fill.stb):
                m.d.sync += fills.bit_select(fill.slot, 1).eq(1)
        for slot in range(_SLOTS):
            with m.If(vault.valid[slot] & ~fills[slot]):
                now = Cat(vault.valid[slot], vault.external[slot], vault.generated[slot])
                m.d.comb += Assert(now == before[slot::_SLOTS])
        with m.If(vault.fills[0].stb):
            m.d.comb += [
                Assert(vault.fills[0].generated == store.random.words.ready),
                Assert(vault.fills[0].external == ~store.random.words.ready),
            ]
        self._classes(m)
        for user in range(_USERS):
            self._results(m, user)

    def _classes(self, m):
        """What a user is told of the slot whose words it gets."""
        vault, paths = self.store.vault, self.store.paths
        erased = paths.held.stb & paths.held.erases & (paths.held.slot == paths.read_slot)
        for user, port in enumerate(self.store.keys):
            serves = paths.reading & (paths.reader == user) & ~paths.wiping & ~erased
            m.d.comb += Assert(serves | ~port.key.valid)
            for slot in range(_SLOTS):
                with m.If(serves & (paths.read_slot == slot)):
                    m.d.comb += [
                        Assert(vault.valid[slot]),
                        Assert(port.key_class.external == vault.external[slot]),
                        Assert(port.key_class.generated == vault.generated[slot]),
                    ]
        self._only_empty_slots_are_filled(m)

    def _results(self, m, user):
        """The request is followed beside the store, and what the slot's policy was then."""
        store, paths, port = self.store, self.store.paths, self.store.results[user]
        request = paths.request
        asked = Signal.like(port.request.payload, name=f"made_{user}")
        judged, told = Signal(name=f"result_{user}"), Signal(32, name=f"told_{user}")
        m.d.sync += judged.eq(port.request.valid & port.request.ready)
        with m.If(port.request.valid & port.request.ready):
            m.d.sync += asked.eq(port.request.payload)
        with m.If(judged):
            m.d.sync += told.eq(port.binding)
            m.d.comb += [
                Assert(request.slot == asked.slot),
                Assert(request.made.as_value() == asked.as_value()[len(asked.slot) :]),
            ]
        m.d.comb += Assert(judged == (paths.judged & request.result & (request.user == user)))
        erased = paths.held.stb & paths.held.erases & (paths.held.slot == paths.filling.slot)
        with m.If(paths.filling.stb & (paths.writer == user) & ~store.wiping & ~erased):
            source = asked.source.as_value()
            told_to_none = source.matches(KeySource.RANDOM, KeySource.DERIVED)
            m.d.comb += [
                Assert(~judged & (paths.filling.slot == asked.slot)),
                Assert(paths.fill.external == asked.external),
                Assert(paths.fill.generated == (asked.generated & ~asked.external & told_to_none)),
            ]
            for slot, policy in enumerate(self.policies):
                with m.If(asked.slot == slot):
                    m.d.comb += Assert(policy.data.as_value() == told)
                    self._suits(m, policy.data, asked)

    def _suits(self, m, policy, asked):
        derives = policy.operations[KeyOperation.DERIVE.value]
        with m.If(asked.source == KeySource.AGREED):
            m.d.comb += Assert(asked.external | derives)
        with m.If(asked.source == KeySource.UNWRAPPED):
            m.d.comb += [
                Assert(asked.external | ~(derives | policy.template)),
                Assert(asked.short == policy.short),
            ]


class WipedClean(_OneStore):
    """When a wipe of everything ends, no word, no policy and no valid slot is left; and it ends soon."""

    def claim(self, m):
        vault, store = self.store.vault, self.store
        words = _SLOTS * SLOT_WORDS
        due, done = Signal(), Signal()  # everything is to be wiped; it was, and the wipe has not ended since
        last = vault.place == words - 1
        with m.If(store.wipe):
            m.d.sync += due.eq(1)
        with m.Elif(~store.wiping):
            m.d.sync += due.eq(0)
        with m.If(vault.wipes[0] & last):
            m.d.sync += done.eq(1)
        with m.Elif(~store.wiping):
            m.d.sync += done.eq(0)
        clean = Signal()
        m.d.comb += clean.eq(
            (self.view.data == 0)
            & (vault.word == 0)
            & (Cat(vault.valid, vault.external, vault.generated, *[port.data for port in self.policies]) == 0)
        )
        with m.If(done):
            m.d.comb += Assert(clean)
        with m.If(due & ~store.wiping):
            m.d.comb += Assert(done & clean)
        # For the induction.
        with m.If(due):
            m.d.comb += Assert(done | vault.wipes[0] | vault.asked[0])
        with m.If(vault.wipes[0]):
            with m.If(vault.place > self.place):
                m.d.comb += Assert(self.view.data == 0)
            for slot, policy in enumerate(self.policies):
                with m.If(vault.place[3:] > slot):
                    origin = vault.external[slot], vault.generated[slot]
                    m.d.comb += Assert(Cat(vault.valid[slot], *origin, policy.data) == 0)
        self._ends(m, words)

    def _ends(self, m, words):
        """Twice the words' number of cycles after the last cause, no wipe goes on."""
        vault, store = self.store.vault, self.store
        before = Signal.like(store.alerts)
        quiet = Signal(range(4 * words))  # cycles since the last cause
        m.d.sync += [before.eq(store.alerts), quiet.eq(quiet + ~quiet.all())]
        with m.If(vault.wipe | (store.alerts & ~before).any()):
            m.d.sync += quiet.eq(0)
        m.d.comb += Assert(before == vault.before)
        with m.If(store.wiping):
            m.d.comb += Assert(quiet <= 2 * words)
        with m.If((vault.wipes != 0) & (vault.asked != 0)):
            m.d.comb += Assert(quiet <= vault.place)
        with m.Elif(vault.asked != 0):
            m.d.comb += Assert(quiet <= words)
        with m.Elif(vault.wipes != 0):
            m.d.comb += Assert(quiet <= vault.place + words + 1)


PROOFS = (
    Proof("KEY.NOREAD/bus", "What the bus reads does not depend on what is in the slots.", SameOutputs),
    Proof("KEY.NOREAD/paths", "A word leaves a slot only as its policy allows.", WordsByPolicy),
    Proof("KEY.NOREAD/origins", "A slot's key is what made it, and of no other use or origin.", OriginsKept),
    Proof("KEY.WIPE", "When a wipe ends, it has left no bit of a key, and it ends.", WipedClean),
)
