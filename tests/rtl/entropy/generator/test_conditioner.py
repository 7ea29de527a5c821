"""The conditioner against hashlib, with failures and restarts, and what is refused."""

import hashlib
import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.crypto.sha256.unit import Unit
from rtl.entropy.conditioner import Conditioner
from rtl.entropy.digest import DigestWord
from rtl.entropy.generator import Generator
from rtl.entropy.signature import BitSignature
from sim.block import Block

LIMIT = 20_000


class _OnHash(wiring.Component):
    def __init__(self, raw_bits):
        self._conditioner = Conditioner(raw_bits=raw_bits)
        super().__init__(
            {
                "bits": In(BitSignature()),
                **{name: In(1) for name in ("restart", "start")},
                **{name: Out(1) for name in ("full", "busy", "gives")},
                "seed": Out(DigestWord),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.conditioner, m.submodules.unit = conditioner, unit = (
            self._conditioner,
            Unit(variant="fast", users=1),
        )
        connect(m, conditioner.hash, unit.users[0])
        connect(m, flipped(self.bits), conditioner.bits)
        m.d.comb += [
            conditioner.restart.eq(self.restart),
            conditioner.start.eq(self.start),
            self.full.eq(conditioner.full),
            self.busy.eq(conditioner.busy),
            self.seed.eq(conditioner.seed),
            self.gives.eq(conditioner.seed.stb),
        ]
        return m


@pytest.fixture(scope="module", params=[320])
def conditioner(request):
    return request.param, Block(_OnHash(request.param))


def _gather(block, rng, count):
    """Give bits until the message is there; returns them."""
    bits = ""
    while not block.get("full"):
        value, there = rng.getrandbits(1), rng.random() < 0.7
        block.set("bits__value", value)
        block.set("bits__stb", there)
        block.tick()
        bits += str(value) * there
    block.set("bits__stb", 0)
    return bits[-count:]


def _condition(block):
    block.set("start", 1)
    block.tick()
    block.set("start", 0)
    block.set("bits__stb", 1)  # not used
    while block.get("busy"):
        block.tick()
    block.set("bits__stb", 0)
    words = {seed >> 1 & 7: seed >> 4 for (seed,) in block.recorded()}
    return b"".join(words[index].to_bytes(4, "big") for index in range(8))


def test_seeds_are_digests_of_the_bits(conditioner):
    count, compiled = conditioner
    block, rng = compiled.fresh(), random.Random(count)
    block.watch("gives", ["seed"])
    block.set("bits__healthy", 1)
    block.tick(40)
    for step in range(12):
        if step % 3 == 1:  # bits of before are dropped
            for _ in range(rng.randrange(count)):
                block.set("bits__stb", 1)
                block.set("bits__value", rng.getrandbits(1))
                block.tick()
            block.set("bits__stb", 0)
            name, value = rng.choice((("restart", 1), ("bits__healthy", 0)))
            block.set(name, value)
            block.tick()
            block.set(name, 1 - value)
            assert not block.get("full")
            block.tick(40)
        bits = _gather(block, rng, count)
        assert len(bits) == count
        expected = hashlib.sha256(int(bits, 2).to_bytes(count // 8, "big")).digest()
        assert _condition(block) == expected, f"{count} bits, step {step}"


def test_a_message_that_is_there_is_dropped_by_a_failure(conditioner):
    count, compiled = conditioner
    block = compiled.fresh()
    block.set("bits__healthy", 1)
    block.tick(40)
    _gather(block, random.Random(1), count)
    block.set("bits__healthy", 0)
    block.tick()
    block.set("bits__healthy", 1)
    assert not block.get("full")


@pytest.mark.parametrize(
    ("wrong", "error", "sentence"),
    [
        ({"raw_bits": "640"}, TypeError, "Number of raw bits must be an integer, not '640'"),
        ({"raw_bits": 288}, ValueError, "must be 320 or more, and a multiple of 32, not 288"),
        ({"raw_bits": 650}, ValueError, "must be 320 or more, and a multiple of 32, not 650"),
        ({"request_blocks": 0}, ValueError, "Blocks of a request must be 1 to 2048, not 0"),
        ({"request_blocks": 2049}, ValueError, "Blocks of a request must be 1 to 2048, not 2049"),
        ({"request_blocks": 1.0}, TypeError, "Blocks of a request must be an integer, not 1.0"),
        ({"reseed_interval": 0}, ValueError, "Requests between reseedings must be 1 to 1048576, not 0"),
    ],
)
def test_wrong_parameters_are_refused(wrong, error, sentence):
    with pytest.raises(error, match=sentence):
        Generator(**wrong)
