"""A recording: voltages and currents of one or more phases, in SI units, evenly sampled."""

__all__ = ["LEAST_SECONDS", "Recording"]

from dataclasses import dataclass
from pathlib import Path

from sim.resample import FloatArray

LEAST_SECONDS = 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class Recording:
    """Samples of mains voltage and current.

    Parameters
    ----------
    path:
        The file that was read.
    voltage_v, current_a:
        Instantaneous volts and amperes, float64, read-only, of shape (phases, samples); one phase has shape
        (1, samples). All values are finite. The sample with index k was taken at k / rate_hz seconds.
    rate_hz:
        Samples per second.
    voltage_names, current_names:
        The chosen channels, one a phase, as the file names them.
    notes:
        Sentences that say what was chosen and assumed, for the user to read.

    Raises
    ------
    ValueError
        If the arrays' shapes differ, or do not match the names.
    """

    path: Path
    voltage_v: FloatArray
    current_a: FloatArray
    rate_hz: float
    voltage_names: tuple[str, ...]
    current_names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.voltage_v.ndim != 2 or self.voltage_v.shape != self.current_a.shape:
            raise ValueError(
                f"Voltage and current must have the same shape (phases, samples), not "
                f"{self.voltage_v.shape} and {self.current_a.shape}"
            )
        if not len(self.voltage_names) == len(self.current_names) == self.phases:
            raise ValueError(
                f"{self.phases} phases need as many names, not {self.voltage_names} and {self.current_names}"
            )
        self.voltage_v.setflags(write=False)
        self.current_a.setflags(write=False)

    @property
    def phases(self) -> int:
        """Number of phases."""
        return self.voltage_v.shape[0]

    @property
    def samples(self) -> int:
        """Number of samples of each lane."""
        return self.voltage_v.shape[1]

    @property
    def duration_s(self) -> float:
        """Samples over rate: the time after which a repetition starts again."""
        return self.samples / self.rate_hz

    @property
    def span_s(self) -> float:
        """Time from the first to the last sample."""
        return (self.samples - 1) / self.rate_hz
