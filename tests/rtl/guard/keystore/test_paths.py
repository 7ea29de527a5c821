"""The private paths when several users, the application and a wipe meet."""

import random

import pytest

from rtl.bus import KeyOperation
from rtl.guard.keystore import Operation, Outcome, WipeLevel

USERS = 3
PATIENCE = 65536  # of the store, in cycles
HMAC = KeyOperation.HMAC
KEYS = [[number << 28 | index for index in range(8)] for number in range(1, 6)]


def _requests(store, users, number):
    for user in users:
        store.offer(user, number, HMAC)
        store.set(f"keys__{user}__key__ready", 1)


def _served(store, cycles):
    """Let all users read; returns the users in the order of their first words, and the words of each."""
    order, words = [], {user: [] for user in range(USERS)}
    for _ in range(cycles):
        taken = []
        for user in range(USERS):
            if store.get(f"keys__{user}__key__valid"):
                if not words[user] or len(words[user]) % 8 == 0:
                    order.append(user)
                words[user].append(store.get(f"keys__{user}__key__payload"))
            if store.get(f"keys__{user}__request__ready") and store.get(f"keys__{user}__request__valid"):
                taken.append(user)
        store.block.tick()
        for user in taken:
            store.set(f"keys__{user}__request__valid", 0)
    return order, words


def test_users_wait_for_each_other(store, policy):
    store.filled(0, KEYS[0], policy())
    _requests(store, range(USERS), 0)
    order, words = _served(store, 60)
    assert sorted(order) == [0, 1, 2]
    assert all(words[user] == KEYS[0] for user in range(USERS))


def test_nobody_is_shut_out(store, policy):
    store.filled(0, KEYS[0], policy())
    served = []
    for _ in range(8):
        _requests(store, (0, 1), 0)
        served += _served(store, 14)[0]
    _requests(store, range(USERS), 0)
    order, _ = _served(store, 60)
    assert 2 in order
    assert abs(served.count(0) - served.count(1)) <= 1


def test_no_user_sees_the_words_of_another(store, policy):
    store.filled(0, KEYS[0], policy())
    store.ask(1, 0, HMAC)
    for _ in range(20):
        for user in (0, 2):
            assert store.get(f"keys__{user}__key__payload") == 0
            assert store.get(f"keys__{user}__key__valid") == 0
        store.block.tick()
    assert store.receive(1) == (KEYS[0], set())


def test_one_slot_is_read_while_another_is_written(store, policy):
    store.filled(0, KEYS[0], policy())
    store.operate(Operation.DEFINE, 1, policy())
    store.ask(0, 0, HMAC)
    store.ask_result(1, 1)
    assert store.give(1, KEYS[1])
    assert store.receive(0) == (KEYS[0], set())
    assert store.key(2, 1, HMAC) == (KEYS[1], set())


def test_a_slot_that_is_being_written_is_nobody_elses(store, policy):
    store.operate(Operation.DEFINE, 1, policy())
    store.ask_result(1, 1)
    store.block.tick(2)
    store.write("select", 1)
    assert store.read("slot") == 4
    assert store.key(0, 1, HMAC) is None
    for operation in (Operation.DEFINE, Operation.LOAD, Operation.GENERATE):
        assert store.operate(operation, 1, policy()) == Outcome.OCCUPIED
    assert store.give(1, KEYS[1])
    assert store.key(0, 1, HMAC) == (KEYS[1], set())


def test_a_slot_that_is_being_loaded_is_no_results(store, policy):
    store.operate(Operation.DEFINE, 1, policy())
    store.start(Operation.LOAD, 1)
    store.write("data", 1)
    assert not store.result(0, 1, KEYS[1])
    for word in range(2, 9):
        store.write("data", word)
    assert store.ended() == Outcome.SUCCESS
    assert store.key(0, 1, HMAC) == ([1, 2, 3, 4, 5, 6, 7, 8], {"external"})


def test_a_load_goes_on_beside_a_result(store, policy):
    store.operate(Operation.DEFINE, 0, policy())
    store.operate(Operation.DEFINE, 1, policy())
    store.ask_result(2, 1)
    store.start(Operation.LOAD, 0)
    for word in KEYS[0]:
        store.write("data", word)
    assert store.ended() == Outcome.SUCCESS
    assert store.give(2, KEYS[1])
    assert store.key(0, 0, HMAC) == (KEYS[0], {"external"})
    assert store.key(0, 1, HMAC) == (KEYS[1], set())


@pytest.mark.parametrize("words", range(8))
def test_erasing_ends_a_transfer(store, policy, words):
    store.filled(0, KEYS[0], policy())
    store.operate(Operation.DEFINE, 1, policy())
    store.ask(0, 0, HMAC)
    store.set("keys__0__key__ready", 1)
    store.block.tick(2 + words)
    store.set("keys__0__key__ready", 0)
    store.start(Operation.ERASE, 0)
    assert store.receive(0, pauses=lambda: 1) is None
    assert store.ended() == Outcome.SUCCESS
    store.ask_result(1, 1)
    store.start(Operation.ERASE, 1)
    assert not store.give(1, KEYS[1])
    assert store.ended() == Outcome.SUCCESS
    assert store.slot(0) == store.slot(1) == (False, False)


def test_words_after_a_refusal_are_dropped(store, policy):
    store.ask_result(0, 1)  # has no policy
    assert not store.give(0, KEYS[0])
    store.block.send("results__0__key", KEYS[0], 20)
    store.operate(Operation.DEFINE, 1, policy())
    assert store.result(0, 1, KEYS[1])
    assert store.key(0, 1, HMAC) == (KEYS[1], set())


def test_a_user_that_takes_no_word_is_not_waited_for_for_ever(store, policy):
    """Nor does it hold others; and a word from time to time is enough."""
    store.filled(0, KEYS[0], policy())
    store.ask(0, 0, HMAC)
    store.block.tick(PATIENCE - 100)
    store.set("keys__0__key__ready", 1)
    store.block.tick()
    store.set("keys__0__key__ready", 0)
    store.offer(1, 0, HMAC)
    assert PATIENCE - 3 < store.block.until("keys__0__refused", 2 * PATIENCE) <= PATIENCE
    store.block.tick()
    assert store.receive(1) == (KEYS[0], set())


def test_a_user_that_brings_no_word_is_not_waited_for_for_ever(store, policy):
    for number in (0, 1):
        store.operate(Operation.DEFINE, number, policy())
    store.ask_result(0, 0)
    store.block.send("results__0__key", KEYS[0][:3], 20)
    store.offer_result(1, 1)
    assert PATIENCE - 3 < store.block.until("results__0__refused", 2 * PATIENCE) <= PATIENCE
    store.block.tick()
    assert store.slot(0) == (False, False)
    store.set("results__1__request__valid", 0)
    assert store.give(1, KEYS[1])
    assert store.key(2, 1, HMAC) == (KEYS[1], set())
    assert store.result(2, 0, KEYS[2])
    assert store.key(2, 0, HMAC) == (KEYS[2], set())


@pytest.mark.parametrize("how", ["wire", "alert", "operation"])
@pytest.mark.parametrize("moment", range(12))
def test_a_wipe_in_a_transfer_refuses_it(store, policy, moment, how):
    new = policy(wiped_by=(WipeLevel.FAULT,))
    store.filled(0, KEYS[0], new)
    store.operate(Operation.DEFINE, 1, new)
    store.ask(0, 0, HMAC)
    store.ask_result(1, 1)
    sent = store.block.send("results__1__key", KEYS[1][:7], 30) if moment > 6 else None
    for _ in range(moment if sent is None else 0):
        store.block.tick()
    if how == "wire":
        store.set("wipe", 1)
        store.block.tick()
        store.set("wipe", 0)
    elif how == "alert":
        store.alert({WipeLevel.FAULT})
    else:
        store.write("operate", Operation.WIPE.value)
    assert store.receive(0) is None
    store.settle()
    assert store.slot(0) == store.slot(1) == (False, False)
    store.alert(set())
    # What the broken transfer left is gone: the other half of a short key shows it.
    store.operate(Operation.DEFINE, 1, policy(flags=("short",)))
    store.operate(Operation.LOAD, 1, words=[0] * 4)
    assert store.key(0, 1, HMAC) == ([0] * 8, {"short", "external"})


@pytest.mark.parametrize("seed", range(4))
def test_random_meetings_leave_no_one_waiting(store, policy, seed):
    """Everybody at once, wipes and alerts in between: all are answered, and every key is whole."""
    rng = random.Random(seed)
    whole = {tuple(key) for key in KEYS}
    received = {user: [] for user in range(USERS)}
    asked = dict.fromkeys(range(USERS), 0)
    sent: dict[int, list] = {user: [] for user in range(USERS)}
    waiting = dict.fromkeys(range(USERS), False)
    for number in range(5):
        store.operate(Operation.DEFINE, number, policy(wiped_by=(WipeLevel.TAMPER,)))
    complete = 0
    for cycle in range(4000):
        where = f"seed {seed}, cycle {cycle}"
        store.set("wipe", rng.random() < 0.001)
        store.set("alerts", rng.random() < 0.002)
        store.set("bus__w_stb", 0)
        if cycle % 50 < 5:
            place, value = (("select", cycle % 50), ("policy", policy().bits), ("operate", 0))[cycle % 3]
            store.set("bus__addr", store.places[place])
            store.set("bus__w_data", value)
            store.set("bus__w_stb", 1)
        if cycle % 400 == 399:
            store.set("bus__addr", store.places["operate"])
            store.set("bus__w_data", Operation.ERASE.value)
            store.set("bus__w_stb", 1)
        for user in range(USERS):
            key, result = f"keys__{user}", f"results__{user}"
            if not waiting[user] and rng.random() < 0.1:
                store.offer(user, rng.randrange(5), HMAC)
                waiting[user] = True
            if not sent[user] and rng.random() < 0.1:
                store.offer_result(user, rng.randrange(5))
                sent[user] = ["asks", *rng.choice(KEYS)]
            store.set(f"{key}__key__ready", rng.random() < 0.8)
            offers = bool(sent[user]) and sent[user][0] != "asks" and rng.random() < 0.8
            store.set(f"{result}__key__valid", offers)
            if offers:
                store.set(f"{result}__key__payload", sent[user][0])
        events = []
        for user in range(USERS):
            key, result = f"keys__{user}", f"results__{user}"
            if store.get(f"{key}__request__valid") and store.get(f"{key}__request__ready"):
                events.append((f"{key}__request__valid", 0))
                asked[user], received[user] = cycle, []
            if store.get(f"{key}__key__valid") and store.get(f"{key}__key__ready"):
                received[user].append(store.get(f"{key}__key__payload"))
                if len(received[user]) == 8:
                    assert tuple(received[user]) in whole, f"{where}: user {user} got {received[user]}"
                    complete += 1
                    waiting[user] = False
            if store.get(f"{key}__refused"):
                waiting[user] = False
            if store.get(f"{result}__request__valid") and store.get(f"{result}__request__ready"):
                events.append((f"{result}__request__valid", 0))
                sent[user] = sent[user][1:]
            elif store.get(f"{result}__refused"):
                sent[user] = []
            elif store.get(f"{result}__key__valid") and store.get(f"{result}__key__ready"):
                sent[user] = sent[user][1:]
            assert not waiting[user] or cycle - asked[user] < 1000, f"{where}: user {user} waits"
        store.block.tick()
        for port, value in events:
            store.set(port, value)
    assert complete > 20
