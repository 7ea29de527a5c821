"""The PLL's dividers against its limits, and the resets of a board's two domains."""

import itertools

import pytest
from amaranth import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.hdl import Fragment
from amaranth.lib.io import SimulationPort
from amaranth.sim import Simulator

from soc.clocks import BoardClocks, plan_pll
from soc.errors import InputError

OSCILLATORS = (12_000_000, 25_000_000, 48_000_000, 100_000_000)
OUTPUTS = (24_000_000, 25_000_000, 40_000_000, 50_000_000, 80_000_000)


@pytest.mark.parametrize("oscillator", OSCILLATORS)
def test_plans_are_exact_and_within_the_limits(oscillator):
    planned = 0
    for wanted in itertools.product(OUTPUTS, repeat=2):
        try:
            plan = plan_pll(oscillator, *wanted)
        except InputError:
            continue
        planned += 1
        vco = oscillator * plan.feedback_divider * plan.feedback_output / plan.input_divider
        assert [vco / divider for divider in plan.outputs] == list(wanted)
        assert 400e6 <= vco <= 800e6
        assert 3.125e6 <= oscillator / plan.input_divider <= 400e6
        assert 3.125e6 <= vco / plan.feedback_output <= 400e6
        for divider in (plan.input_divider, plan.feedback_divider, plan.feedback_output, *plan.outputs):
            assert 1 <= divider <= 128
    assert planned >= 10, f"only {planned} plans from {oscillator} Hz"


@pytest.mark.parametrize(
    "wanted", [(49_999_999, 25_000_000), (1_000_000, 25_000_000), (450_000_000, 25_000_000)]
)
def test_what_a_pll_cannot_make_is_a_sentence(wanted):
    with pytest.raises(InputError, match=r"^The PLL cannot make .* MHz and 25 MHz from 25 MHz: .*\.$"):
        plan_pll(25_000_000, *wanted)


class Board:
    """The part of a platform that the clocks use: a 1 MHz oscillator, a reset button, no PLL."""

    default_clk, default_rst, default_clk_frequency = "clock", "button", 1e6

    def __init__(self):
        self.ports = {name: SimulationPort("i", 1) for name in ("clock", "button")}

    def request(self, name, dir):
        return self.ports[name]


class OnBoard(Elaboratable):
    """The clocks of `Board`, with what they drive as signals."""

    def __init__(self):
        self.board = Board()
        self.clocks = Signal(2)
        self.resets = Signal(2, init=0b11)

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.domains.metrology = ClockDomain()
        m.submodules.clocks = Fragment.get(
            BoardClocks(application_hz=1_000_000, metrology_hz=1_000_000), self.board
        )
        for bit, domain in enumerate(("sync", "metrology")):
            m.d.comb += [
                self.clocks[bit].eq(ClockSignal(domain)),
                self.resets[bit].eq(ResetSignal(domain)),
            ]
        return m


def test_the_button_resets_the_application_alone():
    top = OnBoard()
    resets = []

    async def bench(ctx):
        clock, button = (top.board.ports[name].i for name in ("clock", "button"))

        async def run(periods):
            for _ in range(periods):
                ctx.set(clock, 1)
                await ctx.delay(5e-7)
                assert ctx.get(top.clocks) == 0b11
                ctx.set(clock, 0)
                await ctx.delay(5e-7)
            resets.append(ctx.get(top.resets))

        await run(10)
        await run(20)
        ctx.set(button, 1)
        await run(3)
        ctx.set(button, 0)
        await run(5)

    simulator = Simulator(top)
    simulator.add_testbench(bench)
    simulator.run()
    assert resets == [0b11, 0b00, 0b01, 0b00]


def test_a_frequency_without_a_pll_is_a_sentence():
    clocks = BoardClocks(application_hz=2_000_000, metrology_hz=1_000_000)
    with pytest.raises(
        InputError, match=r"^Board has no PLL .* \(= 1000000 Hz\), not 2000000 and 1000000 Hz\.$"
    ):
        clocks.elaborate(Board())
