"""The whole chip: every register by its name, every hole an error, nothing forgotten in the design."""

import gc
import random
import warnings
from hashlib import sha256

import pytest
from amaranth.hdl import Fragment, UnusedElaboratable

from soc.chip import SLOT_BYTES, Soc
from soc.config import PRESETS
from soc.formats.registers import Field, Register
from soc.registers import register_map
from soc.sources import source_revision

PRESET = pytest.mark.parametrize("name", PRESETS)


def _registers(config):
    """Name, map and word addresses of every register."""
    for block in register_map(config):
        for register in block.registers:
            yield ".".join((block.name, *register.path)), register


def _some_words(register):
    """Numbers of the words of a register; of a large array, those of its first and last elements."""
    words = range(register.words * register.count)
    return words if len(words) <= 16 else [*words[:4], *words[-4:]]


def _latency(soc, full_name, answer):
    if answer == "err":
        return 1
    return 3 if full_name.split(".")[0] in soc.blocks else 2


@PRESET
def test_every_register_answers_and_has_its_reset_value(simulate, initiator, name):
    soc = Soc(PRESETS[name])
    core = initiator(soc.core)

    async def check(ctx):
        for full_name, register in _registers(PRESETS[name]):
            value = 0
            for index in _some_words(register):
                answer, word, cycles = await core.access(ctx, register.address // 4 + index)
                value |= word << 32 * index
                assert answer == ("ack" if "r" in register.access else "err"), full_name
                assert cycles == _latency(soc, full_name, answer), full_name
            if register.reset is not None and "r" in register.access:
                assert value == register.reset, full_name

    simulate(soc, check)


@PRESET
def test_writes_reach_what_is_writable_and_nothing_else(simulate, initiator, name):
    soc = Soc(PRESETS[name])
    core = initiator(soc.core)

    async def check(ctx):
        for full_name, register in _registers(PRESETS[name]):
            for index in _some_words(register):
                answer, _, cycles = await core.access(ctx, register.address // 4 + index, 0)
                assert answer == ("ack" if "w" in register.access else "err"), full_name
                assert cycles == _latency(soc, full_name, answer), full_name

    simulate(soc, check)


@PRESET
def test_holes_are_bus_errors_at_once(simulate, initiator, name):
    soc = Soc(PRESETS[name])
    core = initiator(soc.core)
    used = {word for info in soc.memory_map.all_resources() for word in range(info.start, info.end)}
    near = {word + step for word in used for step in (-1, 1)} - {-1}
    inside = {
        word for block in register_map(PRESETS[name]) for word in range(block.base // 4, block.base // 4 + 64)
    }
    choose = random.Random(1)
    far = {choose.randrange(1 << 30) for _ in range(50)} | {1 << bit for bit in range(30)} | {(1 << 30) - 1}
    holes = sorted((near | inside | far) - used)

    async def check(ctx):
        for word in holes:
            for data in (None, 0xFFFF_FFFF):
                assert (await core.access(ctx, word, data))[::2] == ("err", 1), f"{4 * word:#x}"

    assert len(holes) > 100
    simulate(soc, check)


@PRESET
def test_sysinfo_tells_the_configuration(simulate, initiator, name):
    config = PRESETS[name]
    soc = Soc(config)
    core = initiator(soc.core)
    registers = dict(_registers(config))

    async def check(ctx):
        async def read(register):
            words = [
                (await core.access(ctx, register.address // 4 + index))[1] for index in range(register.words)
            ]
            return sum(word << 32 * index for index, word in enumerate(words))

        async def sysinfo(register_name):
            return await read(registers[f"sysinfo.{register_name}"])

        assert await sysinfo("name") == int.from_bytes(name.encode(), "big")
        assert await sysinfo("voltage_lanes") == config.voltage_lanes
        assert await sysinfo("current_lanes") == config.current_lanes
        assert await sysinfo("application_hz") == config.application_hz
        assert await sysinfo("sample_rate_numerator") == config.sample_rate_hz.numerator
        for built in ("harmonics", "modulators", "rogowski", "pulse_outputs", "capture_sets"):
            assert await sysinfo(built) == getattr(config, built), built
        assert await sysinfo("lifecycle") == config.lifecycle.value
        assert await sysinfo("lifecycle_constant") == 1
        assert await sysinfo("source_revision") == int.from_bytes(source_revision(), "big")
        assert await sysinfo("metrology_program") == int.from_bytes(
            soc.blocks["metrology"].identification, "big"
        )
        directory = await sysinfo("blocks0") | await sysinfo("blocks1") << 512
        for block in register_map(config):
            if block.name in soc.blocks:
                slot, rest = divmod(block.base, SLOT_BYTES)
                assert rest == 0
                identification = await read(registers[f"{block.name}.identification"])
                assert directory >> 32 * slot & 0xFFFF_FFFF == identification, block.name
                directory &= ~(0xFFFF_FFFF << 32 * slot)
        assert directory == 0

    simulate(soc, check)


def test_the_bit_of_an_interrupt_is_the_number_of_the_slot(simulate, initiator):
    config = PRESETS["tiny"]
    soc = Soc(config)
    core = initiator(soc.core)
    registers = dict(_registers(config))
    for block in register_map(config):
        if block.interrupt is not None:
            assert block.interrupt == block.base // SLOT_BYTES == soc.interrupts[block.name]

    async def check(ctx):
        assert ctx.get(soc.irq) == 0
        expected = 0
        for block, cause in (("uart_comms", 1 << 1), ("uart_optical", 1 << 1), ("timer", 1)):
            if block == "timer":
                for index in range(2):
                    await core.access(ctx, registers["timer.compare"].address // 4 + index, 0)
            await core.access(ctx, registers[f"{block}.enable"].address // 4, cause)
            await ctx.tick().repeat(3)
            expected |= 1 << soc.interrupts[block]
            assert ctx.get(soc.irq) == expected

    simulate(soc, check)


def test_serial_lines_reach_their_uart(simulate, initiator):
    config = PRESETS["tiny"].with_changes(application_hz=1_000_000, uart_baud=100_000)
    soc = Soc(config)
    core = initiator(soc.core)
    registers = dict(_registers(config))

    async def loop(ctx):
        async for *_, comms, optical in ctx.changed(soc.uart_comms.tx, soc.uart_optical.tx):
            ctx.set(soc.uart_comms.rx, optical)
            ctx.set(soc.uart_optical.rx, comms)

    async def check(ctx):
        for sender, receiver in (("uart_comms", "uart_optical"), ("uart_optical", "uart_comms")):
            await core.access(ctx, registers[f"{sender}.transmit"].address // 4, 0xA7)
            await ctx.tick().repeat(150)
            received = await core.access(ctx, registers[f"{receiver}.receive"].address // 4)
            assert received[:2] == ("ack", 0x1A7), receiver

    simulate(soc, check, background=[loop])


@PRESET
def test_the_core_has_a_message_hashed(simulate, initiator, name):
    """The variant of the preset, from the core port and back, and the interrupt that tells of it."""
    soc = Soc(PRESETS[name])
    core = initiator(soc.core)
    registers = dict(_registers(PRESETS[name]))
    layout = {field.name: Field(field.lsb, field.width) for field in registers["sha256.operate"].fields}
    operate = Register("sha256.operate", 0, 1, "w", layout)

    async def write(ctx, register_name, value):
        assert (await core.access(ctx, registers[f"sha256.{register_name}"].address // 4, value))[0] == "ack"

    async def check(ctx):
        await ctx.tick().repeat(1000)  # keys are wiped after a reset, and the hash with them
        await write(ctx, "enable", 1)
        await write(ctx, "operate", operate.pack(operation=0))
        await write(ctx, "data", int.from_bytes(b"Watt", "big"))
        await write(ctx, "tail", int.from_bytes(b"sea\0", "big"))
        await write(ctx, "operate", operate.pack(operation=7, tail_bytes=3))
        for _ in range(1000):
            if ctx.get(soc.irq):
                break
            await ctx.tick()
        assert ctx.get(soc.irq) == 1 << soc.interrupts["sha256"]
        start = registers["sha256.state"].address // 4
        words = [(await core.access(ctx, start + index))[1] for index in range(8)]
        digest = sum(word << 32 * index for index, word in enumerate(words))
        assert digest == int.from_bytes(sha256(b"Wattsea").digest(), "big")

    simulate(soc, check)


@PRESET
def test_nothing_that_was_made_is_missing_in_the_design(name):
    gc.collect()  # what other tests left behind
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", UnusedElaboratable)
        soc = Soc(PRESETS[name])
        Fragment.get(soc, None)
        del soc
        gc.collect()
    assert [str(warning.message) for warning in seen] == []


def test_other_presets_are_a_subset_at_the_same_addresses():
    whole = dict(_registers(PRESETS["polyphase"]))
    for name in PRESETS:
        for full_name, register in _registers(PRESETS[name]):
            place = (register.address, register.words, register.access)
            other = whole[full_name]
            assert place == (other.address, other.words, other.access), f"{name}: {full_name}"
            layout = [(field.name, field.lsb, field.width) for field in register.fields]
            assert layout == [(field.name, field.lsb, field.width) for field in other.fields], full_name


def test_no_register_is_wider_than_an_operation_of_the_core():
    for full_name, register in _registers(PRESETS["polyphase"]):
        assert register.words <= 16, full_name


@PRESET
def test_one_block_name_one_interrupt(name):
    soc = Soc(PRESETS[name])
    assert len(set(soc.interrupts.values())) == len(soc.interrupts)
    assert max(soc.interrupts.values()) < len(soc.irq) <= 32
