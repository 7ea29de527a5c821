"""Ring oscillators of look-up tables, for boards."""

from amaranth import Cat, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In

from .jitter import REFERENCE
from .signature import NoiseSignature

__all__ = ["FAMILIES", "RingOscillators"]

_NAND_OF_FIRST_TWO = 0x7777
_FIRST = 0xAAAA
_SHORTEST = 3  # a shorter one may be too fast for its look-up tables, and then stands at half a level


def _ecp5(table, first, second, output):
    return Instance("LUT4", ("a", "keep", 1), p_INIT=table, i_A=first, i_B=second, i_C=0, i_D=0, o_Z=output)


def _ice40(table, first, second, output):
    return Instance(
        "SB_LUT4", ("a", "keep", 1), p_LUT_INIT=table, i_I0=first, i_I1=second, i_I2=0, i_I3=0, o_O=output
    )


FAMILIES = {"ecp5": _ecp5, "ice40": _ice40}
"""The families of FPGAs whose look-up tables rings are made of: each makes one look-up table."""


class RingOscillators(wiring.Component):
    """Free-running rings, each sampled by two flip-flops of its own.

    A ring is a NAND with ``enable`` and buffers, each a look-up table of the vendor's: synthesis takes a ring
    apart that is anything else, and `soc.loops` counts those that are left. Without ``enable`` a ring stands
    still, high. The tools place the rings as they like.

    Parameters
    ----------
    lengths : tuple of int
        Stages of the rings of one bank, each 3 or more.
    banks : int
        Banks. Ring ``bank * len(lengths) + index`` has ``lengths[index]`` stages.
    family : str
        One of `FAMILIES`.

    Attributes
    ----------
    ring_lengths : tuple of int
        Stages of each ring.

    Members
    -------
    noise : In(NoiseSignature)
        The sampled levels; a new sample in each clock, whether one is taken or not.

    Latency
    -------
    Two clocks from the flip-flop that samples to the port.

    Raises
    ------
    ValueError
        If the family is not known, a ring is too short, or there is none.
    """

    def __init__(self, *, lengths=REFERENCE.lengths, banks=REFERENCE.banks, family):
        if family not in FAMILIES:
            raise ValueError(f"Family of the rings must be one of {', '.join(FAMILIES)}, not {family!r}")
        if not lengths or min(lengths) < _SHORTEST:
            raise ValueError(f"Rings must have {_SHORTEST} or more stages, not {lengths!r}")
        if banks < 1:
            raise ValueError(f"Number of banks must be 1 or more, not {banks!r}")
        self.ring_lengths = tuple(lengths) * banks
        self._look_up_table = FAMILIES[family]
        super().__init__({"noise": In(NoiseSignature(rings=len(self.ring_lengths)))})

    def elaborate(self, platform):
        m = Module()
        outputs = []
        for ring, length in enumerate(self.ring_lengths):
            stages = [Signal(name=f"ring_{ring}_{stage}", attrs={"keep": 1}) for stage in range(length)]
            m.submodules[f"ring_{ring}_0"] = self._look_up_table(
                _NAND_OF_FIRST_TWO, stages[-1], self.noise.enable, stages[0]
            )
            for stage in range(1, length):
                m.submodules[f"ring_{ring}_{stage}"] = self._look_up_table(
                    _FIRST, stages[stage - 1], 0, stages[stage]
                )
            outputs.append(stages[-1])
        m.submodules.samples = FFSynchronizer(Cat(outputs), self.noise.rings, stages=2)
        return m
