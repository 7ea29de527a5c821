"""The divisor and the ticks that it makes."""

from fractions import Fraction

import pytest

from rtl.periph.baud import DIVISOR_BITS, FRACTION_BITS, BaudTick, divisor_for


@pytest.mark.parametrize("divisor", [256, 257, 300, 384, 511, 512, 3333, 13889])
def test_ticks_are_never_off_by_a_clock(simulate, divisor):
    ticks = BaudTick()
    distance = Fraction(divisor, 1 << FRACTION_BITS)

    async def check(ctx):
        ctx.set(ticks.divisor, divisor)
        ctx.set(ticks.restart, 1)
        await ctx.tick()
        ctx.set(ticks.restart, 0)
        count = 0
        for clock in range(1, 4000):
            if ctx.get(ticks.tick):
                count += 1
                assert 0 <= count * distance - clock < 1, f"tick {count} at clock {clock}"
            await ctx.tick()
        assert count == int(3999 / distance) or count == int(4000 / distance)

    simulate(ticks, check)


@pytest.mark.parametrize("clock_hz", [12_000_000, 25_000_000, 49_999_999, 50_000_000])
@pytest.mark.parametrize("baud", [300, 2400, 9600, 115_200, 921_600])
def test_divisor_makes_the_baud_rate(clock_hz, baud):
    divisor = divisor_for(clock_hz, baud)
    made = clock_hz / (8 * Fraction(divisor, 1 << FRACTION_BITS))
    assert abs(made / baud - 1) < Fraction(2, 1000)


@pytest.mark.parametrize(
    ("clock_hz", "baud", "sentence"),
    [
        (1_000_000, 200_000, "Clock must be at least 8 times the baud rate (= 1600000 Hz), not 1000000 Hz"),
        (0, 9600, "Clock must be a positive integer, not 0"),
        (1_000_000, 96.5, "Baud rate must be a positive integer, not 96.5"),
        (
            50_000_000,
            50,
            f"Divisor must fit in {DIVISOR_BITS} bits, not be 32000000 (= 256 * 50000000 Hz / (8 * 50 baud))",
        ),
    ],
)
def test_refusals(clock_hz, baud, sentence):
    with pytest.raises(ValueError) as caught:
        divisor_for(clock_hz, baud)
    assert str(caught.value) == sentence
