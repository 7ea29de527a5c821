"""The whole program on the engine, in the integer model and compiled: the same bits, and its clocks."""

import tomllib
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rtl.metering.compiler import compile_program
from rtl.metering.constants import Constants
from rtl.metering.microcode import Port
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import INPUTS, MeteringParameters
from sim.compiled_model import CompiledModel, values
from soc.config import preset

ROOT = Path(__file__).parents[4]
BUDGETS = tomllib.loads((ROOT / "bench" / "budgets.toml").read_text())["metering"]
SET_CLOCKS = 3072
ALONE = (1 << 20) - 1
"""A pace at which no sample set interrupts the background."""

MADE_FOR = {
    "polyphase": preset("polyphase").metering,
    # Another rate, shorter words, no neutral.
    "single": MeteringParameters(
        phases=1,
        lanes=2,
        word_bits=16,
        sample_rate_hz=Fraction(15625, 2),
        nominal_hz=50,
        lowest_hz=40,
        highest_hz=70,
        crossing_threshold_log2=10,
    ),
}


def words(made_for, waves):
    """Input words of waves in units of full scale."""
    full = 2 ** (made_for.word_bits - 1)
    return np.clip(np.round(waves * full), -full, full - 1).astype(np.int64)


def angles(made_for, count, frequency):
    return 2 * np.pi * frequency * np.arange(count) / float(made_for.sample_rate_hz)


def sines(made_for, count, seed, frequency=50.3, dc=0.0):
    """Three phases of random amplitude and angle with harmonics and noise."""
    rng = np.random.default_rng(seed)
    angle = angles(made_for, count, frequency)[:, None] - 2 * np.pi / 3 * np.arange(made_for.lanes)
    angle = angle + rng.uniform(-0.5, 0.5, made_for.lanes)
    waves = rng.uniform(0.1, 0.8, made_for.lanes) * np.sin(angle) + dc
    waves = waves + rng.uniform(0, 0.05, made_for.lanes) * np.sin(7 * angle)
    return words(made_for, waves + rng.normal(0, 1e-4, waves.shape))


def extremes(made_for, count, seed):
    """Full-scale squares and noise in turn."""
    rng = np.random.default_rng(seed)
    square = np.where(np.arange(count) // 83 % 2, -1.0, 1.0)[:, None].repeat(made_for.lanes, 1)
    noise = rng.uniform(-1, 1, (count, made_for.lanes))
    return words(made_for, np.where((np.arange(count) // 500 % 2)[:, None] == 0, square, noise))


def together(made_for, count, seed):
    """Squares of full scale in all phases, and dips: all that a sample set can bring at the same time."""
    rng = np.random.default_rng(seed)
    wave = np.sign(np.sin(angles(made_for, count, 69.3) + 0.1))
    wave = wave * np.where(np.arange(count) // 333 % 2, 0.02, 1.0) + rng.normal(0, 1e-3, count)
    return words(made_for, wave[:, None].repeat(made_for.lanes, 1))


SIGNALS = {
    "sine": lambda made_for: sines(made_for, 2000, 1),
    "DC on all lanes": lambda made_for: sines(made_for, 1600, 2, dc=0.15),
    "extremes": lambda made_for: extremes(made_for, 1000, 3),
    "silence": lambda made_for: np.zeros((500, made_for.lanes), np.int64),
    "all at the same time": lambda made_for: together(made_for, 1000, 4),
}

TIMED = ("silence", "extremes")
"""Signals without a mains cycle."""


def random_inputs(seed, count):
    """Inputs at random, but for a brown-out, which ends the measurement: a short one, late."""
    inputs = np.random.default_rng(seed).integers(0, 2, (count, len(INPUTS)))
    brown_out = inputs[:, INPUTS.index("brown_out")]
    brown_out[:] = 0
    brown_out[-90:-80] = 1
    return inputs


def by_port(sent):
    """What was sent to each port, in order; foreground and background send to ports of their own."""
    return {port: [each[1:] for each in sent if each[0] is port] for port in Port}


@cache
def programs(name):
    return compile_program(MADE_FOR[name])


@pytest.fixture(scope="module")
def run(run_engine, sample_sets):
    """The engine's `Run` for a preset and a signal, each run once; with the sample sets."""
    done = {}

    def once(name, signal, pace=SET_CLOCKS):
        key = name, signal, pace
        if key not in done:
            made_for = MADE_FOR[name]
            codes = SIGNALS[signal](made_for)
            inputs = random_inputs(len(signal), len(codes))
            sets = sample_sets(made_for, codes, inputs)
            done[key] = codes, inputs, sets, run_engine(programs(name), made_for.lanes, sets, pace)
        return done[key]

    return once


@pytest.mark.slow
@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("name", MADE_FOR)
def test_engine_and_models_send_the_same_bits(name, signal, run):
    made_for, program = MADE_FOR[name], programs(name)
    codes, inputs, sets, engine = run(name, signal)
    expected = by_port(MeteringModel(made_for).sent(codes, inputs))
    compiled = CompiledModel(program, made_for.lanes)
    records = compiled.run(sets)
    columns = records["port"].tolist(), records["address"].tolist(), values(records)
    in_cpp = by_port([(Port(port), address, value) for port, address, value in zip(*columns, strict=True)])
    in_rtl = by_port(engine.sent)
    assert len(expected[Port.QUANTITY_COMMIT]) >= 2
    assert signal in TIMED or len(expected[Port.POINT_COMMIT]) >= 1
    for port in Port:
        assert in_cpp[port] == expected[port], f"compiled model, {name}, {signal!r}, {port}"
        assert in_rtl[port] == expected[port], f"engine, {name}, {signal!r}, {port}"
    assert compiled.overflows == 0, compiled.overflow
    assert engine.overruns == 0
    assert max(engine.clocks) < SET_CLOCKS


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE_FOR)
def test_clocks_are_within_their_budgets(name, run):
    """A sample set at its worst, in between the background's instructions; and the background alone."""
    clocks = {signal: max(run(name, signal)[-1].clocks) for signal in SIGNALS}
    assert max(clocks.values()) <= BUDGETS[f"sample_set_{name}"], clocks
    alone = {}
    for signal in ("sine", "extremes"):
        engine = run(name, signal, ALONE)[-1]
        alone[signal] = max(
            spacing - used for spacing, used in zip(engine.spacing[1:], engine.clocks[:-1], strict=True)
        )
    assert max(alone.values()) <= BUDGETS[f"window_{name}"], alone


@pytest.mark.parametrize("name", MADE_FOR)
def test_budgets_leave_the_background_its_time(name):
    """Windows of the highest frequency, and timed windows, are longer than the background."""
    constants = Constants(MADE_FOR[name])
    shortest = constants.shortest_window >> constants.time_bits
    left = shortest * (SET_CLOCKS - BUDGETS[f"sample_set_{name}"])
    assert BUDGETS[f"window_{name}"] <= left
