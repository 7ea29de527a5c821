"""Work in several processes: in order, and an exception ends it."""

import multiprocessing
import os
import signal
import time

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


def slept(seconds):
    time.sleep(seconds)
    return seconds


def killed(number):
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_interruption_ends_what_the_processes_do():
    before = time.monotonic()
    found = each(slept, [0.0, 600.0, 600.0, 600.0], jobs=2)
    assert next(found) == 0.0
    with pytest.raises(KeyboardInterrupt):
        found.throw(KeyboardInterrupt)
    assert not multiprocessing.active_children()
    assert time.monotonic() - before < 300


def test_a_killed_process_is_told():
    with pytest.raises(InputError, match="One of 2 processes was killed from outside; give fewer jobs"):
        list(each(killed, [1, 2], jobs=2))
