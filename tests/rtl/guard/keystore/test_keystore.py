"""The key store's operations, its paths and its wipes, against a model; and what it refuses."""

import random

import pytest

from rtl.bus import KeyOperation, KeySource, LifecycleState
from rtl.guard.keystore import KeyStore, Operation, Outcome, WipeLevel
from rtl.guard.keystore.policy import CLASS_BITS, STATES

KEY = [0x0001_0203, 0x0405_0607, 0x0809_0A0B, 0x0C0D_0E0F, 0x1011_1213, 0x1415_1617, 0x1819_1A1B, 0x1C1D_1E1F]
HMAC, DERIVE = KeyOperation.HMAC, KeyOperation.DERIVE
SLOTS, USERS = 5, 3


def _some(rng, members, chance=0.5):
    return tuple(member for member in members if rng.random() < chance)


def _random_policy(rng, policy):
    return policy(
        operations=(rng.choice(list(KeyOperation)), *_some(rng, KeyOperation, 0.05)),
        states=_some(rng, STATES, 0.8),
        flags=_some(rng, CLASS_BITS),
        wiped_by=_some(rng, WipeLevel),
    )


def _step(rng, store, model, policy, made):
    """One random step on both; returns what it was."""
    kind = rng.choices(
        ("operate", "read", "write", "alert", "state", "wipe", "random"), (8, 12, 5, 1, 0.6, 0.2, 0.5)
    )[0]
    number, user = rng.choice([*range(SLOTS), SLOTS, 7]), rng.randrange(USERS)
    words = [rng.getrandbits(32) for _ in range(8)]
    pauses = rng.choice((lambda: 0, lambda: rng.random() < 0.5))
    if kind == "operate":
        operation = rng.choices(list(Operation), (6, 4, 2, 3, 0.1))[0]
        new = _random_policy(rng, policy)
        number = rng.choice((number, 100))
        slot = model.slots[number] if number < SLOTS else None
        used = 4 if slot and slot.policy and "short" in slot.policy.flags else 8
        expected = model.operate(operation, number, new, words)
        outcome = store.operate(operation, number, new, words[:used])
        assert outcome == expected, f"{operation} of slot {number} with {new}"
    elif kind == "read":
        known = model.slots[number].policy if number < SLOTS else None
        likely = rng.choice(known.operations) if known else HMAC
        operation = rng.choice((likely, likely, rng.choice(list(KeyOperation))))
        expected = model.read(number, operation)
        assert store.key(user, number, operation, pauses) == expected, f"{operation} of slot {number}"
    elif kind == "write":
        new = made(*[rng.random() < 0.5 for _ in range(2)], rng.choice(list(KeySource)), rng.random() < 0.5)
        accepts = model.write(number, words, new)
        assert store.result(user, number, words, new, pauses) == accepts, f"{new} into slot {number}"
    elif kind == "alert":
        alerts = frozenset(_some(rng, WipeLevel))
        model.alert(alerts)
        store.alert(alerts)
        store.settle()
    elif kind == "state":
        model.state = rng.choice((*STATES, *STATES, LifecycleState.RETIRED))
        store.state(model.state)
        store.settle()
        if model.state not in STATES:
            model.wipe()
    elif kind == "wipe":
        model.wipe()
        store.set("wipe", 1)
        store.block.tick()
        store.set("wipe", 0)
        store.settle()
    else:
        model.healthy = rng.random() < 0.7
        store.set("random__healthy", model.healthy)
    return kind


@pytest.mark.parametrize("seed", range(6))
def test_random_steps(store, model, policy, made, seed):
    rng = random.Random(seed)
    for number in range(250):
        try:
            _step(rng, store, model, policy, made)
            for slot, expected in enumerate(model.slots):
                external = "external" in expected.origin
                assert store.slot(slot) == (expected.words is not None, external), f"slot {slot}"
                assert store.origin(slot) == expected.origin, f"slot {slot}"
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {number}: {error}") from error


def test_reset_state(store):
    assert store.read("identification") == int.from_bytes(b"KEYS", "big")
    assert store.read("version") == 2
    assert store.read("cause") == store.read("status") == 0
    for number in range(SLOTS):
        assert store.slot(number) == (False, False)
        assert store.read("slot_policy") == 0


def test_a_slot_shows_its_policy_and_nothing_else(store, policy):
    new = policy(flags=("to_bus", "template"), wiped_by=(WipeLevel.TAMPER,))
    store.filled(3, KEY, new)
    store.write("select", 3)
    assert store.read("slot_policy") == new.bits
    seen = {name: store.read(name) for name in store.places}
    store.operate(Operation.ERASE, 3)
    store.filled(3, [~word & 0xFFFF_FFFF for word in KEY], new)
    store.write("select", 3)
    assert {name: store.read(name) for name in store.places} == seen


@pytest.mark.parametrize("operation", list(KeyOperation))
def test_each_operation_is_its_own(store, policy, operation):
    store.filled(1, KEY, policy(operations=(operation,)))
    for asked in range(16):
        expected = (KEY, set()) if asked == operation.value else None
        assert store.key(0, 1, asked) == expected, f"asked for {asked}"


def test_operations_of_two_groups_do_not_go_together(store, policy):
    for first in KeyOperation:
        for second in KeyOperation:
            new = policy(operations=(first, second))
            expected = Outcome.SUCCESS if new.sound else Outcome.POLICY
            assert store.operate(Operation.DEFINE, 0, new) == expected, f"{first} and {second}"
    assert not policy(operations=(HMAC, DERIVE)).sound
    assert policy(operations=(KeyOperation.ENCRYPT, KeyOperation.DECRYPT)).sound


def test_a_policy_is_frozen_while_the_slot_is_valid(store, policy):
    store.filled(2, KEY, policy(operations=(DERIVE,)))
    assert store.operate(Operation.DEFINE, 2, policy()) == Outcome.OCCUPIED
    assert store.key(0, 2, HMAC) is None
    assert store.operate(Operation.ERASE, 2) == Outcome.SUCCESS
    assert store.operate(Operation.LOAD, 2, words=KEY) == Outcome.POLICY


@pytest.mark.parametrize("state", list(STATES))
def test_lifecycle_states(store, policy, state):
    store.filled(0, KEY, policy(states=(state,)))
    for now in STATES:
        store.state(now)
        assert (store.key(0, 0, HMAC) is not None) == (now == state)


@pytest.mark.parametrize("code", [0xE325, 0, 0x9D2D, 0xFFFF])
def test_nothing_works_in_retirement_or_with_an_invalid_code(store, policy, code):
    store.filled(0, KEY, policy())
    store.state(code)
    assert store.get("wiping")
    store.settle()
    assert store.slot(0) == (False, False)
    for operation in (Operation.DEFINE, Operation.LOAD, Operation.GENERATE, Operation.ERASE):
        assert store.operate(operation, 0, policy(), KEY) == Outcome.LIFECYCLE
    assert store.operate(Operation.WIPE) == Outcome.SUCCESS
    assert store.key(1, 0, HMAC) is None
    assert not store.result(1, 0, KEY)


def test_a_key_is_loadable_only_where_that_is_built_in(policy):
    with pytest.raises(ValueError, match="Keys can be loaded in a state of service only"):
        KeyStore(loadable=(LifecycleState.RETIRED,))


def test_a_short_key_is_four_words(store, policy):
    new = policy(operations=(KeyOperation.ENCRYPT,), flags=("short",))
    expected = [*KEY[:4], 0, 0, 0, 0]
    assert store.operate(Operation.DEFINE, 0, new) == Outcome.SUCCESS
    assert store.operate(Operation.LOAD, 0, words=KEY[:4]) == Outcome.SUCCESS
    assert store.key(0, 0, KeyOperation.ENCRYPT) == (expected, {"short", "external"})
    store.filled(1, KEY, new)
    assert store.key(0, 1, KeyOperation.ENCRYPT) == (expected, {"short"})


def test_a_private_key_is_not_short(store, policy):
    for operation in KeyOperation:
        private = operation in (KeyOperation.SIGN, KeyOperation.AGREE)
        outcome = Outcome.POLICY if private else Outcome.SUCCESS
        assert store.operate(Operation.DEFINE, 0, policy((operation,), flags=("short",))) == outcome
        assert store.operate(Operation.DEFINE, 0, policy((operation,))) == Outcome.SUCCESS


POLICIES = [
    *(((operation,), ()) for operation in list(KeyOperation)),
    ((HMAC,), ("short",)),
    ((KeyOperation.DERIVE,), ("short",)),
    ((KeyOperation.SIGN,), ("template",)),
]


@pytest.mark.parametrize("source", KeySource)
def test_a_key_s_source_limits_its_use(store, policy, made, source):
    """All that a request can say of a key, for slots of every use."""
    for operations, flags in POLICIES:
        new = policy(operations, flags=flags)
        for bits in range(8):
            key = made(bool(bits & 1), bool(bits & 2), source, bool(bits & 4))
            store.operate(Operation.ERASE, 0)
            assert store.operate(Operation.DEFINE, 0, new) == Outcome.SUCCESS
            where = f"{key} into {new}"
            assert store.result(0, 0, KEY, key) == key.suits(new), where
            assert store.origin(0) == (key.origin if key.suits(new) else set()), where


@pytest.mark.parametrize("user", range(USERS))
def test_a_key_is_bound_to_its_slot_s_policy(store, policy, user):
    """The policy comes in the cycle after the request, to the user that has asked."""
    new = policy((KeyOperation.CMAC,), flags=("short", "to_bus"), wiped_by=(WipeLevel.FAULT,))
    assert store.operate(Operation.DEFINE, 2, new) == Outcome.SUCCESS
    store.ask_result(user, 2)
    told = {number: store.get(f"results__{number}__binding") for number in range(USERS)}
    assert told == {number: new.bits if number == user else 0 for number in range(USERS)}
    assert store.give(user, KEY)


def test_only_an_external_key_says_to_bus(store, policy, made):
    new = policy(flags=("to_bus",))
    store.filled(0, KEY, new)
    store.filled(1, KEY, new, made(external=True))
    assert store.key(0, 0, HMAC) == (KEY, set())
    assert store.key(0, 1, HMAC) == (KEY, {"external", "to_bus"})


FORBIDDEN = {
    "another operation": lambda store, made: store.key(1, 0, DERIVE),
    "another lifecycle state": lambda store, made: (
        store.state(LifecycleState.INSTALLATION),
        store.key(0, 0, HMAC),
    ),
    "a source that the policy does not admit": lambda store, made: store.result(
        2, 1, KEY, made(source=KeySource.AGREED)
    ),
    "a block says so": lambda store, made: (
        store.set("keys__1__forbids", 1),
        store.block.tick(),
        store.set("keys__1__forbids", 0),
    ),
}
ALLOWED = {
    "what is allowed": lambda store, made: store.key(1, 0, HMAC),
    "an empty slot": lambda store, made: store.key(1, 2, HMAC),
    "an occupied slot": lambda store, made: store.result(1, 0, KEY, made()),
    "an empty slot without policy": lambda store, made: store.result(1, 2, KEY, made()),
}


@pytest.mark.parametrize("what", [*FORBIDDEN, *ALLOWED])
def test_what_a_policy_forbids_raises_the_alert_for_a_clock(store, policy, made, what):
    operation = policy(operations=(HMAC,), states=(LifecycleState.OPERATION,))
    store.filled(0, KEY, operation)
    assert store.operate(Operation.DEFINE, 1, operation) == Outcome.SUCCESS
    store.block.watch("alert__p", ["alert__n"])
    (FORBIDDEN | ALLOWED)[what](store, made)
    store.block.tick(20)
    assert store.block.recorded() == ([(0,)] if what in FORBIDDEN else [])
    assert (store.get("alert__p"), store.get("alert__n")) == (0, 1)
    assert bool(store.read("cause") & 4) == (what in FORBIDDEN)


@pytest.mark.parametrize(("operation", "outcome"), [(5, Outcome.UNKNOWN), (7, Outcome.UNKNOWN)])
def test_an_unknown_operation(store, operation, outcome):
    assert store.operate(operation) == outcome


def test_an_operation_while_busy_is_refused_and_disturbs_nothing(store, policy):
    store.operate(Operation.DEFINE, 0, policy())
    store.operate(Operation.DEFINE, 1, policy())
    store.start(Operation.LOAD, 0)
    for operation in (Operation.DEFINE, Operation.LOAD, Operation.GENERATE):
        store.write("select", 1)
        store.write("operate", operation.value)
        store.block.tick(2)
        assert store.read("cause") == 2
        store.write("cause", 2)
    for word in KEY:
        store.write("data", word)
    assert store.ended() == Outcome.SUCCESS
    assert store.key(0, 0, HMAC) == (KEY, {"external"})
    assert store.slot(1) == (False, False)


def test_a_word_that_nothing_waits_for_is_refused(store, policy):
    store.write("data", 1)
    store.block.tick(2)
    assert store.read("cause") == 2
    store.write("cause", 2)
    store.operate(Operation.DEFINE, 0, policy())
    store.start(Operation.GENERATE, 0)
    store.write("data", 1)
    store.block.tick(2)
    assert store.read("cause") == 2
    store.write("cause", 2)
    store.block.send("random__words", KEY, 100)
    assert store.ended() == Outcome.SUCCESS
    assert store.key(0, 0, HMAC) == (KEY, {"generated"})


@pytest.mark.parametrize("operation", [Operation.LOAD, Operation.GENERATE])
@pytest.mark.parametrize("words", [0, 3, 7])
def test_erase_ends_a_fill_that_nothing_comes_for(store, policy, operation, words):
    store.operate(Operation.DEFINE, 0, policy())
    store.filled(1, KEY, policy())
    store.start(operation, 0)
    store.block.tick(3)
    if operation == Operation.LOAD:
        for word in KEY[:words]:
            store.write("data", word)
    elif words:
        store.block.send("random__words", KEY[:words], 100)
    store.start(Operation.ERASE, 1)
    assert store.ended() == Outcome.SUCCESS
    assert store.slot(0) == (False, False)
    assert store.key(0, 1, HMAC) == (KEY, set())
    # Nothing of the words is left: a short key's other half is what the slot held before.
    store.operate(Operation.DEFINE, 0, policy(flags=("short",)))
    store.operate(Operation.LOAD, 0, words=[0] * 4)
    assert store.key(0, 0, HMAC) == ([0] * 8, {"short", "external"})


def test_generation_ends_when_randomness_fails(store, policy):
    store.operate(Operation.DEFINE, 0, policy())
    store.start(Operation.GENERATE, 0)
    store.block.tick(3)
    store.block.send("random__words", KEY[:5], 100)
    store.set("random__healthy", 0)
    assert store.ended() == Outcome.RANDOM
    assert store.slot(0) == (False, False)


def test_wipe_as_an_operation_ends_a_load(store, policy):
    store.filled(1, KEY, policy())
    store.operate(Operation.DEFINE, 0, policy())
    store.start(Operation.LOAD, 0)
    store.write("data", 5)
    store.start(Operation.WIPE)
    assert store.ended() == Outcome.SUCCESS
    assert not store.get("wiping")
    assert store.slot(1) == (False, False)


def test_an_alert_wipes_what_names_it_and_holds_it_back(store, policy):
    for number, levels in enumerate(((), (WipeLevel.TAMPER,), (WipeLevel.FAULT,), tuple(WipeLevel))):
        store.filled(number, KEY, policy(wiped_by=levels))
    store.alert({WipeLevel.TAMPER})
    store.settle()
    assert [store.slot(number)[0] for number in range(4)] == [True, False, True, False]
    assert store.key(0, 0, HMAC) == store.key(0, 2, HMAC) == (KEY, set())
    assert store.operate(Operation.DEFINE, 1, policy(wiped_by=(WipeLevel.TAMPER,))) == Outcome.SUCCESS
    assert store.operate(Operation.LOAD, 1) == Outcome.WIPED
    assert not store.result(0, 1, KEY)
    store.alert(set())
    assert store.result(0, 1, KEY)


def test_while_wiping_everything_is_refused(store, policy):
    store.filled(0, KEY, policy())
    store.set("wipe", 1)
    store.block.tick(2)
    assert store.operate(Operation.DEFINE, 1, policy()) == Outcome.WIPED
    assert store.key(0, 0, HMAC) is None
    assert not store.result(0, 1, KEY)
    assert store.get("wiping")
    store.set("wipe", 0)
    assert 0 < store.settle() <= 2 * 8 * SLOTS + 1


def test_latencies(store, policy):
    # From the cycle in which the register has its value, which `start` returns after, to the cause.
    store.start(Operation.DEFINE, 0, policy())
    assert store.block.until("irq", 100) == 1
    store.start(Operation.ERASE, 0)
    assert store.block.until("irq", 100) == 1 + 8
    store.filled(0, KEY, policy())
    store.ask(0, 0, HMAC)  # returns in the cycle after that which took it
    assert store.block.until("keys__0__key__valid", 100) == 2
    store.set("wipe", 1)
    store.block.tick()
    store.set("wipe", 0)
    assert store.settle() == 8 * SLOTS


@pytest.mark.parametrize(
    ("parameters", "error", "sentence"),
    [
        ({"slots": 1}, ValueError, "Number of key slots must be 2 or more, not 1"),
        ({"slots": 300}, ValueError, "Number of key slots must be 256 or less, not 300"),
        ({"slots": "2"}, TypeError, "Number of key slots must be an integer, not '2'"),
        ({"users": 0}, ValueError, "Number of users must be 1 or more, not 0"),
        ({"users": "a"}, TypeError, "Number of users must be an integer, not 'a'"),
    ],
)
def test_impossible_parameters(parameters, error, sentence):
    with pytest.raises(error, match=sentence):
        KeyStore(**parameters)
