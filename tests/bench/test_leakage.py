"""The leakage test: its statistics, what it finds and does not find, and that its targets do their work."""

import json
import random
from functools import partial
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bench import leakage
from bench.leakage import CASES, THRESHOLD, Case, Leakage, Moments, measure
from bench.leakage_plot import curves
from bench.leakage_targets import Encryption, Multiplication
from rtl.crypto.p256.arithmetic import READ_CYCLES, Modulo, Operation, P, Timing, WordAddress, compute
from wattseal import bench_leakage
from wattseal.main import main

SHORT = 400


def _traces(seed, shift=0.0):
    rng = np.random.default_rng(seed)
    fixed = rng.random(500) < 0.4
    values = rng.poisson(40, (500, 6))
    values[:, 2] += (fixed * shift).astype(np.int64)
    values[:, 5] = 7
    return values.astype(np.uint32), fixed


@pytest.mark.parametrize("seed", range(4))
def test_t_is_welch_s(seed):
    values, fixed = _traces(seed, shift=3)
    moments = Moments()
    for part in np.array_split(np.arange(500), 7):
        moments.add(values[part], fixed[part])
    groups = values[fixed].astype(float), values[~fixed].astype(float)
    errors = sum(group.var(axis=0, ddof=1) / len(group) for group in groups)
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num((groups[0].mean(axis=0) - groups[1].mean(axis=0)) / np.sqrt(errors))
    np.testing.assert_allclose(moments.t(), expected, rtol=1e-9, atol=1e-12)
    assert moments.t()[5] == 0


def test_sums_of_moments_are_those_of_all_traces():
    values, fixed = _traces(1)
    parts = [Moments(), Moments(), Moments()]
    for moments, part in zip(parts, (slice(0, 100), slice(100, 500), slice(0, 500)), strict=True):
        moments.add(values[part], fixed[part])
    np.testing.assert_array_equal((parts[0] + parts[1]).t(), parts[2].t())


def test_classes_that_never_vary_but_differ_are_infinitely_apart():
    moments = Moments()
    moments.add(np.array([[1, 4], [1, 4], [1, 5], [1, 5]], np.uint32), np.array([True, True, False, False]))
    assert moments.t().tolist() == [0, -np.inf]


def test_a_class_needs_two_traces():
    moments = Moments()
    moments.add(np.zeros((3, 2), np.uint32), np.array([True, False, False]))
    with pytest.raises(ValueError, match="Each class must have 2 traces or more, not 1"):
        moments.t()


class _Made:
    """A target that leaks at clock 3, as much as it is told."""

    state_bits = 100

    def __init__(self, leak, lengths=(8,)):
        self._leak, self._lengths, self._number = leak, lengths, 0

    def trace(self, rng, *, fixed):
        self._number += 1
        length = self._lengths[self._number % len(self._lengths)]
        counts = np.array([rng.getrandbits(100).bit_count() for _ in range(length)], np.uint32)
        counts[3] += self._leak * fixed
        return counts


@pytest.mark.parametrize(("leak", "confirmed"), [(0, 0), (3, 1)])
def test_a_leak_is_found_and_nothing_else(leak, confirmed):
    case = Case(name="made", title="Made", make=lambda: _Made(leak), share=2)
    (found,) = measure(2000, cases=(case,))
    assert (found.traces, found.clocks, found.confirmed) == (1000, 8, confirmed)
    assert found.above == confirmed
    assert (found.largest > THRESHOLD) == bool(leak)
    if leak:
        assert found.at == found.last == 3
        assert found.t[3] > 0


def test_times_that_vary_are_an_error():
    case = Case(name="made", title="Made", make=lambda: _Made(0, lengths=(8, 9)))
    with pytest.raises(AssertionError, match="number of clocks depends on the input"):
        list(measure(200, cases=(case,)))


def test_a_product_is_made_and_only_a_blinded_one_does_not_tell():
    multiply: Any = Operation.MULTIPLY
    modulus: Any = Modulo.P
    products = Multiplication(variant="compact"), Multiplication(variant="compact", blinded=True)
    for product, leaks in zip(products, (True, False), strict=True):
        case = Case(name="product", title="Product", make=partial(_given, product))
        (found,) = measure(SHORT, cases=(case,))
        assert bool(found.confirmed) == leaks, found.figures()
        assert found.clocks == Timing(variant="compact").take(multiply, modulus, 2, 0, 1).ended
        numbers = [_register(product.block, register) for register in range(3)]
        assert numbers[2] == compute(multiply, P, *numbers[:2]).value


def _given(product):
    return product


def _register(block, register):
    value = 0
    for word in range(8):
        block.set("read_adr", WordAddress.const({"register": register, "word": word}).as_value().value)
        block.tick(READ_CYCLES)
        value |= block.get("read_data") << 32 * word
    return value


@pytest.mark.parametrize("fixed", [True, False])
def test_a_block_is_encrypted(fixed):
    target, rng = Encryption(variant="compact"), random.Random(5)
    block = target.block
    block.watch("port__take", ["port__source"])
    target.trace(rng, fixed=fixed)
    plain = b"".join(word.to_bytes(4, "big") for (word,) in block.recorded())
    block.watch("port__give", ["port__result"])
    target.trace(random.Random(5), fixed=fixed)
    sealed = b"".join(word.to_bytes(4, "big") for (word,) in block.recorded()[-4:])
    constants = random.Random("constants of the leakage test")
    fixed_plain, key = constants.randbytes(16), constants.randbytes(16)
    assert (plain == fixed_plain) == fixed
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    assert sealed == encryptor.update(plain)


MEASURED = [
    Leakage(
        name=case.name,
        title=case.title,
        traces=1000,
        clocks=300,
        state_bits=50,
        largest=9.25,
        at=100,
        above=1,
        confirmed=1,
        last=100,
        t=np.sin(np.arange(300)) * 9,
    )
    for case in CASES[:2]
]


def test_the_command_prints_writes_and_draws(monkeypatch, tmp_path, capsys):
    asked = []

    def measured(traces, progress):
        asked.append(traces)
        return MEASURED

    monkeypatch.setattr(bench_leakage, "measure", measured)
    monkeypatch.setenv("COLUMNS", "140")
    files = tmp_path / "leakage.json", tmp_path / "leakage.png"
    arguments = ["bench", "leakage", "--traces", "500", "--json", str(files[0]), "--plot", str(files[1])]
    assert main(arguments) == 0
    assert asked == [500]
    written = json.loads(files[0].read_text())
    assert written["threshold"] == THRESHOLD
    assert written["cases"] == [each.figures() for each in MEASURED]
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert "9.2" in capsys.readouterr().out


def test_the_same_figures_are_the_same_picture():
    assert curves(MEASURED, "svg") == curves(MEASURED, "svg")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--traces", "10"], "--traces must be 200 or more, not 10"),
        (["--plot", "leakage.gif"], "leakage.gif: a plot is .svg or .png"),
        (["--json", "/nowhere/leakage.json"], "the folder /nowhere does not exist"),
    ],
)
def test_what_is_wrong_is_said(arguments, sentence, capsys):
    assert main(["bench", "leakage", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_every_case_has_its_own_name():
    assert len({case.name for case in leakage.CASES}) == len(CASES)
