"""Settings of a meter for the place of a recording."""

import pytest

from rtl.metering.program.settings import Settings
from rtl.metering.state import fields
from sim.declared import declared, declared_share
from soc.config import preset

CONFIG = preset("single")
PATHS = [path for path, _ in fields(Settings(CONFIG.metering))]


def words(hz, voltage):
    return dict(zip(PATHS, declared(CONFIG, hz, voltage), strict=True))


@pytest.mark.parametrize(("hz", "nominal"), [(50.1, 50), (42.0, 50), (54.9, 50), (55.1, 60), (75.0, 60)])
def test_the_nearest_nominal_frequency_has_a_band(hz, nominal):
    given = words(hz, None)
    assert given["lowest_frequency"] == pytest.approx(0.85 * nominal * 2**20, abs=1)
    assert given["highest_frequency"] == pytest.approx(1.15 * nominal * 2**20, abs=1)


def test_what_is_not_declared_stays():
    changed = {"neutral_mismatch"}
    given, own = words(None, None), {path: field.value for path, field in fields(Settings(CONFIG.metering))}
    assert {path for path in PATHS if given[path] != own[path]} == changed
    assert given["crc"] == 0, "such a chip is not calibrated"


def test_declared_voltage():
    assert words(None, 0.25)["declared_voltage"] == 1 << 31
    assert declared_share(CONFIG, declared(CONFIG, None, 0.25)) == 0.25
    assert declared_share(CONFIG, ()) == pytest.approx(0.46)
