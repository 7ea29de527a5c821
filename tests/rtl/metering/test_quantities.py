"""The maps of the quantities: order, places, and that a chip with fewer phases has a part of them."""

import pytest

from rtl.metering.constants import Constants
from rtl.metering.harmonic_quantities import harmonic_quantities
from rtl.metering.parameters import LANE_BITS, WIDE_BITS, WORD_BITS
from rtl.metering.point_quantities import FIRST_POINT, point_quantities
from rtl.metering.quantities import addresses, paths, quantities
from rtl.metering.quantity_memory import QuantityMemory
from soc.config import PRESETS

MADE_FOR = {name: config.metering for name, config in PRESETS.items()}
LISTS = {"quantities": quantities, "harmonics": harmonic_quantities, "points": point_quantities}
EVERY_LIST = pytest.mark.parametrize("listed", LISTS.values(), ids=LISTS)


@EVERY_LIST
def test_a_smaller_chip_has_its_quantities_at_the_same_places(listed):
    whole = {quantity.path: quantity for quantity in listed(MADE_FOR["polyphase"])}
    assert len(whole) == len(listed(MADE_FOR["polyphase"]))
    for made_for in MADE_FOR.values():
        for quantity in listed(made_for):
            assert quantity.place == whole[quantity.path].place, quantity.path
            assert quantity.register.unit == whole[quantity.path].register.unit


@EVERY_LIST
def test_sequence_comes_first_and_the_largest_chip_has_no_gaps(listed):
    place = 0
    for quantity in listed(MADE_FOR["polyphase"]):
        assert quantity.place == place
        assert (quantity.path == ("sequence",)) == (place == 0)
        place += quantity.register.count


def test_phases_have_the_same_quantities():
    listed = quantities(MADE_FOR["polyphase"])
    of_phase = [[q.path[1] for q in listed if q.path[0] == f"phase{phase}"] for phase in range(3)]
    assert of_phase[0] == of_phase[1] == of_phase[2]


@pytest.mark.parametrize("name", MADE_FOR)
def test_the_engines_addresses_have_no_gaps(name):
    found = addresses(MADE_FOR[name])
    free = 0
    for quantity in quantities(MADE_FOR[name]):
        assert found[quantity.path] == free
        free += quantity.register.count
    assert len(paths(MADE_FOR[name])) == free
    assert len(set(paths(MADE_FOR[name]))) == free


@EVERY_LIST
def test_every_quantity_says_what_it_is(listed):
    for quantity in listed(MADE_FOR["polyphase"]):
        register = quantity.register
        assert register.description.endswith("."), quantity.path
        assert register.signed
        assert register.access == "r"
        assert register.width in (WORD_BITS, WIDE_BITS)
        assert 0 <= register.fraction_bits < register.width


def test_full_scale_fits_with_the_declared_fraction():
    """A mean, a root, a power and a cycle of full scale fit in their registers."""
    for quantity in quantities(MADE_FOR["polyphase"]):
        register, name = quantity.register, quantity.path[-1]
        whole_bits = register.width - 1 - register.fraction_bits
        if register.unit.endswith("full scale"):
            assert whole_bits >= 1, name
        if register.unit.endswith("sample"):
            # 20 years of sample sets at 10 120 a second, or one window.
            assert whole_bits >= (43 if register.width == WIDE_BITS else 8), name


def test_energies_hold_a_count_of_53_bits_above_a_residue_of_54():
    for quantity in quantities(MADE_FOR["polyphase"]):
        if "energy" in quantity.path[-1]:
            assert quantity.register.width == WIDE_BITS
            assert quantity.register.fraction_bits == 2 * (LANE_BITS - 1)


@pytest.mark.parametrize("name", MADE_FOR)
def test_memory_map_has_each_quantity_at_its_place(name):
    listed = quantities(MADE_FOR[name])
    memory = QuantityMemory(listed)
    for quantity, (_, path, (start, end)) in zip(listed, memory.bus.memory_map.resources(), strict=True):
        assert tuple(path) == quantity.path
        assert start == memory.words * quantity.place
        assert end == start + memory.words * quantity.register.count


def test_points_of_lanes_follow_each_other():
    for made_for in MADE_FOR.values():
        address = FIRST_POINT
        for quantity in point_quantities(made_for)[1:]:
            assert quantity.register.count == Constants.points
            address += quantity.register.count
        assert address == FIRST_POINT + made_for.lanes * Constants.points


def test_units_of_time_follow_the_constants():
    for quantity in quantities(MADE_FOR["polyphase"]):
        if quantity.path in {("time",), ("length",), ("frequency",)}:
            assert quantity.register.fraction_bits == Constants.time_bits
