"""The unit and the key store together, compiled, and what firmware does with their registers."""

import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus import LifecycleState, RandomSignature, csr
from rtl.crypto.sha256 import Sha256
from rtl.crypto.sha256.registers import Operation, Refusal
from rtl.guard.keystore import KeyStore
from sim.block import Block

LIMIT = 3000
SLOTS = 6
DERIVE, IN_SERVICE = 1 << 1, 7 << 10
EXTERNAL, GENERATED = 0b11, 0b1001  # what a slot shows with such a key in it; of neither origin, 1


class Joined(wiring.Component):
    """The unit and the key store on their private path; the test's own user of the store shows slots."""

    def __init__(self, variant):
        self.sha256 = Sha256(variant=variant, slots=SLOTS)
        self.store = KeyStore(slots=SLOTS, users=2)
        buses = {
            name: In(csr.Signature(addr_width=block.bus.addr_width, data_width=32))
            for name, block in (("sha", self.sha256), ("keys", self.store))
        }
        super().__init__(
            {
                **buses,
                "irq": Out(1),
                "busy": Out(1),
                "other": In(self.store.keys[1].signature.flip()),
                "random": In(RandomSignature()),
                "wipe": In(1),
                "wipe_keys": In(1),
                "wiping": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.sha256, m.submodules.store = self.sha256, self.store
        connect(m, flipped(self.sha), self.sha256.bus)
        connect(m, flipped(self.keys), self.store.bus)
        connect(m, self.sha256.key, self.store.keys[0])
        connect(m, self.sha256.result, self.store.results[0])
        connect(m, flipped(self.other), self.store.keys[1])
        connect(m, flipped(self.random), self.store.random)
        m.d.comb += [
            self.store.lifecycle.eq(LifecycleState.OPERATION),
            self.irq.eq(self.sha256.irq),
            self.sha256.wipe.eq(self.wipe),
            self.store.wipe.eq(self.wipe | self.wipe_keys),
            self.wiping.eq(self.sha256.wiping | self.store.wiping),
        ]
        return m


class Chip:
    """The registers of both blocks by name, and what firmware does with them."""

    def __init__(self, block, places):
        self.block, self.places = block, places
        block.tick(8 * SLOTS + 2)

    def write(self, bus, name, *words):
        for at, word in enumerate(words):
            self.block.set(f"{bus}__addr", self.places[bus, name] + at % 16)
            self.block.set(f"{bus}__w_data", word)
            self.block.set(f"{bus}__w_stb", 1)
            self.block.tick()
            self.block.set(f"{bus}__w_stb", 0)
            self.block.tick()

    def read(self, bus, name, count=1):
        words = []
        for at in range(count):
            self.block.set(f"{bus}__addr", self.places[bus, name] + at)
            self.block.set(f"{bus}__r_stb", 1)
            self.block.tick()
            self.block.set(f"{bus}__r_stb", 0)
            words.append(self.block.get(f"{bus}__r_data"))
            self.block.tick()
        return words

    def define(self, slot, operations, *, flags=0):
        self.erase(slot)
        self.write("keys", "policy", operations | IN_SERVICE | flags)
        self.write("keys", "operate", 0)  # define
        self.block.tick(2)

    def erase(self, slot):
        """Empty a slot; what the unit says of it is not looked at."""
        self.write("keys", "select", slot)
        self.write("keys", "operate", 3)
        self.block.tick(12)
        while self.read("sha", "status")[0] & 1:
            pass
        self.write("sha", "cause", 0b111)

    def load(self, slot, operations, key, *, flags=0):
        """Put an external key into a slot."""
        self.define(slot, operations, flags=flags)
        self.write("keys", "operate", 1)
        self.write("keys", "data", *words_of(key))
        self.block.tick(2)
        assert self.slot(slot) == EXTERNAL

    def generate(self, slot, operations, key, *, flags=0):
        """Let a key be the random one that a slot is filled with."""
        self.define(slot, operations, flags=flags)
        self.block.set("random__healthy", 1)
        self.write("keys", "operate", 2)
        self.block.send("random__words", words_of(key), LIMIT)
        self.block.tick(2)
        assert self.slot(slot) == GENERATED

    def slot(self, slot):
        """1: valid, 2: external, 8: generated."""
        self.write("keys", "select", slot)
        return self.read("keys", "slot")[0]

    def contents(self, slot, operation=2):
        """The slot's words, as a user with the operation (its number) gets them."""
        self.block.set("other__request__payload", slot | operation << 3)
        self.block.set("other__request__valid", 1)
        self.block.until("other__request__ready", LIMIT)
        self.block.tick()
        self.block.set("other__request__valid", 0)
        self.block.set("other__key__ready", 1)
        key = b""
        for _ in range(20):
            if self.block.get("other__key__valid"):
                key += self.block.get("other__key__payload").to_bytes(4, "big")
            self.block.tick()
        self.block.set("other__key__ready", 0)
        return key

    def operate(self, operation, *, slot=0, tail=b""):
        if tail:
            self.write("sha", "tail", int.from_bytes(tail.ljust(4, b"\xee"), "big"))
        self.write("sha", "operate", operation.value | len(tail) << 4 | slot << 8)

    def ended(self):
        """Wait until something is done or refused; the reason if it was refused."""
        self.write("sha", "enable", 0b101)
        self.block.until("irq", LIMIT)
        (cause,) = self.read("sha", "cause")
        self.write("sha", "cause", 0b111)
        while self.read("sha", "status")[0] & 1:
            pass
        return Refusal(self.read("sha", "status")[0] >> 4 & 7) if cause & 4 else None

    def push(self, message):
        assert len(message) % 4 == 0
        for word in words_of(message):
            while self.read("sha", "status")[0] >> 8 & 63 >= 32:
                pass
            self.write("sha", "data", word)

    def message(self, operation, *parts, into=None):
        """Bytes, and slots as their numbers; the digest, "kept" if it went into a slot, or the refusal."""
        self.operate(operation)
        tail = b""
        for part in parts:
            if isinstance(part, int):
                self.operate(Operation.APPEND, slot=part)
            else:
                whole = len(part) // 4 * 4
                self.push(part[:whole])
                tail = part[whole:]
        if into is None:
            self.operate(Operation.FINISH, tail=tail)
        else:
            self.operate(Operation.FINISH_SLOT, tail=tail, slot=into)
        refusal = self.ended()
        if refusal is not None:
            return refusal
        return self.state() if into is None else "kept"

    def state(self):
        words = self.read("sha", "state", 8)
        return sum(word << 32 * at for at, word in enumerate(words)).to_bytes(32, "big")

    def key(self, operation, slot):
        """Make a slot's key the key; the refusal if there is one."""
        self.operate(operation, slot=slot)
        return self.ended()

    def bus_key(self, key):
        self.operate(Operation.KEY)
        self.push(key[: len(key) // 4 * 4])
        self.operate(Operation.FINISH, tail=key[len(key) // 4 * 4 :])
        assert self.ended() is None


def words_of(data):
    return [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)]


def _compiled(variant):
    joined = Joined(variant)
    places = {
        (bus, name[0]): start
        for bus, block in (("sha", joined.sha256), ("keys", joined.store))
        for _, name, (start, _) in block.bus.memory_map.resources()
    }
    return Block(joined), places


@pytest.fixture(scope="session")
def compiled():
    return _compiled("fast")


@pytest.fixture
def compiled_as():
    """Compiles a variant; a fresh chip of it."""
    return lambda variant: Chip(*_compiled(variant))


@pytest.fixture
def chip(compiled):
    block, places = compiled
    return Chip(block.fresh(), places)


@pytest.fixture
def rng(request):
    return random.Random(request.node.name)
