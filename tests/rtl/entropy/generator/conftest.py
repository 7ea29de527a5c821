"""The known answers of HMAC_DRBG, and the DRBG on a hash unit."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.crypto.sha256.unit import Unit
from rtl.entropy.drbg import DrbgSignature, HmacDrbg, Operation
from sim.block import Block

LIMIT = 20_000  # clocks that no operation may take longer than
_VECTORS = Path(__file__).with_name("HMAC_DRBG.rsp")


@dataclass
class Vector:
    """A known answer; a request has entropy input, if with prediction resistance, and additional input."""

    name: str
    entropy: bytes = b""
    nonce: bytes = b""
    personalisation: bytes = b""
    reseed: tuple[bytes, bytes] | None = None
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)
    returned: bytes = b""


def _vectors():
    vectors, number = [], 0
    for line in _VECTORS.read_text().splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or line.startswith(("#", "[")):
            continue
        if name == "COUNT":
            number += 1
            vectors.append(Vector(f"{number}, COUNT = {value}"))
            continue
        vector, octets = vectors[-1], bytes.fromhex(value)
        match name:
            case "EntropyInput":
                vector.entropy = octets
            case "Nonce":
                vector.nonce = octets
            case "PersonalizationString":
                vector.personalisation = octets
            case "EntropyInputReseed":
                vector.reseed = octets, b""
            case "AdditionalInputReseed":
                vector.reseed = vector.reseed[0], octets
            case "AdditionalInput":
                vector.requests.append((b"", octets))
            case "EntropyInputPR":
                vector.requests[-1] = octets, vector.requests[-1][1]
            case "ReturnedBits":
                vector.returned = octets
            case _:
                raise ValueError(f"{_VECTORS.name} has no line {name!r}")
    return vectors


@pytest.fixture(scope="session")
def vectors():
    """All known answers."""
    return _vectors()


def answer(drbg, vector):
    """What a DRBG with functions of `sim.hmac_drbg.HmacDrbg` returns for a vector."""
    if vector.reseed:
        drbg.update(b"".join(vector.reseed))
    for entropy, additional in vector.requests:
        if entropy:
            drbg.update(entropy + additional)
        returned = drbg.generate(len(vector.returned), b"" if entropy else additional)
    return returned


@pytest.fixture(scope="session")
def answer_of():
    """See `answer`."""
    return answer


class DrbgOnHash(wiring.Component):
    """The DRBG as a hardware user of a hash unit of two."""

    def __init__(self, *, variant="fast"):
        self._drbg, self._hash = HmacDrbg(), Unit(variant=variant, users=2)
        outputs = {name: Out(1) for name in ("idle", "keyed", "gives")}
        super().__init__({"control": In(DrbgSignature()), "wipe": In(1), **outputs})

    def elaborate(self, platform):
        m = Module()
        m.submodules.drbg, m.submodules.hash = self._drbg, self._hash
        connect(m, flipped(self.control), self._drbg.control)
        connect(m, self._drbg.hash, self._hash.users[1])
        m.d.comb += [
            self.idle.eq(~self._drbg.busy),
            self.keyed.eq(self._drbg.hash.keyed),
            self.gives.eq(self.control.block.stb),
            self._hash.wipe.eq(self.wipe),
        ]
        return m


class RtlDrbg:
    """The compiled DRBG with the functions of `sim.hmac_drbg.HmacDrbg`."""

    def __init__(self, block, material=None):
        self.block = block
        block.watch("gives", ["control__block"])
        if material is not None:
            self.instantiate(material)

    def instantiate(self, material):
        """Forget and instantiate; clocks of the instantiation."""
        self.operate(Operation.FORGET)
        self._load(material)
        return self.operate(Operation.INSTANTIATE, len(material) // 4)

    def update(self, provided=b""):
        """HMAC_DRBG_Update; its clocks."""
        self._load(provided)
        return self.operate(Operation.UPDATE, len(provided) // 4)

    def generate(self, count, additional=b""):
        """A whole request."""
        if additional:
            self.update(additional)
        returned = b"".join(self.blocks(-(-count // 32)))
        self.update(additional)
        return returned[:count]

    def blocks(self, count):
        """So many blocks without a pause."""
        self.block.recorded()
        self._begin(Operation.BLOCK, more=count > 1)
        for number in range(count):
            self.block.set("control__more", number < count - 1)
            self.block.until("gives", LIMIT)
            self.block.tick(8)
        self._end()
        words = [(block >> 1 & 7, block >> 4) for (block,) in self.block.recorded()]
        assert len(words) == 8 * count
        return [self._digest(words[at : at + 8]) for at in range(0, len(words), 8)]

    @staticmethod
    def _digest(words):
        assert [index for index, _ in words] == list(range(7, -1, -1))
        return b"".join(data.to_bytes(4, "big") for _, data in reversed(words))

    def operate(self, operation, words=0):
        """Do something; returns its clocks, from its start to ``done``."""
        self._begin(operation, words)
        return self._end()

    def _begin(self, operation, words=0, *, more=False):
        self.started = self.block.cycles
        for name, value in (("operation", operation.value), ("words", words), ("more", more), ("start", 1)):
            self.block.set(f"control__{name}", value)

    def _end(self):
        self.block.until("control__done", LIMIT)
        self.block.tick()
        self.block.set("control__start", 0)
        return self.block.cycles - self.started

    def _load(self, material):
        for word in range(len(material) // 4):
            data = int.from_bytes(material[4 * word : 4 * word + 4], "big")
            self.block.set("control__material", 1 | word << 1 | data << 6)
            self.block.tick()
        self.block.set("control__material", 0)


@pytest.fixture(scope="session")
def drbg_on_hash():
    """Makes a DRBG on a hash unit, compiled, fresh, by variant of the core."""
    compiled = {}

    def make(variant="fast"):
        if variant not in compiled:
            compiled[variant] = Block(DrbgOnHash(variant=variant))
        return RtlDrbg(compiled[variant].fresh())

    return make
