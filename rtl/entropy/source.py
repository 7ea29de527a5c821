"""Raw random bits from a noise source, tested all the time."""

from amaranth import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .adaptive_proportion import AdaptiveProportion
from .cutoffs import LAG_WINDOW, LAGS, PROPORTION_WINDOW, RING_WINDOW, admissible_cutoffs, default_cutoffs
from .lag_test import LagTest
from .repetition_count import RepetitionCount
from .ring_test import RingTest
from .signature import BitSignature, NoiseSignature
from .silence_test import SilenceTest
from .start_up import StartUp

__all__ = ["EntropySource", "Failures", "cutoff_layout"]

_REPETITION_BITS, _SILENCE_BITS = 9, 7


class Failures(data.Struct):
    """Which health tests fail, a bit a test."""

    repetition: 1
    proportion: 1
    lag: 1
    silence: 1
    lost: 1


def cutoff_layout(*, banks, lengths):
    """Layout of the cut-offs of a source with ``banks`` of rings of so many ``lengths``.

    A field a test, by the names of `admissible_cutoffs`, as wide as the test counts: what may be loaded is
    for whoever loads it.
    """
    lost = max(banks * lengths // 2, admissible_cutoffs(banks=banks, lengths=lengths)["lost"][-1])
    return data.StructLayout(
        {
            "repetition": _REPETITION_BITS,
            "proportion": (PROPORTION_WINDOW - 1).bit_length(),
            "lag": (LAG_WINDOW - 1).bit_length(),
            "silence": _SILENCE_BITS,
            "lost": lost.bit_length(),
        }
    )


class EntropySource(wiring.Component):
    """Samples the rings, makes a raw bit of them, tests both, and says whether the bit may be used.

    A sample is taken every ``divider`` clocks; its raw bit is the exclusive or of all rings. Every test looks
    at every sample. Bits are healthy after all tests have passed on all samples of a start-up, until one
    fails; then a new start-up begins by itself.

    Parameters
    ----------
    lengths : sequence of int
        Stages of the rings of a bank.
    banks : int
        Banks. Ring ``bank * len(lengths) + n`` has ``lengths[n]`` stages.
    divider : int
        Clocks from sample to sample.

    Attributes
    ----------
    LEAST_CLOCKS : int
        Clocks that the tests need for a sample, beyond one for each ring.
    start_up : StartUp
        What decides whether bits are healthy.
    present : Signal
        A sample was taken, and is not judged yet.

    Members
    -------
    noise : Out(NoiseSignature)
        The rings.
    enable : In(1)
        Lets the rings oscillate, and samples be taken. A start-up follows.
    restart : In(1)
        Strobe: a new start-up, as a test on demand. No bit is healthy from this clock until it is passed.
    cutoffs : In(cutoff_layout())
        Cut-off of each test; `default_cutoffs` for those that the design is made for, and
        `admissible_cutoffs` for what may be loaded. They may change at any time, and hold from the next
        sample on.
    bits : Out(BitSignature)
        Raw bits, whether healthy or not.
    failed : Out(Failures)
        With ``bits.stb``: tests that fail on this sample, start-up or not.
    starting : Out(1)
        A start-up is under way, or ``enable`` is low.

    Latency
    -------
    ``bits.stb`` comes a clock for each ring and three clocks after the sample was taken. A start-up takes
    `START_UP_SAMPLES` samples.

    Raises
    ------
    TypeError, ValueError
        If a number is none, or there are too few rings or clocks from sample to sample.
    """

    LEAST_CLOCKS = 3

    def __init__(self, *, lengths, banks, divider):
        lengths = tuple(lengths)
        for name, value in (("Number of banks", banks), ("Sampling divider", divider)):
            if not isinstance(value, int):
                raise TypeError(f"{name} must be an integer, not {value!r}")
        rings = banks * len(lengths)
        if rings < max(4, LAGS // 2):
            raise ValueError(
                f"Number of rings must be 8 or more, not {rings} (= {banks} banks × {len(lengths)})"
            )
        steps = max(rings, LAGS)
        least = self.least_divider(rings)
        if divider < least:
            raise ValueError(f"Sampling divider must be {least} or more for {rings} rings, not {divider}")
        self._lengths, self._banks, self._divider = lengths, banks, divider
        self._steps = steps
        self.start_up = StartUp()
        self.present = Signal()
        super().__init__(
            {
                "noise": Out(NoiseSignature(rings=rings)),
                "enable": In(1),
                "restart": In(1),
                "cutoffs": In(cutoff_layout(banks=banks, lengths=len(lengths))),
                "bits": Out(BitSignature()),
                "failed": Out(Failures),
                "starting": Out(1),
            }
        )

    @classmethod
    def least_divider(cls, rings):
        """The fewest clocks from sample to sample for so many rings."""
        return max(rings, LAGS) + cls.LEAST_CLOCKS

    @property
    def default_cutoffs(self):
        """Cut-off of each test by name, for the assumed min-entropy."""
        return default_cutoffs(banks=self._banks, lengths=len(self._lengths))

    def elaborate(self, platform):
        m = Module()
        rings = self._banks * len(self._lengths)
        m.submodules.start_up = start_up = self.start_up
        m.submodules.repetition = repetition = RepetitionCount(width=len(self.cutoffs.repetition))
        m.submodules.proportion = proportion = AdaptiveProportion()
        m.submodules.lag = lag = LagTest()
        m.submodules.silence = silence = SilenceTest(width=len(self.cutoffs.silence))
        m.submodules.lost = lost = RingTest(banks=self._banks, lengths=len(self._lengths))

        step = Signal(range(self._divider))  # clocks since the sample was taken, less one
        sampled = Signal(rings)
        present = self.present
        stb = Signal()
        m.d.comb += [
            self.noise.enable.eq(self.enable),
            self.noise.take.eq(self.enable & (step == self._divider - 1)),
            stb.eq(present & (step == self._steps + 1)),
        ]
        m.d.sync += step.eq(step + 1)
        with m.If(step == self._divider - 1):
            m.d.sync += [step.eq(0), present.eq(self.enable)]
        with m.If(self.noise.take):
            m.d.sync += [sampled.eq(self.noise.rings), self.bits.value.eq(self.noise.rings.xor())]
        with m.If(stb):
            m.d.sync += present.eq(0)

        tests = {
            "repetition": repetition,
            "proportion": proportion,
            "lag": lag,
            "silence": silence,
            "lost": lost,
        }
        begin = start_up.position == 0
        for name, test in tests.items():
            m.d.comb += [
                test.stb.eq(stb),
                test.cutoff.eq(self.cutoffs[name]),
                self.failed[name].eq(test.failed),
            ]
        m.d.comb += [
            start_up.enable.eq(self.enable),
            start_up.restart.eq(self.restart),
            start_up.take.eq(self.noise.take),
            start_up.stb.eq(stb),
            start_up.failed.eq(self.failed.as_value().any()),
            repetition.value.eq(self.bits.value),
            repetition.begin.eq(begin & start_up.starting),
            proportion.value.eq(self.bits.value),
            proportion.begin.eq(_at(start_up.position, PROPORTION_WINDOW, 0)),
            lag.look.eq(present & (step < LAGS)),
            lag.step.eq(step),
            lag.value.eq(self.bits.value),
            lag.begin.eq(_at(start_up.position, LAG_WINDOW, 0)),
            lost.look.eq(present & (step < rings)),
            lost.step.eq(step),
            lost.rings.eq(sampled),
            lost.begin.eq(_at(start_up.position, RING_WINDOW, 0)),
            lost.end.eq(_at(start_up.position, RING_WINDOW, RING_WINDOW - 1)),
            silence.changed.eq(lost.changed),
            silence.begin.eq(begin & start_up.starting),
            self.bits.stb.eq(stb),
            self.bits.healthy.eq(start_up.healthy),
            self.starting.eq(start_up.starting),
        ]
        return m


def _at(position, window, index):
    """Whether a sample is number ``index`` of a window."""
    return Cat(position)[: (window - 1).bit_length()] == index
