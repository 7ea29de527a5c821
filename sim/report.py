"""The report of a run: plots and readings in one HTML file that needs no network, and the same as data."""

from __future__ import annotations

import io
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import jinja2
import matplotlib
import numpy as np
from matplotlib.figure import Figure

from sim.meter import Measurement
from sim.readings import NAMES, Readings, difference_percent

__all__ = ["plots", "report_data", "report_html", "svg"]

_CYCLES_SHOWN = 4
_TEMPLATES = Path(__file__).parent / "templates"
_VOLTAGE, _CURRENT, _OTHER = "#0b5fa5", "#d1495b", "#6a994e"
_STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "svg.fonttype": "none",
    "svg.hashsalt": "wattseal",
}


def plots(measurement: Measurement) -> dict[str, Figure]:
    """Draw the waveform of the first cycles, each cycle's power, voltage and current, and harmonics.

    These only if there is a whole window of them.
    """
    harmonics = measurement.harmonics.quantities()
    with matplotlib.rc_context(_STYLE):
        drawn = {"waveform": _waveform(measurement), "power": _power(measurement), "rms": _rms(measurement)}
        if harmonics is not None:
            drawn["harmonics"] = _harmonics(harmonics, len(measurement.readings))
        return drawn


def _figure(rows: int, height: float) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(9, height * rows), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    return figure, list(axes)


def _waveform(measurement: Measurement) -> Figure:
    samples = measurement.samples
    start, end = measurement.interval_s
    boundaries = start + measurement.windows.boundaries_s - measurement.windows.boundaries_s[0]
    stop = boundaries[min(_CYCLES_SHOWN, len(boundaries) - 1)]
    shown = (samples.times_s >= start) & (samples.times_s <= min(stop, end))
    figure, axes = _figure(len(samples.volts), 2.6)
    for phase, (axis, volts, amperes) in enumerate(zip(axes, samples.volts, samples.amperes, strict=True)):
        axis.plot(samples.times_s[shown] * 1e3, volts[shown], color=_VOLTAGE, label="voltage")
        axis.set_ylabel(_labelled("Voltage in V", phase, len(axes)), color=_VOLTAGE)
        right = axis.twinx()
        right.spines["right"].set_visible(True)
        right.grid(False)
        right.plot(samples.times_s[shown] * 1e3, amperes[shown], color=_CURRENT, label="current")
        right.set_ylabel("Current in A", color=_CURRENT)
        for one in (axis, right):
            largest = max(abs(bound) for bound in one.get_ylim())
            one.set_ylim(-largest, largest)
    axes[-1].set_xlabel("Time in ms")
    axes[0].set_title("Samples taken in, from the first zero crossing on")
    return figure


def _stepped(axis: Any, times: np.ndarray, values: np.ndarray, **style: Any) -> None:
    axis.stairs(values, times, baseline=None, linewidth=1.5, **style)


def _power(measurement: Measurement) -> Figure:
    windows = measurement.windows
    times = _times(measurement)
    figure, axes = _figure(len(measurement.readings), 2.4)
    for phase, axis in enumerate(axes):
        for name, colour in (("active", _CURRENT), ("reactive", _VOLTAGE), ("apparent", _OTHER)):
            _stepped(axis, times, windows.course(f"phase{phase}.{name}"), color=colour, label=name)
        axis.set_ylabel(_labelled("W, var, VA", phase, len(axes)))
        axis.legend(loc="upper right", ncols=3, frameon=False)
        axis.margins(y=0.25)
    axes[-1].set_xlabel("Time in s")
    axes[0].set_title("Power of every mains cycle, as the chip measured it")
    return figure


def _rms(measurement: Measurement) -> Figure:
    windows = measurement.windows
    times = _times(measurement)
    figure, axes = _figure(3, 1.7)
    phases = len(measurement.readings)
    for phase in range(phases):
        style = {"alpha": 1 - 0.3 * phase, "label": f"phase {phase + 1}"}
        _stepped(axes[0], times, windows.course(f"phase{phase}.vrms"), color=_VOLTAGE, **style)
        _stepped(axes[1], times, windows.course(f"phase{phase}.irms"), color=_CURRENT, **style)
    frequency = windows.course("frequency")
    _stepped(axes[2], times, np.where(frequency > 0, frequency, np.nan), color=_OTHER)
    for axis, label in zip(axes, ("Voltage in V", "Current in A", "Frequency in Hz"), strict=True):
        axis.set_ylabel(label)
        axis.margins(y=0.15)
        axis.ticklabel_format(axis="y", useOffset=False)
    if phases > 1:
        axes[0].legend(loc="upper right", ncols=phases, frameon=False)
    axes[-1].set_xlabel("Time in s")
    axes[0].set_title("RMS values and frequency of every mains cycle")
    return figure


def _harmonics(harmonics: dict[str, Any], phases: int) -> Figure:
    figure, axes = _figure(2, 2.2)
    width = 0.8 / phases
    for axis, lane, name, colour in zip(
        axes, "vi", ("Voltage", "Current"), (_VOLTAGE, _CURRENT), strict=True
    ):
        for phase in range(phases):
            first, *others = harmonics[f"phase{phase}"][f"{lane}_amplitude"]
            if not first:
                continue
            orders = np.arange(2, 2 + len(others)) + (phase - (phases - 1) / 2) * width
            style = {"alpha": 1 - 0.3 * phase, "label": f"phase {phase + 1}"}
            axis.bar(orders, np.array(others) / first * 100, width, color=colour, **style)
        axis.set_ylabel(f"{name} in %")
        axis.set_ylim(0, max(1.0, axis.get_ylim()[1]))
        axis.grid(axis="x", visible=False)
        if phases > 1:
            axis.legend(loc="upper right", ncols=phases, frameon=False)
    axes[-1].set_xlabel("Order")
    axes[-1].set_xticks([2, *range(5, 1 + len(harmonics["phase0"]["v_amplitude"]), 5)])
    axes[0].set_title(f"Harmonics in percent of the fundamental, {harmonics['windows']} windows")
    return figure


def _times(measurement: Measurement) -> np.ndarray:
    boundaries = measurement.windows.boundaries_s
    return measurement.interval_s[0] + boundaries - boundaries[0]


def _labelled(text: str, phase: int, phases: int) -> str:
    return f"{text}\nphase {phase + 1}" if phases > 1 else text


def report_data(measurement: Measurement) -> dict[str, Any]:
    """The form of ``report.json``: readings, settings, and every cycle's quantities in SI units."""
    windows, samples = measurement.windows, measurement.samples
    run = measurement.run
    return {
        "source": measurement.source,
        **measurement.as_dict(),
        "preset": measurement.config.name,
        "sample_rate_hz": float(measurement.config.sample_rate_hz),
        "full_scale": {"voltage_v": samples.v_max, "current_a": samples.i_max},
        "clipped_samples": samples.clipped,
        "simulation": None
        if run is None
        else {
            "application_cycles": run.application_cycles,
            "metrology_cycles": run.metrology_cycles,
            "bus_operations": run.operations,
            "sample_sets": run.sample_sets,
            "wall_s": run.wall_s,
        },
        "cycles": {
            "end_s": _times(measurement)[1:].tolist(),
            "frequency_hz": [value or None for value in windows.course("frequency").tolist()],
            "phases": [
                {
                    name: windows.course(f"phase{phase}.{path}").tolist()
                    for name, path in (
                        ("vrms_v", "vrms"),
                        ("irms_a", "irms"),
                        ("active_w", "active"),
                        ("reactive_var", "reactive"),
                        ("apparent_va", "apparent"),
                    )
                }
                for phase in range(len(measurement.readings))
            ],
        },
    }


def report_html(measurement: Measurement) -> str:
    """The report as one HTML page with its plots inside."""
    rows = [
        [
            (
                *NAMES[field.name],
                getattr(measured, field.name),
                getattr(truth, field.name),
                difference_percent(field.name, measured, truth),
            )
            for field in fields(Readings)
        ]
        for measured, truth in zip(measurement.readings, measurement.references, strict=True)
    ]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((_TEMPLATES / "report.html.j2").read_text("utf-8"))
    return template.render(
        measurement=measurement,
        config=asdict(measurement.config),
        rate_hz=float(measurement.config.sample_rate_hz),
        phases=rows,
        # An SVG within a page has neither declaration nor document type.
        figures={
            name: re.sub(r"^.*?(?=<svg)", "", picture, flags=re.DOTALL)
            for name, picture in svg(measurement).items()
        },
    )


def svg(measurement: Measurement) -> dict[str, str]:
    """The plots as SVG documents, by name."""
    documents = {}
    for name, figure in plots(measurement).items():
        text = io.StringIO()
        with matplotlib.rc_context(_STYLE):
            figure.savefig(text, format="svg", metadata={"Date": None})
        documents[name] = text.getvalue()
    return documents
