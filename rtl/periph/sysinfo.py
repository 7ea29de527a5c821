"""What the chip tells of itself: blocks, configuration, sources, metrology program."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from rtl.bus import LifecycleState, MemoryMap, StoredRegister, csr

__all__ = ["SysInfo"]

_IDENTIFICATION = int.from_bytes(b"SYSI", "big")
_SLOTS = 32
_VARIANTS = {
    "sha256": ("none", "fast", "compact"),
    "aes": ("none", "fast", "compact"),
    "p256": ("none", "row", "compact"),
}
"""The variants of blocks, by their numbers."""


_REGISTERS = {
    "identification": (1, "Identification of the block: `SYSI` in ASCII."),
    "version": (1, "Version of the block's register interface."),
    "voltage_lanes": (1, "Voltage lanes, one for each phase."),
    "current_lanes": (1, "Current lanes; one more than voltage lanes if there is a neutral."),
    "word_bits": (1, "Bits of a sample word, signed."),
    "application_hz": (1, "Clock of the application domain in hertz."),
    "metrology_hz": (1, "Clock of the metrology domain in hertz."),
    "sample_rate_numerator": (1, "Numerator of the sample rate in hertz."),
    "sample_rate_denominator": (1, "Denominator of the sample rate in hertz."),
    **{
        block: (1, f"Block `{block}`: {', '.join(f'{code} {name}' for code, name in enumerate(variants))}.")
        for block, variants in _VARIANTS.items()
    },
    "key_slots": (1, "Slots of the key store."),
    "harmonics": (1, "Highest order of the harmonics measured; 0 if none are."),
    "modulators": (1, "1 if there is an input for the bits of delta-sigma modulators."),
    "rogowski": (1, "1 if the currents come from Rogowski coils."),
    "pulse_outputs": (1, "Pulse outputs."),
    "capture_sets": (1, "Sample sets of a captured waveform; 0 if there is no waveform buffer."),
    "lifecycle": (1, "Lifecycle state, in its 16-bit code."),
    "lifecycle_constant": (
        1,
        "1 if the lifecycle state is a constant of the configuration, 0 if OTP holds it.",
    ),
    "stores_emulated": (1, "1 if OTP, on-chip NVM and therefore all keys are emulated and hold no secret."),
    "core_port_open": (1, "1 if no boot sequencer authenticates what the core runs."),
    "name": (4, "Name of the configuration in ASCII, right-aligned."),
    "source_revision": (8, "SHA-256 of the chip's sources."),
    "metrology_program": (8, "SHA-256 of the metrology program: identifies the legally relevant software."),
    "blocks0": (16, "Identification of the block in slot k, at byte address k * 1024, in word k; 0 if none."),
    "blocks1": (16, "The same of slots 16 to 31."),
}
"""Words and description of each register, in the order of their addresses."""


def _ascii(text, length, what):
    if not isinstance(text, str) or not text.isascii() or len(text) > length:
        raise ValueError(f"{what} must be at most {length} ASCII characters, not {text!r}")
    return int.from_bytes(text.encode("ascii"), "big")


def _digest(value, what):
    if not isinstance(value, bytes) or len(value) != 32:
        raise ValueError(f"{what} must be 32 bytes, not {value!r}")
    return int.from_bytes(value, "big")


class SysInfo(wiring.Component):
    """System information: a read-only memory on the register bus.

    All is fixed when the chip is made. A register of several words has its least significant word at the
    lowest address; a digest is one number, its first byte the most significant.

    Parameters
    ----------
    name : str
        Name of the configuration, at most 16 ASCII characters.
    blocks : sequence of int
        Identification word of the block in each slot of the register space, at most 32, zero where
        there is none. This block is in slot 0.
    voltage_lanes, current_lanes, word_bits : int
        Inputs of the metrology: lanes, and bits of a sample.
    application_hz, metrology_hz : int
        Clocks.
    sample_rate_hz : Fraction
        Sample sets a second.
    sha256, aes, p256 : str
        Variant of each block: ``none``; ``fast`` or ``row``; ``compact``.
    key_slots : int
        Slots of the key store.
    harmonics, pulse_outputs, capture_sets : int
        Orders, outputs, sample sets of a capture; 0: not built.
    modulators, rogowski : bool
        Whether there is an input for modulators' bits, and whether currents are integrated.
    lifecycle : LifecycleState
        Lifecycle state.
    lifecycle_constant : bool
        The lifecycle state is a constant of the configuration, not read from OTP.
    stores_emulated : bool
        OTP and on-chip NVM are emulated, and hold no secret.
    core_port_open : bool
        The core runs whatever it is given: no boot sequencer authenticates it.
    source_revision : bytes
        SHA-256 of the sources of the chip.
    metrology_program : bytes
        SHA-256 of the metrology program: the identification of the legally relevant software.

    Members
    -------
    bus : In(csr.Signature)
        Registers. A read is answered in the next cycle.

    Raises
    ------
    ValueError
        If a text or a digest has the wrong length, a number does not fit its words, or a variant is
        unknown.
    """

    def __init__(
        self,
        *,
        name,
        blocks,
        voltage_lanes,
        current_lanes,
        word_bits,
        application_hz,
        metrology_hz,
        sample_rate_hz,
        sha256,
        aes,
        p256,
        key_slots,
        harmonics,
        modulators,
        rogowski,
        pulse_outputs,
        capture_sets,
        lifecycle,
        lifecycle_constant,
        stores_emulated,
        core_port_open,
        source_revision,
        metrology_program,
    ):
        variants = {"sha256": sha256, "aes": aes, "p256": p256}
        for block, variant in variants.items():
            if variant not in _VARIANTS[block]:
                known = ", ".join(_VARIANTS[block])
                raise ValueError(f"Variant of {block} must be one of {known}, not {variant!r}")
        if not isinstance(lifecycle, LifecycleState):
            raise TypeError(f"Lifecycle must be a LifecycleState, not {lifecycle!r}")
        if len(blocks) > _SLOTS:
            raise ValueError(f"There must be at most {_SLOTS} blocks, not {len(blocks)}")
        directory = (_IDENTIFICATION, *blocks[1:])
        values = {
            "identification": _IDENTIFICATION,
            "version": 3,
            "voltage_lanes": voltage_lanes,
            "current_lanes": current_lanes,
            "word_bits": word_bits,
            "application_hz": application_hz,
            "metrology_hz": metrology_hz,
            "sample_rate_numerator": sample_rate_hz.numerator,
            "sample_rate_denominator": sample_rate_hz.denominator,
            **{block: _VARIANTS[block].index(variant) for block, variant in variants.items()},
            "key_slots": key_slots,
            "harmonics": harmonics,
            "modulators": modulators,
            "rogowski": rogowski,
            "pulse_outputs": pulse_outputs,
            "capture_sets": capture_sets,
            "lifecycle": lifecycle.value,
            "lifecycle_constant": lifecycle_constant,
            "stores_emulated": stores_emulated,
            "core_port_open": core_port_open,
            "name": _ascii(name, 16, "Name"),
            "source_revision": _digest(source_revision, "Source revision"),
            "metrology_program": _digest(metrology_program, "Metrology program"),
            "blocks0": sum(word << 32 * slot for slot, word in enumerate(directory[:16])),
            "blocks1": sum(word << 32 * slot for slot, word in enumerate(directory[16:])),
        }
        self._map = MemoryMap(addr_width=7, data_width=32)
        self._contents = []
        for register, (words, description) in _REGISTERS.items():
            self._add(register, values[register], words, description)
        super().__init__({"bus": In(csr.Signature(addr_width=self._map.addr_width, data_width=32))})
        self.bus.memory_map = self._map

    def _add(self, name, value, words, description):
        if not 0 <= value < 1 << (32 * words):
            raise ValueError(f"{name} must fit in {words} words of 32 bits, not be {value}")
        register = StoredRegister(description=description, width=32 * words)
        self._map.add_resource(register, name=name, size=words)
        self._contents += [value >> 32 * word & 0xFFFF_FFFF for word in range(words)]

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=32, depth=len(self._contents), init=self._contents)
        port = memory.read_port()
        asked = Signal()
        m.d.sync += asked.eq(self.bus.r_stb)
        m.d.comb += [
            port.addr.eq(self.bus.addr),
            port.en.eq(self.bus.r_stb),
            self.bus.r_data.eq(port.data & asked.replicate(32)),
        ]
        return m
