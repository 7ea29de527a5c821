"""Fields and registers as software sees them."""

import pytest

from soc.formats.registers import Field, Register

STATUS = Register("block.status", 0x10, 1, "rw", {"level": Field(0, 7), "error": Field(8, 1)})
POWER = Register("block.power", 0x20, 4, "r", {"value": Field(0, 108, True)}, "W", 40)


def test_pack_and_unpack_are_inverse():
    for level in (0, 5, 127):
        for error in (0, 1):
            assert STATUS.unpack(STATUS.pack(level=level, error=error)) == {"level": level, "error": error}
    assert STATUS.pack(error=1) == 0x100


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"level": 128}, "block.status.level holds 7 bits, which 128 does not fit"),
        ({"level": -1}, "block.status.level holds 7 bits, which -1 does not fit"),
        ({"colour": 1}, "block.status has no field 'colour', only level, error"),
    ],
)
def test_what_does_not_fit_is_refused(values, sentence):
    with pytest.raises(ValueError) as caught:
        STATUS.pack(**values)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("value", [0, 1, -1, (1 << 107) - 1, -(1 << 107), -123_456_789 << 40])
def test_signed_value_over_several_words(value):
    words = [value >> 32 * index & 0xFFFF_FFFF for index in range(4)]
    assert POWER.join(words) == value


def test_unsigned_value_over_several_words():
    time = Register("block.time", 0, 2, "r", {"low": Field(0, 20), "high": Field(32, 32)})
    assert time.join((1, 0x8000_0000)) == 0x8000_0000_0000_0001
    assert time.unpack(time.join((5, 7))) == {"low": 5, "high": 7}


POINTS = Register("block.points", 0x100, 2, "r", {"value": Field(0, 36, True)}, "V", 27, count=3)


def test_elements_of_an_array():
    second = POINTS.element(1)
    assert (second.name, second.address, second.words, second.count) == ("block.points[1]", 0x108, 2, 1)
    assert (second.unit, second.fraction_bits, second.fields) == ("V", 27, POINTS.fields)
    for index in (-1, 3):
        with pytest.raises(IndexError) as caught:
            POINTS.element(index)
        assert str(caught.value) == f"block.points has elements 0 to 2, and not {index}"


def test_values_of_an_array():
    values = [5, -1, -(1 << 35)]
    words = [value >> 32 * index & 0xFFFF_FFFF for value in values for index in range(2)]
    assert POINTS.split(words) == values
