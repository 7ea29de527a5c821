import math
from dataclasses import asdict
from typing import Any

import pytest

from sim.readings import Readings

GOOD: dict[str, Any] = {
    "vrms_v": 230.0,
    "irms_a": 5.0,
    "active_w": 1000.0,
    "reactive_var": None,
    "apparent_va": 1150.0,
    "power_factor": None,
    "frequency_hz": None,
    "energy_import_wh": 1.0,
    "energy_export_wh": 0.0,
    "v_dc": 0.0,
    "i_dc": 0.0,
}


def test_fields_and_their_order():
    assert asdict(Readings(**GOOD)) == GOOD
    assert list(asdict(Readings(**GOOD))) == list(GOOD)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_has_no_value_is_none_and_never_nan(name, value):
    with pytest.raises(ValueError, match=rf"^Reading '{name}' must be a finite number or None, not {value}$"):
        Readings(**GOOD | {name: value})
