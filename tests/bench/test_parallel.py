"""Work in several processes: in order, and an exception ends it."""

import pytest

from bench.parallel import each
from soc.errors import InputError


def doubled(number):
    if number < 0:
        raise InputError(f"{number} is negative.")
    return 2 * number


@pytest.mark.parametrize("jobs", [1, 2])
def test_in_order(jobs):
    assert list(each(abs, [-3, 1, -2, 5], jobs=jobs)) == [3, 1, 2, 5]


def test_an_exception_of_one_ends_all():
    found = each(doubled, [1, -1, 2])
    assert next(found) == 2
    with pytest.raises(InputError, match="-1 is negative"):
        next(found)
    with pytest.raises(ZeroDivisionError):
        list(each((1).__truediv__, [1, 0, 2], jobs=2))
