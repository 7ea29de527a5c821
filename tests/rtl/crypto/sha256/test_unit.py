"""The unit for several users: digests, keys, states, refusals and budgets of cycles."""

import hashlib
import hmac
import random

import pytest

from rtl.crypto.sha256 import Command
from rtl.crypto.sha256.unit import Unit

# Cycles from the offer of the first word of an idle unit to `done`.
ONE_BLOCK = {"fast": 70, "compact": 365}
EACH_BLOCK = {"fast": 65, "compact": 338}
KEY = {"fast": 168, "compact": 759}
HMAC = {"fast": 156, "compact": 731}
HMAC_AGAIN = {"fast": 147, "compact": 721}
MARK_ONE_BLOCK = 72
MARK_EACH_BLOCK = 65


def _expected(command, message, key=b""):
    if command is Command.HMAC:
        return hmac.digest(key, message, "sha256")
    return hashlib.sha256(message).digest()


def _cycles(user, command, message):
    before = user.block.cycles
    user.send(user.payloads(command, message))
    user.until_done()
    cycles = user.block.cycles - before
    user.block.tick(20)
    return cycles


def test_digests_of_random_messages(users):
    everybody, seed = users(), 61
    rng = random.Random(seed)
    for step in range(60):
        message = rng.randbytes(rng.choice((0, 1, 3, 4, 55, 56, 63, 64, 65, rng.randrange(2000))))
        user = rng.choice(everybody)
        assert user.digest(Command.HASH, message) == _expected(Command.HASH, message), (
            f"seed {seed}, step {step}, {len(message)} bytes, {user.port}"
        )


def test_the_digest_comes_word_by_word(users):
    user = users()[1]
    digest = user.digest(Command.HASH, b"word by word")
    words = {}
    for _ in range(12):
        user.block.tick()
        result = user.get("result")
        if result & 1:
            words[result >> 1 & 15] = result >> 5
    assert list(words) == list(range(7, -1, -1))
    assert b"".join(words[index].to_bytes(4, "big") for index in range(8)) == digest


@pytest.mark.parametrize("length", [0, 1, 3, 4, 20, 32, 63, 64, 65, 128, 200])
def test_keys_of_any_length(users, length):
    user, rng = users()[1], random.Random(length)
    key = rng.randbytes(length)
    user.do(Command.KEY, key)
    assert user.get("keyed")
    for message in (b"", b"x", rng.randbytes(55), rng.randbytes(64), rng.randbytes(300)):
        assert user.digest(Command.HMAC, message) == _expected(Command.HMAC, message, key)


def test_a_key_of_a_whole_block_may_end_with_a_word_without_bytes(users):
    user, key = users()[1], bytes(range(64))
    words = user.payloads(Command.KEY, key + b"\0")
    end = user.payloads(Command.KEY, b"", first=False)
    user.send([*words[:16], *end])
    user.until_done()
    assert user.digest(Command.HMAC, b"m") == _expected(Command.HMAC, b"m", key)


def test_each_user_has_a_key_of_its_own_and_keeps_it(users):
    everybody, seed = users(), 62
    rng = random.Random(seed)
    keys = [None] * len(everybody)
    for step in range(40):
        number = rng.randrange(len(everybody))
        user, message = everybody[number], rng.randbytes(rng.randrange(150))
        what = rng.choice((Command.HASH, Command.HMAC, Command.HMAC, Command.KEY))
        if what is Command.KEY:
            keys[number] = message
            user.do(Command.KEY, message)
        elif what is Command.HASH or keys[number] is not None:
            expected = _expected(what, message, keys[number])
            assert user.digest(what, message) == expected, f"seed {seed}, step {step}, {user.port}, {what}"


def test_budgets_of_cycles(users, variant):
    user = users()[1]
    assert _cycles(user, Command.HASH, bytes(55)) == ONE_BLOCK[variant]
    for blocks in (2, 9, 40):
        cycles = _cycles(user, Command.HASH, bytes(64 * blocks - 9))
        assert cycles == ONE_BLOCK[variant] + (blocks - 1) * EACH_BLOCK[variant]
    assert _cycles(user, Command.KEY, bytes(32)) == KEY[variant]
    assert _cycles(user, Command.HMAC, bytes(32)) == HMAC[variant]
    assert _cycles(user, Command.HMAC, bytes(32)) == HMAC_AGAIN[variant]


def test_the_marks_are_kept():
    assert ONE_BLOCK["fast"] <= MARK_ONE_BLOCK
    assert EACH_BLOCK["fast"] <= MARK_EACH_BLOCK


class _Parts:
    """A message that a user sends in parts of whole blocks."""

    def __init__(self, user, command, message, key=b""):
        self.user, self.expected = user, _expected(command, message, key)
        self.payloads = user.payloads(command, message)

    def go_on(self, blocks=1):
        """Send so many blocks if there are so many before the last one; True if some are left."""
        part, rest = self.payloads[: 16 * blocks], self.payloads[16 * blocks :]
        if not rest:
            return False
        self.user.send(part)
        self.payloads = rest
        return True

    def finish(self):
        self.user.send(self.payloads)
        self.user.until_done()
        assert self.user.get("digest").to_bytes(32, "big") == self.expected


def test_messages_of_all_users_go_on_side_by_side(users):
    everybody, seed = users(), 63
    rng = random.Random(seed)
    keys = [rng.randbytes(40) for _ in everybody]
    for user, key in zip(everybody, keys, strict=True):
        user.do(Command.KEY, key)
    for _ in range(4):
        parts = [
            _Parts(user, rng.choice((Command.HASH, Command.HMAC)), rng.randbytes(rng.randrange(900)), key)
            for user, key in zip(everybody, keys, strict=True)
        ]
        while parts:
            part = rng.choice(parts)
            if rng.random() < 0.2 or not part.go_on(rng.choice((1, 1, 3))):
                part.finish()
                parts.remove(part)


def _save(user):
    """The words of the user's state."""
    user.send(user.payloads(Command.SAVE, b""))
    words = {}
    for _ in range(1000):
        result = user.get("result")
        if result & 1:
            words[result >> 1 & 15] = result >> 5
        if 9 in words:
            break
        user.block.tick()
    return [words[index] for index in range(10)]


@pytest.mark.parametrize("command", [Command.HASH, Command.HMAC])
def test_a_state_is_saved_and_restored(users, command):
    first, second, *_ = users()
    rng = random.Random(64)
    key, message = rng.randbytes(20), rng.randbytes(64 * 5 + 17)
    restore = {Command.HASH: Command.RESTORE_HASH, Command.HMAC: Command.RESTORE_HMAC}[command]
    first.do(Command.KEY, key)
    for blocks in (1, 3, 5):
        for swapped in (False, True):
            parts = _Parts(first, command, message, key)
            parts.go_on(blocks)
            if swapped:  # the state is in the memory and not in the hash
                second.digest(Command.HASH, b"between")
            state = _save(first)
            assert state[8:] == [blocks + (command is Command.HMAC), 0]
            assert first.digest(Command.HASH, b"another") == _expected(Command.HASH, b"another")
            first.do(restore, b"".join(word.to_bytes(4, "big") for word in state))
            parts.finish()


def test_a_message_goes_on_after_it_was_saved(users):
    user = users()[1]
    parts = _Parts(user, Command.HASH, bytes(300))
    parts.go_on()
    _save(user)
    parts.go_on()
    parts.finish()


def test_a_new_message_drops_the_one_that_was_open(users):
    user = users()[1]
    _Parts(user, Command.HASH, bytes(300)).go_on(2)
    assert user.digest(Command.HASH, b"new") == _expected(Command.HASH, b"new")


def _refused(user, payloads):
    """Each of the payloads is refused, and nothing else comes of it."""
    for payload in payloads:
        user.block.set(f"{user.port}__message__payload", payload)
        user.block.set(f"{user.port}__message__valid", 1)
        user.block.until(f"{user.port}__failed", 1000)
        assert user.get("message__ready")
        user.block.tick()
        user.block.set(f"{user.port}__message__valid", 0)
    for _ in range(50):
        assert not user.get("done")
        user.block.tick()


def test_what_is_out_of_order_is_refused_and_harms_nothing(users):
    user, other, *_ = users()
    parts = _Parts(other, Command.HASH, bytes(200))
    parts.go_on()
    _refused(user, user.payloads(Command.HASH, bytes(12), first=False))
    _refused(user, user.payloads(Command.HMAC, bytes(12)))
    _refused(user, user.payloads(Command.SAVE, b""))
    _refused(user, user.payloads(Command.RESTORE_HMAC, bytes(40)))
    user.do(Command.KEY, b"key")
    assert user.digest(Command.HMAC, b"m") == _expected(Command.HMAC, b"m", b"key")
    _refused(user, user.payloads(Command.HMAC, b"ends", first=False))
    _refused(user, user.payloads(Command.SAVE, b""))
    unknown = user.payloads(Command.WIPE, b"")[0] + user.payloads(Command.HMAC, b"")[0]
    unknown -= user.payloads(Command.HASH, b"")[0]
    _refused(user, [unknown])
    assert user.digest(Command.HMAC, b"m") == _expected(Command.HMAC, b"m", b"key")
    parts.finish()


def test_a_user_wipes_what_is_its_own(users):
    user, other, *_ = users()
    for each in (user, other):
        each.do(Command.KEY, b"key")
    parts = _Parts(other, Command.HMAC, bytes(200), b"key")
    parts.go_on()
    _Parts(user, Command.HMAC, bytes(200), b"key").go_on()
    user.do(Command.WIPE)
    assert not user.get("keyed")
    _refused(user, user.payloads(Command.HMAC, b"m"))
    _refused(user, user.payloads(Command.HMAC, b"m", first=False))
    parts.finish()
    assert other.digest(Command.HMAC, b"m") == _expected(Command.HMAC, b"m", b"key")


def test_no_users_are_refused():
    with pytest.raises(ValueError, match="Number of users must be 1 or more, not 0"):
        Unit(variant="fast", users=0)
