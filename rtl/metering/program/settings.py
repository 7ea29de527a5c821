"""Settings: calibration, thresholds and pulses, which an installer sets."""

from ..arithmetic import CRC_START, crc32
from ..parameters import LANE_BITS
from ..quantities import FACTOR_FRACTION, MEAN_FRACTION, TIME_FRACTION
from ..state import State, Word, fields

__all__ = [
    "DELAY_FRACTION",
    "GAIN_FRACTION",
    "LINEAR_FRACTION",
    "REGIONS",
    "SQUARE_FRACTION",
    "TEMPERATURE_FRACTION",
    "ChannelSettings",
    "NoLoad",
    "PulseSettings",
    "Settings",
    "channel_names",
]

# Full scale of RMS values, of shares, of hertz.
_RMS = 1 << LANE_BITS - 1 + MEAN_FRACTION
_SHARE = 1 << FACTOR_FRACTION
_HZ = 1 << TIME_FRACTION

GAIN_FRACTION = 30
DELAY_FRACTION = 27
TEMPERATURE_FRACTION = 8
LINEAR_FRACTION = 32
SQUARE_FRACTION = 40
"""Bits behind the point of gains, delays in sample periods, degrees, and coefficients of both orders."""

REGIONS = 5
"""Regions of a current."""


class NoLoad(State):
    """A phase's no-load thresholds: powers in 2 ** -34 of full scale V A.

    A window whose power is below adds nothing: ``active`` is for active energy, its fundamental and its
    harmonics. The first two are an eightieth of the starting power of class 0.2 S, so that currents of
    10 000:1 count; the last is half of it, as noise alone has apparent power.
    """

    active: Word = 44700
    reactive: Word = 44700
    apparent: Word = 1863000


class PulseSettings(State):
    """What a pulse output shows: the number of an energy in `ENERGIES` of `rtl.metering.program.pulses`.

    A pulse is ``quantum`` · ``scale`` in 2 ** -54 of full scale V A sample, both below 2 ** 35; with 0 the
    output is off and its energy stays owed. Once its energy and scale are right, the quantum may be set.
    """

    energy: Word = 0
    scale: Word = 1 << 31
    # Last, so that who writes the words in order turns an output on when all else of it is written.
    quantum: Word = 0


class Region(State):
    """Correction of a current from the RMS value ``start`` on, in 2 ** -33 of full scale.

    ``gain`` is a factor with 30 fraction bits, ``delay`` in 2 ** -27 of a sample period; both come beside the
    channel's own. The first region starts at 0, and a start no current reaches is that of a region not used.
    """

    start: Word = 2 * _RMS
    gain: Word = 1 << GAIN_FRACTION
    delay: Word = 0

    def __init__(self, number):
        super().__init__()
        self.number = number
        if number < 1:
            self.start = 0


class ChannelSettings(State):
    """Correction of a lane; currents have ``regions``.

    ``offset``, in lane units, is what the lane shows of nothing. ``gain`` is a factor with 30 fraction bits.
    ``delay``, in 2 ** -27 of a sample period, makes the channel later; a negative one makes it earlier.
    ``linear`` and ``square`` are changes of the gain in 2 ** -32 a degree and 2 ** -40 a square degree from
    the reference temperature.
    """

    offset: Word = 0
    gain: Word = 1 << GAIN_FRACTION
    delay: Word = 0
    linear: Word = 0
    square: Word = 0

    def __init__(self, name, regions):
        super().__init__()
        self.name = name
        self.regions = [Region(number) for number in range(regions)]


class Settings(State):
    """Thresholds of the program, in the order in which they lie among the parameter words.

    Voltages and currents are RMS values in 2 ** -33 of full scale, below 2 ** 34; shares are in 2 ** -30,
    at most 2.
    """

    # CRC of all others, in their order; 0 before calibration.
    crc: Word = 0
    # Temperature to which the channels' coefficients refer, in 1/256 °C.
    reference_temperature: Word = 23 << TEMPERATURE_FRACTION
    # A current leaves a region downward below this share of its start less than it.
    region_hysteresis: Word = round(0.05 * _SHARE)
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

    def __init__(self, parameters):
        super().__init__()
        nominal = parameters.nominal_hz * _HZ
        self.lowest_frequency = nominal * 85 // 100
        self.highest_frequency = nominal * 115 // 100
        self.no_load = [NoLoad() for _ in range(parameters.phases)]
        self.pulses = [PulseSettings() for _ in range(parameters.pulse_outputs)]
        for output, energy in zip(self.pulses, (0, 3, 5, 1), strict=False):
            output.energy = energy
        self.channels = [
            ChannelSettings(name, 0 if lane < parameters.phases else REGIONS)
            for lane, name in enumerate(channel_names(parameters))
        ]

    @property
    def covered(self):
        """`Field` of each word that the CRC covers, in order: all but the CRC itself, which is the first."""
        return [field for _, field in fields(self)][1:]

    @property
    def computed_crc(self):
        """What ``crc`` must be."""
        crc = CRC_START
        for field in self.covered:
            crc = crc32(crc, field.value)
        return crc


def channel_names(parameters):
    """Name of each lane: ``voltage1``, …, ``current1``, …, ``neutral``."""
    phases = range(1, 1 + parameters.phases)
    names = [f"{kind}{phase}" for kind in ("voltage", "current") for phase in phases]
    return names + ["neutral"] * parameters.neutral
