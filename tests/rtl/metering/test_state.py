"""Fields of the program's memory: their kinds, initial values and independence."""

from rtl.metering.state import State, Wide, Word


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
