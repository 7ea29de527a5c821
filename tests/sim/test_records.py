"""What the engine sends out, as records of windows."""

import numpy as np
import pytest

from rtl.metering.microcode import Port
from rtl.metering.quantities import addresses
from sim.compiled_model import SENT
from sim.records import shown
from soc.config import preset

SINGLE, POLYPHASE = preset("single").metering, preset("polyphase").metering


def sent(*entries):
    """``(port, address, value)`` as the engine's records."""
    rows = [(0, port.value, address, value & (1 << 64) - 1, value >> 64) for port, address, value in entries]
    return np.array(rows, SENT)


def commit(port=Port.QUANTITY_COMMIT):
    return port, 0, 0


@pytest.mark.parametrize("value", [0, 1, -1, 1 << 63, -1 << 63, (1 << 107) - 1, -1 << 107])
def test_values_of_every_width(value):
    place = addresses(SINGLE)["phase0", "energy_import"]
    records = shown(sent((Port.QUANTITY, place, value), commit()), SINGLE)
    assert records.windows[0]["phase0.energy_import"] == value


def test_a_record_a_commit_and_nothing_of_what_follows_the_last():
    place = addresses(SINGLE)["sequence",]
    entries = [(Port.QUANTITY, place, 1), commit(), (Port.QUANTITY, place, 2), commit()]
    records = shown(sent(*entries, (Port.QUANTITY, place, 3)), SINGLE)
    assert [record["sequence"] for record in records.windows] == [1, 2]
    assert records.harmonics == []


def test_arrays_are_lists():
    place = addresses(SINGLE)["events", "count"]
    entries = [(Port.QUANTITY, place + 3, 7), commit()]
    counts = shown(sent(*entries), SINGLE).windows[0]["events.count"]
    assert isinstance(counts, list)
    assert counts[3] == sum(counts) == 7


def test_harmonics_have_records_of_their_own():
    entries = [
        (Port.HARMONIC, 0, 5),
        (Port.QUANTITY, 0, 9),
        commit(),
        commit(Port.HARMONIC_COMMIT),
        (Port.POINT, 0, 1),
    ]
    records = shown(sent(*entries), POLYPHASE)
    assert [record["sequence"] for record in records.windows] == [9]
    assert [record["sequence"] for record in records.harmonics] == [5]


def test_nothing_sent():
    records = shown(np.zeros(0, SENT), POLYPHASE)
    assert (records.windows, records.harmonics) == ([], [])


def test_a_record_has_every_quantity():
    record = shown(sent(commit()), SINGLE).windows[0]
    assert set(record) == {".".join(path) for path in addresses(SINGLE)}
    assert len(record) == len(addresses(SINGLE))
