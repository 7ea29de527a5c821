"""The compiled key store: its registers by name, its users, and what it should do, in plain Python."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from rtl.bus import KeyOperation, KeySource, LifecycleState
from rtl.guard.keystore import OPERATION_GROUPS, POLICY, KeyStore, Operation, Outcome, WipeLevel
from rtl.guard.keystore.policy import CLASS_BITS, STATES
from sim.block import Block

SLOTS, USERS = 5, 3  # no power of two: there are numbers that are no slot's
LIMIT = 300
DONE, REFUSED = 1, 2
_SLOT_BITS = 3
_FLAGS = ("external", "to_bus", "short", "template", "unchecked", "generated")


@dataclass(frozen=True)
class Policy:
    """A policy, as a test writes it."""

    operations: tuple = (KeyOperation.HMAC,)
    states: tuple = STATES
    flags: tuple = ()
    wiped_by: tuple = ()

    @property
    def bits(self):
        """As it stands in the register, by the order of its bits alone."""
        places = [
            *[operation in self.operations for operation in KeyOperation],
            *[state in self.states for state in STATES],
            *[name in self.flags for name in CLASS_BITS],
            *[level in self.wiped_by for level in WipeLevel],
        ]
        assert len(places) == POLICY.size
        return sum(bit << place for place, bit in enumerate(places))

    @property
    def sound(self):
        """Whether the store should take it."""
        groups = [group for group in OPERATION_GROUPS if set(group) & set(self.operations)]
        private = {KeyOperation.SIGN, KeyOperation.AGREE} & set(self.operations)
        return len(groups) == 1 and bool(self.states) and not ("short" in self.flags and private)


@dataclass(frozen=True)
class Made:
    """What a block says of a key that it has made."""

    external: bool = False
    generated: bool = False
    source: Any = KeySource.RANDOM
    short: bool = False

    @property
    def bits(self):
        """As they stand in a request above the slot's number."""
        return self.external | self.generated << 1 | self.source.value << 2 | self.short << 4

    @property
    def origin(self):
        """What the slot is then."""
        if self.external:
            return {"external"}
        known = self.source in (KeySource.AGREED, KeySource.UNWRAPPED)
        return {"generated"} if self.generated and not known else set()

    def suits(self, policy):
        """Whether the store should let it be used as the policy says."""
        if self.source == KeySource.UNWRAPPED and self.short != ("short" in policy.flags):
            return False
        if self.external:
            return True
        derives = KeyOperation.DERIVE in policy.operations
        if self.source == KeySource.UNWRAPPED:
            return not derives and "template" not in policy.flags
        return derives or self.source != KeySource.AGREED


@dataclass
class Slot:
    """What a slot should be."""

    policy: Policy | None = None
    words: list | None = None
    origin: set = field(default_factory=set)


@dataclass
class Model:
    """What the store should do, an operation at a time."""

    state: Any = LifecycleState.OPERATION
    healthy: bool = True
    alerts: frozenset = frozenset()
    slots: list = field(default_factory=lambda: [Slot() for _ in range(SLOTS)])

    def wipe(self):
        self.slots = [Slot() for _ in range(SLOTS)]

    def alert(self, alerts):
        rising = alerts - self.alerts
        self.alerts = frozenset(alerts)
        self.slots = [
            Slot() if slot.policy and rising & set(slot.policy.wiped_by) else slot for slot in self.slots
        ]

    def _alerted(self, slot):
        return bool(self.alerts & set(slot.policy.wiped_by))

    def operate(self, operation, number, policy, words):
        """The outcome of an operation; ``words`` are what is loaded or comes from the random source."""
        if operation == Operation.WIPE:
            self.wipe()
            return Outcome.SUCCESS
        if number >= SLOTS:
            return Outcome.SLOT
        if self.state not in STATES:
            return Outcome.LIFECYCLE
        slot = self.slots[number]
        if operation == Operation.ERASE:
            self.slots[number] = Slot()
            return Outcome.SUCCESS
        if slot.words is not None:
            return Outcome.OCCUPIED
        if operation == Operation.DEFINE:
            if not policy.sound:
                return Outcome.POLICY
            slot.policy = policy
            return Outcome.SUCCESS
        if slot.policy is None:
            return Outcome.POLICY
        if self._alerted(slot):
            return Outcome.WIPED
        if operation == Operation.GENERATE and not self.healthy:
            return Outcome.RANDOM
        self._put(slot, words, {"external" if operation == Operation.LOAD else "generated"})
        return Outcome.SUCCESS

    def _put(self, slot, words, origin):
        count = 4 if "short" in slot.policy.flags else 8
        slot.words = [*words[:count], *[0] * (8 - count)]
        slot.origin = origin

    def read(self, number, operation):
        """The words and flags that a user gets, or None."""
        slot = self.slots[number] if number < SLOTS else Slot()
        if slot.words is None or self._alerted(slot):
            return None
        if operation not in slot.policy.operations or self.state not in slot.policy.states:
            return None
        flags = set(slot.policy.flags) | slot.origin
        if "external" not in slot.origin:
            flags -= {"to_bus"}
        return slot.words, flags

    def write(self, number, words, made):
        """Whether a user's key gets into the slot."""
        slot = self.slots[number] if number < SLOTS else Slot()
        if slot.words is not None or slot.policy is None or self._alerted(slot):
            return False
        if self.state not in STATES or not made.suits(slot.policy):
            return False
        self._put(slot, words, made.origin)
        return True


class Store:
    """The compiled store, an access at a time."""

    def __init__(self, block, places):
        self.block, self.places = block, places
        self.get = block.get
        self.set = block.set
        self.state(LifecycleState.OPERATION)
        self.block.tick(SLOTS * 8 + 1)

    def state(self, state):
        """Set the lifecycle state, or a code that is none."""
        self.set("lifecycle", getattr(state, "value", state))
        self.block.tick()

    def alert(self, alerts):
        """Raise exactly these alerts, for a cycle or longer."""
        self.set("alerts", sum(1 << level.value for level in alerts))
        self.block.tick()

    def settle(self):
        """Wait for the end of a wipe; returns the cycles."""
        for cycle in range(LIMIT):
            if not self.get("wiping"):
                return cycle
            self.block.tick()
        raise AssertionError(f"still wiping after {LIMIT} cycles")

    def write(self, name, value):
        """Write a register; it has its value, or its effect begins, when this returns."""
        self.set("bus__addr", self.places[name])
        self.set("bus__w_data", value)
        self.set("bus__w_stb", 1)
        self.block.tick()
        self.set("bus__w_stb", 0)
        self.block.tick()

    def read(self, name):
        self.set("bus__addr", self.places[name])
        self.set("bus__r_stb", 1)
        self.block.tick()
        self.set("bus__r_stb", 0)
        return self.get("bus__r_data")

    def start(self, operation, number=None, policy=None):
        """Clear the causes and start an operation."""
        self.write("cause", DONE | REFUSED)
        self.write("enable", DONE | REFUSED)
        if number is not None:
            self.write("select", number)
        if policy is not None:
            self.write("policy", policy.bits)
        self.write("operate", getattr(operation, "value", operation))

    def ended(self):
        """Wait for the interrupt; the outcome of the operation."""
        self.block.until("irq", LIMIT)
        assert self.read("cause") & (DONE | REFUSED) == DONE
        return Outcome(self.read("status") >> 4 & 7)

    def operate(self, operation, number=0, policy=None, words=()):
        """A whole operation; its outcome."""
        self.start(operation, number, policy)
        if operation == Operation.LOAD:
            self.block.tick(3)
            if self.read("status") & 2:
                for word in words:
                    self.write("data", word)
        if operation == Operation.GENERATE:
            self.block.tick(3)
            if self.read("status") & 1:
                self.block.send("random__words", list(words), LIMIT)
        return self.ended()

    def ask(self, user, number, operation):
        """Put a user's request for a key; returns when it is taken."""
        self.offer(user, number, operation)
        self._taken(f"keys__{user}__request")

    def offer(self, user, number, operation):
        """Put a user's request for a key, and do not wait."""
        port = f"keys__{user}__request"
        self.set(f"{port}__payload", number | getattr(operation, "value", operation) << _SLOT_BITS)
        self.set(f"{port}__valid", 1)

    def offer_result(self, user, number, made=Made()):
        """Put a user's request for an empty slot, and do not wait."""
        port = f"results__{user}__request"
        self.set(f"{port}__payload", number | made.bits << _SLOT_BITS)
        self.set(f"{port}__valid", 1)

    def _taken(self, port):
        for _ in range(LIMIT):
            taken = self.get(f"{port}__ready")
            self.block.tick()
            if taken:
                break
        else:
            raise AssertionError(f"{port} was not taken in {LIMIT} cycles")
        self.set(f"{port}__valid", 0)

    def receive(self, user, pauses=lambda: 0):
        """The words and flags of the key that a user asked for, or None if it is refused."""
        port, words = f"keys__{user}", []
        for _ in range(LIMIT):
            ready = not pauses()
            self.set(f"{port}__key__ready", ready)
            if self.get(f"{port}__refused"):
                assert not self.get(f"{port}__key__valid"), "a word along with a refusal"
                self.set(f"{port}__key__ready", 0)
                self.block.tick()
                assert not self.get(f"{port}__refused"), "refused for more than a cycle"
                return None
            if self.get(f"{port}__key__valid") and ready:
                words.append(self.get(f"{port}__key__payload"))
                bits = self.get(f"{port}__key_class")
                flags = {name for place, name in enumerate(_FLAGS) if bits >> place & 1}
            self.block.tick()
            if len(words) == 8:
                self.set(f"{port}__key__ready", 0)
                return words, flags
        raise AssertionError(f"no answer in {LIMIT} cycles after {len(words)} words")

    def key(self, user, number, operation, pauses=lambda: 0):
        """The words and flags of a slot, as a user gets them, or None."""
        self.ask(user, number, operation)
        return self.receive(user, pauses)

    def ask_result(self, user, number, made=Made()):
        self.offer_result(user, number, made)
        self._taken(f"results__{user}__request")

    def give(self, user, words, pauses=lambda: 0):
        """Whether the words of a user get into the slot that it has asked for."""
        port, left = f"results__{user}", list(words)
        for _ in range(LIMIT):
            if self.get(f"{port}__refused") or self.get(f"{port}__done"):
                done = bool(self.get(f"{port}__done"))
                self.set(f"{port}__key__valid", 0)
                self.block.tick()
                return done
            self.set(f"{port}__key__valid", bool(left) and not pauses())
            if left:
                self.set(f"{port}__key__payload", left[0])
            taken = self.get(f"{port}__key__valid") and self.get(f"{port}__key__ready")
            self.block.tick()
            if taken:
                left.pop(0)
        raise AssertionError(f"no answer in {LIMIT} cycles, {len(left)} words left")

    def result(self, user, number, words, made=Made(), pauses=lambda: 0):
        """Whether a new key of a user gets into the slot."""
        self.ask_result(user, number, made)
        return self.give(user, words, pauses)

    def slot(self, number):
        """Whether a slot is valid, and external, as the registers show it."""
        self.write("select", number)
        value = self.read("slot")
        return bool(value & 1), bool(value & 2)

    def origin(self, number):
        """Where a slot's key comes from, as the registers show it."""
        self.write("select", number)
        value = self.read("slot")
        return {name for place, name in ((1, "external"), (3, "generated")) if value >> place & 1}

    def filled(self, number, words, policy, made=Made()):
        """Put a key into a slot."""
        assert self.operate(Operation.DEFINE, number, policy) == Outcome.SUCCESS
        assert self.result(0, number, words, made)


@pytest.fixture(scope="session")
def compiled():
    component = KeyStore(slots=SLOTS, users=USERS)
    places = {name[0]: start for _, name, (start, _) in component.bus.memory_map.resources()}
    return Block(component), places


@pytest.fixture
def store(compiled):
    """A fresh store in state OPERATION, with healthy randomness."""
    block, places = compiled
    fresh = Store(block.fresh(), places)
    fresh.set("random__healthy", 1)
    return fresh


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def policy():
    """`Policy`."""
    return Policy


@pytest.fixture
def made():
    """`Made`."""
    return Made
