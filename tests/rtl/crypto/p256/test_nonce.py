"""Steps of the nonce against hmac of the standard library, with the real hash unit, and their cycles."""

import hashlib
import hmac
import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.crypto.p256.microcode import AREA_WORDS, Area, Request
from rtl.crypto.p256.nonce import Nonce
from rtl.crypto.p256.store import Store, StoreSignature
from rtl.crypto.sha256.unit import Unit as Hash
from sim.block import Block

LIMIT = 5000


class _Bench(wiring.Component):
    def __init__(self):
        super().__init__(
            {
                "window": In(StoreSignature()),
                "start": In(1),
                "request": In(Request),
                "area": In(Area),
                "tag": In(1),
                "idle": Out(1),
                "refused": Out(1),
                "keyed": Out(1),
                "wipe": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.store = store = Store(users=2)
        m.submodules.nonce = nonce = Nonce()
        m.submodules.hash = hashes = Hash(variant="fast", users=2)
        connect(m, flipped(self.window), store.ports[0])
        connect(m, nonce.store, store.ports[1])
        connect(m, nonce.hash, hashes.users[1])
        m.d.comb += [
            nonce.start.eq(self.start),
            nonce.request.eq(self.request),
            nonce.area.eq(self.area),
            nonce.tag.eq(self.tag),
            self.idle.eq(~nonce.busy),
            self.refused.eq(nonce.refused),
            self.keyed.eq(nonce.hash.keyed),
            hashes.wipe.eq(self.wipe),
        ]
        return m


class _Steps:
    def __init__(self, block):
        self.block = block

    def load(self, area, data):
        for word in range(AREA_WORDS):
            self.block.set("window__write_adr", AREA_WORDS * area.value + word)
            self.block.set("window__write_data", int.from_bytes(data[4 * word : 4 * word + 4], "big"))
            self.block.set("window__write_en", 1)
            self.block.tick()
        for name in ("adr", "data", "en"):
            self.block.set(f"window__write_{name}", 0)

    def bytes(self, area):
        words = []
        for word in range(AREA_WORDS):
            self.block.set("window__read_adr", AREA_WORDS * area.value + word)
            self.block.tick()
            words.append(self.block.get("window__read_data"))
        self.block.set("window__read_adr", 0)
        return b"".join(word.to_bytes(4, "big") for word in words)

    def begin(self, request, area=Area.X, tag=0):
        self.block.set("request", request.value)
        self.block.set("area", area.value)
        self.block.set("tag", tag)
        self.block.set("start", 1)
        self.block.tick()
        self.block.set("start", 0)

    def do(self, request, area=Area.X, tag=0):
        """Do a step, as long after the one before as in the program; returns how long it was busy."""
        self.block.tick(3)
        self.begin(request, area, tag)
        return self.block.until("idle", LIMIT)


@pytest.fixture(scope="module")
def compiled():
    return Block(_Bench())


@pytest.fixture
def steps(compiled):
    return _Steps(compiled.fresh())


def _fill(steps, rng):
    areas = (Area.VALUE, Area.KEY, Area.HASHED, Area.RANDOM, Area.HMAC_KEY)
    data = {area: rng.randbytes(32) for area in areas}
    for area, value in data.items():
        steps.load(area, value)
    return data


@pytest.mark.parametrize("seed", range(3))
def test_steps_are_the_hmacs_of_the_rfc(steps, seed):
    data = _fill(steps, random.Random(seed))
    key = data[Area.HMAC_KEY]
    value, *rest = (data[area] for area in (Area.VALUE, Area.KEY, Area.HASHED, Area.RANDOM))
    messages = {
        (Request.HMAC_SEED, 0): value + b"\0" + b"".join(rest),
        (Request.HMAC_SEED, 1): value + b"\1" + b"".join(rest),
        (Request.HMAC_VALUE, 0): value,
        (Request.HMAC_AGAIN, 0): value + b"\0",
    }
    steps.do(Request.HMAC_KEY)
    for (request, tag), message in messages.items():
        steps.do(request, Area.SHARED, tag)
        expected = hmac.new(key, message, hashlib.sha256).digest()
        assert steps.bytes(Area.SHARED) == expected, f"{request} with tag {tag}, seed {seed}"
        assert not steps.block.get("refused")


def test_steps_of_a_signature_take_their_cycles(steps, hash_cycles):
    """In the order of the program, since a key that was just used is not fetched again."""
    _fill(steps, random.Random(9))
    key, seed, value = Request.HMAC_KEY, Request.HMAC_SEED, Request.HMAC_VALUE
    order = [key, seed, key, value, seed, key, value, value, Request.HMAC_AGAIN, Request.HASH_WIPE]
    cycles, first = hash_cycles
    taken = [steps.do(request, Area.SHARED) for request in order]
    before = [None, *order]
    expected = [cycles[now] + first * (last == key) for now, last in zip(order, before, strict=False)]
    assert taken == expected, f"{taken}, not {expected}"


def test_a_value_is_the_next_one_of_itself(steps):
    """The digest may go where the message comes from."""
    data = _fill(steps, random.Random(4))
    steps.do(Request.HMAC_KEY)
    steps.do(Request.HMAC_VALUE, Area.VALUE)
    steps.do(Request.HMAC_VALUE, Area.VALUE)
    once = hmac.new(data[Area.HMAC_KEY], data[Area.VALUE], hashlib.sha256).digest()
    assert steps.bytes(Area.VALUE) == hmac.new(data[Area.HMAC_KEY], once, hashlib.sha256).digest()


def test_without_a_key_it_is_refused(steps):
    steps.do(Request.HMAC_VALUE, Area.VALUE)
    assert steps.block.get("refused")
    steps.do(Request.HMAC_KEY)
    assert not steps.block.get("refused")


@pytest.mark.parametrize("after", [3, 20, 60, 100, 200])
def test_a_wipe_of_the_hash_unit_ends_a_step(steps, after):
    """The step is refused if its message was still coming, the next one that needs the key in any case."""
    _fill(steps, random.Random(after))
    steps.do(Request.HMAC_KEY)
    steps.begin(Request.HMAC_SEED, Area.SHARED)
    steps.block.tick(after)
    steps.block.set("wipe", 1)
    steps.block.tick()
    steps.block.set("wipe", 0)
    steps.block.until("idle", LIMIT)
    if after < 80:
        assert steps.block.get("refused")
    steps.do(Request.HMAC_VALUE, Area.SHARED)
    assert steps.block.get("refused")


def test_wiping_forgets_the_key(steps):
    _fill(steps, random.Random(1))
    steps.do(Request.HMAC_KEY)
    assert steps.block.get("keyed")
    steps.do(Request.HASH_WIPE)
    assert not steps.block.get("keyed")
    assert steps.do(Request.HASH_WIPE) == 1, "Nothing is to be wiped"
