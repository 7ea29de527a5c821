"""Fields of the program's memory: their kinds, initial values and independence."""

import pytest

from rtl.metering.state import Array, Dot, State, Wide, Word


class Inner(State):
    total: Wide = 5


class Outer(State):
    word: Word = -3
    wide: Wide = 1 << 100
    inner: Inner
    other: Inner


def test_fields_start_with_their_initial_values():
    outer = Outer()
    assert (outer.word, outer.wide, outer.inner.total) == (-3, 1 << 100, 5)


def test_kinds():
    assert (Outer.kind("word"), Outer.kind("wide"), Outer.kind("inner")) == (Word, Wide, Inner)
    assert Outer.kind("elaborate") is None


def test_states_are_apart():
    one, two = Outer(), Outer()
    one.word, one.inner.total = 7, 9
    assert (two.word, two.inner.total, one.other.total) == (-3, 5, 5)


def test_an_array_wraps_round():
    array = Array(8)
    array[3], array[-1], array[8] = 5, 6, 7
    assert [array[index] for index in range(8)] == [7, 0, 0, 5, 0, 0, 0, 6]
    assert (array[11], array[-5], array[-8]) == (5, 5, 7)


@pytest.mark.parametrize("length", [0, 3, -4, 12])
def test_lengths_that_cannot_wrap_are_refused(length):
    with pytest.raises(ValueError) as caught:
        Array(length)
    assert str(caught.value) == f"Length of an array must be a power of two, not {length}"


def test_entries_of_a_dot_product():
    assert list(Dot((1, 2, 3, 4, 5), 3).entries(1)) == [1, 2, 3]
    assert list(Dot((1, 2, 3, 4), 5, start=1).entries(3)) == [1, 0, 3, 2, 1]
    with pytest.raises(ValueError) as caught:
        Dot((1, 2, 3), 3, start=0)
    assert str(caught.value) == "Length of a table that wraps round must be a power of two, not 3"
