"""Clocks and resets of a board: from its oscillator to the two domains of the chip."""

from dataclasses import dataclass
from math import lcm

from amaranth import ClockDomain, ClockSignal, Const, Elaboratable, Instance, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from .errors import InputError

__all__ = ["BoardClocks", "PllPlan", "plan_pll"]

# Ranges of the EHXPLLL of ECP5, from the data sheet of the family.
_INPUT_HZ = (8_000_000, 400_000_000)
_PHASE_DETECTOR_HZ = (3_125_000, 400_000_000)
_VCO_HZ = (400_000_000, 800_000_000)
_OUTPUT_HZ = (3_125_000, 400_000_000)
_DIVIDERS = range(1, 129)

# The block RAMs of iCE40 read wrong words for some microseconds after configuration.
_POWER_ON_US = 15


@dataclass(frozen=True)
class PllPlan:
    """Dividers of an EHXPLLL: the feedback goes through an output of its own, ``feedback_output``.

    The oscillator runs at input / ``input_divider`` * ``feedback_divider`` * ``feedback_output``, and each
    output at that divided by its element of ``outputs``.
    """

    input_divider: int
    feedback_divider: int
    feedback_output: int
    outputs: tuple[int, ...]


def plan_pll(input_hz: int, *outputs_hz: int) -> PllPlan:
    """Dividers that make ``outputs_hz`` exactly from ``input_hz``.

    Of all there are, those with the highest frequency at the phase detector, then with the oscillator nearest
    to the middle of its range, then with the lowest frequency on the wire of the feedback.

    Raises
    ------
    InputError
        If there are none.
    """
    plans = []
    common = lcm(*outputs_hz)
    for vco in range(-(-_VCO_HZ[0] // common) * common, _VCO_HZ[1] + 1, common):
        outputs = tuple(vco // output for output in outputs_hz)
        for input_divider in _DIVIDERS:
            multiplier, rest = divmod(vco * input_divider, input_hz)
            detector = input_hz / input_divider
            if rest or not _within(detector, _PHASE_DETECTOR_HZ) or not set(outputs) <= set(_DIVIDERS):
                continue
            plans += [
                (input_divider, abs(vco - sum(_VCO_HZ) // 2), multiplier // output, output, outputs)
                for output in _DIVIDERS
                if multiplier % output == 0
                and multiplier // output in _DIVIDERS
                and _within(vco / output, _OUTPUT_HZ)
            ]
    if not plans or not _within(input_hz, _INPUT_HZ) or not all(_within(hz, _OUTPUT_HZ) for hz in outputs_hz):
        wanted = " and ".join(f"{hz / 1e6:g} MHz" for hz in outputs_hz)
        raise InputError(
            f"The PLL cannot make {wanted} from {input_hz / 1e6:g} MHz: they need a common multiple "
            f"from {_VCO_HZ[0] // 10**6} to {_VCO_HZ[1] // 10**6} MHz in a ratio of small numbers to it."
        )
    input_divider, _, feedback_divider, feedback_output, outputs = min(plans)
    return PllPlan(input_divider, feedback_divider, feedback_output, outputs)


def _within(value: float, limits: tuple[int, int]) -> bool:
    return limits[0] <= value <= limits[1]


class BoardClocks(Elaboratable):
    """Drives the domains ``sync`` and ``metrology`` from the default clock of the platform.

    Where a domain's frequency is not the oscillator's, both come from one PLL (ECP5 only). A domain leaves
    reset, in step with its own clock, when the oscillator has run for some microseconds after configuration
    and the PLL has locked. The reset button of a board that has one resets ``sync`` alone: the metrology
    knows no reset but power-on.

    Parameters
    ----------
    application_hz, metrology_hz : int
        Frequencies of ``sync`` and ``metrology``.

    Raises
    ------
    InputError
        When elaborated, if the board cannot make a frequency.
    """

    def __init__(self, *, application_hz: int, metrology_hz: int):
        self._application_hz = application_hz
        self._metrology_hz = metrology_hz

    def elaborate(self, platform):
        m = Module()
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.domains.power_on = ClockDomain(local=True, reset_less=True)
        m.d.comb += ClockSignal("power_on").eq(oscillator.i)

        clocks = ClockSignal("sync"), ClockSignal("metrology")
        locked = Const(1)
        oscillator_hz = round(platform.default_clk_frequency)
        if (self._application_hz, self._metrology_hz) == (oscillator_hz, oscillator_hz):
            m.d.comb += [clock.eq(oscillator.i) for clock in clocks]
        elif getattr(platform, "family", None) == "ecp5":
            locked = Signal()
            plan = plan_pll(oscillator_hz, self._application_hz, self._metrology_hz)
            m.submodules.pll = _pll(plan, oscillator.i, clocks, locked)
        else:
            raise InputError(
                f"{type(platform).__name__} has no PLL that is known here: both clocks must be those of its "
                f"oscillator (= {oscillator_hz} Hz), not {self._application_hz} and {self._metrology_hz} Hz."
            )

        started = Signal(range(_POWER_ON_US * oscillator_hz // 1_000_000 + 1))
        ready = Signal()
        with m.If(started == _POWER_ON_US * oscillator_hz // 1_000_000):
            m.d.power_on += ready.eq(1)
        with m.Else():
            m.d.power_on += started.eq(started + 1)

        button = Const(0)
        if platform.default_rst is not None:
            m.submodules.button = reset = io.Buffer("i", platform.request(platform.default_rst, dir="-"))
            button = reset.i
        m.submodules.metrology_reset = ResetSynchronizer(~(ready & locked), domain="metrology")
        m.submodules.sync_reset = ResetSynchronizer(~(ready & locked) | button, domain="sync")
        return m


def _pll(plan: PllPlan, source: Signal, clocks: tuple[Signal, Signal], locked: Signal) -> Instance:
    feedback = Signal()
    outputs = {"CLKOP": (plan.feedback_output, feedback)}
    outputs |= dict(zip(("CLKOS", "CLKOS2"), zip(plan.outputs, clocks, strict=True), strict=True))
    ports: dict[str, object] = {}
    for name, (divider, clock) in outputs.items():
        ports |= {
            f"p_{name}_ENABLE": "ENABLED",
            f"p_{name}_DIV": divider,
            f"p_{name}_CPHASE": divider - 1,
            f"p_{name}_FPHASE": 0,
            f"o_{name}": clock,
        }
    for unused in ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC", "ENCLKOP"):
        ports[f"i_{unused}"] = Const(0)
    for unused in ("PHASEDIR", "PHASESTEP", "PHASELOADREG"):
        ports[f"i_{unused}"] = Const(1)
    for attribute, value in (
        ("ICP_CURRENT", "12"),
        ("LPF_RESISTOR", "8"),
        ("MFG_ENABLE_FILTEROPAMP", "1"),
        ("MFG_GMCREF_SEL", "2"),
    ):
        ports[f"a_{attribute}"] = value
    for parameter in ("PLLRST_ENA", "INTFB_WAKE", "STDBY_ENABLE", "DPHASE_SOURCE"):
        ports[f"p_{parameter}"] = "DISABLED"
    for letter in "ABCD":
        ports[f"p_OUTDIVIDER_MUX{letter}"] = f"DIV{letter}"
    return Instance(
        "EHXPLLL",
        **ports,
        p_CLKI_DIV=plan.input_divider,
        p_CLKFB_DIV=plan.feedback_divider,
        p_FEEDBK_PATH="CLKOP",
        i_CLKI=source,
        i_CLKFB=feedback,
        o_LOCK=locked,
    )
