"""The fundamental of a mains voltage: frequency, phase and count of cycles."""

__all__ = ["Fundamental", "count_cycles", "fit_fundamental"]

from dataclasses import dataclass

import numpy as np

from sim.resample import FloatArray

_LOWEST_HZ, _HIGHEST_HZ = 35.0, 80.0
_HARMONICS = 7
_ITERATIONS = 12
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Fundamental:
    """A sine ``amplitude · cos(2π · frequency_hz · t + phase_rad)``, t from the first sample fitted."""

    frequency_hz: float
    amplitude: float
    phase_rad: float

    def angle(self, time_s: float) -> float:
        """Return the angle at a time, in radians."""
        return 2 * np.pi * self.frequency_hz * time_s + self.phase_rad


def fit_fundamental(samples: FloatArray, rate_hz: float) -> Fundamental | None:
    """Fit the fundamental between 35 and 80 Hz.

    The highest line of a Hann-windowed spectrum starts a Gauss-Newton iteration: in each step a mean, the
    fundamental, its harmonics to order 7 and the derivative with respect to the frequency are fitted by
    least squares, weighted with the Hann window.

    Returns
    -------
    The fit, or None where less than half of the alternating power belongs to a fundamental: a dead line has
    none.
    """
    count = samples.size
    weight = np.hanning(count + 2)[1:-1]
    centred = samples - np.average(samples, weights=weight)
    power = float(weight @ centred**2)
    if power <= 0:
        return None
    size = 1 << (8 * count - 1).bit_length()
    lines = np.fft.rfftfreq(size, 1 / rate_hz)
    inside = (lines > _LOWEST_HZ) & (lines < _HIGHEST_HZ)
    spectrum = np.abs(np.fft.rfft(centred * weight, size))
    frequency = float(lines[inside][np.argmax(spectrum[inside])])

    middle = (count - 1) / 2 / rate_hz
    times = np.arange(count) / rate_hz - middle
    root = np.sqrt(weight)
    orders = np.arange(1, 1 + min(_HARMONICS, max(1, int(rate_hz / 2.5 / frequency))))
    for _ in range(_ITERATIONS):
        angles = 2 * np.pi * frequency * orders[:, None] * times
        cosines, sines = np.cos(angles), np.sin(angles)
        base = np.vstack([np.ones(count), cosines, sines]) * root
        factors = _least_squares(base, samples * root)
        in_phase, quadrature = factors[1 : 1 + orders.size], factors[1 + orders.size :]
        weights = 2 * np.pi * orders[:, None] * times
        slope = (weights * (quadrature[:, None] * cosines - in_phase[:, None] * sines)).sum(axis=0) * root
        joint = np.vstack([base, slope])
        step = float(_least_squares(joint, samples * root - factors @ base)[-1])
        frequency += step
        if not _LOWEST_HZ < frequency < _HIGHEST_HZ:
            return None
        if abs(step) < 1e-10 * frequency:
            break
    amplitude = float(np.hypot(in_phase[0], quadrature[0]))
    if amplitude**2 / 2 * weight.sum() < _LEAST_SHARE * power:
        return None
    phase = float(np.arctan2(-quadrature[0], in_phase[0])) - 2 * np.pi * frequency * middle
    return Fundamental(frequency, amplitude, phase)


def _least_squares(rows: FloatArray, values: FloatArray) -> FloatArray:
    """Fit a sum of the rows by the normal equations: the rows are few and nearly orthogonal."""
    return np.linalg.lstsq(rows @ rows.T, rows @ values, rcond=None)[0]


def count_cycles(samples: FloatArray, rate_hz: float, near_hz: float) -> float:
    """Count the cycles from the first sample to one interval after the last, to about a tenth of a cycle.

    The voltage is mixed with a tone near its frequency and averaged over two cycles; the angle of the
    result, unwrapped, adds what the frequency gained or lost meanwhile.
    """
    width = min(samples.size // 2, round(2 * rate_hz / near_hz))
    tone = np.exp(-2j * np.pi * near_hz / rate_hz * np.arange(samples.size))
    total = np.concatenate([[0], np.cumsum((samples - samples.mean()) * tone)])
    angles = np.unwrap(np.angle(total[width:] - total[:-width]))
    drift = (angles[-1] - angles[0]) / (2 * np.pi) * samples.size / max(1, angles.size - 1)
    return float(near_hz * samples.size / rate_hz + drift)
