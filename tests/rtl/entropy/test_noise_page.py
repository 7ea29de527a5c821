"""The figures on the page of the noise source are those of the jitter model."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from bench.entropy_marks import MEASURED_STRENGTH_PS, OUTPUT_HZ, measured_jitters_ps
from rtl.entropy.cutoffs import LOST_ALPHA, lost_rings_cutoff
from rtl.entropy.jitter import ASSUMED_ENTROPY, RAW_BITS, REFERENCE
from soc.boards import board

PAGE = Path(__file__).parents[3] / "docs" / "blocks" / "noise-source.md"
TEXT = PAGE.read_text(encoding="utf-8")
FLAT = " ".join(TEXT.split())


def table(heading):
    """Rows of the table whose header row begins so."""
    lines = TEXT.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_entropy_over_jitter():
    rows = table("jitter σ of a stage, ps")
    assert [float(jitter) for jitter, *_ in rows] == [0.5, 1, 1.2, 1.6, 2, 3, 4]
    for jitter, entropy, needed, divider in rows:
        model = replace(REFERENCE, jitter_ps=float(jitter))
        assert entropy == f"{model.min_entropy():.3f}"
        assert needed == str(model.needed_rings(ASSUMED_ENTROPY) or "more")
        assert int(divider) == model.smallest_divider(ASSUMED_ENTROPY)


def test_designs():
    expected = [
        [
            *(str(value) for value in (each.divider, each.banks, each.rings, sum(each.ring_lengths))),
            f"{each.min_entropy():.3f}",
            f"{each.output_hz() / 1000:g}",
        ]
        for each in REFERENCE.designs(ASSUMED_ENTROPY, OUTPUT_HZ)
    ]
    assert table("divider") == expected


def test_what_the_text_says():
    lost = lost_rings_cutoff(LOST_ALPHA, REFERENCE.banks, len(REFERENCE.lengths)) - 1
    least, most = measured_jitters_ps(REFERENCE.stage_ps)
    slow = replace(
        REFERENCE,
        stage_ps=3045.0,
        jitter_ps=REFERENCE.jitter_ps * math.sqrt(3045 / REFERENCE.stage_ps),
        clock_hz=12e6,
    )
    assert board("icebreaker").config.noise_divider == slow.smallest_divider(ASSUMED_ENTROPY, lost=lost)
    rate = board("icebreaker").config.rings.output_hz() / 1000
    strengths = sorted(MEASURED_STRENGTH_PS.values())
    for sentence in (
        f"{REFERENCE.rings} rings in {REFERENCE.banks} banks",
        f"With τ = {REFERENCE.stage_ps:g} ps, 50 MHz and {REFERENCE.divider} clocks a sample (1.28 µs)",
        f"{REFERENCE.jitter_ps:g} ps is about half",
        f"{strengths[0]:.3f} to {strengths[1]:.3f} ps, which makes {least:.1f} to {most:.1f} ps in a stage",
        f"needs {REFERENCE.smallest_jitter_ps(ASSUMED_ENTROPY):.2f} ps with all rings and "
        f"{REFERENCE.smallest_jitter_ps(ASSUMED_ENTROPY, lost=lost):.2f} ps with the {lost} rings lost",
        f"{RAW_BITS} raw bits for 256",
        f"{slow.jitter_ps:.2f} ps a stage, the 32 rings give H = {slow.min_entropy():.3f} at 12 MHz",
        f"must be {slow.smallest_divider(ASSUMED_ENTROPY)} or more, "
        f"{slow.smallest_divider(ASSUMED_ENTROPY, lost=lost)} with {lost} rings lost",
        f"which is what `soc/boards.py` has: {rate:.1f} kbit/s",
        f"noticed only from the {lost + 1}th ring on",
    ):
        assert sentence in FLAT, sentence
    assert pytest.approx(3800, rel=0.02) == 1 / REFERENCE.diffusion(3) ** 2
    assert "3800 for one of 3 stages" in FLAT
