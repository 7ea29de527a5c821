"""Users of the unit at the same time: who waits how long, and nobody's digest suffers."""

import hashlib
import hmac
import random

import pytest

from rtl.crypto.sha256 import Command
from rtl.crypto.sha256.arbiter import BLOCKS_AT_A_TIME

BLOCK_WORDS = 16
EACH_BLOCK = {"fast": 65, "compact": 338}
MOVES = 40  # cycles for two changes of the state in the hash


class Talker:
    """A user that offers words cycle by cycle, and notes when each was taken.

    ``pause`` gives the cycles that it waits before a block.
    """

    def __init__(self, user, pause=lambda: 0):
        self.user, self.pause = user, pause
        self.payloads, self.position, self.wait = [], 0, 0
        self.digests, self.taken, self.offered, self.longest_wait = [], [], None, 0

    def say(self, command, message):
        """Offer this message next."""
        self.payloads, self.position, self.wait = self.user.payloads(command, message), 0, self.pause()

    @property
    def silent(self):
        return not self.payloads

    def before_edge(self, cycle):
        """Drive the port for this cycle, and see what happens at its end."""
        block, port = self.user.block, self.user.port
        offers = self.position < len(self.payloads) and not self.wait
        block.set(f"{port}__message__valid", offers)
        if offers:
            block.set(f"{port}__message__payload", self.payloads[self.position])
            if self.offered is None:
                self.offered = cycle
        if self.wait:
            self.wait -= 1
        return offers

    def sample(self, cycle, offers):
        """Look at the answers of this cycle, once all users are driven."""
        if self.user.get("done"):
            self.digests.append(self.user.get("digest").to_bytes(32, "big"))
            self.payloads = []
        if offers and self.user.get("message__ready"):
            if self.position % BLOCK_WORDS == 0:
                self.longest_wait = max(self.longest_wait, cycle - self.offered)
            self.taken.append(cycle)
            self.position += 1
            self.offered = None
            if self.position % BLOCK_WORDS == 0:
                self.wait = self.pause()


def run(talkers, goes_on, limit=200_000):
    """Step all users together while ``goes_on(cycle)``."""
    block = talkers[0].user.block
    for cycle in range(limit):
        if not goes_on(cycle):
            return
        offers = [talker.before_edge(cycle) for talker in talkers]
        for talker, offer in zip(talkers, offers, strict=True):
            talker.sample(cycle, offer)
        block.tick()
    raise AssertionError(f"not done in {limit} cycles")


def blocks_of(talkers):
    """The user of each block, in the order of their first words; no block is interrupted."""
    takes = sorted((cycle, number) for number, talker in enumerate(talkers) for cycle in talker.taken)
    return [number for _, number in takes]


def test_random_messages_of_all_users(users):
    seed = 71
    rng = random.Random(seed)
    everybody = users()
    keys = [rng.randbytes(30) for _ in everybody]
    for user, key in zip(everybody, keys, strict=True):
        user.do(Command.KEY, key)
    talkers = [Talker(user, lambda: rng.choice((0, 0, 0, 10, 200))) for user in everybody]
    expected = [[] for _ in talkers]

    def goes_on(_cycle):
        for number, talker in enumerate(talkers):
            if talker.silent and len(expected[number]) < 8:
                message = rng.randbytes(rng.choice((rng.randrange(60), rng.randrange(500))))
                command = rng.choice((Command.HASH, Command.HMAC))
                talker.say(command, message)
                digest = (
                    hmac.digest(keys[number], message, "sha256")
                    if command is Command.HMAC
                    else hashlib.sha256(message).digest()
                )
                expected[number].append(digest)
        return not all(talker.silent for talker in talkers)

    run(talkers, goes_on)
    for number, talker in enumerate(talkers):
        assert talker.digests == expected[number], f"seed {seed}, user {number}"


def test_a_hardware_user_goes_before_the_application(users, variant):
    application, hardware, *_ = [Talker(user) for user in users()]
    long, short = bytes(64 * 30), b"short"
    application.say(Command.HASH, long)
    hardware.pause = lambda: 400

    def goes_on(_cycle):
        if hardware.silent and len(hardware.digests) < 12:
            hardware.say(Command.HASH, short)
        return not application.silent or not hardware.silent

    run([application, hardware], goes_on)
    assert set(hardware.digests) == {hashlib.sha256(short).digest()}
    assert application.digests == [hashlib.sha256(long).digest()]
    # The block in work, the one that has been taken already, one of padding, and the change of states.
    assert hardware.longest_wait <= 3 * EACH_BLOCK[variant] + MOVES


def test_sixteen_blocks_at_a_time(users, variant):
    application, first, second = [Talker(user) for user in users()]
    messages = {
        application: bytes(64 * 4),
        first: bytes(range(256)) * 10,
        second: bytes(range(255, -1, -1)) * 9,
    }
    for talker, message in messages.items():
        talker.say(Command.HASH, message)
    talkers = [application, first, second]
    run(talkers, lambda _cycle: not all(talker.silent for talker in talkers))
    for talker, message in messages.items():
        assert talker.digests == [hashlib.sha256(message).digest()]

    words = blocks_of(talkers)
    turns = []
    for user in words:
        if turns and turns[-1][0] == user:
            turns[-1][1] += 1
        else:
            turns.append([user, 1])
    while_all_wait = [(user, count / BLOCK_WORDS) for user, count in turns[:5]]
    assert while_all_wait == [(1, 16), (0, 1), (2, 16), (0, 1), (1, 16)]
    hardware_turns = [count for user, count in turns[:-2] if user != 0]
    assert max(hardware_turns) <= BLOCKS_AT_A_TIME * BLOCK_WORDS
    bound = (2 * BLOCKS_AT_A_TIME + 3) * EACH_BLOCK[variant] + 4 * MOVES
    assert max(talker.longest_wait for talker in talkers) <= bound


@pytest.mark.parametrize("command", [Command.HASH, Command.HMAC])
def test_a_message_of_sixteen_blocks_is_not_interrupted(users, command):
    talkers = [Talker(user) for user in users()]
    talkers[1].user.do(Command.KEY, b"key")
    message = bytes(64 * 16 - 9)
    talkers[0].say(Command.HASH, bytes(64 * 20))
    talkers[1].say(command, message)
    run(talkers, lambda _cycle: not talkers[1].silent)
    first, last = talkers[1].taken[0], talkers[1].taken[-1]
    assert not [cycle for cycle in talkers[0].taken if first < cycle < last]


def test_the_application_is_not_starved_by_commands_without_blocks(users):
    application, hardware, *_ = [Talker(user) for user in users()]
    application.say(Command.HASH, b"patient")

    def goes_on(_cycle):
        if hardware.silent:
            hardware.say(Command.KEY, b"key")
        return not application.silent

    run([application, hardware], goes_on, limit=40_000)
    assert len(hardware.digests) <= BLOCKS_AT_A_TIME + 1
