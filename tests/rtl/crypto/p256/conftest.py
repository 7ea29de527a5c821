"""The P-256 block, compiled with a hash unit, a key store and randomness that can be foretold."""

import random

import pytest
from amaranth import Array, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus import KeyClass, KeySource, csr
from rtl.crypto.p256.arithmetic import VARIANTS
from rtl.crypto.p256.curve import P256 as P256_CURVE
from rtl.crypto.p256.declarations import Status
from rtl.crypto.p256.microcode import Request
from rtl.crypto.p256.model import Model, Peers
from rtl.crypto.p256.p256 import P256
from rtl.crypto.p256.paths import template_signature
from rtl.crypto.sha256.unit import Unit as Hash
from sim.block import Block

SLOTS = 16
LIMIT = 2_000_000  # cycles that nothing may take longer than
_BEGUN = 2  # cycles of an operation that have passed when its beginning has been written
KEEPER = {Request.KEY: 9, Request.RESULT: 11, Request.TEMPLATE: 8}
"""How long the unit is busy with what the key store below does at once."""


def next_random(word):
    """The random word after another one: xorshift."""
    word ^= word << 13 & 0xFFFF_FFFF
    word ^= word >> 17
    return word ^ word << 5 & 0xFFFF_FFFF


class Surroundings(wiring.Component):
    """The block, with everything around it that it asks.

    A key store of keys that are put in at ``slot``: those of a bit of ``sign`` and ``agree`` may sign and
    agree. New keys show at ``made`` while ``taken`` says so.
    """

    def __init__(self, *, variant):
        self._block = P256(variant=variant, slots=SLOTS)
        self._hash = Hash(variant="fast", users=2)
        super().__init__(
            {
                "bus": In(csr.Signature(addr_width=7, data_width=32)),
                "irq": Out(1),
                "wipe": In(1),
                "wiping": Out(1),
                "hash_wipe": In(1),
                "healthy": In(1),
                "seed_stb": In(1),
                "seed": In(32),
                "random": Out(32),
                "slot_stb": In(1),
                "slot_adr": In(7),
                "slot_data": In(32),
                "sign": In(SLOTS),
                "agree": In(SLOTS),
                "classes": In(data.ArrayLayout(KeyClass, SLOTS)),
                "occupied": In(SLOTS),
                "taken": Out(1),
                "taken_external": Out(1),
                "taken_generated": Out(1),
                "taken_source": Out(KeySource),
                "taken_slot": Out(range(SLOTS)),
                "made": Out(256),
                "template": In(template_signature(slots=SLOTS)),
                "signed": Out(1),
                "status": Out(Status),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.block = block = self._block
        m.submodules.hash = hashes = self._hash
        connect(m, flipped(self.bus), block.bus)
        connect(m, flipped(self.template), block.template)
        connect(m, block.hash, hashes.users[1])
        m.d.comb += [
            self.irq.eq(block.irq),
            self.signed.eq(block.signed),
            self.status.eq(block.status),
            self.wiping.eq(block.wiping | hashes.wiping),
            block.wipe.eq(self.wipe),
            hashes.wipe.eq(self.hash_wipe),
        ]
        self._randomness(m)
        self._keys(m)
        self._results(m)
        return m

    def _randomness(self, m):
        words, word, steps = self._block.random.words, Signal(32, init=1), [Signal(32) for _ in range(3)]
        m.d.comb += [
            steps[0].eq(word ^ (word << 13)),
            steps[1].eq(steps[0] ^ (steps[0] >> 17)),
            steps[2].eq(steps[1] ^ (steps[1] << 5)),
            self._block.random.healthy.eq(self.healthy),
            words.valid.eq(self.healthy),
            words.payload.eq(steps[2]),
            self.random.eq(word),
        ]
        with m.If(self.seed_stb):
            m.d.sync += word.eq(self.seed)
        with m.Elif(words.valid & words.ready):
            m.d.sync += word.eq(steps[2])

    def _keys(self, m):
        m.submodules.keys = keys = Memory(shape=32, depth=8 * SLOTS, init=[])
        write, read = keys.write_port(), keys.read_port(domain="comb")
        path = self._block.key
        slot, count = Signal(range(SLOTS)), Signal(3)
        asked = path.request.payload
        m.d.comb += [
            write.en.eq(self.slot_stb),
            write.addr.eq(self.slot_adr),
            write.data.eq(self.slot_data),
            read.addr.eq(slot * 8 + count),
            path.key.payload.eq(read.data),
            path.key_class.eq(Array(self.classes[number].as_value() for number in range(SLOTS))[slot]),
        ]
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += path.request.ready.eq(1)
                m.d.sync += [slot.eq(asked.slot), count.eq(0)]
                allowed = Signal()
                m.d.comb += allowed.eq(
                    ((asked.operation.as_value() == 4) & self.sign.bit_select(asked.slot, 1))
                    | ((asked.operation.as_value() == 5) & self.agree.bit_select(asked.slot, 1))
                )
                with m.If(path.request.valid):
                    m.next = "Refuse"
                    with m.If(allowed):
                        m.next = "Give"
            with m.State("Refuse"):
                m.d.comb += path.refused.eq(1)
                m.next = "Idle"
            with m.State("Give"):
                m.d.comb += path.key.valid.eq(1)
                with m.If(path.key.ready):
                    m.d.sync += count.eq(count + 1)
                    with m.If(count == 7):
                        m.next = "Idle"

    def _results(self, m):
        path, count = self._block.result, Signal(3)
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += path.request.ready.eq(1)
                with m.If(path.request.valid):
                    m.d.sync += [
                        count.eq(0),
                        self.taken_slot.eq(path.request.payload.slot),
                        self.taken_external.eq(path.request.payload.external),
                        self.taken_generated.eq(path.request.payload.generated),
                        self.taken_source.eq(path.request.payload.source),
                    ]
                    m.next = "Take"
                    with m.If(self.occupied.bit_select(path.request.payload.slot, 1)):
                        m.next = "Refuse"
            with m.State("Refuse"):
                m.d.comb += path.refused.eq(1)
                m.next = "Idle"
            with m.State("Take"):
                m.d.comb += path.key.ready.eq(1)
                with m.If(path.key.valid):
                    m.d.sync += [self.made.eq(self.made << 32 | path.key.payload), count.eq(count + 1)]
                    with m.If(count == 7):
                        m.next = "End"
            with m.State("End"):
                m.d.comb += path.done.eq(1)
                m.d.sync += self.taken.eq(1)
                m.next = "Idle"


class Device:
    """The compiled block, and how an application and its surroundings deal with it."""

    def __init__(self, block, variant):
        self.block, self.variant = block, variant
        self.map = {
            ".".join(str(part) for part in info.path[-1]): (info.start, info.end)
            for info in P256(variant=variant, slots=SLOTS).bus.memory_map.all_resources()
        }
        block.set("healthy", 1)
        block.set("sign", (1 << SLOTS) - 1)
        block.set("agree", (1 << SLOTS) - 1)
        self._classes = [0] * SLOTS
        self.write("enable", [3])

    def read(self, name):
        """The words of a register or window."""
        start, end = self.map[name]
        words = []
        for address in range(start, end):
            self.block.set("bus__addr", address)
            self.block.set("bus__r_stb", 1)
            self.block.tick()
            words.append(self.block.get("bus__r_data"))
        self.block.set("bus__r_stb", 0)
        return words

    def write(self, name, words):
        """Write words to a register or window."""
        start, _ = self.map[name]
        for address, word in enumerate(words, start):
            self.block.set("bus__addr", address)
            self.block.set("bus__w_data", word)
            self.block.set("bus__w_stb", 1)
            self.block.tick()
        self.block.set("bus__w_stb", 0)
        self.block.tick()

    def number(self, name):
        """The number in a window."""
        return sum(word << 32 * place for place, word in enumerate(reversed(self.read(name))))

    def load(self, name, value):
        """Put a number into a window."""
        self.write(name, [value >> 32 * place & 0xFFFF_FFFF for place in reversed(range(8))])

    def put_key(self, slot, value, **key_class):
        """Put a key into a slot of the key store."""
        for place in range(8):
            self.block.set("slot_adr", 8 * slot + place)
            self.block.set("slot_data", value >> 32 * (7 - place) & 0xFFFF_FFFF)
            self.block.set("slot_stb", 1)
            self.block.tick()
        self.block.set("slot_stb", 0)
        names = ["external", "to_bus", "short", "template", "unchecked", "generated"]
        self._classes[slot] = sum(1 << names.index(name) for name, value in key_class.items() if value)
        self.block.set("classes", sum(bits << len(names) * place for place, bits in enumerate(self._classes)))

    def seed(self, value):
        """Begin the random words anew."""
        self.block.set("seed", value)
        self.block.set("seed_stb", 1)
        self.block.tick()
        self.block.set("seed_stb", 0)

    def begin(self, operation, *, slot=0, target=0, to_slot=False):
        """Write to `operate`; the operation begins two cycles later."""
        self.write("operate", [operation.value | to_slot << 3 | slot << 8 | target << 16])

    def end(self):
        """Wait for the interrupt and acknowledge it; returns the status."""
        self.block.until("irq", LIMIT)
        cause = self.read("cause")[0]
        self.write("cause", [cause])
        assert cause == 1, f"cause {cause}"
        word = self.read("status")[0]
        assert word & 3 == 0
        return Status(word >> 8)

    def run(self, operation, **fields):
        """Do an operation. Returns the status; ``cycles`` tells how long the unit was running."""
        self.begin(operation, **fields)
        before = self.block.cycles
        self.block.until("irq", LIMIT)
        self.cycles = self.block.cycles - before + _BEGUN
        return self.end()

    def twin(self, seed, keys):
        """The model in the same surroundings: the same random words from now on, and these keys."""
        self.seed(seed)
        state = [seed]

        def random_word():
            state[0] = next_random(state[0])
            return state[0]

        peers = Peers(keys=keys, random=random_word, cycles=KEEPER | HASH, first_hmac=FIRST_HMAC)
        return Model(variant=self.variant, peers=peers)


@pytest.fixture(scope="session", params=sorted(VARIANTS))
def variant(request):
    """Each variant of the arithmetic unit."""
    return request.param


@pytest.fixture(scope="session")
def compiled(variant):
    """The compiled block."""
    return Block(Surroundings(variant=variant))


@pytest.fixture
def device(compiled, variant):
    """A fresh device."""
    return Device(compiled.fresh(), variant)


HASH = {
    Request.HMAC_KEY: 170,
    Request.HMAC_SEED: 287,
    Request.HMAC_VALUE: 157,
    Request.HMAC_AGAIN: 157,
    Request.HASH_WIPE: 212,
}
"""How long the unit is busy with what the hash unit does, if that is ``fast`` and has nothing else to do."""

FIRST_HMAC = 12
"""Cycles that the first HMAC after its key takes more."""


@pytest.fixture(scope="session")
def hash_cycles():
    """Cycles of the steps of a nonce, and what the first one with a key takes more."""
    return HASH, FIRST_HMAC


@pytest.fixture(scope="session")
def edge_keys():
    """Private keys where something special might happen: ends of the range, digits, runs of bits."""
    runs = [(1 << 200) - 1, 1 << 255, (1 << 128) - 1 << 64, int("55" * 32, 16)]
    ends = [1, 2, 3, 16, 31, 32, 33, 62, 64, P256_CURVE.n - 1, P256_CURVE.n - 2, P256_CURVE.n - 32]
    return [*ends, *runs, random.Random(0).randrange(1, P256_CURVE.n)]
