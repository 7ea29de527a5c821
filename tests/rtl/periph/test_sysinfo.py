"""What the chip tells of itself."""

from fractions import Fraction
from hashlib import sha256

import pytest

from rtl.bus import LifecycleState
from rtl.periph.sysinfo import SysInfo

UART = int.from_bytes(b"UART", "big")
PARAMETERS = {
    "name": "polyphase",
    "blocks": (0, UART, 0, *[0] * 20, UART),
    "voltage_lanes": 3,
    "current_lanes": 4,
    "word_bits": 24,
    "application_hz": 50_000_000,
    "metrology_hz": 24_576_000,
    "sample_rate_hz": Fraction(24_576_000, 3075),
    "sha256": "compact",
    "aes": "fast",
    "p256": "none",
    "key_slots": 12,
    "harmonics": 40,
    "modulators": True,
    "rogowski": False,
    "pulse_outputs": 3,
    "capture_sets": 256,
    "lifecycle": LifecycleState.INSTALLATION,
    "lifecycle_constant": True,
    "stores_emulated": True,
    "core_port_open": False,
    "source_revision": sha256(b"sources").digest(),
    "metrology_program": sha256(b"program").digest(),
}
EXPECTED = {
    "identification": int.from_bytes(b"SYSI", "big"),
    "version": 3,
    "voltage_lanes": 3,
    "current_lanes": 4,
    "word_bits": 24,
    "application_hz": 50_000_000,
    "metrology_hz": 24_576_000,
    "sample_rate_numerator": 327_680,
    "sample_rate_denominator": 41,
    "sha256": 2,
    "aes": 1,
    "p256": 0,
    "key_slots": 12,
    "harmonics": 40,
    "modulators": 1,
    "rogowski": 0,
    "pulse_outputs": 3,
    "capture_sets": 256,
    "lifecycle": 0xD417,
    "lifecycle_constant": 1,
    "stores_emulated": 1,
    "core_port_open": 0,
    "name": int.from_bytes(b"polyphase", "big"),
    "source_revision": int.from_bytes(sha256(b"sources").digest(), "big"),
    "metrology_program": int.from_bytes(sha256(b"program").digest(), "big"),
    "blocks0": int.from_bytes(b"SYSI", "big") | UART << 32,
    "blocks1": UART << 32 * 7,
}


def test_every_register(simulate, registers):
    sysinfo = SysInfo(**PARAMETERS)
    by_name = registers(sysinfo.bus)
    declared = {"_".join(map(str, name)) for _, name, _ in sysinfo.bus.memory_map.resources()}
    assert declared == set(EXPECTED)

    async def check(ctx):
        for name, value in EXPECTED.items():
            assert await by_name.read(ctx, name) == value, name

    simulate(sysinfo, check)


def test_bus_is_zero_unless_read(simulate):
    sysinfo = SysInfo(**PARAMETERS)

    async def check(ctx):
        for address in range(11):
            ctx.set(sysinfo.bus.addr, address)
            ctx.set(sysinfo.bus.r_stb, 1)
            await ctx.tick()
            assert ctx.get(sysinfo.bus.r_data) != 0
            ctx.set(sysinfo.bus.r_stb, 0)
            await ctx.tick()
            assert ctx.get(sysinfo.bus.r_data) == 0

    simulate(sysinfo, check)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        (
            {"name": "a name that is too long"},
            ValueError,
            "Name must be at most 16 ASCII characters, not 'a name that is too long'",
        ),
        ({"name": "größe"}, ValueError, "Name must be at most 16 ASCII characters, not 'größe'"),
        (
            {"sha256": "slow"},
            ValueError,
            "Variant of sha256 must be one of none, fast, compact, not 'slow'",
        ),
        ({"source_revision": b"123"}, ValueError, "Source revision must be 32 bytes, not b'123'"),
        ({"metrology_program": "x"}, ValueError, "Metrology program must be 32 bytes, not 'x'"),
        ({"lifecycle": 3}, TypeError, "Lifecycle must be a LifecycleState, not 3"),
        (
            {"application_hz": 1 << 32},
            ValueError,
            "application_hz must fit in 1 words of 32 bits, not be 4294967296",
        ),
        ({"blocks": [0] * 33}, ValueError, "There must be at most 32 blocks, not 33"),
    ],
)
def test_refusals(changes, error, sentence):
    with pytest.raises(error) as caught:
        SysInfo(**{**PARAMETERS, **changes})
    assert str(caught.value) == sentence
