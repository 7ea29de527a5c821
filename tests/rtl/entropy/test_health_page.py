"""The page on the health tests says what is computed."""

import re
from pathlib import Path

import pytest

from bench.entropy_detection import missed_bias
from rtl.entropy.cutoffs import (
    LAG_WINDOW,
    LAGS,
    RING_WINDOW,
    START_UP_SAMPLES,
    admissible_cutoffs,
    binomial_tail,
    default_cutoffs,
    lost_rings_false_alarm,
    proportion_false_alarm,
    repetition_false_alarm,
    silence_false_alarm,
)
from rtl.entropy.jitter import ASSUMED_ENTROPY, REFERENCE

PAGE = (Path(__file__).parents[3] / "docs" / "blocks" / "entropy-health.md").read_text(encoding="utf-8")
CHIP = {"banks": REFERENCE.banks, "lengths": len(REFERENCE.lengths)}
CUTOFFS = default_cutoffs(**CHIP)
SAME = 2.0**-ASSUMED_ENTROPY


def rows(heading):
    """The cells of the first table behind a heading, by the test in their first one."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    return {
        cells[0].strip("`"): cells[1:]
        for line in re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
        if (cells := re.split(r"\s*\|\s*", line))[0].strip("`") in {*CUTOFFS, "all"}
    }


def number(text):
    return float(text.split()[0])


def test_defaults():
    assert {name: int(cells[-1]) for name, cells in rows("Theory of operation").items()} == CUTOFFS


def test_admissible():
    for name, cutoffs in admissible_cutoffs(**CHIP).items():
        assert rows("Loading cut-offs")[name][0] == f"{cutoffs[0]} to {cutoffs[-1]}"


def test_false_alarms():
    lag = binomial_tail(CUTOFFS["lag"], LAG_WINDOW, SAME)
    lost = lost_rings_false_alarm(CUTOFFS["lost"], **CHIP)
    silence = silence_false_alarm(CUTOFFS["silence"], REFERENCE.rings)
    proportion = proportion_false_alarm(CUTOFFS["proportion"], ASSUMED_ENTROPY)
    expected = {
        "repetition": (
            SAME ** (CUTOFFS["repetition"] - 1),
            repetition_false_alarm(CUTOFFS["repetition"], ASSUMED_ENTROPY, START_UP_SAMPLES),
        ),
        "proportion": (proportion, proportion),
        "lag": (lag, LAGS * START_UP_SAMPLES // LAG_WINDOW * lag),
        "silence": (silence, START_UP_SAMPLES * silence),
        "lost": (lost, START_UP_SAMPLES // RING_WINDOW * lost),
    }
    table = rows("False alarms")
    for name, (single, together) in expected.items():
        assert number(table[name][0]) == pytest.approx(single, rel=0.06), name
        assert number(table[name][1]) == pytest.approx(together, rel=0.06), name
    everything = sum(together for _, together in expected.values())
    assert number(table["all"][-1]) == pytest.approx(everything, rel=0.06)
    assert everything <= 1e-6


def test_detection():
    assert f"missed with probability {missed_bias():.2g} " in PAGE
    # A window ends one match too early, and none of the next is lost.
    latest = CUTOFFS["lag"] - 1 + LAGS + CUTOFFS["lag"]
    assert f"in {latest} samples, whatever the pattern" in PAGE


def test_entropy_with_the_rings_that_may_be_lost():
    left = REFERENCE.min_entropy(lost=CUTOFFS["lost"] - 1)
    assert left >= ASSUMED_ENTROPY
    assert re.search(rf"up to {CUTOFFS['lost'] - 1} rings lost.*\s.*\smin-entropy {left:.2f} ", PAGE)
