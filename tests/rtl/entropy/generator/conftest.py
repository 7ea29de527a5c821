"""The known answers of HMAC_DRBG, and the DRBG on a hash unit."""

from collections import namedtuple
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.crypto.sha256 import Command, UserSignature
from rtl.crypto.sha256.unit import Unit
from rtl.entropy.drbg import DrbgSignature, HmacDrbg, Operation
from rtl.entropy.generator import Generator
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


OTHER_WORDS = 40  # of the messages of the hash unit's other users


class _Other(wiring.Component):
    """A user of the hash unit that sends messages, one behind the other, while it is enabled."""

    enable: In(1)
    hash: Out(UserSignature())

    def elaborate(self, platform):
        m = Module()
        message, count, waits = self.hash.message, Signal(range(OTHER_WORDS)), Signal()
        m.d.comb += [
            message.valid.eq((self.enable | (count != 0)) & ~waits),
            message.payload.first.eq(count == 0),
            message.payload.command.eq(Command.HASH),
            message.payload.word.eq(Cat(Const(0, 32), Const(4, 3), count == OTHER_WORDS - 1)),
        ]
        with m.If(message.valid & message.ready):
            m.d.sync += count.eq(count + 1)
            with m.If(message.payload.word.last):
                m.d.sync += [count.eq(0), waits.eq(1)]
        with m.If(self.hash.done | self.hash.failed):
            m.d.sync += waits.eq(0)
        return m


TRACE = data.StructLayout(
    {
        "bit": 1,
        "value": 1,
        "closed_by": 5,  # not healthy, refused by the hash unit, wipe, hold, fault of the known answer
        "reseed": 1,
        "healthy": 1,
        "valid": 1,
        "given": 1,
        "ready": 1,
        "hashed": 1,
        "first": 1,
        "last": 1,
        "command": 3,
        "bytes": 3,
        "word": 32,
        "random": 32,
    }
)
_Clock = namedtuple("_Clock", TRACE.members)
_PLACES = [(place.offset, (1 << place.width) - 1) for _, place in TRACE]


class GeneratorOnHash(wiring.Component):
    """The generator on a hash unit with two other users, fed by a shift register, with all that passes."""

    def __init__(self, *, variant="fast", **parameters):
        self._generator = Generator(**parameters)
        self._hash = Unit(variant=variant, users=3)
        inputs = ("healthy", "others", "reseed", "hold", "wipe", "wipe_hash", "take", "fault")
        outputs = ("ready", "failed", "wiping", "always", "result", "open", "valid", "closed")
        super().__init__(
            {
                **{name: In(1) for name in inputs},
                **{name: Out(1) for name in outputs},
                "seen": Out(TRACE),
                "divider": In(7),  # clocks from a raw bit to the next, less one
                "identity": In(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.generator, m.submodules.hash = generator, unit = self._generator, self._hash
        for number in (0, 2):
            m.submodules[f"other{number}"] = other = _Other()
            connect(m, other.hash, unit.users[number])
            m.d.comb += other.enable.eq(self.others)
        self._connect_hash(m, generator.hash, unit.users[1])
        noise, phase = Signal(61, init=1), Signal(7)
        words = generator.random.words
        m.d.sync += phase.eq(Mux(phase == self.divider, 0, phase + 1))
        with m.If(generator.bits.stb):
            m.d.sync += noise.eq(Cat(noise[60] ^ noise[59] ^ noise[45] ^ noise[44], noise))
        m.d.comb += [
            generator.bits.stb.eq(phase == 0),
            generator.bits.value.eq(noise[60] ^ noise[3]),
            generator.bits.healthy.eq(self.healthy),
            generator.identity.eq(self.identity),
            words.ready.eq(self.take),
            unit.wipe.eq(self.wipe_hash),
            self.always.eq(1),
            self.open.eq(generator.random.healthy),
            self.closed.eq(~self.open),
            self.valid.eq(words.valid),
        ]
        for name in ("reseed", "hold", "wipe"):
            m.d.comb += getattr(generator, name).eq(getattr(self, name))
        for name in ("ready", "failed", "wiping"):
            m.d.comb += getattr(self, name).eq(getattr(generator, name))
        self._trace(m)
        return m

    def _connect_hash(self, m, port, user):
        """With ``fault``, a bit of a result's word is wrong."""
        m.d.comb += [
            user.message.valid.eq(port.message.valid),
            user.message.payload.eq(port.message.payload),
            port.message.ready.eq(user.message.ready),
            port.result.eq(user.result),
            port.result.data.eq(user.result.data ^ self.fault),
            self.result.eq(user.result.stb),
        ]
        for name in ("done", "failed", "digest", "keyed"):
            m.d.comb += getattr(port, name).eq(getattr(user, name))

    def _trace(self, m):
        generator, trace = self._generator, self.seen
        message, words = generator.hash.message, generator.random.words
        word = message.payload.word
        m.d.comb += [
            trace.bit.eq(generator.bits.stb),
            trace.value.eq(generator.bits.value),
            trace.closed_by.eq(
                Cat(~self.healthy, generator.hash.failed, self.wipe, self.hold, generator.failed)
            ),
            trace.reseed.eq(self.reseed),
            trace.healthy.eq(generator.random.healthy),
            trace.valid.eq(words.valid),
            trace.given.eq(words.valid & words.ready),
            trace.ready.eq(generator.ready),
            trace.hashed.eq(message.valid & message.ready),
            trace.first.eq(message.payload.first),
            trace.last.eq(word.last),
            trace.command.eq(message.payload.command),
            trace.bytes.eq(word.bytes),
            trace.word.eq(word.data),
            trace.random.eq(words.payload),
        ]


_compiled: dict[tuple, Block] = {}


@pytest.fixture(scope="session")
def generator_on_hash():
    """Makes a generator on a hash unit, compiled, fresh, by the parameters of `GeneratorOnHash`."""

    def make(**parameters):
        key = tuple(sorted(parameters.items()))
        if key not in _compiled:
            _compiled[key] = Block(GeneratorOnHash(**parameters))
        block = _compiled[key].fresh()
        block.watch("always", ["seen"])
        block.set("healthy", 1)
        return block

    return make


@pytest.fixture(scope="session")
def traced():
    """What a generator's block recorded, clock by clock."""
    return lambda block: [
        _Clock(*(clock >> low & mask for low, mask in _PLACES)) for (clock,) in block.recorded()
    ]
