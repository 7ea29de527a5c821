"""Every board is elaborated, without tools; its files name the pins and the clock."""

import re
from pathlib import Path

import pytest

from soc.board_top import BoardTop
from soc.boards import BOARDS, SENSORS, Board, board
from soc.config import PRESETS
from soc.errors import InputError


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_is_elaborated(name):
    made_for = board(name)
    platform = made_for.make_platform()
    plan = platform.build(BoardTop(made_for), name="wattseal", do_build=False)
    constraints = plan.files["wattseal.lpf" if "wattseal.lpf" in plan.files else "wattseal.pcf"]
    assert "module \\wattseal.soc.metrology" in plan.files["wattseal.il"]

    named = set(re.findall(r"\w+_\d+__\w+(?:\[\d+\])?", constraints))
    lanes = range(made_for.config.lanes)
    expected = {f"adc_words_0__data__io[{lane}]" for lane in lanes}
    expected |= {f"adc_words_0__{pin}__io" for pin in ("bit_clock", "frame_sync")}
    expected |= {f"uart_{line}_0__{pin}__io" for line in ("comms", "optical") for pin in ("rx", "tx")}
    expected |= {f"{made_for.core[0]}_{made_for.core[1]}__{pin}__io" for pin in ("rx", "tx")}
    expected |= {f"sensors_0__{sensor}__io" for sensor in SENSORS}
    outputs = len(made_for.header.pulses[: made_for.config.pulse_outputs])
    expected |= {f"pulses_0__outputs__io[{output}]" for output in range(outputs)}
    if made_for.config.modulators:
        expected |= {"modulators_0__clock__io", "modulators_0__use_bits__io"}
    assert expected <= named, f"{name} lacks {sorted(expected - named)}"
    assert f"adc_words_0__data__io[{made_for.config.lanes}]" not in named

    sites = re.findall(r'LOCATE COMP .* SITE "(\w+)"|set_io \S+ (\S+)', constraints)
    assert len(set(sites)) == len(sites), f"{name} uses a pin twice"
    assert re.search(r"FREQUENCY PORT|set_frequency", constraints), f"{name} has no clock constraint"


@pytest.mark.parametrize("name", BOARDS)
def test_configurations(name):
    config = board(name).config
    assert config.name in PRESETS
    assert float(config.sample_rate_hz) == 7812.5
    # The receiver's frames fill a sample period exactly.
    assert config.sample_clocks % 128 == 0
    if name != "icebreaker":
        assert config.application_hz >= 25_000_000
        assert config.metrology_hz == 25_000_000


@pytest.mark.parametrize("name", BOARDS)
def test_the_documentation_has_the_pins_and_clocks(name):
    made_for, config, header = board(name), board(name).config, board(name).header
    text = (Path(__file__).parents[2] / "docs" / "fpga.md").read_text(encoding="utf-8")
    clocks = (f"{hz / 1e6:g} MHz" for hz in (config.application_hz, config.metrology_hz))
    rate = f"{float(config.sample_rate_hz):g}"
    columns = [f"`{name}`", made_for.title, f"`{config.name}`", *clocks, rate]
    assert f"| {' | '.join(columns)} |" in text
    pins = (header.data[: config.lanes], header.uart_comms, header.uart_optical, header.core or ("USB",))
    columns = [f"`{name}`", " ".join(map(str, header.connector)), header.bit_clock, header.frame_sync]
    assert f"| {' | '.join([*columns, *map(' '.join, pins)])} |" in text
    columns = [f"`{name}`", " ".join(map(str, header.extra or header.connector))]
    columns += [header.modulator_clock or "–", header.use_bits or "–"]
    extra = (header.pulses[: config.pulse_outputs], header.sensors)
    assert f"| {' | '.join([*columns, *map(' '.join, extra)])} |" in text


def test_an_unknown_board_lists_the_known_ones():
    with pytest.raises(InputError, match=f"^There is no board 'foo'; known are {', '.join(BOARDS)}\\.$"):
        board("foo")


def test_missing_platforms_are_a_sentence():
    known = board("ulx3s-85f")
    missing = Board(
        name="x", title="X", platform="amaranth_bards.x:Y", config=known.config, header=known.header
    )
    with pytest.raises(InputError, match=r"^The Python package amaranth_bards is missing: install it with "):
        missing.make_platform()
