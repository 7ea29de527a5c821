"""The benchmark of the cryptography: budgets hold, figures follow from what was counted, it shows them."""

import json
import tomllib
from pathlib import Path

import pytest

from bench import crypto
from bench.crypto import BLOCKS, OPERATIONS, Figure
from bench.crypto_marks import BLOCK_MARKS, CYCLE_MARKS, OTHERS, Other
from bench.pareto import pareto
from bench.synth import Utilisation
from soc.config import preset
from wattseal.main import main

BUDGETS = tomllib.loads(Path(crypto.__file__).with_name("budgets.toml").read_text())
USED = Utilisation(lut4=5000, ff=1000, dsp=4, ebr=2, mhz=50.0)


def _budget(name, variant):
    (operation,) = (operation for operation in OPERATIONS if operation.name == name)
    section, key = operation.budget_of(variant)
    return BUDGETS[section][key]


def _within_budgets(counted):
    for (name, variant), clocks in counted.items():
        assert 0 < clocks <= _budget(name, variant), f"{name}, {variant}: {clocks} clocks"


def _all():
    return [
        (operation.name, variant)
        for operation in OPERATIONS
        for block, variant in BLOCKS
        if block == operation.block
    ]


@pytest.mark.parametrize(("name", "variant"), _all())
def test_every_operation_has_a_budget_within_its_mark(name, variant):
    assert _budget(name, variant) <= CYCLE_MARKS.get((name, variant), float("inf"))


def test_marks_and_other_designs_are_of_what_there_is():
    names = {operation.name for operation in OPERATIONS}
    assert set(CYCLE_MARKS) <= set(_all())
    assert set(BLOCK_MARKS) <= set(BLOCKS)
    assert all(set(other.cycles) <= names for other in OTHERS)


@pytest.mark.parametrize("variant", ["fast", "compact"])
def test_clocks_of_the_hash_unit(variant):
    counted = crypto.cycles_of_sha256(variant)
    assert set(counted) == {("sha256_block", variant), ("hmac_sha256", variant)}
    _within_budgets(counted)
    assert counted["hmac_sha256", variant] > 2 * counted["sha256_block", variant]


def test_clocks_of_a_chip_with_a_key_store_only():
    config = preset("tiny")
    counted = crypto.cycles_of_chip(config)
    assert set(counted) == {("key_generate", f"slots_{config.key_slots}")}
    # It does not depend on the number of slots.
    assert 8 < counted["key_generate", "slots_4"] <= _budget("key_generate", "slots_16")


@pytest.mark.slow
def test_all_clocks_are_within_their_budgets():
    counted = crypto.cycles()
    assert set(counted) == set(_all())
    _within_budgets(counted)


def test_figures_follow_from_clocks_and_area():
    counted = {("p256_sign_checked", "row"): 100_000, ("sha256_block", "fast"): 65.0}
    sign, block = crypto.figures(counted, {("p256", "row"): USED})
    assert sign == Figure(
        operation="p256_sign_checked", variant="row", cycles=100_000, lut4=5000, ff=1000, dsp=4, mhz=50.0
    )
    assert sign.microseconds == 2000
    assert sign.area_time == 10_000
    assert block == Figure(operation="sha256_block", variant="fast", cycles=65.0)
    assert block.microseconds is None
    assert block.area_time is None


def test_each_block_is_synthesised_alone(monkeypatch):
    seen, steps = [], []

    def synthesise(block, *, name, device, frequency_mhz, wide_luts):
        seen.append((type(block).__name__, name, device, frequency_mhz, wide_luts))
        return USED

    monkeypatch.setattr(crypto, "synthesise", synthesise)
    found = crypto.area(lambda step, fraction: steps.append(step))
    assert found == dict.fromkeys(BLOCKS, USED)
    assert ("P256", "p256_row", "ecp5-85f", 65, True) in seen
    assert ("AesGcm", "aes_compact", "ecp5-85f", 75, False) in seen
    assert len(seen) == len(steps) == len(BLOCKS)


FIGURES = crypto.figures(
    {key: 10.0 * (1 + number) for number, key in enumerate(_all())}, dict.fromkeys(BLOCKS, USED)
)


def test_the_plot_names_operations_and_other_designs():
    text = pareto(FIGURES, OTHERS, "svg").decode()
    for label in ("sign and check", "ECDH", "GCM 128", "secworks/aes", "compact"):
        assert label in text
    assert "OpenTitan" not in text  # its area is not known
    assert pareto(FIGURES, OTHERS, "svg").decode() == text


def test_a_plot_of_little():
    other = Other(name="Another", cycles={"sha256_block": 70})
    picture = pareto([Figure(operation="sha256_block", variant="fast", cycles=65.0)], [other], "png")
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("synth", [False, True])
def test_the_command_prints_and_writes(synth, monkeypatch, tmp_path, capsys):
    counted = {key: 20_000 + number for number, key in enumerate(_all())}
    counted["p256_sign_checked", "row"] = 123_456
    monkeypatch.setattr(crypto, "cycles", lambda progress: counted)
    monkeypatch.setattr(crypto, "area", lambda progress, jobs: dict.fromkeys(BLOCKS, USED))
    monkeypatch.setenv("COLUMNS", "160")
    path, plot = tmp_path / "crypto.json", tmp_path / "pareto.svg"
    given = ["--plot", str(plot)] if synth else ["--no-synth"]
    assert main(["bench", "crypto", "--json", str(path), *given]) == 0
    shown = capsys.readouterr().out
    assert "123,456" in shown
    assert "≤ 105,000 ✗" in shown  # the mark that this misses
    assert "OpenTitan OTBN" in shown
    assert "607,000" in shown
    assert ("≤ 3,500 ✗" in shown) == synth
    assert ("2,469.12" in shown) == synth  # µs
    written = json.loads(path.read_text())
    assert [(each["operation"], each["variant"]) for each in written] == _all()
    sign = written[_all().index(("p256_sign_checked", "row"))]
    area = {"lut4": 5000, "ff": 1000, "dsp": 4, "mhz": 50.0}
    assert sign == {
        "operation": "p256_sign_checked",
        "variant": "row",
        "cycles": 123_456,
        **(area if synth else dict.fromkeys(area)),
    }
    assert plot.exists() == synth


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            ["--no-synth", "--plot", "a.svg"],
            "a.svg: the plot shows area, which is not measured with --no-synth",
        ),
        (["--plot", "a.pdf"], "a.pdf: a plot is .svg or .png; give its name such an ending."),
        (["--no-synth", "--jobs", "3"], "--jobs is of the synthesis that --no-synth leaves out"),
        (["--jobs", "0"], "--jobs must be 1 or more, not 0."),
        (["--json", "/nowhere/a.json"], "the folder /nowhere does not exist"),
        (["--json", "a.svg", "--plot", "a.svg"], "is given for JSON and for the plot"),
    ],
)
def test_bad_input(given, sentence, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(crypto, "cycles", lambda progress: pytest.fail("it measured"))
    assert main(["bench", "crypto", *given]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_a_missing_tool_is_named_before_anything_is_measured(capsys, monkeypatch):
    monkeypatch.setattr(crypto, "cycles", lambda progress: pytest.fail("it measured"))
    monkeypatch.setenv("YOSYS", "no-such-yosys")
    assert main(["bench", "crypto"]) == 2
    assert "YOSYS must name an executable file" in capsys.readouterr().err
