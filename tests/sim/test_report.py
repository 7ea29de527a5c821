"""The report: complete, readable without a network, valid JSON."""

import json
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from sim.backends import backend
from sim.loads import LOADS, lanes
from sim.mains import Mains
from sim.measured import HarmonicWindows, Scale
from sim.meter import Analogue, ModelEngine, measure
from sim.report import plots, report_data, report_html
from soc.config import preset


@pytest.fixture(scope="module", params=[1, 3])
def measurement(request):
    config = preset("polyphase")
    pairs = lanes(LOADS["motor"].load, Mains(phases=request.param), float(config.sample_rate_hz), 0.6)
    analogue = Analogue(source="load <motor>", lanes=pairs, start_s=0.0, seconds=0.6)
    return measure(analogue, engine=ModelEngine(backend("pysim")), config=config)


def test_page_needs_no_network(measurement):
    page = report_html(measurement)
    assert page.count("<svg") == 4
    assert "load &lt;motor&gt;" in page
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#)", page)
    assert not re.search(r"@import|url\((?!#|'#|\"#)", page)


def test_page_is_the_same_for_the_same_measurement(measurement):
    assert report_html(measurement) == report_html(measurement)


def test_data_is_json_and_holds_every_cycle(measurement):
    data = json.loads(json.dumps(report_data(measurement), allow_nan=False))
    cycles = len(data["cycles"]["end_s"])
    assert cycles == len(measurement.windows.records) - 1
    for phase in data["cycles"]["phases"]:
        assert all(len(course) == cycles for course in phase.values())
    assert len(data["phases"]) == len(measurement.readings)


def test_plots_show_every_phase(measurement):
    figures = plots(measurement)
    phases = len(measurement.readings)
    # Each phase has a voltage and, on an axis of its own, a current.
    assert len(figures["waveform"].axes) == 2 * phases
    assert len(figures["power"].axes) == phases
    assert [len(axis.patches) for axis in figures["harmonics"].axes] == [49 * phases, 49 * phases]


def test_no_harmonics_without_a_whole_window(measurement):
    alone = replace(measurement, harmonics=HarmonicWindows([], Scale(1, 1, Fraction(8000)), np.zeros(1)))
    assert "harmonics" not in plots(alone)
