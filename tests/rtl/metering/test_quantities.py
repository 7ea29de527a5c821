"""The map of the quantities: order, places, and that a chip with fewer phases has a part of it."""

from rtl.metering.parameters import LANE_BITS, WIDE_BITS, WORD_BITS, Constants
from rtl.metering.quantities import WORDS_PER_QUANTITY, quantities
from rtl.metering.quantity_memory import QuantityMemory


def test_fewer_phases_have_the_first_quantities():
    paths = [[quantity.path for quantity in quantities(phases)] for phases in (1, 2, 3)]
    assert paths[0] == paths[1][: len(paths[0])]
    assert paths[1] == paths[2][: len(paths[1])]
    assert len(set(paths[2])) == len(paths[2])


def test_sequence_comes_first_and_phases_have_the_same_quantities():
    listed = quantities(3)
    assert listed[0].path == ("sequence",)
    of_phase = [[q.path[1] for q in listed if q.path[0] == f"phase{phase}"] for phase in range(3)]
    assert of_phase[0] == of_phase[1] == of_phase[2]
    assert sum(map(len, of_phase)) + sum(len(q.path) == 1 for q in listed) == len(listed)


def test_every_quantity_says_what_it_is():
    for quantity in quantities(3):
        register = quantity.register
        assert register.description.endswith("."), quantity.path
        assert register.signed
        assert register.access == "r"
        assert register.width in (WORD_BITS, WIDE_BITS)
        assert register.width <= WORDS_PER_QUANTITY * 32
        assert 0 <= register.fraction_bits < register.width


def test_full_scale_fits_with_the_declared_fraction():
    """A mean, a root, a power and a cycle of 253 samples of full scale fit in their registers."""
    for quantity in quantities(1):
        register, name = quantity.register, quantity.path[-1]
        whole_bits = register.width - 1 - register.fraction_bits
        if register.unit.endswith("full scale"):
            assert whole_bits >= 1, name
        if register.unit.endswith("sample"):
            # 20 years of sample sets at 10 120 a second, or one window.
            assert whole_bits >= (43 if register.width == WIDE_BITS else 8), name


def test_energies_hold_a_count_of_64_bits_above_a_residue_of_32_or_more():
    for quantity in quantities(3):
        if "energy" in quantity.path[-1]:
            assert quantity.register.width == 64 + 44
            assert quantity.register.fraction_bits == 2 * (LANE_BITS - 1)


def test_memory_map_has_each_quantity_at_its_place():
    for phases in (1, 3):
        listed = quantities(phases)
        resources = list(QuantityMemory(listed).bus.memory_map.resources())
        assert len(resources) == len(listed)
        for place, (quantity, (_, path, (start, end))) in enumerate(zip(listed, resources, strict=True)):
            assert tuple(path) == quantity.path
            assert (start, end) == (WORDS_PER_QUANTITY * place, WORDS_PER_QUANTITY * (place + 1))


def test_units_of_time_follow_the_constants():
    times = [q for q in quantities(1) if q.register.unit in ("sample", "Hz")]
    assert {q.path[-1] for q in times} == {"time", "length", "frequency"}
    assert {q.register.fraction_bits for q in times} == {Constants.time_bits}
