"""The metrology program: no value outgrows its cell, nothing between two windows is lost."""

import ast
import inspect
from collections import Counter
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from rtl.metering import program
from rtl.metering.model import MeteringModel
from rtl.metering.parameters import WIDE_BITS, WORD_BITS, Constants
from rtl.metering.quantities import quantities
from rtl.metering.state import Word
from soc.config import preset

FULL = 2**27
SINGLE = preset("single").with_changes(word_bits=28).metering

# --- The program with a check around every value


class _Checks(ast.NodeTransformer):
    """Puts ``fits`` around every factor, sum, divisor, argument and stored value."""

    def __init__(self):
        self._wide = set()

    def _fits(self, value, bits, line):
        if isinstance(value, ast.Constant):
            return value
        return ast.Call(
            ast.Name("fits", ast.Load()), [value, ast.Constant(bits), ast.Constant(line)], keywords=[]
        )

    def visit_BinOp(self, node):
        line, product = node.lineno, isinstance(node.op, ast.Mult)
        left, right = self.visit(node.left), self.visit(node.right)
        if product:
            left, right = (self._fits(factor, WORD_BITS, line) for factor in (left, right))
        return self._fits(ast.BinOp(left, node.op, right), WIDE_BITS, line)

    def visit_Call(self, node):
        line, name = node.lineno, node.func.id if isinstance(node.func, ast.Name) else ""
        arguments = [self.visit(argument) for argument in node.args]
        if name in ("divide", "square_root"):
            arguments[0] = self._fits(arguments[0], WIDE_BITS, line)
            arguments[1:2] = [self._fits(divisor, WORD_BITS, line) for divisor in arguments[1:2]]
            return self._fits(ast.Call(node.func, arguments, []), WIDE_BITS, line)
        named = (ast.Name, ast.Attribute)
        arguments = [
            argument if isinstance(argument, named) else self._fits(argument, WORD_BITS, line)
            for argument in arguments
        ]
        return ast.Call(node.func, arguments, [])

    def visit_Assign(self, node):
        (target,), line = node.targets, node.lineno
        node.value = self.visit(node.value)
        if isinstance(target, ast.Attribute):
            place = [target.value, ast.Constant(target.attr)]
        elif isinstance(target, ast.Subscript):
            place = [ast.Name("REGISTERS", ast.Load()), target.slice]
        elif target.id in self._wide:
            return node
        else:
            node.value = self._fits(node.value, WORD_BITS, line)
            return node
        node.value = ast.Call(
            ast.Name("kept", ast.Load()), [*place, node.value, ast.Constant(line)], keywords=[]
        )
        return node

    def visit_AnnAssign(self, node):
        self._wide.add(node.target.id)
        node.value = self._fits(self.visit(node.value), WIDE_BITS, node.lineno)
        return node


class OutgrownError(Exception):
    """A value does not fit in the bits that the engine has for it."""


@cache
def checked_program(spare_bits=0):
    """``sample_set`` of the program, which raises if a value has less than ``spare_bits`` to spare."""
    registers = {quantity.path: quantity.register for quantity in quantities(3)}
    limits = {bits: 1 << bits - spare_bits - 1 for bits in range(spare_bits + 1, WIDE_BITS + 1)}

    def fits(value, bits, line):
        if type(value) is int and not -limits[bits] <= value < limits[bits]:
            raise OutgrownError(f"program.py, line {line}: {value} does not fit in {bits} bits")
        return value

    def kept(holder, name, value, line):
        if holder is registers:
            return fits(value, registers[name if isinstance(name, tuple) else (name,)].width, line)
        return fits(value, WORD_BITS if type(holder).kind(name) is Word else WIDE_BITS, line)

    scope = {**vars(program), "fits": fits, "kept": kept, "REGISTERS": registers}
    tree = ast.parse(inspect.getsource(program))
    tree.body = [_Checks().visit(node) for node in tree.body if isinstance(node, ast.FunctionDef)]
    exec(compile(ast.fix_missing_locations(tree), "checked program", "exec"), scope)
    return scope["sample_set"]


@pytest.fixture
def checked(monkeypatch):
    """A model whose program is checked: ``checked(parameters, samples)`` gives its windows.

    With ``years`` it has counted for that long, at full scale all the time and with the shortest windows.
    """

    def run(made_for, samples, years=0, **options):
        monkeypatch.setattr("rtl.metering.model.sample_set", checked_program(**options))
        top = 2 ** (made_for.word_bits - 1)
        clipped = np.clip(np.round(samples), -top, top - 1).astype(np.int64)
        model = MeteringModel(made_for)
        seconds = years * 366 * 24 * 3600
        sets = int(seconds * made_for.sample_rate_hz)
        model.machine.now += sets << 20
        model.machine.sequence += seconds * made_for.highest_hz
        for phase in model.machine.phases:
            for name in (
                "energy_import",
                "energy_export",
                "reactive_time",
                "v_squared_time",
                "i_squared_time",
            ):
                setattr(phase, name, sets * FULL**2)
            phase.v_dc_time, phase.i_dc_time = -sets * FULL, sets * FULL
        return model.run(clipped)

    return run


# --- Signals that go to the limits, in units of full scale


def tone(frequency, phase, count, rate=8000.0):
    return np.sin(2 * np.pi * frequency * np.arange(count) / rate + phase)


def steady(rate=8000.0):
    """Sines, squares and pulses of full scale at every frequency that decides something."""
    for frequency in (1, 10, 39.8, 40, 40.2, 50, 69.8, 70, 70.2, 100, 140, rate / 2):
        for angle in (0.0, np.pi / 2, np.pi):
            v, i = tone(frequency, 0.1, 700, rate), tone(frequency, 0.1 + angle, 700, rate)
            yield f"sine {frequency} Hz, {angle:.1f} rad", np.stack([v, i], 1)
            yield f"clipped {frequency} Hz, {angle:.1f} rad", np.stack([1.5 * v, 1.5 * i], 1)
            yield f"square {frequency} Hz, {angle:.1f} rad", np.sign(np.stack([v, i], 1))
            positive = np.where(np.stack([v, i], 1) > 0, 1.0, (-0.002, 0.5))
            yield f"positive {frequency} Hz, {angle:.1f} rad", positive
    for v in (-1.0, 1.0):
        for i in (-1.0, 1.0):
            yield f"DC {v} and {i}", np.tile((v, i), (1300, 1))


def course(seed):
    """Random segments: every kind of signal, its start and its end, amplitudes down to a unit."""
    rng = np.random.default_rng(seed)
    segments = []
    for _ in range(12):
        count = int(rng.integers(1, 420))
        amplitude = 10 ** rng.uniform(-8, 0, 2)
        dc = rng.choice([0, 0, 1, -1, 0.5, -0.3, 1e-3, 1e-7], 2)
        wave = np.stack([tone(rng.uniform(30, 90), rng.uniform(0, 6), count) for _ in range(2)], 1)
        segments.append(
            (
                wave * amplitude + dc,
                np.sign(wave) * amplitude + dc,
                rng.normal(0, 1, (count, 2)) * amplitude + dc,
                np.tile(dc, (count, 1)),
                rng.choice([-1.0, 1.0], (count, 2)),
                np.zeros((count, 2)),
                rng.uniform(-1, 1, (count, 2)) * (1e-7, 1) + (0, dc[1]),
            )[rng.integers(7)]
        )
    return np.concatenate(segments)


def short_windows(seed):
    """A timed window and a crossing right after it, anywhere between two samples; also right at the start."""
    rng = np.random.default_rng(seed)
    values = np.array([-1, 1, 0, 0.5, -0.5, -1 / 1024 - 1 / FULL, -1 / FULL, 1 / FULL, 2 / FULL, 1e-5, -1e-5])
    runs = []
    for _ in range(6):
        start = rng.choice(values, (int(rng.integers(1, 5)), 2))
        below = np.full((int(rng.choice([150, 160, 201, 202])), 2), rng.choice([-1 / FULL, -0.1]))
        below[:, 1] = rng.choice([-1.0, 1.0])
        runs += [start, below, rng.choice(values, (3, 2))]
    return np.concatenate(runs)


def test_full_scale_signals_fit(checked):
    windows = 0
    for name, samples in steady():
        try:
            windows += len(checked(SINGLE, samples * FULL))
        except OutgrownError as error:
            pytest.fail(f"{name}: {error}")
    assert windows > 500


@pytest.mark.parametrize("make", [course, short_windows])
def test_random_signals_fit_and_no_power_factor_is_above_one(make, checked):
    for seed in range(30):
        try:
            windows = checked(SINGLE, make(seed) * FULL)
        except OutgrownError as error:
            pytest.fail(f"repeat with {make.__name__}({seed}): {error}")
        assert len(windows) > 3
        largest = max(abs(window["phase0.power_factor"]) for window in windows)
        assert largest <= 1 << Constants.factor_bits, f"repeat with {make.__name__}({seed})"


@pytest.mark.parametrize("cycle", [32 * 70 / 40, 253.0])
def test_shortest_and_longest_cycle_fit(cycle, checked):
    rate = Fraction(cycle * 40)
    made_for = type(SINGLE)(**{**vars(SINGLE), "sample_rate_hz": rate})
    for name, samples in list(steady(float(rate)))[::5]:
        try:
            checked(made_for, samples * FULL)
        except OutgrownError as error:
            pytest.fail(f"{name} at {rate} samples a second: {error}")


def test_counts_of_fifty_years_fit(checked):
    windows = checked(SINGLE, np.sign(tone(70.0, 0.1, 400))[:, None] * (1, -1) * FULL, years=50)
    assert windows[-1]["sequence"] > 2**36


def test_the_check_would_find_an_overflow(checked):
    square = np.sign(tone(50.0, 0.1, 400))[:, None] * (1, 1) * FULL
    checked(SINGLE, square)
    with pytest.raises(OutgrownError, match="does not fit in 36 bits"):
        checked(SINGLE, square, spare_bits=2)


# --- Conservation

CONSERVED = {
    "sum_v": lambda v, i: v,
    "sum_i": lambda v, i: i,
    "sum_vv": lambda v, i: v * v,
    "sum_ii": lambda v, i: i * i,
    "sum_vi": lambda v, i: v * i,
}


@pytest.mark.parametrize("make", [course, short_windows])
def test_windows_and_the_running_rest_make_the_whole_to_the_last_bit(make):
    for seed in range(5):
        samples = np.clip(np.round(make(seed) * FULL), -FULL, FULL - 1).astype(np.int64)
        model = MeteringModel(SINGLE)
        phase = model.machine.phases[0]
        ended = Counter()
        for one in samples[:, None]:
            if model.run(one):
                for name in CONSERVED:
                    ended[name] += getattr(phase, name).ended
        for name, integrand in CONSERVED.items():
            whole = sum(integrand(v, i) for v, i in samples.tolist())
            running = getattr(phase, name).running
            assert ended[name] + running == whole, f"repeat with {make.__name__}({seed}): {name}"


def integral(values, end):
    """Integral of a straight line through ``values`` from half a sample before the first one to ``end``."""
    whole = int(end)
    rest = end - whole
    area = Fraction(sum(values[:whole])) + Fraction(values[whole], 2)
    if rest:
        area += rest * values[whole] + rest * rest * (values[whole + 1] - values[whole]) / 2
    return area


@pytest.mark.parametrize("make", [course, short_windows])
def test_energy_is_the_integral_and_loses_no_count(make):
    """Against exact fractions: import and export by the sign of each window, for every window."""
    scale = 2 ** (2 * 27)
    for seed in range(5):
        samples = np.clip(np.round(make(seed) * FULL), -FULL, FULL - 1).astype(np.int64)
        v, i = samples.T.tolist()
        products = [a * b for a, b in zip(v, i, strict=True)]
        before = {"time": -(1 << 19), "phase0.energy_import": 0, "phase0.energy_export": 0}
        last = (Fraction(0),) * 3
        for window in MeteringModel(SINGLE).run(samples):
            where = f"repeat with {make.__name__}({seed}): window {window['sequence']}"
            assert window["time"] - before["time"] == window["length"], where
            areas = tuple(integral(values, Fraction(window["time"], 1 << 20)) for values in (v, i, products))
            of_v, of_i, of_vi = (new - old for new, old in zip(areas, last, strict=True))
            length = Fraction(window["length"], 1 << 20)
            exact = of_vi - of_v * of_i / length if length else Fraction(0)
            gained, given = (
                window[f"phase0.energy_{way}"] - before[f"phase0.energy_{way}"]
                for way in ("import", "export")
            )
            assert gained >= 0, where
            assert given >= 0, where
            assert gained == 0 or given == 0, where
            assert abs(gained - given - exact) < scale * (length + 1) / 10**8, where
            before, last = window, areas
