"""No value of the metrology program overflows: what `bench.ranges` proves, and what it assumes."""

from fnmatch import fnmatchcase

import numpy as np
import pytest

from bench.range_claims import SETTINGS
from bench.ranges import analyse
from rtl.metering.filters import interpolation_table
from rtl.metering.parameters import INPUTS, LANE_BITS
from rtl.metering.program.settings import Settings
from rtl.metering.state import fields
from sim.compiled_model import CompiledModel
from soc.config import preset
from soc.formats.calibration import CHANNEL, COMMON, REGION

_RATE = 8000
_COUNT = 6000
KINDS = ("own", "least", "largest", "random")


@pytest.fixture(scope="module")
def single():
    """The analysis of a single-phase meter."""
    return analyse(preset("single").metering)


@pytest.fixture(scope="module")
def checked(single):
    return _checked(single)


def _checked(analysis):
    """A model that counts whatever leaves the range that is assumed for it."""
    checks = {at: analysis.checks[at] for at in analysis.assumed}
    return CompiledModel(analysis.program, analysis.bounds.k.parameters.lanes, checks=checks)


def test_nothing_overflows(single):
    assert not single.problems, "\n".join(single.problems)


def _worst_row():
    """Signs that make the largest sample of the interpolation."""
    table = interpolation_table()
    row = max((table.row(phase) for phase in range(table.phases + 1)), key=lambda row: sum(map(abs, row)))
    return np.sign(np.array(row))


def _signals():
    time = np.arange(_COUNT) / _RATE
    random = np.random.default_rng(3)
    for frequency in (40, 50, 70):
        sine = np.sin(2 * np.pi * frequency * time)
        yield f"sine {frequency}", sine
        yield f"square {frequency}", np.sign(sine + 1e-9)
    for frequency in (1, 17, 27, 39, 71, 100, 140, 143, 400, 3900):
        yield f"square {frequency}", np.sign(np.sin(2 * np.pi * frequency * time) + 1e-9)
    yield "up", np.ones(_COUNT)
    yield "down", -np.ones(_COUNT)
    yield "alternating", 1.0 - 2 * (np.arange(_COUNT) % 2)
    yield "noise", random.uniform(-1, 1, _COUNT)
    yield "signs", np.sign(random.uniform(-1, 1, _COUNT))
    yield "blocks", np.repeat(np.sign(random.uniform(-1, 1, _COUNT // 60)), 60)
    yield "long blocks", np.repeat(np.sign(random.uniform(-1, 1, _COUNT // 500)), 500)
    yield "steps of DC", np.sign(np.sin(2 * np.pi * 1.5 * time)) * 0.9 + 0.1 * np.sin(2 * np.pi * 50 * time)
    yield "sweep", np.sin(2 * np.pi * (20 * time + 60 * time**2))
    yield "worst row", np.resize(_worst_row(), _COUNT)
    yield "nothing", np.zeros(_COUNT)


SIGNALS = dict(_signals())


def _limits(path):
    """The least and largest word of a setting."""
    name = path.rpartition(".")[2]
    keys = REGION if ".regions." in path else CHANNEL if path.startswith("channels.") else COMMON
    for key in keys:
        if key.field == name:
            return key.word(key.least), key.word(key.most)
    claim = next(claim for claim in SETTINGS if fnmatchcase(f"settings.{path}", claim.where))
    return tuple(claim.range(None))


def _settings(parameters, kind, seed):
    """Words of settings at their limits."""
    settings = Settings(parameters)
    random = np.random.default_rng(seed)
    for path, field in fields(settings):
        low, high = _limits(path)
        if kind == "least":
            field.value = low
        elif kind == "largest":
            field.value = high
        elif kind == "random":
            field.value = int(random.choice([low, high, field.value]))
    for channel in settings.channels:
        for region in channel.regions:
            if region.number == 0:
                region.start = 0
            region.delay = min(region.delay, CHANNEL[2].word(7) - channel.delay)
            region.delay = max(region.delay, CHANNEL[2].word(-1) - channel.delay)
    settings.crc = settings.computed_crc
    return [field.value for _, field in fields(settings)]


def _sets(lanes, random):
    full = (1 << LANE_BITS - 1) - 16
    sets = np.zeros((_COUNT, len(lanes) + len(INPUTS)), np.int64)
    for lane, signal in enumerate(lanes):
        sets[:, lane] = np.round(signal * full)
    sets[:, len(lanes)] = random.choice([-(1 << 15), (1 << 15) - 1])
    sets[:, len(lanes) + 1 : len(lanes) + 4] = random.integers(0, 2, 3)
    return sets


def _run_extremes(analysis, checked, kind):
    """Run all signals with one another, with settings at their limits, and check the ranges."""
    parameters = analysis.bounds.k.parameters
    random = np.random.default_rng(5)
    names = list(SIGNALS)
    for seed, name in enumerate(names):
        model = checked.fresh()
        model.give_settings(_settings(parameters, kind, seed))
        others = [name] * (parameters.lanes - 1) if seed % 2 else random.choice(names, parameters.lanes - 1)
        lanes = [SIGNALS[each] for each in (name, *others)]
        for part in (lanes, lanes[::-1]):
            model.run(_sets(part, random))
        assert not model.overflows, f"{kind} settings, seed {seed}, {name} with {others}: {model.overflow}"


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_as_assumed(single, checked, kind):
    """With extreme signals and settings."""
    _run_extremes(single, checked, kind)


@pytest.mark.slow
def test_nothing_overflows_with_three_phases():
    """All claims stand for something in the program, and hold."""
    found = analyse(preset("polyphase").metering)
    assert not found.problems, "\n".join(found.problems)
    assert not found.unused
    checked = _checked(found)
    for kind in KINDS:
        _run_extremes(found, checked, kind)


def test_current_against_another_windows_dc(checked):
    """The largest RMS value: the voltage stops when the current's DC turns; all gains are the largest."""
    parameters = preset("single").metering
    settings = Settings(parameters)
    settings.region_hysteresis = COMMON[1].word(COMMON[1].most)
    settings.reference_temperature = COMMON[0].word(COMMON[0].most)
    for channel in settings.channels:
        channel.gain = CHANNEL[1].word(CHANNEL[1].most)
        channel.linear = CHANNEL[3].word(CHANNEL[3].least)
        channel.square = CHANNEL[4].word(CHANNEL[4].most)
        for region in channel.regions:
            region.gain = REGION[1].word(REGION[1].most)
    settings.crc = settings.computed_crc
    model = checked.fresh()
    model.give_settings([field.value for _, field in fields(settings)])
    time = np.arange(_COUNT) / _RATE
    voltage = np.where(time < 0.504, np.sin(2 * np.pi * 50 * time) / 2, 0)
    sets = _sets([voltage, np.where(time < 0.504, -1.0, 1.0), 0 * time], np.random.default_rng(1))
    sets[:, 3] = -(1 << 15)
    largest = 0
    for first in range(0, _COUNT, 80):
        model.run(sets[first : first + 80])
        largest = max(largest, model.get("phases.0.irms"))
    assert largest > 1 << 34
    assert not model.overflows, model.overflow
