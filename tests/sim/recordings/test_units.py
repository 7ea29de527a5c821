import pytest

from sim.recordings.units import Unit, unit_of_name, unit_of_symbol


@pytest.mark.parametrize(
    ("symbol", "unit"),
    [
        ("V", Unit("V", 1.0)),
        ("kV", Unit("V", 1e3)),
        ("KV", Unit("V", 1e3)),
        ("mV", Unit("V", 1e-3)),
        ("MV", Unit("V", 1e6)),
        (" mA ", Unit("A", 1e-3)),
        ("µs", Unit("s", 1e-6)),
        ("us", Unit("s", 1e-6)),
        ("ns", Unit("s", 1e-9)),
        ("W", None),
        ("kW", None),
        ("", None),
    ],
)
def test_symbols(symbol, unit):
    assert unit_of_symbol(symbol) == unit


@pytest.mark.parametrize(
    ("name", "bare", "unit"),
    [
        ("Voltage (V)", "Voltage", Unit("V", 1.0)),
        ("Voltage [kV]", "Voltage", Unit("V", 1e3)),
        ("Time (ms)", "Time", Unit("s", 1e-3)),
        ("Power (kW)", "Power", None),
        ("voltage_v", "voltage", Unit("V", 1.0)),
        ("current_mA", "current", Unit("A", 1e-3)),
        ("time_us", "time", Unit("s", 1e-6)),
        ("t", "t", Unit("s", 1.0, stated=False)),
        ("U1", "U1", Unit("V", 1.0, stated=False)),
        ("Vab", "Vab", None),
        ("u_l2", "u_l2", Unit("V", 1.0, stated=False)),
        ("Ia", "Ia", Unit("A", 1.0, stated=False)),
        ("current", "current", Unit("A", 1.0, stated=False)),
        ("Speed", "Speed", None),
        ("index", "index", None),
    ],
)
def test_names(name, bare, unit):
    assert unit_of_name(name) == (bare, unit)
