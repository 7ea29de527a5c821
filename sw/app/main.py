"""The firmware's entry: makes sure of the chip, then measures, and says once a second what it measures."""

from collections import deque

from soc.generated import registers

from .drivers import metrology, sysinfo, timer, uart
from .kernel import Kernel, Until

__all__ = ["BLOCKS", "losses", "main"]

BLOCKS = (
    (registers.sysinfo, sysinfo),
    (registers.timer, timer),
    (registers.uart_comms, uart),
    (registers.uart_optical, uart),
    (registers.metrology, metrology),
)
"""Blocks that the firmware needs, each with the driver that says which identification and version."""

_LINES = 8
_SHOWN_DIGITS = 6
_NONE_WHOLE = 3
_TOLD = ("vrms", "irms", "active")


def main(windows=None, harmonics=None, settings=()):
    """Run the firmware; it ends when the last of its tasks has ended, which none does by itself.

    Parameters
    ----------
    windows : deque or list, optional
        Gets the quantities of each window, raw, by path; whoever passes it may bound it, and take out
        what it has seen. Without it only those are read that are told.
    harmonics : deque or list, optional
        The same for the harmonics of 10 or 12 cycles, where the chip has them.
    settings : sequence of int, optional
        The words of the metrology's settings in the order of their places, the CRC first. With them, they
        are written and locked before anything else: they are lost when the power is off.

    Raises
    ------
    sysinfo.WrongBlock
        If the chip is not the one that this firmware is for.
    """
    for block, driver in BLOCKS:
        yield from sysinfo.check(block, driver.IDENTIFICATION, driver.VERSION)
    configuration = yield from sysinfo.configuration()
    firmware = _Firmware(configuration, (yield from sysinfo.sample_rate()), windows, harmonics)
    if settings:
        yield from firmware.configure(settings)
    yield from firmware.run((yield from sysinfo.name()))


def losses(restored):
    """Lines about energy registers that a power cut has cost, from the fields of the register ``restore``."""
    if restored["outcome"] == _NONE_WHOLE:
        return ["energy registers were lost in the last power cut"]
    return ["energy registers were lost in an earlier power cut"] if restored["lost"] else []


class _Firmware:
    """The tasks, and what they share."""

    def __init__(self, configuration, sample_rate, windows, harmonics):
        self._clock_hz = configuration["application_hz"]
        self._phases = configuration["voltage_lanes"]
        self._sample_rate = sample_rate
        self._windows = windows
        self._harmonics = harmonics if configuration["harmonics"] else None
        told = [
            "time",
            "frequency",
            *(f"phase{phase}.{name}" for phase in range(self._phases) for name in _TOLD),
        ]
        self._meter = metrology.Metrology(configuration, told if windows is None else None)
        self._line = uart.Uart(registers.uart_comms)
        self._kernel = Kernel(clock=self._clock, clock_step=-(-self._clock_hz // 1_000_000))
        self._lines: deque = deque(maxlen=_LINES)

    def configure(self, settings):
        crc, *covered = settings
        yield from self._meter.write_settings(covered, 1)
        # With their CRC they take effect, all at once.
        yield from self._meter.write_settings([crc])
        yield from self._meter.lock()

    def run(self, name):
        self._lines.append(f"{name}: {self._phases} phase{'s' * (self._phases > 1)}")
        self._kernel.start("measure", self._measure(), essential=True)
        self._kernel.start("console", self._console())
        self._kernel.start("reports", self._reports())
        yield from self._kernel.run()

    def _clock(self):
        return (yield from timer.clocks(self._clock_hz))

    def _measure(self):
        numerator, denominator = self._sample_rate
        next_second = 1
        causes = ["window"] + ["harmonics"] * (self._harmonics is not None)
        is_first = True
        while True:
            shown = yield from self._meter.next(*causes)
            if is_first:
                is_first = False
                # What was restored is known once something has been measured.
                self._lines.extend(losses((yield from self._meter.restored())))
            if self._harmonics is not None and "harmonics" in shown:
                self._harmonics.append(shown["harmonics"])
            if "window" not in shown:
                continue
            window = shown["window"]
            if self._windows is not None:
                self._windows.append(window)
            samples = _scaled(window["time"], self._meter.registers["time"], 0)
            seconds = samples * denominator // numerator
            if seconds >= next_second:
                next_second = seconds + 1
                self._lines.append(self._summary(seconds, window))

    def _summary(self, seconds, window):
        """One line: time, frequency, and for each phase voltage, current and power of the full scale."""
        shown = [f"{seconds} s", self._shown(window, "frequency", 3) + " Hz"]
        for phase in range(self._phases):
            shown += [self._shown(window, f"phase{phase}.{name}", _SHOWN_DIGITS) for name in _TOLD]
        return " ".join(shown)

    def _shown(self, window, path, digits):
        value = _scaled(window[path], self._meter.registers[path], digits)
        sign, magnitude = "-" * (value < 0), abs(value)
        return f"{sign}{magnitude // 10**digits}.{magnitude % 10**digits:0{digits}}"

    def _console(self):
        while True:
            yield Until(lambda: self._lines)
            yield from self._line.write(self._lines.popleft().encode() + b"\n")

    def _reports(self):
        while True:
            yield Until(lambda: self._kernel.reports)
            task = self._kernel.reports.popleft()
            what = "ended" if task.error is None else f"failed: {type(task.error).__name__} {task.error}"
            self._lines.append(f"task {task.name} {what}")


def _scaled(value, register, digits):
    """A raw value in units of 10 ** -digits, rounded to the nearest."""
    bits = register.fraction_bits
    return (value * 10**digits + (1 << bits >> 1)) >> bits
