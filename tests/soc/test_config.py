"""The configuration: presets that stand, impossible combinations that are refused by name and number."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import pytest

from rtl.periph.baud import divisor_for
from soc.config import PRESETS, SocConfig, preset
from soc.errors import InputError

GOOD = PRESETS["polyphase"]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_found_by_their_name(name):
    assert preset(name).name == name


@pytest.mark.parametrize(("name", "phases", "lanes"), [("polyphase", 3, 7), ("single", 1, 3), ("tiny", 1, 2)])
def test_lanes_of_the_presets(name, phases, lanes):
    assert (preset(name).phases, preset(name).lanes) == (phases, lanes)


def test_sample_rate_follows_from_clock_and_dividers():
    assert GOOD.sample_clocks == 6 * 256 * 2
    assert GOOD.sample_rate_hz == 8000
    assert GOOD.with_changes(metrology_hz=24_576_001).sample_rate_hz == Fraction(24_576_001, 3072)


def test_metering_parameters_follow():
    metering = PRESETS["single"].metering
    assert (metering.phases, metering.lanes, metering.word_bits) == (1, 3, 24)
    assert (metering.sample_rate_hz, metering.lowest_hz, metering.highest_hz) == (8000, 40, 70)


def test_is_frozen():
    with pytest.raises(FrozenInstanceError):
        GOOD.word_bits = 16  # type: ignore[misc]


def test_changes_are_checked_again():
    assert GOOD.with_changes(name="other", word_bits=16).word_bits == 16
    with pytest.raises(InputError):
        GOOD.with_changes(word_bits=15)


@pytest.mark.parametrize("baud", [96, 115_200, 6_250_000])
def test_what_is_accepted_has_a_divisor(baud):
    assert divisor_for(GOOD.application_hz, GOOD.with_changes(uart_baud=baud).uart_baud) >= 256


def test_unknown_preset():
    with pytest.raises(InputError) as caught:
        preset("huge")
    assert str(caught.value) == "There is no preset 'huge'; known are polyphase, single, tiny."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ring_banks": 1}, "SocConfig.ring_banks must be 2 to 64, not 1."),
        ({"ring_banks": 65}, "SocConfig.ring_banks must be 2 to 64, not 65."),
        ({"noise_divider": 34}, "SocConfig.noise_divider must be 35 or more for 32 rings, not 34."),
        (
            {"noise_divider": 37},
            "SocConfig.ring_banks (= 8) and noise_divider (= 37) give 0.414 bits of entropy a raw bit by the "
            "jitter model if 5 rings are lost, as may go unnoticed; the chip assumes 0.5: give more banks, "
            "or more clocks a sample.",
        ),
        (
            {"voltage_lanes": 0},
            "SocConfig.voltage_lanes must be an integer of 1 or more, not 0.",
        ),
        ({"word_bits": 24.0}, "SocConfig.word_bits must be an integer of 1 or more, not 24.0."),
        ({"nominal_hz": True}, "SocConfig.nominal_hz must be an integer of 1 or more, not True."),
        (
            {"core_cycles_per_operation": -1},
            "SocConfig.core_cycles_per_operation must be an integer of 0 or more, not -1.",
        ),
        ({"voltage_lanes": 4, "current_lanes": 4}, "SocConfig.voltage_lanes must be 3 or less, not 4."),
        (
            {"current_lanes": 2},
            "SocConfig.current_lanes must be one for each voltage lane and at most one more for the "
            "neutral (3 or 4), not 2.",
        ),
        (
            {"current_lanes": 5},
            "SocConfig.current_lanes must be one for each voltage lane and at most one more for the "
            "neutral (3 or 4), not 5.",
        ),
        ({"word_bits": 29}, "SocConfig.word_bits must be 16 to 28, not 29."),
        ({"word_bits": 15}, "SocConfig.word_bits must be 16 to 28, not 15."),
        (
            {"word_bits": 16, "crossing_threshold_log2": 14},
            "SocConfig.crossing_threshold_log2 must be less than word_bits - 2 (= 14), not 14.",
        ),
        (
            {"nominal_hz": 80},
            "SocConfig.nominal_hz must lie between lowest_hz (40) and highest_hz (70), not at 80.",
        ),
        (
            {"lowest_hz": 31},
            "A cycle of SocConfig.lowest_hz (31 Hz) must last at most 224 samples, not 258.065 at the sample "
            "rate of 8000 Hz.",
        ),
        (
            {"fir_decimation": 8},
            "The sample rate must be at least 32 times SocConfig.highest_hz (70 Hz), not 2000 Hz.",
        ),
        (
            {"application_hz": 900_000, "uart_baud": 9600},
            "SocConfig.application_hz must be 1 MHz or more and fit in 32 bits, not 900000.",
        ),
        (
            {"metrology_hz": 1 << 32},
            "SocConfig.metrology_hz must be 1 MHz or more and fit in 32 bits, not 4294967296.",
        ),
        (
            {"uart_baud": 6_250_001},
            "SocConfig.application_hz must be 8 to 524287 times uart_baud (= 50000008 to 3276794274287), "
            "not 50000000.",
        ),
        (
            {"uart_baud": 95},
            "SocConfig.application_hz must be 8 to 524287 times uart_baud (= 760 to 49807265), not 50000000.",
        ),
        ({"uart_fifo_depth": 1}, "SocConfig.uart_fifo_depth must be 2 to 255, not 1."),
        ({"uart_fifo_depth": 256}, "SocConfig.uart_fifo_depth must be 2 to 255, not 256."),
        ({"name": ""}, "SocConfig.name must be 1 to 16 ASCII characters, not ''."),
        ({"name": "größe"}, "SocConfig.name must be 1 to 16 ASCII characters, not 'größe'."),
        ({"sha256": "slow"}, "SocConfig.sha256 must be 'fast' or 'compact', not 'slow'."),
        ({"aes": "slow"}, "SocConfig.aes must be 'fast', 'compact' or 'none', not 'slow'."),
        ({"p256": ""}, "SocConfig.p256 must be 'row', 'compact' or 'none', not ''."),
        ({"key_slots": 1}, "SocConfig.key_slots must be 2 to 256, not 1."),
        ({"device_number": 1 << 32}, "SocConfig.device_number must fit in 32 bits, not 4294967296."),
        ({"lifecycle": 1}, "SocConfig.lifecycle must be a LifecycleState, not 1."),
    ],
)
def test_impossible_combinations(changes, sentence):
    with pytest.raises(InputError) as caught:
        GOOD.with_changes(**changes)
    assert str(caught.value) == sentence


def test_lanes_have_no_default():
    with pytest.raises(TypeError):
        SocConfig(name="none")  # type: ignore[call-arg]
