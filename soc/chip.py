"""The chip as a whole: its blocks, where they are, and how they are joined."""

from collections.abc import Callable
from dataclasses import dataclass, field

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from rtl.bus import WishboneCSRBridge, csr, wishbone
from rtl.crypto.aes.aes import AesGcm
from rtl.crypto.p256.p256 import P256
from rtl.crypto.sha256.sha256 import Sha256
from rtl.entropy.entropy import Entropy
from rtl.guard.firewall import Firewall, Region
from rtl.guard.keystore import KeyStore
from rtl.guard.nvm import Nvm
from rtl.guard.nvm import Region as NvmRegion
from rtl.metering.core import PINS
from rtl.metering.metrology import Metrology
from rtl.periph.sysinfo import SysInfo
from rtl.periph.timer import Timer
from rtl.periph.uart import Uart

from .config import SocConfig
from .sources import source_revision

__all__ = ["SLOT_BYTES", "Soc", "access_of", "make_metrology"]

SLOT_BYTES = 0x400
_BUS = {"addr_width": 30, "data_width": 32, "granularity": 32, "features": {"err"}}
_BUS_TIMEOUT = 255


@dataclass(frozen=True)
class _Slot:
    """A block: where its registers are, its name, and what makes it, or None where it is not built.

    ``ports`` are members of the block that become members of the chip, under the name given;
    ``windows`` are its Wishbone members, as far as it has them: their names in the map and byte addresses.
    """

    address: int
    name: str
    make: Callable[[SocConfig], wiring.Component | None]
    ports: dict[str, str] = field(default_factory=dict)
    windows: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Number of the slot, which is also the bit of the block's interrupt."""
        return self.address // SLOT_BYTES


def _uart(config):
    return Uart(clock_hz=config.application_hz, baud=config.uart_baud, fifo_depth=config.uart_fifo_depth)


def make_metrology(config):
    """The metering of the chip."""
    bits = {"modulator_divider": config.modulator_divider, "cic_decimation": config.cic_decimation}
    return Metrology(
        config.metering,
        sample_clocks=config.sample_clocks,
        capture_sets=config.capture_sets,
        **(bits if config.modulators else {}),
    )


def _sha256(config):
    users = sum(_is_built(config, name) for name in _HASH_USERS)
    return Sha256(variant=config.sha256, hardware_users=users, slots=config.key_slots)


def _keystore(config):
    users = sum(_is_built(config, name) for name in _KEY_USERS)
    return KeyStore(slots=config.key_slots, users=users)


def _aes(config):
    return None if config.aes == "none" else AesGcm(variant=config.aes, slots=config.key_slots)


def _p256(config):
    return None if config.p256 == "none" else P256(variant=config.p256, slots=config.key_slots)


def _entropy(config):
    users = sum(_is_built(config, name) for name in _RANDOM_USERS)
    rings = config.rings
    return Entropy(lengths=rings.lengths, banks=rings.banks, divider=rings.divider, users=users)


_KEY_USERS = ("sha256", "aes", "p256")
"""Blocks that use keys, in the order of their paths to the key store."""

_HASH_USERS = ("p256", "entropy")
"""Blocks that use the SHA-256 unit, in the order of their ports."""

_RANDOM_USERS = ("p256", "keystore")
"""Blocks that take random words, the one that goes first in front."""


def _is_built(config, name):
    """Whether a block is in the chip: those that have no field in the configuration always are."""
    return getattr(config, name, "") != "none"


_SLOTS = (
    _Slot(0x0400, "timer", lambda config: Timer(clock_hz=config.application_hz)),
    _Slot(0x0800, "uart_comms", _uart, ports={"line": "uart_comms"}),
    _Slot(0x0C00, "uart_optical", _uart, ports={"line": "uart_optical"}),
    _Slot(0x1000, "sha256", _sha256),
    _Slot(
        0x1400,
        "metrology",
        make_metrology,
        ports={name: name for name in ("samples", *PINS, "pulses")},
        windows={
            "quantities": ("quantities", 0x0001_0000),
            "harmonics": ("harmonics", 0x0001_4000),
            "points": ("points", 0x0001_8000),
            "capture": ("capture", 0x0002_0000),
        },
    ),
    _Slot(0x1800, "keystore", _keystore, ports={"alert": "alert_keystore"}),
    _Slot(0x1C00, "aes", _aes, windows={"memory": ("aes_memory", 0x0003_0000)}),
    _Slot(0x2000, "p256", _p256),
    _Slot(0x2400, "entropy", _entropy, ports={"noise": "noise", "alert": "alert_entropy"}),
)


def _sysinfo(config, blocks):
    # A part of the chip is for simulation only, and is not compiled again for what is not in it.
    whole = "metrology" in blocks
    directory = [0] * (_SLOTS[-1].number + 1)
    for slot in _SLOTS:
        if slot.name in blocks:
            registers = blocks[slot.name].bus.memory_map.resources()
            directory[slot.number] = next(
                register.value for register, name, _ in registers if name[0] == "identification"
            )
    return SysInfo(
        name=config.name,
        blocks=directory,
        voltage_lanes=config.voltage_lanes,
        current_lanes=config.current_lanes,
        word_bits=config.word_bits,
        application_hz=config.application_hz,
        metrology_hz=config.metrology_hz,
        sample_rate_hz=config.sample_rate_hz,
        sha256=config.sha256,
        aes=config.aes,
        p256=config.p256,
        key_slots=config.key_slots,
        harmonics=config.harmonics,
        modulators=config.modulators,
        rogowski=config.rogowski,
        pulse_outputs=config.pulse_outputs,
        capture_sets=config.capture_sets,
        lifecycle=config.lifecycle,
        lifecycle_constant=True,
        stores_emulated=True,
        core_port_open=True,
        source_revision=source_revision() if whole else bytes(32),
        metrology_program=blocks["metrology"].identification if whole else bytes(32),
    )


def access_of(register):
    """``r``, ``w`` or ``rw``: what the bus may do with a resource of the memory map."""
    return register.element.access.value if hasattr(register, "element") else register.access


def _region(info):
    access = access_of(info.resource)
    return Region(info.start, info.end, "r" in access, "w" in access)


class Soc(wiring.Component):
    """The chip.

    Blocks of registers lie `SLOT_BYTES` apart; the number of a block's slot is the bit of its interrupt.
    `sysinfo` is in slot 0 and lists the others. An access to an address that is no register, a write to a
    register that can only be read, and a read of one that can only be written are bus errors.

    Parameters
    ----------
    config : SocConfig
        What is built.
    metering : bool
        Whether the metrology is, with its domain; without, for simulation of the rest, its ports are missing
        and `sysinfo` shows no source revision.

    Members
    -------
    core : In(wishbone.Signature)
        The application core's port, domain ``sync``: word addresses. Every access ends with ``ack`` or
        ``err``.
    irq : Out(one bit a slot)
        Level interrupts, domain ``sync``.
    noise : Out(NoiseSignature)
        To the ring oscillators, domain ``sync``. Without their noise, nothing is done that needs randomness.
    alert_keystore, alert_entropy : Out(AlertSignature)
        Alerts of these blocks, domain ``sync``: a forbidden use of a key; a source of randomness that failed.
    wipe : In(1)
        Forgets all keys, and what was made of them: high for a clock of ``sync`` or longer.
    samples : In(stream of arrays of words)
        Sample sets, domain ``metrology``: voltages first, then currents.
    bits, modulator_clock, use_bits, words_lost, temperature, magnet, cover_main, cover_terminal, brown_out
        As of `FrontEnd`, domain ``metrology``.
    pulses : Out(one bit an output)
        Pulse outputs, domain ``metrology``.
    uart_comms, uart_optical : Out(UartLineSignature)
        Serial lines, to the communication module and to the optical port.

    Attributes
    ----------
    memory_map : MemoryMap
        The whole chip's, in words of 32 bits.
    interrupts : dict of str to int
        Bit of each block's interrupt.
    blocks : dict of str to wiring.Component
        The blocks by name, `sysinfo` first.
    windows : dict of str to (str, int)
        The memories of the map by name: the block that each belongs to, and its size in bytes.

    Latency
    -------
    Request to answer: three cycles for a register, two for a quantity, one for a bus error.
    """

    def __init__(self, config: SocConfig, *, metering: bool = True):
        self.config = config
        made = {slot.name: slot.make(config) for slot in _SLOTS if metering or slot.name != "metrology"}
        blocks = {name: block for name, block in made.items() if block is not None}
        self._slots = [slot for slot in _SLOTS if slot.name in blocks]
        self.blocks = {"sysinfo": _sysinfo(config, blocks), **blocks}
        self.interrupts = {
            slot.name: slot.number for slot in self._slots if hasattr(blocks[slot.name], "irq")
        }
        self.windows: dict[str, tuple[str, int]] = {}
        self._join_buses()
        members = {
            chip_name: blocks[slot.name].signature.members[name]
            for slot in self._slots
            for name, chip_name in slot.ports.items()
        }
        super().__init__(
            {
                "core": In(wishbone.Signature(**_BUS)),
                "irq": Out(_SLOTS[-1].number + 1),
                "wipe": In(1),
                **members,
            }
        )
        self.core.memory_map = self.memory_map

    def _join_buses(self):
        registers = csr.Decoder(addr_width=14, data_width=32)
        registers.add(self.blocks["sysinfo"].bus, name="sysinfo", addr=0)
        for slot in self._slots:
            registers.add(self.blocks[slot.name].bus, name=slot.name, addr=slot.address // 4)
        self._registers = registers
        self._bridge = WishboneCSRBridge(registers.bus, data_width=32)
        self._decoder = wishbone.Decoder(**_BUS)
        self._decoder.add(self._bridge.wb_bus, addr=0)
        for slot in self._slots:
            block = self.blocks[slot.name]
            for member, (name, address) in slot.windows.items():
                if member not in block.signature.members:
                    continue
                bus = getattr(block, member)
                start, end, _ = self._decoder.add(bus, name=name, addr=address // 4)
                self.windows[name] = slot.name, 4 * (end - start)
        self.memory_map = self._decoder.bus.memory_map
        self._firewall = Firewall(
            addr_width=_BUS["addr_width"],
            regions=map(_region, self.memory_map.all_resources()),
            timeout=_BUS_TIMEOUT,
        )

    def elaborate(self, platform):
        m = Module()
        self._join_keys(m)
        self._join_nvm(m)
        m.submodules.firewall = self._firewall
        m.submodules.decoder = self._decoder
        m.submodules.bridge = self._bridge
        m.submodules.registers = self._registers
        connect(m, flipped(self.core), self._firewall.core)
        connect(m, self._firewall.target, self._decoder.bus)
        for name, block in self.blocks.items():
            m.submodules[name] = block
            if name in self.interrupts:
                m.d.comb += self.irq[self.interrupts[name]].eq(block.irq)
        for slot in self._slots:
            for name, chip_name in slot.ports.items():
                self._join_port(m, self.blocks[slot.name], name, chip_name)
        return m

    def _join_keys(self, m):
        """The private paths between the key store and the blocks that use keys; randomness; the wipe."""
        blocks = self.blocks
        keystore = blocks["keystore"]
        users = [blocks[name] for name in _KEY_USERS if name in blocks]
        for user, path, result in zip(users, keystore.keys, keystore.results, strict=True):
            connect(m, user.key, path)
            connect(m, user.result, result)
            m.d.comb += user.wipe.eq(keystore.wiping)
        m.d.comb += [keystore.wipe.eq(self.wipe), keystore.lifecycle.eq(self.config.lifecycle)]
        if "aes" in blocks:
            m.d.comb += blocks["aes"].fixed_field.eq(self.config.device_number)
        entropy = blocks["entropy"]
        m.d.comb += [
            entropy.device_number.eq(self.config.device_number),
            entropy.lifecycle.eq(self.config.lifecycle),
            entropy.wipe.eq(keystore.wiping),
        ]
        takers = [blocks[name] for name in _RANDOM_USERS if name in blocks]
        for taker, words in zip(takers, entropy.users, strict=True):
            connect(m, words, taker.random)
        hashers = [blocks[name] for name in _HASH_USERS if name in blocks]
        for hasher, port in zip(hashers, blocks["sha256"].users, strict=True):
            connect(m, hasher.hash, port)

    def _join_nvm(self, m):
        """Give every block that keeps something over a power cut its own region."""
        owners = {name: block for name, block in self.blocks.items() if "nvm" in block.signature.members}
        regions = {
            name: NvmRegion(
                words=block.signature.members["nvm"].signature.words,
                domain="metrology" if name == "metrology" else "sync",
            )
            for name, block in owners.items()
        }
        if regions:
            m.submodules.nvm = nvm = Nvm(regions=regions)
            for name, block in owners.items():
                connect(m, block.nvm, getattr(nvm, name))

    def _join_port(self, m, block, name, chip_name):
        """Make the chip's port the block's, be it an interface or a signal."""
        inner, outer = getattr(block, name), getattr(self, chip_name)
        member = block.signature.members[name]
        if member.is_signature:
            connect(m, flipped(outer), inner)
        elif member.flow is In:
            m.d.comb += inner.eq(outer)
        else:
            m.d.comb += outer.eq(inner)
