"""What leakage is measured of: blocks whose toggles are counted, run with a fixed input or a random one."""

from __future__ import annotations

import random
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.crypto.aes.cipher import Cipher
from rtl.crypto.aes.cipher_compact import CompactCipher
from rtl.crypto.p256.arithmetic import WORD_BITS, Issue, Modulo, N, Operation, P, WordAddress, arithmetic_unit
from rtl.crypto.p256.curve import P256
from rtl.crypto.p256.declarations import Operate, Status
from rtl.crypto.p256.microcode import Area
from rtl.crypto.p256.store import StoreSignature
from rtl.crypto.p256.unit import Unit
from sim.randomness import SimulatedRandomness
from sim.toggles import Toggles

__all__ = ["Encryption", "Multiplication", "ScalarMultiplication"]

_LIMIT = 1_000_000
_WORDS = 8
_CIPHERS: dict[str, Any] = {"fast": Cipher, "compact": CompactCipher}
_BLOCK_BYTES = 16
_OPERATIONS: tuple[Any, Any] = (Operate.PUBLIC, Operate.AGREE)


class _Target:
    """A block whose toggles are counted, with random constants that are the same in every run."""

    def __init__(self, component: wiring.Component):
        self.block = Toggles(component)
        self.state_bits = self.block.state_bits
        self.constants = random.Random("constants of the leakage test")


class Multiplication(_Target):
    """A product modulo p in the arithmetic unit, from the instruction to its end.

    Parameters
    ----------
    variant : str
        Of the unit.
    blinded : bool
        The operand, fixed or random, is multiplied by a random number for each trace, outside the unit.
    """

    _OPERAND, _FACTOR, _PRODUCT = 0, 1, 2

    def __init__(self, *, variant: str, blinded: bool = False):
        super().__init__(arithmetic_unit(variant=variant))
        self._blinded = blinded
        self._fixed = self.constants.randrange(1, P.value)
        self._load(self._FACTOR, self.constants.randrange(1, P.value))
        issue = {
            "operation": Operation.MULTIPLY,
            "modulus": Modulo.P,
            "target": self._PRODUCT,
            "left": self._OPERAND,
            "right": self._FACTOR,
        }
        self.block.set("issue__payload", Issue.const(issue).as_value().value)

    def trace(self, rng: random.Random, *, fixed: bool) -> npt.NDArray[np.uint32]:
        """Toggles of each clock."""
        operand = rng.randrange(1, P.value)
        if fixed:
            operand = self._fixed
        if self._blinded:
            operand = operand * rng.randrange(1, P.value) % P.value
        self._load(self._OPERAND, operand)
        block = self.block
        block.set("issue__valid", 1)
        block.count()
        block.until("issue__ready", _LIMIT)
        block.tick()
        block.set("issue__valid", 0)
        block.until("idle", _LIMIT)
        return block.counted()

    def _load(self, register: int, value: int) -> None:
        block, address_bits = self.block, WordAddress.as_shape().size
        for word in range(_WORDS):
            address = WordAddress.const({"register": register, "word": word}).as_value().value
            data = value >> WORD_BITS * word & (1 << WORD_BITS) - 1
            block.set("write__payload", address | data << address_bits)
            block.set("write__valid", 1)
            block.until("write__ready", _LIMIT)
            block.tick()
        block.set("write__valid", 0)


class Encryption(_Target):
    """A block encrypted by AES-128, from its first column to its last one."""

    def __init__(self, *, variant: str):
        cipher = _CIPHERS[variant]
        super().__init__(cipher())
        self._column_bytes = 4 * cipher.columns
        self._fixed = self.constants.randbytes(_BLOCK_BYTES)
        block, key = self.block, self.constants.randbytes(16)
        block.until("port__ready", _LIMIT)
        block.set("port__short", 1)
        block.set("port__key_stb", 1)
        for at in range(0, len(key), 4):
            block.set("port__key_word", int.from_bytes(key[at : at + 4], "big"))
            block.tick()
        block.set("port__key_stb", 0)
        block.set("port__room", 1)
        block.tick()
        block.until("port__ready", _LIMIT)

    def trace(self, rng: random.Random, *, fixed: bool) -> npt.NDArray[np.uint32]:
        """Toggles of each clock."""
        block, size = self.block, self._column_bytes
        plain = rng.randbytes(_BLOCK_BYTES)
        if fixed:
            plain = self._fixed
        block.count()
        block.set("port__start", 1)
        for at in range(0, _BLOCK_BYTES, size):
            block.set("port__source", int.from_bytes(plain[at : at + size], "big"))
            block.until("port__take", _LIMIT)
            block.tick()
            block.set("port__start", 0)
        block.until("port__given", _LIMIT)
        block.tick()
        return block.counted()


class _KeyedUnit(wiring.Component):
    """The P-256 unit with a key store of one key, which is not counted, and a source of randomness."""

    def __init__(self, *, variant: str, operation: Any):
        super().__init__(
            {
                "key": In(256),
                "start": In(1),
                "ended": Out(1),
                "status": Out(Status),
                "window": In(StoreSignature()),
            }
        )
        self._unit = Unit(variant=variant, slots=2)
        self._operation = operation

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.unit = unit = self._unit
        m.submodules.randomness = randomness = SimulatedRandomness()
        connect(m, randomness.random, unit.random)
        connect(m, flipped(cast(Any, self).window), unit.window)
        path, gives, left = unit.key, Signal(), Signal(range(_WORDS))
        m.d.comb += [
            unit.operation.eq(self._operation),
            unit.start.eq(self.start),
            self.ended.eq(unit.ended),
            self.status.eq(unit.status),
            path.request.ready.eq(~gives),
            path.key.valid.eq(gives),
            path.key.payload.eq(self.key.word_select(left, WORD_BITS)),
            path.key_class.external.eq(1),  # whose shared secrets may go to the bus
            path.key_class.to_bus.eq(1),
        ]
        with m.If(path.request.valid & path.request.ready):
            m.d.sync += [gives.eq(1), left.eq(_WORDS - 1)]
        with m.Elif(path.key.valid & path.key.ready):
            m.d.sync += [gives.eq(left != 0), left.eq(left - 1)]
        return m


class ScalarMultiplication(_Target):
    """A point times a private key, fixed or random, from the start to the end: the key is blinded.

    Blinding and coordinates are random, from a generator that goes on from trace to trace.

    Parameters
    ----------
    variant : str
        Of the unit.
    agreement : bool
        The point is another one's public key, the same in every run, and not the base point.
    """

    def __init__(self, *, variant: str, agreement: bool = False):
        super().__init__(_KeyedUnit(variant=variant, operation=_OPERATIONS[agreement]))
        self._fixed = self.constants.randrange(1, N.value)
        if agreement:
            point = P256.multiply(self.constants.randrange(1, N.value), P256.base)
            for area, coordinate in zip((Area.X, Area.Y), point, strict=True):
                self._load(area, coordinate)

    def _load(self, area: Any, value: int) -> None:
        block = self.block
        for word in range(_WORDS):
            block.set("window__write_en", 1)
            block.set("window__write_adr", _WORDS * area.value + word)
            block.set("window__write_data", value >> WORD_BITS * (_WORDS - 1 - word) & (1 << WORD_BITS) - 1)
            block.tick()
        for name in ("en", "adr", "data"):
            block.set(f"window__write_{name}", 0)

    def trace(self, rng: random.Random, *, fixed: bool) -> npt.NDArray[np.uint32]:
        """Toggles of each clock."""
        block, key = self.block, rng.randrange(1, N.value)
        block.set("key", self._fixed if fixed else key)
        block.set("start", 1)
        block.count()
        block.tick()
        block.set("start", 0)
        block.until("ended", _LIMIT)
        if (status := Status(block.get("status"))) != Status.SUCCESS:
            raise AssertionError(f"No point, but {status.name}")
        counts = block.counted()
        block.tick()
        return counts
