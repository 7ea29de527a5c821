"""Configuration of the chip: one frozen dataclass, its presets, and what follows from its numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache

from rtl.bus import LifecycleState
from rtl.entropy.cutoffs import default_cutoffs
from rtl.entropy.jitter import ASSUMED_ENTROPY, REFERENCE, JitterModel
from rtl.entropy.source import EntropySource
from rtl.metering.parameters import LONGEST_CYCLE, MeteringParameters

from .errors import InputError

__all__ = ["PRESETS", "SocConfig", "preset"]


_MAY_BE_ZERO = (
    *("harmonics", "pulse_outputs", "capture_sets", "core_cycles_per_operation"),
    "device_number",
)
_VARIANTS = {
    "sha256": ("fast", "compact"),
    "aes": ("fast", "compact", "none"),
    "p256": ("row", "compact", "none"),
}


@cache
def _unnoticed(banks: int, lengths: int) -> int:
    """Rings that may be lost before the health tests' default cut-off is reached."""
    return int(default_cutoffs(banks=banks, lengths=lengths)["lost"]) - 1


@dataclass(frozen=True, kw_only=True)
class SocConfig:
    """Everything that distinguishes one chip from another.

    Parameters
    ----------
    name : str
        Name of the configuration, shown by ``sysinfo`` and in every output.
    voltage_lanes, current_lanes : int
        Input lanes; phase *k* is voltage lane *k* with current lane *k*, and one current lane more is the
        neutral's.
    application_hz, metrology_hz : int
        Clock of each domain in hertz.
    modulator_divider, cic_decimation, fir_decimation : int
        Metrology clocks per modulator bit, bits per CIC output, CIC outputs per sample set; their product
        is the number of clocks in which a sample set must be computed.
    word_bits : int
        Bits of a sample word, signed, 16 to 28.
    nominal_hz, lowest_hz, highest_hz : int
        Nominal mains frequency, and the range within which zero crossings are accepted; a cycle may be up
        to two samples shorter than that of the highest.
    crossing_threshold_log2 : int
        A crossing counts if the voltage has been below minus full scale / 2 ** this before.
    harmonics : int
        Highest order of the harmonics measured, 0 to 50.
    modulators : bool
        Whether there is an input for the bits of delta-sigma modulators beside that for words.
    rogowski : bool
        Whether the current lanes come from Rogowski coils.
    pulse_outputs : int
        Pulse outputs, 0 to 4.
    capture_sets : int
        Sample sets of a captured waveform, a power of two from 8 on; 0: no waveform buffer.
    sha256 : str
        ``fast`` or ``compact``.
    aes : str
        ``fast``, ``compact`` or ``none``.
    p256 : str
        ``row``, ``compact`` or ``none``.
    key_slots : int
        Slots of the key store, 2 to 256.
    device_number : int
        Fixed field of the initialisation vectors that the chip makes, 0 to 2 ** 32 - 1: no two devices may
        have the same while they share a key. It personalises the generator of random numbers, too.
    ring_banks, noise_divider : int
        Banks of ring oscillators; application clocks from one sample of their noise to the next.
    uart_baud, uart_fifo_depth : int
        Bits a second after reset; bytes of each FIFO.
    lifecycle : LifecycleState
        Lifecycle state of the chip: a constant of the configuration.
    core_cycles_per_operation : int
        Application clocks that the core's own arithmetic is taken to cost before each bus operation.

    Raises
    ------
    InputError
        If two numbers cannot go together; the sentence names both.
    """

    name: str
    voltage_lanes: int
    current_lanes: int
    application_hz: int = 50_000_000
    metrology_hz: int = 24_576_000
    modulator_divider: int = 6
    cic_decimation: int = 256
    fir_decimation: int = 2
    word_bits: int = 24
    nominal_hz: int = 50
    lowest_hz: int = 40
    highest_hz: int = 70
    crossing_threshold_log2: int = 10
    harmonics: int = 0
    modulators: bool = True
    rogowski: bool = False
    pulse_outputs: int = 2
    capture_sets: int = 0
    sha256: str = "fast"
    aes: str = "fast"
    p256: str = "row"
    key_slots: int = 16
    device_number: int = 0
    ring_banks: int = REFERENCE.banks
    noise_divider: int = REFERENCE.divider
    uart_baud: int = 115_200
    uart_fifo_depth: int = 64
    lifecycle: LifecycleState = LifecycleState.OPERATION  # type: ignore[assignment]  # an Amaranth enumeration
    core_cycles_per_operation: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.type == "int":
                value = getattr(self, field.name)
                least = 0 if field.name in _MAY_BE_ZERO else 1
                if not isinstance(value, int) or isinstance(value, bool) or value < least:
                    raise InputError(
                        f"SocConfig.{field.name} must be an integer of {least} or more, not {value!r}."
                    )
        if not isinstance(self.name, str) or not self.name.isascii() or not 1 <= len(self.name) <= 16:
            raise InputError(f"SocConfig.name must be 1 to 16 ASCII characters, not {self.name!r}.")
        self._check_keys()
        if not isinstance(self.lifecycle, LifecycleState):
            raise InputError(f"SocConfig.lifecycle must be a LifecycleState, not {self.lifecycle!r}.")
        self._check_lanes()
        self._check_metering()
        self._check_rates()
        self._check_noise()
        self._check_uart()

    def _check_keys(self) -> None:
        for name, variants in _VARIANTS.items():
            if getattr(self, name) not in variants:
                known = f"{', '.join(map(repr, variants[:-1]))} or {variants[-1]!r}"
                raise InputError(f"SocConfig.{name} must be {known}, not {getattr(self, name)!r}.")
        if not 2 <= self.key_slots <= 256:
            raise InputError(f"SocConfig.key_slots must be 2 to 256, not {self.key_slots}.")
        if self.device_number >= 1 << 32:
            raise InputError(f"SocConfig.device_number must fit in 32 bits, not {self.device_number}.")

    def _check_lanes(self) -> None:
        if self.voltage_lanes > 3:
            raise InputError(f"SocConfig.voltage_lanes must be 3 or less, not {self.voltage_lanes}.")
        if not self.voltage_lanes <= self.current_lanes <= self.voltage_lanes + 1:
            raise InputError(
                f"SocConfig.current_lanes must be one for each voltage lane and at most one more for the "
                f"neutral ({self.voltage_lanes} or {self.voltage_lanes + 1}), not {self.current_lanes}."
            )
        if not 16 <= self.word_bits <= 28:
            raise InputError(f"SocConfig.word_bits must be 16 to 28, not {self.word_bits}.")
        if not self.crossing_threshold_log2 < self.word_bits - 2:
            raise InputError(
                f"SocConfig.crossing_threshold_log2 must be less than word_bits - 2 "
                f"(= {self.word_bits - 2}), not {self.crossing_threshold_log2}."
            )

    def _check_metering(self) -> None:
        for name, most in (("harmonics", 50), ("pulse_outputs", 4)):
            if getattr(self, name) > most:
                raise InputError(f"SocConfig.{name} must be {most} or less, not {getattr(self, name)}.")
        for name in ("modulators", "rogowski"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"SocConfig.{name} must be True or False, not {getattr(self, name)!r}.")
        sets = self.capture_sets
        if sets and (sets < 8 or sets & (sets - 1)):
            raise InputError(f"SocConfig.capture_sets must be 0 or a power of two from 8 on, not {sets}.")

    def _check_rates(self) -> None:
        for name in ("application_hz", "metrology_hz"):
            if not 1_000_000 <= getattr(self, name) < 1 << 32:
                raise InputError(
                    f"SocConfig.{name} must be 1 MHz or more and fit in 32 bits, not {getattr(self, name)}."
                )
        if not self.lowest_hz < self.nominal_hz < self.highest_hz:
            raise InputError(
                f"SocConfig.nominal_hz must lie between lowest_hz ({self.lowest_hz}) and highest_hz "
                f"({self.highest_hz}), not at {self.nominal_hz}."
            )
        samples = self.sample_rate_hz / self.lowest_hz
        if samples > LONGEST_CYCLE:
            raise InputError(
                f"A cycle of SocConfig.lowest_hz ({self.lowest_hz} Hz) must last at most "
                f"{LONGEST_CYCLE} samples, not {float(samples):g} at the sample rate of "
                f"{float(self.sample_rate_hz):g} Hz."
            )
        if self.sample_rate_hz < 32 * self.highest_hz:
            raise InputError(
                f"The sample rate must be at least 32 times SocConfig.highest_hz ({self.highest_hz} Hz), not "
                f"{float(self.sample_rate_hz):g} Hz."
            )

    def _check_noise(self) -> None:
        if not 2 <= self.ring_banks <= 64:
            raise InputError(f"SocConfig.ring_banks must be 2 to 64, not {self.ring_banks}.")
        rings = self.rings
        least = EntropySource.least_divider(rings.rings)
        if self.noise_divider < least:
            raise InputError(
                f"SocConfig.noise_divider must be {least} or more for {rings.rings} rings, not "
                f"{self.noise_divider}."
            )
        lost = _unnoticed(rings.banks, len(rings.lengths))
        entropy = rings.min_entropy(lost=lost)
        if entropy < ASSUMED_ENTROPY:
            raise InputError(
                f"SocConfig.ring_banks (= {self.ring_banks}) and noise_divider (= {self.noise_divider}) give "
                f"{entropy:.3f} bits of entropy a raw bit by the jitter model if {lost} rings are lost, as "
                f"may go unnoticed; the chip assumes {ASSUMED_ENTROPY:g}: give more banks, or more clocks a "
                f"sample."
            )

    def _check_uart(self) -> None:
        slowest, fastest = 8 * self.uart_baud, 524_287 * self.uart_baud
        if not slowest <= self.application_hz <= fastest:
            raise InputError(
                f"SocConfig.application_hz must be 8 to 524287 times uart_baud (= {slowest} to {fastest}), "
                f"not {self.application_hz}."
            )
        if not 2 <= self.uart_fifo_depth <= 255:
            raise InputError(f"SocConfig.uart_fifo_depth must be 2 to 255, not {self.uart_fifo_depth}.")

    @property
    def sample_clocks(self) -> int:
        """Metrology clocks from one sample set to the next."""
        return self.modulator_divider * self.cic_decimation * self.fir_decimation

    @property
    def sample_rate_hz(self) -> Fraction:
        """Sample sets a second, exactly."""
        return Fraction(self.metrology_hz, self.sample_clocks)

    @property
    def phases(self) -> int:
        """Phases measured: one for each voltage lane."""
        return self.voltage_lanes

    @property
    def lanes(self) -> int:
        """Input lanes, voltages first."""
        return self.voltage_lanes + self.current_lanes

    @property
    def metering(self) -> MeteringParameters:
        """What the metering blocks are made for."""
        return MeteringParameters(
            phases=self.phases,
            lanes=self.lanes,
            word_bits=self.word_bits,
            sample_rate_hz=self.sample_rate_hz,
            nominal_hz=self.nominal_hz,
            lowest_hz=self.lowest_hz,
            highest_hz=self.highest_hz,
            crossing_threshold_log2=self.crossing_threshold_log2,
            harmonics=self.harmonics,
            rogowski=self.rogowski,
            pulse_outputs=self.pulse_outputs,
        )

    @property
    def rings(self) -> JitterModel:
        """The ring oscillators and what their noise is taken to be."""
        return replace(
            REFERENCE, banks=self.ring_banks, divider=self.noise_divider, clock_hz=float(self.application_hz)
        )

    def with_changes(self, **changes: object) -> SocConfig:
        """A configuration that differs in ``changes``, checked again."""
        return replace(self, **changes)  # type: ignore[arg-type]


PRESETS = {
    "polyphase": SocConfig(
        name="polyphase", voltage_lanes=3, current_lanes=4, harmonics=50, pulse_outputs=4, capture_sets=512
    ),
    "single": SocConfig(name="single", voltage_lanes=1, current_lanes=2, aes="compact", p256="compact"),
    "tiny": SocConfig(
        name="tiny",
        voltage_lanes=1,
        current_lanes=1,
        application_hz=12_000_000,
        modulators=False,
        sha256="compact",
        aes="none",
        p256="none",
        key_slots=4,
    ),
}


def preset(name: str) -> SocConfig:
    """The preset called ``name``; raises `InputError` with the known names if there is none."""
    try:
        return PRESETS[name]
    except KeyError:
        raise InputError(f"There is no preset {name!r}; known are {', '.join(PRESETS)}.") from None
