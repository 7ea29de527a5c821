"""The calibration file: what is written is read again, and what cannot be is refused with key and limits."""

import json
import random

import pytest

from rtl.metering.program.settings import Settings
from rtl.metering.state import fields
from soc.config import PRESETS
from soc.errors import InputError
from soc.formats.calibration import CHANNEL, REGION, Calibration, decode, encode


def calibration(name="single", seed=None):
    """A calibration with random values within their ranges."""
    rng = random.Random(seed)
    settings = Settings(PRESETS[name].metering)
    if seed is not None:
        for channel in settings.channels:
            for key in CHANNEL:
                setattr(channel, key.field, key.word(rng.uniform(0.8 * key.least, 0.8 * key.most)))
            setattr(channel, CHANNEL[1].field, CHANNEL[1].word(rng.uniform(0.8, 1.25)))
            starts = sorted(rng.uniform(0, 1) for _ in channel.regions[1:])
            for region, start in zip(channel.regions, [0.0, *starts], strict=False):
                for key, value in zip(REGION, (start, rng.uniform(0.95, 1.05), 0.1), strict=True):
                    setattr(region, key.field, key.word(value))
        dict(fields(settings))["dip"].value = rng.randrange(1 << 31)
    return Calibration(preset=name, v_max=400.0, i_max=100.0, settings=settings)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
@pytest.mark.parametrize("name", PRESETS)
def test_what_is_written_is_read_again(name, seed):
    given = calibration(name, seed)
    found = decode(encode(given), "file")
    assert found.words == given.words, (name, seed)
    assert (found.preset, found.v_max, found.i_max) == (name, 400, 100)
    assert [field.value for _, field in fields(found.settings)] == found.words


def test_left_out_values_are_the_chips_own():
    text = json.loads(encode(calibration()))
    crc = text["crc"]
    for key in ("channels", "thresholds", "region_hysteresis"):
        del text[key]
    assert decode(json.dumps(text), "file").words == calibration().words
    assert text["crc"] == crc


def changed(path, value):
    """The file's text with one value changed."""
    content = json.loads(encode(calibration()))
    *holders, last = (int(key) if key.isdigit() else key for key in path.split("."))
    place = content
    for key in holders:
        place = place[key]
    place[last] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("channels.voltage1.gain", 1.26, "channels.voltage1.gain must be from 0.8 to 1.25, not 1.26"),
        ("channels.voltage1.gain", "1", "channels.voltage1.gain must be a number, not '1'"),
        ("channels.voltage1.gain", float("nan"), "channels.voltage1.gain must be a number, not nan"),
        (
            "channels.current1.delay_samples",
            -1.5,
            "current1.delay_samples must be from -1 to 7, not -1.5",
        ),
        (
            "channels.current1.offset_of_full_scale",
            1e300,
            "must be from -0.0625 to 0.0625, not 1e+300",
        ),
        ("channels.neutral.linear_per_degree", 1e-3, "must be from -0.0005 to 0.0005, not 0.001"),
        (
            "channels.neutral.square_per_square_degree",
            1e-5,
            "must be from -2e-06 to 2e-06, not 1e-05",
        ),
        (
            "channels.current1.regions.2.gain",
            1.1,
            "regions.2.gain must be from 0.95 to 1.05, not 1.1",
        ),
        ("channels.current1.regions.0.start_of_full_scale", 0.1, "regions.0.start_of_full_scale"),
        ("channels.current1.regions.3.start_of_full_scale", 0.1, "regions in rising order"),
        ("channels.current1.regions", [{}] * 6, "regions must be a list of at most 5"),
        ("channels.current1.regions", [1], "regions.0 must be an object, not 1"),
        ("channels.current1", [], "current1 must be an object, not []"),
        (
            "channels.current2",
            {},
            "there is no key 'current2'; known are voltage1, current1, neutral",
        ),
        ("channels.voltage1.regions", [], "there is no key 'regions'"),
        ("thresholds.dip", -1, "thresholds.dip must be from 0 to 2.14748e+09, not -1"),
        ("thresholds.dip", 1 << 32, "thresholds.dip must be from 0 to 2.14748e+09, not 4.2949673e+09"),
        ("thresholds.dip", 0.5, "thresholds.dip must be an integer, not 0.5"),
        ("region_hysteresis", 0.6, "region_hysteresis must be from 0 to 0.5, not 0.6"),
        ("reference_temperature_degrees_c", 60, "must be from 0 to 50, not 60"),
        ("full_scale.voltage_v", 0, "full_scale.voltage_v must be from 0.001 to 1e+07, not 0"),
        ("full_scale", {}, "full_scale.voltage_v must be a number, not None"),
        ("preset", "other", "preset must be one of polyphase, single, tiny, not 'other'"),
        ("preset", ["a"], "preset must be one of polyphase, single, tiny, not ['a']"),
        ("full_scale.voltage_v", 10**400, "full_scale.voltage_v must be a number, not 1000"),
        ("thresholds.dip", 10**400, "thresholds.dip must be an integer, not 1000"),
        ("format", "other", "has no format 'wattseal calibration 1'"),
        ("extra", 1, "there is no key 'extra'"),
        ("channels.voltage1.gain", 1.01, "but that of the values is"),
        ("thresholds.dip", 1, "but that of the values is"),
        ("crc", "0x00000000", "crc is '0x00000000', but that of the values is"),
        ("crc", None, "crc is None, but that of the values is"),
    ],
)
def test_refused(path, value, sentence):
    with pytest.raises(InputError) as refused:
        decode(changed(path, value), "file.json")
    message = str(refused.value)
    assert message.startswith("file.json")
    assert sentence in message
    assert message.endswith(".")


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", '{"format": 3}', "[" * 100_000])
def test_no_calibration_file(text):
    with pytest.raises(InputError, match="give a file that wattseal calibrate wrote"):
        decode(text, "file.json")


def test_delays_of_channel_and_region_count_together():
    settings = Settings(PRESETS["single"].metering)
    settings.channels[1].delay = CHANNEL[2].word(6.9)
    settings.channels[1].regions[2].delay = REGION[2].word(0.2)
    with pytest.raises(InputError, match=r"regions.2.delay_samples with that of the channel .*, not 7.1"):
        Calibration(preset="single", v_max=1, i_max=1, settings=settings)
