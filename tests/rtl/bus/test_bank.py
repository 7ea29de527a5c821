"""The register bank: identification, causes, and the interrupt line."""

import random

import pytest

from rtl.bus import RegisterBank, csr

CAUSES = {"first": "One thing happened.", "second": "Another thing happened.", "third": "A third."}


@pytest.fixture
def bank():
    bank = RegisterBank(identification="TEST", version=7, addr_width=4, causes=CAUSES)
    bank.add("scratch", csr.Register({"value": csr.Field(csr.action.RW, 32, init=0x1234)}, access="rw"))
    bank.freeze()
    return bank


def test_identification_version_and_own_registers(bank, simulate, registers):
    by_name = registers(bank.bus)

    async def check(ctx):
        assert await by_name.read(ctx, "identification") == int.from_bytes(b"TEST", "big")
        assert await by_name.read(ctx, "version") == 7
        assert await by_name.read(ctx, "scratch") == 0x1234
        await by_name.write(ctx, "scratch", 0xCAFE_F00D)
        assert await by_name.read(ctx, "scratch") == 0xCAFE_F00D

    simulate(bank, check)


def test_order_of_registers(bank):
    names = [name[0] for _, name, _ in bank.bus.memory_map.resources()]
    assert names == ["identification", "version", "cause", "enable", "scratch"]


def test_without_causes_there_is_neither_cause_nor_interrupt(simulate):
    bank = RegisterBank(identification="TEST", version=1, addr_width=2)
    bank.freeze()
    assert [name[0] for _, name, _ in bank.bus.memory_map.resources()] == ["identification", "version"]

    async def check(ctx):
        ctx.set(bank.events, 1)
        await ctx.tick().repeat(3)
        assert ctx.get(bank.irq) == 0

    simulate(bank, check)


def test_event_to_interrupt_takes_one_cycle(bank, simulate, registers):
    by_name = registers(bank.bus)

    async def check(ctx):
        await by_name.write(ctx, "enable", second=1)
        ctx.set(bank.event("second"), 1)
        assert ctx.get(bank.irq) == 0
        await ctx.tick()
        assert ctx.get(bank.irq) == 1

    simulate(bank, check)


def test_clearing_does_not_win_over_an_event_that_lasts(bank, simulate, registers):
    by_name = registers(bank.bus)

    async def check(ctx):
        ctx.set(bank.event("third"), 1)
        await ctx.tick()
        await by_name.write(ctx, "cause", third=1)
        assert await by_name.read_fields(ctx, "cause") == {"first": 0, "second": 0, "third": 1}
        ctx.set(bank.event("third"), 0)
        assert (await by_name.read_fields(ctx, "cause"))["third"] == 1
        await by_name.write(ctx, "cause", third=1)
        assert await by_name.read(ctx, "cause") == 0

    simulate(bank, check)


@pytest.mark.parametrize("seed", range(3))
def test_causes_against_a_model(bank, simulate, registers, seed):
    by_name = registers(bank.bus)
    steps = random.Random(seed)

    async def check(ctx):
        cause = enable = 0
        for step in range(300):
            what = steps.choice(("event", "clear", "enable", "read"))
            value = steps.randrange(8)
            if what == "event":
                ctx.set(bank.events, value)
                await ctx.tick()
                ctx.set(bank.events, 0)
                cause |= value
            elif what == "clear":
                await by_name.write(ctx, "cause", value)
                cause &= ~value
            elif what == "enable":
                await by_name.write(ctx, "enable", value)
                enable = value
            else:
                assert await by_name.read(ctx, "cause") == cause, f"seed {seed}, step {step}"
                assert await by_name.read(ctx, "enable") == enable, f"seed {seed}, step {step}"
            assert ctx.get(bank.irq) == bool(cause & enable), f"seed {seed}, step {step}"

    simulate(bank, check)


@pytest.mark.parametrize(
    ("parameters", "error", "sentence"),
    [
        (
            {"identification": "LONG1", "version": 1},
            ValueError,
            "Identification must be four ASCII letters or digits, not 'LONG1'",
        ),
        (
            {"identification": "A-B!", "version": 1},
            ValueError,
            "Identification must be four ASCII letters or digits, not 'A-B!'",
        ),
        ({"identification": 5, "version": 1}, TypeError, "Identification must be a string, not 5"),
        ({"identification": "GOOD", "version": 0}, ValueError, "Version must be 1 or more, not 0"),
        ({"identification": "GOOD", "version": "1"}, TypeError, "Version must be an integer, not '1'"),
    ],
)
def test_refusals(parameters, error, sentence):
    with pytest.raises(error) as caught:
        RegisterBank(addr_width=4, **parameters)
    assert str(caught.value) == sentence
