import math
from pathlib import Path

import numpy as np
import pytest

from sim.recordings.sheet import Channel, checked_rate, first_not_finite
from soc.errors import InputError


@pytest.mark.parametrize("rate", [math.nan, math.inf, 0.0, -8000.0])
def test_rates_that_are_none(rate):
    with pytest.raises(
        InputError, match=rf"^f: the rate is {rate:g}; it must be a positive number of samples"
    ):
        checked_rate(Path("f"), rate, "the rate")


def test_the_slowest_rate():
    assert checked_rate(Path("f"), 1000.0, "the rate") == 1000.0
    with pytest.raises(InputError, match="too slow for mains; at least 1000 are needed"):
        checked_rate(Path("f"), 999.0, "the rate")


def test_first_not_finite():
    assert first_not_finite(np.array([1.0, np.inf, np.nan])) == 1
    assert first_not_finite(np.array([1.0, 2.0])) is None


def test_how_a_channel_is_shown():
    def shown(name: str, unit: str) -> str:
        return str(
            Channel(number=3, name=name, bare_name=name, unit=unit, kind="V", scale=1.0, values=np.zeros(1))
        )

    assert shown("Ua", "kV") == "3 'Ua' [kV]"
    assert shown("3", "") == "3"
