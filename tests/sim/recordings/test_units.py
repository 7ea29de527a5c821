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
        ("kv", Unit("V", 1e3)),
        ("Kv", Unit("V", 1e3)),
        ("mv", Unit("V", 1e-3)),
        ("v", Unit("V", 1.0)),
        ("KA", Unit("A", 1e3)),
        ("ka", Unit("A", 1e3)),
        ("ma", Unit("A", 1e-3)),
        ("VOLTS", Unit("V", 1.0)),
        ("Amperes", Unit("A", 1.0)),
        ("sec", Unit("s", 1.0)),
        ("W", Unit("W", 1.0)),
        ("VAr", Unit("VAr", 1.0)),
        ("Mv", Unit("Mv", 1.0)),
        ("na", Unit("na", 1.0)),
        ("S", Unit("S", 1.0)),
        (" ", None),
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
        ("Power (kW)", "Power", Unit("kW", 1.0)),
        ("power_w", "power", Unit("w", 1.0)),
        ("load_kVA", "load", Unit("kVA", 1.0)),
        ("Voltage (L1)", "Voltage", None),
        ("Voltage ()", "Voltage", None),
        ("bus_va", "bus_va", None),
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
