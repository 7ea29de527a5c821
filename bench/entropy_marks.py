"""What the noise source is held against: marks, and jitters that others have measured on FPGAs."""

import math

__all__ = ["MEASURED_STRENGTH_PS", "OUTPUT_HZ", "measured_jitters_ps"]

OUTPUT_HZ = 300_000
"""Full entropy that the source must give, in bits a second."""

MEASURED_STRENGTH_PS = {"Cyclone III": 15.89**2 / 2 / 9709, "Spartan-6": 2.6**2 / 480}
"""Variance of an edge's time by thermal noise that comes in during a time, divided by that time.

Of a ring of 103 MHz, whose period jittered against that of an equal one by 15.89 ps (Haddad, Teglia, Bernard
and Fischer, DATE 2014); of a look-up table of 480 ps, which jittered by 2.6 ps (Rožić, Yang, Dehaene and
Verbauwhede, DAC 2015).
"""


def measured_jitters_ps(stage_ps: float) -> tuple[float, float]:
    """The least and the most that follows from these for a stage of so many ps."""
    jitters = sorted(math.sqrt(strength * stage_ps) for strength in MEASURED_STRENGTH_PS.values())
    return jitters[0], jitters[-1]
