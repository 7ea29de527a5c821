from pathlib import Path

import numpy as np
import pytest

from sim.recordings.table import parse_table, split_cells, to_number
from sim.resample import FloatArray
from soc.errors import InputError


def _parse(rows: list[str], separator: str = ",") -> tuple[list[FloatArray], dict[int, str]]:
    return parse_table(Path("f"), ("a", "b"), rows, 10, separator)


def test_the_quick_and_the_careful_way_agree():
    random = np.random.default_rng(3)
    rows = [f"{a:.17g},{b:.17g}" for a, b in random.normal(0, 1e3, (500, 2))]
    quick, none = _parse(rows)
    careful, faults = _parse([*rows, "x,1"])
    assert none == {}
    assert faults == {0: "line 510 has 'x' in column 'a', where a number is needed"}
    np.testing.assert_array_equal(quick, np.array(careful)[:, :-1])


def test_the_first_fault_of_each_column_is_told():
    _, faults = _parse(["1,2", "1,x", ",y", "z,2"])
    assert faults == {
        0: "line 12 has nothing in column 'a', where a number is needed",
        1: "line 11 has 'x' in column 'b', where a number is needed",
    }


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["1,2", "1"], "f: line 11 has 1 cell where 2 are needed; the file was cut there"),
        (["1,2", "1,2,3", "1,2"], "f: line 11 has 3 cells where 2 are needed"),
        (["1,2", "", "1,2"], "f: line 11 is empty where 2 are needed"),
    ],
)
def test_rows_of_another_width(rows, sentence):
    with pytest.raises(InputError) as caught:
        _parse(rows)
    assert str(caught.value) == sentence


def test_cells():
    assert split_cells('"a b", c', ",") == ["a b", "c"]
    assert to_number("1,5", ";") == 1.5
    assert to_number("1,5", ",") is None
    assert to_number(" -2.5e3 ", ",") == -2500
    assert to_number("1_0", ",") is None


def test_an_underscore_is_part_of_no_number():
    _, faults = _parse(["1,2", "1_0,2"])
    assert faults == {0: "line 11 has '1_0' in column 'a', where a number is needed"}
