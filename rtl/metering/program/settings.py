"""Settings: the parameters of events, which an installer sets."""

from ..parameters import LANE_BITS
from ..quantities import FACTOR_FRACTION, MEAN_FRACTION, TIME_FRACTION
from ..state import State, Word

__all__ = ["NoLoad", "PulseSettings", "Settings"]


class NoLoad(State):
    """A phase's no-load thresholds: powers in 2 ** -34 of full scale V A.

    A window whose power is below adds nothing: ``active`` is for active energy, its fundamental and its
    harmonics. The first two are a hundredth of the starting current of class 0.1 S, so that currents of
    10 000:1 count; the last is half of it, as noise alone has apparent power.
    """

    active: Word = 44700
    reactive: Word = 44700
    apparent: Word = 1863000


class PulseSettings(State):
    """What a pulse output shows: the number of an energy in `ENERGIES` of `rtl.metering.program.pulses`.

    A pulse is ``quantum`` · ``scale`` in 2 ** -54 of full scale V A sample, both below 2 ** 35; with 0 the
    output is off.
    """

    energy: Word = 0
    quantum: Word = 1 << 30
    scale: Word = 1 << 31


# Full scale of RMS values, of shares, of hertz.
_RMS = 1 << LANE_BITS - 1 + MEAN_FRACTION
_SHARE = 1 << FACTOR_FRACTION
_HZ = 1 << TIME_FRACTION


class Settings(State):
    """Thresholds of the program, in the order in which they lie among the parameter words.

    Voltages and currents are RMS values in 2 ** -33 of full scale, below 2 ** 34; shares are in 2 ** -30,
    at most 2.
    """

    # Declared supply voltage.
    declared_voltage: Word = round(0.46 * _RMS)
    # A dip is below this share of the declared voltage.
    dip: Word = round(0.9 * _SHARE)
    # A swell is above this share of the declared voltage.
    swell: Word = round(1.1 * _SHARE)
    # An interruption is below this share of the declared voltage.
    interruption: Word = round(0.05 * _SHARE)
    # Hysteresis of all voltage thresholds, a share of the declared voltage.
    hysteresis: Word = round(0.02 * _SHARE)
    # A phase with less than this share of the declared voltage is missing, if another has more.
    missing_phase: Word = round(0.5 * _SHARE)
    # A phase with less than this share of the declared voltage has none.
    present: Word = round(0.1 * _SHARE)
    # Over-current threshold.
    over_current: Word = round(0.622 * _RMS)
    # Hysteresis of the over-current threshold.
    over_current_hysteresis: Word = round(0.012 * _RMS)
    # A current below this is none.
    flowing_current: Word = round(0.0005 * _RMS)
    # Measured and computed neutral current differ if the RMS value of their difference is above this.
    neutral_mismatch: Word = round(0.028 * _RMS)
    # A current is reversed if its active power is below minus this, in 2 ** -30 of full scale V A.
    reversed_power: Word = round(0.00026 * _SHARE)
    # Lowest frequency in 2 ** -20 Hz, 0.85 of the nominal one unless set.
    lowest_frequency: Word = 0
    # Highest frequency in 2 ** -20 Hz, 1.15 of the nominal one unless set.
    highest_frequency: Word = 0
    # Hysteresis of both in 2 ** -20 Hz.
    frequency_hysteresis: Word = round(0.1 * _HZ)
    # Windows after which what is judged once a window is taken as begun or ended.
    persistence: Word = 10
    # Power factor of energy that is estimated, in 2 ** -30.
    estimated_power_factor: Word = round(0.8 * _SHARE)

    def __init__(self, k):
        super().__init__()
        nominal = k.parameters.nominal_hz * _HZ
        self.lowest_frequency = nominal * 85 // 100
        self.highest_frequency = nominal * 115 // 100
        self.no_load = [NoLoad() for _ in range(k.parameters.phases)]
        self.pulses = [PulseSettings() for _ in range(k.parameters.pulse_outputs)]
        for output, energy in zip(self.pulses, (0, 3, 5, 1), strict=False):
            output.energy = energy
