"""Clocks of the cryptography, counted on RTL, and the area of its blocks."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from amaranth.lib import wiring

from bench.parallel import each
from bench.synth import Utilisation, synthesise
from rtl.crypto.aes.aes import AesGcm
from rtl.crypto.p256.p256 import P256
from rtl.crypto.sha256 import Command, Sha256, UserWord
from rtl.crypto.sha256.unit import Unit as Sha256Unit
from rtl.guard.keystore import KeyStore
from sim.application_alone import ApplicationAlone
from sim.backends.base import Progress
from sim.block import Block
from soc.config import SocConfig, preset
from soc.generated.registers import aes as aes_registers
from soc.generated.registers import keystore as keystore_registers
from soc.generated.registers import p256 as p256_registers
from sw.app.drivers import aes, entropy, keystore, p256
from sw.app.ops import Wait, Write

__all__ = [
    "BLOCKS",
    "DEVICE",
    "OPERATIONS",
    "Figure",
    "Operation",
    "area",
    "cycles",
    "cycles_of_chip",
    "cycles_of_sha256",
    "figures",
]

DEVICE = "ecp5-85f"
_SLOTS = 16
_SEED = 1
_VERIFICATIONS = 8
_LIMIT = 100_000  # clocks that no message of the hash unit may take
_SHORT, _LONG = 1024, 2048  # bytes of two messages of AES, of one piece each
_PER_BLOCK = {"aes": 16, "sha256": 64}

Cycles = dict[tuple[str, str], float]
"""Clocks by operation and variant."""
Area = dict[tuple[str, str], Utilisation]
"""What a block takes, by block and variant."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation: its block, what it is, and the name of its budget in ``bench/budgets.toml``."""

    name: str
    block: str
    text: str
    budget: str

    def budget_of(self, variant: str) -> tuple[str, str]:
        """Section and key of the budget."""
        return self.block, self.budget.format(variant=variant)


def _operations() -> Iterator[Operation]:
    for name, budget, text in (
        ("keygen", "generate", "new key, with its public key"),
        ("public", "public", "public key"),
        ("sign", "sign_unchecked", "sign"),
        ("sign_checked", "sign", "sign with its check"),
        ("verify", "verify", "verify, worst of several"),
        ("ecdh", "agree", "ECDH"),
    ):
        yield Operation(
            name=f"p256_{name}", block="p256", text=f"P-256 {text}", budget=f"{budget}_{{variant}}"
        )
    for what, name, text in (
        ("gcm_block", "block", "GCM, a block"),
        ("cmac_block", "cmac_block", "CMAC, a block"),
        ("key_wrap", "wrap", "wrap of 32 bytes"),
    ):
        for bits in (128, 256):
            yield Operation(
                name=f"aes{bits}_{what}",
                block="aes",
                text=f"AES-{bits} {text}",
                budget=f"{name}_{{variant}}_{bits}",
            )
    yield Operation(name="sha256_block", block="sha256", text="SHA-256, a block", budget="block_{variant}")
    yield Operation(name="hmac_sha256", block="sha256", text="HMAC of 32 bytes", budget="hmac_{variant}")
    yield Operation(
        name="key_generate", block="keystore", text="new key in a slot", budget="generate_{variant}"
    )


OPERATIONS = tuple(_operations())

BLOCKS: dict[tuple[str, str], Callable[[], wiring.Component]] = {
    ("p256", "row"): lambda: P256(variant="row", slots=_SLOTS),
    ("p256", "compact"): lambda: P256(variant="compact", slots=_SLOTS),
    ("aes", "fast"): lambda: AesGcm(variant="fast", slots=_SLOTS),
    ("aes", "compact"): lambda: AesGcm(variant="compact", slots=_SLOTS),
    ("sha256", "fast"): lambda: Sha256(variant="fast", hardware_users=1, slots=_SLOTS),
    ("sha256", "compact"): lambda: Sha256(variant="compact", hardware_users=1, slots=_SLOTS),
    ("keystore", "slots_16"): lambda: KeyStore(slots=_SLOTS, users=3),
}
"""Each block as it is in a chip, with its registers, by block and variant."""
_AIM_MHZ, _AIMS_MHZ = 75.0, {("p256", "row"): 65.0}
_WITHOUT_WIDE_LUTS = {("aes", "fast"), ("aes", "compact")}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """An operation of a variant; the rest is the block's, and None where no area was measured."""

    operation: str
    variant: str
    cycles: float
    lut4: int | None = None
    ff: int | None = None
    dsp: int | None = None
    mhz: float | None = None

    @property
    def microseconds(self) -> float | None:
        """How long it takes at the block's clock."""
        return self.cycles / self.mhz if self.mhz else None

    @property
    def area_time(self) -> float | None:
        """LUT4 times milliseconds."""
        return self.lut4 * self.microseconds / 1000 if self.lut4 and self.microseconds else None


def figures(counted: Cycles, areas: Area) -> list[Figure]:
    """One for each operation and variant, in the order of `OPERATIONS`."""
    found = []
    for operation in OPERATIONS:
        for (name, variant), clocks in counted.items():
            if name == operation.name:
                used = areas.get((operation.block, variant))
                figure = Figure(operation=name, variant=variant, cycles=clocks)
                found.append(_with_area(figure, used) if used else figure)
    return found


def _with_area(figure: Figure, used: Utilisation) -> Figure:
    return replace(figure, lut4=used.lut4, ff=used.ff, dsp=used.dsp, mhz=used.mhz)


# Area -------------------------------------------------------------------------------------------------


def area(progress: Progress = lambda step, fraction: None, *, jobs: int = 1) -> Area:
    """Synthesise each of `BLOCKS` alone, ``jobs`` of them at a time."""
    step = f"Synthesising {len(BLOCKS)} blocks for {DEVICE}"
    return dict(zip(BLOCKS, each(_used, list(BLOCKS), jobs=jobs, progress=progress, step=step), strict=True))


def _used(key: tuple[str, str]) -> Utilisation:
    """What one of `BLOCKS` takes."""
    aim = _AIMS_MHZ.get(key, _AIM_MHZ)
    wide = key not in _WITHOUT_WIDE_LUTS
    return synthesise(BLOCKS[key](), name="_".join(key), device=DEVICE, frequency_mhz=aim, wide_luts=wide)


# Clocks -----------------------------------------------------------------------------------------------


def cycles(progress: Progress = lambda step, fraction: None) -> Cycles:
    """Clocks of every operation and variant."""
    found: Cycles = {}
    for variant in ("fast", "compact"):
        progress(f"Counting clocks: SHA-256, {variant}", None)
        found |= cycles_of_sha256(variant)
    for config in (preset("polyphase"), preset("single")):
        progress(f"Counting clocks: P-256 {config.p256}, AES {config.aes}", None)
        found |= cycles_of_chip(config)
    return found


def cycles_of_sha256(variant: str) -> Cycles:
    """Of the hash unit, from the first word that a hardware user offers to ``done``.

    A block is what a long message takes more for each block; the HMAC is the first one under its key.
    """
    block = Block(Sha256Unit(variant=variant, users=1))

    def clocks(command: Any, length: int) -> int:
        before = block.cycles
        block.send("users__0__message", _hash_words(command, length), _LIMIT)
        block.until("users__0__done", _LIMIT)
        passed = block.cycles - before
        block.tick(20)  # until the digest has been given out word by word
        return passed

    short, long = (clocks(Command.HASH, length) for length in (_SHORT, _LONG))
    clocks(Command.KEY, 32)
    return {
        ("sha256_block", variant): (long - short) * _PER_BLOCK["sha256"] / (_LONG - _SHORT),
        ("hmac_sha256", variant): clocks(Command.HMAC, 32),
    }


def _hash_words(command: Any, length: int) -> list[int]:
    """A message of whole words of zeros."""
    count = length // 4
    return [
        UserWord.as_shape()
        .const(
            {
                "word": {"data": 0, "bytes": 4, "last": index == count - 1},
                "first": index == 0,
                "command": command,
            }
        )
        .as_bits()
        for index in range(count)
    ]


def cycles_of_chip(config: SocConfig) -> Cycles:
    """Of what the chip has of P-256, AES and a key store, as its core sees them.

    An operation lasts from the first clock of the core's write to `operate` until its wait for the interrupt
    has ended. Data and results are moved before and after it. A block of AES is what a long message takes
    more for each block.
    """
    chip = ApplicationAlone(config.with_changes(core_cycles_per_operation=0))
    chip.run(_seeded())
    found: Cycles = {}
    if config.p256 != "none":
        found |= _p256(chip, config.p256)
    if config.aes != "none":
        found |= _aes(chip, config.aes)
    chip.run(_emptied())
    clocks = _last(chip, keystore_registers.operate, _generated(0, "hmac"))
    return found | {("key_generate", f"slots_{config.key_slots}"): clocks}


def _spans(chip: ApplicationAlone, operate: Any, scenario: Any) -> list[int]:
    """Drive a scenario; returns the clocks of each operation begun by a write to the register ``operate``."""
    spans, begun = [], None

    def watched() -> Generator[Any, Any, None]:
        nonlocal begun
        answer = None
        while True:
            try:
                asked = scenario.send(answer)
            except StopIteration:
                return
            before = chip.cycles
            answer = yield asked
            if isinstance(asked, Write) and asked.address == operate.address:
                begun = before
            elif isinstance(asked, Wait) and asked.mask and begun is not None:
                spans.append(chip.cycles - begun)
                begun = None

    chip.run(watched())
    return spans


def _last(chip: ApplicationAlone, operate: Any, scenario: Any) -> int:
    return _spans(chip, operate, scenario)[-1]


def _generated(slot: int, *allowed: str, flags: tuple[str, ...] = ()) -> Generator[Any, Any, None]:
    """Generate a key in an empty slot."""
    slots = keystore.KeyStore()
    yield from slots.define(slot, *allowed, flags=flags)
    yield from slots.generate(slot)


def _seeded() -> Generator[Any, Any, None]:
    """Wait until random words can be had, and as many are there as the generator keeps ready."""
    yield from entropy.Entropy().ready()
    yield Wait(0, _LIMIT // 10)


def _emptied() -> Generator[Any, Any, None]:
    """Erase the slots that are used here; a wipe would take the random words away."""
    for slot in range(4):
        yield from keystore.KeyStore().erase(slot)


def _p256(chip: ApplicationAlone, variant: str) -> Cycles:
    unit, slots, rng = p256.P256(), keystore.KeyStore(), random.Random(_SEED)
    signs, unchecked, agrees = 0, 1, 2
    chip.run(_emptied())
    chip.run(slots.define(signs, "sign"))
    found = {"keygen": _last(chip, p256_registers.operate, unit.generate(signs))}
    chip.run(_generated(unchecked, "sign", flags=("unchecked",)))
    chip.run(_generated(agrees, "agree"))
    chip.run(slots.define(3, "derive"))
    public_key = chip.run(unit.public(signs))
    for name, scenario in (
        ("public", unit.public(signs)),
        ("sign", unit.sign(unchecked, rng.randbytes(32))),
        ("sign_checked", unit.sign(signs, rng.randbytes(32))),
        ("ecdh", unit.agree(agrees, public_key, 3)),
    ):
        found[name] = _last(chip, p256_registers.operate, scenario)
    found["verify"] = 0
    unchecked_public = chip.run(unit.public(unchecked))
    for _ in range(_VERIFICATIONS):
        digest = rng.randbytes(32)
        signature = chip.run(unit.sign(unchecked, digest))
        scenario = unit.verify(unchecked_public, digest, signature)
        found["verify"] = max(found["verify"], _last(chip, p256_registers.operate, scenario))
    return {(f"p256_{name}", variant): clocks for name, clocks in found.items()}


def _aes(chip: ApplicationAlone, variant: str) -> Cycles:
    unit, slots, found = aes.Aes(), keystore.KeyStore(), {}
    blocks = (_LONG - _SHORT) / _PER_BLOCK["aes"]
    encrypts, authenticates, wraps, wrapped = range(4)
    for bits in (128, 256):
        short = ("short",) if bits == 128 else ()
        chip.run(_emptied())
        chip.run(slots.define(encrypts, "encrypt", flags=("to_bus", *short)))
        chip.run(slots.load(encrypts, bytes(bits // 8)))
        chip.run(_generated(authenticates, "cmac", flags=short))
        chip.run(_generated(wraps, "wrap", flags=short))
        chip.run(_generated(wrapped, "wrap"))
        gcm, cmac = (
            [_last(chip, aes_registers.operate, scenario(length)) for length in (_SHORT, _LONG)]
            for scenario in (
                lambda length: unit.encrypt(encrypts, bytes(length), iv=bytes(12)),
                lambda length: unit.cmac(authenticates, bytes(length)),
            )
        )
        found[f"aes{bits}_gcm_block", variant] = (gcm[1] - gcm[0]) / blocks
        found[f"aes{bits}_cmac_block", variant] = (cmac[1] - cmac[0]) / blocks
        clocks = _last(chip, aes_registers.operate, unit.wrap(wraps, wrapped))
        found[f"aes{bits}_key_wrap", variant] = clocks
    return found
