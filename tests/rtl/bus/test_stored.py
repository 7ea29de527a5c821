"""Stored registers as resources of a memory map."""

import gc
import warnings

import pytest
from amaranth import Module
from amaranth.hdl import Fragment

from rtl.bus import MemoryMap, StoredRegister


def test_is_found_in_a_memory_map():
    register = StoredRegister(description="A value.", width=36, signed=True, fraction_bits=4, unit="V")
    memory_map = MemoryMap(addr_width=4, data_width=32)
    memory_map.add_resource(register, name=("phase0", "vrms"), size=4, addr=8)
    (found,) = memory_map.all_resources()
    assert (found.resource, found.start, found.end) == (register, 8, 12)
    assert (found.resource.width, found.resource.signed, found.resource.fraction_bits) == (36, True, 4)
    assert (found.resource.unit, found.resource.access) == ("V", "r")


def test_is_not_missed_in_the_design():
    Fragment.get(Module(), None)  # from here on Amaranth warns of components that are in no design
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        StoredRegister(description="A value.", width=1)
        gc.collect()
    assert [str(warning.message) for warning in seen if "StoredRegister" in str(warning.message)] == []


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"width": 0}, "Width must be a positive integer, not 0"),
        ({"width": "8"}, "Width must be a positive integer, not '8'"),
        ({"width": 8, "count": 0}, "Count must be a positive integer, not 0"),
        ({"width": 8, "access": "rx"}, "Access must be 'r', 'w' or 'rw', not 'rx'"),
    ],
)
def test_refusals(parameters, sentence):
    with pytest.raises(ValueError) as caught:
        StoredRegister(description="A value.", **parameters)
    assert str(caught.value) == sentence
