"""The shared signatures: directions, widths, codes, refusals."""

from itertools import combinations
from typing import Any

import pytest
from amaranth.lib.wiring import In, Out

from rtl.bus import (
    AlertSignature,
    KeyOperation,
    KeyPathSignature,
    KeyResultSignature,
    LifecycleState,
    NvmPortSignature,
    RandomSignature,
)


def _flows(signature):
    return {name: member.flow for name, member in signature.members.items()}


def test_lifecycle_codes_keep_their_distance():
    states: Any = LifecycleState
    codes = [state.value for state in states]
    for code in codes:
        assert code.bit_count() == 8, f"{code:#x}"
    for one, other in combinations(codes, 2):
        assert (one ^ other).bit_count() >= 8, f"{one:#x} and {other:#x}"


def test_alert_is_silent_out_of_reset():
    alert = AlertSignature().create()
    assert (alert.p.init, alert.n.init) == (0, 1)
    assert _flows(AlertSignature()) == {"p": Out, "n": Out}


def test_randomness():
    assert _flows(RandomSignature()) == {"words": Out, "healthy": Out}
    assert len(RandomSignature().create().words.payload) == 32


def test_key_path_carries_slot_operation_and_key():
    signature = KeyPathSignature(slots=20)
    flows = _flows(signature)
    assert flows == {name: Out if name in ("request", "forbids") else In for name in flows}
    assert set(flows) == {"request", "key", "key_class", "refused", "forbids", "emptied"}
    path = signature.create()
    assert len(path.request.payload.slot) == 5
    assert path.request.payload.operation.shape() is KeyOperation
    assert len(path.key.payload) == 32


def test_a_new_key_goes_the_other_way():
    signature = KeyResultSignature(slots=20)
    assert _flows(signature) == {"request": Out, "binding": In, "key": Out, "done": In, "refused": In}
    assert len(signature.create().request.payload.slot) == 5


def test_nvm_port_addresses_its_region_and_nothing_else():
    signature = NvmPortSignature(words=48)
    assert _flows(signature) == {"request": Out, "done": In, "error": In, "data": In}
    port = signature.create()
    assert (len(port.request.payload.adr), len(port.request.payload.data), len(port.data)) == (6, 32, 32)


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: KeyPathSignature(slots=1), ValueError, "Number of key slots must be 2 or more, not 1"),
        (lambda: KeyPathSignature(slots="8"), TypeError, "Number of key slots must be an integer, not '8'"),
        (lambda: KeyResultSignature(slots=0), ValueError, "Number of key slots must be 2 or more, not 0"),
        (lambda: NvmPortSignature(words=0), ValueError, "Number of words must be 2 or more, not 0"),
        (lambda: NvmPortSignature(words=2.5), TypeError, "Number of words must be an integer, not 2.5"),
    ],
)
def test_refusals(make, error, sentence):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == sentence
