"""What the chip tells of itself, and whether a block is the one that firmware was written for."""

from soc.generated.registers import sysinfo

from ..access import read
from ..ops import Read

__all__ = ["IDENTIFICATION", "VERSION", "WrongBlock", "check", "configuration", "name", "sample_rate"]

IDENTIFICATION = "SYSI"
VERSION = 3
_CONFIGURATION = (
    *("voltage_lanes", "current_lanes", "word_bits", "application_hz", "metrology_hz"),
    *("key_slots", "harmonics", "modulators", "rogowski", "pulse_outputs", "capture_sets"),
    *("lifecycle", "lifecycle_constant", "stores_emulated", "core_port_open"),
)


class WrongBlock(Exception):
    """A block is not the one that is expected at its address."""


def check(block, identification, version):
    """Make sure that ``block``, of the generated register map, is what its driver was written for.

    Raises `WrongBlock` if the identification differs, or the version of its registers.
    """
    found, found_version = yield Read(block.identification.address, 2)
    expected = int.from_bytes(identification.encode(), "big")
    if (found, found_version) != (expected, version):
        raise WrongBlock(
            f"{block.__name__}: expected {identification} version {version} at {block.base:#06x}, "
            f"not {found.to_bytes(4, 'big').decode('latin-1')!r} version {found_version}"
        )


def configuration():
    """Numbers of the chip's configuration, by name."""
    values = {}
    for each in _CONFIGURATION:
        values[each] = yield from read(getattr(sysinfo, each))
    return values


def name():
    """Name of the chip's configuration."""
    value = yield from read(sysinfo.name)
    return value.to_bytes(16, "big").lstrip(b"\0").decode()


def sample_rate():
    """Sample sets a second, as numerator and denominator."""
    numerator = yield from read(sysinfo.sample_rate_numerator)
    denominator = yield from read(sysinfo.sample_rate_denominator)
    return numerator, denominator
