"""The generator over random events: what it gives is what HMAC_DRBG makes of fresh bits, and nothing else."""

import hashlib
import random
from collections import deque

import pytest

from rtl.crypto.sha256 import Command
from rtl.entropy.generator import LABEL
from sim.hmac_drbg import HmacDrbg

IDENTITY = 0x1234_ABCD
LIMIT = 60_000
PERSONAL = LABEL + IDENTITY.to_bytes(4, "big")


class Watcher:
    """Follows a trace, and knows what may be given out: from the messages to the hash unit and the raw bits.

    A message of raw bits must be made of consecutive bits that came after everything was last dropped.
    """

    def __init__(self, *, raw_bits, request_blocks, reseed_interval, where):
        self.where, self.raw_bits = where, raw_bits
        self.request_blocks, self.reseed_interval = request_blocks, reseed_interval
        self.clock = 0
        self.was_open = 0
        self.bits, self.unused = "", 0  # all bits, and the place of the first that may be used
        self.message, self.command = b"", None
        self.given = self.reseeded = self.started = self.closings = 0
        self._forget()

    def _forget(self):
        self.drbg, self.seeds, self.words = None, [], deque()
        self.keyed = self.asked = False
        self.blocks = self.requests = 0

    def follow(self, trace):
        """Check the clocks of a trace."""
        for now in trace:
            self._look(now)
            self.clock += 1

    def _look(self, now):
        where = f"{self.where}, clock {self.clock}"
        closed = now.closed_by != 0
        assert not (closed and (now.healthy or now.ready)), (
            f"{where}: open while closed by {now.closed_by:05b}"
        )
        assert not now.valid or now.healthy, f"{where}: a word while closed"
        assert not now.random or now.valid, f"{where}: {now.random:08x} is seen while there is no word"
        if now.bit:
            self.bits += str(now.value)
        if closed or (self.was_open and not now.healthy):
            self._forget()
            self.unused, self.closings = len(self.bits), self.closings + 1
        self.was_open = now.healthy
        if now.reseed:
            self.asked, self.asked_at = True, len(self.bits)
            self.words.clear()
        assert not (now.reseed and (now.valid or now.ready)), f"{where}: a word in spite of the reseeding"
        if now.given:
            assert self.words, f"{where}: {now.random:08x} is given, and none may be"
            assert now.random == self.words.popleft(), f"{where}: {now.random:08x}"
            self.given += 1
        if now.hashed:
            self._hash(now, where)

    def _hash(self, now, where):
        begins = bool(now.first) and not self.message
        if begins:
            self.command = Command(now.command)
            self.begun_in, self.begun_asked = self.closings, self.asked
        self.message += now.word.to_bytes(4, "big")[: now.bytes if now.last else 4]
        if not now.last:
            return
        message, self.message = self.message, b""
        match self.command:
            case Command.HASH:
                self._condition(message)
            case Command.HMAC if len(message) == 32:
                self._value(where)
            case Command.HMAC:
                self._seed(message, where)
            case Command.WIPE:
                self._forget()
        self.keyed = self.command is Command.KEY

    def _condition(self, message):
        sent = "".join(f"{octet:08b}" for octet in message)
        assert len(sent) == self.raw_bits
        place = self.bits.find(sent, self.unused)
        if self.begun_in != self.closings or place < 0:
            return  # it was on its way when everything was dropped: nothing may be given that needs it
        self.unused = place + self.raw_bits
        self.seeds.append(hashlib.sha256(message).digest())
        self.asked = self.asked and place < self.asked_at
        if len(self.seeds) == 2 and not self.drbg:
            self.drbg, self.started = HmacDrbg(b"".join(self.seeds) + PERSONAL), self.started + 1
            self.seeds = []

    def _value(self, where):
        """HMAC_K(V): the next block, unless it belongs to an update."""
        if self.drbg and not self.keyed and self.begun_in == self.closings:
            block = self.drbg.block()
            self.blocks += 1
            assert self.blocks <= self.request_blocks, f"{where}: too long a request"
            if not self.asked and not self.begun_asked:
                self.words += [int.from_bytes(block[at : at + 4], "big") for at in range(0, 32, 4)]

    def _seed(self, message, where):
        """HMAC_K(V ‖ tag ‖ data): the end of a request, or the first or second half of a reseeding."""
        if not self.drbg or message[32]:
            return
        if len(message) == 33:
            self.drbg.update()
            self.blocks, self.requests = 0, self.requests + 1
            assert self.requests <= self.reseed_interval, f"{where}: no reseeding"
        elif len(message) == 65:
            assert self.blocks == 0, f"{where}: reseeded within a request"
            self.drbg.update(self.seeds.pop())
            self.reseeded += 1
            self.requests = 0


CASES = [
    {"variant": "fast", "raw_bits": 320, "request_blocks": 5, "reseed_interval": 3},
    {"variant": "fast", "raw_bits": 640, "request_blocks": 1, "reseed_interval": 1},
    {"variant": "compact", "raw_bits": 320, "request_blocks": 4, "reseed_interval": 2},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['variant']}-{case['request_blocks']}")
@pytest.mark.parametrize("seed", range(2))
def test_random_events(generator_on_hash, traced, case, seed):
    """Demand with pauses, failures, wipes of both, reseedings, capture and others at the hash unit."""
    block = generator_on_hash(**case)
    limits = {name: value for name, value in case.items() if name != "variant"}
    watcher = Watcher(**limits, where=f"{case}, seed {seed}")
    rng = random.Random(seed)
    block.set("identity", IDENTITY)
    for _ in range(14):
        block.until("open", LIMIT)
        block.set("others", rng.random() < 0.3)
        for _ in range(rng.choice((2, 10, 40))):
            block.set("take", rng.random() < 0.7)
            block.tick(rng.choice((1, 2, 7, 30, 100, 300)))
            if rng.random() < 0.1:
                _strobe(block, "reseed")
        _event(block, rng)
        block.tick(rng.choice((1, 5, 50, 500, 2000)))
        if rng.random() < 0.3:
            _event(block, rng)
        watcher.follow(traced(block))
    block.set("others", 0)
    block.set("take", 1)
    block.until("open", LIMIT)
    block.tick(20_000)
    before = watcher.given
    watcher.follow(traced(block))
    assert watcher.given - before > 20, f"{watcher.where}: it has stopped"
    assert watcher.started > 5
    assert watcher.reseeded > 1


def _strobe(block, name, clocks=1):
    block.set(name, 1)
    block.tick(clocks)
    block.set(name, 0)


def _event(block, rng):
    what = rng.choice(("healthy", "healthy", "wipe", "wipe_hash", "hold", "reseed"))
    if what == "healthy":
        block.set("healthy", 0)
        block.tick(rng.choice((1, 10, 700)))
        block.set("healthy", 1)
    else:
        _strobe(block, what, rng.choice((1, 1, 30)))
