"""Time, alarm, and the trace that a setting of the clock leaves."""

import pytest

from rtl.periph.timer import Timer


def _parts(seconds, microseconds):
    return seconds << 32 | microseconds


@pytest.mark.parametrize("clock_hz", [1_000_000, 1_500_000, 7_372_800, 12_000_000])
def test_a_microsecond_is_right_in_the_long_run(simulate, registers, clock_hz):
    timer = Timer(clock_hz=clock_hz)
    by_name = registers(timer.bus)

    async def check(ctx):
        clock = 0
        for pause in (1, 7, 100, 1000, 3000, 5000):
            await ctx.tick().repeat(pause)
            clock += pause
            assert await by_name.read(ctx, "now") == clock * 1_000_000 // clock_hz
            clock += 2

    simulate(timer, check)


def test_seconds_carry(simulate, registers, monkeypatch):
    monkeypatch.setattr("rtl.periph.timer._MICROSECONDS", 50)
    timer = Timer(clock_hz=50)
    by_name = registers(timer.bus)

    async def check(ctx):
        for expected in range(0, 330, 2):
            assert await by_name.read(ctx, "time") == _parts(*divmod(expected, 50))

    simulate(timer, check)


def test_wide_registers_are_read_whole(simulate, registers):
    """A counter that steps between the two reads does not tear: both words are of the first one's time."""
    timer = Timer(clock_hz=1_000_000)

    async def check(ctx):
        by_name = registers(timer.bus)
        now = await by_name.read(ctx, "now")
        assert now == 0
        ctx.set(timer.bus.addr, 5)
        await ctx.tick().repeat(20)
        ctx.set(timer.bus.r_stb, 1)
        await ctx.tick()
        assert ctx.get(timer.bus.r_data) == 0
        assert await by_name.read(ctx, "now") == 23

    simulate(timer, check)


def test_alarm(simulate, registers):
    timer = Timer(clock_hz=1_000_000)
    by_name = registers(timer.bus)

    async def check(ctx):
        await by_name.write(ctx, "enable", alarm=1)
        await by_name.write(ctx, "compare", 40)
        clock = 5
        while not ctx.get(timer.irq):
            await ctx.tick()
            clock += 1
        assert clock == 41
        await by_name.write(ctx, "cause", alarm=1)
        assert ctx.get(timer.irq) == 1, "the time has come, and stays so"
        await by_name.write(ctx, "compare", 1 << 40)
        await by_name.write(ctx, "cause", alarm=1)
        assert ctx.get(timer.irq) == 0

    simulate(timer, check)


def test_alarm_is_never_after_reset(simulate, registers):
    timer = Timer(clock_hz=1_000_000)
    by_name = registers(timer.bus)

    async def check(ctx):
        await by_name.write(ctx, "enable", alarm=1)
        await ctx.tick().repeat(100)
        assert ctx.get(timer.irq) == 0
        assert await by_name.read(ctx, "compare") == (1 << 64) - 1

    simulate(timer, check)


def test_each_setting_of_the_clock_is_counted_and_time_itself_is_not_touched(simulate, registers):
    timer = Timer(clock_hz=1_000_000)
    by_name = registers(timer.bus)

    async def check(ctx):
        assert await by_name.read(ctx, "settings") == 0
        clock = 1
        for count, offset in enumerate((_parts(1_700_000_000, 999_999), _parts(1, 0), 0), 1):
            await by_name.write(ctx, "offset", offset)
            assert await by_name.read(ctx, "offset") == offset
            assert await by_name.read(ctx, "settings") == count
            assert await by_name.read(ctx, "now") == clock + 6
            clock += 8

    simulate(timer, check)


def test_half_a_setting_is_none(simulate, registers):
    timer = Timer(clock_hz=1_000_000)
    by_name = registers(timer.bus)

    async def check(ctx):
        ctx.set(timer.bus.addr, 10)
        ctx.set(timer.bus.w_data, 77)
        ctx.set(timer.bus.w_stb, 1)
        await ctx.tick()
        ctx.set(timer.bus.w_stb, 0)
        await ctx.tick().repeat(3)
        assert await by_name.read(ctx, "offset") == 0
        assert await by_name.read(ctx, "settings") == 0

    simulate(timer, check)


@pytest.mark.parametrize("clock_hz", [999_999, 12e6, "fast"])
def test_refusals(clock_hz):
    with pytest.raises(ValueError) as caught:
        Timer(clock_hz=clock_hz)
    assert str(caught.value) == f"Clock must be an integer of 1000000 Hz or more, not {clock_hz!r}"
